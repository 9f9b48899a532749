//! Tables of other databases: another PostgreSQL, reached by a package's settings.

use std::collections::BTreeMap;
use std::time::Duration;

use basic::Table;
use domain::run::{DataOperation, RunEvent};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _, copy_bidirectional};
use tokio::net::{TcpListener, TcpStream, UnixStream};

use crate::observing::Fact;
use crate::world::{World, say};

const TABLES: &str = r#"
TABLE orders ON shop
  id integer key
  guest string(20)
  total number(10,2)
END TABLE
TABLE lines ON shop
  id integer key
END TABLE
TABLE absent ON nowhere
  id integer key
END TABLE
TABLE guests
  id integer key
END TABLE
"#;

fn declared() -> Vec<Table> {
    basic::compile("tables", TABLES).tables
}

/// Lets the test's server be reached over TCP, as a database of others is; answers the settings that lead there.
async fn shop(world: &World) -> BTreeMap<String, String> {
    reached(world, false).await
}

/// Brings what is said there and back until something says `hush`, or something is to be committed after `lull` was said.
/// From then on nothing is heard, and nobody hangs up.
async fn until_silent(outside: TcpStream, inside: UnixStream) -> std::io::Result<()> {
    let (mut from_outside, mut to_outside) = outside.into_split();
    let (mut from_inside, mut to_inside) = inside.into_split();
    let back = tokio::spawn(async move { tokio::io::copy(&mut from_inside, &mut to_outside).await });
    let (mut buffer, mut lulled) = (vec![0; 1 << 16], false);
    loop {
        let count = from_outside.read(&mut buffer).await?;
        let said = String::from_utf8_lossy(&buffer[..count]);
        lulled |= said.contains("lull");
        if said.contains("hush") || (lulled && said.contains("COMMIT")) {
            std::future::pending::<()>().await;
        }
        if count == 0 {
            back.abort();
            return Ok(());
        }
        to_inside.write_all(&buffer[..count]).await?;
    }
}

async fn reached(world: &World, silent: bool) -> BTreeMap<String, String> {
    let there = world.psql_env();
    let socket = format!("{}/.s.PGSQL.{}", there["PGHOST"], there["PGPORT"]);
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port is free");
    let port = listener.local_addr().expect("it is bound").port();
    tokio::spawn(async move {
        while let Ok((mut outside, _)) = listener.accept().await {
            let Ok(mut inside) = UnixStream::connect(&socket).await else {
                continue;
            };
            tokio::spawn(async move {
                let _ = match silent {
                    false => copy_bidirectional(&mut outside, &mut inside).await.map(|_| ()),
                    true => until_silent(outside, inside).await,
                };
            });
        }
    });
    [
        ("shop-driver", "PostgreSQL".to_owned()),
        ("shop-server", "127.0.0.1".to_owned()),
        ("shop-port", port.to_string()),
        ("shop-name", there["PGDATABASE"].clone()),
        ("shop-username", there["PGUSER"].clone()),
        ("shop-password", "let me in".to_owned()),
    ]
    .into_iter()
    .map(|(key, value)| (key.to_owned(), value))
    .collect()
}

