//! Subscriptions: what is read, as it changes.
//!
//! 1. The feed says that something happened; the read model says what. So what is told live is what a query shows,
//!    and a client that is slow, or comes back, misses nothing.
//! 2. Everything up to where a read model stands is told in the order of the log, once.
//! 3. Nothing is held while nothing happens: neither rows nor a connection.

use std::collections::VecDeque;
use std::time::Duration;

use async_graphql::parser::types::{OperationDefinition, Selection};
use async_graphql::{Context, ID, SimpleObject, Subscription};
use commands::Position;
use domain::{BotId, ConversationId, Permission};
use futures::StreamExt;
use futures::future::{pending, select_all};
use futures::stream::{self, BoxStream};
use projections::conversation::{ConversationState, TurnRow};
use projections::session::SessionRow;
use projections::{
    NAMES, ProjectionStatus, Reached, ReadError, Reads, Topic, TopicWatch, conversation, cursor_at, session,
};
use tokio::sync::watch;
use uuid::Uuid;

use super::asking::Asking;
use super::error::AskError;
use super::guard::Needs;
use super::projection::{ReadModels, standings};
use super::scalar::id;
use super::session::Session;
use super::turn::Turn;

/// Rows read at once: a long past must not be in memory as a whole.
const CHUNK_ROWS: u32 = 200;
/// Read models move hundreds of times a second; nobody reads faster than this.
const STANDINGS_EVERY: Duration = Duration::from_millis(250);
/// What stopped a read model is recorded without its moving: while one is behind it is looked at again.
const STANDINGS_AGAIN: Duration = Duration::from_secs(1);

type Answers<T> = BoxStream<'static, Result<T, AskError>>;

/// What can be followed.
pub(crate) struct Subscription;

/// Something that was said.
#[derive(SimpleObject)]
struct TurnAdded {
    /// The message.
    turn: Turn,
    /// Its place: to be given as `after` by whoever goes on from here.
    cursor: String,
}

/// A session that began, ended or otherwise changed.
#[derive(SimpleObject)]
struct SessionChanged {
    /// The session as it is now.
    session: Session,
    /// The place of its last change: to be given as `after` by whoever goes on from here.
    cursor: String,
}

/// What can be followed, over a socket of graphql-transport-ws.
#[Subscription]
impl Subscription {
    /// What is said in a conversation, oldest first, until it ends. Needs `conversation.read`.
    #[graphql(guard = "Needs(Permission::ConversationRead)")]
    async fn turn_added(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Which conversation.")] conversation_id: ID,
        #[graphql(
            desc = "Go on after this cursor, of this field or of `Conversation.turns`, or after what a command \
                    stored, by its read token. Without it, from now on."
        )]
        after: Option<String>,
    ) -> Result<Answers<TurnAdded>, AskError> {
        let conversation_id = Uuid::try_parse(&conversation_id)
            .map(ConversationId)
            .map_err(|_| AskError::NotFound("conversation"))?;
        let source = Turns { conversation_id };
        let topic = Topic::Conversation(conversation_id);
        let following = Following::start(Asking::of(ctx).clone(), source, topic, after).await?;
        following.check_conversation(conversation_id).await?;
        Ok(following.answers(|place, row| TurnAdded {
            turn: Turn::from(row),
            cursor: cursor_at(place),
        }))
    }

    /// Sessions that begin, end or otherwise change, each as it is by then. Needs `session.read`.
    #[graphql(guard = "Needs(Permission::SessionRead)")]
    async fn session_changed(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Only sessions with this bot.")] bot_id: Option<ID>,
        #[graphql(
            desc = "Go on after this cursor, or after what a command stored, by its read token. Without it, from \
                    now on."
        )]
        after: Option<String>,
    ) -> Result<Answers<SessionChanged>, AskError> {
        let asking = Asking::of(ctx).clone();
        let source = Sessions {
            bot_id: id(bot_id, "botId")?,
        };
        let topic = Topic::Sessions(asking.organisation_id());
        let following = Following::start(asking, source, topic, after).await?;
        Ok(following.answers(|place, row| SessionChanged {
            session: Session::from(row),
            cursor: cursor_at(place),
        }))
    }

    /// How far the read models are: at once, then whenever that has changed, at most four times a second. Needs
    /// `projection.read`.
    #[graphql(guard = "Needs(Permission::ProjectionRead)")]
    async fn projections_moved(&self, ctx: &Context<'_>) -> Result<Answers<ReadModels>, AskError> {
        let standings = Standings::new(Asking::of(ctx).clone());
        Ok(stream::unfold(standings, |mut standings| async move {
            let told = standings.next().await;
            Some((told, standings))
        })
        .boxed())
    }
}

