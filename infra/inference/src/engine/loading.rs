//! Brings a model into memory: reads its folder, sets memory aside, reads the weights for every device, tries them.

use std::sync::Arc;
use std::time::Instant;

use tch::{Device, TchError};
use tokio::runtime::Handle;

use super::registry::Loaded;
use super::{Inner, ModelError};
use crate::encoder::{Encoder, Place};
use crate::folder::FolderError;
use crate::model::{Card, Model, Opened, Tokens};
use crate::scheduler::pace::Pace;
use crate::settings::{ModelSettings, Precision};

/// Tokens of the texts that a network is tried with.
const TRIED: [usize; 8] = [3, 128, 64, 128, 17, 100, 128, 128];

/// Takes as long as the files are large.
pub fn load(inner: &Inner, settings: &ModelSettings) -> Result<Loaded, ModelError> {
    let began = Instant::now();
    let refused = |error: FolderError| ModelError::Folder {
        name: settings.name.clone(),
        error: Arc::new(error),
    };
    let on_gpu = inner.devices.iter().any(|device| *device != Device::Cpu);
    if settings.precision == Precision::Int8 && on_gpu {
        let problem = "int8 is computed on the CPU only";
        return Err(refused(FolderError::new(&settings.name, problem)));
    }
    let opened = Model::open(settings).map_err(refused)?;
    let reserved = Reserved::of(inner, &opened)?;
    // This thread may wait. Nobody closes it.
    let room = Handle::current().block_on(inner.loading_mib.acquire_many(mib(opened.loading_bytes())));
    let (networks, pace) = read(inner, &opened, settings.precision).map_err(refused)?;
    drop(room);
    reserved.keep();
    let model = opened.model;
    let key = inner.scheduler.add(&settings.name, networks, pace);
    tracing::info!(
        model = settings.name,
        architecture = model.card().architecture,
        mib = model.card().bytes >> 20,
        duration_ms = began.elapsed().as_millis() as u64,
        "a model is loaded"
    );
    Ok(Loaded {
        model: Arc::new(model),
        key,
        used_at: Instant::now(),
    })
}

/// The permits of [`Inner::loading_mib`] for so many bytes.
pub fn mib(bytes: u64) -> u32 {
    u32::try_from(bytes.div_ceil(1 << 20)).unwrap_or(u32::MAX)
}

/// Memory that is set aside for a model; it is given back where the model does not come to be, for whatever reason.
struct Reserved<'a> {
    inner: &'a Inner,
    model: Option<&'a Model>,
}

impl<'a> Reserved<'a> {
    fn of(inner: &'a Inner, opened: &'a Opened) -> Result<Reserved<'a>, ModelError> {
        inner.registry().reserve(opened, &inner.scheduler)?;
        Ok(Reserved {
            inner,
            model: Some(&opened.model),
        })
    }

    fn keep(mut self) {
        self.model = None;
    }
}

impl Drop for Reserved<'_> {
    fn drop(&mut self) {
        if let Some(model) = self.model {
            self.inner.registry().release(model);
        }
    }
}

fn read(inner: &Inner, opened: &Opened, precision: Precision) -> Result<(Vec<Encoder>, Pace), FolderError> {
    let _without_gradients = tch::no_grad_guard();
    let mut networks = Vec::new();
    let mut pace = Pace::default();
    for &device in &inner.devices {
        let place = Place { device, precision };
        let mut network = Encoder::read(
            &opened.folder,
            &opened.weights,
            &opened.shape,
            &opened.recipe,
            place,
        )?;
        pace = tried(&mut network, &opened.model)?;
        networks.push(network);
    }
    Ok((networks, pace))
}

/// Computes something: weights that fit together may still give nothing that is a number. The second time tells the
/// pace, as the first one prepares the kernels.
fn tried(network: &mut Encoder, model: &Model) -> Result<Pace, FolderError> {
    let refused = |problem: String| FolderError::new("model.safetensors", problem);
    let uncomputed = |error: TchError| {
        let text = error.to_string();
        let line = text.lines().next().unwrap_or_default();
        refused(format!("the network cannot be computed: {line}"))
    };
    let texts = TRIED.map(|length| text(length, model.card()));
    let batch: Vec<&Tokens> = texts.iter().collect();
    let tokens: usize = texts.iter().map(|text| text.ids.len()).sum();
    network.choose_attention(&batch).map_err(uncomputed)?;
    let mut pace = Pace::default();
    for is_first in [true, false] {
        let began = Instant::now();
        let rows = network.forward(&batch).map_err(uncomputed)?;
        if !rows.iter().flatten().all(|value| value.is_finite()) {
            return Err(refused("the weights give what is not a number".to_owned()));
        }
        if !is_first {
            pace.saw(tokens as u64, began.elapsed());
        }
    }
    Ok(pace)
}

fn text(length: usize, card: &Card) -> Tokens {
    let length = length.min(card.tokens_max);
    let ids = (0..length).map(|id| (id % card.vocabulary) as u32);
    Tokens {
        ids: ids.collect(),
        types: vec![0; length],
    }
}
