//! Commands for the operator about parked events: what waits, trying it again, passing it over.

use std::io::Write;

use anyhow::Context as _;
use chrono::SecondsFormat;
use commands::{Context, Executor, ProjectionCommand};
use domain::projection::Projection;
use event_log::{EventLog, Position};
use serde_json::Value;
use uuid::Uuid;

use crate::administration::reach;
use crate::config::Config;
use crate::system;

/// Events that are listed; of more there are, the rest is counted by `projections list`.
const LISTED: i64 = 1_000;

/// `botserver projections parked [NAME]`.
pub async fn list(config: &Config, name: Option<&str>, out: &mut dyn Write) -> anyhow::Result<()> {
    let (database, pools) = reach(config).await?;
    let rows = projections::parked(&pools.projector, name, LISTED).await?;
    if rows.is_empty() {
        writeln!(out, "nothing is parked")?;
        return database.stop().await;
    }
    writeln!(
        out,
        "{:<14} {:>10} {:<36} {:<24} {:>5} {:<20}  hindered by",
        "projection", "position", "ordering key", "event", "tried", "tried again"
    )?;
    for row in &rows {
        let retry_at = row
            .retry_at
            .map(|at| at.to_rfc3339_opts(SecondsFormat::Secs, true));
        writeln!(
            out,
            "{:<14} {:>10} {:<36} {:<24} {:>5} {:<20}  {}",
            row.projection,
            row.position.0,
            row.ordering_key,
            row.event_type,
            row.attempts,
            retry_at.as_deref().unwrap_or("-"),
            row.error.as_deref().unwrap_or("the one before it")
        )?;
    }
    if rows.len() as i64 == LISTED {
        writeln!(out, "the first {LISTED} of them; projections list counts all")?;
    }
    database.stop().await
}

/// `botserver projections retry NAME [KEY]`.
pub async fn retry(
    config: &Config,
    name: &str,
    key: Option<&str>,
    out: &mut dyn Write,
) -> anyhow::Result<()> {
    let (database, pools) = reach(config).await?;
    match projections::retry(&pools.projector, name, key).await? {
        0 => writeln!(out, "nothing of that is parked")?,
        1 => writeln!(
            out,
            "1 key is tried by the running server now, or by the next one that starts"
        )?,
        keys => writeln!(
            out,
            "{keys} keys are tried by the running server now, or by the next one that starts"
        )?,
    }
    database.stop().await
}

/// `botserver projections skip NAME --position N --reason TEXT`.
pub async fn skip(
    config: &Config,
    name: &str,
    position: i64,
    reason: &str,
    out: &mut dyn Write,
) -> anyhow::Result<()> {
    let (database, pools) = reach(config).await?;
    let parked = projections::parked_at(&pools.projector, name, Position(position)).await?;
    let keyring = system::open_keyring(config, &pools).await?;
    let executor = Executor::new(EventLog::new(pools.log.clone(), keyring));
    let tenant = parked.organisation_id;
    let id = Uuid::new_v5(&tenant.0, name.as_bytes());
    // Said twice, after a failure in between, it is one decision.
    let context =
        Context::system(tenant, "operator").with_command(Uuid::new_v5(&id, &position.to_be_bytes()), [0; 32]);
    let command = ProjectionCommand::Skip {
        projection: name.to_owned(),
        position,
        event_id: parked.event_id,
        event_type: parked.event_type.clone(),
        reason: reason.to_owned(),
    };
    executor
        .execute::<Projection>(&context, id, command, Value::Null)
        .await
        .context("the decision cannot be written into the log")?;
    projections::skip(&pools.projector, &parked).await?;
    writeln!(
        out,
        "event {} ({}) at position {position} is passed over by {name}; what waits behind it is tried",
        parked.event_id, parked.event_type
    )?;
    database.stop().await
}