/// True where an operation asks for one field and for nothing around it: the library passes over everything else,
/// and what it passes over would be answered by silence.
pub(super) fn has_one_plain_root(operation: &OperationDefinition) -> bool {
    match operation.selection_set.node.items.as_slice() {
        [only] => matches!(&only.node, Selection::Field(field) if field.node.directives.is_empty()),
        _ => false,
    }
}

/// Rows of a read model in the order of the log.
trait Source: Send + Sync + 'static {
    type Row: Send + Sync;
    /// The read model.
    const NAME: &'static str;

    /// Rows after one place and up to another, at most [`CHUNK_ROWS`].
    fn read(
        &self,
        reads: &Reads,
        after: Position,
        up_to: Position,
    ) -> impl Future<Output = Result<Stretch<Self::Row>, ReadError>> + Send;
}

/// Rows, each with its place in the log.
struct Stretch<R> {
    rows: Vec<(Position, R)>,
    /// None will follow.
    last: bool,
}

struct Turns {
    conversation_id: ConversationId,
}

impl Source for Turns {
    type Row = TurnRow;
    const NAME: &'static str = conversation::NAME;

    async fn read(
        &self,
        reads: &Reads,
        after: Position,
        up_to: Position,
    ) -> Result<Stretch<TurnRow>, ReadError> {
        let rows = reads
            .turns_between(self.conversation_id, after, up_to, CHUNK_ROWS)
            .await?;
        let rows = rows.into_iter().map(|row| (row.position, row)).collect();
        let conversation = reads.conversation(self.conversation_id).await?;
        let ended = conversation.is_some_and(|row| row.state == ConversationState::Ended);
        Ok(Stretch { rows, last: ended })
    }
}

struct Sessions {
    bot_id: Option<BotId>,
}

impl Source for Sessions {
    type Row = SessionRow;
    const NAME: &'static str = session::NAME;

    async fn read(
        &self,
        reads: &Reads,
        after: Position,
        up_to: Position,
    ) -> Result<Stretch<SessionRow>, ReadError> {
        let rows = reads
            .sessions_changed_between(self.bot_id, after, up_to, CHUNK_ROWS)
            .await?;
        Ok(Stretch { rows, last: false })
    }
}

/// Somebody who follows a source.
struct Following<S: Source> {
    asking: Asking,
    source: S,
    watch: TopicWatch,
    reached: watch::Receiver<Reached>,
    /// Everything up to here was told.
    seen: Position,
    /// Something happened up to here.
    news: Position,
    waiting: VecDeque<(Position, S::Row)>,
    ended: bool,
}

impl<S: Source> Following<S> {
    async fn start(asking: Asking, source: S, topic: Topic, after: Option<String>) -> Result<Self, AskError> {
        let watch = asking.live().watch(topic).await;
        let reached = asking.projections().watch(S::NAME).ok_or(AskError::Unexpected)?;
        let seen = match after {
            Some(after) => asking.place_of(&after).await?,
            None => watch.from,
        };
        Ok(Self {
            asking,
            source,
            news: watch.from.max(seen),
            watch,
            reached,
            seen,
            waiting: VecDeque::new(),
            ended: false,
        })
    }

    /// Waits until the read model shows what had happened when this began; returns how far it shows by then.
    async fn caught_up(&self) -> Position {
        let mut reached = self.reached.clone();
        let caught_up = reached.wait_for(|reached| reached.position() >= self.news).await;
        match caught_up.map(|reached| reached.position()) {
            Ok(reached) => reached,
            // The process stops. The socket says so; an end of the subscription would mean something else.
            Err(_) => pending().await,
        }
    }

