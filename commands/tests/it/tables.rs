//! Tables of bots: every statement, who may do what, what is changed exactly once, and what is recorded.

use commands::Extent;
use domain::run::{DataOperation, DataStatement, RowKeys, RunEvent};

use crate::observing::Fact;
use crate::world::{World, say};

const GUESTS: &str = r#"
TABLE guests
  id integer key
  name string(20)
  email string unique
  berth integer
  paid number(10,2)
  born date
  seen datetime
  member boolean
  extra json
END TABLE
"#;

/// Runs a script after one word and compares what it says.
async fn says(script: &str, expected: &[&str]) -> World {
    let world = World::new().await;
    let process = world.process().await;
    let bot = world.bot(&process, &format!("{GUESTS}{script}")).await;
    let visitor = world.visitor(&process, bot).await;
    say(&process, &visitor, "hello").await;
    let with_answer: Vec<&str> = expected.iter().copied().chain(["No idea."]).collect();
    world.hears(&with_answer).await;
    world
}

#[tokio::test]
async fn rows_are_kept_found_changed_and_deleted() {
    says(
        r#"
name = "Ana"
email = "ana@example.org"
row = SAVE "guests", name, email
TALK row.id + " " + row.name
INSERT INTO "guests" WITH name = "Rui", email = "rui@example.org", berth = 7, paid = 10.5, born = "1990-05-01", member = TRUE, extra = {boat: "Gaivota", length: 12}
INSERT INTO "guests" VALUES {name: "Eva", berth: 3, seen: "2026-11-29 10:00"}
all = FIND "guests"
TALK UBOUND(all) + " guests, the first is " + all.name
rui = FIND "guests", "email=rui@example.org"
TALK rui.berth + " " + rui.paid + " " + YEAR(rui.born) + " " + rui.member + " " + rui.extra.boat
TALK FIND("guests", "berth", 3)[0].name
some = FIND "guests" WHERE berth >= 3 AND (name = "Rui" OR name LIKE "e%") ORDER BY berth DESC LIMIT 5
FOR EACH guest IN some
  TALK guest.name
NEXT
one = FIND "guests" WHERE berth IS NULL FIRST
TALK one.name
none = FIND "guests" WHERE name = "Nobody" FIRST
TALK none IS NULL
TALK FIND("guests", "extra.boat = 'Gaivota'").name
TALK UPDATE("guests", "name='Ana'", {berth: 9})
UPDATE "guests" SET paid = 5, member = TRUE WHERE name = "Ana"
UPDATE "guests", 3, "name", "Eva B."
TALK FIND("guests", "id", 3)[0].name
SAVE "guests", {id: 1, name: "Ana C."}
ana = FIND "guests", "id=1"
TALK ana.name + " " + ana.berth + " " + ana.paid
TALK AGGREGATE("guests", "COUNT", "id") + " " + AGGREGATE("SUM", "guests", "paid") + " " + AGGREGATE("guests", "MAX", "berth", "name LIKE '%u%'")
gone = DELETE "guests", "id=3"
TALK gone
DELETE FROM "guests" WHERE name = "Rui"
TALK UBOUND(FIND("guests"))
TALK SEARCH("guests", "ANA").email
SET "guests", "id = 1", "name = 'D, E', berth = 4"
TALK FIND("guests", "id=1").name
"#,
        &[
            "1 Ana",
            "3 guests, the first is Ana",
            "7 10.5 1990 true Gaivota",
            "Eva",
            "Rui",
            "Eva",
            "Ana",
            "true",
            "Rui",
            "1",
            "Eva B.",
            "Ana C. 9 5",
            "3 15.5 7",
            "1",
            "1",
            "ana@example.org",
            "D, E",
        ],
    )
    .await;
}

