//! The protocol: OpenAI's for embeddings and models, and `/v1/rerank` as it is known from others.
//!
//! `server` accepts connections → `frame` does what happens around every request → a handler goes by `steps`: it reads the
//! body (`body`, `fields`), makes tokens of its texts (`reading`) and asks the engine.

mod body;
pub mod code;
pub mod embeddings;
mod fields;
mod frame;
mod keys;
mod models;
mod patient;
mod probes;
pub mod problem;
mod reading;
pub mod rerank;
pub mod server;
mod steps;
pub mod tls;

use std::any::Any;
use std::collections::BTreeSet;
use std::sync::{Arc, OnceLock, PoisonError, RwLock};

use axum::Router;
use axum::extract::{DefaultBodyLimit, Request};
use axum::middleware::from_fn_with_state;
use axum::response::{IntoResponse as _, Response};
use axum::routing::{get, post};
use metrics_exporter_prometheus::PrometheusHandle;
use tokio::sync::{Semaphore, watch};
use tower_http::catch_panic::CatchPanicLayer;

use crate::config::{Config, Server};
use crate::engine::{Engine, Status};
use crate::settings::LoadAt;
use crate::traces::Traces;

use self::code::Code;
use self::keys::Keys;
use self::problem::Problem;

/// What all requests share.
pub(crate) struct Service {
    pub settings: Server,
    /// Absent while the models of the start are loaded.
    engine: OnceLock<Engine>,
    keys: RwLock<Arc<Keys>>,
    /// Models without which the worker is not ready yet.
    awaited: RwLock<BTreeSet<String>>,
    pub stopping: watch::Sender<bool>,
    /// Requests that are being answered.
    pub in_flight: watch::Sender<usize>,
    /// KiB that bodies may still take.
    pub bodies: Arc<Semaphore>,
    /// Threads that may still read texts.
    pub readers: Arc<Semaphore>,
    pub traces: Option<Traces>,
    pub metrics: PrometheusHandle,
}

impl Service {
    pub fn new(config: &Config, traces: Option<Traces>, metrics: PrometheusHandle) -> Service {
        let cores = std::thread::available_parallelism().map_or(1, usize::from);
        let readers = config
            .server
            .readers
            .map_or(cores, |readers| readers.max(1) as usize);
        let bodies = usize::try_from(config.server.bodies_bytes_max / 1024).unwrap_or(Semaphore::MAX_PERMITS);
        Service {
            settings: config.server.clone(),
            engine: OnceLock::new(),
            keys: RwLock::new(Arc::new(Keys::new(&config.keys))),
            awaited: RwLock::new(of_start(config)),
            stopping: watch::Sender::new(false),
            in_flight: watch::Sender::new(0),
            bodies: Arc::new(Semaphore::new(bodies.min(Semaphore::MAX_PERMITS))),
            readers: Arc::new(Semaphore::new(readers)),
            traces,
            metrics,
        }
    }

    /// From now on models are asked.
    pub fn started(&self, engine: Engine) {
        let _ = self.engine.set(engine);
        self.awaited();
    }

    pub fn engine(&self) -> Result<&Engine, Problem> {
        self.engine.get().ok_or_else(|| {
            Problem::new(
                Code::Starting,
                "the worker is starting; its models are being loaded",
            )
            .retry_after(1)
        })
    }

    pub fn keys(&self) -> Arc<Keys> {
        self.keys.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Takes over keys; of the models of the start only those are still awaited that are still wanted.
    pub fn reconfigure(&self, config: &Config) {
        *self.keys.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(Keys::new(&config.keys));
        let wanted = of_start(config);
        let mut awaited = self.awaited.write().unwrap_or_else(PoisonError::into_inner);
        awaited.retain(|name| wanted.contains(name));
    }

    /// Names of models that the worker still needs before it is ready. One that was loaded once is awaited no more,
    /// also when it leaves.
    pub fn awaited(&self) -> Vec<String> {
        let states = self.engine.get().map(Engine::models).unwrap_or_default();
        let is_loaded = |name: &String| {
            states
                .iter()
                .any(|state| state.name == *name && state.status == Status::Loaded)
        };
        let mut awaited = self.awaited.write().unwrap_or_else(PoisonError::into_inner);
        awaited.retain(|name| !is_loaded(name));
        awaited.iter().cloned().collect()
    }

    pub fn is_stopping(&self) -> bool {
        *self.stopping.borrow()
    }
}

fn of_start(config: &Config) -> BTreeSet<String> {
    let models = config.models.iter();
    models
        .filter(|model| model.load == LoadAt::Start)
        .map(|model| model.name.clone())
        .collect()
}

pub(crate) fn router(service: Arc<Service>) -> Router {
    Router::new()
        .route("/v1/embeddings", post(embeddings::embeddings))
        .route("/v1/rerank", post(rerank::rerank))
        .route("/v1/models", get(models::list))
        .route("/v1/models/{*model}", get(models::get).post(models::act))
        .route("/livez", get(probes::live))
        .route("/readyz", get(probes::ready))
        .route("/metrics", get(probes::metrics))
        .fallback(unknown)
        .method_not_allowed_fallback(method_unknown)
        .layer(CatchPanicLayer::custom(panicked))
        .layer(DefaultBodyLimit::disable())
        .layer(from_fn_with_state(service.clone(), frame::frame))
        .with_state(service)
}

async fn unknown() -> Problem {
    Problem::new(
        Code::RouteNotFound,
        "there is nothing at this address; see POST /v1/embeddings, POST /v1/rerank and GET /v1/models",
    )
}

async fn method_unknown(request: Request) -> Problem {
    let method = request.method().as_str();
    let method: String = method.chars().take(16).collect();
    Problem::new(
        Code::MethodNotAllowed,
        format!("this address does not take {method}"),
    )
}

fn panicked(cause: Box<dyn Any + Send + 'static>) -> Response {
    let text = match cause.downcast::<String>() {
        Ok(text) => *text,
        Err(cause) => cause
            .downcast::<&str>()
            .map_or_else(|_| "of no text".to_owned(), |text| (*text).to_owned()),
    };
    Problem::internal(format!("panic: {text}")).into_response()
}
