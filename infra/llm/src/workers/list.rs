//! What workers have, and how they stand: for people and for checks at the start.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use tokio::time::timeout;

use super::call::Shared;
use super::error::{Cause, Error, Kind};
use super::verdict::{Failure, judge};
use super::wire;

/// Names of some ten thousand models.
const ANSWER_BYTES_MAX: usize = 2 << 20;
/// A list is no computation: who needs longer is not there.
const WITHIN: Duration = Duration::from_secs(10);

/// A model that workers have.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Listed {
    pub name: String,
    /// "embed" or "rerank", where the worker says so.
    pub task: Option<String>,
    pub dimensions: Option<u32>,
    /// Tokens of a text, with those that the model adds.
    pub tokens_max: Option<u32>,
    /// Host and port of each worker that has it.
    pub workers: Vec<String>,
}

/// How a worker stands, as far as this client knows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Standing {
    /// Host, port, and path if it has one.
    pub worker: String,
    /// It may be asked: it was ready when it was asked last, and has not failed lately.
    pub well: bool,
    /// It has too much to do for so long.
    pub busy_for: Option<Duration>,
    /// It has failed and is left out for so long.
    pub ejected_for: Option<Duration>,
    /// Requests of this client that it has.
    pub requests: u32,
}

pub(crate) async fn of(shared: &Shared, worker: usize, within: Duration) -> Result<Vec<wire::Entry>, Error> {
    let within = within.min(WITHIN);
    let asked = shared.peers[worker].ask("v1/models", None, within, ANSWER_BYTES_MAX);
    let answered = timeout(within, asked).await;
    let body = answered.map_err(|_| Failure::late().error)?;
    let body = judge(body).map_err(|failure| failure.error)?;
    wire::models(&body).map_err(|lie| Error::new(Kind::Unavailable, lie))
}

pub(crate) fn together(
    shared: &Shared,
    answers: Vec<Result<Vec<wire::Entry>, Error>>,
) -> Result<Vec<Listed>, Error> {
    let mut models = BTreeMap::<String, Listed>::new();
    let (mut last, mut answered) = (None, false);
    for (worker, answer) in answers.into_iter().enumerate() {
        let entries = match answer {
            Ok(entries) => entries,
            Err(error) => {
                last = Some(error);
                continue;
            }
        };
        answered = true;
        for entry in entries {
            shared.balance().lists(worker, &entry.id);
            let listed = models.entry(entry.id.clone()).or_insert_with(|| Listed {
                name: entry.id,
                task: entry.task,
                dimensions: entry.dimensions,
                tokens_max: entry.tokens_max,
                workers: Vec::new(),
            });
            let name = &shared.peers[worker].name;
            if listed.workers.last() != Some(name) {
                listed.workers.push(name.clone());
            }
        }
    }
    match answered {
        true => Ok(models.into_values().collect()),
        false => Err(last.unwrap_or_else(|| Error::new(Kind::Unavailable, Cause::Nobody))),
    }
}

pub(crate) fn standing(shared: &Shared, now: Instant) -> Vec<Standing> {
    let balance = shared.balance();
    let left = |until: Instant| Some(until.saturating_duration_since(now)).filter(|left| !left.is_zero());
    let each = shared
        .peers
        .iter()
        .zip(balance.workers())
        .map(|(peer, state)| Standing {
            worker: peer.name.clone(),
            well: state.is_well(now),
            busy_for: state.busy_until.and_then(left),
            ejected_for: state.ejected.and_then(|ejection| left(ejection.until)),
            requests: state.requests,
        });
    each.collect()
}
