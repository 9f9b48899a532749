//! The tables that a bot's scripts declare: made at mounting, planned and confirmed from the command line.

use std::collections::BTreeMap;
use std::io::Write;

use anyhow::{Context as _, bail};
use basic::Table;
use commands::{
    BotCommand, Context, Executor, Extent, Migration, Programs, Reason, Tables, replace_findings,
};
use domain::bot::{Bot, FileFinding, Finding, Package, Severity};
use domain::{BotId, OrganisationId};
use event_log::EventLog;
use serde_json::Value;

use crate::administration::reach;
use crate::config::Config;
use crate::database::Pools;
use crate::{packages, system};

/// A change that would lose something.
const LOSES: &str = "T0101";
/// A table that two scripts declare.
const TWICE: &str = "T0102";

/// A change that rows do not go with.
const ROWS_STAND: &str = "T0103";
/// A table that PostgreSQL does not make.
const IMPOSSIBLE: &str = "T0104";
/// A connection that cannot be used as it is configured.
const MISCONFIGURED: &str = "T0105";
/// A table of another database that is not as declared, or cannot be looked at.
const ELSEWHERE: &str = "T0106";

/// Whether a finding's code is one of this file.
pub fn is_of_tables(code: &str) -> bool {
    [LOSES, TWICE, ROWS_STAND, IMPOSSIBLE, MISCONFIGURED, ELSEWHERE].contains(&code)
}

/// Makes the tables of bots of one organisation what their packages declare.
pub struct DeclaredTables {
    pub tables: Tables,
    pub programs: Programs,
    pub tenant: OrganisationId,
}

impl DeclaredTables {
    /// Answers what was done, and what is refused or contradicts itself as findings of the package.
    pub async fn declare(
        &self,
        bot: BotId,
        package: &Package,
        extent: Extent,
    ) -> anyhow::Result<(Migration, Vec<FileFinding>)> {
        let mut declared: Vec<Table> = Vec::new();
        let mut files = BTreeMap::new();
        let mut found = Vec::new();
        for (name, script) in &package.scripts {
            let Some(hash) = &script.program else { continue };
            let program = self.programs.load(self.tenant, hash.parse()?).await?;
            // Further tools of a file are scripts without a file of their own.
            let of_file = name
                .rsplit_once('#')
                .filter(|(file, _)| package.scripts.contains_key(*file));
            let file = format!("{}.bas", of_file.map_or(name.as_str(), |(file, _)| file));
            for table in &program.declared().tables {
                let key = table.name.to_lowercase();
                if let Some(other) = files.get(&key) {
                    let message = format!("the table {} is declared in {other} already", table.name);
                    found.push(finding(&file, TWICE, table.line, message, "keep one of the two"));
                    continue;
                }
                files.insert(key, file.clone());
                declared.push(table.clone());
            }
        }
        let mut migration = self.tables.declare(self.tenant, bot, &declared, extent).await?;
        let make = extent == Extent::Everything;
        let (made, elsewhere) = self.tables.look_elsewhere(bot, &declared, make).await?;
        migration.done.extend(made);
        for other in elsewhere {
            let file = &files[&other.table.to_lowercase()];
            let (code, help) = match other.is_wrong {
                true => (
                    MISCONFIGURED,
                    "correct the settings of the connection in config.csv",
                ),
                false => (
                    ELSEWHERE,
                    "make the table there, or have it made: botserver tables apply BOT",
                ),
            };
            found.push(finding(file, code, other.line, other.problem, help));
        }
        for refused in &migration.refused {
            let file = &files[&refused.table.to_lowercase()];
            let (code, why, help) = match refused.reason {
                Reason::Loses => (
                    LOSES,
                    "this would lose data and is not done",
                    "take the change back, or confirm it: botserver tables apply BOT",
                ),
                Reason::Rows => (
                    ROWS_STAND,
                    "rows that are there stand against this, it is not done",
                    "change the rows first: it is tried at every start; a new field takes a DEFAULT",
                ),
                Reason::Impossible => (
                    IMPOSSIBLE,
                    "the database has no such table, it is not done",
                    "look at the sizes of the fields and how many there are",
                ),
            };
            let message = format!("{why}: {}", refused.change);
            found.push(finding(file, code, refused.line, message, help));
        }
        Ok((migration, found))
    }
}

