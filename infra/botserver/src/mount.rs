//! Mounting packages: from a folder on disk to a bot that runs it, at start and whenever files change.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::Duration;

use commands::{BotCommand, Commands, Context, Programs, assemble};
use domain::bot::{Bot, Severity};
use domain::{BotId, OrganisationId};
use serde_json::Value;

use crate::packages::{self, Fingerprint, PackageFolder};

/// How often the folder of packages is looked at. Looking costs a `stat` per script.
const LOOK_EVERY: Duration = Duration::from_millis(250);

/// Keeps bots equal to the packages of a folder.
pub struct Mount {
    commands: Commands,
    programs: Programs,
    tenant: OrganisationId,
    folder: PathBuf,
    seen: BTreeMap<String, Fingerprint>,
}

impl Mount {
    pub fn new(commands: Commands, programs: Programs, tenant: OrganisationId, folder: PathBuf) -> Self {
        Self {
            commands,
            programs,
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
        for package in found {
            let fingerprint = match packages::fingerprint(&package.path) {
                Ok(fingerprint) => fingerprint,
                Err(error) => {
                    tracing::warn!(
                        bot.name = package.name,
                        error = format!("{error:#}"),
                        "package cannot be read"
                    );
                    continue;
                }
            };
            if self.seen.get(&package.name) == Some(&fingerprint) {
                continue;
            }
            match self.load(&package).await {
                Ok(()) => {
                    self.seen.insert(package.name, fingerprint);
                }
                Err(error) => {
                    tracing::error!(
                        bot.name = package.name,
                        error = format!("{error:#}"),
                        "package not loaded"
                    );
                    // Remembered all the same: the next change tries again, the same files would fail again.
                    self.seen.insert(package.name, fingerprint);
                }
            }
        }
    }

    /// Looks for changes until `stop` resolves.
    pub async fn watch(mut self, stop: impl Future<Output = ()>) {
        tokio::pin!(stop);
        loop {
            tokio::select! {
                () = &mut stop => return,
                () = tokio::time::sleep(LOOK_EVERY) => self.load_changed().await,
            }
        }
    }

    async fn load(&self, package: &PackageFolder) -> anyhow::Result<()> {
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
        let files = packages::read(&package.path)?;
        let assembled = assemble(&package.name, &mounted.package, &files);
        self.programs.store(self.tenant, assembled.programs).await?;
        report(&package.name, &package.path, &assembled.package);
        let command = BotCommand::LoadPackage(assembled.package);
        self.commands
            .executor()
            .execute::<Bot>(&context, bot, command, Value::Null)
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

fn report(bot: &str, path: &Path, package: &domain::bot::Package) {
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
    let broken = package.scripts.values().filter(|script| script.broken()).count();
    tracing::info!(
        bot.name = bot,
        scripts = package.scripts.len(),
        broken,
        "package loaded"
    );
}
