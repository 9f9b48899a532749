//! Commands of runs.

use axum::extract::State;
use axum::response::Response;
use chrono::Utc;
use domain::RunId;

use crate::answer::changed;
use crate::asked::{Asked, Id, Nothing};
use crate::{Edge, Problem};

pub(crate) async fn cancel(
    State(edge): State<Edge>,
    Id(run): Id<RunId>,
    Asked { context, .. }: Asked<Nothing>,
) -> Result<Response, Problem> {
    Ok(changed(
        &edge.commands.cancel_run(&context, run, Utc::now()).await?,
    ))
}
