//! The sample bots, talked through: every branch, bad input at every question, every way out of a loop.
//!
//! `BLESS=1` rewrites the committed transcripts.

use std::fmt::Write as _;
use std::fs;
use std::io::Write as _;
use std::path::Path;
use std::process::Stdio;

use crate::chat::Visitor;
use crate::server::{DataFolder, Server};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_harbour_desk_speaks_as_written_down() {
    let data = DataFolder::new();
    let server = Server::start(&data);
    let booking = [
        "hello?",
        "Sailings",
        "Lost something",
        "a red umbrella",
        "1",
        "Atlantis",
        "birk",
        "many",
        "12",
        "5",
        "whenever",
        "2031-06-24",
        "nobody",
        "Ada@Example.org",
        "perhaps",
        "no",
    ];
    compare(&server, "harbour", "harbour_booking", &booking).await;
    compare(
        &server,
        "harbour",
        "harbour_leaving",
        &["sailings", "nothing, thanks", "are you still there?"],
    )
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_shop_and_the_clinic_speak_as_written_down() {
    let data = DataFolder::new();
    let server = Server::start(&data);
    let ordering = [
        "hi",
        "order",
        "Catalogue",
        "2",
        "coffee",
        "Assam",
        "lots",
        "0",
        "2",
        "add",
        "assam",
        "1",
        "cart",
        "add",
        "teapot",
        "1",
        "order",
        "Ada Byron",
        "1 Analytical Row",
        "12345 London",
        "ada",
        "ada@example.org",
        "no",
        "5",
        "Ada Byron",
        "1 Analytical Row",
        "12345 London",
        "ada@example.org",
        "yes",
        "cart",
    ];
    compare(&server, "shop", "shop_order", &ordering).await;
    let intake = [
        "Grace",
        "Grace Hopper",
        "long ago",
        "1806-12-09",
        "1986-12-09",
        "12",
        "+49 30 1234567",
        "maybe",
        "yes",
        "Nuts, , Penicillin",
        "no",
        "shoe size",
        "Allergies",
        "no",
        "no",
        "name",
        "Grace B. Hopper",
        "yes",
    ];
    compare(&server, "clinic", "clinic_intake", &intake).await;
}

#[test]
fn the_quiz_speaks_as_written_down() {
    let data = DataFolder::new();
    let samples = Path::new(env!("CARGO_MANIFEST_DIR")).join("samples");
    let script = samples.join("quiz.gbai/quiz.gbdialog/start.bas");
    // The order of questions is drawn: the same seed draws the same.
    let mut child = data
        .command()
        .args(["run", "--seed", "7"])
        .arg(script)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("it runs");
    let said = "four\n1\n2\n3\n \n1\n2\nwell\nyes\n1\n1\n1\n1\n1\ny\n3\nSTOP\nno\n";
    let mut input = child.stdin.take().expect("its input");
    input.write_all(said.as_bytes()).expect("written");
    drop(input);
    let output = child.wait_with_output().expect("it ends");
    assert!(output.status.success());
    compare_text("quiz_rounds", &String::from_utf8_lossy(&output.stdout));
}

#[test]
fn the_samples_have_no_mistakes() {
    let data = DataFolder::new();
    let samples = concat!(env!("CARGO_MANIFEST_DIR"), "/samples");
    let (code, text) = data.run(&["check", samples]);
    assert_eq!((code, text.trim()), (0, "checked 43 scripts, 0 with errors"));
}

async fn compare(server: &Server, bot: &str, name: &str, said: &[&str]) {
    let mut visitor = Visitor::enter(&server.address, bot).await.expect("let in");
    visitor
        .until("the first question", |visitor| visitor.transcript.len() >= 2)
        .await;
    for text in said {
        visitor.say(text).await;
    }
    let mut written = String::new();
    for line in visitor.transcript.values() {
        let who = if line.from_visitor { "> " } else { "" };
        let _ = writeln!(written, "{who}{}", line.text.trim_end());
        if !line.chips.is_empty() {
            let _ = writeln!(written, "  [{}]", line.chips.join("] ["));
        }
    }
    compare_text(name, &written);
}

fn compare_text(name: &str, written: &str) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("tests/transcripts/{name}.txt"));
    if std::env::var_os("BLESS").is_some() {
        fs::create_dir_all(path.parent().expect("a parent")).expect("the folder is made");
        fs::write(&path, written).expect("the transcript is written");
    }
    assert_eq!(
        written,
        fs::read_to_string(&path).unwrap_or_default(),
        "{}",
        path.display()
    );
}
