//! The database: whether it can be reached, is set up as it must be, and is not behind.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use local_postgres::binaries;
use sqlx::{ConnectOptions as _, Connection as _, PgConnection};
use tokio::time::timeout;

use super::{Finding, State, files, follow};
use crate::config::Config;
use crate::database::{Database, ROLES};

/// For a database to answer; one that needs longer is of no use to a conversation.
const PATIENCE: Duration = Duration::from_secs(5);
const CONNECTIONS: u32 = 4;
/// Clocks further apart than this are not kept.
const CLOCKS_APART_MAX: TimeDelta = TimeDelta::seconds(5);

pub(super) async fn examine(config: &Config) -> Vec<Finding> {
    let mut findings = Vec::new();
    if config.database.url.is_none() {
        findings.push(installed(&config.data_dir));
    }
    match timeout(PATIENCE, Database::running(config)).await {
        Ok(Ok(Some(database))) => findings.extend(look_at(config, &database).await),
        Ok(Ok(None)) => findings.push(not_running(&config.data_dir)),
        Ok(Err(error)) => findings.push(Finding::problem(
            "database",
            format!("cannot be found: {error:#}"),
            "stop what works in the data folder, then start the server again",
        )),
        Err(_) => findings.push(Finding::problem(
            "database",
            "another program works in the data folder, but its PostgreSQL does not answer",
            format!("see {}", config.data_dir.join("postgres/server.log").display()),
        )),
    }
    findings
}

/// The binaries for the private server.
fn installed(data_dir: &Path) -> Finding {
    const CHECK: &str = "postgresql";
    let mend = "apt-get install postgresql, or set database.url to use another server";
    let cluster = data_dir.join("postgres");
    let made_by = fs::read_to_string(cluster.join("PG_VERSION"))
        .ok()
        .and_then(|text| text.trim().parse().ok());
    let found = match binaries::find(None, made_by, &cluster) {
        Ok(found) => found,
        Err(error) => return Finding::problem(CHECK, error.to_string(), mend),
    };
    if let Err(error) = local_postgres::check_account(files::existing(data_dir)) {
        let mend = "let that user pass through (chmod o+x), make one if there is none (useradd --system botserver), \
                    or set data_dir to another folder";
        return Finding::problem(CHECK, error.to_string(), mend);
    }
    Finding::ok(
        CHECK,
        format!("version {} in {}", found.major, found.folder.display()),
    )
}

fn not_running(data_dir: &Path) -> Finding {
    const CHECK: &str = "database";
    if data_dir.join("postgres/PG_VERSION").exists() {
        let text = "the private PostgreSQL does not run, so its database was not looked at";
        Finding::warning(CHECK, text, "start the server (botserver serve), then ask again")
    } else {
        Finding::ok(CHECK, "a private one is made at the first start")
    }
}

async fn look_at(config: &Config, database: &Database) -> Vec<Finding> {
    let options = database.owner_options().disable_statement_logging();
    let connected = timeout(PATIENCE, PgConnection::connect_with(&options)).await;
    let problem = match connected {
        Ok(Ok(mut connection)) => {
            let mut findings = Vec::new();
            if let Err(error) = with_connection(config, database, &mut connection, &mut findings).await {
                findings.push(Finding::problem(
                    "database",
                    format!("refuses to be looked at: {error}"),
                    "connect as the owner of the database (database.url), and see the log of PostgreSQL",
                ));
            }
            // The server ends it in any case.
            let _ = connection.close().await;
            return findings;
        }
        Ok(Err(error)) => format!("cannot be reached: {error}"),
        Err(_) => format!("does not answer within {} s", PATIENCE.as_secs()),
    };
    let mend = match config.database.url {
        Some(_) => "start it, or set database.url right: host, port, user, password, database",
        None => "stop the server and start it again",
    };
    vec![Finding::problem("database", problem, mend)]
}

