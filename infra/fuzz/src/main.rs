//! Gives targets inputs that nobody thought of, for as long as asked.

use std::io::Write as _;
use std::path::PathBuf;
use std::process::{Command, ExitCode};
use std::time::Duration;

use anyhow::Context as _;
use clap::Parser;
use fuzz::targets::TARGETS;
use fuzz::work::{Task, work};
use fuzz::{Target, attempt, corpus, supervise};

/// Gives each target inputs that nobody thought of. Ends with 1 where something was found.
#[derive(Debug, Parser)]
struct Arguments {
    /// The targets; all where none is named.
    targets: Vec<String>,
    /// Lists the targets and what must hold of each.
    #[arg(long)]
    list: bool,
    /// Seconds for each target.
    #[arg(long, value_name = "N", default_value_t = 600)]
    seconds: u64,
    /// Decides all chance; by default another one each time.
    #[arg(long, value_name = "N")]
    seed: Option<u64>,
    /// Where findings are written, and inputs that are kept.
    #[arg(long, value_name = "DIR", default_value_os_t = corpus::folder())]
    corpus: PathBuf,
    /// Where inputs are gathered that reached something new.
    #[arg(long, value_name = "DIR", default_value = "target/fuzz-reached")]
    reached: PathBuf,
    /// Adds the smallest inputs that reach what was reached to the corpus.
    #[arg(long)]
    keep: bool,
    /// Gives the one target that is named this input, and tells what comes of it.
    #[arg(long, value_name = "FILE")]
    input: Option<PathBuf>,
    #[arg(long, hide = true)]
    worker: bool,
}

fn main() -> anyhow::Result<ExitCode> {
    let arguments = Arguments::parse();
    let mut out = std::io::stdout();
    if arguments.list {
        for target in TARGETS {
            writeln!(out, "{:<12} {}", target.name, target.about)?;
        }
        return Ok(ExitCode::SUCCESS);
    }
    let named = |name: &String| {
        let target = TARGETS.iter().find(|target| target.name == *name);
        target.with_context(|| format!("there is no target {name}; see --list"))
    };
    let targets: Vec<&'static Target> = if arguments.targets.is_empty() {
        TARGETS.iter().collect()
    } else {
        arguments.targets.iter().map(named).collect::<Result<_, _>>()?
    };
    if let Some(path) = &arguments.input {
        return show(&targets, path);
    }
    let task = Task {
        seed: arguments.seed.unwrap_or_else(rand::random),
        time: Duration::from_secs(arguments.seconds),
        tries_max: u64::MAX,
        corpus: arguments.corpus.clone(),
        reached: arguments.reached.clone(),
        keep: arguments.keep,
    };
    if let ([target], true) = (targets.as_slice(), arguments.worker) {
        let done = work(target, task, std::io::stdout())?;
        let (reached, places) = done.reached;
        writeln!(
            out,
            "{:<12} {} executions, {} inputs, {reached} of {places} places, slowest {} ms, {} findings",
            target.name,
            done.executions,
            done.inputs,
            done.slowest.as_millis(),
            done.findings.len()
        )?;
        return Ok(ended(done.findings.is_empty()));
    }
    let program = std::env::current_exe()?;
    let mut clean = true;
    for target in targets {
        writeln!(out, "{:<12} seed {}: {}", target.name, task.seed, target.about)?;
        let worker = |task: &Task| {
            let mut command = Command::new(&program);
            command.arg(target.name).arg("--worker");
            command.args(["--seconds", &task.time.as_secs().to_string()]);
            command.args(["--seed", &task.seed.to_string()]);
            command.arg("--corpus").arg(&task.corpus);
            command.arg("--reached").arg(&task.reached);
            command.args(task.keep.then_some("--keep"));
            command
        };
        let (deaths, found) = supervise::supervise(target, &task, worker, &mut out)?;
        clean &= deaths.is_empty() && !found;
    }
    Ok(ended(clean))
}

fn show(targets: &[&'static Target], path: &std::path::Path) -> anyhow::Result<ExitCode> {
    let [target] = targets else {
        anyhow::bail!("an input is given to one target");
    };
    let input = std::fs::read(path).with_context(|| path.display().to_string())?;
    let outcome = attempt(target, &input);
    let mut out = std::io::stdout();
    match &outcome {
        Ok(worth) => writeln!(out, "all holds ({worth:?})")?,
        Err(finding) => writeln!(out, "{}: {}", finding.name, finding.detail)?,
    }
    Ok(ended(outcome.is_ok()))
}

fn ended(clean: bool) -> ExitCode {
    if clean {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    }
}
