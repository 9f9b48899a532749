//! Models that run elsewhere, behind calls of our own. So far those of our inference workers: [`Workers`].

mod workers;

pub use workers::{
    EmbedOptions, Embeddings, Error, Key, Kind, Listed, Ranked, RerankOptions, SettingsError, Standing,
    WorkerSettings, Workers, WorkersSettings,
};
