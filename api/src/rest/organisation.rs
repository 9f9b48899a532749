//! Commands of the organisation that a token belongs to.

use axum::extract::State;
use axum::response::Response;
use schemars::JsonSchema;
use serde::Deserialize;

use crate::answer::changed;
use crate::asked::{Asked, RequestBody};
use crate::{Edge, Problem};

/// The organisation's new name.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct OrganisationName {
    /// 1 to 200 characters.
    #[schemars(length(min = 1, max = 200), extend("pattern" = r"[^\s\u0085]"))]
    name: String,
}

impl RequestBody for OrganisationName {}

pub(crate) async fn rename(
    State(edge): State<Edge>,
    Asked { context, body }: Asked<OrganisationName>,
) -> Result<Response, Problem> {
    let renamed = edge.commands.rename_organisation(&context, body.name);
    Ok(changed(&renamed.await?))
}
