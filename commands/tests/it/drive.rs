//! Files of a bot's drive, as scripts read and write them: each word, what is refused, and what happens exactly once.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use async_trait::async_trait;
use basic::{Refusal, Request, Value};
use bytes::Bytes;
use commands::{Asking, Commands, Fetched, Plan, Services, VisitorSession};
use domain::drive::Drive;
use domain::{BotId, FileId};

use crate::post::Silent;
use crate::world::{World, files_below, say, start_of_day};

/// Runs a script after one word and compares what it says.
async fn says(script: &str, expected: &[&str]) -> (World, BotId) {
    says_with(Arc::new(Web::default()), script, expected).await
}

async fn says_with(web: Arc<dyn Services>, script: &str, expected: &[&str]) -> (World, BotId) {
    let world = World::new().await;
    let process = world.process_with(web).await;
    let bot = world.bot(&process, script).await;
    let visitor = world.visitor(&process, bot).await;
    say(&process, &visitor, "hello").await;
    let with_answer: Vec<&str> = expected.iter().copied().chain(["No idea."]).collect();
    world.hears(&with_answer).await;
    (world, bot)
}

/// How many contents of drives are kept.
fn contents(world: &World) -> usize {
    files_below(&world.blobs.path().join(world.tenant.to_string()).join("drives")).len()
}

/// An archive to download, and a service that never answers.
#[derive(Debug, Default)]
struct Web {
    archive: Vec<u8>,
    answers: bool,
    asked: AtomicUsize,
}

#[async_trait]
impl Services for Web {
    fn plan(&self, request: &Request) -> Plan {
        match request.word {
            "POST" => Plan::Changes,
            _ => Plan::not_configured(request),
        }
    }

    async fn ask(&self, _: &Asking, _: &Request) -> Result<Value, Refusal> {
        self.asked.fetch_add(1, Ordering::SeqCst);
        if !self.answers {
            std::future::pending::<()>().await;
        }
        Ok(Value::from("done"))
    }

    async fn fetch(&self, _: &Asking, address: &str, _: u64) -> Result<Fetched, Refusal> {
        if address.ends_with("/none") {
            return Err(Refusal::new("http_status", "it answered 404 Not Found"));
        }
        let bytes = if self.archive.is_empty() {
            b"tide,height\n8:15,3.2\n".to_vec()
        } else {
            self.archive.clone()
        };
        Ok(Fetched {
            name: "../../tides.csv".to_owned(),
            bytes: Bytes::from(bytes),
        })
    }
}

#[tokio::test]
async fn files_are_written_read_moved_and_deleted() {
    says(
        r#"
WRITE "notes/a.txt", "Berth 7 is free."
WRITE "More.\n" TO "notes/a.txt" APPEND
TALK READ "notes/a.txt"
WRITE "notes/b.json", {name: "Ana", tags: ["x"]}
TALK READ("notes/b.json") <> ""
WRITE ["one", "two"] TO "lines.txt" AS LINES
lines = READ "lines.txt" AS LINES
TALK UBOUND(lines) + " " + lines[1]
CREATE FILE "new.txt" WITH "new"
x = CREATE FILE "new.txt" WITH "again"
TALK x.code
COPY "new.txt" TO "notes/"
MOVE "new.txt", "old/older.txt"
TALK GET "notes/new.txt"
FOR EACH file IN LIST "notes/" FILTER "*.txt"
  TALK file.name + " " + file.size
NEXT
FOR EACH file IN LIST("/")
  TALK file.name + " " + file.type
NEXT
TALK UBOUND(LIST "" RECURSIVE)
DELETE FILE "lines.txt"
DELETE "old/older.txt"
files = LIST "" RECURSIVE
TALK files[0].path + " " + UBOUND(files)
TALK READ files[0]
FOR EACH file IN LIST "notes/" FILTER "a*"
  TALK "The file " + file
  TALK READ("notes/" + file)
  COPY "notes/" + file, "copies/" + file
NEXT
TALK LIST("copies/")[0].path
"#,
        &[
            "Berth 7 is free.More.\n",
            "true",
            "2 two",
            "drive_file_exists",
            "new",
            "a.txt 22",
            "new.txt 3",
            "lines.txt text/plain",
            "notes folder",
            "old folder",
            "5",
            "notes/a.txt 3",
            "Berth 7 is free.More.\n",
            "The file a.txt",
            "Berth 7 is free.More.\n",
            "copies/a.txt",
        ],
    )
    .await;
}

