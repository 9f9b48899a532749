//! The command line.

mod bench;
mod doctor;
mod embed;
mod key;
mod models;
mod rerank;
mod source;
mod texts;

use std::io::{self, Write};
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use clap::{Args, CommandFactory as _, Parser, Subcommand};
use clap_complete::Shell;

use crate::config::{Config, ConfigError, DEFAULT_TOML, Sources};
use crate::logging;
use crate::serve;
use crate::traces::Traces;

/// Of a wrong configuration, as sysexits.h has it.
const EXIT_CONFIG: u8 = 78;

/// How long what still runs after the last task may hold up the end of the process.
const STOPPED_WITHIN: Duration = Duration::from_secs(1);

/// Embeddings and reranking from models in Hugging Face folders, on the CPU or on GPUs.
#[derive(Debug, Parser)]
#[command(
    name = "inference-worker",
    version,
    max_term_width = 90,
    propagate_version = true,
    after_help = "Example:\n  inference-worker config > inference.toml\n  inference-worker doctor\n  \
                  inference-worker serve\n  inference-worker embed --model ./all-minilm-l6-v2 \"a text\""
)]
pub struct Cli {
    #[command(flatten)]
    settings: Settings,
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Args)]
struct Settings {
    /// Configuration file (else INFERENCE_WORKER_CONFIG, else ./inference.toml)
    #[arg(long, global = true, value_name = "FILE")]
    config: Option<PathBuf>,
    /// Set one value, over the file and the environment; may be repeated
    #[arg(long, global = true, value_name = "SECTION.NAME=VALUE")]
    set: Vec<String>,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Answer requests by the OpenAI protocol until told to stop
    ///
    /// SIGTERM and SIGINT let requests in flight end, a second one does not wait. SIGHUP reads models, keys and the
    /// certificate anew.
    #[command(after_help = "Example:\n  inference-worker serve --config worker.toml\n  \
                      inference-worker serve --set server.port=9000")]
    Serve,

    /// Make vectors of texts: a JSON line for each
    #[command(
        after_help = "Example:\n  inference-worker embed --model ./all-minilm-l6-v2 \"a text\" \"another\"\n  \
                      inference-worker embed --model ./all-minilm-l6-v2 --file passages.jsonl > vectors.jsonl\n  \
                      inference-worker embed --url https://worker:8600 --model all-minilm-l6-v2 < lines.txt"
    )]
    Embed(embed::Arguments),

    /// Order documents by how well they answer a query: a JSON line for each, the best first
    #[command(
        after_help = "Example:\n  inference-worker rerank --model ./reranker --query \"opening hours\" \"We open at 9.\" \
                      \"We sell shoes.\"\n  inference-worker rerank --model ./reranker --query refunds --file answers.txt --top 5"
    )]
    Rerank(rerank::Arguments),

    /// Show the configured models, or those of a running worker
    #[command(
        after_help = "Example:\n  inference-worker models\n  inference-worker models --url http://127.0.0.1:8600"
    )]
    Models(models::Arguments),

    /// Look for what stands in the worker's way, and say how to mend it; exits with 1 when there is a problem
    #[command(after_help = "Example:\n  inference-worker doctor --config worker.toml")]
    Doctor,

    /// Measure a model on this machine by lengths of texts and sizes of batches, or with the texts of a file
    #[command(
        after_help = "Example:\n  inference-worker bench --model ./all-minilm-l6-v2\n  \
                      inference-worker bench --model ./all-minilm-l6-v2 --lengths 64,256 --batches 1,32 --samples samples.jsonl\n  \
                      inference-worker bench --model ./all-minilm-l6-v2 --texts passages.jsonl"
    )]
    Bench(bench::Arguments),

    /// Make a key for a client, and print the section for the configuration file
    #[command(
        after_help = "Example:\n  inference-worker key crawler\n  inference-worker key operator --admin"
    )]
    Key(key::Arguments),

    /// Print all settings with their defaults, or those in effect
    #[command(
        after_help = "Example:\n  inference-worker config > inference.toml\n  inference-worker config --effective"
    )]
    Config {
        /// What the file, the environment and the command line come to, without the keys' digests
        #[arg(long)]
        effective: bool,
    },

    /// Print completions for a shell
    #[command(
        after_help = "Example:\n  inference-worker completions bash > /etc/bash_completion.d/inference-worker"
    )]
    Completions { shell: Shell },
}

