//! Which scripts of a bot are started by what, as its package says now.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use basic::ProgramHash;
use domain::bot::Bot;
use domain::{BotId, OrganisationId};

use crate::CommandError;
use crate::dialogue::Dialogues;

/// A script, and what it waits for.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Handler {
    pub script: String,
    pub trigger: basic::Trigger,
}

/// The digest of a package and its handlers.
type OfPackage = (String, Arc<Vec<Handler>>);

/// Of each bot, with the digest of the package that they are of.
#[derive(Default)]
pub(crate) struct Handlers {
    // A standard mutex: each section is a look-up in memory.
    known: Mutex<HashMap<BotId, OfPackage>>,
}

impl Dialogues {
    /// What starts scripts of a bot. Nothing starts those of one that is paused or gone.
    pub(crate) async fn handlers(
        &self,
        tenant: OrganisationId,
        bot: BotId,
    ) -> Result<Arc<Vec<Handler>>, CommandError> {
        match self.shared().executor.load::<Bot>(tenant, bot).await?.state {
            Bot::Active(_) => self.declared_handlers(tenant, bot).await,
            Bot::Paused(_) | Bot::Absent | Bot::Retired => Ok(Arc::default()),
        }
    }

    /// The same, of a paused one as well: what its package declares.
    pub(crate) async fn declared_handlers(
        &self,
        tenant: OrganisationId,
        bot: BotId,
    ) -> Result<Arc<Vec<Handler>>, CommandError> {
        let shared = self.shared();
        let known = |digest: &str| {
            let known = shared
                .handlers
                .known
                .lock()
                .unwrap_or_else(PoisonError::into_inner);
            let (of, handlers) = known.get(&bot)?;
            (of == digest).then(|| handlers.clone())
        };
        let state = shared.executor.load::<Bot>(tenant, bot).await?.state;
        let Some(mounted) = state.mounted() else {
            return Ok(Arc::default());
        };
        let package = &mounted.package;
        if let Some(handlers) = known(&package.digest) {
            return Ok(handlers);
        }
        let mut handlers = Vec::new();
        for (name, script) in &package.scripts {
            let Some(hash) = &script.program else { continue };
            let hash: ProgramHash = hash.parse().map_err(CommandError::unexpected)?;
            let program = shared.programs.load(tenant, hash).await?;
            handlers.extend(program.declared().triggers.iter().map(|trigger| Handler {
                script: name.clone(),
                trigger: trigger.clone(),
            }));
        }
        let handlers = Arc::new(handlers);
        let mut all = shared
            .handlers
            .known
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        all.insert(bot, (package.digest.clone(), handlers.clone()));
        Ok(handlers)
    }
}