#[tokio::test]
async fn what_is_refused_is_told_by_its_code() {
    let (world, _) = says(
        r#"
ON ERROR RESUME NEXT
READ "none.txt"
TALK ERROR MESSAGE
WRITE "../out.txt", "x"
TALK ERROR MESSAGE
WRITE "/etc/passwd", "x"
TALK ERROR MESSAGE
COPY "none.txt", "other.txt"
TALK ERROR MESSAGE
many = "0123456789abcdef"
FOR i = 1 TO 17
  many = many + many
NEXT
WRITE "large.txt", many
TALK ERROR MESSAGE
WRITE "bytes.zip", "no archive"
EXTRACT "bytes.zip", "out/"
TALK ERROR MESSAGE
DELETE "guests.csv", ""
TALK ERROR MESSAGE
"#,
        &[
            "there is no file `none.txt` (drive_file_not_found)",
            "the path leads out of the drive with .. (drive_path)",
            "the path begins with /; paths are relative to the drive (drive_path)",
            "there is no file `none.txt` (drive_file_not_found)",
            "the files of a bot have at most 1 MiB together (drive_full)",
            "the file is no archive, or a damaged one (document_unreadable)",
            "there is no file `guests.csv` (drive_file_not_found)",
        ],
    )
    .await;
    assert_eq!(contents(&world), 1, "what is refused is not kept");
}

#[tokio::test]
async fn files_are_tables() {
    let (world, bot) = says(
        r#"
name = "Ana"
berth = 7
SAVE "guests.csv", name, berth
SAVE "guests.csv", {name: "=1+1", berth: 3, born: "1990-05-01"}
row = {name: "Rui", berth: 9}
SAVE row TO "guests.csv"
all = FIND "guests.csv"
TALK UBOUND(all) + " " + all[0].name + " " + TYPEOF(all[0].berth) + " " + TYPEOF(all[1].born)
found = FIND "guests.csv", "berth > 5"
TALK UBOUND(found) + " " + found.name
FOR EACH guest IN FIND("guests.csv" WHERE berth >= 3 ORDER BY berth DESC LIMIT 2)
  TALK guest.name
NEXT
TALK AGGREGATE "SUM", "guests.csv", "berth"
TALK AGGREGATE "guests.csv", "COUNT", "berth", "berth < 9"
TALK UPDATE "guests.csv" SET berth = 8 WHERE name = "Ana"
TALK DELETE FROM "guests.csv" WHERE name = "Rui"
result = MERGE "guests.csv" WITH [{name: "Ana", berth: 1}, {name: "Eva", berth: 2}] BY "name"
TALK result.inserted + " " + result.updated
TALK SEARCH("guests.csv", "ev").name
TALK READ "guests.csv"
EXPORT "guests.xlsx", FIND("guests.csv")
TALK FIND("guests.xlsx", "name = 'Eva'").berth
INSERT INTO "guests.xlsx" VALUES {name: "Zoe", berth: 4}
EXPORT "guests.json", IMPORT("guests.xlsx")
TALK UBOUND(FIND "guests.json") + " " + UBOUND(READ "guests.json" AS TABLE)
TALK UPDATE "guests.csv" SET berth = 1
"#,
        &[
            "3 Ana integer date",
            "2 Ana",
            "Rui",
            "Ana",
            "19",
            "2",
            "1",
            "1",
            "1 1",
            "Eva",
            "name,berth,born\nAna,1,\n'=1+1,3,1990-05-01\nEva,2,\n",
            "2",
            "4 4",
            "3",
        ],
    )
    .await;
    let drive = world
        .process()
        .await
        .executor()
        .load_fresh::<Drive>(world.tenant, bot)
        .await;
    assert_eq!(drive.expect("readable").state.files().len(), 3);
}

