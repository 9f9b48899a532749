//! Probes and measures: whether the process lives, has started, and can serve; and its numbers.
//!
//! What there is to check, and who keeps the numbers, the program says that builds the edge.

use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};
use std::time::Duration;

use axum::Json;
use axum::extract::{RawQuery, State};
use axum::response::{IntoResponse, Response};
use futures::future::BoxFuture;
use http::header::CONTENT_TYPE;
use schemars::JsonSchema;
use serde::Serialize;

use crate::problem::FieldProblem;
use crate::{Edge, Problem};

/// How long a probe waits for the checks: probes of orchestrators give up after a second or few.
const CHECKED_WITHIN: Duration = Duration::from_secs(2);

/// Seconds until a server that starts or drains is worth another try.
const RETRY_AFTER_SECONDS: u64 = 5;

const STARTING: u8 = 0;
const SERVING: u8 = 1;
const DRAINING: u8 = 2;

/// One thing that serving needs: `database`, `migrations`, `projections`.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct Check {
    pub name: &'static str,
    pub passed: bool,
}

type Checks = dyn Fn() -> BoxFuture<'static, Vec<Check>> + Send + Sync;

/// What the probes know. Cheap to clone; every clone is the same.
#[derive(Clone)]
pub struct Health {
    checks: Arc<Checks>,
    measures: Arc<dyn Fn() -> String + Send + Sync>,
    phase: Arc<AtomicU8>,
}

/// Nothing is wrong.
#[derive(Debug, Serialize, JsonSchema)]
pub(crate) struct Fine {
    status: &'static str,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schemars(default)]
    checks: Vec<Check>,
}

impl Health {
    /// `checks` is asked by every readiness probe, `measures` writes the Prometheus text.
    pub fn new(
        checks: impl Fn() -> BoxFuture<'static, Vec<Check>> + Send + Sync + 'static,
        measures: impl Fn() -> String + Send + Sync + 'static,
    ) -> Self {
        Self {
            checks: Arc::new(checks),
            measures: Arc::new(measures),
            phase: Arc::default(),
        }
    }

    /// Everything that happens once is done: requests can be served.
    pub fn started(&self) {
        let _ = self
            .phase
            .compare_exchange(STARTING, SERVING, Ordering::Relaxed, Ordering::Relaxed);
    }

    /// No new work from now on; there is no way back.
    pub fn drain(&self) {
        self.phase.store(DRAINING, Ordering::Relaxed);
    }

    pub fn draining(&self) -> bool {
        self.phase.load(Ordering::Relaxed) == DRAINING
    }
}

/// `GET /livez`: the process answers. Says nothing of what it needs, or a lost database would restart it.
pub(crate) async fn live() -> Json<Fine> {
    fine(Vec::new())
}

/// `GET /startupz`.
pub(crate) async fn startup(State(edge): State<Edge>) -> Result<Json<Fine>, Problem> {
    match edge.health.phase.load(Ordering::Relaxed) {
        STARTING => Err(not_ready("the server is starting")),
        _ => Ok(fine(Vec::new())),
    }
}

/// `GET /readyz`; with `?verbose` it names what was checked.
pub(crate) async fn ready(
    State(edge): State<Edge>,
    RawQuery(query): RawQuery,
) -> Result<Json<Fine>, Problem> {
    match edge.health.phase.load(Ordering::Relaxed) {
        STARTING => return Err(not_ready("the server is starting")),
        DRAINING => return Err(not_ready("the server is shutting down")),
        _ => {}
    }
    let verbose = query.is_some_and(|query| {
        query
            .split('&')
            .any(|part| part == "verbose" || part.starts_with("verbose="))
    });
    let checks = (edge.health.checks)();
    let Ok(checks) = tokio::time::timeout(CHECKED_WITHIN, checks).await else {
        return Err(not_ready("the checks take too long"));
    };
    if checks.iter().all(|check| check.passed) {
        return Ok(fine(if verbose { checks } else { Vec::new() }));
    }
    let problem = not_ready("something that the server needs is not there");
    let failed = checks.iter().filter(|check| verbose && !check.passed);
    Err(failed.fold(problem, |problem, check| {
        problem.error(FieldProblem {
            detail: check.name.to_owned(),
            pointer: None,
            line: None,
            column: None,
        })
    }))
}

/// `GET /metrics`, the Prometheus text format.
pub(crate) async fn metrics(State(edge): State<Edge>) -> Response {
    (
        [(CONTENT_TYPE, "text/plain; version=0.0.4; charset=utf-8")],
        (edge.health.measures)(),
    )
        .into_response()
}

fn fine(checks: Vec<Check>) -> Json<Fine> {
    Json(Fine { status: "ok", checks })
}

fn not_ready(detail: &'static str) -> Problem {
    Problem::new("not_ready")
        .detail(detail)
        .retry_after(RETRY_AFTER_SECONDS)
}
