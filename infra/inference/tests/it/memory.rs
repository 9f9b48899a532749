//! Memory that is missing ends what needs it, and not the worker.

use std::fs;
use std::process::Command;

use serde_json::json;

use crate::command_line::Served;
use crate::references::minilm;
use crate::worker::{PATIENCE, answer};

/// Beside what the worker has: less than the widest part of the batch below takes, which is 157 MB.
const ROOM_BYTES: u64 = 64 << 20;

fn address_space(process: u32) -> u64 {
    let status = fs::read_to_string(format!("/proc/{process}/status")).expect("it runs");
    let line = status.lines().find_map(|line| line.strip_prefix("VmSize:"));
    let kib = line.and_then(|line| line.split_whitespace().next());
    kib.and_then(|kib| kib.parse::<u64>().ok()).expect("a number") << 10
}

#[tokio::test(flavor = "multi_thread")]
async fn a_batch_for_which_there_is_no_memory_is_computed_in_parts() {
    let folder = tempfile::tempdir().expect("a folder");
    let config = format!(
        "[engine]\nbatch_ms = 60000\nbatch_tokens_max = 1000000\nqueue_ms = 600000\n\
         [[models]]\nname = \"embed\"\nfolder = {:?}\n",
        minilm()
    );
    fs::write(folder.path().join("worker.toml"), config).expect("it is written");
    let served = Served::start(folder.path());
    let client = reqwest::Client::builder()
        .timeout(PATIENCE)
        .build()
        .expect("a client");
    let get = |path: &str| answer(client.get(format!("{}{path}", served.address)));
    let embed = |input: serde_json::Value| {
        let body = json!({"model": "embed", "input": input, "truncate": true});
        answer(
            client
                .post(format!("{}/v1/embeddings", served.address))
                .json(&body),
        )
    };
    while get("/readyz").await.status != 200 {
        tokio::task::yield_now().await;
    }
    assert_eq!(embed(json!("a ferry")).await.status, 200);
    let limit = address_space(served.process()) + ROOM_BYTES;
    let limited = Command::new("prlimit")
        .args(["--pid", &served.process().to_string(), &format!("--as={limit}")])
        .status()
        .expect("prlimit is there");
    assert!(limited.success());
    let long = "the ferry leaves the harbour at seven in the morning ".repeat(40);
    let told = embed(json!(vec![long; 100])).await;
    assert_eq!(told.status, 200, "{}", told.text);
    let metrics = get("/metrics").await.text;
    let halved = metrics
        .lines()
        .find_map(|line| line.strip_prefix("inference_batches_halved_total "));
    assert!(halved.is_some_and(|count| count != "0"), "{metrics}");
    assert_eq!(embed(json!("a ferry")).await.status, 200);
}
