//! What is written anew for a query, and what is refused. The whole of it runs against PostgreSQL in `tests/it`.

use std::collections::HashMap;
use std::sync::Arc;

use basic::{Object, Refusal, Value};
use domain::BotId;
use expect_test::{Expect, expect};
use uuid::Uuid;

use super::super::definition::Definition;
use super::Unwritten;

const TABLES: &str = r#"
TABLE orders
  id integer key
  guest integer
  total number(10,2)
  placed date
  seen datetime
  open boolean
  extra json
  notes string READ BY "manager"
END TABLE
TABLE guests
  id integer key
  name string(20)
  city string
END TABLE
TABLE secrets READ BY "manager"
  id integer key
END TABLE
"#;

fn written(text: &str, variables: &[(&str, Value)]) -> Result<String, Refusal> {
    let compiled = basic::compile("tables", TABLES);
    let mut declared: HashMap<String, Arc<Definition>> = compiled
        .tables
        .into_iter()
        .map(|table| {
            let name = table.name.clone();
            (name, Arc::new(Definition::new(BotId(Uuid::nil()), table)))
        })
        .collect();
    let variables: Object = variables.iter().cloned().collect();
    let query = super::read(text)?;
    let mut known = HashMap::new();
    let selected = loop {
        match query.write(&known, &variables, &["user"], 101) {
            Ok(selected) => break selected,
            Err(Unwritten::Refused(refusal)) => return Err(refusal),
            Err(Unwritten::Wants(table)) => match declared.remove(&table) {
                Some(definition) => known.insert(table, definition),
                None => return Err(super::unknown(&table)),
            },
        };
    };
    let schema = "\"bot_00000000000000000000000000000000\".";
    let columns: Vec<String> = selected
        .columns
        .iter()
        .map(|(name, kind)| format!("{name}: {kind:?}"))
        .collect();
    let values: Vec<&str> = selected
        .sql
        .values
        .iter()
        .map(|value| value.as_deref().unwrap_or("null"))
        .collect();
    Ok(format!(
        "{}\n  {}\n  {}",
        selected.sql.text.replace(schema, ""),
        columns.join(", "),
        match values.as_slice() {
            [] => "nothing bound".to_owned(),
            values => values.join(" | "),
        }
    ))
}

fn check(queries: &[(&str, &[(&str, Value)])], expected: &Expect) {
    let mut all = String::new();
    for (query, variables) in queries {
        let written = written(query, variables)
            .unwrap_or_else(|refusal| format!("{}: {}", refusal.code, refusal.message));
        all.push_str(&written);
        all.push('\n');
    }
    expected.assert_eq(&all);
}