#[tokio::test]
async fn fields_are_computed_from_what_they_were() {
    says(
        r#"
SAVE "guests", {id: 1, name: "Ana", berth: 7, paid: 10.5}
SAVE "guests", {id: 2, name: "Rui"}
taken = 2
TALK UPDATE "guests" SET berth = berth - taken, paid = (paid + 1) * 2 - MAX(1, 2), name = name + "!" WHERE id > 0
ana = FIND "guests", "id=1"
TALK ana.berth + " " + ana.paid + " " + ana.name
rui = FIND "guests", "id=2"
TALK rui.berth + " " + rui.paid
UPDATE "guests" SET berth = -berth / 2 WHERE id = 2
TALK FIND("guests", "id=2").berth
ON ERROR RESUME NEXT
UPDATE "guests" SET name = name - 1 WHERE id = 1
TALK ERROR MESSAGE
CLEAR ERROR
UPDATE "guests" SET berth = berth + "x'; drop table guests; --" WHERE id = 1
TALK ERROR MESSAGE
CLEAR ERROR
UPDATE "guests" SET born = born + 1 WHERE id = 1
TALK ERROR MESSAGE
CLEAR ERROR
UPDATE "guests" SET berth = berth / 0 WHERE id = 1
TALK ERROR MESSAGE
TALK FIND("guests", "id=1").berth
"#,
        &[
            "2",
            "5 21 Ana!",
            "-2 0",
            "1",
            "- does not go with this field; texts are joined by + or & (value_refused)",
            "`x'; drop table guests; --` is no number to compute with (value_refused)",
            "born is a date such as 2026-12-01 and cannot be computed from what it was (value_refused)",
            "division by zero (value_refused)",
            "5",
        ],
    )
    .await;
}

#[tokio::test]
async fn many_rows_are_merged_by_a_key_in_one_statement() {
    let world = says(
        r#"
INSERT "guests", {name: "Ana", email: "a@x.org", berth: 1}
rows = []
FOR i = 1 TO 300
  PUSH rows, {email: "g" + i + "@x.org", name: "Guest " + i}
NEXT
PUSH rows, {email: "a@x.org", name: "Ana B."}
PUSH rows, {email: "g1@x.org", name: "Guest one"}
result = MERGE "guests" WITH rows BY "email"
TALK result.inserted + " " + result.updated
result = MERGE "guests", [{email: "g2@x.org", berth: 2}, {email: "new@x.org", name: "New"}], "email"
TALK result.inserted + " " + result.updated
TALK FIND("guests", "email=a@x.org").name + FIND("guests", "email=a@x.org").berth
TALK FIND("guests", "email=g1@x.org").name + ", " + FIND("guests", "email=g2@x.org").name
TALK AGGREGATE("guests", "COUNT", "*")
"#,
        &["300 1", "1 1", "Ana B.1", "Guest one, Guest 2", "302"],
    )
    .await;
    let statements: Vec<_> = statements(&world)
        .await
        .into_iter()
        .map(|made| (made.operation, made.rows, made.added))
        .collect();
    assert_eq!(
        statements,
        [
            (DataOperation::Insert, 1, None),
            (DataOperation::Merge, 301, Some(300)),
            (DataOperation::Merge, 2, Some(1))
        ],
        "each statement is recorded"
    );
}

#[tokio::test]
async fn of_rows_with_the_same_key_the_last_counts() {
    says(
        r#"
MERGE "guests", [{id: 5, name: "Ana"}, {id: 6, name: "Rui"}]
made = MERGE "guests", [{id: 5, name: "Ana B."}, {id: 7, name: "Eva"}, {id: 5, name: "Ana C."}, {id: 7, berth: 3}], "id"
TALK made.inserted + " " + made.updated
rows = FIND "guests" ORDER BY id
TALK rows[0].name + " " + rows[2].name + " " + rows[2].berth
INSERT "guests", {name: "Next"}
TALK FIND("guests", "name=Next").id
"#,
        &["1 2", "Ana C. Eva 3", "8"],
    )
    .await;
}

#[tokio::test]
async fn what_a_turn_is_answered_is_limited_together() {
    says(
        r#"
TABLE notes
  id integer key
  said string
END TABLE
said = "x"
FOR n = 1 TO 20
  said = said + said
NEXT
SAVE "notes", {id: 1, said: said}
ON ERROR RESUME NEXT
FOR n = 1 TO 70
  rows = FIND "notes"
NEXT
TALK ERROR MESSAGE
"#,
        &["this turn was answered more than 64 MiB together; ask for less, with WHERE or LIMIT (answers_too_large)"],
    )
    .await;
}

/// What was recorded of changes to tables, in order.
async fn statements(world: &World) -> Vec<DataStatement> {
    let facts = world.facts().await;
    let recorded = facts.into_iter().filter_map(|fact| match fact {
        Fact::Run(_, RunEvent::Recorded(recording)) => recording.statement,
        _ => None,
    });
    recorded.collect()
}

