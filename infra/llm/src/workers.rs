//! Our inference workers: embeddings and scores from whichever of them has time.
//!
//! A call is divided into requests (`parts`); each goes to the worker that would be done first (`balance`), and to another
//! one where that fails (`call`, `verdict`), within the caller's time and a budget for what is sent again (`budget`).

use std::fmt;
use std::num::NonZeroU32;
use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use futures::future::join_all;
use futures::stream::{self, StreamExt as _, TryStreamExt as _};
use serde::Serialize;
use tokio::task::AbortHandle;

mod balance;
mod budget;
mod call;
mod error;
mod list;
mod parts;
mod peer;
mod probe;
mod settings;
mod verdict;
mod wire;

use call::{Asked, Shared};
use error::{Cause, Lie};
use parts::{Bounds, Part, divide};
use peer::Peer;
use wire::{EmbedBody, RerankBody};

pub use error::{Error, Kind};
pub use list::{Listed, Standing};
pub use settings::{Key, SettingsError, WorkerSettings, WorkersSettings};

/// Requests of one call that are under way for each worker: one is computed while the other comes.
const PARTS_PER_WORKER: usize = 2;
/// What a caller may ask for; a clock can add it.
const TIMEOUT_MAX: Duration = Duration::from_secs(86_400);

/// A client of all workers together. A cheap handle: its copies share connections, loads and what is known of workers.
#[derive(Clone)]
pub struct Workers {
    shared: Arc<Shared>,
    settings: Arc<WorkersSettings>,
    _probes: Arc<Probes>,
}

/// Ends the probes with the last handle.
struct Probes(AbortHandle);

impl Drop for Probes {
    fn drop(&mut self) {
        self.0.abort();
    }
}

impl fmt::Debug for Workers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Workers")
            .field("settings", &self.settings)
            .finish_non_exhaustive()
    }
}

/// How texts become vectors.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct EmbedOptions {
    /// Fewer than the model has; by default all.
    pub dimensions: Option<NonZeroU32>,
    /// A text that is too long is cut. By default it is an error.
    pub truncate: bool,
    /// The name of a prompt of the model that is put before each text, such as "query".
    pub prompt: Option<String>,
    pub timeout: Option<Duration>,
}

#[derive(Clone, Debug, Default, PartialEq)]
pub struct Embeddings {
    /// One for each text, in their order, all of the same length.
    pub vectors: Vec<Vec<f32>>,
    pub tokens: u64,
}

/// How documents are ranked.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RerankOptions {
    /// How many of the best are wanted; by default all.
    pub top_n: Option<NonZeroU32>,
    /// A document that is too long is cut. By default it is an error.
    pub truncate: bool,
    pub timeout: Option<Duration>,
}

#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Ranked {
    /// The document's place among those that were given.
    pub index: usize,
    pub score: f32,
}

impl Workers {
    /// Begins to ask the workers whether they are ready, in a task that ends with the last copy of this handle.
    ///
    /// Connects to nobody, so it succeeds whether there are workers or not. Needs a runtime of tokio around it.
    pub fn new(settings: WorkersSettings) -> Result<Workers, SettingsError> {
        let urls = settings.checked()?;
        let peers: Result<Vec<Peer>, SettingsError> = settings
            .workers
            .iter()
            .zip(urls)
            .map(|(worker, url)| Peer::new(worker, &settings, url))
            .collect();
        let shared = Arc::new(Shared::new(peers?, settings.requests_max));
        let every = Duration::from_millis(settings.probe_ms);
        let probes = tokio::spawn(probe::watch(shared.clone(), every));
        Ok(Workers {
            shared,
            settings: Arc::new(settings),
            _probes: Arc::new(Probes(probes.abort_handle())),
        })
    }

    /// The vectors of texts. All of them or none: an error of one request ends the others.
    ///
    /// Dropped, it ends what was asked for.
    pub async fn embed<T: AsRef<str> + Sync>(
        &self,
        model: &str,
        texts: &[T],
        options: &EmbedOptions,
    ) -> Result<Embeddings, Error> {
        let texts: Vec<&str> = texts.iter().map(AsRef::as_ref).collect();
        let deadline = self.deadline(options.timeout);
        let parts = self.in_parts(&texts, 0);
        let answers = self
            .each(parts, |part| {
                self.embed_part(model, &texts, part, options, deadline)
            })
            .await?;
        let mut embeddings = Embeddings::default();
        for (vectors, tokens) in answers {
            embeddings.tokens = embeddings.tokens.saturating_add(tokens);
            embeddings.vectors.extend(vectors);
        }
        equally_long(&embeddings.vectors)?;
        Ok(embeddings)
    }

    async fn embed_part(
        &self,
        model: &str,
        texts: &[&str],
        part: Part,
        options: &EmbedOptions,
        deadline: Instant,
    ) -> Result<(Vec<Vec<f32>>, u64), Error> {
        let (count, dimensions) = (part.places.len(), options.dimensions.map(NonZeroU32::get));
        let body = EmbedBody {
            model,
            input: &texts[part.places],
            encoding_format: "base64",
            dimensions,
            truncate: options.truncate,
            prompt_name: options.prompt.as_deref(),
        };
        let asked = Asked {
            path: "v1/embeddings",
            model,
            body: written(&body)?,
            weight: part.weight,
            deadline,
            answer_max: wire::vectors_bytes_max(count, dimensions),
        };
        self.shared
            .ask(&asked, move |body| wire::vectors(body, count, dimensions))
            .await
    }

