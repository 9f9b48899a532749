//! Mounting packages: from a folder on disk to a bot that runs it, at start and whenever files change.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use chrono::Utc;
use commands::{
    BotCommand, Commands, Context, Extent, PackageFiles, Programs, assemble, parameters, replace_findings,
};
use domain::bot::{Bot, Severity};
use domain::{BotId, OrganisationId};
use serde_json::Value;

use crate::changes::Changes;
use crate::drive::Drives;
use crate::packages::{self, Fingerprint, PackageFolder};
use crate::tables::{self, DeclaredTables};

/// How often the whole folder is looked at, for what no notice told of. Looking costs a `stat` per file.
const LOOK_EVERY: Duration = Duration::from_secs(5);

/// Keeps bots equal to the packages of a folder.
pub struct Mount {
    commands: Commands,
    programs: Programs,
    declared_tables: DeclaredTables,
    drives: Drives,
    tenant: OrganisationId,
    folder: PathBuf,
    seen: BTreeMap<String, Fingerprint>,
}

impl Mount {
    pub fn new(commands: Commands, programs: Programs, tenant: OrganisationId, folder: PathBuf) -> Self {
        let declared_tables = DeclaredTables {
            tables: commands.dialogues().tables().clone(),
            programs: programs.clone(),
            tenant,
        };
        let drives = Drives::new(commands.clone(), tenant);
        Self {
            commands,
            programs,
            declared_tables,
            drives,
            tenant,
            folder,
            seen: BTreeMap::new(),
        }
    }

    /// Loads every package that changed since the last look. A package that cannot be read does not hold up others.
    pub async fn load_changed(&mut self) {
        let found = match packages::find(&self.folder) {
            Ok(found) => found,
            Err(error) => {
                tracing::warn!(error = format!("{error:#}"), "packages cannot be listed");
                return;
            }
        };
        let names: BTreeSet<&String> = found.iter().map(|package| &package.name).collect();
        let gone: Vec<String> = self
            .seen
            .keys()
            .filter(|name| !names.contains(name))
            .cloned()
            .collect();
        for name in gone {
            self.forget(&name);
        }
        for package in found {
            if let Some(fingerprint) = fingerprint(&package)
                && self.seen.get(&package.name) != Some(&fingerprint)
            {
                self.load_noted(package, fingerprint).await;
            }
        }
    }

    /// Looks for changes until `stop` resolves.
    pub async fn watch(mut self, stop: impl Future<Output = ()>) {
        let mut changes = Changes::of(&self.folder);
        tokio::pin!(stop);
        loop {
            tokio::select! {
                () = &mut stop => return,
                changed = changes.settled() => match changed {
                    Some(entries) => self.load_entries(entries).await,
                    None => self.load_changed().await,
                },
                () = tokio::time::sleep(LOOK_EVERY) => {
                    changes.renew();
                    self.load_changed().await;
                }
            }
        }
    }

    /// Loads the packages at these entries of the folder. A notice is better evidence than size and time of a file,
    /// which two quick writes may leave the same: the package is read whatever its fingerprint.
    async fn load_entries(&mut self, entries: BTreeSet<PathBuf>) {
        // Of two packages of one name only one is a bot's, whichever changes.
        let found = packages::find(&self.folder).unwrap_or_default();
        for path in entries {
            if let Some(package) = packages::package_folder(&path) {
                if found.contains(&package)
                    && let Some(fingerprint) = fingerprint(&package)
                {
                    self.load_noted(package, fingerprint).await;
                }
            } else if let Some(name) = packages::package_name(&path) {
                self.forget(&name);
            }
        }
    }

    /// The package's folder is gone. What its bot runs is kept in the database, so it goes on answering.
    fn forget(&mut self, name: &str) {
        if self.seen.remove(name).is_some() {
            tracing::warn!(
                bot.name = name,
                "package is gone, its bot goes on with the last good version"
            );
        }
    }