fn finding(file: &str, code: &str, line: u32, message: String, help: &str) -> FileFinding {
    FileFinding {
        file: file.to_owned(),
        finding: Finding {
            code: code.to_owned(),
            severity: Severity::Error,
            message,
            line,
            column: 1,
            help: Some(help.to_owned()),
        },
    }
}

/// A bot as the log has it, and what works with its tables.
async fn loaded(
    config: &Config,
    pools: &Pools,
    name: &str,
) -> anyhow::Result<(BotId, Package, DeclaredTables, Executor)> {
    let keyring = system::open_keyring(config, pools).await?;
    let log = EventLog::new(pools.log.clone(), keyring);
    let tenant = system::organisation(&config.organisation.name);
    let owner = log
        .claim_owner(tenant.0, "bot_name", &name.to_lowercase())
        .await
        .context("the event log cannot be read")?;
    let Some(bot) = owner.and_then(|owner| owner.parse::<BotId>().ok()) else {
        bail!("there is no bot {name:?}; a package has to be mounted once");
    };
    let executor = Executor::new(log);
    let state = executor.load_fresh::<Bot>(tenant, bot).await?.state;
    let Some(mounted) = state.mounted() else {
        bail!("the bot {name:?} is retired");
    };
    let declared = DeclaredTables {
        tables: system::tables(config, &pools.app),
        programs: Programs::new(pools.app.clone()),
        tenant,
    };
    // Settings are not in the log: they are read from where the package lies.
    let folders = packages::find(&crate::serve::bots_folder(config)).unwrap_or_default();
    if let Some(folder) = folders
        .iter()
        .find(|folder| folder.name.eq_ignore_ascii_case(name))
    {
        declared
            .tables
            .configure(bot, &packages::read_settings(&folder.path)?.settings);
    }
    Ok((bot, mounted.package.clone(), declared, executor))
}

/// `botserver tables plan BOT`: what would be changed, and what of it waits for a confirmation.
pub async fn plan(config: &Config, bot: &str, out: &mut dyn Write) -> anyhow::Result<()> {
    let (database, pools) = reach(config).await?;
    let (bot, package, declared, _) = loaded(config, &pools, bot).await?;
    let (migration, found) = declared.declare(bot, &package, Extent::Plan).await?;
    for done in &migration.done {
        writeln!(out, "at the next start:  {done}")?;
    }
    for refused in &migration.refused {
        writeln!(out, "when it is applied: {}", refused.change)?;
    }
    let elsewhere = write_elsewhere(&found, out)?;
    if migration == Migration::default() && !elsewhere {
        writeln!(out, "the tables are what the scripts declare")?;
    }
    database.stop().await
}

/// What is not as declared in other databases; true where there is something.
fn write_elsewhere(found: &[FileFinding], out: &mut dyn Write) -> std::io::Result<bool> {
    let mut any = false;
    for found in found {
        if [MISCONFIGURED, ELSEWHERE].contains(&found.finding.code.as_str()) {
            writeln!(out, "in another database: {}", found.finding.message)?;
            any = true;
        }
    }
    Ok(any)
}

/// `botserver tables apply BOT`: changes the tables, whatever they lose. False when rows stand against something.
pub async fn apply(config: &Config, bot: &str, out: &mut dyn Write) -> anyhow::Result<bool> {
    let (database, pools) = reach(config).await?;
    let (bot, mut package, declared, executor) = loaded(config, &pools, bot).await?;
    let (migration, found) = declared.declare(bot, &package, Extent::Everything).await?;
    for done in &migration.done {
        writeln!(out, "{done}")?;
    }
    for refused in &migration.refused {
        writeln!(out, "cannot be done: {}", refused.change)?;
    }
    let elsewhere = write_elsewhere(&found, out)?;
    if migration == Migration::default() && !elsewhere {
        writeln!(out, "the tables are what the scripts declare")?;
    }
    let before = package.digest.clone();
    // A server that loaded the package anew meanwhile found out for itself.
    let state = executor.load_fresh::<Bot>(declared.tenant, bot).await?.state;
    let is_same = state
        .mounted()
        .is_some_and(|mounted| mounted.package.digest == before);
    replace_findings(&mut package, is_of_tables, found);
    if is_same && package.digest != before {
        let context = Context::system(declared.tenant, "tables");
        let command = BotCommand::LoadPackage(Box::new(package));
        executor
            .execute::<Bot>(&context, bot, command, Value::Null)
            .await?;
    }
    database.stop().await?;
    Ok(migration.refused.is_empty() && !elsewhere)
}
