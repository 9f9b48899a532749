//! Rights: which field needs which permission.

use async_graphql::{Context, Guard, Result};
use domain::Permission;

use super::asking::Asking;

/// Lets a field be read by whoever has the permission.
pub(super) struct Needs(pub Permission);

impl Guard for Needs {
    async fn check(&self, ctx: &Context<'_>) -> Result<()> {
        Ok(Asking::of(ctx).require(self.0)?)
    }
}
