//! A worker that does as it is told: a server in a runtime of its own, so that it can be killed with all it has.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use axum::body::{Body, Bytes};
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse as _, Response};
use axum::routing::{any, get, post};
use axum::{Json, Router};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio::runtime::Runtime;
use tokio::sync::watch;

/// What it does with a request.
#[derive(Clone)]
pub enum Manner {
    Answer,
    /// As it answers, once [`Worker::release`] was called.
    Wait,
    Refuse {
        status: u16,
        retry_after: Option<u64>,
        code: &'static str,
    },
    /// The body of a status 200.
    Say(String),
    /// A body without end.
    Flood,
    /// Announces a body, and closes the connection within it.
    BreakOff,
    Redirect(String),
}

pub struct Seen {
    pub path: String,
    pub headers: HeaderMap,
    pub body: Value,
}

struct Inner {
    manner: watch::Sender<Manner>,
    /// Of requests that come first: one manner for each.
    first: Mutex<Vec<Manner>>,
    released: watch::Sender<bool>,
    ready: watch::Sender<Option<u16>>,
    seen: Mutex<Vec<Seen>>,
    begun: watch::Sender<usize>,
    ended: watch::Sender<usize>,
    probed: watch::Sender<usize>,
}

pub struct Worker {
    pub address: SocketAddr,
    inner: Arc<Inner>,
    runtime: Option<Runtime>,
}

/// Counts what ends, be it answered or given up.
struct Ending(Arc<Inner>);

impl Drop for Ending {
    fn drop(&mut self) {
        self.0.ended.send_modify(|count| *count += 1);
    }
}

impl Worker {
    pub async fn start(manner: Manner) -> Worker {
        let inner = Inner {
            manner: watch::Sender::new(manner),
            first: Mutex::default(),
            released: watch::Sender::new(false),
            ready: watch::Sender::new(Some(200)),
            seen: Mutex::default(),
            begun: watch::Sender::new(0),
            ended: watch::Sender::new(0),
            probed: watch::Sender::new(0),
        };
        let mut worker = Worker {
            address: SocketAddr::from(([127, 0, 0, 1], 0)),
            inner: Arc::new(inner),
            runtime: None,
        };
        worker.run().await;
        worker
    }

    /// Begins to serve, at the address that it had before if it had one.
    pub async fn run(&mut self) {
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .enable_all()
            .build()
            .unwrap();
        let (address, router) = (self.address, router(self.inner.clone()));
        let serving = runtime.spawn(async move {
            let listener = TcpListener::bind(address).await.unwrap();
            let address = listener.local_addr().unwrap();
            tokio::spawn(async move { axum::serve(listener, router).await });
            address
        });
        self.address = serving.await.unwrap();
        self.runtime = Some(runtime);
    }

    /// Ends it with all connections.
    pub fn kill(&mut self) {
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }

    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    pub fn name(&self) -> String {
        self.address.to_string()
    }

    pub fn be(&self, manner: Manner) {
        self.inner.manner.send_replace(manner);
    }

    /// How it does with the next requests, before its manner counts again.
    pub fn first(&self, mut manners: Vec<Manner>) {
        manners.reverse();
        *self.inner.first.lock().unwrap() = manners;
    }

    pub fn release(&self) {
        self.inner.released.send_replace(true);
    }

    /// What `/readyz` answers; nothing at all by `None`.
    pub fn readiness(&self, status: Option<u16>) {
        self.inner.ready.send_replace(status);
    }

    pub fn seen<T>(&self, look: impl Fn(&Seen) -> T) -> Vec<T> {
        self.inner.seen.lock().unwrap().iter().map(look).collect()
    }

    pub fn begun(&self) -> usize {
        *self.inner.begun.borrow()
    }

    pub async fn until_begun(&self, count: usize) {
        reached(&self.inner.begun, count).await;
    }

    pub async fn until_ended(&self, count: usize) {
        reached(&self.inner.ended, count).await;
    }

    /// So often it was asked whether it is ready.
    pub async fn until_probed(&self, count: usize) {
        reached(&self.inner.probed, count).await;
    }
}

impl Drop for Worker {
    fn drop(&mut self) {
        self.kill();
    }
}

async fn reached(count: &watch::Sender<usize>, wanted: usize) {
    count
        .subscribe()
        .wait_for(|count| *count >= wanted)
        .await
        .unwrap();
}

fn router(inner: Arc<Inner>) -> Router {
    Router::new()
        .route("/v1/embeddings", post(asked))
        .route("/v1/rerank", post(asked))
        .route("/v1/models", get(models))
        .route("/readyz", get(ready))
        .fallback(any(|| async { StatusCode::NOT_FOUND }))
        .layer(axum::extract::DefaultBodyLimit::disable())
        .with_state(inner)
}

