//! The sample bot, talked through: three branches, bad input at every question, the loop left in both ways.
//!
//! `BLESS=1` rewrites the committed transcripts.

use std::fmt::Write as _;
use std::fs;
use std::path::Path;

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
    compare(&server, "harbour_booking", &booking).await;
    compare(
        &server,
        "harbour_leaving",
        &["sailings", "nothing, thanks", "are you still there?"],
    )
    .await;
}

async fn compare(server: &Server, name: &str, said: &[&str]) {
    let mut visitor = Visitor::enter(&server.address, "harbour").await.expect("let in");
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
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("tests/transcripts/{name}.txt"));
    if std::env::var_os("BLESS").is_some() {
        fs::create_dir_all(path.parent().expect("a parent")).expect("the folder is made");
        fs::write(&path, &written).expect("the transcript is written");
    }
    assert_eq!(
        written,
        fs::read_to_string(&path).unwrap_or_default(),
        "{}",
        path.display()
    );
}
