//! Commands of schedules.

use axum::extract::State;
use axum::response::Response;
use chrono::Utc;
use domain::ScheduleId;

use crate::answer::changed;
use crate::asked::{Asked, Id, Nothing};
use crate::{Edge, Problem};

pub(crate) async fn pause(
    State(edge): State<Edge>,
    Id(schedule): Id<ScheduleId>,
    Asked { context, .. }: Asked<Nothing>,
) -> Result<Response, Problem> {
    let done = edge.commands.pause_schedule(&context, schedule, Utc::now());
    Ok(changed(&done.await?))
}

pub(crate) async fn resume(
    State(edge): State<Edge>,
    Id(schedule): Id<ScheduleId>,
    Asked { context, .. }: Asked<Nothing>,
) -> Result<Response, Problem> {
    let done = edge.commands.resume_schedule(&context, schedule, Utc::now());
    Ok(changed(&done.await?))
}

pub(crate) async fn start(
    State(edge): State<Edge>,
    Id(schedule): Id<ScheduleId>,
    Asked { context, .. }: Asked<Nothing>,
) -> Result<Response, Problem> {
    let done = edge.commands.start_schedule(&context, schedule, Utc::now());
    Ok(changed(&done.await?))
}
