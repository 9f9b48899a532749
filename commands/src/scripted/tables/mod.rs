//! The tables that bots declare: made, changed and asked in PostgreSQL, in a schema for each bot.
//!
//! They are the truth for their rows. A statement of a script commits together with the record of it in the log. Names
//! come from definitions and are quoted, values are bound: nothing that a script is given becomes SQL.

mod condition;
mod definition;
mod migration;
mod rows;
mod statements;
mod values;

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use basic::Refusal;
use domain::{BotId, OrganisationId};
use sqlx::{PgPool, Postgres, Transaction};

use crate::CommandError;

use definition::Definition;
pub use migration::{Extent, Migration, Reason, RefusedChange};

pub(super) use statements::{is_elsewhere, knows, unknown};

/// How long a statement may take.
const STATEMENT_SECONDS: u32 = 30;

/// The tables of all bots. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Tables {
    app_pool: PgPool,
    /// What the catalogue said last. Its text is compared with what it says now.
    known: Arc<Mutex<Known>>,
}

/// By bot and name: the catalogue's text, and what it says.
type Known = HashMap<(BotId, String), (String, Arc<Definition>)>;

/// A transaction that works with the tables of one bot.
pub(super) struct Opened {
    pub transaction: Transaction<'static, Postgres>,
    pub bot: BotId,
}

impl Tables {
    /// `app_pool` connects as the application role.
    pub fn new(app_pool: PgPool) -> Tables {
        Tables {
            app_pool,
            known: Arc::default(),
        }
    }

    pub(super) async fn open(&self, tenant: OrganisationId, bot: BotId) -> Result<Opened, CommandError> {
        let mut transaction = self.app_pool.begin().await.map_err(CommandError::unexpected)?;
        sqlx::query("select set_config('app.tenant', $1, true), set_config('statement_timeout', $2, true)")
            .bind(tenant.to_string())
            .bind(format!("{STATEMENT_SECONDS}s"))
            .execute(&mut *transaction)
            .await
            .map_err(CommandError::unexpected)?;
        Ok(Opened { transaction, bot })
    }

    /// What a table is, by its name in any capitalisation; None where the bot has none of that name.
    pub(super) async fn definition(
        &self,
        opened: &mut Opened,
        name: &str,
    ) -> Result<Option<Arc<Definition>>, CommandError> {
        let key = (opened.bot, name.trim().to_lowercase());
        let found: Option<String> =
            sqlx::query_scalar("select definition::text from app.tables where bot_id = $1 and name = $2")
                .bind(opened.bot.0)
                .bind(&key.1)
                .fetch_optional(&mut *opened.transaction)
                .await
                .map_err(CommandError::unexpected)?;
        let Some(text) = found else { return Ok(None) };
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((before, definition)) = known.get(&key)
            && *before == text
        {
            return Ok(Some(definition.clone()));
        }
        let table: basic::Table = serde_json::from_str(&text).map_err(CommandError::unexpected)?;
        let definition = Arc::new(Definition::new(opened.bot, table));
        known.insert(key, (text, definition.clone()));
        Ok(Some(definition))
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
        // What a statement asks for does not go with the kinds of the fields, or is more than an index or a statement
        // takes. An answer of the person may be what makes it so: it must not stop the conversation.
        code if code.starts_with("42") || code.starts_with("54") || code.starts_with("0A") => {
            Refusal::mistake("statement_refused", said)
        }
        _ => return Err(CommandError::unexpected(error)),
    })
}
