//! Files of a bot's drive: written, listed, given out and removed by tokens with the right.

use domain::Permission;
use reqwest::Method;
use serde_json::{Value, json};
use uuid::Uuid;

use crate::graphql::{ask_as, codes, create_bot, data};
use crate::rest::{is_problem, read};
use crate::server::TestServer;

async fn write(server: &TestServer, bot: &str, path: &str, body: &str, key: Option<&str>) -> (u16, Value) {
    let mut request = server
        .request(Method::POST, &format!("/api/v1/bots/{bot}/files"))
        .query(&[("path", path)])
        .bearer_auth(&server.administrator)
        .body(body.to_owned());
    if let Some(key) = key {
        request = request.header("idempotency-key", key);
    }
    read(request.send().await.expect("answered")).await
}

async fn list(server: &TestServer, token: &str, bot: &str, query: &[(&str, &str)]) -> (u16, Value) {
    let request = server
        .request(Method::GET, &format!("/api/v1/bots/{bot}/files"))
        .query(query)
        .bearer_auth(token);
    read(request.send().await.expect("answered")).await
}

fn paths(list: &Value) -> Vec<&str> {
    let files = list["files"].as_array().expect("a list");
    files
        .iter()
        .map(|file| file["path"].as_str().expect("a path"))
        .collect()
}

#[tokio::test]
async fn files_are_written_listed_given_out_and_removed() {
    let server = TestServer::start().await;
    let (bot, token) = create_bot(&server, "helper").await;
    server.settle(&token).await;
    for path in ["in/b.csv", "in/a.html", "top.txt", "inner.txt"] {
        let (status, file) = write(&server, &bot, path, "<script>1</script>", None).await;
        assert_eq!((status, &file["path"]), (201, &json!(path)), "{file}");
    }
    let administrator = server.administrator.clone();
    let (status, first) = list(&server, &administrator, &bot, &[("first", "3")]).await;
    assert_eq!(
        (status, paths(&first)),
        (200, vec!["in/a.html", "in/b.csv", "inner.txt"])
    );
    let next = first["next"].as_str().expect("there are more");
    let (_, rest) = list(&server, &administrator, &bot, &[("first", "3"), ("after", next)]).await;
    assert_eq!((paths(&rest), rest["next"].is_null()), (vec!["top.txt"], true));
    let (_, below) = list(&server, &administrator, &bot, &[("folder", "in/")]).await;
    assert_eq!(paths(&below), ["in/a.html", "in/b.csv"]);
    let query = "query ($b: ID!) { bot(id: $b) { files(folder: \"in\") { totalCount edges { node { id path name bytes mediaType
        ofPackage } } } } }";
    let seen = data(&server, query, json!({ "b": bot })).await;
    let node = &seen["bot"]["files"]["edges"][0]["node"];
    assert_eq!(
        (&node["name"], &node["bytes"]),
        (&json!("a.html"), &json!(18)),
        "{node}"
    );

    // Whatever it is, it is saved and not shown.
    let address = format!("/api/v1/bots/{bot}/files/{}", node["id"].as_str().expect("an id"));
    let given = server
        .get(&address)
        .bearer_auth(&administrator)
        .send()
        .await
        .expect("answered");
    let header = |name: &str| given.headers()[name].to_str().expect("visible").to_owned();
    assert_eq!(header("x-content-type-options"), "nosniff");
    assert!(header("content-disposition").starts_with("attachment; filename=\"a.html\""));
    assert!(header("content-security-policy").contains("sandbox"));
    assert_eq!(given.text().await.expect("a text"), "<script>1</script>");

    // Written again under the same key, it is answered as the first time; another content is another command.
    let (_, once) = write(&server, &bot, "top.txt", "two", Some("k1")).await;
    let (_, again) = write(&server, &bot, "top.txt", "two", Some("k1")).await;
    assert_eq!(once["file_id"], again["file_id"]);
    let other = write(&server, &bot, "top.txt", "three", Some("k1")).await;
    is_problem(&other, 409, "idempotency_key_reused");

    let removed = server.delete(&address).send().await.expect("answered");
    assert_eq!(removed.status(), 200);
    let gone = server
        .get(&address)
        .bearer_auth(&administrator)
        .send()
        .await
        .expect("answered");
    is_problem(&read(gone).await, 404, "drive_file_not_found");
    let gone = server.delete(&address).send().await.expect("answered");
    is_problem(&read(gone).await, 404, "drive_file_not_found");
}

#[tokio::test]
async fn what_does_not_belong_into_a_drive_or_to_whoever_asks_is_refused() {
    let server = TestServer::start().await;
    let (bot, token) = create_bot(&server, "helper").await;
    server.settle(&token).await;
    for path in [
        "../secret",
        "a/../../b",
        "/etc/passwd",
        "folder/",
        "a\\b",
        "",
        "pho\u{202e}to",
    ] {
        is_problem(&write(&server, &bot, path, "x", None).await, 422, "drive_path");
    }
    let large = "x".repeat(2 << 20);
    is_problem(
        &write(&server, &bot, "large.txt", &large, None).await,
        409,
        "drive_full",
    );
    let (_, file) = write(&server, &bot, "a.txt", "x", None).await;
    let id = file["file_id"].as_str().expect("an id");
    let (_, stranger) = server.stranger().await;
    is_problem(&list(&server, &stranger, &bot, &[]).await, 404, "bot_not_found");
    let theirs = server
        .get(&format!("/api/v1/bots/{bot}/files/{id}"))
        .bearer_auth(&stranger);
    is_problem(
        &read(theirs.send().await.expect("answered")).await,
        404,
        "bot_not_found",
    );
    let administrator = server.administrator.clone();
    let nowhere = Uuid::now_v7().to_string();
    is_problem(
        &list(&server, &administrator, &nowhere, &[]).await,
        404,
        "bot_not_found",
    );
    is_problem(
        &list(&server, &administrator, &bot, &[("first", "101")]).await,
        400,
        "query_invalid",
    );
    // Nothing comes after what sorts last, or lies below what is no folder.
    for query in [("after", "~"), ("folder", "../x")] {
        let (status, nothing) = list(&server, &administrator, &bot, &[query]).await;
        assert_eq!((status, &nothing["files"]), (200, &json!([])), "{query:?}");
    }
    let reader = server.token(&[Permission::BotRead]).await;
    let query = "query ($b: ID!) { bot(id: $b) { files { totalCount } } }";
    let answer = ask_as(&server, &reader, query, json!({ "b": bot })).await;
    assert_eq!(codes(&answer), ["FORBIDDEN"]);
}
