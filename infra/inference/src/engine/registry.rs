//! The list of models: what is configured, what is in memory, and how much room is left.

use std::collections::HashSet;
use std::sync::{Arc, Weak};
use std::time::Instant;

use tokio::sync::watch;

use super::{ModelError, ModelState, Status};
use crate::model::{Card, Model, Opened};
use crate::scheduler::{ModelKey, Scheduler};
use crate::settings::{LoadAt, ModelSettings, NAMES, is_name};

/// Ends when a model has been loaded, or has failed.
pub type Loading = watch::Receiver<()>;

pub struct Registry {
    pub entries: Vec<Entry>,
    /// No longer listed, still held.
    leaving: Vec<(Weak<Model>, ModelKey)>,
    memory: u64,
    used: u64,
}

pub struct Entry {
    pub settings: ModelSettings,
    pub stage: Stage,
    card: Option<Card>,
}

pub enum Stage {
    Absent,
    Loading(Loading),
    Loaded(Loaded),
    Failed(ModelError),
}

/// A model in memory.
pub struct Loaded {
    pub model: Arc<Model>,
    pub key: ModelKey,
    pub used_at: Instant,
}

/// Names are what clients ask by: each may stand once.
pub fn check(models: &[ModelSettings]) -> anyhow::Result<()> {
    let mut names = HashSet::new();
    for model in models {
        let name = &model.name;
        anyhow::ensure!(is_name(name), "the name of model {name:?} is not {NAMES}");
        anyhow::ensure!(names.insert(name), "there are two models \"{name}\"");
    }
    Ok(())
}

impl Registry {
    /// `memory` in bytes, of each device.
    pub fn new(memory: u64) -> Registry {
        Registry {
            entries: Vec::new(),
            leaving: Vec::new(),
            memory,
            used: 0,
        }
    }

    pub fn entry(&mut self, name: &str) -> Result<&mut Entry, ModelError> {
        let entry = self.entries.iter_mut().find(|entry| entry.settings.name == name);
        entry.ok_or_else(|| ModelError::Unknown {
            name: name.to_owned(),
        })
    }

    pub fn key_of(&self, model: &Arc<Model>) -> Option<ModelKey> {
        let listed = self.entries.iter().find_map(|entry| match &entry.stage {
            Stage::Loaded(loaded) if Arc::ptr_eq(&loaded.model, model) => Some(loaded.key),
            _ => None,
        });
        let is_it = |left: &Weak<Model>| Weak::as_ptr(left) == Arc::as_ptr(model);
        let left = || self.leaving.iter().find(|(left, _)| is_it(left));
        listed.or_else(|| left().map(|(_, key)| *key))
    }

    /// Takes the list for a new one; gives what has to leave.
    pub fn configure(&mut self, models: &[ModelSettings]) -> Vec<Loaded> {
        let mut former = std::mem::take(&mut self.entries);
        for settings in models {
            let same = former.iter().position(|entry| entry.settings == *settings);
            self.entries.push(match same {
                Some(at) => former.swap_remove(at),
                None => Entry {
                    settings: settings.clone(),
                    stage: Stage::Absent,
                    card: None,
                },
            });
        }
        let leaving: Vec<Loaded> = former.iter_mut().filter_map(Entry::take).collect();
        self.leaving.extend(leaving.iter().map(Loaded::seen));
        leaving
    }

    /// Takes a model off the list, if it is in memory. Who holds it may go on.
    pub fn take(&mut self, name: &str) -> Result<Option<Loaded>, ModelError> {
        let loaded = self.entry(name)?.take();
        self.leaving.extend(loaded.iter().map(Loaded::seen));
        Ok(loaded)
    }

