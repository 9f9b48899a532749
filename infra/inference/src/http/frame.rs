//! What happens around every request: its id, its caller, its deadline, its trace, its measures.
//!
//! Neither the log nor the measures hold a path, a text or a key: only the route's template and the key's name.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::extract::{MatchedPath, Request, State};
use axum::middleware::Next;
use axum::response::{IntoResponse as _, Response};
use http::header::{CONTENT_TYPE, HeaderName};
use http::{HeaderMap, HeaderValue, Method};
use tokio::sync::watch;
use tokio::time::Instant;
use tracing::Instrument as _;

use super::Service;
use super::code::Code;
use super::keys::Caller;
use super::problem::Problem;
use crate::traces::{Request as Traced, Stages};

const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");
const TIMEOUT: HeaderName = HeaderName::from_static("x-request-timeout-ms");

/// Tokens that wait in this worker, for those who distribute load.
const QUEUED: HeaderName = HeaderName::from_static("x-queued-tokens");

/// A longer id of a client is not taken over.
const ID_BYTES_MAX: usize = 128;

/// Whence a connection comes.
#[derive(Clone, Copy, Debug)]
pub(super) struct Peer(pub IpAddr);

/// What handlers know of a request beside its body.
#[derive(Clone)]
pub(super) struct Asked {
    pub id: Arc<str>,
    pub caller: Caller,
    pub deadline: Instant,
    pub stages: Stages,
}

pub(super) async fn frame(State(service): State<Arc<Service>>, request: Request, next: Next) -> Response {
    let id = request_id(request.headers());
    let method = method_label(request.method());
    let route = request.extensions().get::<MatchedPath>().cloned();
    let route: Arc<str> = route.as_ref().map_or("unmatched", MatchedPath::as_str).into();
    let trace = service
        .traces
        .as_ref()
        .and_then(|traces| traces.request(request.headers()));
    let mut ended = Ended {
        method,
        route: route.clone(),
        started: Instant::now(),
        stages: Stages::begin(),
        trace,
        answered: false,
    };
    let span = tracing::info_span!("request", http.method = method, http.route = %route, request.id = %id);
    let answer = admitted(&service, request, next, &id, &ended)
        .instrument(span.clone())
        .await;
    let mut response = answer.unwrap_or_else(Problem::into_response);
    let headers = response.headers_mut();
    headers.insert(
        REQUEST_ID,
        HeaderValue::try_from(&*id).unwrap_or(HeaderValue::from_static("-")),
    );
    headers.insert("x-content-type-options", HeaderValue::from_static("nosniff"));
    headers.insert("cache-control", HeaderValue::from_static("no-store"));
    if let Ok(engine) = service.engine() {
        headers.insert(QUEUED, HeaderValue::from(engine.queued_tokens()));
    }
    span.in_scope(|| ended.answer(&response));
    response
}

/// The way of a request for models: who asks, whether the worker still takes it, until when.
async fn admitted(
    service: &Arc<Service>,
    mut request: Request,
    next: Next,
    id: &Arc<str>,
    ended: &Ended,
) -> Result<Response, Problem> {
    let path = request.uri().path();
    let (of_models, of_metrics) = (path.starts_with("/v1/"), path == "/metrics");
    let needs_key = of_models || (of_metrics && !service.settings.metrics_open);
    if !needs_key {
        return Ok(next.run(request).await);
    }
    let peer = request.extensions().get::<Peer>().map(|peer| peer.0);
    let peer = peer.ok_or_else(|| Problem::internal("a connection without an address"))?;
    let caller = service.keys().identify(request.headers(), peer)?;
    if of_metrics {
        return Ok(next.run(request).await);
    }
    // Counted before it is asked whether the worker stops: whoever stops it asks the other way round.
    let _counted = Counted::new(&service.in_flight);
    if service.is_stopping() {
        return Err(Problem::stopping());
    }
    let deadline = ended.started + within(request.headers(), service.settings.request_within())?;
    request.extensions_mut().insert(Asked {
        id: id.clone(),
        caller,
        deadline,
        stages: ended.stages.clone(),
    });
    let answer = tokio::time::timeout_at(deadline, next.run(request)).await;
    answer.map_err(|_| Problem::deadline())
}

