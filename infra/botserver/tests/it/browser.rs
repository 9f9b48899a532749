//! The real pages in headless Chromium: a person's journey through the chat (greeted, answered, reloaded, in both
//! themes), and GraphiQL.
//!
//! Leaves screenshots where `BOTSERVER_SCREENSHOTS` says.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Once;

use crate::server::{DataFolder, Server};

#[test]
fn a_person_talks_to_the_sample_bot_in_a_browser() {
    let data = DataFolder::new();
    let server = Server::start(&data);
    let told = browse(&data, &server, "journey.mjs", &[("BOTSERVER_SAY", "Sandholm")]);
    assert!(told.contains("the journey is complete"), "{told}");
}

#[test]
fn a_developer_tries_queries_and_subscriptions_in_a_browser() {
    let data = DataFolder::new();
    let server = Server::start(&data);
    let token = server.token.as_deref().expect("the first start shows a token");
    let told = browse(&data, &server, "graphiql.mjs", &[("BOTSERVER_TOKEN", token)]);
    assert!(told.contains("GraphiQL works"), "{told}");
}

/// Runs a script of the page's tests against a server; returns what it says.
fn browse(data: &DataFolder, server: &Server, script: &str, variables: &[(&str, &str)]) -> String {
    let screenshots = std::env::var_os("BOTSERVER_SCREENSHOTS")
        .unwrap_or_else(|| data.path().join("screenshots").into_os_string());
    let ran = Command::new("node")
        .arg(script)
        .current_dir(packages())
        .env("BOTSERVER_URL", server.url(""))
        .env("BOTSERVER_SCREENSHOTS", screenshots)
        .envs(variables.iter().copied())
        .output()
        .expect("node runs");
    let told = String::from_utf8_lossy(&ran.stdout).into_owned();
    assert!(
        ran.status.success(),
        "{told}\n{}",
        String::from_utf8_lossy(&ran.stderr)
    );
    told
}

/// The folder of the page's tests, once its packages are there: fetched by the first who needs them.
fn packages() -> PathBuf {
    static FETCHED: Once = Once::new();
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../api/ui/test");
    FETCHED.call_once(|| {
        if folder.join("node_modules").exists() {
            return;
        }
        let fetched = Command::new("npm")
            .args(["ci", "--no-audit", "--no-fund"])
            .current_dir(&folder)
            .output();
        let fetched = fetched.expect("npm runs");
        assert!(
            fetched.status.success(),
            "{}",
            String::from_utf8_lossy(&fetched.stderr)
        );
    });
    folder
}