#[tokio::test]
async fn tables_of_another_database_are_read_and_changed_there() {
    let world = World::new().await;
    let process = world.process().await;
    let script = format!(
        r#"{TABLES}
TALK "Yes?"
HEAR x
row = SAVE "orders", {{id: 7, guest: "Ana", total: 10.5}}
TALK row.guest
SAVE "orders", {{id: 7, total: 12}}
made = MERGE "orders", [{{id: 7, guest: "Ana B."}}, {{id: 8, guest: "Rui", total: 3}}], "id"
TALK made.inserted + " " + made.updated
TALK UPDATE("orders", "id=8", {{total: 4}})
rows = FIND "orders" WHERE total >= 4 ORDER BY id
TALK UBOUND(rows) + " " + rows[0].guest + " " + rows[0].total
rows = SELECT COUNT(*) AS n, SUM(total) AS s FROM orders
TALK rows.n + " " + rows.s
TALK DELETE("orders", "id=8")
again = INSERT "orders", {{id: 7, guest: "Eva"}}
TALK again.code
lost = FIND "absent"
TALK lost.code
gone = FIND "lines"
TALK "on"
"#
    );
    let bot = world.bot(&process, &script).await;
    let tables = process.dialogues().tables().clone();
    tables.configure(bot, &shop(&world).await);
    let look = async |make| {
        tables
            .look_elsewhere(bot, &declared(), make)
            .await
            .expect("looked at")
    };
    let problems = |found: Vec<commands::Elsewhere>| -> Vec<(String, String, bool)> {
        let told = |one: commands::Elsewhere| (one.table, one.problem, one.is_wrong);
        found.into_iter().map(told).collect()
    };
    let of = |table: &str, problem: &str, wrong| (table.to_owned(), problem.to_owned(), wrong);
    let absent = of(
        "absent",
        "the connection nowhere cannot be used: config.csv has no nowhere-server",
        true,
    );
    let (made, found) = look(false).await;
    assert_eq!(made, [""; 0], "nothing is made unasked");
    assert_eq!(
        problems(found),
        [
            absent.clone(),
            of("orders", "the connection shop has no table orders", false),
            of("lines", "the connection shop has no table lines", false),
        ]
    );
    let (made, found) = look(true).await;
    assert_eq!(made, ["table orders made in shop", "table lines made in shop"]);
    assert_eq!(problems(found), [absent]);

    let visitor = world.visitor(&process, bot).await;
    say(&process, &visitor, "hello").await;
    say(&process, &visitor, "go on").await;
    world
        .hears(&[
            "Yes?",
            "Ana",
            "1 1",
            "1",
            "2 Ana B. 12",
            "2 16",
            "1",
            "row_exists",
            "connection_unusable",
            "on",
            "No idea.",
        ])
        .await;
    // Each change has two records: that it would be asked for, and what came of it.
    let facts = world.facts().await;
    let recorded: Vec<(bool, Option<DataOperation>)> = facts
        .iter()
        .filter_map(|fact| match fact {
            Fact::Run(_, RunEvent::Recorded(recording)) => Some((
                recording.replaces_last,
                recording.statement.as_ref().map(|statement| statement.operation),
            )),
            _ => None,
        })
        .collect();
    assert_eq!(recorded[..2], [(false, None), (true, Some(DataOperation::Merge))]);
    assert_eq!(recorded.iter().filter(|(_, made)| made.is_some()).count(), 5);
    let erased = process
        .erase_person(
            &world.context(),
            visitor.open.user_id,
            crate::world::start_of_day(),
        )
        .await
        .expect("rows of others do not say whose they are");
    assert_eq!(erased.rows_erased, []);
}

#[tokio::test]
async fn a_database_that_is_away_is_told_and_stops_nobody() {
    let world = World::new().await;
    let process = world.process().await;
    let script = format!(
        "{TABLES}\nTALK \"Yes?\"\nHEAR x\na = FIND \"orders\"\nTALK a.code\nb = SAVE \"orders\", {{id: 1}}\nTALK b.code\n\
         SAVE \"guests\", {{id: 1}}\nTALK \"on\"\n"
    );
    let bot = world.bot(&process, &script).await;
    let mut settings = shop(&world).await;
    // A port that nothing listens on any more.
    let port = {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port is free");
        listener.local_addr().expect("it is bound").port()
    };
    settings.insert("shop-port".to_owned(), port.to_string());
    process.dialogues().tables().configure(bot, &settings);
    let visitor = world.visitor(&process, bot).await;
    say(&process, &visitor, "hello").await;
    say(&process, &visitor, "go on").await;
    world
        .hears(&["Yes?", "connection_failed", "connection_failed", "on", "No idea."])
        .await;
}

