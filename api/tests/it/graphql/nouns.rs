//! What the nouns tell: a conversation with its turns, a broken script, how far the read models are.

use std::collections::BTreeMap;

use commands::PackageFiles;
use serde_json::{Value, json};

use super::{ask_as, codes, data};
use crate::rest::read;
use crate::server::TestServer;

const ECHO: &str = "TALK \"Hello\"\nHEAR name\nTALK \"Hi \" + name\nHEAR more\n";

/// Starts a session over REST and says something; session and read token.
pub async fn say(server: &TestServer, bot: &str, content: &str) -> (String, String) {
    let started = server
        .post("/api/v1/sessions", &json!({ "bot_id": bot }))
        .send()
        .await
        .expect("answered");
    let (status, started) = read(started).await;
    assert_eq!(status, 201, "{started}");
    let session = started["session_id"].as_str().expect("an id").to_owned();
    let path = format!("/api/v1/sessions/{session}/turns");
    let (status, turn) = read(
        server
            .post(&path, &json!({ "content": content }))
            .send()
            .await
            .expect("answered"),
    )
    .await;
    assert_eq!(status, 202, "{turn}");
    (session, turn["token"].as_str().expect("a token").to_owned())
}

/// Asks until the answer is as wanted: what a script says comes when it comes.
async fn until(server: &TestServer, query: &str, variables: Value, wanted: impl Fn(&Value) -> bool) -> Value {
    for _ in 0..600 {
        let answer = data(server, query, variables.clone()).await;
        if wanted(&answer) {
            return answer;
        }
        let head = server.feed.head().await.expect("the log has a head");
        let _ = tokio::time::timeout(std::time::Duration::from_millis(50), server.feed.wait_past(head)).await;
    }
    panic!("the answer never came: {query}");
}

#[tokio::test]
async fn a_conversation_tells_what_was_said_by_whom() {
    let server = TestServer::start().await;
    let bot = server.bot_with("helper", ECHO).await.to_string();
    let (session, token) = say(&server, &bot, "Ann").await;
    let query =
        "query ($s: ID!, $t: String) { conversations(sessionId: $s, first: 1, waitFor: $t) { totalCount edges { node {
        id state turnCount replyCount bot { id name } session { id channel state bot { name } }
        turns(first: 10) { edges { cursor node { id author content inReplyTo position at
            suggestions { text } run { id script } } } pageInfo { hasNextPage } }
        runs { edges { node { state script conversation { id } } } } } } } }";
    let variables = json!({ "s": session, "t": token });
    let answered = |answer: &Value| {
        let node = &answer["conversations"]["edges"][0]["node"];
        node["turns"]["edges"]
            .as_array()
            .is_some_and(|turns| turns.iter().any(|turn| turn["node"]["content"] == "Hi Ann"))
            && node["runs"]["edges"][0]["node"]["state"] == "WAITING"
    };
    let answer = until(&server, query, variables, answered).await;
    let conversation = &answer["conversations"]["edges"][0]["node"];
    assert_eq!(
        (&conversation["state"], &conversation["turnCount"]),
        (&json!("OPEN"), &json!(1))
    );
    assert_eq!(conversation["bot"], json!({ "id": bot, "name": "helper" }));
    assert_eq!(conversation["session"]["channel"], "API");
    assert_eq!(
        conversation["runs"]["edges"][0]["node"]["conversation"]["id"],
        conversation["id"]
    );
    let turns: Vec<&Value> = conversation["turns"]["edges"]
        .as_array()
        .expect("a list")
        .iter()
        .map(|edge| &edge["node"])
        .collect();
    assert!(
        turns.is_sorted_by_key(|turn| turn["position"].as_i64()),
        "{turns:?}"
    );
    let said = turns
        .iter()
        .find(|turn| turn["content"] == "Ann")
        .expect("was said");
    let reply = turns
        .iter()
        .find(|turn| turn["content"] == "Hi Ann")
        .expect("was answered");
    assert_eq!(
        (&said["author"], &reply["author"]),
        (&json!("VISITOR"), &json!("BOT"))
    );
    assert_eq!(
        (&reply["inReplyTo"], &reply["run"]["script"]),
        (&said["id"], &json!("start"))
    );
    assert_eq!(said["run"], Value::Null);
}

