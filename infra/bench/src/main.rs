//! Compares the event log with what PostgreSQL does without it: on one server, in one run, in turns.
//!
//! A machine that others use too gives other numbers every minute. So each round runs both sides of a row one after the
//! other, and what counts is the median of the rounds' ratios, with the least and the greatest beside it. CPU time is
//! that of all processes: ours, PostgreSQL's and pgbench's. Nothing here is a test.

mod append;
mod cpu;
mod data;
mod distribution;
mod fan_out;
mod feed;
mod inference;
mod machine;
mod overload;
mod packages;
mod pgbench;
mod readers;
mod rebuild;
mod report;
mod rows;
mod scenes;
mod served;
mod sockets;
mod stage;
mod stock;
mod stream;
mod talk;
mod turn;
mod visible;
mod visitor;

use std::io::Write as _;
use std::path::PathBuf;
use std::time::Duration;

use anyhow::Context as _;
use clap::Parser;

use crate::report::{Report, Round};
use crate::rows::{ROWS, Row};
use crate::scenes::{SCENES, Scene};
use crate::stage::Stage;

/// As the server has it.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// Compares the event log with what PostgreSQL does without it, and prints a table.
#[derive(Debug, Parser)]
struct Arguments {
    /// Lists the rows and what they compare.
    #[arg(long)]
    list: bool,
    /// Runs only rows whose name contains this; may be given several times.
    #[arg(long, value_name = "NAME")]
    only: Vec<String>,
    /// How often both sides of each row run, and all sides of the inference worker's scene.
    #[arg(long, value_name = "N", default_value_t = 5, value_parser = clap::value_parser!(u32).range(1..=1000))]
    rounds: u32,
    /// Seconds that each side of a row runs in each round.
    #[arg(long, value_name = "N", default_value_t = 5, value_parser = clap::value_parser!(u64).range(1..=3600))]
    seconds: u64,
    /// Where the raw samples are kept, a JSON file for each run.
    #[arg(long, value_name = "DIR", default_value = "target/bench")]
    samples: PathBuf,
    /// Serves sockets and nothing else: what the server's are compared with.
    #[arg(long, hide = true)]
    serve_plain_sockets: bool,
}

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let arguments = Arguments::parse();
    let mut out = std::io::stdout();
    if arguments.serve_plain_sockets {
        return sockets::serve_plain().await;
    }
    if arguments.list {
        for row in ROWS {
            writeln!(out, "{:<14} {}", row.name, row.compares)?;
        }
        for scene in SCENES {
            writeln!(out, "{:<14} {}", scene.name, scene.shows)?;
        }
        return Ok(());
    }
    let wanted =
        |name: &str| arguments.only.is_empty() || arguments.only.iter().any(|part| name.contains(part));
    let chosen: Vec<&Row> = ROWS.iter().filter(|row| wanted(row.name)).collect();
    let scenes: Vec<&Scene> = SCENES.iter().filter(|scene| wanted(scene.name)).collect();
    anyhow::ensure!(
        !chosen.is_empty() || !scenes.is_empty(),
        "nothing has such a name; see --list"
    );
    let rounds_seconds = u64::from(arguments.rounds) * arguments.seconds * 2;
    writeln!(
        out,
        "{} rows of about {rounds_seconds} s and {} scenes of one to four minutes",
        chosen.len(),
        scenes.len()
    )?;

    let stage = Stage::set().await?;
    let mut report = Report::new(&stage, arguments.rounds, arguments.seconds).await?;
    let time = Duration::from_secs(arguments.seconds);
    for row in chosen {
        // Once unmeasured: plans are made, pages are cached, keys exist.
        row.round(&stage, time.min(Duration::from_secs(2))).await?;
        for number in 1..=arguments.rounds {
            let round: Round = row
                .round(&stage, time)
                .await
                .with_context(|| format!("{}, round {number}", row.name))?;
            writeln!(out, "{:<14} round {number}: {round}", row.name)?;
            report.add(row, round);
        }
    }
    for scene in scenes {
        let shown = scene
            .show(time, arguments.rounds)
            .await
            .with_context(|| scene.name.to_owned())?;
        writeln!(out, "{:<14} {}", scene.name, shown.line)?;
        report.add_scene(scene, shown);
    }
    writeln!(out, "\n{}", report.table())?;
    let path = report.keep(&arguments.samples)?;
    writeln!(out, "raw samples: {}", path.display())?;
    Ok(())
}