#[tokio::test]
async fn the_record_says_which_rows_where_they_are_few_and_tell_of_nobody_else() {
    let world = says(
        r#"
TABLE members
  email string key
  name string
  owner string subject
END TABLE
SAVE "guests", {id: 7, name: "Ana"}
SAVE "guests", {id: 7, name: "Ana B."}
INSERT "guests", {name: "Rui"}
MERGE "guests", [{id: 7, name: "Ana"}, {id: 9, name: "Eva"}], "id"
UPDATE "guests" SET berth = 2 WHERE id >= 8
DELETE FROM "guests" WHERE name = "Ana"
rows = []
FOR i = 100 TO 200
  PUSH rows, {id: i}
NEXT
MERGE "guests", rows, "id"
INSERT "members", {email: "own@x.org", name: "Own"}
INSERT "members", {email: "other@x.org", name: "Other", owner: "0195fbbd-0000-7000-8000-000000000009"}
UPDATE "members" SET name = "Any" WHERE email LIKE "o%"
UPDATE "members" SET name = "Own" WHERE email = "own@x.org"
"#,
        &[],
    )
    .await;
    let made = statements(&world).await;
    let bot = made[0].bot_id;
    assert!(bot.is_some() && made.iter().all(|made| made.bot_id == bot));
    let texts = |keys: &[&str]| keys.iter().map(|key| (*key).to_owned()).collect::<Vec<_>>();
    let added = |keys: &[&str]| RowKeys {
        added: texts(keys),
        ..RowKeys::default()
    };
    let changed = |keys: &[&str]| RowKeys {
        changed: texts(keys),
        ..RowKeys::default()
    };
    let keys: Vec<Option<RowKeys>> = made
        .iter()
        .map(|made| made.keys.as_ref().and_then(|keys| keys.clear().cloned()))
        .collect();
    let expected = [
        Some(added(&["7"])),
        Some(changed(&["7"])),
        Some(added(&["8"])),
        Some(RowKeys {
            added: texts(&["9"]),
            ..changed(&["7"])
        }),
        Some(changed(&["8", "9"])),
        Some(RowKeys {
            deleted: texts(&["7"]),
            ..RowKeys::default()
        }),
        // More than are named.
        None,
        Some(added(&["own@x.org"])),
        // Of somebody else, whom what is sealed for this person would outlive.
        None,
        None,
        Some(changed(&["own@x.org"])),
    ];
    assert_eq!(keys, expected);
}

#[tokio::test]
async fn nothing_that_is_given_becomes_sql_or_a_condition() {
    says(
        r#"
INSERT "guests", {name: "Ana", email: "ana@x.org"}
INSERT "guests", {name: "Rui", email: "rui@x.org"}
evil = "x' OR '1'='1"
TALK UBOUND(FIND("guests", "name='" + evil + "'"))
TALK UBOUND(FILTER(FIND("guests"), "name='" + evil + "'"))
said = "B', berth='9"
SET "guests", "name='Ana'", "name='" + said + "', paid=" + "3"
row = FIND "guests", "email=ana@x.org"
TALK row.name + "|" + row.berth + "|" + row.paid
SET "guests", "email='ana@x.org'", "name='Ana'"
TALK UBOUND(FIND("guests", "name=${evil}"))
found = FIND "guests" WHERE name = evil
TALK UBOUND(found)
evil = "'; DROP TABLE guests; --"
INSERT "guests", {name: "Eva", email: evil}
TALK FIND("guests", "email", evil)[0].name
TALK UBOUND(FIND("guests"))
ON ERROR RESUME NEXT
x = FIND "guests; drop table guests", "a=1"
TALK ERROR MESSAGE
x = FIND "guests" WHERE "name""; drop" = 1
TALK ERROR MESSAGE
x = FIND "guests" ORDER BY "name; drop table guests"
TALK ERROR MESSAGE
TALK UBOUND(FIND("guests"))
"#,
        &[
            "0",
            "0",
            "B', berth='9||3",
            "0",
            "0",
            "Eva",
            "3",
            "the bot has no table `guests; drop table guests`; TABLE declares one (table_unknown)",
            "guests has no field `name\"; drop`; there are id, name, email, berth, paid, born, seen, member, extra \
             (field_unknown)",
            "guests has no field `name; drop table guests`; there are id, name, email, berth, paid, born, seen, \
             member, extra (field_unknown)",
            "3",
        ],
    )
    .await;
}

