//! The program, from the terminal.

use std::io::{BufRead as _, BufReader, Write as _};
use std::path::Path;
use std::process::{Child, Command, Output, Stdio};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use serde_json::Value;

use crate::worker::{KEY, folder, keys, model, models};

fn program(arguments: &[&str], working_dir: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_inference-worker"));
    command
        .args(arguments)
        .current_dir(working_dir)
        .env_remove("INFERENCE_WORKER_KEY");
    command
}

fn run(arguments: &[&str], input: &str) -> Output {
    let working_dir = tempfile::tempdir().expect("a folder");
    run_in(arguments, input, working_dir.path())
}

fn run_in(arguments: &[&str], input: &str, working_dir: &Path) -> Output {
    let mut command = program(arguments, working_dir);
    let piped = command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    let mut child = piped.spawn().expect("it starts");
    let mut stdin = child.stdin.take().expect("it is piped");
    // It may not read it.
    let _ = stdin.write_all(input.as_bytes());
    drop(stdin);
    child.wait_with_output().expect("it ends")
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).expect("UTF-8")
}

fn lines(output: &Output) -> Vec<Value> {
    assert!(output.status.success(), "{}", text(&output.stderr));
    text(&output.stdout)
        .lines()
        .map(|line| serde_json::from_str(line).expect("JSON"))
        .collect()
}

/// A worker of its own process, at the address that it prints.
pub struct Served {
    child: Child,
    pub address: String,
}

impl Served {
    /// By the file `worker.toml` of the folder.
    pub fn start(working_dir: &Path) -> Served {
        let arguments = [
            "serve",
            "--config",
            "worker.toml",
            "--set",
            "server.port=0",
            "--set",
            "log.filter=error",
        ];
        let mut child = program(&arguments, working_dir)
            .stdout(Stdio::piped())
            .spawn()
            .expect("it starts");
        let out = BufReader::new(child.stdout.take().expect("it is piped"));
        let line = out.lines().next().expect("a line").expect("UTF-8");
        let address = line.rsplit(' ').next().expect("an address").to_owned();
        Served { child, address }
    }

    pub fn process(&self) -> u32 {
        self.child.id()
    }

    fn signal(&self, signal: Signal) {
        kill(Pid::from_raw(self.child.id() as i32), signal).expect("it is there");
    }
}

