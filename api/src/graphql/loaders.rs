//! Nouns by id, each asked for once per request however many fields point to it.

use std::collections::{BTreeMap, HashMap};
use std::hash::Hash;

use async_graphql::dataloader::{DataLoader, HashMapCache, Loader};
use async_graphql::{Context, ID};
use domain::{BotId, ConversationId, RunId, SessionId, UserId};
use projections::bot::BotRow;
use projections::conversation::{ConversationRow, NoteRow};
use projections::run::RunRow;
use projections::session::SessionRow;
use projections::user::UserRow;
use uuid::Uuid;

use super::asking::Asking;
use super::error::AskError;

/// Reads nouns set-wise.
pub(super) struct Nouns(pub Asking);

pub(super) type Loaders = DataLoader<Nouns, HashMapCache>;

/// The loaders of one request.
pub(super) fn loaders(asking: Asking) -> Loaders {
    DataLoader::with_cache(Nouns(asking), tokio::spawn, HashMapCache::default())
}

/// The noun of this id, as a wire type; None where there is none, or not for this organisation.
pub(super) async fn find<K, T>(ctx: &Context<'_>, id: K) -> Result<Option<T>, AskError>
where
    K: Send + Sync + Hash + Eq + Clone + 'static,
    Nouns: Loader<K, Error = AskError>,
    T: From<<Nouns as Loader<K>>::Value>,
{
    Ok(ctx.data_unchecked::<Loaders>().load_one(id).await?.map(T::from))
}

/// The same for an id as a client sends it. What is no id names nothing.
pub(super) async fn find_by_text<K, T>(ctx: &Context<'_>, id: &ID) -> Result<Option<T>, AskError>
where
    K: From<Uuid> + Send + Sync + Hash + Eq + Clone + 'static,
    Nouns: Loader<K, Error = AskError>,
    T: From<<Nouns as Loader<K>>::Value>,
{
    match Uuid::try_parse(id) {
        Ok(id) => find(ctx, K::from(id)).await,
        Err(_) => Ok(None),
    }
}

macro_rules! load {
    ($id:ty => $row:ty, by $question:ident) => {
        impl Loader<$id> for Nouns {
            type Value = $row;
            type Error = AskError;

            async fn load(&self, ids: &[$id]) -> Result<HashMap<$id, $row>, AskError> {
                hashed(self.0.reads().await?.$question(ids).await?)
            }
        }
    };
}

load!(UserId => UserRow, by users_by_ids);
load!(BotId => BotRow, by bots_by_ids);
load!(SessionId => SessionRow, by sessions_by_ids);
load!(ConversationId => ConversationRow, by conversations_by_ids);
load!(RunId => RunRow, by runs_by_ids);

/// What was remarked of a conversation.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) struct NotesOf(pub ConversationId);

impl Loader<NotesOf> for Nouns {
    type Value = Vec<NoteRow>;
    type Error = AskError;

    async fn load(&self, keys: &[NotesOf]) -> Result<HashMap<NotesOf, Vec<NoteRow>>, AskError> {
        let conversations: Vec<ConversationId> = keys.iter().map(|key| key.0).collect();
        let notes = self.0.reads().await?.notes_by_ids(&conversations).await?;
        Ok(notes
            .into_iter()
            .map(|(conversation, notes)| (NotesOf(conversation), notes))
            .collect())
    }
}

/// The open sockets of a session.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) struct SocketsOf(pub SessionId);

impl Loader<SocketsOf> for Nouns {
    type Value = u32;
    type Error = AskError;

    async fn load(&self, keys: &[SocketsOf]) -> Result<HashMap<SocketsOf, u32>, AskError> {
        let sessions: Vec<SessionId> = keys.iter().map(|key| key.0).collect();
        let counts = self.0.presence().sockets(&sessions).await.map_err(|error| {
            tracing::warn!(%error, "open sockets cannot be read");
            AskError::Unavailable
        })?;
        Ok(counts
            .into_iter()
            .map(|(session, count)| (SocketsOf(session), count))
            .collect())
    }
}

fn hashed<K: Hash + Eq, V>(rows: BTreeMap<K, V>) -> Result<HashMap<K, V>, AskError> {
    Ok(rows.into_iter().collect())
}
