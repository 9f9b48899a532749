//! Public clients of other makers, which run in Node. Their packages are fetched where they are missing.

use std::path::Path;
use std::process::Output;

use tokio::process::Command;

/// Runs `tests/FOLDER/SCRIPT` with arguments, and fails with what it says when it fails.
pub async fn run(folder: &str, script: &str, arguments: &[&str]) {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests").join(folder);
    if !folder.join("node_modules").exists() {
        let fetch = ["ci", "--no-audit", "--no-fund"];
        check(&output("npm", &fetch, &folder).await);
    }
    let arguments: Vec<&str> = std::iter::once(script).chain(arguments.iter().copied()).collect();
    check(&output("node", &arguments, &folder).await);
}

async fn output(program: &str, arguments: &[&str], folder: &Path) -> Output {
    let ran = Command::new(program)
        .args(arguments)
        .current_dir(folder)
        .output()
        .await;
    ran.expect("the program runs")
}

#[track_caller]
fn check(output: &Output) {
    let (told, failed) = (
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr),
    );
    assert!(output.status.success(), "{told}{failed}");
}