#[tokio::test]
async fn rows_of_a_file_go_into_a_table() {
    says(
        r#"
TABLE guests
  name string(20) key
  berth integer
END TABLE
WRITE "in/guests.csv", "Name;Berth\nAna;7\nRui;9\n"
result = IMPORT "in/guests.csv" INTO "guests"
TALK result.inserted
TALK FIND("guests", "name = 'Rui'").berth
EXPORT "out.csv", FIND("guests")
TALK READ "out.csv"
"#,
        &["2", "9", "name,berth\nAna,7\nRui,9\n"],
    )
    .await;
}

#[tokio::test]
async fn archives_are_packed_and_unpacked() {
    says(
        r#"
WRITE "in/a.txt", "one"
WRITE "in/b/c.txt", "two"
path = COMPRESS "in", "all.zip"
TALK path
FOR EACH file IN EXTRACT "all.zip", "out/"
  TALK file
NEXT
TALK READ "out/b/c.txt"
COMPRESS ["in/a.txt", "out/a.txt"] TO "two.zip"
TALK UBOUND(EXTRACT "two.zip") + " " + READ("two/in/a.txt")
TALK COMPRESS("in/*.txt", "one.zip") + " " + UBOUND(EXTRACT "one.zip")
"#,
        &["all.zip", "out/a.txt", "out/b/c.txt", "two", "2 one", "one.zip 1"],
    )
    .await;
}

#[tokio::test]
async fn an_archive_that_leads_out_is_refused_whole() {
    for name in ["../evil.txt", "/etc/evil.txt", "a\\..\\..\\evil.txt"] {
        let entry = |name: &str| documents::archive::Entry {
            name: name.to_owned(),
            bytes: b"x".to_vec(),
        };
        let archive = documents::archive::pack(&[entry("good.txt"), entry(name)]).expect("packed");
        let web = Web {
            archive,
            ..Web::default()
        };
        let script = "path = DOWNLOAD \"https://example.org/evil.zip\"\nON ERROR RESUME NEXT\n\
                      x = EXTRACT path, \"out/\"\nm = ERROR MESSAGE\nTALK LEFT(m, 17)\nTALK UBOUND(LIST \"out/\" RECURSIVE)\n";
        says_with(Arc::new(web), script, &["the archive holds", "0"]).await;
    }
}

#[tokio::test]
async fn what_an_address_gives_becomes_a_file() {
    says(
        r#"
path = DOWNLOAD "https://example.org/tides"
TALK LEFT(path, 10) + " " + RIGHT(path, 10)
TALK FIND(path).height
TALK DOWNLOAD "https://example.org/tides", "tides/"
TALK DOWNLOAD("https://example.org/tides", "tides/today.csv")
stored = UPLOAD "https://example.org/tides" TO "kept" AS "t.csv"
TALK stored.path + " " + stored.size
x = DOWNLOAD "https://example.org/none"
TALK x.code
"#,
        &[
            "downloads/ /tides.csv",
            "3.2",
            "tides/tides.csv",
            "tides/today.csv",
            "kept/t.csv 21",
            "http_status",
        ],
    )
    .await;
}

#[tokio::test]
async fn templates_are_filled() {
    says(
        r#"
WRITE "t/offer.txt", "Dear {{name}}, {{#each items}}{{what}};{{/each}}"
data = {name: "Ana", items: [{what: "rope"}, {what: "buoy"}]}
FILL "t/offer.txt", data TO "offers/7.txt"
TALK READ "offers/7.txt"
WRITE "t/invoice.html", "<h1>Invoice {{number}}</h1><p>{{name}}</p>"
file = GENERATE PDF "t/invoice.html", {number: 7, name: "Ana"}, "invoices/7.pdf"
TALK file.localName
other = GENERATE PDF "8" WITH TEMPLATE "t/invoice.html" DATA {number: 8}
TALK other.url
files = LIST "invoices/"
TALK files[0].type
x = READ "invoices/7.pdf"
TALK x.code
"#,
        &[
            "Dear Ana, rope;buoy;",
            "invoices/7.pdf",
            "8.pdf",
            "application/pdf",
            "not_configured",
        ],
    )
    .await;
}

