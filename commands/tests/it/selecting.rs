//! SELECT as scripts write it, against PostgreSQL: what it answers, and that nothing else is reached by it.

use crate::world::{World, say};

const TABLES: &str = r#"
TABLE guests
  id integer key
  name string(20)
  city string
END TABLE
TABLE orders
  id integer key
  guest integer
  total number(10,2)
  weight double
  placed date
  seen datetime
  open boolean
  extra json
  remark string READ BY "manager"
END TABLE
INSERT "guests", {id: 1, name: "Ana", city: "Porto"}
INSERT "guests", {id: 2, name: "Rui", city: "Faro"}
INSERT "guests", {id: 3, name: "Eva", city: "Porto"}
INSERT "orders", {id: 1, guest: 1, total: 10.5, weight: 1.5, placed: "2026-05-01", seen: "2026-05-01 10:30", open: TRUE, extra: {boat: "Gaivota"}}
INSERT "orders", {id: 2, guest: 1, total: 20, weight: 2, placed: "2026-05-20", open: FALSE}
INSERT "orders", {id: 3, guest: 2, total: 7, placed: "2026-06-02", open: TRUE}
"#;

/// Runs a script after one word and compares what it says.
async fn says(script: &str, expected: &[&str]) {
    let world = World::new().await;
    let process = world.process().await;
    let bot = world.bot(&process, &format!("{TABLES}{script}")).await;
    let visitor = world.visitor(&process, bot).await;
    say(&process, &visitor, "hello").await;
    let with_answer: Vec<&str> = expected.iter().copied().chain(["No idea."]).collect();
    world.hears(&with_answer).await;
}

#[tokio::test]
async fn a_query_answers_what_it_says() {
    says(
        r#"
x = SELECT SUM(total) FROM orders
TALK x.sum
x = SELECT COUNT(*) AS many, AVG(total) AS mean, MIN(placed) AS first, MAX(weight) AS most FROM orders WHERE guest = 1
TALK x.many + " " + x.mean + " " + YEAR(x.first) + " " + x.most
rows = SELECT g.city, SUM(o.total) AS total FROM guests g LEFT JOIN orders o ON o.guest = g.id GROUP BY g.city ORDER BY total DESC
FOR EACH row IN rows
  TALK row.city + " " + row.total
NEXT
name = "Ana"
since = "2026-05-10"
rows = SELECT o.id, o.placed FROM orders o JOIN guests g ON g.id = o.guest WHERE g.name = name AND o.placed >= since
TALK UBOUND(rows) + " " + rows.id + " " + MONTH(rows.placed)
wanted = [1, 3]
rows = SELECT id FROM orders WHERE id IN (wanted) ORDER BY id DESC LIMIT 1
TALK UBOUND(rows) + " " + rows.id
rows = SELECT * FROM orders WHERE id = 1
TALK rows.total + " " + rows.extra.boat + " " + rows.open + " " + HOUR(rows.seen) + " " + rows.remark
rows = SELECT YEAR(placed) AS y, MONTH(placed) AS m, COUNT(*) AS n FROM orders GROUP BY y, m ORDER BY y, m
TALK UBOUND(rows) + " " + rows[0].n + " " + rows[1].m
rows = SELECT name, CASE WHEN EXISTS (SELECT id FROM orders WHERE guest = guests.id AND open) THEN "open" ELSE "none" END AS state FROM guests WHERE city IN (SELECT city FROM guests WHERE name = "Ana") ORDER BY name
TALK rows[0].name + " " + rows[0].state + " " + rows[1].name + " " + rows[1].state
rows = SELECT UPPER(name) AS n, LENGTH(city) AS l, ROUND(1.256, 2) AS r, COALESCE(NULLIF(city, "Faro"), "-") AS c FROM guests WHERE name ILIKE "r%"
TALK rows.n + " " + rows.l + " " + rows.r + " " + rows.c
rows = SELECT id, placed + 30 AS due, placed - "2026-05-01" AS days FROM orders WHERE extra.boat = "Gaivota"
TALK MONTH(rows.due) + " " + rows.days
rows = SELECT id FROM orders WHERE placed > CURRENT_DATE - 400 AND total * 2 > 13 ORDER BY total
TALK UBOUND(rows)
rows = SELECT id, CASE guest WHEN 1 THEN "first" WHEN "2" THEN "second" END AS who FROM orders WHERE total NOT BETWEEN 8 AND "15" ORDER BY id
TALK UBOUND(rows) + " " + rows[0].who + " " + rows[1].who
rows = SELECT id FROM orders WHERE id = 99
TALK UBOUND(rows)
rows = SELECT string_agg(name, ", ") AS names, COUNT(DISTINCT city) AS cities FROM guests
TALK rows.cities
rows = SELECT DATE_TRUNC("month", placed) AS m, COUNT(*) FILTER (WHERE open) AS opened FROM orders GROUP BY DATE_TRUNC("month", placed) ORDER BY m
TALK MONTH(rows[0].m) + " " + rows[0].opened
rows = SELECT TO_CHAR(placed, "YYYY-MM") AS m, EXTRACT(day FROM placed) AS d FROM orders WHERE id = 2
TALK rows.m + " " + rows.d
rows = SELECT DISTINCT city FROM guests ORDER BY city
TALK rows[0].city + " " + rows[1].city
"#,
        &[
            "37.5",
            "2 15.25 2026 2",
            "Porto 30.5",
            "Faro 7",
            "1 2 5",
            "1 3",
            "10.5 Gaivota true 10 ",
            "2 2 6",
            "Ana open Eva none",
            "RUI 4 1.26 -",
            "5 0",
            "3",
            "2 first second",
            "0",
            "2",
            "5 1",
            "2026-05 20",
            "Faro Porto",
        ],
    )
    .await;
}

#[tokio::test]
async fn what_a_query_may_not_do_is_a_mistake_with_a_code() {
    says(
        r#"
ON ERROR RESUME NEXT
evil = "x' OR '1'='1"
rows = SELECT id FROM guests WHERE name = evil
TALK UBOUND(rows)
rows = SELECT * FROM pg_user
TALK ERROR MESSAGE
rows = SELECT remark FROM orders
TALK ERROR MESSAGE
rows = SELECT pg_sleep(1) FROM guests
TALK ERROR MESSAGE
rows = SELECT total / 0 FROM orders
TALK ERROR MESSAGE
rows = SELECT city, name FROM guests GROUP BY city
m = ERROR MESSAGE
TALK LEFT(m, 40)
TALK "on"
"#,
        &[
            "0",
            "the bot has no table `pg_user`; TABLE declares one (table_unknown)",
            "remark may not be read with this role (field_forbidden)",
            "SELECT knows no function pg_sleep with 1 arguments here (function_unknown)",
            "division by zero (value_refused)",
            "column \"guests.name\" must appear in the ",
            "on",
        ],
    )
    .await;
}