#[tokio::test]
async fn mistakes_are_told_and_change_nothing() {
    says(
        r#"
ON ERROR RESUME NEXT
INSERT "guests", {name: "Ana", email: "ana@x.org"}
INSERT "guests", {name: "Bea", email: "ana@x.org"}
TALK ERROR MESSAGE
INSERT "guests", {berth: "seven"}
TALK ERROR MESSAGE
INSERT "guests", {born: "yesterday"}
TALK ERROR MESSAGE
INSERT "guests", {name: "a name that is longer than its field"}
TALK ERROR MESSAGE
INSERT "guests", {boat: 1}
TALK ERROR MESSAGE
DELETE "guests"
TALK ERROR MESSAGE
INSERT "guests", {paid: 123456789012}
TALK ERROR MESSAGE
INSERT "guests", {name: "", berth: "", paid: NULL}
TALK UBOUND(FIND("guests"))
x = AGGREGATE("SUM", "guests", "name")
TALK ERROR MESSAGE
x = FIND "guests" WHERE name.first = "Ana"
TALK ERROR MESSAGE
x = MERGE("guests", [{}], "id")
TALK ERROR MESSAGE
filter = {}
x = DELETE("guests", filter)
TALK ERROR MESSAGE
UPDATE "guests" SET berth = 5 WHERE filter
TALK ERROR MESSAGE
email = ""
FOR i = 1 TO 600
  email = email + GUID()
NEXT
INSERT "guests", {email: email}
TALK UBOUND(FIND("guests"))
TALK AGGREGATE("guests", "MIN", "name") + "|"
x = FIND "guests" WHERE paid < 1000000000000 OR berth > 2.5 OR berth IN (1, NULL, 3)
TALK UBOUND(x)
x = MERGE("guests", [{id: 20, name: "Tio"}, {id: 21, name: "Una"}])
row = SAVE("guests", {name: "Vic"})
TALK row.id
named = "name"
who = "Vic' OR 1 = 1 OR name = '"
TALK UBOUND(FIND("guests", named + " = '" + who + "'"))
x = UPDATE("guests", "id <> 0", "berth", 1)
TALK ERROR MESSAGE
"#,
        &[
            "there is a row with the same key already (row_exists)",
            "berth takes a whole number, not `seven` (value_refused)",
            "born takes a date such as 2026-12-01, not `yesterday` (value_refused)",
            "name takes at most 20 characters (value_refused)",
            "guests has no field `boat`; there are id, name, email, berth, paid, born, seen, member, extra \
             (field_unknown)",
            "DELETE needs a condition that says which rows; WHERE TRUE would be all of them (condition_wanted)",
            "numeric field overflow (value_refused)",
            "2",
            "SUM does not go with name, which is a text (aggregate_kind)",
            "name is no JSON, so it has no part `name.first` (field_unknown)",
            "a row has no fields: { name: value } (row_missing)",
            "DELETE needs a condition that says which rows; WHERE TRUE would be all of them (condition_wanted)",
            "UPDATE needs a condition that says which rows; WHERE TRUE would be all of them (condition_wanted)",
            "2",
            "|",
            "2",
            "22",
            "0",
            "id takes a number, not `id <> 0` (value_refused)",
        ],
    )
    .await;
}

#[tokio::test]
async fn roles_decide_who_reads_and_writes() {
    let script = r#"
TABLE notes READ BY "user;admin" WRITE BY "admin"
  text string
END TABLE
TABLE salaries READ BY "admin"
  name string
END TABLE
TABLE staff
  name string
  salary integer READ BY "admin"
  rank integer WRITE BY "admin"
END TABLE
ON ERROR RESUME NEXT
TALK UBOUND(FIND("notes"))
INSERT "notes", {text: "x"}
TALK ERROR MESSAGE
x = FIND "salaries"
TALK ERROR MESSAGE
INSERT "staff", {name: "Ana", salary: 100}
row = FIND "staff" FIRST
TALK row
x = FIND "staff" WHERE salary > 50
TALK ERROR MESSAGE
INSERT "staff", {name: "Ana", rank: 1}
TALK ERROR MESSAGE
x = FIND "staff" ORDER BY salary
TALK ERROR MESSAGE
INSERT "salaries", {name: "Ana"}
TALK SAVE("salaries", {id: 1, name: "Bea"})
x = UPDATE("salaries", "name = 'Bea'", {name: "Eva"})
TALK ERROR MESSAGE
"#;
    let world = World::new().await;
    let process = world.process().await;
    let bot = world.bot(&process, script).await;
    let visitor = world.visitor(&process, bot).await;
    say(&process, &visitor, "hello").await;
    world
        .hears(&[
            "0",
            "notes may not be written with this role (table_forbidden)",
            "salaries may not be read with this role (table_forbidden)",
            r#"{"id": 1, "name": "Ana", "rank": null}"#,
            "salary may not be read with this role (field_forbidden)",
            "rank may not be written with this role (field_forbidden)",
            "salary may not be read with this role (field_forbidden)",
            "{}",
            "salaries may not be read with this role (table_forbidden)",
            "No idea.",
        ])
        .await;
}

