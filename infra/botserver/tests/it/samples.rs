//! The bots that come with the program, talked to as visitors do.

use crate::chat::Visitor;
use crate::server::{DataFolder, Server};

/// Says each and keeps what the bot answers.
async fn talk(server: &Server, bot: &str, words: &[&str]) -> Vec<Vec<String>> {
    let mut visitor = Visitor::enter(&server.address, bot).await.expect("let in");
    let mut heard = Vec::new();
    for said in words {
        visitor.say(said).await;
        let turn = visitor.answered.last().cloned();
        let answers = visitor
            .transcript
            .values()
            .filter(|line| !line.from_visitor && line.turn_id == turn)
            .map(|line| line.text.clone());
        heard.push(answers.collect());
    }
    heard
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_bots_that_keep_tables_keep_them() {
    let data = DataFolder::new();
    let samples = concat!(env!("CARGO_MANIFEST_DIR"), "/samples");
    let server = Server::start_with(&data, &[("BOTSERVER_BOTS_DIR", samples.to_owned())]);
    let marina = talk(
        &server,
        "marina",
        &[
            "What is free?",
            "Book a berth",
            "Gaivota",
            "9.5",
            "2",
            "My bookings",
        ],
    )
    .await;
    assert_eq!(marina[0][0], "5 of the cheapest:");
    assert_eq!(marina[0][1], "Berth 1, up to 10 m, 20.00 a night");
    assert_eq!(marina[1], ["What is your boat called?"]);
    assert_eq!(marina[4], ["Berth 1 is yours for 2 nights: 40.00"]);
    assert!(marina[5][0].starts_with("Gaivota, berth 1 from "), "{marina:?}");

    let library = talk(&server, "library", &["frank", "yes"]).await;
    assert_eq!(
        library[0],
        ["I found 1:", "- Frankenstein", "Shall I lend you the first?"]
    );
    assert!(
        library[1][0].starts_with("Frankenstein is yours until "),
        "{library:?}"
    );

    let helpdesk = talk(
        &server,
        "helpdesk",
        &["The mast is loose", "Delivery", "It is the top part"],
    )
    .await;
    assert_eq!(helpdesk[1], ["That is ticket 1."]);
    assert_eq!(helpdesk[2], ["I added it to ticket 1, which now has 1 notes."]);
    // What is urgent is a person's from here on.
    let helpdesk = talk(&server, "helpdesk", &["The mast is broken", "Delivery"]).await;
    assert_eq!(
        helpdesk[1],
        [
            "That is ticket 2.",
            "A person will answer. Place in the queue: 1."
        ]
    );

    let survey = talk(&server, "survey", &["40", "Porto", "train", "25"]).await;
    assert_eq!(survey[3][0], "Thank you, that is answer 1.");
    assert!(
        survey[3].contains(&"train: 1, 25 minutes".to_owned()),
        "{survey:?}"
    );

    let expenses = talk(&server, "expenses", &["12.50", "Train to Porto"]).await;
    assert_eq!(expenses[1][0], "Booked: 12.50 EUR for Train to Porto");

    let onboarding = talk(&server, "onboarding", &["Ana", "2026-12-01", "yes"]).await;
    assert_eq!(
        onboarding[2],
        ["I know of you: is called Ana", "Payroll will write to you."]
    );

    let chandlery = talk(
        &server,
        "chandlery",
        &["rope", "order 104", "order 102", "orders"],
    )
    .await;
    assert_eq!(chandlery[0], ["101: Rope 12 mm, 1.80 a metre, in stock"]);
    assert_eq!(chandlery[1], ["That is not in stock."]);
    assert_eq!(
        chandlery[2],
        ["Here is your receipt.", "Ordered. Your orders come to 24.90"]
    );
    assert_eq!(chandlery[3], ["Fender: 24.90"]);
    assert!(server.stop(), "the server stops when asked");
}
