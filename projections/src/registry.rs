//! The projections there are, one line each.

use std::collections::BTreeMap;

use event_log::Position;
use sqlx::PgExecutor;

use crate::checkpoint::{self, ProjectionStatus};
use crate::{bot, conversation, file, organisation, run, session, user};

/// Calls `$work!(Projection)` for each projection. A new noun is a line here and a line in [`NAMES`].
macro_rules! each_projection {
    ($work:ident) => {
        $work!(crate::organisation::Organisations);
        $work!(crate::user::Users);
        $work!(crate::bot::Bots);
        $work!(crate::session::Sessions);
        $work!(crate::file::Files);
        $work!(crate::conversation::Conversations);
        $work!(crate::run::Runs);
    };
}
pub(crate) use each_projection;

/// Every projection's name, as `projections list` and `projections rebuild NAME` know it.
pub const NAMES: &[&str] = &[
    organisation::NAME,
    user::NAME,
    bot::NAME,
    session::NAME,
    file::NAME,
    conversation::NAME,
    run::NAME,
];

/// Where each projection stands, in the order of [`NAMES`]; `head` is the last position of the log. Any role that
/// reads may ask.
pub async fn list(
    executor: impl PgExecutor<'_>,
    head: Position,
) -> Result<Vec<ProjectionStatus>, sqlx::Error> {
    let stored: BTreeMap<String, ProjectionStatus> = checkpoint::all(executor).await?.into_iter().collect();
    let status = |name: &&'static str| {
        let status = stored.get(*name)?.clone();
        let lag_events = u64::try_from(head.0 - status.position.0).unwrap_or(0);
        Some(ProjectionStatus {
            name,
            lag_events,
            ..status
        })
    };
    Ok(NAMES.iter().filter_map(status).collect())
}
