//! A person's journey through the real page, in headless Chromium: greeted, answered, reloaded, in both themes.
//!
//! Leaves screenshots where `BOTSERVER_SCREENSHOTS` says.

use std::path::Path;
use std::process::Command;

use crate::server::{DataFolder, Server};

#[test]
fn a_person_talks_to_the_sample_bot_in_a_browser() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../api/ui/test");
    if !folder.join("node_modules").exists() {
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
    }
    let data = DataFolder::new();
    let server = Server::start(&data);
    let screenshots = std::env::var_os("BOTSERVER_SCREENSHOTS")
        .unwrap_or_else(|| data.path().join("screenshots").into_os_string());
    let journey = Command::new("node")
        .arg("journey.mjs")
        .current_dir(&folder)
        .env("BOTSERVER_URL", server.url(""))
        .env("BOTSERVER_SAY", "Sandholm")
        .env("BOTSERVER_SCREENSHOTS", screenshots)
        .output()
        .expect("node runs");
    let told = String::from_utf8_lossy(&journey.stdout);
    assert!(
        journey.status.success(),
        "{told}\n{}",
        String::from_utf8_lossy(&journey.stderr)
    );
    assert!(told.contains("the journey is complete"), "{told}");
}