async fn with_connection(
    config: &Config,
    database: &Database,
    connection: &mut PgConnection,
    findings: &mut Vec<Finding>,
) -> sqlx::Result<()> {
    let (version, user): (String, String) =
        sqlx::query_as("select current_setting('server_version'), current_user::text")
            .fetch_one(&mut *connection)
            .await?;
    findings.push(Finding::ok(
        "database",
        format!("PostgreSQL {version} answers as {user}"),
    ));
    findings.extend(settings(config, connection).await?);
    findings.push(clock(connection).await?);
    let roles = roles(connection).await?;
    let member_of_all = roles.state == State::Ok;
    let no_member = roles.state == State::Problem;
    findings.push(roles);
    if no_member {
        // What such a user may not read would be told as a second mistake.
        return Ok(());
    }
    let migrations = migrations(connection).await?;
    let migrated = migrations.state == State::Ok;
    findings.push(migrations);
    if member_of_all && migrated {
        let pools = database.pools(CONNECTIONS);
        findings.push(follow::sequencer(&pools.log).await?);
        findings.extend(follow::projections(&pools.log, &pools.projector).await?);
    }
    Ok(())
}

async fn settings(config: &Config, connection: &mut PgConnection) -> sqlx::Result<Vec<Finding>> {
    const CHECK: &str = "db settings";
    let (version, prepared, connections, fsync, pages): (i32, i32, i32, String, String) = sqlx::query_as(
        "select current_setting('server_version_num')::int, current_setting('max_prepared_transactions')::int,
                current_setting('max_connections')::int, current_setting('fsync'), current_setting('full_page_writes')",
    )
    .fetch_one(connection)
    .await?;
    let mut findings = Vec::new();
    let oldest = binaries::OLDEST_VERSION;
    if version / 10_000 < oldest.cast_signed() {
        let text = format!("version {} is too old", version / 10_000);
        findings.push(Finding::problem(
            CHECK,
            text,
            format!("use PostgreSQL {oldest} or newer"),
        ));
    }
    if prepared != 0 {
        findings.push(Finding::warning(
            CHECK,
            format!("max_prepared_transactions is {prepared}: a forgotten one holds back its events"),
            "alter system set max_prepared_transactions = 0, then restart PostgreSQL",
        ));
    }
    let needed = i64::from(config.database.connections_max);
    if i64::from(connections) < needed + 5 {
        findings.push(Finding::warning(
            CHECK,
            format!("max_connections is {connections}, and database.connections_max alone {needed}"),
            "set max_connections higher, or database.connections_max lower",
        ));
    }
    for (name, value) in [("fsync", fsync), ("full_page_writes", pages)] {
        if value != "on" {
            findings.push(Finding::problem(
                CHECK,
                format!("{name} is {value}: what was acknowledged may be lost with the power"),
                format!("alter system set {name} = on, then select pg_reload_conf()"),
            ));
        }
    }
    if findings.is_empty() {
        findings.push(Finding::ok(CHECK, "are as they must be"));
    }
    Ok(findings)
}

async fn clock(connection: &mut PgConnection) -> sqlx::Result<Finding> {
    let before = Utc::now();
    let theirs: DateTime<Utc> = sqlx::query_scalar("select clock_timestamp()")
        .fetch_one(connection)
        .await?;
    let ours = before + (Utc::now() - before) / 2;
    Ok(clocks(ours, theirs))
}

fn clocks(ours: DateTime<Utc>, theirs: DateTime<Utc>) -> Finding {
    const CHECK: &str = "db clock";
    let apart = (theirs - ours).abs();
    if apart <= CLOCKS_APART_MAX {
        return Finding::ok(CHECK, format!("{} ms from ours", apart.num_milliseconds()));
    }
    let side = if theirs > ours { "ahead of" } else { "behind" };
    let text = format!("{} s {side} ours", apart.num_seconds());
    Finding::problem(CHECK, text, "keep both clocks by NTP: timedatectl set-ntp true")
}