    /// How well documents answer a query: the best first, and of equal ones the one that was given first.
    ///
    /// Dropped, it ends what was asked for.
    pub async fn rerank<T: AsRef<str> + Sync>(
        &self,
        model: &str,
        query: &str,
        documents: &[T],
        options: &RerankOptions,
    ) -> Result<Vec<Ranked>, Error> {
        let documents: Vec<&str> = documents.iter().map(AsRef::as_ref).collect();
        let deadline = self.deadline(options.timeout);
        let parts = self.in_parts(&documents, query.len());
        let answers = self
            .each(parts, |part| {
                self.rerank_part(model, query, &documents, part, options, deadline)
            })
            .await?;
        let mut ranked: Vec<Ranked> = answers.into_iter().flatten().collect();
        ranked.sort_by(|one, other| {
            other
                .score
                .total_cmp(&one.score)
                .then(one.index.cmp(&other.index))
        });
        ranked.truncate(top_n(options, documents.len()));
        Ok(ranked)
    }

    async fn rerank_part(
        &self,
        model: &str,
        query: &str,
        documents: &[&str],
        part: Part,
        options: &RerankOptions,
        deadline: Instant,
    ) -> Result<Vec<Ranked>, Error> {
        let (from, count) = (part.places.start, part.places.len());
        // The best of all are among the best of each part.
        let top_n = options.top_n.map(|_| top_n(options, count));
        let body = RerankBody {
            model,
            query,
            documents: &documents[part.places],
            top_n,
            truncate: options.truncate,
        };
        let asked = Asked {
            path: "v1/rerank",
            model,
            body: written(&body)?,
            weight: part.weight,
            deadline,
            answer_max: wire::scores_bytes_max(count),
        };
        let mut ranked = self
            .shared
            .ask(&asked, move |body| wire::scores(body, count, top_n))
            .await?;
        for document in &mut ranked {
            document.index += from;
        }
        Ok(ranked)
    }

    /// The models that the workers have, by name, with the workers that have them. Workers that do not answer are left
    /// out; an error only where none does.
    pub async fn models(&self) -> Result<Vec<Listed>, Error> {
        let within = Duration::from_millis(self.settings.timeout_ms);
        let each = (0..self.shared.peers.len()).map(|worker| list::of(&self.shared, worker, within));
        list::together(&self.shared, join_all(each).await)
    }

    /// How each worker stands, in the order of the settings.
    pub fn standing(&self) -> Vec<Standing> {
        list::standing(&self.shared, Instant::now())
    }

    fn deadline(&self, timeout: Option<Duration>) -> Instant {
        let timeout = timeout.unwrap_or(Duration::from_millis(self.settings.timeout_ms));
        Instant::now() + timeout.min(TIMEOUT_MAX)
    }

    fn in_parts(&self, texts: &[&str], shared: usize) -> Vec<Part> {
        let lengths: Vec<usize> = texts.iter().map(|text| text.len()).collect();
        let bounds = Bounds {
            inputs_max: self.settings.inputs_max,
            bytes_max: self.settings.bytes_max,
            workers: self.shared.peers.len(),
        };
        divide(&lengths, shared, bounds)
    }

    /// What is asked for each part, some at a time, in the parts' order. The first error ends the others.
    async fn each<T, F>(&self, parts: Vec<Part>, ask: impl Fn(Part) -> F) -> Result<Vec<T>, Error>
    where
        F: Future<Output = Result<T, Error>>,
    {
        let at_once = self.shared.peers.len() * PARTS_PER_WORKER;
        let (ask, divided) = (&ask, parts.len() > 1);
        let placed = parts.into_iter().map(|part| async move {
            let places = part.places.clone();
            match ask(part).await {
                Ok(answer) => Ok((places.start, answer)),
                Err(error) if divided => Err(error.within(places)),
                Err(error) => Err(error),
            }
        });
        let mut answers: Vec<(usize, T)> = stream::iter(placed)
            .buffer_unordered(at_once)
            .try_collect()
            .await?;
        answers.sort_unstable_by_key(|(from, _)| *from);
        Ok(answers.into_iter().map(|(_, answer)| answer).collect())
    }
}

fn top_n(options: &RerankOptions, count: usize) -> usize {
    options
        .top_n
        .map_or(count, |top_n| count.min(top_n.get() as usize))
}

fn written(body: &impl Serialize) -> Result<Bytes, Error> {
    let body = serde_json::to_vec(body);
    body.map(Bytes::from)
        .map_err(|error| Error::new(Kind::Rejected, Cause::Unwritable(error)))
}

/// Two workers may have different models under one name: their vectors cannot be compared.
fn equally_long(vectors: &[Vec<f32>]) -> Result<(), Error> {
    let expected = vectors.first().map_or(0, Vec::len);
    match vectors.iter().position(|vector| vector.len() != expected) {
        None => Ok(()),
        Some(index) => {
            let found = vectors[index].len();
            Err(Error::new(
                Kind::Unavailable,
                Lie::Dimensions {
                    index,
                    found,
                    expected,
                },
            ))
        }
    }
}

#[cfg(test)]
mod tests;
