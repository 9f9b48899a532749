//! The program `botserver`.

use std::io::Write;
use std::process::ExitCode;

use botserver::cli::{Cli, Command, ConfigCommand, LogCommand, ProjectionsCommand, TokenCommand};
use botserver::config::Config;
use botserver::{administration, check, config, logging, serve, terminal};
use clap::Parser;

/// The configuration is wrong: `EX_CONFIG` of sysexits.h, as supervisors know it.
const EXIT_CONFIG: u8 = 78;

fn main() -> ExitCode {
    let cli = Cli::parse();
    match run(cli) {
        Ok(code) => code,
        Err(error) => {
            let _ = writeln!(std::io::stderr(), "botserver: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run(cli: Cli) -> anyhow::Result<ExitCode> {
    let mut out = std::io::stdout().lock();
    match cli.command {
        Command::Check { paths, format } => Ok(status(check::check(&paths, format, &mut out)?)),
        Command::Run { script, seed } => {
            let seed = seed.unwrap_or_else(rand::random);
            let input = &mut std::io::stdin().lock();
            let errors = &mut std::io::stderr().lock();
            Ok(status(terminal::run(&script, seed, input, &mut out, errors)?))
        }
        Command::Config(ConfigCommand::Print { default: true }) => {
            out.write_all(config::default_toml().as_bytes())?;
            Ok(ExitCode::SUCCESS)
        }
        command => {
            let config = match Config::load(cli.config.as_deref()) {
                Ok(config) => config,
                Err(error) => {
                    let _ = writeln!(std::io::stderr(), "botserver: {error}");
                    return Ok(ExitCode::from(EXIT_CONFIG));
                }
            };
            drop(out);
            with_configuration(command, &config)
        }
    }
}

fn with_configuration(command: Command, config: &Config) -> anyhow::Result<ExitCode> {
    logging::start(&config.log)?;
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    runtime.block_on(async {
        let mut out = std::io::stdout();
        match command {
            Command::Serve => serve::serve(config).await?,
            Command::Projections(ProjectionsCommand::List) => {
                administration::list_projections(config, &mut out).await?;
            }
            Command::Projections(ProjectionsCommand::Rebuild { name }) => {
                administration::rebuild_projection(config, &name, &mut out).await?;
            }
            Command::Log(LogCommand::Verify) => {
                return Ok(status(administration::verify_log(config, &mut out).await?));
            }
            Command::Token(TokenCommand::Issue { name, permissions }) => {
                administration::issue_token(config, &name, &permissions, &mut out).await?;
            }
            Command::Config(_) => out.write_all(config.print().as_bytes())?,
            Command::Check { .. } | Command::Run { .. } => unreachable!("need no configuration"),
        }
        Ok(ExitCode::SUCCESS)
    })
}

fn status(good: bool) -> ExitCode {
    if good {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    }
}