async fn upload(process: &Commands, visitor: &VisitorSession, name: &str, bytes: &'static [u8]) -> FileId {
    let mut uploading = process
        .upload(&visitor.context(), visitor.session_id, name)
        .await
        .expect("let in");
    uploading.write(Bytes::from_static(bytes)).await.expect("written");
    uploading.finish(start_of_day()).await.expect("kept").file_id
}

#[tokio::test]
async fn what_somebody_sent_is_read_kept_and_sent_back() {
    let world = World::new().await;
    let process = world.process().await;
    let script = r#"
HEAR list AS FILE
TALK READ list
TALK FIND("kept.csv", "a = 1").b
"#
    .replace("TALK FIND", "UPLOAD list, \"kept.csv\"\nTALK FIND")
        + "sent = SEND FILE \"kept.csv\" CAPTION \"Here it is\"\nTALK sent.name\nx = READ sent\nTALK x\n";
    let bot = world.bot(&process, &script).await;
    let visitor = world.visitor(&process, bot).await;
    let file = upload(&process, &visitor, "list.csv", b"a,b\n1,2\n").await;
    say(&process, &visitor, "begin").await;
    process
        .receive_turn(
            &visitor,
            commands::NewTurn {
                content: String::new(),
                files: vec![file],
                invokes: None,
                message_id: None,
            },
            start_of_day(),
        )
        .await
        .expect("taken in");
    let read = "a,b\n1,2\n";
    world
        .hears(&["Please send a file.", read, "2", "Here it is", "kept.csv", read])
        .await;
    // The other session has no part in it.
    let other = world.visitor(&process, bot).await;
    let refused = process.file(&other.context(), other.session_id, file).await;
    assert!(refused.is_err());
}

#[tokio::test]
async fn what_a_script_does_after_a_pause_is_done_once_however_often_it_goes_on() {
    let world = World::new().await;
    let dead = world.process_with(Arc::new(Silent)).await;
    let script = "HEAR words\nWRITE \"a.txt\", words\nWAIT 0.1\nx = SEND TO SESSION session_id, \"told\"\n\
                  sent = SEND FILE \"a.txt\"\ny = POST \"https://example.org\", {a: 1}\nTALK sent.name + \" \" + y.code\n";
    let bot = world.bot(&dead, script).await;
    let visitor = world.visitor(&dead, bot).await;
    say(&dead, &visitor, "hello").await;
    let files = async || {
        let attached = "select count(*) from log.events where event_type = 'file.attached'";
        let count: i64 = sqlx::query_scalar(attached)
            .fetch_one(&world.log_pool)
            .await
            .expect("readable");
        count
    };
    let sent = world
        .eventually(async || (files().await == 1).then_some(()))
        .await;
    assert!(sent.is_some(), "the script goes on and sends its file");
    // The process dies before what the run did is stored; the next one knows of no turn.
    let alive = world.process().await;
    world.recover(&alive).await;
    world.hears(&["told", "", "a.txt not_configured"]).await;
    assert_eq!(files().await, 1);
}

const APPENDS: &str = r#"
WHILE TRUE
  HEAR words
  WRITE words + "\n" TO "log.txt" APPEND
  SAVE "log.csv", words
  x = POST "https://example.org", {said: words}
  IF IS_ERROR(x) THEN TALK x.code ELSE TALK x
  TALK READ "log.txt"
  TALK UBOUND(FIND "log.csv")
WEND
"#;

#[tokio::test]
async fn what_was_written_before_a_process_died_is_not_written_again() {
    let world = World::new().await;
    let silent = Arc::new(Web::default());
    let first = world.process_with(silent.clone()).await;
    let bot = world.bot(&first, APPENDS).await;
    let visitor = world.visitor(&first, bot).await;
    say(&first, &visitor, "one").await;
    let asked = world
        .eventually(async || (silent.asked.load(Ordering::SeqCst) == 1).then_some(()))
        .await;
    assert!(asked.is_some(), "the first process asks");
    let answering = Arc::new(Web {
        answers: true,
        ..Web::default()
    });
    let second = world.process_with(answering).await;
    say(&second, &visitor, "two").await;
    world
        .hears(&["outcome_unknown", "one\n", "1", "done", "one\ntwo\n", "2"])
        .await;
    assert_eq!(contents(&world), 2, "what was replaced is deleted");
}

