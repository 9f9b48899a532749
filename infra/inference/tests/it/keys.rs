//! Who may ask what.

use reqwest::Method;
use serde_json::json;

use crate::worker::{ADMIN, Answer, KEY, Running, answer, config, keys, models};

async fn ask(worker: &Running, method: Method, path: &str, key: &str) -> Answer {
    let mut request = worker.request(method, path);
    if !key.is_empty() {
        request = request.bearer_auth(key);
    }
    answer(request.json(&json!({"model": "embed", "input": "a"}))).await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_worker_with_keys_asks_for_them() {
    let worker = Running::start(config(&(models() + &keys()), &[]), None).await;
    let path = "/v1/embeddings";
    assert_eq!(ask(&worker, Method::POST, path, KEY).await.status, 200);
    let none = ask(&worker, Method::POST, path, "").await;
    assert_eq!(none.error(), (401, "missing_api_key".to_owned()));
    assert_eq!(none.headers["www-authenticate"], "Bearer");
    let wrong = ask(&worker, Method::POST, path, "iw-of-nobody").await;
    assert_eq!(wrong.error(), (401, "invalid_api_key".to_owned()));
    assert!(!wrong.text.contains("iw-of-nobody"));
    // Also what is not there is told to those who may ask only.
    assert_eq!(ask(&worker, Method::GET, "/v1/nothing", "").await.status, 401);
    assert_eq!(ask(&worker, Method::GET, "/metrics", "").await.status, 401);
    assert_eq!(ask(&worker, Method::GET, "/metrics", KEY).await.status, 200);
    for path in ["/livez", "/readyz"] {
        assert_eq!(ask(&worker, Method::GET, path, "").await.status, 200, "{path}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn only_some_keys_load_and_unload_models() {
    let worker = Running::start(config(&(models() + &keys()), &["server.metrics_open=true"]), None).await;
    for path in ["/v1/models/embed/unload", "/v1/models/embed/load"] {
        let refused = ask(&worker, Method::POST, path, KEY).await;
        assert_eq!(refused.error(), (403, "admin_required".to_owned()), "{path}");
        assert_eq!(
            ask(&worker, Method::POST, path, ADMIN).await.status,
            200,
            "{path}"
        );
    }
    assert_eq!(ask(&worker, Method::GET, "/metrics", "").await.status, 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_wrong_with_a_folder_is_told_to_those_who_may_load_it() {
    let broken = "[[models]]\nname = \"broken\"\nfolder = \"/nowhere/secret\"\n";
    let worker = Running::start(config(&(keys() + broken), &[]), None).await;
    for (key, told) in [(KEY, false), (ADMIN, true)] {
        let model = ask(&worker, Method::GET, "/v1/models/broken", key).await;
        assert_eq!(model.json()["status"], "failed");
        assert_eq!(model.text.contains("secret"), told, "{}", model.text);
        let request = worker.request(Method::POST, "/v1/embeddings").bearer_auth(key);
        let refused = answer(request.json(&json!({"model": "broken", "input": "a"}))).await;
        assert_eq!(refused.error(), (503, "model_unavailable".to_owned()));
        assert_eq!(refused.text.contains("secret"), told, "{}", refused.text);
    }
    let ready = worker.get("/readyz").await;
    assert_eq!(
        (ready.status.as_u16(), &ready.json()["status"]),
        (503, &"failed".into())
    );
    assert_eq!(ready.json()["awaited"], json!(["broken"]));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_page_of_a_browser_does_not_reach_a_worker_without_keys() {
    let worker = crate::worker::start().await;
    let request = worker.request(Method::POST, "/v1/models/embed/unload");
    let told = answer(request.header("origin", "https://example.org")).await;
    assert_eq!(told.error(), (403, "origin_refused".to_owned()));
}
