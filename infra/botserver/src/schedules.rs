//! `botserver schedule`: when scripts of a bot start by themselves, paused, resumed, and started now.

use std::io::Write;

use anyhow::{Context as _, bail};
use chrono::{DateTime, SecondsFormat, Utc};
use commands::{Commands, Context, KnownSchedule};
use domain::schedule::When;
use domain::{OrganisationId, ScheduleId};

use crate::administration::{offline, reach};
use crate::config::Config;

/// What is done with a schedule.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Change {
    Pause,
    Resume,
    Run,
}

/// `botserver schedule list BOT`.
pub async fn list(config: &Config, bot: &str, out: &mut dyn Write) -> anyhow::Result<()> {
    let (database, pools) = reach(config).await?;
    let (tenant, commands) = offline(config, &pools).await?;
    let schedules = schedules(&commands, tenant, bot).await?;
    if schedules.is_empty() {
        writeln!(out, "nothing is scheduled")?;
        return database.stop().await;
    }
    writeln!(
        out,
        "{:<36}  {:<7}  {:<20}  {:<20}  {:<20}  {:<20}  script",
        "schedule", "state", "next", "last", "when", "timezone"
    )?;
    for schedule in schedules {
        let when = match &schedule.when {
            When::Again { cron } => cron.clone(),
            When::Once { at } => format!("once, {}", shown(Some(*at))),
        };
        writeln!(
            out,
            "{:<36}  {:<7}  {:<20}  {:<20}  {:<20}  {:<20}  {}",
            schedule.id.to_string(),
            if schedule.paused_at.is_some() {
                "paused"
            } else {
                "active"
            },
            shown(schedule.next_at),
            shown(schedule.last_at),
            when,
            schedule.timezone,
            schedule.script
        )?;
    }
    database.stop().await
}

/// `botserver schedule pause|resume|run BOT SCHEDULE`.
pub async fn change(
    config: &Config,
    bot: &str,
    schedule: &str,
    change: Change,
    out: &mut dyn Write,
) -> anyhow::Result<()> {
    let (database, pools) = reach(config).await?;
    let (tenant, commands) = offline(config, &pools).await?;
    let known = schedules(&commands, tenant, bot).await?;
    let id = named(&known, bot, schedule)?;
    let context = Context::system(tenant, "schedule");
    let now = Utc::now();
    let done = match change {
        Change::Pause => commands.pause_schedule(&context, id, now).await?,
        Change::Resume => commands.resume_schedule(&context, id, now).await?,
        Change::Run => commands.start_schedule(&context, id, now).await?,
    };
    let said = match (change, done.token) {
        (Change::Pause, Some(_)) => "is paused",
        (Change::Pause, None) => "was paused already",
        (Change::Resume, Some(_)) => "is resumed",
        (Change::Resume, None) => "was not paused",
        (Change::Run, _) => "is started by a running server, or by the next one",
    };
    writeln!(out, "schedule {id} {said}")?;
    database.stop().await
}

async fn schedules(
    commands: &Commands,
    tenant: OrganisationId,
    bot: &str,
) -> anyhow::Result<Vec<KnownSchedule>> {
    let Some(id) = commands.bot_named(tenant, bot).await? else {
        bail!("there is no bot {bot:?}");
    };
    commands
        .dialogues()
        .load_schedules()
        .await
        .context("the event log cannot be read")?;
    Ok(commands.schedules(tenant, id))
}

/// The schedule of an id, or the only one of a script.
fn named(known: &[KnownSchedule], bot: &str, wanted: &str) -> anyhow::Result<ScheduleId> {
    let wanted = wanted.trim();
    let script = wanted.strip_suffix(".bas").unwrap_or(wanted).to_lowercase();
    let found: Vec<&KnownSchedule> = known
        .iter()
        .filter(|schedule| schedule.id.to_string() == wanted || schedule.script == script)
        .collect();
    match found.as_slice() {
        [one] => Ok(one.id),
        [] => bail!("the bot {bot:?} has no schedule {wanted:?}; `botserver schedule list {bot}` names them"),
        several => bail!(
            "the script {wanted:?} has {} schedules; name one by its id, as `botserver schedule list {bot}` shows it",
            several.len()
        ),
    }
}

fn shown(at: Option<DateTime<Utc>>) -> String {
    at.map_or_else(
        || "-".to_owned(),
        |at| at.to_rfc3339_opts(SecondsFormat::Secs, true),
    )
}
