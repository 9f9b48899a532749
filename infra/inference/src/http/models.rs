//! `/v1/models`: what is configured, and for keys that may: bringing one into memory and taking it out.

use std::sync::Arc;
use std::time::UNIX_EPOCH;

use axum::Extension;
use axum::extract::rejection::PathRejection;
use axum::extract::{Path, State};
use axum::response::Response;
use serde::Serialize;

use super::Service;
use super::code::Code;
use super::frame::{Asked, json};
use super::problem::Problem;
use crate::engine::{ModelError, ModelState, Status};
use crate::model::{Card, Task};
use crate::settings::Precision;

#[derive(Serialize)]
struct List<'a> {
    object: &'static str,
    data: Vec<Wire<'a>>,
}

/// OpenAI's fields, then ours.
#[derive(Serialize)]
struct Wire<'a> {
    id: &'a str,
    object: &'static str,
    created: u64,
    owned_by: &'static str,
    status: Status,
    #[serde(flatten)]
    card: Option<WireCard<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    problem: Option<&'a str>,
}

#[derive(Serialize)]
struct WireCard<'a> {
    task: Task,
    architecture: &'a str,
    dimensions: usize,
    tokens_max: usize,
    vocabulary: usize,
    parameters: u64,
    precision: Precision,
    bytes: u64,
    pooling: &'a str,
    normalized: bool,
    prompts: &'a [String],
}

pub(super) async fn list(
    State(service): State<Arc<Service>>,
    Extension(asked): Extension<Asked>,
) -> Result<Response, Problem> {
    let states = service.engine()?.models();
    let data = states.iter().map(|state| Wire::of(state, asked.caller.admin));
    let list = List {
        object: "list",
        data: data.collect(),
    };
    written(&list)
}

pub(super) async fn get(
    State(service): State<Arc<Service>>,
    Extension(asked): Extension<Asked>,
    path: Result<Path<String>, PathRejection>,
) -> Result<Response, Problem> {
    let Ok(Path(name)) = path else {
        return Err(nowhere());
    };
    state(&service, &name, &asked)
}

/// `…/load` and `…/unload`: the name before may hold slashes.
pub(super) async fn act(
    State(service): State<Arc<Service>>,
    Extension(asked): Extension<Asked>,
    path: Result<Path<String>, PathRejection>,
) -> Result<Response, Problem> {
    let Ok(Path(path)) = path else {
        return Err(nowhere());
    };
    let Some((name, action)) = path.rsplit_once('/') else {
        return Err(nowhere());
    };
    let loads = match action {
        "load" => true,
        "unload" => false,
        _ => return Err(nowhere()),
    };
    if !asked.caller.admin {
        return Err(Problem::new(
            Code::NotAdmin,
            "this key may not load and unload models",
        ));
    }
    let engine = service.engine()?;
    let done = if loads {
        engine.load(name).await
    } else {
        engine.unload(name).await
    };
    done.map_err(|error| Problem::of_model(&error, asked.caller.admin))?;
    tracing::info!(
        model = name,
        action,
        caller = asked.caller.name,
        "a model was asked to come or go"
    );
    state(&service, name, &asked)
}

fn state(service: &Service, name: &str, asked: &Asked) -> Result<Response, Problem> {
    let states = service.engine()?.models();
    let state = states.iter().find(|state| state.name == name).ok_or_else(|| {
        let error = ModelError::Unknown {
            name: name.to_owned(),
        };
        Problem::of_model(&error, asked.caller.admin)
    })?;
    written(&Wire::of(state, asked.caller.admin))
}

fn nowhere() -> Problem {
    Problem::new(
        Code::RouteNotFound,
        "there is nothing at this address; see GET /v1/models/{model}, POST /v1/models/{model}/load and /unload",
    )
}

fn written(value: &impl Serialize) -> Result<Response, Problem> {
    let body = serde_json::to_vec(value).map_err(|error| Problem::internal(error.to_string()))?;
    Ok(json(body))
}

impl<'a> Wire<'a> {
    /// What is wrong with a folder names paths of the machine: only for whoever may load it.
    fn of(state: &'a ModelState, admin: bool) -> Wire<'a> {
        let changed = state.card.as_ref().and_then(|card| card.changed_at);
        let created = changed.and_then(|at| at.duration_since(UNIX_EPOCH).ok());
        Wire {
            id: &state.name,
            object: "model",
            created: created.map_or(0, |since| since.as_secs()),
            owned_by: "inference-worker",
            status: state.status,
            card: state.card.as_ref().map(WireCard::of),
            problem: state.problem.as_deref().filter(|_| admin),
        }
    }
}

impl<'a> WireCard<'a> {
    fn of(card: &'a Card) -> WireCard<'a> {
        WireCard {
            task: card.task,
            architecture: &card.architecture,
            dimensions: card.dimensions,
            tokens_max: card.tokens_max,
            vocabulary: card.vocabulary,
            parameters: card.parameters,
            precision: card.precision,
            bytes: card.bytes,
            pooling: &card.pooling,
            normalized: card.normalized,
            prompts: &card.prompts,
        }
    }
}
