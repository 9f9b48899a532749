//! Targets one after the other, each in a process that may die of its input.

use std::io::{self, Write};
use std::path::PathBuf;
use std::process::Command;
use std::time::{Duration, Instant};

use crate::work::{Task, noted};
use crate::{Target, corpus};

/// How often a target whose worker died is taken up again.
const DEATHS_MAX: u64 = 5;

/// Runs a worker for the target, again where it died before its time. What it died of are the findings that are answered;
/// others the worker tells itself, and ends with 1.
pub fn supervise(
    target: &'static Target,
    task: &Task,
    worker: impl Fn(&Task) -> Command,
    out: &mut impl Write,
) -> io::Result<(Vec<PathBuf>, bool)> {
    let until = Instant::now() + task.time;
    let mut task = task.clone();
    let mut deaths = Vec::new();
    let mut found = false;
    for _ in 0..DEATHS_MAX {
        task.time = until
            .saturating_duration_since(Instant::now())
            .max(Duration::from_secs(1));
        let status = worker(&task).status()?;
        match status.code() {
            Some(0) => return Ok((deaths, found)),
            Some(1) => {
                found = true;
                return Ok((deaths, found));
            }
            _ => {
                let input = noted(&task, target)?;
                let folder = task.corpus.join(target.name);
                let path = corpus::write(&folder, corpus::FINDING, target.kind, &input)?;
                writeln!(
                    out,
                    "{:<12} FOUND an input that ends the process or hangs ({status})\n             {}",
                    target.name,
                    path.display()
                )?;
                deaths.push(path);
                task.seed = task.seed.wrapping_add(1);
            }
        }
        if Instant::now() >= until {
            break;
        }
    }
    Ok((deaths, found))
}