impl Cli {
    /// Does what the command line says, and says what went wrong.
    pub fn run(self) -> ExitCode {
        let outcome = self.done();
        let Err(error) = outcome else {
            return outcome.unwrap_or(ExitCode::FAILURE);
        };
        // Whoever read the output has enough of it.
        let is_pipe = |error: &io::Error| error.kind() == io::ErrorKind::BrokenPipe;
        if error
            .chain()
            .any(|cause| cause.downcast_ref().is_some_and(is_pipe))
        {
            return ExitCode::SUCCESS;
        }
        for line in format!("{error:#}").lines() {
            let _ = writeln!(io::stderr(), "inference-worker: {line}");
        }
        match error.downcast_ref::<ConfigError>() {
            Some(_) => ExitCode::from(EXIT_CONFIG),
            None => ExitCode::FAILURE,
        }
    }

    fn done(self) -> anyhow::Result<ExitCode> {
        let sources = Sources::of_process(self.settings.config, self.settings.set);
        let out = &mut io::stdout();
        match self.command {
            Command::Serve => serve(&sources)?,
            Command::Embed(arguments) => told(&sources, async |config| arguments.run(config).await)?,
            Command::Rerank(arguments) => told(&sources, async |config| arguments.run(config).await)?,
            Command::Models(arguments) => {
                return told(&sources, async |config| arguments.run(config).await).map(status);
            }
            Command::Bench(arguments) => told(&sources, async |config| arguments.run(config).await)?,
            Command::Doctor => return Ok(status(doctor::run(&sources, out)?)),
            Command::Key(arguments) => arguments.run(out)?,
            Command::Config { effective: false } => out.write_all(DEFAULT_TOML.as_bytes())?,
            Command::Config { effective: true } => print_effective(&Config::load(&sources)?, out)?,
            Command::Completions { shell } => {
                let mut script = Vec::new();
                clap_complete::generate(shell, &mut Cli::command(), "inference-worker", &mut script);
                out.write_all(&script)?;
            }
        }
        out.flush()?;
        Ok(ExitCode::SUCCESS)
    }
}

fn status(well: bool) -> ExitCode {
    if well {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    }
}

fn serve(sources: &Sources) -> anyhow::Result<()> {
    let config = Config::load(sources)?;
    logging::start(&config.log)?;
    let traces = Traces::start(&config.telemetry)?;
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    let outcome = runtime.block_on(serve::serve(config, sources, traces));
    runtime.shutdown_timeout(STOPPED_WITHIN);
    outcome
}

/// Does something of the terminal: only warnings are logged, as the rest is told otherwise.
fn told<T>(sources: &Sources, work: impl AsyncFnOnce(Config) -> anyhow::Result<T>) -> anyhow::Result<T> {
    let mut config = Config::load(sources)?;
    if config.log.filter == "info" {
        "warn".clone_into(&mut config.log.filter);
    }
    logging::start(&config.log)?;
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    let outcome = runtime.block_on(work(config));
    runtime.shutdown_timeout(STOPPED_WITHIN);
    outcome
}

fn print_effective(config: &Config, out: &mut impl Write) -> anyhow::Result<()> {
    let mut config = config.clone();
    for key in &mut config.keys {
        "…".clone_into(&mut key.sha256);
    }
    out.write_all(toml::to_string_pretty(&config)?.as_bytes())?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_command_line_is_consistent() {
        Cli::command().debug_assert();
    }

    #[test]
    fn every_verb_has_an_example() {
        for verb in Cli::command().get_subcommands() {
            let name = verb.get_name();
            let has = verb
                .get_after_help()
                .is_some_and(|help| help.to_string().contains("Example"));
            assert!(has, "{name}");
        }
    }
}
