//! The tables that bots declare: made, changed and asked in PostgreSQL, in a schema for each bot.
//!
//! They are the truth for their rows. A statement of a script commits together with the record of it in the log. Names
//! come from definitions and are quoted, values are bound: nothing that a script is given becomes SQL.

mod condition;
mod connections;
mod definition;
mod erasing;
mod migration;
mod rows;
mod select;
mod statements;
mod values;

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use basic::Refusal;
use domain::{BotId, OrganisationId};
use sqlx::{PgPool, Postgres, Transaction};

use crate::CommandError;

use connections::Connections;
pub use connections::{Misconfigured, Reach};
use definition::Definition;
pub use migration::{Elsewhere, Extent, Migration, Reason, RefusedChange};

pub(super) use statements::{is_elsewhere, knows, unknown};

/// How long a statement may take.
const STATEMENT_SECONDS: u32 = 30;

/// How long what the catalogue said is believed: the time within which a change of it reaches every process.
const BELIEVED_FOR: Duration = Duration::from_secs(1);

/// The tables of all bots. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Tables {
    app_pool: PgPool,
    known: Arc<Mutex<Known>>,
    connections: Connections,
}

/// What the catalogue said last, by bot and name.
type Known = HashMap<(BotId, String), Said>;

/// What the catalogue said of a table.
#[derive(Debug)]
struct Said {
    /// As it stands there: the same text is the same definition.
    text: String,
    definition: Arc<Definition>,
    at: Instant,
}

/// A transaction that works with the tables of one bot.
pub(super) struct Opened {
    pub transaction: Transaction<'static, Postgres>,
    pub bot: BotId,
    /// Where it is a database of others, by the name that the package gives it.
    pub connection: Option<String>,
}

impl Opened {
    /// As [`refused`]; what a database of others says or does is never a failure of ours.
    fn refused(&self, error: sqlx::Error) -> Result<Refusal, CommandError> {
        let Some(connection) = &self.connection else {
            return refused(error);
        };
        if error.as_database_error().is_none() {
            return Ok(connections::failed(connection));
        }
        let said = error.as_database_error().map(|error| error.message().to_owned());
        Ok(refused(error).unwrap_or_else(|_| {
            let said: String = said.unwrap_or_default().chars().take(200).collect();
            Refusal::new(
                "connection_refused",
                format!("the connection {connection} says: {said}"),
            )
        }))
    }
}

impl Tables {
    /// `app_pool` connects as the application role.
    pub fn new(app_pool: PgPool) -> Tables {
        Tables {
            app_pool,
            known: Arc::default(),
            // Nothing, until it is said what.
            connections: Connections::new(Arc::new(|_| false)),
        }
    }

    /// Lets the connections of packages lead to these addresses.
    pub fn reaching(self, reach: Reach) -> Tables {
        Tables {
            connections: Connections::new(reach),
            ..self
        }
    }

    /// Waits no longer than this for what is asked of a database of others, where that is less than by itself.
    pub fn waiting(self, patience: Duration) -> Tables {
        Tables {
            connections: self.connections.waiting(patience),
            ..self
        }
    }

    /// Waits for what is asked of a database; of one of others, which may fall silent, only as long as it may take.
    async fn timely<T>(
        &self,
        connection: Option<&str>,
        asked: impl Future<Output = Result<Result<T, Refusal>, CommandError>>,
    ) -> Result<Result<T, Refusal>, CommandError> {
        match connection {
            None => asked.await,
            Some(name) => match self.connections.timely(asked).await {
                Some(answered) => answered,
                None => Ok(Err(connections::failed(name))),
            },
        }
    }

    /// Takes what a package's settings say of connections to other databases. They stay in memory.
    pub fn configure(&self, bot: BotId, settings: &BTreeMap<String, String>) {
        self.connections.configure(bot, settings);
    }

    pub(super) async fn open(&self, tenant: OrganisationId, bot: BotId) -> Result<Opened, CommandError> {
        // One message instead of three. An id holds nothing that could end the quotation.
        let begin = format!(
            "begin; set local app.tenant = '{}'; set local statement_timeout = '{STATEMENT_SECONDS}s'",
            tenant.0
        );
        let transaction = self
            .app_pool
            .begin_with(begin)
            .await
            .map_err(CommandError::unexpected)?;
        Ok(Opened {
            transaction,
            bot,
            connection: None,
        })
    }

    /// What a table is, by its name in any capitalisation; None where the bot has none of that name.
    pub(super) async fn definition(
        &self,
        opened: &mut Opened,
        name: &str,
    ) -> Result<Option<Arc<Definition>>, CommandError> {
        let key = (opened.bot, name.trim().to_lowercase());
        if let Some(said) = self.known().get(&key)
            && said.at.elapsed() < BELIEVED_FOR
        {
            return Ok(Some(said.definition.clone()));
        }
        let found: Option<String> =
            sqlx::query_scalar("select definition::text from app.tables where bot_id = $1 and name = $2")
                .bind(opened.bot.0)
                .bind(&key.1)
                .fetch_optional(&mut *opened.transaction)
                .await
                .map_err(CommandError::unexpected)?;
        let Some(text) = found else { return Ok(None) };
        let at = Instant::now();
        if let Some(said) = self.known().get_mut(&key)
            && said.text == text
        {
            said.at = at;
            return Ok(Some(said.definition.clone()));
        }
        let table: basic::Table = serde_json::from_str(&text).map_err(CommandError::unexpected)?;
        let definition = Arc::new(Definition::new(opened.bot, table));
        let said = Said {
            text,
            definition: definition.clone(),
            at,
        };
        self.known().insert(key, said);
        Ok(Some(definition))
    }

    /// Has the catalogue asked anew for a bot's tables, which were changed.
    fn forget(&self, bot: BotId) {
        self.known().retain(|(of, _), _| *of != bot);
    }

    fn known(&self) -> MutexGuard<'_, Known> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A name within SQL.
fn quoted(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}

/// What PostgreSQL says against a statement: a mistake of the script, a refusal that time or others caused, or a failure
/// that is not the script's.
fn refused(error: sqlx::Error) -> Result<Refusal, CommandError> {
    let Some(database) = error.as_database_error() else {
        return Err(CommandError::unexpected(error));
    };
    let code = database.code().unwrap_or_default().into_owned();
    let said = database.message().to_owned();
    Ok(match code.as_str() {
        "23505" => Refusal::new("row_exists", "there is a row with the same key already"),
        "23502" => Refusal::mistake("value_missing", said),
        "23503" => Refusal::new("row_missing", "the row that this points to does not exist"),
        "23514" => Refusal::mistake("value_refused", said),
        // A value that its type does not take, or that is too long or too large for it.
        code if code.starts_with("22") => Refusal::mistake("value_refused", said),
        "57014" => Refusal::new(
            "too_slow",
            format!("the statement took longer than {STATEMENT_SECONDS} s"),
        ),
        "40001" | "40P01" => return Err(CommandError::Contended),
        // The table was changed under a statement that was prepared before: it is asked anew.
        "0A000" if said.contains("cached plan") => return Err(CommandError::Contended),
        // What a statement asks for does not go with the kinds of the fields, or is more than an index or a statement
        // takes. An answer of the person may be what makes it so: it must not stop the conversation.
        code if code.starts_with("42") || code.starts_with("54") || code.starts_with("0A") => {
            Refusal::mistake("statement_refused", said)
        }
        _ => return Err(CommandError::unexpected(error)),
    })
}
