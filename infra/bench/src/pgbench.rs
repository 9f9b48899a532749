//! PostgreSQL's own measure: clients of pgbench that insert the bytes of our event, a row a transaction, and nothing else.

use std::path::PathBuf;
use std::time::Duration;

use anyhow::Context as _;
use tokio::process::Command;

use crate::stage::Stage;

/// The stock columns and their key. The stream's id has our length and, like ours, rises with time.
const SCRIPT: &str = "insert into bench.plain \
    (aggregate_type, aggregate_id, sequence, event_type, event_version, payload, metadata) values ('conversation', \
    lpad(to_hex((extract(epoch from clock_timestamp()) * 1000000)::bigint), 16, '0') || lpad(:client_id::text, 20, '-'), \
    1, 'turn.received', '1', :payload, :metadata);\n";

pub async fn prepare(stage: &Stage) -> anyhow::Result<()> {
    sqlx::raw_sql(
        "create schema bench;
         create table bench.plain (aggregate_type text collate \"C\" not null, aggregate_id text collate \"C\" not null,
           sequence bigint not null, event_type text not null, event_version text not null, payload json not null,
           metadata json not null, primary key (aggregate_type, aggregate_id, sequence))",
    )
    .execute(&stage.owner)
    .await?;
    Ok(())
}

/// Runs so many clients until the time is up; returns how many rows were inserted.
pub async fn run(stage: &Stage, clients: usize, time: Duration) -> anyhow::Result<u64> {
    let script = std::env::temp_dir().join(format!("bench-{}.sql", std::process::id()));
    std::fs::write(&script, SCRIPT)?;
    let output = Command::new(program()?)
        .envs(stage.cluster.psql_env())
        .args(["--no-vacuum", "--protocol=prepared"])
        .arg(format!("--client={clients}"))
        .arg(format!("--jobs={}", clients.min(2)))
        .arg(format!("--time={}", time.as_secs().max(1)))
        .arg(format!("--file={}", script.display()))
        .args(["--define", &format!("payload={}", stage.stored.payload)])
        .args(["--define", &format!("metadata={}", stage.stored.metadata)])
        .output()
        .await
        .context("pgbench cannot be run")?;
    std::fs::remove_file(&script)?;
    let text = String::from_utf8_lossy(&output.stdout);
    let errors = String::from_utf8_lossy(&output.stderr);
    anyhow::ensure!(output.status.success(), "pgbench failed: {errors}");
    text.lines()
        .find_map(|line| line.strip_prefix("number of transactions actually processed: "))
        .and_then(|rest| rest.split('/').next()?.trim().parse().ok())
        .with_context(|| format!("pgbench said something else: {text}"))
}

/// pgbench of the newest PostgreSQL that is installed; Debian keeps it beside the server.
fn program() -> anyhow::Result<PathBuf> {
    let folders = std::fs::read_dir("/usr/lib/postgresql")
        .into_iter()
        .flatten()
        .flatten();
    let mut versions: Vec<(u32, PathBuf)> = folders
        .filter_map(|folder| {
            let version = folder.file_name().to_str()?.parse().ok()?;
            Some((version, folder.path().join("bin/pgbench")))
        })
        .filter(|(_, program)| program.exists())
        .collect();
    versions.sort();
    Ok(versions
        .pop()
        .map_or_else(|| PathBuf::from("pgbench"), |(_, program)| program))
}
