//! The worker as the official OpenAI packages see it, which are fetched once (`tests/sdk`).

use std::path::Path;

use tokio::process::Command;

use crate::references::minilm;
use crate::worker::{KEY, Running, config, keys, model};

/// With a slash, as in the names that models have where they come from.
const MODEL: &str = "sentence-transformers/all-MiniLM-L6-v2";
const RERANKER: &str = "small/reranker";

/// Asks by the package of this language, and fails with what it found.
async fn check(language: &str) {
    let real = format!("[[models]]\nname = \"{MODEL}\"\nfolder = {:?}\n", minilm());
    let text = keys() + &real + &model(RERANKER, "bert-rerank");
    // A queue so short that a few requests fill it.
    let worker = Running::start(config(&text, &["engine.queue_tokens_max=600"]), None).await;
    let program = Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("tests/sdk/{language}/run"));
    let ran = Command::new(program)
        .args([&worker.url("/v1"), KEY, MODEL, RERANKER])
        .output()
        .await
        .expect("it runs");
    assert!(
        ran.status.success(),
        "{}{}",
        String::from_utf8_lossy(&ran.stdout),
        String::from_utf8_lossy(&ran.stderr)
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn the_python_package_of_openai_is_a_client() {
    check("python").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_npm_package_of_openai_is_a_client() {
    check("node").await;
}
