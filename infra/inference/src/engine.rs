//! The engine: which models there are, which of them are in memory, and what is asked of them.
//!
//! 1. A model that somebody holds stays in memory until the last one lets go of it.
//! 2. The weights of all models together stay within the memory that is set. For one that is needed, others leave
//!    that came on demand and that nobody holds, the one that was used longest ago first.
//! 3. What loading takes for a while, of all models that are being loaded together, stays within as much: who would
//!    take more waits.
//! 4. A folder that cannot be loaded says why, and keeps nothing else away.

mod loading;
mod registry;

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use serde::Serialize;
use tch::Device;
use tokio::sync::Semaphore;

use crate::folder::FolderError;
use crate::model::{Card, Model, Tokens};
use crate::scheduler::{Began, Scheduler};
use crate::settings::{EngineSettings, LoadAt, ModelSettings};
use crate::torch::device;
use registry::{Entry, Loaded, Registry, Stage};

/// How often it is looked whether a model is still held, or anything still waits.
const LOOKED_EVERY: Duration = Duration::from_millis(10);

/// A cheap handle.
#[derive(Clone)]
pub struct Engine {
    inner: Arc<Inner>,
}

struct Inner {
    devices: Vec<Device>,
    scheduler: Arc<Scheduler>,
    registry: Mutex<Registry>,
    /// MiB that loading may take for a while, of all models that are being loaded together.
    loading_mib: Semaphore,
}

/// How a configured model stands.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct ModelState {
    pub name: String,
    pub status: Status,
    /// Known once it was read.
    pub card: Option<Card>,
    /// In one line, where it could not be loaded.
    pub problem: Option<String>,
    /// Whether it is loaded from the start.
    pub load: LoadAt,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Status {
    Absent,
    Loading,
    Loaded,
    Failed,
}

/// Texts of one request.
#[derive(Clone, Debug)]
pub struct Work {
    /// Who asks; callers have equal shares of a device.
    pub caller: String,
    /// After it nobody waits for the result.
    pub deadline: Instant,
    pub items: Vec<Tokens>,
    /// Is told when the first of them is computed.
    pub began: Began,
}

/// Why a model cannot be had.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ModelError {
    #[error("there is no model \"{name}\"")]
    Unknown { name: String },
    #[error("model \"{name}\" cannot be loaded: {error}")]
    Folder { name: String, error: Arc<FolderError> },
    #[error("model \"{name}\" needs {needed_mib} MiB, {free_mib} are free")]
    NoMemory {
        name: String,
        needed_mib: u64,
        free_mib: u64,
    },
    #[error("the worker is stopping")]
    Stopping,
}

impl ModelError {
    /// A mistake of ours, or of a library: whatever is in a folder should be told and not do that.
    fn panicked(name: &str) -> ModelError {
        let error = FolderError::new(name, "reading it panicked");
        ModelError::Folder {
            name: name.to_owned(),
            error: Arc::new(error),
        }
    }
}

/// Why there is no result.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RunError {
    #[error("too much waits already")]
    Busy { retry_after: Duration },
    #[error("it was not computed in time")]
    TooLate,
    #[error("there is not enough memory for it")]
    OutOfMemory,
    #[error("the worker is stopping")]
    Stopping,
    #[error("the computation failed: {reason}")]
    Failed { reason: String },
}

impl Engine {
    /// Finds the devices and loads the models that are wanted from the start; one that cannot be loaded is told by
    /// [`Engine::models`] and does not keep the others away.
    pub async fn start(settings: EngineSettings) -> anyhow::Result<Engine> {
        let devices = device::devices(settings.device)?;
        let memory = settings
            .memory_mib
            .map_or_else(|| device::memory(&devices), |mib| mib.saturating_mul(1 << 20));
        let scheduler = Scheduler::start(&settings, &devices)?;
        let engine = Engine {
            inner: Arc::new(Inner {
                devices,
                scheduler,
                registry: Mutex::new(Registry::new(memory)),
                loading_mib: Semaphore::new(loading::mib(memory) as usize),
            }),
        };
        engine.configure(settings).await?;
        Ok(engine)
    }

    /// Where it computes.
    pub fn devices(&self) -> &[Device] {
        &self.inner.devices
    }

    /// All configured models, in the order of the configuration.
    pub fn models(&self) -> Vec<ModelState> {
        self.inner.registry().entries.iter().map(Entry::state).collect()
    }

