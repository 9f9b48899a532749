//! What one request is answered from: who asks, and one moment of the read models.
//!
//! A root field can be told to wait for a command (`waitFor`). All fields of a request see the same moment, so all
//! waits come first, then the one read begins: a field without `waitFor` may be answered later, never from earlier.
//! A subscription is answered again and again, each time from a moment of its own.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_graphql::parser::types::{ExecutableDocument, Field, OperationDefinition, Selection, SelectionSet};
use async_graphql::{Context, Name, Value, Variables};
use commands::{CommandError, DeclaredTrigger, KnownDriveFile, KnownSchedule, Position, ReadToken};
use domain::access::Denial;
use domain::{BotId, Permission, SessionId};
use projections::{Live, NAMES, Projections, ReadError, Reads, WaitError};
use tokio::sync::OnceCell;

use super::error::AskError;
use crate::Edge;
use crate::address::ClientAddress;
use crate::presence::Presence;

/// How long a request waits for what a command stored. Read models lag by milliseconds.
const WAIT_MAX: Duration = Duration::from_secs(5);

/// One request. Among the library's data of each request, shared by its resolvers and loaders.
#[derive(Clone)]
pub(super) struct Asking(Arc<Inner>);

struct Inner {
    edge: Edge,
    context: commands::Context,
    address: ClientAddress,
    tokens: Vec<String>,
    moment: Mutex<Arc<Moment>>,
}

/// One moment of the read models, once somebody has asked for it.
type Moment = OnceCell<Result<Arc<Reads>, AskError>>;

impl Asking {
    pub fn new(edge: Edge, context: commands::Context, address: ClientAddress, tokens: Vec<String>) -> Self {
        Self(Arc::new(Inner {
            edge,
            context,
            address,
            tokens,
            moment: Mutex::default(),
        }))
    }

    /// The request that a resolver works for.
    pub fn of<'a>(ctx: &'a Context<'_>) -> &'a Self {
        ctx.data_unchecked()
    }

    /// The last position of the log.
    pub async fn head(&self) -> Result<Position, AskError> {
        self.0
            .edge
            .commands
            .executor()
            .log()
            .head()
            .await
            .map_err(|error| {
                tracing::warn!(
                    error = &error as &dyn std::error::Error,
                    "head of the log is not readable"
                );
                AskError::Unavailable
            })
    }

    /// What a session is set up with now.
    pub async fn set_up(&self, session: SessionId) -> Result<super::set_up::SetUp, AskError> {
        let (commands, tenant) = (&self.0.edge.commands, self.0.context.tenant);
        let found = commands.set_up(tenant, session, chrono::Utc::now()).await;
        found.map(Into::into).map_err(|error| {
            tracing::warn!(
                error = &error as &dyn std::error::Error,
                "what a session is set up with is not readable"
            );
            AskError::Unavailable
        })
    }

    /// The schedules of a bot, as this process follows them.
    pub fn schedules(&self, bot: BotId) -> Vec<KnownSchedule> {
        self.0.edge.commands.schedules(self.0.context.tenant, bot)
    }

    /// What starts the scripts of a bot besides schedules.
    pub async fn triggers(&self, bot: BotId) -> Result<Vec<DeclaredTrigger>, AskError> {
        let found = self.0.edge.commands.triggers(self.0.context.tenant, bot).await;
        found.map_err(|error| unread(&error, "triggers"))
    }

    /// The files of a bot's drive below a folder; None where there is no such folder.
    pub async fn drive_files(
        &self,
        bot: BotId,
        folder: &str,
    ) -> Result<Option<Vec<KnownDriveFile>>, AskError> {
        match self
            .0
            .edge
            .commands
            .drive_files(&self.0.context, bot, folder)
            .await
        {
            Ok(found) => Ok(Some(found)),
            Err(CommandError::Refused { .. }) => Ok(None),
            Err(error) => Err(unread(&error, "files of a drive")),
        }
    }

    /// Whose rows are read.
    pub fn organisation_id(&self) -> domain::OrganisationId {
        self.0.context.tenant
    }

    pub fn may(&self, permission: Permission) -> bool {
        self.0.context.actor.require(permission).is_ok()
    }

    /// Refuses who lacks the right, and counts the attempt.
    pub fn require(&self, permission: Permission) -> Result<(), AskError> {
        if self.may(permission) {
            return Ok(());
        }
        let denials = self.0.edge.commands.denials();
        denials.count(self.0.context.tenant, Denial::Forbidden, self.0.address.0);
        Err(AskError::Forbidden(permission))
    }

    /// The moment that this request is answered from. The first to ask brings it about.
    pub async fn reads(&self) -> Result<Arc<Reads>, AskError> {
        let moment = self.moment().clone();
        moment.get_or_init(|| self.begin()).await.clone()
    }

    /// Lets the moment go, and with it a connection to the database. What is read next begins another.
    pub fn rest(&self) {
        *self.moment() = Arc::default();
    }