/// A request that is being answered.
struct Counted<'a>(&'a watch::Sender<usize>);

impl<'a> Counted<'a> {
    fn new(count: &'a watch::Sender<usize>) -> Counted<'a> {
        count.send_modify(|count| *count += 1);
        metrics::gauge!("inference_requests_in_flight").increment(1.0);
        Counted(count)
    }
}

impl Drop for Counted<'_> {
    fn drop(&mut self) {
        self.0.send_modify(|count| *count -= 1);
        metrics::gauge!("inference_requests_in_flight").decrement(1.0);
    }
}

/// Tells the end of a request, also of one whose client went away.
struct Ended {
    method: &'static str,
    route: Arc<str>,
    started: Instant,
    stages: Stages,
    trace: Option<Traced>,
    answered: bool,
}

impl Ended {
    fn answer(&mut self, response: &Response) {
        self.answered = true;
        let elapsed = self.started.elapsed();
        let status = response.status();
        let problem = response.extensions().get::<Arc<Problem>>();
        if let Some(problem) = problem {
            metrics::counter!("inference_requests_refused_total", "code" => problem.code.name()).increment(1);
        }
        let code = problem.map_or("", |problem| problem.code.name());
        tracing::debug!(
            http.status = status.as_u16(),
            code,
            duration_ms = elapsed.as_millis() as u64,
            "request answered"
        );
        metrics::histogram!("http_server_request_duration_seconds",
            "method" => self.method, "route" => self.route.to_string(), "status" => status.as_str().to_owned())
        .record(elapsed.as_secs_f64());
        self.stages.measure();
        if let Some(trace) = self.trace.take() {
            trace.end(self.method, &self.route, Some(status.as_u16()), &self.stages);
        }
    }
}

impl Drop for Ended {
    fn drop(&mut self) {
        if !self.answered {
            metrics::counter!("inference_requests_abandoned_total", "route" => self.route.to_string())
                .increment(1);
            if let Some(trace) = self.trace.take() {
                trace.end(self.method, &self.route, None, &self.stages);
            }
        }
    }
}

pub(super) fn json(body: Vec<u8>) -> Response {
    let kind = [(CONTENT_TYPE, HeaderValue::from_static("application/json"))];
    (kind, body).into_response()
}

/// How long the request may take: what the client asks for, up to what is configured.
fn within(headers: &HeaderMap, most: Duration) -> Result<Duration, Problem> {
    let Some(value) = headers.get(TIMEOUT) else {
        return Ok(most);
    };
    let millis: Option<u64> = value.to_str().ok().and_then(|text| text.trim().parse().ok());
    let millis = millis.filter(|millis| *millis > 0).ok_or_else(|| {
        Problem::new(
            Code::InvalidValue,
            "x-request-timeout-ms: expected milliseconds, 1 or more",
        )
        .of("x-request-timeout-ms")
    })?;
    Ok(Duration::from_millis(millis).min(most))
}

/// The client's own id where it has one that is fit for a log, else a new one.
fn request_id(headers: &HeaderMap) -> Arc<str> {
    let own = headers.get(REQUEST_ID).and_then(|value| value.to_str().ok());
    let fits =
        |id: &&str| (1..=ID_BYTES_MAX).contains(&id.len()) && id.bytes().all(|byte| byte.is_ascii_graphic());
    match own.filter(fits) {
        Some(id) => id.into(),
        None => format!("req_{:032x}", rand::random::<u128>()).into(),
    }
}

/// The method, from a closed set: whoever invents methods must not invent series.
fn method_label(method: &Method) -> &'static str {
    const KNOWN: &[&str] = &["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"];
    let known = KNOWN.iter().find(|known| **known == method.as_str());
    known.copied().unwrap_or("OTHER")
}