#[test]
fn what_is_known_is_written_anew_with_its_values_bound() {
    check(
        &[
            ("SELECT SUM(total) FROM orders", &[]),
            (
                "SELECT g.city, SUM(o.total) AS total, COUNT(*) FROM orders o JOIN guests g ON o.guest = g.id \
                 WHERE o.placed >= since AND g.name <> \"Ana\" GROUP BY g.city HAVING COUNT(*) > 1 \
                 ORDER BY total DESC, 1 LIMIT most",
                &[("since", Value::from("2026-05-01")), ("most", Value::Integer(5))],
            ),
            (
                "SELECT * FROM orders WHERE id IN (wanted) AND NOT open",
                &[(
                    "wanted",
                    Value::Array([Value::Integer(1), Value::from("2")].into_iter().collect()),
                )],
            ),
            (
                "SELECT name FROM guests WHERE name = name OR city LIKE 'P%' OR guests.city = guests.name",
                &[("name", Value::from("x' OR '1'='1"))],
            ),
            (
                "SELECT CASE WHEN total > 10.5 THEN 'much' ELSE \"little\" END AS size, extra.boat, \
                 YEAR(placed), total * 2 + 1, placed - DATE '2026-01-01' AS days FROM orders ORDER BY id",
                &[],
            ),
            (
                "SELECT name FROM guests g WHERE EXISTS (SELECT id FROM orders WHERE guest = g.id AND total > 5)",
                &[],
            ),
            (
                "SELECT date_trunc('month', placed) AS m, COUNT(*) FROM orders GROUP BY date_trunc('month', placed)",
                &[],
            ),
            (
                "SELECT COALESCE(city, 'none') AS c, COUNT(DISTINCT name) FROM guests GROUP BY c",
                &[],
            ),
        ],
        &expect![[r#"
            select c1::text from (select (sum("orders"."total")) as c1 from "orders" as "orders") as q(c1) limit 101
              sum: Decimal { digits: None, scale: 0 }
              nothing bound
            select c1::text, c2::text, c3::bigint from (select "g"."city" as c1, (sum("o"."total")) as c2, (count(*))::bigint as c3 from "orders" as "o" join "guests" as "g" on ("o"."guest" = "g"."id") where (("o"."placed" >= $1::date) and ("g"."name" <> $2::text)) group by "g"."city" having ((count(*))::bigint > $3::bigint) order by c2 desc nulls last, c1 nulls last limit 5) as q(c1, c2, c3) limit 101
              city: Text { length: None }, total: Decimal { digits: None, scale: 0 }, count: Integer
              2026-05-01 | Ana | 1
            select c1::bigint, c2::bigint, c3::text, c4::date, c5::timestamptz, c6::boolean, c7::text from (select "orders"."id" as c1, "orders"."guest" as c2, "orders"."total" as c3, "orders"."placed" as c4, "orders"."seen" as c5, "orders"."open" as c6, "orders"."extra" as c7 from "orders" as "orders" where (("orders"."id" in ($1::bigint, $2::bigint)) and (not "orders"."open"))) as q(c1, c2, c3, c4, c5, c6, c7) limit 101
              id: Integer, guest: Integer, total: Decimal { digits: None, scale: 0 }, placed: Date, seen: DateTime, open: Boolean, extra: Json
              1 | 2
            select c1::text from (select "guests"."name" as c1 from "guests" as "guests" where ((("guests"."name" = $1::text) or (("guests"."city")::text like ($2::text)::text)) or ("guests"."city" = "guests"."name"))) as q(c1) limit 101
              name: Text { length: None }
              x' OR '1'='1 | P%
            select c1::text, c2::text, c3::bigint, c4::text, c5::bigint from (select (case when ("orders"."total" > $3::numeric) then $1::text else $2::text end) as c1, ("orders"."extra" #>> $4::text[]) as c2, extract(year from ("orders"."placed")::timestamp)::bigint as c3, (("orders"."total" * $5::bigint) + $6::bigint) as c4, ("orders"."placed" - $7::date)::bigint as c5 from "orders" as "orders" order by "orders"."id" nulls last) as q(c1, c2, c3, c4, c5) limit 101
              size: Text { length: None }, boat: Text { length: None }, year: Integer, column4: Decimal { digits: None, scale: 0 }, days: Integer
              much | little | 10.5 | {"boat"} | 2 | 1 | 2026-01-01
            select c1::text from (select "g"."name" as c1 from "guests" as "g" where (exists (select "orders"."id" as c1 from "orders" as "orders" where (("orders"."guest" = "g"."id") and ("orders"."total" > $1::numeric))))) as q(c1) limit 101
              name: Text { length: None }
              5
            select c1::timestamptz, c2::bigint from (select (date_trunc('month', ("orders"."placed")::timestamp) at time zone 'UTC') as c1, (count(*))::bigint as c2 from "orders" as "orders" group by (date_trunc('month', ("orders"."placed")::timestamp) at time zone 'UTC')) as q(c1, c2) limit 101
              m: DateTime, count: Integer
              nothing bound
            select c1::text, c2::bigint from (select coalesce("guests"."city", $1::text) as c1, (count(distinct "guests"."name"))::bigint as c2 from "guests" as "guests" group by 1) as q(c1, c2) limit 101
              c: Text { length: None }, count: Integer
              none
        "#]],
    );
}

#[test]
fn everything_else_is_refused() {
    check(
        &[
            ("SELECT 1", &[]),
            ("SELECT * FROM log.events", &[]),
            ("SELECT * FROM pg_catalog.pg_user", &[]),
            ("SELECT * FROM pg_user", &[]),
            ("SELECT * FROM orders; DROP TABLE orders", &[]),
            ("SELECT * INTO x FROM orders", &[]),
            ("SELECT * FROM orders FOR UPDATE", &[]),
            (
                "WITH x AS (DELETE FROM orders RETURNING id) SELECT id FROM orders",
                &[],
            ),
            ("SELECT id FROM orders UNION SELECT id FROM guests", &[]),
            ("SELECT pg_sleep(10) FROM orders", &[]),
            ("SELECT pg_catalog.pg_sleep(10) FROM orders", &[]),
            ("SELECT pg_read_file('/etc/passwd') FROM orders", &[]),
            ("SELECT current_setting('app.tenant') FROM orders", &[]),
            ("SELECT id FROM generate_series(1, 10) id", &[]),
            ("SELECT id FROM (SELECT id FROM orders) o", &[]),
            (
                "SELECT id FROM orders WHERE guest IN (SELECT usesysid FROM pg_user)",
                &[],
            ),
            ("SELECT (SELECT passwd FROM pg_shadow LIMIT 1) FROM orders", &[]),
            ("SELECT id, row_number() OVER (ORDER BY id) FROM orders", &[]),
            ("SELECT \"__subject\" FROM orders", &[]),
            ("SELECT __subject FROM orders", &[]),
            ("SELECT notes FROM orders", &[]),
            ("SELECT id FROM orders WHERE notes = 'x'", &[]),
            ("SELECT id FROM orders ORDER BY notes", &[]),
            ("SELECT COUNT(notes) FROM orders", &[]),
            ("SELECT id FROM secrets", &[]),
            ("SELECT id FROM guests WHERE EXISTS (SELECT id FROM secrets)", &[]),
            ("SELECT id FROM orders, guests", &[]),
            ("SELECT orders.id, guests.id FROM orders, guests", &[]),
            ("SELECT nothing FROM orders", &[]),
            ("SELECT id::regclass FROM orders", &[]),
            ("SELECT id FROM orders WHERE name ~ 'a'", &[]),
            ("SELECT ctid FROM orders", &[]),
            ("SELECT id FROM orders WHERE total", &[]),
            ("SELECT id FROM orders LIMIT 'all'", &[]),
            ("SELECT id FROM orders LIMIT -1", &[]),
            ("SELECT FROM WHERE", &[]),
            ("SELECT id FROM orders WHERE placed > 'soon'", &[]),
            ("DELETE FROM orders", &[]),
            ("SELECT id FROM orders JOIN guests USING (id)", &[]),
            ("SELECT id FROM orders NATURAL JOIN guests", &[]),
            ("SELECT o.* FROM orders p", &[]),
            ("SELECT id FROM orders TABLESAMPLE SYSTEM (10)", &[]),
            ("SELECT id FROM ONLY orders", &[]),
        ],
        &expect![[r#"
            select_refused: SELECT without FROM is not among what SELECT may do here
            select_refused: a table of another schema is not among what SELECT may do here
            select_refused: a table of another schema is not among what SELECT may do here
            table_unknown: the bot has no table `pg_user`; TABLE declares one
            select_refused: anything but one SELECT is not among what SELECT may do here
            select_refused: INTO is not among what SELECT may do here
            select_refused: FOR UPDATE is not among what SELECT may do here
            select_refused: WITH is not among what SELECT may do here
            select_refused: UNION is not among what SELECT may do here
            function_unknown: SELECT knows no function pg_sleep with 1 arguments here
            select_refused: a function of another schema is not among what SELECT may do here
            function_unknown: SELECT knows no function pg_read_file with 1 arguments here
            function_unknown: SELECT knows no function current_setting with 1 arguments here
            select_refused: a function in place of a table is not among what SELECT may do here
            select_refused: a SELECT in place of a table is not among what SELECT may do here
            table_unknown: the bot has no table `pg_user`; TABLE declares one
            table_unknown: the bot has no table `pg_shadow`; TABLE declares one
            select_refused: OVER is not among what SELECT may do here
            select c1::text from (select $1::text as c1 from "orders" as "orders") as q(c1) limit 101
              __subject: Text { length: None }
              __subject
            field_unknown: `__subject` is no field of these tables and no variable
            field_forbidden: notes may not be read with this role
            field_forbidden: notes may not be read with this role
            field_forbidden: notes may not be read with this role
            field_forbidden: notes may not be read with this role
            table_forbidden: secrets may not be read with this role
            table_forbidden: secrets may not be read with this role
            field_ambiguous: `id` is a field of orders and of guests; say which with its table: orders.id
            select_names: `id` is selected twice; name one of the two with AS
            field_unknown: `nothing` is no field of these tables and no variable
            select_refused: a cast to this type is not among what SELECT may do here
            select_refused: this operator is not among what SELECT may do here
            field_unknown: `ctid` is no field of these tables and no variable
            condition_wanted: a condition is wanted, which is TRUE or FALSE
            limit_refused: LIMIT and OFFSET take a number of rows
            limit_refused: LIMIT and OFFSET take a number of rows
            select_unclear: SELECT cannot be read: Expected: table name, found: WHERE at Line: 1, Column: 13
            value_refused: the value takes a date such as 2026-12-01, not `soon`
            select_refused: anything but one SELECT is not among what SELECT may do here
            select_refused: a JOIN without ON is not among what SELECT may do here
            select_refused: a JOIN without ON is not among what SELECT may do here
            table_unknown: the bot has no table `o`; TABLE declares one
            select_refused: what stands behind the table is not among what SELECT may do here
            select_refused: what stands behind the table is not among what SELECT may do here
        "#]],
    );
}

#[test]
fn deep_and_long_ones_are_refused_and_end_nothing() {
    let chained = format!("SELECT id FROM orders WHERE id = 1{}", " OR id = 1".repeat(900));
    assert_eq!(
        written(&chained, &[]).map_err(|refusal| refusal.code),
        Err("select_refused".into())
    );
    let nested = format!("SELECT {}1{} FROM orders", "(".repeat(2_000), ")".repeat(2_000));
    assert_eq!(
        written(&nested, &[]).map_err(|refusal| refusal.code),
        Err("select_unclear".into())
    );
    let long = format!("SELECT id FROM orders WHERE id = 1{}", " OR id = 1".repeat(9_000));
    assert_eq!(
        written(&long, &[]).map_err(|refusal| refusal.code),
        Err("select_unclear".into())
    );
}

#[test]
fn what_is_said_once_is_written_once() {
    let between = format!(
        "SELECT id FROM orders WHERE open{}",
        " BETWEEN TRUE AND TRUE".repeat(90)
    );
    let mut cases = "id".to_owned();
    for _ in 0..20 {
        cases = format!("CASE {cases} WHEN 1 THEN 2 WHEN 3 THEN 4 WHEN 5 THEN 6 ELSE 7 END");
    }
    for query in [between, format!("SELECT {cases} AS n FROM orders")] {
        let written = written(&query, &[]).expect("it is written");
        assert!(written.len() < 3 * query.len(), "{}", written.len());
    }
    let many = format!("SELECT id FROM orders WHERE id IN (ids{})", ", ids".repeat(9));
    let ids = |count: i64| Value::Array((0..count).map(Value::Integer).collect());
    let refused =
        |query: &str, count: i64| written(query, &[("ids", ids(count))]).map_err(|refusal| refusal.message);
    for (query, count) in [
        (many.as_str(), 101),
        ("SELECT id FROM orders WHERE id IN (ids)", 100_000),
    ] {
        let message = refused(query, count).expect_err("the list is too long");
        assert!(
            message.starts_with("a list of more than 1000 values"),
            "{message}"
        );
    }
    let lists = ["id IN (ids)"; 6].join(" OR ");
    let message =
        refused(&format!("SELECT id FROM orders WHERE {lists}"), 1_000).expect_err("there are too many");
    assert!(message.starts_with("more than 5000 expressions"), "{message}");
}

#[test]
fn a_query_may_stand_wherever_a_value_may() {
    for query in [
        "SELECT o.id FROM orders o JOIN orders p ON o.id = (SELECT MAX(id) FROM guests)",
        "SELECT id FROM orders ORDER BY (SELECT MAX(id) FROM guests)",
        "SELECT COUNT(*) FROM orders GROUP BY (SELECT MAX(id) FROM guests)",
        "SELECT id FROM guests WHERE name LIKE (SELECT MAX(city) FROM guests)",
        "SELECT id FROM orders WHERE 'a' ILIKE (SELECT MAX(city) FROM guests)",
        "SELECT SUBSTRING((SELECT MAX(city) FROM guests) FROM 2) AS s FROM orders",
        "SELECT TRIM((SELECT MAX(city) FROM guests)) AS s FROM orders",
        "SELECT POSITION('a' IN (SELECT MAX(city) FROM guests)) AS s FROM orders",
        "SELECT EXTRACT(YEAR FROM (SELECT MAX(placed) FROM orders)) AS s FROM guests",
        "SELECT CEIL((SELECT MAX(total) FROM orders)) AS s FROM guests",
        "SELECT FLOOR((SELECT MAX(total) FROM orders)) AS s FROM guests",
    ] {
        written(query, &[]).unwrap_or_else(|refusal| panic!("{query}: {}", refusal.message));
    }
}