#[tokio::test]
async fn a_database_that_falls_silent_holds_nobody() {
    let world = World::new().await;
    // More than one statement takes here, and less than anybody wants to wait.
    let process = world.process_waiting(Duration::from_secs(3)).await;
    let script = format!(
        r#"{TABLES}
TALK "Yes?"
HEAR x
a = SAVE "orders", {{id: 1, guest: "Ana"}}
TALK a.guest
b = FIND "orders" WHERE guest = "hush"
TALK b.code
c = SELECT id FROM orders WHERE guest = 'hush'
TALK c.code
d = UPDATE "orders" SET guest = "hush" WHERE id = 1
TALK d.code
e = SAVE "orders", {{id: 2, guest: "lull"}}
TALK e.code
f = MERGE "orders", [{{id: 3, guest: "hush"}}], "id"
TALK f.code
g = FIND "orders" WHERE id = 1
TALK g.guest
"#
    );
    let bot = world.bot(&process, &script).await;
    let tables = process.dialogues().tables().clone();
    tables.configure(bot, &reached(&world, true).await);
    tables
        .look_elsewhere(bot, &declared(), true)
        .await
        .expect("looked at");
    let visitor = world.visitor(&process, bot).await;
    say(&process, &visitor, "hello").await;
    say(&process, &visitor, "go on").await;
    world
        .hears(&[
            "Yes?",
            "Ana",
            "connection_failed",
            "connection_failed",
            "connection_failed",
            "outcome_unknown",
            "connection_failed",
            "Ana",
            "No idea.",
        ])
        .await;
    // Whoever loads a package is told as well; of one connection that is silent one table says it for all.
    let mute =
        "TABLE hush ON shop\n id integer key\nEND TABLE\nTABLE lines ON shop\n id integer key\nEND TABLE";
    let declared = basic::compile("tables", mute).tables;
    let (_, found) = tables
        .look_elsewhere(bot, &declared, false)
        .await
        .expect("looked at");
    let problem = "the database of the connection shop cannot be reached, or does not answer";
    assert_eq!(
        found
            .into_iter()
            .map(|one| (one.table, one.problem))
            .collect::<Vec<_>>(),
        ["hush", "lines"].map(|table| (table.to_owned(), problem.to_owned()))
    );
}

#[tokio::test]
async fn a_table_of_others_may_have_other_types() {
    let world = World::new().await;
    let process = world.process().await;
    let owner = world.owner().await;
    for sql in [
        "create table stock (id serial primary key, code varchar(5), price real, berths smallint, at timestamp, day date, \
         mark char(3), open boolean, extra json)",
        "insert into stock (code, price, berths, at, day, mark, open, extra) values \
         ('a', 1.5, 3, '2026-05-01 10:00', 'infinity', 'x', true, '{\"boat\": \"Gaivota\", \"much\": 1e400}')",
        "create table shelves (id boolean primary key)",
    ] {
        sqlx::query(sql)
            .execute(&owner)
            .await
            .expect("it is made by hand");
    }
    let stock = r#"
TABLE stock ON shop
  id integer key
  code string
  price double
  berths integer
  at datetime
  day date
  mark string
  open boolean
  extra json
END TABLE
TABLE shelves ON shop
  id date key
END TABLE
"#;
    let script = format!(
        r#"{stock}
TALK "Yes?"
HEAR x
row = FIND "stock" FIRST
TALK row.id + " " + row.code + " " + row.price + " " + row.berths + " " + HOUR(row.at) + " " + row.day + " " + row.open
row = SELECT id, MAX(berths) AS most, MIN(at) AS first FROM stock GROUP BY id
TALK row.id + " " + row.most + " " + HOUR(row.first)
TALK AGGREGATE("stock", "MAX", "berths") + " " + AGGREGATE("stock", "MAX", "day")
row = SAVE "stock", {{id: 1, price: 2.5, berths: 4, at: "2026-05-01 11:00"}}
TALK row.price + " " + row.berths + " " + HOUR(row.at)
made = MERGE "stock", [{{id: 1, berths: 5}}, {{id: 2, berths: 6}}]
TALK made.inserted + " " + made.updated
ON ERROR RESUME NEXT
SAVE "stock", {{id: 3, berths: 40000}}
TALK ERROR MESSAGE
row = FIND "shelves"
TALK ERROR MESSAGE
"#
    );
    let bot = world.bot(&process, &script).await;
    let tables = process.dialogues().tables().clone();
    tables.configure(bot, &shop(&world).await);
    let declared = basic::compile("tables", stock).tables;
    let (_, found) = tables
        .look_elsewhere(bot, &declared, false)
        .await
        .expect("looked at");
    assert_eq!(
        found.into_iter().map(|one| one.problem).collect::<Vec<_>>(),
        ["the connection shop says of the table shelves: cannot cast type boolean to date"]
    );
    let visitor = world.visitor(&process, bot).await;
    say(&process, &visitor, "hello").await;
    say(&process, &visitor, "go on").await;
    world
        .hears(&[
            "Yes?",
            "1 a 1.5 3 10 infinity true",
            "1 3 10",
            "3 infinity",
            "2.5 4 11",
            "1 1",
            "smallint out of range (value_refused)",
            "cannot cast type boolean to date (statement_refused)",
            "No idea.",
        ])
        .await;
}
