//! Tables of other databases: another PostgreSQL, reached by a package's settings.

use std::collections::BTreeMap;

use basic::Table;
use domain::run::{DataOperation, RunEvent};
use tokio::io::copy_bidirectional;
use tokio::net::{TcpListener, UnixStream};

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
                let _ = copy_bidirectional(&mut outside, &mut inside).await;
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
