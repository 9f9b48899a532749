//! Commands as they are typed.

use std::io::Write;
use std::process::Stdio;

use crate::server::{DataFolder, Server};

#[test]
fn check_names_every_mistake_and_counts() {
    let data = DataFolder::new();
    data.script("good", "start", "TALK \"hello\"\n");
    let (code, text) = data.run(&["check", "bots"]);
    assert_eq!((code, text.trim()), (0, "checked 1 scripts, 0 with errors"));

    data.script("bad", "start", "TALK \"open\nIF x THEN\n  TALK 1\n");
    let (code, text) = data.run(&["check", "bots"]);
    assert_eq!(code, 1, "{text}");
    assert!(text.contains("start.bas:1:6"), "{text}");
    assert!(text.contains('^'), "{text}");
    assert!(text.ends_with("checked 2 scripts, 1 with errors\n"), "{text}");

    let (code, text) = data.run(&["check", "--format", "json", "bots/bad.gbai"]);
    assert_eq!(code, 1);
    let report: serde_json::Value = serde_json::from_str(&text).expect("JSON");
    assert_eq!(report["scripts_with_errors"], 1);
    assert_eq!(report["findings"][0]["line"], 1);
}

#[test]
fn check_of_what_is_no_text_or_not_there_is_an_error() {
    let data = DataFolder::new();
    std::fs::write(data.path().join("x.bas"), b"TALK 1\nTALK \"\xff\"\n").expect("written");
    let (code, text) = data.run(&["check", "x.bas"]);
    assert_eq!(code, 1);
    assert!(text.contains("P0001") && text.contains("x.bas:2:7"), "{text}");
    let (code, text) = data.run(&["check", "missing.bas"]);
    assert_eq!(code, 1);
    assert!(text.contains("missing.bas does not exist"), "{text}");
}

#[test]
fn a_file_of_several_tools_is_checked_and_described_tool_by_tool() {
    let data = DataFolder::new();
    data.script(
        "x",
        "apis",
        "DESCRIPTION \"A cat fact\"\nTALK \"purr\"\n\nDESCRIPTION \"The weather\"\nPARAM city AS STRING\nPARAM days AS INTEGER DEFAULT 1\nTALK city\n",
    );
    data.script(
        "x",
        "start",
        "USE TOOL \"apis\"\nADD TOOL \"apis#the-weather\"\nCALL \"apis#the-weather\", \"Porto\"\nUSE TOOL \"apis#the-whether\"\n",
    );
    let (code, text) = data.run(&["check", "bots"]);
    assert_eq!(code, 0, "{text}");
    assert_eq!(text.matches("warning").count(), 1, "{text}");
    assert!(text.contains("did you mean `apis#the-weather`?"), "{text}");

    let (code, text) = data.run(&["tools", "bots"]);
    assert_eq!(code, 0, "{text}");
    let tools: serde_json::Value = serde_json::from_str(&text).expect("JSON");
    assert_eq!(tools[0]["script"], "apis");
    assert_eq!(tools[1]["script"], "apis#the-weather");
    assert_eq!(tools[1]["tool"]["name"], "apis_the-weather");
    assert_eq!(
        tools[1]["tool"]["inputSchema"]["required"],
        serde_json::json!(["city"])
    );
    assert_eq!(tools.as_array().map(Vec::len), Some(2));

    data.script("y", "broken", "TALK (\n");
    let (code, text) = data.run(&["tools", "--shape", "openai", "bots"]);
    assert_ne!(code, 0, "{text}");
    assert!(text.contains("\"parameters\""), "{text}");
}

#[test]
fn run_talks_in_the_terminal() {
    let data = DataFolder::new();
    data.script(
        "x",
        "start",
        "HEAR n AS INTEGER WITH \"How many?\"\nTALK \"twice is \" + (n * 2)\n",
    );
    let mut child = data
        .command()
        .args(["run", "bots/x.gbai/x.gbdialog/start.bas"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("it runs");
    child
        .stdin
        .take()
        .expect("its input")
        .write_all(b"lots\n21\n")
        .expect("written");
    let output = child.wait_with_output().expect("it ends");
    let text = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{text}");
    assert!(
        text.starts_with("How many?\n") && text.ends_with("twice is 42\n"),
        "{text}"
    );
}

#[test]
fn a_wrong_setting_is_one_line_and_exit_code_78() {
    let data = DataFolder::new();
    let output = data
        .command()
        .env("BOTSERVER_SERVER_PORT", "many")
        .arg("serve")
        .output()
        .expect("it runs");
    let text = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(78), "{text}");
    assert_eq!(text.lines().count(), 1, "{text}");
    assert!(
        text.contains("server.port") && text.contains("BOTSERVER_SERVER_PORT"),
        "{text}"
    );
}

#[test]
fn commands_work_beside_a_running_server_and_without_one() {
    let data = DataFolder::new();
    let server = Server::start(&data);
    assert!(server.token.is_some());
    let (code, text) = data.run(&["projections", "list"]);
    assert_eq!(code, 0, "{text}");
    assert!(text.contains("conversation"), "{text}");
    let (code, text) = data.run(&["token", "issue", "--name", "ci", "--permission", "bot.read"]);
    assert_eq!(code, 0, "{text}");
    assert_eq!(text.trim().split('.').count(), 3, "{text}");
    assert!(server.stop());
    let (code, text) = data.run(&["log", "verify"]);
    assert_eq!(code, 0, "{text}");
    assert!(text.contains(" 0 findings"), "{text}");
    let (code, text) = data.run(&["projections", "rebuild", "nothing"]);
    assert_eq!(code, 1, "{text}");
    assert!(
        text.contains("conversation"),
        "an unknown name lists the known ones: {text}"
    );

    let again = Server::start(&data);
    assert!(again.token.is_none(), "the token is shown once");
}