    async fn load_noted(&mut self, package: PackageFolder, fingerprint: Fingerprint) {
        let not_loaded = |error: anyhow::Error| {
            tracing::error!(
                bot.name = package.name,
                error = format!("{error:#}"),
                "package not loaded"
            );
        };
        match packages::read(&package.path) {
            Ok(files) => match self.load(&package, files).await {
                Ok(()) => {}
                Err(error) => {
                    // Nothing of the package: the next look tries again.
                    self.seen.remove(&package.name);
                    return not_loaded(error);
                }
            },
            // The same files would fail again; the next change tries again.
            Err(error) => not_loaded(error),
        }
        self.seen.insert(package.name, fingerprint);
    }

    async fn load(&mut self, package: &PackageFolder, files: PackageFiles) -> anyhow::Result<()> {
        let started = Instant::now();
        let context = Context::system(self.tenant, "packages");
        let bot = self.bot(&context, &package.name).await?;
        let state = self
            .commands
            .executor()
            .load_fresh::<Bot>(self.tenant, bot)
            .await?
            .state;
        let Some(mounted) = state.mounted() else {
            return Ok(());
        };
        // Not part of the package as the log keeps it, where they could be read: they may be secrets.
        self.commands
            .dialogues()
            .set_parameters(bot, parameters(&files.settings));
        self.commands
            .dialogues()
            .set_attendants(bot, files.attendants.clone());
        self.commands.dialogues().tables().configure(bot, &files.settings);
        // A drive that has no room does not hold up the scripts.
        if let Err(error) = self.drives.mount(bot, package).await {
            tracing::warn!(
                bot.name = package.name,
                error = format!("{error:#}"),
                "files of the package are not in the drive"
            );
        }
        // Long scripts take a while to compile, and nobody else waits for them.
        let (name, before) = (package.name.clone(), mounted.package.clone());
        let mut assembled = tokio::task::spawn_blocking(move || assemble(&name, &before, &files)).await?;
        self.programs
            .store(self.tenant, std::mem::take(&mut assembled.programs))
            .await?;
        let (migration, found) = self
            .declared_tables
            .declare(bot, &assembled.package, Extent::Additive)
            .await?;
        for done in &migration.done {
            tracing::info!(bot.name = package.name, "{done}");
        }
        replace_findings(&mut assembled.package, tables::is_of_tables, found);
        if assembled.package.digest != mounted.package.digest {
            report_findings(&package.name, &package.path, &assembled.package);
            let (scripts, broken) = (assembled.package.scripts.len(), assembled.package.broken());
            let command = BotCommand::LoadPackage(Box::new(assembled.package.clone()));
            self.commands
                .executor()
                .execute::<Bot>(&context, bot, command, Value::Null)
                .await?;
            tracing::info!(
                bot.name = package.name,
                scripts,
                broken,
                duration_ms = started.elapsed().as_millis() as u64,
                "package loaded"
            );
        }
        let dialogues = self.commands.dialogues();
        dialogues
            .declare_schedules(self.tenant, bot, &assembled.package, Utc::now())
            .await?;
        Ok(())
    }

    async fn bot(&self, context: &Context, name: &str) -> anyhow::Result<BotId> {
        if let Some(bot) = self.commands.bot_named(self.tenant, name).await? {
            return Ok(bot);
        }
        Ok(self.commands.create_bot(context, name).await?.bot_id)
    }
}

/// What is seen of the package. None when it cannot be looked at, which the log says.
fn fingerprint(package: &PackageFolder) -> Option<Fingerprint> {
    packages::fingerprint(&package.path)
        .inspect_err(|error| {
            tracing::warn!(
                bot.name = package.name,
                error = format!("{error:#}"),
                "package cannot be read"
            );
        })
        .ok()
}

fn report_findings(bot: &str, path: &Path, package: &domain::bot::Package) {
    for found in &package.findings {
        tracing::warn!(
            bot.name = bot,
            package = %path.display(),
            file = found.file,
            line = found.finding.line,
            code = found.finding.code,
            message = found.finding.message,
            "package has a mistake"
        );
    }
    for (script, state) in &package.scripts {
        for finding in state
            .findings
            .iter()
            .filter(|finding| finding.severity == Severity::Error)
        {
            let kept = if state.program.is_some() {
                "last good version stays"
            } else {
                "script is not available"
            };
            tracing::warn!(
                bot.name = bot,
                script.name = script,
                package = %path.display(),
                line = finding.line,
                column = finding.column,
                code = finding.code,
                message = finding.message,
                "script is broken, {kept}"
            );
        }
    }
}