    /// Sets memory aside for a model; others leave for it where they may.
    ///
    /// What loading takes beside it for a while must be within the budget too, however much is loaded: a folder that
    /// says of itself that it is wide must not take the machine's memory.
    pub fn reserve(&mut self, opened: &Opened, scheduler: &Scheduler) -> Result<(), ModelError> {
        let model = &opened.model;
        let (needed, for_a_while) = (model.card().bytes, opened.loading_bytes());
        if for_a_while > self.memory {
            return Err(ModelError::NoMemory {
                name: model.card().name.clone(),
                needed_mib: for_a_while.div_ceil(1 << 20),
                free_mib: self.memory >> 20,
            });
        }
        while self.used.saturating_add(needed) > self.memory {
            let Some(at) = self.least_recently_used() else {
                return Err(ModelError::NoMemory {
                    name: model.card().name.clone(),
                    needed_mib: needed.div_ceil(1 << 20),
                    free_mib: self.memory.saturating_sub(self.used) >> 20,
                });
            };
            let Some(loaded) = self.entries[at].take() else {
                continue;
            };
            tracing::info!(
                model = self.entries[at].settings.name,
                "a model leaves to make room"
            );
            self.left(&loaded, scheduler);
        }
        self.used += needed;
        Ok(())
    }

    /// Among those that came on demand and that nobody holds.
    fn least_recently_used(&self) -> Option<usize> {
        let idle = self
            .entries
            .iter()
            .enumerate()
            .filter_map(|(at, entry)| match &entry.stage {
                Stage::Loaded(loaded)
                    if entry.settings.load == LoadAt::Demand && Arc::strong_count(&loaded.model) == 1 =>
                {
                    Some((loaded.used_at, at))
                }
                _ => None,
            });
        idle.min().map(|(_, at)| at)
    }

    /// Gives memory back that was set aside for a model.
    pub fn release(&mut self, model: &Model) {
        self.used = self.used.saturating_sub(model.card().bytes);
        let name = model.card().name.clone();
        metrics::gauge!("inference_model_bytes", "model" => name).set(0.0);
    }

    /// A model that nobody holds any more goes.
    pub fn left(&mut self, loaded: &Loaded, scheduler: &Scheduler) {
        scheduler.remove(loaded.key);
        self.leaving.retain(|(_, key)| *key != loaded.key);
        self.release(&loaded.model);
    }

    /// Notes what became of loading. A model that is no longer wanted goes again.
    pub fn loaded(
        &mut self,
        settings: &ModelSettings,
        result: Result<Loaded, ModelError>,
        scheduler: &Scheduler,
    ) {
        let loading =
            |entry: &&mut Entry| entry.settings == *settings && matches!(entry.stage, Stage::Loading(_));
        match (self.entries.iter_mut().find(loading), result) {
            (Some(entry), Ok(loaded)) => {
                let card = loaded.model.card();
                metrics::gauge!("inference_model_bytes", "model" => card.name.clone()).set(card.bytes as f64);
                entry.card = Some(card.clone());
                entry.stage = Stage::Loaded(loaded);
            }
            (Some(entry), Err(error)) => entry.stage = Stage::Failed(error),
            (None, Ok(loaded)) => self.left(&loaded, scheduler),
            (None, Err(_)) => {}
        }
    }
}

impl Loaded {
    /// To be found by who holds it, without being held.
    fn seen(&self) -> (Weak<Model>, ModelKey) {
        (Arc::downgrade(&self.model), self.key)
    }
}

impl Entry {
    pub fn state(&self) -> ModelState {
        let (status, problem) = match &self.stage {
            Stage::Absent => (Status::Absent, None),
            Stage::Loading(_) => (Status::Loading, None),
            Stage::Loaded(_) => (Status::Loaded, None),
            Stage::Failed(error) => (Status::Failed, Some(error.to_string())),
        };
        ModelState {
            name: self.settings.name.clone(),
            status,
            card: self.card.clone(),
            problem,
            load: self.settings.load,
        }
    }

    /// Takes the model out, if it is there.
    fn take(&mut self) -> Option<Loaded> {
        match std::mem::replace(&mut self.stage, Stage::Absent) {
            Stage::Loaded(loaded) => Some(loaded),
            // What is loading stays so until it has been: two would need twice the memory.
            loading @ Stage::Loading(_) => {
                self.stage = loading;
                None
            }
            Stage::Absent | Stage::Failed(_) => None,
        }
    }
}
