//! What can be set about models and devices. The rest of the configuration file is the service's.

use std::num::NonZeroU32;
use std::path::PathBuf;

use serde::{Deserialize, Serialize};

/// What [`is_name`] allows, for people.
pub const NAMES: &str = "1 to 200 letters, digits and -_./:";

/// Whether a text can name a model or a key: fit for an address, a log and a metric, without a sign that stands for
/// another.
pub fn is_name(text: &str) -> bool {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "-_./:".contains(c);
    (1..=200).contains(&text.len()) && text.chars().all(is_plain)
}

/// Where models compute.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum DeviceChoice {
    /// Every GPU that is found, else the CPU.
    #[default]
    Auto,
    Cpu,
    /// Every GPU; an error where there is none.
    Cuda,
}

/// What numbers a model computes with.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Deserialize, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Precision {
    #[default]
    Float32,
    Bfloat16,
    /// Weights and inputs of matrix products in 8 bits, sums in 32, the rest in float32. On the CPU only.
    Int8,
}

/// When a model comes into memory.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum LoadAt {
    #[default]
    Start,
    /// With the first request; it leaves when memory is needed for another one.
    Demand,
}

/// One model.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct ModelSettings {
    /// As clients name it.
    pub name: String,
    /// Holds config.json, tokenizer.json and *.safetensors.
    pub folder: PathBuf,
    #[serde(default)]
    pub precision: Precision,
    #[serde(default)]
    pub load: LoadAt,
    /// Whether links in the folder may lead out of it, as in the cache of Hugging Face's tools.
    #[serde(default)]
    pub follow_links: bool,
}

/// Models, devices, and what they are given at once.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(deny_unknown_fields, default)]
pub struct EngineSettings {
    pub device: DeviceChoice,
    /// Threads that compute on the CPU; by default one for each core.
    pub threads: Option<NonZeroU32>,
    /// MiB that the weights of all loaded models may take on a device; by default four fifths of a GPU's, half of the
    /// machine's.
    pub memory_mib: Option<u64>,
    /// Milliseconds that one batch should take: whoever comes meanwhile waits as long.
    pub batch_ms: u32,
    /// Tokens of one batch, however fast the device is.
    pub batch_tokens_max: u32,
    /// Milliseconds that the queue may be long; what would wait longer is refused.
    pub queue_ms: u32,
    /// Tokens that may wait, whatever the speed.
    pub queue_tokens_max: u32,
    pub models: Vec<ModelSettings>,
}

impl Default for EngineSettings {
    fn default() -> EngineSettings {
        EngineSettings {
            device: DeviceChoice::Auto,
            threads: None,
            memory_mib: None,
            batch_ms: 200,
            batch_tokens_max: 16_384,
            queue_ms: 10_000,
            queue_tokens_max: 1_000_000,
            models: Vec::new(),
        }
    }
}
