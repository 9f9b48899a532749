//! The thread of a device: it has the networks and computes batch after batch.

use std::collections::HashMap;
use std::num::NonZeroU32;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, PoisonError};
use std::thread;
use std::time::Instant;

use tch::{Device, TchError};

use super::{Item, ModelKey, Scheduler, cost_of};
use crate::encoder::Encoder;
use crate::engine::RunError;

struct Worker {
    scheduler: Arc<Scheduler>,
    /// Among the devices.
    at: usize,
    networks: HashMap<ModelKey, Encoder>,
}

/// What a device does next.
struct Batch {
    key: ModelKey,
    name: Arc<str>,
    items: Vec<Item>,
    tokens: u64,
}

pub fn start(
    scheduler: Arc<Scheduler>,
    at: usize,
    device: Device,
    threads: Option<NonZeroU32>,
) -> std::io::Result<()> {
    let worker = Worker {
        scheduler,
        at,
        networks: HashMap::new(),
    };
    thread::Builder::new()
        .name(format!("device-{at}"))
        .spawn(move || {
            // Threads of the CPU's products belong to the thread that asks for them.
            if let (Device::Cpu, Some(threads)) = (device, threads) {
                tch::set_num_threads(i32::try_from(threads.get()).unwrap_or(i32::MAX));
            }
            let _without_gradients = tch::no_grad_guard();
            worker.run();
        })?;
    Ok(())
}

impl Worker {
    fn run(mut self) {
        while let Some(batch) = self.next() {
            let began = Instant::now();
            self.compute(batch.key, &batch.items);
            let took = began.elapsed();
            let model = batch.name.to_string();
            metrics::histogram!("inference_forward_seconds", "model" => model.clone()).record(took);
            metrics::histogram!("inference_batch_items").record(batch.items.len() as f64);
            metrics::histogram!("inference_batch_tokens").record(batch.tokens as f64);
            metrics::counter!("inference_tokens_total", "model" => model.clone()).increment(batch.tokens);
            let network = self.networks.get(&batch.key);
            let padding = network.map_or(0, |network| network.padding(batch.tokens));
            metrics::counter!("inference_padding_tokens_total", "model" => model).increment(padding);
            let mut state = self.scheduler.lock();
            state.running_tokens -= batch.tokens;
            if let Some(lane) = state.models.get_mut(&batch.key) {
                lane.pace.saw(batch.tokens, took);
            }
        }
    }

    /// Waits for work. None when the worker stops and nothing is left to do.
    fn next(&mut self) -> Option<Batch> {
        let scheduler = self.scheduler.clone();
        let mut state = scheduler.lock();
        loop {
            self.networks.extend(state.arrived[self.at].drain(..));
            let gone: Vec<ModelKey> = self
                .networks
                .keys()
                .copied()
                .filter(|key| !state.models.contains_key(key))
                .collect();
            if !gone.is_empty() {
                // Memory is given back without holding anybody up.
                drop(state);
                for key in gone {
                    self.networks.remove(&key);
                }
                state = scheduler.lock();
                continue;
            }
            if let Some(key) = state.turns.pop_front() {
                let limits = state.limits;
                let Some(lane) = state.models.get_mut(&key) else {
                    continue;
                };
                let tokens_max = lane.pace.batch(limits.batch, limits.batch_tokens_max);
                let items = lane.queue.take(tokens_max);
                let name = lane.name.clone();
                if !lane.queue.is_empty() {
                    state.turns.push_back(key);
                    scheduler.changed.notify_one();
                }
                let tokens = items.iter().map(|item| cost_of(&item.tokens)).sum();
                state.running_tokens += tokens;
                state.tell_length();
                return Some(Batch {
                    key,
                    name,
                    items,
                    tokens,
                });
            }
            if state.stopping {
                return None;
            }
            state = scheduler
                .changed
                .wait(state)
                .unwrap_or_else(PoisonError::into_inner);
        }
    }

    /// Answers all items. What fails together is tried in halves, until what fails is alone.
    fn compute(&self, key: ModelKey, items: &[Item]) {
        let wanted: Vec<&Item> = items.iter().filter(|item| item.answer.is_wanted()).collect();
        let Some(network) = self.networks.get(&key) else {
            items
                .iter()
                .for_each(|item| item.answer.fail(&RunError::Stopping));
            return;
        };
        wanted.iter().for_each(|item| item.answer.begin());
        let mut parts = vec![wanted];
        while let Some(part) = parts.pop() {
            if part.is_empty() {
                continue;
            }
            match forward(network, &part) {
                Ok(rows) => part
                    .iter()
                    .zip(rows)
                    .for_each(|(item, row)| item.answer.give(item.at, row)),
                Err(error) if part.len() == 1 => {
                    tracing::warn!(error = %error, tokens = part[0].tokens.ids.len(), "a text could not be computed");
                    part[0].answer.fail(&error);
                }
                Err(error) => {
                    tracing::debug!(error = %error, texts = part.len(), "a batch failed and is tried in halves");
                    metrics::counter!("inference_batches_halved_total").increment(1);
                    let (first, second) = part.split_at(part.len() / 2);
                    parts.push(first.to_vec());
                    parts.push(second.to_vec());
                }
            }
        }
    }
}

fn forward(network: &Encoder, items: &[&Item]) -> Result<Vec<Vec<f32>>, RunError> {
    let texts: Vec<_> = items.iter().map(|item| &item.tokens).collect();
    let failed = |reason: String| RunError::Failed { reason };
    match catch_unwind(AssertUnwindSafe(|| network.forward(&texts))) {
        Ok(Ok(rows)) if rows.iter().flatten().all(|value| value.is_finite()) => Ok(rows),
        Ok(Ok(_)) => Err(failed("the result is not a number".to_owned())),
        Ok(Err(error)) => Err(told(&error)),
        Err(_) => Err(failed("the network panicked".to_owned())),
    }
}

/// libtorch tells of missing memory in words only.
fn told(error: &TchError) -> RunError {
    let text = error.to_string();
    let first = text.lines().next().unwrap_or_default();
    let memory = [
        "out of memory",
        "can't allocate memory",
        "bad_alloc",
        "could not create a memory",
    ];
    if memory.iter().any(|words| text.contains(words)) {
        return RunError::OutOfMemory;
    }
    RunError::Failed {
        reason: first.chars().take(300).collect(),
    }
}