    /// The model of this name, brought into memory if it was not.
    pub async fn model(&self, name: &str) -> Result<Arc<Model>, ModelError> {
        self.wanted(name, Again::No).await
    }

    /// Brings a model into memory, also one that failed before.
    pub async fn load(&self, name: &str) -> Result<(), ModelError> {
        self.wanted(name, Again::Yes).await.map(drop)
    }

    async fn wanted(&self, name: &str, mut again: Again) -> Result<Arc<Model>, ModelError> {
        loop {
            let mut loading = {
                let mut registry = self.inner.registry();
                let entry = registry.entry(name)?;
                match &mut entry.stage {
                    Stage::Loaded(loaded) => {
                        loaded.used_at = Instant::now();
                        return Ok(loaded.model.clone());
                    }
                    Stage::Failed(error) if again == Again::No => return Err(error.clone()),
                    Stage::Loading(loading) => loading.clone(),
                    Stage::Failed(_) | Stage::Absent => self.begin_loading(entry),
                }
            };
            again = Again::No;
            // Ends with the task that loads, whatever became of it.
            while loading.changed().await.is_ok() {}
        }
    }

    fn begin_loading(&self, entry: &mut Entry) -> registry::Loading {
        let (ends_with_it, loading) = tokio::sync::watch::channel(());
        entry.stage = Stage::Loading(loading.clone());
        let (inner, settings) = (self.inner.clone(), entry.settings.clone());
        // A task of its own: who asked may go away.
        tokio::task::spawn_blocking(move || {
            let result = catch_unwind(AssertUnwindSafe(|| loading::load(&inner, &settings)));
            let result = result.unwrap_or_else(|_| Err(ModelError::panicked(&settings.name)));
            inner.registry().loaded(&settings, result, &inner.scheduler);
            drop(ends_with_it);
        });
        loading
    }

    /// Takes a model out of memory when its last request has ended.
    pub async fn unload(&self, name: &str) -> Result<(), ModelError> {
        let loaded = self.inner.registry().take(name)?;
        if let Some(loaded) = loaded {
            self.leave(loaded).await;
        }
        Ok(())
    }

    async fn leave(&self, loaded: Loaded) {
        while Arc::strong_count(&loaded.model) > 1 {
            tokio::time::sleep(LOOKED_EVERY).await;
        }
        self.inner.registry().left(&loaded, &self.inner.scheduler);
    }

    /// Configures models and limits anew: models that are no longer named, or otherwise, leave; new ones come. What
    /// is set about devices stays as it was at the start.
    pub async fn configure(&self, settings: EngineSettings) -> anyhow::Result<()> {
        registry::check(&settings.models)?;
        self.inner.scheduler.set_limits(&settings);
        let leaving = self.inner.registry().configure(&settings.models);
        for loaded in leaving {
            let engine = self.clone();
            tokio::spawn(async move { engine.leave(loaded).await });
        }
        let wanted = |model: &&ModelSettings| model.load == LoadAt::Start;
        for model in settings.models.iter().filter(wanted) {
            if let Err(error) = self.load(&model.name).await {
                tracing::error!(model = model.name, error = %error, "a model cannot be loaded");
            }
        }
        Ok(())
    }

    /// Computes; a caller that no longer waits (drops the future) costs nothing that was not begun.
    ///
    /// One row for each item, in order: its vector (not yet cut to a client's `dimensions`), or its scores, through a
    /// sigmoid where the folder means them so.
    pub async fn run(&self, model: &Arc<Model>, work: Work) -> Result<Vec<Vec<f32>>, RunError> {
        let key = self.inner.registry().key_of(model).ok_or(RunError::Stopping)?;
        self.inner.scheduler.run(key, work).await
    }

    /// Takes no more, and waits until all that was taken has been computed.
    pub async fn drain(&self) {
        self.inner.scheduler.stop();
        while self.queued_tokens() > 0 {
            tokio::time::sleep(LOOKED_EVERY).await;
        }
    }

    /// Tokens that wait and that are computed, for those who distribute load.
    pub fn queued_tokens(&self) -> u64 {
        self.inner.scheduler.tokens()
    }
}

/// Whether what failed is tried once more.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Again {
    Yes,
    No,
}

impl Inner {
    /// Changes of the registry are single steps: a panic leaves nothing half done.
    fn registry(&self) -> MutexGuard<'_, Registry> {
        self.registry.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
