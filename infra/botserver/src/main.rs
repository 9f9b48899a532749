//! The program `botserver`.

use std::io::Write;
use std::process::ExitCode;
use std::time::Duration;

use botserver::cli::{
    Cli, Command, GdprCommand, LogCommand, ProjectionsCommand, ScheduleCommand, StreamCommand, TablesCommand,
    TokenCommand,
};
use botserver::config::{Config, EXIT_CONFIG};
use botserver::{
    administration, check, config, doctor, document, gdpr, logging, manual, parked, rebuild, schedules,
    serve, stream, tables, terminal, tools,
};
use clap::Parser;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    // Not for people, and before anything else: what is read there is believed in nothing.
    if std::env::args().nth(1).as_deref() == Some(document::VERB) {
        return status(document::read().is_ok());
    }
    let cli = Cli::parse();
    match run(&cli) {
        Ok(code) => code,
        Err(error) => {
            let _ = writeln!(std::io::stderr(), "botserver: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run(cli: &Cli) -> anyhow::Result<ExitCode> {
    let out = &mut std::io::stdout();
    let errors = &mut std::io::stderr();
    let Some(flags) = cli.command.flags() else {
        return without_configuration(&cli.command);
    };
    if let Command::Config(command) = &cli.command {
        let code = config::run(command, cli.config.as_deref(), out, errors)?;
        return Ok(ExitCode::from(code));
    }
    let config = match Config::load(cli.config.as_deref(), flags) {
        Ok(config) => config,
        Err(wrong) => {
            for error in wrong.iter() {
                let _ = writeln!(errors, "botserver: {error}");
            }
            return Ok(ExitCode::from(EXIT_CONFIG));
        }
    };
    // The doctor tells everything itself, in its own form.
    let _traces = match cli.command {
        Command::Doctor { .. } => None,
        _ => logging::start(&config.log, &config.telemetry)?,
    };
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    let code = runtime.block_on(with_configuration(&cli.command, &config));
    // A look-up of a name that nobody answers must not hold the end up.
    runtime.shutdown_timeout(STOPPED_WITHIN);
    code
}

/// How long what still runs after the last task may hold up the end of the process.
const STOPPED_WITHIN: Duration = Duration::from_secs(1);

fn without_configuration(command: &Command) -> anyhow::Result<ExitCode> {
    let mut out = std::io::stdout().lock();
    match command {
        Command::Check { paths, format } => Ok(status(check::check(paths, *format, &mut out)?)),
        Command::Tools { paths, shape } => {
            tools::tools(paths, *shape, &mut out)?;
            Ok(ExitCode::SUCCESS)
        }
        Command::Run { script, seed } => {
            let seed = seed.unwrap_or_else(rand::random);
            let input = &mut std::io::stdin().lock();
            let errors = &mut std::io::stderr().lock();
            Ok(status(terminal::run(script, seed, input, &mut out, errors)?))
        }
        Command::Completions { shell } => {
            manual::completions(*shell, &mut out)?;
            Ok(ExitCode::SUCCESS)
        }
        Command::Man { folder } => {
            manual::man(folder.as_deref(), &mut out)?;
            Ok(ExitCode::SUCCESS)
        }
        _ => unreachable!("has flags, so it needs a configuration"),
    }
}

async fn with_configuration(command: &Command, config: &Config) -> anyhow::Result<ExitCode> {
    let mut out = std::io::stdout();
    match command {
        Command::Serve { .. } => serve::serve(config).await?,
        Command::Doctor { format, .. } => {
            let findings = doctor::examine(config).await;
            doctor::print(&findings, *format, &mut out)?;
            return Ok(status(doctor::well(&findings)));
        }
        Command::Projections(ProjectionsCommand::List { .. }) => {
            administration::list_projections(config, &mut out).await?;
        }
        Command::Projections(ProjectionsCommand::Rebuild {
            name,
            rate,
            no_switch,
            restart,
            ..
        }) => {
            let terms = rebuild::Terms {
                events_per_second: *rate,
                switch: !no_switch,
                restart: *restart,
            };
            rebuild::rebuild(config, name, &terms, &mut out).await?;
        }
        Command::Projections(ProjectionsCommand::Rollback { name, .. }) => {
            rebuild::roll_back(config, name, &mut out).await?;
        }
        Command::Projections(ProjectionsCommand::Certificates { name, .. }) => {
            rebuild::certificates(config, name.as_deref(), &mut out).await?;
        }
        Command::Projections(ProjectionsCommand::Parked { name, .. }) => {
            parked::list(config, name.as_deref(), &mut out).await?;
        }
        Command::Projections(ProjectionsCommand::Retry { name, key, .. }) => {
            parked::retry(config, name, key.as_deref(), &mut out).await?;
        }
        Command::Projections(ProjectionsCommand::Skip {
            name,
            position,
            reason,
            ..
        }) => {
            parked::skip(config, name, *position, reason, &mut out).await?;
        }
        Command::Log(LogCommand::Verify { .. }) => {
            return Ok(status(administration::verify_log(config, &mut out).await?));
        }
        Command::Stream(StreamCommand::Init { .. }) => stream::init(config, &mut out).await?,
        Command::Stream(StreamCommand::Status { .. }) => stream::status(config, &mut out).await?,
        Command::Tables(TablesCommand::Plan { bot, .. }) => tables::plan(config, bot, &mut out).await?,
        Command::Tables(TablesCommand::Apply { bot, .. }) => {
            return Ok(status(tables::apply(config, bot, &mut out).await?));
        }
        Command::Schedule(ScheduleCommand::List { bot, .. }) => {
            schedules::list(config, bot, &mut out).await?;
        }
        Command::Schedule(ScheduleCommand::Pause { bot, schedule, .. }) => {
            schedules::change(config, bot, schedule, schedules::Change::Pause, &mut out).await?;
        }
        Command::Schedule(ScheduleCommand::Resume { bot, schedule, .. }) => {
            schedules::change(config, bot, schedule, schedules::Change::Resume, &mut out).await?;
        }
        Command::Schedule(ScheduleCommand::Run { bot, schedule, .. }) => {
            schedules::change(config, bot, schedule, schedules::Change::Run, &mut out).await?;
        }
        Command::Gdpr(GdprCommand::Erase { user, yes, .. }) => {
            return Ok(status(gdpr::erase(config, user, *yes, &mut out).await?));
        }
        Command::Token(TokenCommand::Issue {
            name, permissions, ..
        }) => {
            administration::issue_token(config, name, permissions, &mut out).await?;
        }
        Command::Config(_)
        | Command::Check { .. }
        | Command::Tools { .. }
        | Command::Run { .. }
        | Command::Completions { .. }
        | Command::Man { .. } => unreachable!("was answered before"),
    }
    Ok(ExitCode::SUCCESS)
}

fn status(good: bool) -> ExitCode {
    if good {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    }
}