#[tokio::test]
async fn rights_are_checked_at_each_noun_on_the_way() {
    use domain::Permission::{ConversationRead, SessionRead};
    let server = TestServer::start().await;
    let bot = server.bot_with("helper", ECHO).await.to_string();
    let (session, token) = say(&server, &bot, "Ann").await;
    let reader = server.token(&[SessionRead, ConversationRead]).await;
    let query = "query ($s: ID!, $t: String) { session(id: $s, waitFor: $t) { state bot { name }
        conversations { edges { node { bot { name } runs { totalCount } } } } } }";
    let answer = ask_as(&server, &reader, query, json!({ "s": session, "t": token })).await;
    assert!(
        codes(&answer).iter().all(|code| *code == "FORBIDDEN") && codes(&answer).len() == 3,
        "{answer}"
    );
    let found = &answer["data"]["session"];
    assert_eq!((&found["state"], &found["bot"]), (&json!("OPEN"), &Value::Null));
    assert_eq!(
        found["conversations"]["edges"][0]["node"],
        json!({ "bot": null, "runs": null })
    );
}

#[tokio::test]
async fn a_broken_script_tells_where() {
    let server = TestServer::start().await;
    let bot = server.bot("helper").await;
    let scripts = [("start", "TALK \"fine\"\n"), ("broken", "IF 1 THEN\nTALK (\n")];
    let files = PackageFiles {
        scripts: BTreeMap::from(scripts.map(|(name, text)| (name.to_owned(), text.as_bytes().to_vec()))),
        ..PackageFiles::default()
    };
    server.load(bot, "helper", &files).await;
    let query = "query ($id: ID!) { bot(id: $id) { broken scripts { name program broken
        findings { code severity message line column help } } } }";
    let answer = until(&server, query, json!({ "id": bot.to_string() }), |answer| {
        answer["bot"]["broken"] == true
    })
    .await;
    let scripts = answer["bot"]["scripts"].as_array().expect("a list");
    let names: Vec<&str> = scripts
        .iter()
        .filter_map(|script| script["name"].as_str())
        .collect();
    assert_eq!(names, ["broken", "start"]);
    assert_eq!(
        (&scripts[0]["program"], &scripts[0]["broken"]),
        (&Value::Null, &json!(true))
    );
    let finding = &scripts[0]["findings"][0];
    assert_eq!(finding["severity"], "ERROR");
    assert!(
        finding["code"].is_string() && finding["line"].as_i64() >= Some(1),
        "{finding}"
    );
    assert!(scripts[1]["program"].is_string() && scripts[1]["broken"] == false);
}

#[tokio::test]
async fn a_node_is_found_by_its_id_alone_by_who_may_read_it() {
    let server = TestServer::start().await;
    let bot = server.bot("helper").await.to_string();
    let query = "query ($id: ID!) { node(id: $id) { __typename id ... on Bot { name } } }";
    let found = json!({ "node": { "__typename": "Bot", "id": bot, "name": "helper" } });
    let answer = until(&server, query, json!({ "id": bot }), |answer| {
        !answer["node"].is_null()
    })
    .await;
    assert_eq!(answer, found);
    let other = server.token(&[domain::Permission::RunRead]).await;
    let answer = ask_as(&server, &other, query, json!({ "id": bot })).await;
    assert_eq!(answer, json!({ "data": { "node": null } }));
}

#[tokio::test]
async fn the_read_models_say_how_far_they_are() {
    let server = TestServer::start().await;
    let (_, token) = super::create_bot(&server, "helper").await;
    let query = "query ($t: String) { projections(waitFor: $t) { head
        items { name position lagEvents leaders building { position active } updatedAt failure { error } } } }";
    let answer = data(&server, query, json!({ "t": token })).await["projections"].take();
    let items = answer["items"].as_array().expect("a list");
    let names: Vec<&str> = items.iter().filter_map(|item| item["name"].as_str()).collect();
    assert_eq!(names, projections::NAMES);
    for item in items {
        let behind =
            answer["head"].as_i64().unwrap_or_default() - item["position"].as_i64().unwrap_or_default();
        assert_eq!(
            (item["lagEvents"].as_i64(), &item["failure"], &item["building"]),
            (Some(behind), &Value::Null, &Value::Null)
        );
        assert!(
            item["position"].as_i64() > Some(0) && item["updatedAt"].is_string() && item["leaders"] == 1,
            "{item}"
        );
    }
}