#[tokio::test]
async fn many_write_to_one_file_and_nothing_is_lost() {
    let world = World::new().await;
    let (process, other) = (world.process().await, world.process().await);
    let bot = world
        .bot(&process, "HEAR words\nSAVE \"log.csv\", words\nWRITE words TO \"log.txt\" APPEND AS LINES\nTALK \"kept\"\nHEAR x")
        .await;
    let mut visitors = Vec::new();
    for _ in 0..6 {
        visitors.push(world.visitor(&process, bot).await);
    }
    for (number, visitor) in visitors.iter().enumerate() {
        let process = if number % 2 == 0 { &process } else { &other };
        say(process, visitor, "row").await;
    }
    world.hears(&["kept"; 6]).await;
    let drive = process
        .executor()
        .load_fresh::<Drive>(world.tenant, bot)
        .await
        .expect("readable")
        .state;
    let sizes: Vec<u64> = drive.by_path().into_values().map(|file| file.bytes).collect();
    assert_eq!(sizes, ["words\n".len() as u64 + 6 * 4, 6 * 4]);
    assert_eq!(
        contents(&world),
        2,
        "what came too late, or was replaced, is not kept"
    );
}

#[tokio::test]
async fn what_an_erased_person_wrote_is_gone_and_its_content_swept() {
    let world = World::new().await;
    let process = world.process().await;
    let bot = world
        .bot(
            &process,
            "HEAR word\nWRITE \"mine.txt\", word\nTALK READ \"mine.txt\"\nHEAR x",
        )
        .await;
    let author = world.visitor(&process, bot).await;
    say(&process, &author, "secret").await;
    world.hears(&["secret"]).await;
    let later = chrono::Utc::now() + chrono::TimeDelta::hours(2);
    let swept = process.sweep_drives(world.tenant, later).await;
    assert_eq!(swept.expect("swept"), 0, "a file has it");
    world
        .keyring
        .erase_subject(world.tenant.0, author.open.user_id.0)
        .await
        .expect("erased");
    let drive = process
        .executor()
        .load_fresh::<Drive>(world.tenant, bot)
        .await
        .expect("readable")
        .state;
    assert!(drive.by_path().is_empty() && drive.files().len() == 1);
    let swept = process.sweep_drives(world.tenant, later).await;
    assert_eq!(swept.expect("swept"), 1);
}

#[tokio::test]
async fn the_package_s_files_are_written_once_and_leave_with_it() {
    let world = World::new().await;
    let process = world.process().await;
    let bot = world.bot(&process, "TALK READ \"a.txt\"\nHEAR x").await;
    let file = |path: &str, digest: &str, content: &'static str| commands::PackagedFile {
        path: path.to_owned(),
        digest: digest.to_owned(),
        content: Bytes::from_static(content.as_bytes()),
    };
    let context = world.context();
    let files = || vec![file("a.txt", "1", "one"), file("b.txt", "1", "two")];
    for _ in 0..2 {
        process
            .mount_files(&context, bot, files())
            .await
            .expect("mounted");
    }
    let mounted = process.mounted_files(world.tenant, bot).await.expect("known");
    assert_eq!(mounted.into_keys().collect::<Vec<_>>(), ["a.txt", "b.txt"]);
    let version = process
        .executor()
        .load_fresh::<Drive>(world.tenant, bot)
        .await
        .expect("readable")
        .version;
    assert_eq!(version, 2, "the second time there is nothing to do");
    let visitor = world.visitor(&process, bot).await;
    say(&process, &visitor, "hello").await;
    world.hears(&["one"]).await;
    process
        .unmount_files(&context, bot, vec!["a.txt".to_owned()])
        .await
        .expect("unmounted");
    let mounted = process.mounted_files(world.tenant, bot).await.expect("known");
    assert_eq!(mounted.into_keys().collect::<Vec<_>>(), ["b.txt"]);
    let large = commands::PackagedFile {
        content: Bytes::from(vec![0; (1 << 20) + 1]),
        ..file("c.txt", "1", "")
    };
    let refused = process.mount_files(&context, bot, vec![large]).await;
    assert_eq!(crate::world::refusal(refused), "drive_full");
    assert_eq!(contents(&world), 1);
}
