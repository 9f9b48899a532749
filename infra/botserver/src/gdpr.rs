//! `botserver gdpr`: what the law gives people a right to.

use std::io::{BufRead, IsTerminal, Write};

use anyhow::{Context as _, bail};
use commands::{Commands, Context};
use domain::{OrganisationId, UserId};

use crate::administration::{offline, reach};
use crate::config::Config;

/// `botserver gdpr erase USER`. False when it was not confirmed.
pub async fn erase(config: &Config, user: &str, yes: bool, out: &mut dyn Write) -> anyhow::Result<bool> {
    let (database, pools) = reach(config).await?;
    let (tenant, commands) = offline(config, &pools).await?;
    let id = found(&commands, tenant, user).await?;
    if !yes && !confirmed(id, out)? {
        writeln!(out, "nothing was erased")?;
        database.stop().await?;
        return Ok(false);
    }
    // Whoever has to do it again knows whom, whatever becomes of the login.
    writeln!(out, "user {id} is being erased")?;
    let erasure = commands
        .erase_person(&Context::system(tenant, "gdpr"), id, chrono::Utc::now())
        .await
        .with_context(|| format!("not everything of user {id} was erased; do it again"))?;
    writeln!(out, "user {id} is erased")?;
    for (count, what) in [
        (erasure.sessions_ended, "sessions ended"),
        (erasure.runs_cancelled, "runs cancelled"),
        (erasure.schedules_cleared, "schedules cleared"),
        (erasure.states_deleted, "stored states deleted"),
        (erasure.contents_deleted, "contents of files deleted"),
        (erasure.memories_erased, "remembered things erased"),
    ] {
        writeln!(out, "{count:>8} {what}")?;
    }
    for rows in &erasure.rows_erased {
        writeln!(
            out,
            "{:>8} rows of {} deleted, of the bot {}",
            rows.rows, rows.table, rows.bot_id
        )?;
    }
    writeln!(out, "{:>8} keys destroyed", erasure.keys_destroyed)?;
    database.stop().await?;
    Ok(true)
}

/// The user of a login, or of an id.
async fn found(commands: &Commands, tenant: OrganisationId, user: &str) -> anyhow::Result<UserId> {
    if let Ok(id) = user.parse() {
        return Ok(id);
    }
    let owner = commands
        .executor()
        .log()
        .claim_owner(tenant.0, "login", &user.trim().to_lowercase())
        .await
        .context("the event log cannot be read")?;
    match owner.and_then(|owner| owner.parse().ok()) {
        Some(id) => Ok(id),
        None => bail!("there is nobody with the login {user:?}"),
    }
}

/// Asks whoever sits there.
fn confirmed(user: UserId, out: &mut dyn Write) -> anyhow::Result<bool> {
    let input = std::io::stdin();
    if !input.is_terminal() {
        bail!("nobody can be asked: say --yes");
    }
    write!(
        out,
        "Erase everything of user {user}? It cannot be undone. Type yes: "
    )?;
    out.flush()?;
    let mut answer = String::new();
    input.lock().read_line(&mut answer)?;
    Ok(answer.trim().eq_ignore_ascii_case("yes"))
}