#[tokio::test]
async fn what_rows_stand_against_is_tried_again() {
    let world = World::new().await;
    let process = world.process().await;
    let bot = world.bot(&process, "INSERT \"guests\", {name: \"Ana\"}").await;
    let tables = process.dialogues().tables();
    let declare = async |source: &str| {
        let program = basic::compile("tables", source).program.expect("it compiles");
        tables
            .declare(world.tenant, bot, &program.declared().tables, Extent::Additive)
            .await
            .expect("the database answers")
    };
    declare("TABLE guests\n name string(10)\nEND TABLE").await;
    let visitor = world.visitor(&process, bot).await;
    say(&process, &visitor, "hello").await;
    world.hears(&["No idea."]).await;
    let source = "TABLE guests\n name string(10)\n code string required\n floor integer default 3\nEND TABLE";
    for done in [&["field guests.floor added"] as &[&str], &[]] {
        let migration = declare(source).await;
        assert_eq!(migration.done, done);
        let changes: Vec<&str> = migration
            .refused
            .iter()
            .map(|refused| refused.change.as_str())
            .collect();
        assert_eq!(changes, ["field guests.code added"]);
    }
    let source = "TABLE guests\n name string(10)\n code string\n floor integer default 4\nEND TABLE";
    let migration = declare(source).await;
    assert_eq!(
        migration.done,
        ["field guests.code added", "guests.floor has another default"]
    );
    assert_eq!(migration.refused, []);
    assert_eq!(declare(source).await, Default::default());
}

#[tokio::test]
async fn another_organisation_sees_nothing() {
    let world = says(r#"INSERT "guests", {name: "Ana"}"#, &[]).await;
    let schema: String = sqlx::query_scalar("select nspname from pg_namespace where nspname like 'bot\\_%'")
        .fetch_one(&world.app_pool)
        .await
        .expect("the bot has a schema");
    let mut transaction = world.app_pool.begin().await.expect("it begins");
    let count = format!("select count(*) from {schema}.guests");
    for (tenant, seen) in [
        (uuid::Uuid::now_v7().to_string(), 0),
        (world.tenant.to_string(), 1),
    ] {
        sqlx::query("select set_config('app.tenant', $1, true)")
            .bind(tenant)
            .execute(&mut *transaction)
            .await
            .expect("it is set");
        let found: i64 = sqlx::query_scalar(&count)
            .fetch_one(&mut *transaction)
            .await
            .expect("it is read");
        assert_eq!(found, seen);
    }
}

#[tokio::test]
async fn what_has_no_date_is_a_text_or_nothing() {
    says(
        r#"
INSERT "guests", {name: "Ana", born: "2026-05-01", seen: "2026-05-01 10:00", extra: {boat: "Gaivota"}}
FOR EACH said IN ["infinity", "-infinity", "5000000-01-01", "2026-05-01"]
  row = SELECT CAST(said AS DATE) AS day FROM guests
  TALK row.day
NEXT
FOR EACH said IN ["infinity", "-infinity", "290000-01-01"]
  row = SELECT CAST(said AS TIMESTAMP) AS moment FROM guests
  TALK row.moment
NEXT
row = FIND "guests" FIRST
TALK row.born + " " + HOUR(row.seen) + " " + row.extra.boat
"#,
        &[
            "infinity",
            "-infinity",
            "",
            "2026-05-01",
            "infinity",
            "-infinity",
            "",
            "2026-05-01 10 Gaivota",
        ],
    )
    .await;
}

#[tokio::test]
async fn names_of_fields_are_nobody_elses() {
    says(
        r#"
TABLE counts
  code string
  n integer
  s integer
  k string
  c1 string
END TABLE
made = MERGE "counts", [{code: "a", n: 1, s: 2, k: "x", c1: "y"}, {code: "a", n: 3, s: 4, k: "z", c1: "w"}], "code"
TALK made.inserted
made = MERGE "counts", [{code: "a", n: 5}, {code: "b", n: 6}], "code"
TALK made.inserted + " " + made.updated
TALK FIND("counts", "code = 'a'").n + " " + FIND("counts", "code = 'a'").k
"#,
        &["1", "1 1", "5 z"],
    )
    .await;
}
