//! The REST interface against its own OpenAPI document, as Schemathesis sees it: every check, every operation.

use std::num::NonZeroU32;
use std::path::Path;

use tokio::process::Command;

use crate::server::TestServer;

/// Looks for differences, and fails with what was found.
async fn look(seed: u32, seconds: u32) {
    let server = TestServer::start_with(|settings| {
        let limits = &mut settings.limits;
        // Thousands of requests of one client, of which many are meant to be refused.
        limits.visits_per_minute_max = NonZeroU32::MAX;
        limits.failures_per_minute_max = NonZeroU32::MAX;
        limits.messages_per_minute_max = NonZeroU32::MAX;
        limits.files_per_minute_max = NonZeroU32::MAX;
        settings.default_bot = Some("helper".to_owned());
    })
    .await;
    server.bot("helper").await;
    let program = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/schemathesis/run");
    let ran = Command::new(program)
        .args([&server.url(""), &server.administrator])
        .args([seed.to_string(), seconds.to_string()])
        .output()
        .await
        .expect("it runs");
    assert!(
        ran.status.success(),
        "seed {seed}\n{}{}",
        String::from_utf8_lossy(&ran.stdout),
        String::from_utf8_lossy(&ran.stderr)
    );
}

#[tokio::test]
async fn schemathesis_finds_nothing_with_the_seed_that_it_always_has() {
    look(1, 30).await;
}

#[tokio::test]
async fn schemathesis_finds_nothing_with_a_seed_of_its_own() {
    let seed = std::env::var("BOTSERVER_TEST_SEED")
        .ok()
        .and_then(|seed| seed.parse().ok())
        .unwrap_or_else(rand::random);
    look(seed, 30).await;
}
