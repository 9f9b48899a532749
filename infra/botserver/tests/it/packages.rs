//! Packages change while people talk.

use std::fs;
use std::time::Duration;

use serde_json::{Value, json};

use crate::chat::Visitor;
use crate::doctor::url;
use crate::server::{DataFolder, PATIENCE, Server};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_broken_script_keeps_its_last_good_version_and_is_named() {
    let data = DataFolder::new();
    data.script(
        "desk",
        "start",
        "TALK \"first version\"\nHEAR x\nTALK \"you said \" + x\n",
    );
    let server = Server::start(&data);

    let mut early = Visitor::enter(&server.address, "desk").await.expect("let in");
    early
        .until("the greeting", |visitor| !visitor.transcript.is_empty())
        .await;

    data.script(
        "desk",
        "start",
        "TALK \"second version\"\nHEAR x\nIF x = 1 THEN\n",
    );
    let finding = wait_for_script(&server, |script| script["broken"] == true).await;
    assert_eq!(finding["findings"][0]["line"], 3, "{finding:#}");
    let mut visitor = Visitor::enter(&server.address, "desk").await.expect("let in");
    visitor
        .until("the greeting", |visitor| !visitor.transcript.is_empty())
        .await;
    assert_eq!(
        visitor.transcript.values().next().map(|line| line.text.as_str()),
        Some("first version")
    );

    data.script("desk", "start", "TALK \"third version\"\nHEAR x\n");
    wait_for_script(&server, |script| script["broken"] == false).await;
    let mut visitor = Visitor::enter(&server.address, "desk").await.expect("let in");
    visitor
        .until("the greeting", |visitor| !visitor.transcript.is_empty())
        .await;
    assert_eq!(
        visitor.transcript.values().next().map(|line| line.text.as_str()),
        Some("third version")
    );

    // Who began with the first version ends with it.
    early.say("hello").await;
    assert_eq!(
        early
            .transcript
            .values()
            .next_back()
            .map(|line| line.text.as_str()),
        Some("you said hello")
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn settings_become_variables_and_their_mistakes_are_shown() {
    let data = DataFolder::new();
    data.script("desk", "start", "TALK \"up to \" + (most_seats + 1)\nHEAR x\n");
    let settings = data.bots().join("desk.gbai/desk.gbot");
    fs::create_dir_all(&settings).expect("the folder is made");
    fs::write(settings.join("config.csv"), "param-most-seats,8\nsecret\n").expect("written");
    let server = Server::start(&data);

    let mut visitor = Visitor::enter(&server.address, "desk").await.expect("let in");
    visitor
        .until("the greeting", |visitor| !visitor.transcript.is_empty())
        .await;
    let said = visitor.transcript.values().next().map(|line| line.text.as_str());
    assert_eq!(said, Some("up to 9"));

    let bot = wait_for_bot(&server, |bot| bot["findings"] != json!([])).await;
    assert_eq!(bot["broken"], false);
    let found = &bot["findings"][0];
    assert_eq!(found["file"], "desk.gbot/config.csv", "{bot:#}");
    assert_eq!(
        (&found["finding"]["code"], &found["finding"]["line"]),
        (&json!("P0103"), &json!(2))
    );

    // The bot outlives its folder, and the folder may come back.
    fs::remove_dir_all(data.bots().join("desk.gbai")).expect("removed");
    Visitor::enter(&server.address, "desk").await.expect("let in");
    data.script("desk", "start", "TALK \"back\"\nHEAR x\n");
    wait_for_bot(&server, |bot| bot["findings"] == json!([])).await;
}

async fn wait_for_script(server: &Server, enough: impl Fn(&Value) -> bool) -> Value {
    let bot = wait_for_bot(server, |bot| enough(&bot["scripts"][0])).await;
    bot["scripts"][0].clone()
}

async fn wait_for_bot(server: &Server, enough: impl Fn(&Value) -> bool) -> Value {
    let query = "{ bots(first: 10) { edges { node { name broken findings { file finding { line code } } \
                 scripts { name broken findings { line code message } } } } } }";
    let until = tokio::time::Instant::now() + PATIENCE;
    loop {
        let answer = server.ask(query).await;
        let bots = answer["data"]["bots"]["edges"]
            .as_array()
            .cloned()
            .unwrap_or_default();
        let desk = bots.iter().find(|bot| bot["node"]["name"] == "desk");
        let bot = desk.map(|bot| bot["node"].clone()).unwrap_or_default();
        if enough(&bot) {
            return bot;
        }
        assert!(tokio::time::Instant::now() < until, "{answer:#}");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_a_table_would_lose_waits_for_a_word() {
    let data = DataFolder::new();
    let database = test_database::create().await;
    let address = url(&database, "botserver_owner");
    let table = |fields: &str| format!("TABLE boats\n{fields}END TABLE\nHEAR x\n");
    data.script("desk", "start", &table(" name text\n berth integer\n"));
    let server = Server::start_with(&data, &[("BOTSERVER_DATABASE_URL", address.clone())]);
    let run = |verb: &str, bot: &str| data.run(&["tables", verb, bot, "--database-url", &address]);
    wait_for_script(&server, |script| script["broken"] == false).await;
    let same = "the tables are what the scripts declare\n".to_owned();
    assert_eq!(run("plan", "desk"), (0, same.clone()));

    data.script("desk", "start", &table(" name text\n length number\n"));
    let bot = wait_for_bot(&server, |bot| bot["findings"] != json!([])).await;
    assert_eq!(bot["findings"][0]["finding"]["code"], "T0101", "{bot:#}");
    let waits = "when it is applied: field boats.berth is dropped with what it holds\n";
    assert_eq!(run("plan", "DESK"), (0, waits.to_owned()));
    let done = "field boats.berth is dropped with what it holds\n";
    assert_eq!(run("apply", "desk"), (0, done.to_owned()));
    wait_for_bot(&server, |bot| bot["findings"] == json!([])).await;
    assert_eq!(run("apply", "desk"), (0, same));
    let (code, text) = run("plan", "nobody");
    assert_eq!(code, 1);
    assert!(text.contains("there is no bot \"nobody\""), "{text}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_files_of_a_package_are_in_the_drive_and_follow_it() {
    let data = DataFolder::new();
    let script = "WHILE TRUE\nHEAR word\nON ERROR RESUME NEXT\nIF word = \"write\" THEN\nWRITE \"notes.txt\", \"by the script\"\nEND IF\n\
        x = READ \"notes.txt\"\nTALK x\nTALK FIND(\"prices.csv\", \"name = 'rope'\").price\nIF ERROR THEN TALK ERROR MESSAGE\nCLEAR ERROR\nWEND\n";
    data.script("desk", "start", script);
    let package = data.bots().join("desk.gbai");
    let write = |path: &str, content: &str| {
        let path = package.join(path);
        fs::create_dir_all(path.parent().expect("a folder")).expect("the folder is made");
        fs::write(path, content).expect("written");
    };
    write("other.gbdata/prices.csv", "name;price\nrope;1,80\n");
    write("desk.gbdrive/notes.txt", "first");
    write("desk.gbdrive/odd\\name.txt", "");
    let server = Server::start(&data);
    let bot = wait_for_bot(&server, |bot| bot["findings"] != json!([])).await;
    assert_eq!(bot["findings"][0]["finding"]["code"], "P0108", "{bot:#}");

    let mut visitor = Visitor::enter(&server.address, "desk").await.expect("let in");
    assert_eq!(heard(&mut visitor, "read").await, ["first", "1.8"]);
    // What a script wrote stays until the package's file is another one.
    assert_eq!(heard(&mut visitor, "write").await[0], "by the script");
    write("other.gbdata/prices.csv", "name;price\nrope;2,10\n");
    until_heard(&mut visitor, "2.1").await;
    assert_eq!(heard(&mut visitor, "read").await[0], "by the script");
    write("desk.gbdrive/notes.txt", "second");
    until_heard(&mut visitor, "second").await;
    fs::remove_file(package.join("other.gbdata/prices.csv")).expect("removed");
    until_heard(
        &mut visitor,
        "there is no file `prices.csv` (drive_file_not_found)",
    )
    .await;
}

/// What the bot says to a word.
async fn heard(visitor: &mut Visitor, word: &str) -> Vec<String> {
    visitor.say(word).await;
    let turn = visitor.answered.last().cloned();
    let answers = visitor
        .transcript
        .values()
        .filter(|line| !line.from_visitor && line.turn_id == turn);
    answers.map(|line| line.text.clone()).collect()
}

/// Asks until the bot says something: a changed package is loaded within moments.
async fn until_heard(visitor: &mut Visitor, wanted: &str) {
    let until = tokio::time::Instant::now() + PATIENCE;
    loop {
        let said = heard(visitor, "read").await;
        if said.iter().any(|said| said == wanted) {
            return;
        }
        assert!(tokio::time::Instant::now() < until, "{said:?}");
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_pdf_is_read_in_a_process_of_its_own() {
    let data = DataFolder::new();
    let script = "WRITE \"t.html\", \"<h1>Tide {{name}}</h1>\"\na = GENERATE PDF \"t.html\", {name: \"one\"}, \"a.pdf\"\n\
        b = GENERATE PDF \"t.html\", {name: \"two\"}, \"b.pdf\"\nHEAR x\nTALK READ \"a.pdf\"\n\
        MERGE PDF [\"a.pdf\", b], \"all.pdf\"\ntext = READ \"all.pdf\"\nTALK CONTAINS(text, \"Tide one\") AND CONTAINS(text, \"Tide two\")\n\
        WRITE \"bad.pdf\", \"%PDF-1.7 and nothing more\"\nbad = READ \"bad.pdf\"\nTALK bad.code\nevil = READ \"evil.pdf\"\nTALK evil.code\nTALK READ \"b.pdf\"\nHEAR x\n";
    data.script("desk", "start", script);
    let drive = data.bots().join("desk.gbai/desk.gbdrive");
    fs::create_dir_all(&drive).expect("the folder is made");
    fs::write(drive.join("evil.pdf"), drawing_itself()).expect("written");
    let server = Server::start(&data);
    let mut visitor = Visitor::enter(&server.address, "desk").await.expect("let in");
    assert_eq!(
        heard(&mut visitor, "go").await,
        [
            "Tide one",
            "true",
            "document_unreadable",
            "document_unreadable",
            "Tide two"
        ]
    );
    assert!(server.stop(), "the server stops when asked");
}

/// A PDF whose picture is within itself: whoever follows it runs out of stack.
fn drawing_itself() -> Vec<u8> {
    let resources = "/Resources << /XObject << /X0 4 0 R >> >>";
    let form = format!("/Type /XObject /Subtype /Form /BBox [0 0 9 9] {resources}");
    let objects = [
        "<< /Type /Catalog /Pages 2 0 R >>".to_owned(),
        "<< /Type /Pages /Kids [3 0 R] /Count 1 >>".to_owned(),
        format!("<< /Type /Page /Parent 2 0 R /MediaBox [0 0 9 9] {resources} /Contents 5 0 R >>"),
        format!("<< {form} /Length 6 >>\nstream\n/X0 Do\nendstream"),
        "<< /Length 6 >>\nstream\n/X0 Do\nendstream".to_owned(),
    ];
    let mut pdf = "%PDF-1.7\n".to_owned();
    let mut places = "0000000000 65535 f \n".to_owned();
    for (number, object) in objects.iter().enumerate() {
        places.push_str(&format!("{:010} 00000 n \n", pdf.len()));
        pdf.push_str(&format!("{} 0 obj\n{object}\nendobj\n", number + 1));
    }
    let start = pdf.len();
    pdf.push_str(&format!(
        "xref\n0 6\n{places}trailer\n<< /Size 6 /Root 1 0 R >>\nstartxref\n{start}\n%%EOF\n"
    ));
    pdf.into_bytes()
}