async fn ready(State(inner): State<Arc<Inner>>) -> StatusCode {
    inner.probed.send_modify(|count| *count += 1);
    let ready = *inner.ready.borrow();
    match ready {
        Some(status) => StatusCode::from_u16(status).unwrap(),
        None => std::future::pending().await,
    }
}

async fn models(State(inner): State<Arc<Inner>>) -> Response {
    let manner = inner.manner.borrow().clone();
    match manner {
        Manner::Answer => {
            let entry = json!({"id": "small", "object": "model", "task": "embed", "dimensions": 3, "tokens_max": 256});
            Json(json!({"object": "list", "data": [entry]})).into_response()
        }
        manner => behave(&inner, manner, "/v1/models", &Value::Null).await,
    }
}

async fn asked(
    State(inner): State<Arc<Inner>>,
    uri: axum::http::Uri,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    let body: Value = serde_json::from_slice(&body).unwrap();
    let path = uri.path().to_owned();
    inner.seen.lock().unwrap().push(Seen {
        path: path.clone(),
        headers,
        body: body.clone(),
    });
    let _ending = Ending(inner.clone());
    inner.begun.send_modify(|count| *count += 1);
    let first = inner.first.lock().unwrap().pop();
    let manner = first.unwrap_or_else(|| inner.manner.borrow().clone());
    behave(&inner, manner, &path, &body).await
}

async fn behave(inner: &Arc<Inner>, manner: Manner, path: &str, body: &Value) -> Response {
    match manner {
        Manner::Answer => answer(path, body),
        Manner::Wait => {
            inner
                .released
                .subscribe()
                .wait_for(|released| *released)
                .await
                .unwrap();
            answer(path, body)
        }
        Manner::Refuse {
            status,
            retry_after,
            code,
        } => {
            let error = json!({"message": "so it is", "type": "x", "param": null, "code": code});
            let status = StatusCode::from_u16(status).unwrap();
            let mut response = (status, Json(json!({ "error": error }))).into_response();
            if let Some(seconds) = retry_after {
                response.headers_mut().insert("retry-after", seconds.into());
            }
            response
        }
        Manner::Say(text) => text.into_response(),
        Manner::Flood => {
            let ending = Ending(inner.clone());
            let parts = futures::stream::repeat_with(move || {
                let _alive = &ending;
                Ok::<_, std::io::Error>(vec![b' '; 1 << 16])
            });
            Body::from_stream(parts).into_response()
        }
        Manner::BreakOff => {
            let parts = [Ok("{\"data\":["), Err(std::io::Error::other("broken off"))];
            Body::from_stream(futures::stream::iter(parts)).into_response()
        }
        Manner::Redirect(to) => axum::response::Redirect::temporary(&to).into_response(),
    }
}

/// Vectors that say which text they are for; scores that are the lengths of the documents.
pub fn answer(path: &str, body: &Value) -> Response {
    let texts = |name: &str| {
        let texts = body[name].as_array().unwrap().iter();
        texts
            .map(|text| text.as_str().unwrap().to_owned())
            .collect::<Vec<String>>()
    };
    if path == "/v1/embeddings" {
        let each = texts("input").into_iter().enumerate().rev();
        let data: Vec<Value> = each
            .map(|(index, text)| json!({"object": "embedding", "index": index, "embedding": STANDARD.encode(bytes(&text))}))
            .collect();
        let tokens = data.len();
        return Json(json!({"data": data, "usage": {"prompt_tokens": tokens, "total_tokens": tokens}}))
            .into_response();
    }
    let mut scores: Vec<(usize, usize)> = texts("documents").iter().map(String::len).enumerate().collect();
    scores.sort_by_key(|(index, length)| (usize::MAX - length, *index));
    scores.truncate(
        body["top_n"]
            .as_u64()
            .map_or(usize::MAX, |top| usize::try_from(top).unwrap()),
    );
    let results: Vec<Value> = scores
        .into_iter()
        .map(|(index, length)| json!({"index": index, "relevance_score": length as f64 / 1e6}))
        .collect();
    Json(json!({"results": results, "usage": {"total_tokens": 1}})).into_response()
}

/// The vector that belongs to a text.
pub fn vector(text: &str) -> Vec<f32> {
    let sum: u32 = text.bytes().map(u32::from).sum();
    vec![text.len() as f32, sum as f32, 0.5]
}

fn bytes(text: &str) -> Vec<u8> {
    vector(text)
        .iter()
        .flat_map(|number| number.to_le_bytes())
        .collect()
}
