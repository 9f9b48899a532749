//! Commands for the operator: read models, the log, tokens.

use std::io::{IsTerminal, Write};

use anyhow::{Context as _, bail};
use commands::{
    Commands, Denials, DialogueOptions, Dialogues, DriveOptions, Executor, NoDesk, Programs, Runners, Tables,
    Unconfigured,
};
use domain::{OrganisationId, Permission};
use event_log::{EventLog, Feed, Position};
use tokio::sync::watch;

use crate::config::Config;
use crate::database::{Database, Pools};
use crate::{first_start, system};

/// Few: commands work alone, and beside a server that needs its own.
const CONNECTIONS: u32 = 10;

/// `botserver projections list`.
pub async fn list_projections(config: &Config, out: &mut dyn Write) -> anyhow::Result<()> {
    let (database, pools) = reach(config).await?;
    let head = feed(&pools)
        .head()
        .await
        .context("the event log cannot be read")?;
    let statuses = projections::list(&pools.projector, head)
        .await
        .context("checkpoints cannot be read")?;
    writeln!(
        out,
        "{:<16} {:>10} {:>10} {:>7} {:>9}  {:<20}  {:<18} failure",
        "name", "position", "behind", "parked", "processes", "updated", "rebuild"
    )?;
    for status in statuses {
        let failure = status.failure.map_or_else(
            || "-".to_owned(),
            |failure| format!("{}, {} attempts", failure.error, failure.attempts),
        );
        let rebuild = status.building.map(|building| {
            let doing = if building.active { "at" } else { "rests at" };
            format!("{doing} {}", building.position)
        });
        let updated = status
            .updated_at
            .map(|at| at.to_rfc3339_opts(chrono::SecondsFormat::Secs, true));
        writeln!(
            out,
            "{:<16} {:>10} {:>10} {:>7} {:>9}  {:<20}  {:<18} {failure}",
            status.name,
            status.position.0,
            status.lag_events,
            status.parked_events,
            status.leaders,
            updated.as_deref().unwrap_or("-"),
            rebuild.as_deref().unwrap_or("-"),
        )?;
    }
    database.stop().await
}

/// `botserver log verify`. True when nothing contradicts itself.
pub async fn verify_log(config: &Config, out: &mut dyn Write) -> anyhow::Result<bool> {
    let (database, pools) = reach(config).await?;
    let live = std::io::stderr().is_terminal();
    let verification = event_log::verify(&pools.log, true, |part, count| {
        if live {
            let _ = write!(std::io::stderr().lock(), "\r{part}: {count}          ");
        }
    })
    .await?;
    if live {
        let _ = writeln!(std::io::stderr().lock());
    }
    for finding in &verification.findings {
        writeln!(out, "{finding}")?;
    }
    let shown = verification.findings.len() as u64;
    if verification.findings_total > shown {
        writeln!(out, "… and {} more", verification.findings_total - shown)?;
    }
    writeln!(
        out,
        "verified {} events, {} positions, {} streams, {} receipts, {} claims: {} findings",
        verification.events,
        verification.positions,
        verification.streams,
        verification.receipts,
        verification.claims,
        verification.findings_total,
    )?;
    database.stop().await?;
    Ok(verification.findings_total == 0)
}

/// `botserver token issue`.
pub async fn issue_token(
    config: &Config,
    name: &str,
    permissions: &[String],
    out: &mut dyn Write,
) -> anyhow::Result<()> {
    let permissions = if permissions.is_empty() {
        Permission::ALL.to_vec()
    } else {
        permissions
            .iter()
            .map(|text| text.parse())
            .collect::<Result<Vec<Permission>, _>>()?
    };
    let (database, pools) = reach(config).await?;
    let (tenant, commands) = offline(config, &pools).await?;
    let token = first_start::issue_token(&commands, tenant, name, &permissions).await?;
    writeln!(out, "{token}")?;
    database.stop().await
}

/// The organisation and its commands, in a process that answers no turns.
pub(crate) async fn offline(config: &Config, pools: &Pools) -> anyhow::Result<(OrganisationId, Commands)> {
    let keyring = system::open_keyring(config, pools).await?;
    let executor = Executor::new(EventLog::new(pools.log.clone(), keyring));
    let tenant = system::organisation(&config.organisation.name);
    if executor
        .load_fresh::<domain::organisation::Organisation>(tenant, tenant)
        .await?
        .version
        == 0
    {
        bail!(
            "the organisation {:?} does not exist yet: start the server once",
            config.organisation.name
        );
    }
    let options = DialogueOptions {
        idle: chrono::TimeDelta::minutes(30),
        message_bytes_max: 0,
        script: basic::Limits::default(),
        script_time_max: std::time::Duration::ZERO,
        runners: Runners::none(),
        services: std::sync::Arc::new(Unconfigured),
        desk: std::sync::Arc::new(NoDesk),
        drive: DriveOptions {
            bytes_max: 0,
            pdf: None,
        },
    };
    let programs = Programs::new(pools.app.clone());
    let dialogues = Dialogues::new(
        executor.clone(),
        programs,
        Tables::new(pools.app.clone()),
        system::open_blobs(config)?,
        options,
    );
    let commands = Commands::new(executor, dialogues, std::sync::Arc::new(Denials::default()));
    Ok((tenant, commands))
}

pub(crate) async fn reach(config: &Config) -> anyhow::Result<(Database, Pools)> {
    let database = Database::reach(config).await?;
    database.migrate().await?;
    let pools = database.pools(CONNECTIONS);
    Ok((database, pools))
}

pub(crate) fn feed(pools: &Pools) -> Feed {
    let (_, positions) = watch::channel(Position(0));
    Feed::new(pools.log.clone(), positions)
}
