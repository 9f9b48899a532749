//! Nodes: anything that has an id of its own, found by that alone.

use async_graphql::{Context, ID, Interface, Object};
use domain::{BotId, ConversationId, Permission, RunId, SessionId, UserId};

use super::asking::Asking;
use super::bot::Bot;
use super::conversation::Conversation;
use super::error::AskError;
use super::loaders::find_by_text;
use super::organisation::Organisation;
use super::run::Run;
use super::session::Session;
use super::user::User;

/// Anything that has an id of its own.
#[derive(Interface)]
#[graphql(field(name = "id", ty = "ID", desc = "Identifies it among everything there is."))]
pub(super) enum Node {
    Organisation(Organisation),
    User(User),
    Bot(Bot),
    Session(Session),
    Conversation(Conversation),
    Run(Run),
}

#[derive(Default)]
pub(super) struct NodeQuery;

#[Object]
impl NodeQuery {
    /// Whatever has this id, if the token may read it. Null otherwise.
    #[graphql(complexity = "5 + child_complexity")]
    async fn node(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Which.")] id: ID,
        #[graphql(name = "waitFor", desc = "Token of a command that the answer must show.")]
        _wait_for: Option<String>,
    ) -> Result<Option<Node>, AskError> {
        let asking = Asking::of(ctx);
        macro_rules! look_among {
            ($permission:ident, $id:ty, $noun:ident) => {
                if asking.may(Permission::$permission)
                    && let Some(found) = find_by_text::<$id, $noun>(ctx, &id).await?
                {
                    return Ok(Some(Node::$noun(found)));
                }
            };
        }
        look_among!(ConversationRead, ConversationId, Conversation);
        look_among!(SessionRead, SessionId, Session);
        look_among!(RunRead, RunId, Run);
        look_among!(BotRead, BotId, Bot);
        look_among!(UserRead, UserId, User);
        let own = asking.organisation_id();
        if asking.may(Permission::OrganisationRead) && id.as_str() == own.to_string() {
            let found = asking.reads().await?.organisation(own).await?;
            return Ok(found.map(|row| Node::Organisation(row.into())));
        }
        Ok(None)
    }
}
