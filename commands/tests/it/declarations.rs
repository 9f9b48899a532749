//! What a script declares of its tables: made, widened, refused, moved.

use basic::Table;
use commands::Extent;

use crate::world::{World, say};

#[tokio::test]
async fn a_table_follows_its_declaration_and_nothing_is_lost_unasked() {
    let world = World::new().await;
    let process = world.process().await;
    let bot = world.bot(&process, "TALK 1").await;
    let tables = process.dialogues().tables();
    let declare = async |source: &str, extent: Extent| {
        let program = basic::compile("tables", source).program.expect("it compiles");
        let declared: Vec<Table> = program.declared().tables.clone();
        tables
            .declare(world.tenant, bot, &declared, extent)
            .await
            .expect("the database answers")
    };
    let first = declare(
        "TABLE boats\n name string(10)\n length integer\n notes text\nEND TABLE",
        Extent::Additive,
    )
    .await;
    assert_eq!(first.done, ["table boats made"]);
    let again = declare(
        "TABLE boats\n name string(10)\n length integer\n notes text\nEND TABLE",
        Extent::Additive,
    )
    .await;
    assert_eq!(again, Default::default());
    // Another field, a longer text, a wider number.
    let wider = declare(
        "TABLE boats\n name string(20)\n length number\n notes text\n built date\nEND TABLE",
        Extent::Additive,
    )
    .await;
    assert_eq!(
        wider.done,
        [
            "boats.name changes from varchar(10) to varchar(20)",
            "boats.length changes from bigint to numeric",
            "field boats.built added"
        ]
    );
    assert_eq!(wider.refused, []);
    // What would lose something waits for a word.
    let source = "TABLE boats\n name integer\n length number\n built date\n flag string\nEND TABLE";
    let refused = declare(source, Extent::Additive).await;
    assert_eq!(refused.done, ["field boats.flag added"]);
    let changes: Vec<(u32, &str)> = refused
        .refused
        .iter()
        .map(|refused| (refused.line, refused.change.as_str()))
        .collect();
    assert_eq!(
        changes,
        [
            (2, "boats.name changes from varchar(20) to bigint"),
            (1, "field boats.notes is dropped with what it holds")
        ]
    );
    // What a plan tells of is not done.
    let plan = declare(source, Extent::Plan).await;
    assert_eq!((plan.done.len(), &plan.refused), (0, &refused.refused));
    let done = declare(source, Extent::Everything).await;
    assert_eq!((done.done.len(), done.refused.len()), (2, 0));
    assert_eq!(declare(source, Extent::Everything).await, Default::default());
}

#[tokio::test]
async fn a_table_always_has_a_key() {
    let world = World::new().await;
    let process = world.process().await;
    let script = r#"
rows = [{code: "a"}, {code: "a"}]
DO
  x = SAVE("guests", rows)
  TALK UBOUND(FIND("guests"))
  HEAR y
LOOP"#;
    let bot = world.bot(&process, script).await;
    let tables = process.dialogues().tables();
    let declare = async |source: &str, extent: Extent| {
        let program = basic::compile("tables", source).program.expect("it compiles");
        tables
            .declare(world.tenant, bot, &program.declared().tables, extent)
            .await
            .expect("the database answers")
    };
    declare("TABLE guests\n code string(10)\nEND TABLE", Extent::Additive).await;
    let visitor = world.visitor(&process, bot).await;
    say(&process, &visitor, "hello").await;
    world.hears(&["2", "4"]).await;
    // Two rows have the same code: it becomes no key, and the old one stays.
    let keyed = "TABLE guests\n code string(10) key\nEND TABLE";
    for _ in 0..2 {
        let migration = declare(keyed, Extent::Everything).await;
        assert_eq!(migration.done, [""; 0]);
        let change = "the key of guests becomes code; field id is dropped with what it holds";
        assert_eq!(migration.refused.len(), 1);
        assert_eq!(migration.refused[0].change, change);
        assert_eq!(migration.refused[0].reason, commands::Reason::Rows);
    }
    say(&process, &visitor, "again").await;
    world.hears(&["2", "4", "6"]).await;
}

#[tokio::test]
async fn a_table_that_moves_to_another_database_leaves_what_it_held() {
    let world = World::new().await;
    let process = world.process().await;
    let own = "TABLE boats\n name string(10) unique\nEND TABLE";
    let there = "TABLE boats ON shop\n name string(10) unique\nEND TABLE";
    let bot = world
        .bot(
            &process,
            &format!("{own}\nSAVE \"boats\", {{id: 1, name: \"Gaivota\"}}"),
        )
        .await;
    let visitor = world.visitor(&process, bot).await;
    say(&process, &visitor, "hello").await;
    world.hears(&["No idea."]).await;
    let tables = process.dialogues().tables();
    let declare = async |source: &str, extent: Extent| {
        let program = basic::compile("tables", source).program.expect("it compiles");
        let migration = tables
            .declare(world.tenant, bot, &program.declared().tables, extent)
            .await
            .expect("the database answers");
        let refused = migration.refused.into_iter().map(|refused| refused.change);
        (migration.done, refused.collect::<Vec<String>>())
    };
    let moves = "table boats lies in another database now";
    for extent in [Extent::Additive, Extent::Plan] {
        assert_eq!(declare(there, extent).await, (vec![], vec![moves.to_owned()]));
    }
    let moved = format!("{moves}; what it held stays here as boats_before1");
    assert_eq!(declare(there, Extent::Everything).await, (vec![moved], vec![]));
    for extent in [Extent::Everything, Extent::Additive, Extent::Plan] {
        assert_eq!(declare(there, extent).await, (vec![], vec![]));
    }
    // And back: it is another table, whose key and uniqueness are its own.
    assert_eq!(
        declare(own, Extent::Additive).await,
        (vec!["table boats made".to_owned()], vec![])
    );
    let keyed = "TABLE boats\n name string(10) key\nEND TABLE";
    let (done, refused) = declare(keyed, Extent::Everything).await;
    assert_eq!((done.len(), refused.len()), (1, 0), "{done:?} {refused:?}");
    // What it held is still known as somebody's.
    let erasure = process
        .erase_person(
            &world.context(),
            visitor.open.user_id,
            crate::world::start_of_day(),
        )
        .await
        .expect("erased");
    let rows: Vec<(&str, u64)> = erasure
        .rows_erased
        .iter()
        .map(|rows| (rows.table.as_str(), rows.rows))
        .collect();
    assert_eq!(rows, [("boats_before1", 1)]);
}