async fn roles(connection: &mut PgConnection) -> sqlx::Result<Finding> {
    const CHECK: &str = "db roles";
    let names: Vec<String> = ROLES.iter().map(|role| (*role).to_owned()).collect();
    let (absent, foreign): (Vec<String>, Vec<String>) = sqlx::query_as(
        "select coalesce(array_agg(name) filter (where rolname is null), '{}'),
                coalesce(array_agg(name) filter (
                  where case when rolname is null then false else not pg_has_role(current_user, oid, 'member') end), '{}')
           from unnest($1::text[]) as name left join pg_roles on rolname = name",
    )
    .bind(&names)
    .fetch_one(&mut *connection)
    .await?;
    let (user, may_create): (String, bool) = sqlx::query_as(
        "select rolname::text, rolsuper or rolcreaterole from pg_roles where rolname = current_user",
    )
    .fetch_one(connection)
    .await?;
    if !foreign.is_empty() {
        return Ok(Finding::problem(
            CHECK,
            format!("{user} is no member of {}", foreign.join(", ")),
            format!("as a superuser: grant {} to {user}", foreign.join(", ")),
        ));
    }
    if absent.is_empty() {
        return Ok(Finding::ok(CHECK, format!("{user} is a member of all of them")));
    }
    let text = format!("{} do not exist yet", absent.join(", "));
    if may_create {
        return Ok(Finding::warning(
            CHECK,
            text,
            "the next start makes them (botserver serve)",
        ));
    }
    let commands: Vec<String> = absent
        .iter()
        .map(|role| format!("create role {role} login; grant {role} to {user};"))
        .collect();
    Ok(Finding::problem(
        CHECK,
        text,
        format!("as a superuser: {}", commands.join(" ")),
    ))
}

async fn migrations(connection: &mut PgConnection) -> sqlx::Result<Finding> {
    const CHECK: &str = "migrations";
    let begun: bool = sqlx::query_scalar("select to_regclass('_sqlx_migrations') is not null")
        .fetch_one(&mut *connection)
        .await?;
    let mut done: BTreeMap<i64, (bool, Vec<u8>)> = BTreeMap::new();
    if begun {
        let rows: Vec<(i64, bool, Vec<u8>)> = sqlx::query_as(
            "select version, success, checksum from _sqlx_migrations order by version limit 10000",
        )
        .fetch_all(connection)
        .await?;
        done.extend(
            rows.into_iter()
                .map(|(version, success, sum)| (version, (success, sum))),
        );
    }
    if let Some((version, _)) = done.iter().find(|(_, (success, _))| !success) {
        let text = format!("migration {version} failed half way");
        return Ok(Finding::problem(
            CHECK,
            text,
            "restore the database from before it, then start again",
        ));
    }
    let mut pending = 0;
    for migration in event_log::MIGRATOR.iter() {
        match done.remove(&migration.version) {
            None => pending += 1,
            Some((_, sum)) if sum != migration.checksum.as_ref() => {
                let text = format!(
                    "migration {} was another one when it was applied",
                    migration.version
                );
                return Ok(Finding::problem(
                    CHECK,
                    text,
                    "run the version of botserver that made this database",
                ));
            }
            Some(_) => {}
        }
    }
    if let Some(newest) = done.keys().next_back() {
        let text = format!("the database is newer than this program: migration {newest} is unknown");
        return Ok(Finding::problem(
            CHECK,
            text,
            "run the newer version of botserver",
        ));
    }
    if pending > 0 {
        let text = format!("{pending} are not applied yet");
        return Ok(Finding::warning(
            CHECK,
            text,
            "the next start applies them (botserver serve)",
        ));
    }
    Ok(Finding::ok(CHECK, "all are applied"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn clocks_that_went_apart_are_a_problem() {
        let now = Utc::now();
        assert_eq!(clocks(now, now + TimeDelta::seconds(1)).state, State::Ok);
        let found = clocks(now, now - TimeDelta::hours(1));
        assert_eq!(
            (found.state, found.text.as_str()),
            (State::Problem, "3600 s behind ours")
        );
    }
}