impl Drop for Served {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[test]
fn a_line_becomes_a_line_with_its_vector() {
    let model = folder("bert").display().to_string();
    let rows = lines(&run(&["embed", "--model", &model], "one\ntwo\n"));
    assert_eq!(rows.len(), 2);
    assert_eq!(rows[1]["index"], 1);
    assert_eq!(rows[0]["embedding"].as_array().map(Vec::len), Some(48));
    let arguments = [
        "embed",
        "--model",
        &model,
        "--jsonl",
        "--dimensions",
        "4",
        "--batch",
        "1",
    ];
    let rows = lines(&run(&arguments, "{\"id\": \"x\", \"text\": \"one\"}\n\"two\"\n"));
    assert_eq!((&rows[0]["id"], rows[1].get("id")), (&"x".into(), None));
    assert_eq!(rows[1]["embedding"].as_array().map(Vec::len), Some(4));
}

#[test]
fn documents_are_ranked() {
    let model = folder("bert-rerank").display().to_string();
    let rows = lines(&run(
        &[
            "rerank", "--model", &model, "--query", "ferry", "--top", "2", "a", "b", "c",
        ],
        "",
    ));
    assert_eq!(rows.len(), 2);
    assert!(rows[0]["relevance_score"].as_f64() >= rows[1]["relevance_score"].as_f64());
}

#[test]
fn a_model_of_another_kind_is_told() {
    let embeds = folder("bert").display().to_string();
    let output = run(&["rerank", "--model", &embeds, "--query", "q", "a"], "");
    assert!(!output.status.success());
    assert_eq!(
        text(&output.stderr),
        "inference-worker: the model makes vectors; use `inference-worker embed`\n"
    );
    let output = run(&["embed", "--model", "/nowhere", "a"], "");
    assert!(
        text(&output.stderr).contains("/nowhere is no folder"),
        "{}",
        text(&output.stderr)
    );
}

#[test]
fn a_wrong_configuration_has_a_status_of_its_own() {
    let output = run(&["serve", "--set", "server.prot=1", "--set", "server.port=x"], "");
    assert_eq!(output.status.code(), Some(78));
    assert!(text(&output.stderr).starts_with("inference-worker: --set server.prot: unknown setting"));
}

#[test]
fn a_key_is_made_with_its_section() {
    let output = text(&run(&["key", "crawler", "--admin"], "").stdout);
    let key = output
        .lines()
        .find_map(|line| line.strip_prefix("  iw-"))
        .expect("a key");
    assert_eq!(key.len(), 43);
    let section = &output[output.find("[[keys]]").expect("a section")..];
    let working_dir = tempfile::tempdir().expect("a folder");
    std::fs::write(working_dir.path().join("inference.toml"), section).expect("it is written");
    let effective = run_in(&["config", "--effective"], "", working_dir.path());
    let effective = text(&effective.stdout);
    assert!(
        effective.contains("name = \"crawler\"") && effective.contains("admin = true"),
        "{effective}"
    );
}

#[test]
fn models_and_the_doctor_say_what_does_not_fit() {
    let working_dir = tempfile::tempdir().expect("a folder");
    let broken = "[[models]]\nname = \"broken\"\nfolder = \".\"\n";
    let file = working_dir.path().join("inference.toml");
    std::fs::write(&file, format!("[server]\nport = 0\n{}{broken}", models())).expect("it is written");
    let told = run_in(&["models"], "", working_dir.path());
    assert_eq!(told.status.code(), Some(1));
    let out = text(&told.stdout);
    assert!(
        out.contains("org/rank  fits") && out.contains("broken    unusable"),
        "{out}"
    );
    let told = run_in(&["doctor"], "", working_dir.path());
    assert_eq!(told.status.code(), Some(1));
    let out = text(&told.stdout);
    assert!(
        out.contains("ok    libtorch") && out.contains("fail  model           broken: config.json"),
        "{out}"
    );
    std::fs::write(&file, format!("[server]\nport = 0\n{}", models())).expect("it is written");
    assert!(run_in(&["doctor"], "", working_dir.path()).status.success());
}

#[test]
fn a_model_is_measured() {
    let model = folder("bert").display().to_string();
    let working_dir = tempfile::tempdir().expect("a folder");
    let arguments = [
        "bench",
        "--model",
        &model,
        "--lengths",
        "8,16",
        "--batches",
        "1,2",
        "--seconds",
        "1",
        "--samples",
        "samples.jsonl",
    ];
    let output = run_in(&arguments, "", working_dir.path());
    assert!(output.status.success(), "{}", text(&output.stderr));
    assert_eq!(text(&output.stdout).lines().count(), 5);
    let samples = std::fs::read_to_string(working_dir.path().join("samples.jsonl")).expect("samples");
    assert!(samples.lines().count() >= 20);
}

#[test]
fn a_served_worker_reloads_and_stops_by_signals() {
    let working_dir = tempfile::tempdir().expect("a folder");
    let file = working_dir.path().join("worker.toml");
    std::fs::write(&file, model("first", "bert") + &keys()).expect("it is written");
    let mut served = Served::start(working_dir.path());
    let ask = |name: &str| {
        let arguments = ["embed", "--url", &served.address, "--model", name, "text"];
        let command = program(&arguments, working_dir.path())
            .env("INFERENCE_WORKER_KEY", KEY)
            .output();
        command.expect("it ends")
    };
    // It is asked again while models are loaded.
    assert_eq!(lines(&ask("first")).len(), 1);
    assert!(text(&ask("second").stderr).contains("model_not_found"));
    let models = program(&["models", "--url", &served.address], working_dir.path())
        .output()
        .expect("it ends");
    assert!(text(&models.stderr).contains("missing_api_key"));

    std::fs::write(&file, model("second", "bert") + &keys()).expect("it is written");
    served.signal(Signal::SIGHUP);
    while !ask("second").status.success() {}
    assert!(text(&ask("first").stderr).contains("model_not_found"));

    std::fs::write(&file, "nonsense").expect("it is written");
    served.signal(Signal::SIGHUP);
    assert_eq!(lines(&ask("second")).len(), 1, "what is wrong changes nothing");

    served.signal(Signal::SIGTERM);
    assert!(served.child.wait().expect("it ends").success());
}