    fn moment(&self) -> std::sync::MutexGuard<'_, Arc<Moment>> {
        self.0
            .moment
            .lock()
            .expect("nothing panics while it is exchanged")
    }

    /// Who has sockets open.
    pub fn presence(&self) -> &Presence {
        &self.0.edge.presence
    }

    /// What happens, as it happens.
    pub fn live(&self) -> &Live {
        &self.0.edge.live
    }

    /// How far the read models are, as it changes.
    pub fn projections(&self) -> &Projections {
        &self.0.edge.projections
    }

    /// The place in the log from which a client goes on: a cursor, or the read token of a command, whose place is
    /// waited for. Fails with [`AskError::BadCursor`] where the log does not reach so far.
    pub async fn place_of(&self, after: &str) -> Result<Position, AskError> {
        let place = match after.parse::<ReadToken>() {
            Ok(token) => self.place_of_token(token).await?,
            Err(_) => projections::place_of(after)?,
        };
        if place > self.head().await? {
            return Err(AskError::BadCursor);
        }
        Ok(place)
    }

    async fn place_of_token(&self, token: ReadToken) -> Result<Position, AskError> {
        let log = self.0.edge.commands.executor().log();
        let place = self.0.edge.projections.place_of_token(log, token, WAIT_MAX).await;
        place.map_err(|error| waited(&error))
    }

    async fn begin(&self) -> Result<Arc<Reads>, AskError> {
        for text in &self.0.tokens {
            let token: ReadToken = text.parse().map_err(|_| AskError::BadToken)?;
            self.reach(token).await?;
        }
        let reads = self.0.edge.reader.tenant(self.0.context.tenant).await?;
        Ok(Arc::new(reads))
    }

    async fn reach(&self, token: ReadToken) -> Result<(), AskError> {
        let log = self.0.edge.commands.executor().log();
        let reached = self
            .0
            .edge
            .projections
            .wait_for_token(log, NAMES, token, WAIT_MAX)
            .await;
        reached.map_err(|error| waited(&error))
    }
}

fn unread(error: &CommandError, what: &'static str) -> AskError {
    tracing::warn!(error = error as &dyn std::error::Error, "{what} are not readable");
    AskError::Unavailable
}

fn waited(error: &WaitError) -> AskError {
    match error {
        WaitError::Timeout => AskError::WaitTimeout,
        WaitError::ForeignEpoch => AskError::BadToken,
        error => {
            tracing::warn!(
                error = error as &dyn std::error::Error,
                "read token cannot be waited for"
            );
            AskError::Unavailable
        }
    }
}

impl From<ReadError> for AskError {
    fn from(error: ReadError) -> Self {
        match error {
            ReadError::Cursor => AskError::BadCursor,
            ReadError::Page(page) => AskError::BadPage(page),
            ReadError::Unavailable(_) => {
                tracing::warn!(
                    error = &error as &dyn std::error::Error,
                    "read models are not readable"
                );
                AskError::Unavailable
            }
            other => {
                tracing::error!(
                    error = &other as &dyn std::error::Error,
                    "read model cannot be shown"
                );
                AskError::Unexpected
            }
        }
    }
}

/// What the root fields of an operation wait for. Fragments must not contain themselves.
pub(super) fn tokens(
    document: &ExecutableDocument,
    operation: &OperationDefinition,
    variables: &Variables,
) -> Vec<String> {
    let mut found = Vec::new();
    let mut open: Vec<&SelectionSet> = vec![&operation.selection_set.node];
    while let Some(selections) = open.pop() {
        for selection in &selections.items {
            match &selection.node {
                Selection::Field(field) => {
                    found.extend(waits_for(&field.node, operation, variables));
                }
                Selection::InlineFragment(inline) => open.push(&inline.node.selection_set.node),
                Selection::FragmentSpread(spread) => {
                    let fragment = document.fragments.get(&spread.node.fragment_name.node);
                    open.extend(fragment.map(|fragment| &fragment.node.selection_set.node));
                }
            }
        }
    }
    found.sort_unstable();
    found.dedup();
    found
}

/// What a field waits for, as a text or by a variable. What is neither, validation refuses or is null.
fn waits_for(field: &Field, operation: &OperationDefinition, variables: &Variables) -> Option<String> {
    let value_of = |name: Name| {
        let definitions = &operation.variable_definitions;
        let definition = || definitions.iter().find(|known| known.node.name.node == name);
        let default = || definition().and_then(|definition| definition.node.default_value());
        variables.get(&name).or_else(default).cloned().ok_or(())
    };
    let given = field.get_argument("waitFor")?.node.clone();
    match given.into_const_with(value_of).ok()? {
        Value::String(text) => Some(text),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use async_graphql::parser::parse_query;
    use serde_json::json;

    use super::*;

    fn check(text: &str, variables: serde_json::Value, expected: &[&str]) {
        let document = parse_query(text).expect("parses");
        let operation = super::super::extent::selected(&document, None).expect("is the only one");
        assert_eq!(
            tokens(&document, operation, &Variables::from_json(variables)),
            expected,
            "{text}"
        );
    }

    #[test]
    fn every_root_field_says_what_it_waits_for() {
        check(
            r#"{ a(waitFor: "x") { b(waitFor: "inner") } c(waitFor: "y") d }"#,
            json!({}),
            &["x", "y"],
        );
        check(
            r#"{ a(waitFor: "x") c: a(waitFor: "x") d(waitFor: null) }"#,
            json!({}),
            &["x"],
        );
        check(
            r#"{ ...F ... { b(waitFor: "y") } } fragment F on Q { a(waitFor: "x") }"#,
            json!({}),
            &["x", "y"],
        );
    }

    #[test]
    fn a_variable_is_looked_up_with_its_default() {
        let text = r#"query ($t: String = "usual") { a(waitFor: $t) }"#;
        check(text, json!({ "t": "x" }), &["x"]);
        check(text, json!({}), &["usual"]);
        check(text, json!({ "t": null }), &[]);
        check("query ($t: String) { a(waitFor: $t) }", json!({}), &[]);
    }
}
