//! The engine: which models there are, which of them are in memory, and who may compute when.

use std::sync::Arc;
use std::time::{Duration, Instant};

use serde::Serialize;

use crate::folder::FolderError;
use crate::model::{Card, Model, Tokens};
use crate::settings::EngineSettings;

/// A cheap handle.
#[derive(Clone)]
pub struct Engine {}

/// How a configured model stands.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct ModelState {
    pub name: String,
    pub status: Status,
    /// Known once it was read.
    pub card: Option<Card>,
    /// In one line, where it could not be loaded.
    pub problem: Option<String>,
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
}

/// Why a model cannot be had.
#[derive(Debug, thiserror::Error)]
pub enum ModelError {
    #[error("there is no model \"{name}\"")]
    Unknown { name: String },
    #[error("model \"{name}\" cannot be loaded: {error}")]
    Folder { name: String, error: Arc<FolderError> },
    #[error("model \"{name}\" needs {needed_mib} MiB, {free_mib} are free")]
    NoMemory { name: String, needed_mib: u64, free_mib: u64 },
    #[error("the worker is stopping")]
    Stopping,
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
    pub async fn start(_settings: EngineSettings) -> anyhow::Result<Engine> {
        unimplemented!()
    }

    /// All configured models, in the order of the configuration.
    pub fn models(&self) -> Vec<ModelState> {
        unimplemented!()
    }

    /// The model of this name, brought into memory if it was not.
    pub async fn model(&self, _name: &str) -> Result<Arc<Model>, ModelError> {
        unimplemented!()
    }

    /// Takes a model out of memory when its last request has ended.
    pub async fn unload(&self, _name: &str) -> Result<(), ModelError> {
        unimplemented!()
    }

    /// Configures models anew: those that are no longer named leave, new ones come.
    pub async fn configure(&self, _settings: EngineSettings) -> anyhow::Result<()> {
        unimplemented!()
    }

    /// Computes; a caller that no longer waits (drops the future) costs nothing that was not begun.
    ///
    /// One row for each item, in order: its vector (not yet cut to a client's `dimensions`), or its scores.
    pub async fn run(&self, _model: &Arc<Model>, _work: Work) -> Result<Vec<Vec<f32>>, RunError> {
        unimplemented!()
    }

    /// Waits until all that was taken has been computed; takes no more.
    pub async fn drain(&self) {
        unimplemented!()
    }

    /// Tokens that wait and that are computed, for those who distribute load.
    pub fn queued_tokens(&self) -> u64 {
        unimplemented!()
    }
}