    fn answers<T: Send + 'static>(self, answer: fn(Position, S::Row) -> T) -> Answers<T> {
        stream::unfold(self, move |mut following| async move {
            let told = following.next().await?;
            Some((told.map(|(place, row)| answer(place, row)), following))
        })
        .boxed()
    }

    /// What is told next; None when nothing follows.
    async fn next(&mut self) -> Option<Result<(Position, S::Row), AskError>> {
        loop {
            if let Some(row) = self.waiting.pop_front() {
                return Some(Ok(row));
            }
            if self.ended {
                return None;
            }
            self.asking.rest();
            if self.seen >= self.news {
                self.news = match self.watch.moved().await {
                    Ok(position) => position,
                    Err(_) => pending().await,
                };
            }
            if let Err(error) = self.fill().await {
                self.ended = true;
                return Some(Err(error));
            }
        }
    }

    async fn fill(&mut self) -> Result<(), AskError> {
        let up_to = self.caught_up().await;
        let reads = self.asking.reads().await?;
        let Stretch { rows, last } = self.source.read(&reads, self.seen, up_to).await?;
        if rows.len() < CHUNK_ROWS as usize {
            self.seen = self.seen.max(up_to);
            self.ended = last;
        } else if let Some((place, _)) = rows.last() {
            self.seen = *place;
        }
        self.waiting.extend(rows);
        Ok(())
    }
}

impl Following<Turns> {
    /// Refuses to follow a conversation that is not there.
    async fn check_conversation(&self, id: ConversationId) -> Result<(), AskError> {
        self.caught_up().await;
        let found = self.asking.reads().await?.conversation(id).await?;
        self.asking.rest();
        found.map(|_| ()).ok_or(AskError::NotFound("conversation"))
    }
}

/// Somebody who follows how far the read models are.
struct Standings {
    asking: Asking,
    head: watch::Receiver<Option<Position>>,
    reached: Vec<watch::Receiver<Reached>>,
    told: Option<(Position, Vec<ProjectionStatus>)>,
}

impl Standings {
    fn new(asking: Asking) -> Self {
        Self {
            head: asking.live().head(),
            reached: NAMES
                .iter()
                .filter_map(|name| asking.projections().watch(name))
                .collect(),
            asking,
            told: None,
        }
    }

    async fn next(&mut self) -> Result<ReadModels, AskError> {
        loop {
            if self.told.is_some() {
                self.asking.rest();
                self.changed().await;
            }
            let (head, items) = standings(&self.asking).await?;
            let news = self.told.as_ref().is_none_or(|(told_head, told)| {
                *told_head != head || !told.iter().zip(&items).all(|(told, item)| alike(told, item))
            });
            self.told = Some((head, items.clone()));
            if news {
                return Ok(ReadModels::new(head, items));
            }
        }
    }

    /// Returns when something may have changed, after a pause in which more may.
    async fn changed(&mut self) {
        let behind = self.told.as_ref().is_some_and(|(_, items)| {
            items
                .iter()
                .any(|item| item.lag_events > 0 || item.failure.is_some() || item.building.is_some())
        });
        let moves = self
            .reached
            .iter_mut()
            .map(|reached| Box::pin(async { reached.changed().await.is_ok() }));
        let moved = async {
            if !select_all(moves).await.0 {
                pending::<()>().await;
            }
        };
        let grown = async {
            if self.head.changed().await.is_err() {
                pending::<()>().await;
            }
        };
        tokio::select! {
            () = moved => {}
            () = grown => {}
            () = tokio::time::sleep(STANDINGS_AGAIN), if behind => {}
        }
        tokio::time::sleep(STANDINGS_EVERY).await;
        self.head.mark_unchanged();
        self.reached.iter_mut().for_each(watch::Receiver::mark_unchanged);
    }
}

/// Nothing that a reader would call news; a stopped read model is news once, not at every try.
fn alike(told: &ProjectionStatus, now: &ProjectionStatus) -> bool {
    let failure = |status: &ProjectionStatus| status.failure.as_ref().map(|failure| failure.error.clone());
    told.position == now.position
        && failure(told) == failure(now)
        && told.leaders == now.leaders
        && told.building == now.building
}

#[cfg(test)]
mod tests {
    use async_graphql::parser::parse_query;

    use super::*;

    #[test]
    fn a_subscription_asks_for_one_field_by_itself() {
        for (text, plain) in [
            ("subscription { a }", true),
            ("subscription S($x: ID!) { a: turnAdded(x: $x) { b c } }", true),
            ("subscription { a b }", false),
            ("subscription { ...F } fragment F on Subscription { a }", false),
            ("subscription { ... { a } }", false),
            ("subscription { a @skip(if: true) }", false),
        ] {
            let document = parse_query(text).expect("parses");
            let operation = super::super::extent::selected(&document, None).expect("is the only one");
            assert_eq!(has_one_plain_root(operation), plain, "{text}");
        }
    }
}
