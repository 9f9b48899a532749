//! What those who look after the worker ask: whether it lives, whether it is ready, how it fares.

use std::sync::Arc;

use axum::extract::State;
use axum::response::{IntoResponse as _, Response};
use http::StatusCode;
use http::header::CONTENT_TYPE;
use serde::Serialize;

use super::Service;
use super::frame::json;
use crate::engine::{Engine, ModelState, Status};
use crate::measures;

#[derive(Serialize)]
struct Ready {
    status: &'static str,
    /// Models that are not loaded yet, or cannot be.
    awaited: Vec<String>,
    /// For those who distribute load.
    queued_tokens: u64,
}

/// Answers as long as the process can answer at all.
pub(super) async fn live() -> Response {
    json(b"{\"status\":\"live\"}".to_vec())
}

pub(super) async fn ready(State(service): State<Arc<Service>>) -> Response {
    let ready = readiness(&service);
    let status = match ready.status {
        "ready" => StatusCode::OK,
        _ => StatusCode::SERVICE_UNAVAILABLE,
    };
    let mut response = json(serde_json::to_vec(&ready).unwrap_or_default());
    *response.status_mut() = status;
    response
}

fn readiness(service: &Service) -> Ready {
    let awaited = service.awaited();
    let engine = service.engine().ok();
    let has_failed = |state: &ModelState| state.status == Status::Failed && awaited.contains(&state.name);
    Ready {
        status: match engine {
            _ if service.is_stopping() => "stopping",
            None => "starting",
            Some(engine) if engine.models().iter().any(has_failed) => "failed",
            Some(_) if !awaited.is_empty() => "starting",
            Some(_) => "ready",
        },
        awaited,
        queued_tokens: engine.map_or(0, Engine::queued_tokens),
    }
}

pub(super) async fn metrics(State(service): State<Arc<Service>>) -> Response {
    measures::observe_process();
    let kind = [(CONTENT_TYPE, "text/plain; version=0.0.4; charset=utf-8")];
    (kind, service.metrics.render()).into_response()
}
