//! Deleting the rows that are a person's data, in the tables of all bots of an organisation.

use basic::Table;
use chrono::Utc;
use domain::user::{ErasedRows, User, UserEvent};
use domain::{BotId, OrganisationId, UserId};
use event_log::Outcome;

use super::Tables;
use super::definition::Definition;
use crate::executor::{Executor, append_command};
use crate::{CommandError, Context};

/// The name of the lock that statements about a person share, and that whoever erases them has alone.
pub(super) fn person_lock(tenant: OrganisationId, person: UserId) -> String {
    format!("{tenant} {person}")
}

impl Tables {
    /// Deletes a person's rows, each table in a transaction with the record of it. Tables without any are left out.
    pub(crate) async fn erase_person(
        &self,
        executor: &Executor,
        context: &Context,
        user: UserId,
    ) -> Result<Vec<ErasedRows>, CommandError> {
        // The bot does not matter yet: the catalogue of the organisation is read.
        let mut opened = self.open(context.tenant, BotId::default()).await?;
        let found: Vec<(uuid::Uuid, String)> =
            sqlx::query_as("select bot_id, definition::text from app.tables order by bot_id, name")
                .fetch_all(&mut *opened.transaction)
                .await
                .map_err(CommandError::unexpected)?;
        drop(opened);
        let mut erased = Vec::new();
        for (bot, text) in found {
            let table: Table = serde_json::from_str(&text).map_err(CommandError::unexpected)?;
            // Rows of other databases do not say whose they are.
            if table.connection.is_some() {
                continue;
            }
            let definition = Definition::new(BotId(bot), table);
            erased.extend(
                self.erase_rows(executor, context, user, BotId(bot), &definition)
                    .await?,
            );
        }
        Ok(erased)
    }

    async fn erase_rows(
        &self,
        executor: &Executor,
        context: &Context,
        user: UserId,
        bot_id: BotId,
        definition: &Definition,
    ) -> Result<Option<ErasedRows>, CommandError> {
        let mut opened = self.open(context.tenant, bot_id).await?;
        let sql = format!("delete from {} where \"__subject\" = $1", definition.path);
        // A table may be large, and whoever asks waits for it.
        sqlx::query("select set_config('statement_timeout', '0', true)")
            .execute(&mut *opened.transaction)
            .await
            .map_err(CommandError::unexpected)?;
        // Statements that are about to write of the person end first; those that come later find them erased.
        sqlx::query("select pg_advisory_xact_lock(hashtextextended($1, 0))")
            .bind(person_lock(context.tenant, user))
            .execute(&mut *opened.transaction)
            .await
            .map_err(CommandError::unexpected)?;
        let deleted = sqlx::query(&sql)
            .persistent(false)
            .bind(user.0)
            .execute(&mut *opened.transaction)
            .await
            .map_err(CommandError::unexpected)?
            .rows_affected();
        if deleted == 0 {
            return Ok(None);
        }
        let erased = ErasedRows {
            bot_id,
            table: definition.table.name.clone(),
            rows: deleted,
            // What is told of an erased person is not made from what they said.
            digest: String::new(),
            erased_at: Utc::now(),
        };
        let events = [UserEvent::RowsErased(erased.clone())];
        let id = user.to_string();
        let append =
            append_command::<User>(context, &id, None, id.clone(), &events, serde_json::Value::Null)?;
        let log = executor.log();
        let outcome = log.append_in(&mut opened.transaction, append).await?;
        let Outcome::Stored(stored) = outcome else {
            return Err(CommandError::Contended);
        };
        opened
            .transaction
            .commit()
            .await
            .map_err(CommandError::unexpected)?;
        log.wake().notify_one();
        executor.update_memory::<User>(context.tenant, &id, &events, stored.last_sequence);
        Ok(Some(erased))
    }
}
