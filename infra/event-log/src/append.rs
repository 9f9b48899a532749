//! Append: a batch of commands goes in, one outcome each comes out, in one round trip.

use std::sync::Arc;
use std::time::Duration;

use serde_json::Value;
use sqlx::postgres::PgRow;
use sqlx::{PgPool, Postgres, Row, Transaction};
use tokio::sync::Notify;

use crate::appender::Appenders;
use crate::batch::{SealedCommand, statements};
use crate::columns::Columns;
use crate::crash_point::crash_point;
use crate::error::Failure;
use crate::gatherer::{COMMITTERS_MAX, Gatherer};
use crate::{AppendCommand, EventLogError, Keyring, Outcome, Stored, Token};

/// Tries of one command that collides with others: with the pauses below, about two seconds.
const ATTEMPTS_MAX: u32 = 10;
const PAUSE_FIRST: Duration = Duration::from_millis(4);
const PAUSE_MAX: Duration = Duration::from_millis(400);

/// The log as writers and readers of streams see it. Cheap to clone.
#[derive(Clone)]
pub struct EventLog {
    pub(crate) pool: PgPool,
    pub(crate) keyring: Keyring,
    wake: Arc<Notify>,
    gatherer: Arc<Gatherer>,
    appenders: Arc<Appenders>,
}

impl EventLog {
    /// `log_pool` connects as the role `botserver_log`.
    pub fn new(log_pool: PgPool, keyring: Keyring) -> EventLog {
        // Readers of streams and the feed need some of the connections too.
        let half = usize::try_from(log_pool.options().get_max_connections() / 2).unwrap_or(COMMITTERS_MAX);
        let committers = half.clamp(1, COMMITTERS_MAX);
        EventLog {
            appenders: Arc::new(Appenders::new(log_pool.clone(), committers)),
            pool: log_pool,
            keyring,
            wake: Arc::new(Notify::new()),
            gatherer: Arc::new(Gatherer::new(committers)),
        }
    }

    /// What wakes the sequencer. Appends of this log notify it; after a joined append the caller does, once committed.
    pub fn wake(&self) -> Arc<Notify> {
        self.wake.clone()
    }

    pub fn keyring(&self) -> &Keyring {
        &self.keyring
    }

    /// Seals and stores one command, in one transaction with others that wait at the same moment.
    ///
    /// Whoever comes while few are about waits for nobody. Commands that share a stream, a command id or a claim are
    /// stored in the order in which they came. A caller that goes away before its command was taken up leaves nothing
    /// behind. Fails as overloaded while as many wait as this process takes in.
    pub async fn append_one(&self, command: AppendCommand) -> Result<Outcome, EventLogError> {
        self.gatherer.append(self, command).await
    }

    pub(crate) fn gatherer(&self) -> &Arc<Gatherer> {
        &self.gatherer
    }

    /// Commands that wait to be taken up.
    pub fn waiting(&self) -> usize {
        self.gatherer.waiting()
    }

    /// Takes in no more by [`EventLog::append_one`], and returns once everything taken in was answered.
    pub async fn close(&self) {
        self.gatherer.close().await;
    }

    /// Seals and stores a batch. One outcome per command, in order.
    ///
    /// Commands that share a stream, a command id or a claim are stored one after the other in the order of the batch;
    /// all others are independent, and none spoils another. A command that cannot be sealed fails the batch before
    /// anything is stored: whoever gathers commands of several callers seals each by itself with [`EventLog::seal`].
    pub async fn append(&self, batch: Vec<AppendCommand>) -> Result<Vec<Outcome>, EventLogError> {
        let mut sealed = Vec::with_capacity(batch.len());
        for command in batch {
            sealed.push(self.seal(command).await?);
        }
        self.append_sealed(sealed).await
    }

    /// Checks a command against the limits of the log and seals its personal values.
    pub async fn seal(&self, command: AppendCommand) -> Result<SealedCommand, EventLogError> {
        SealedCommand::seal(&self.keyring, command).await
    }

    /// Stores a batch of sealed commands; see [`EventLog::append`].
    ///
    /// After an error some of a larger batch may have been stored: commands with an id are safe to repeat.
    pub async fn append_sealed(&self, batch: Vec<SealedCommand>) -> Result<Vec<Outcome>, EventLogError> {
        let mut outcomes: Vec<Option<Outcome>> = vec![None; batch.len()];
        for statement in statements(&batch) {
            let commands: Vec<&SealedCommand> = statement.iter().map(|&index| &batch[index]).collect();
            let answered = self.store(&commands).await?;
            for (index, outcome) in statement.into_iter().zip(answered) {
                outcomes[index] = Some(outcome);
            }
        }
        let answered = outcomes.into_iter().collect::<Option<Vec<Outcome>>>();
        answered.ok_or_else(|| EventLogError::Corrupt("a command of the batch was not answered".to_owned()))
    }

    /// Stores one command within a transaction of `botserver_app`, for the tenant that the transaction names.
    ///
    /// Fails where the command's tenant is another. A refused command leaves nothing behind and the transaction as it
    /// was; an error, a retryable one too, ends the transaction, and the caller repeats all of it.
    pub async fn append_in(
        &self,
        transaction: &mut Transaction<'_, Postgres>,
        command: AppendCommand,
    ) -> Result<Outcome, EventLogError> {
        let command = self.seal(command).await?;
        let tenant: Option<String> = sqlx::query_scalar("select current_setting('app.tenant', true)")
            .fetch_one(&mut **transaction)
            .await?;
        if tenant.is_none_or(|tenant| tenant.parse() != Ok(command.tenant)) {
            return Err(EventLogError::Invalid(
                "the transaction belongs to another tenant".to_owned(),
            ));
        }
        let row = Columns::of(&[&command])
            .joined()
            .fetch_one(&mut **transaction)
            .await?;
        outcome(&row, &command)
    }

    async fn store(&self, commands: &[&SealedCommand]) -> Result<Vec<Outcome>, EventLogError> {
        self.store_each(commands).await.into_iter().collect()
    }

    /// Stores commands that share nothing, and answers each: what befalls one is not told to another.
    pub(crate) async fn store_each(
        &self,
        commands: &[&SealedCommand],
    ) -> Vec<Result<Outcome, EventLogError>> {
        let error = match self.try_store(commands).await {
            Ok(rows) => return outcomes(&rows, commands),
            Err(error) => error,
        };
        let (each_alone, unknown) = match Failure::of(&error) {
            Failure::Collision => (true, false),
            Failure::Lost => (true, true),
            // Rolled back because of one of them; alone, the others are stored.
            Failure::Refused { .. } => (commands.len() > 1, false),
            Failure::Absent | Failure::Decoding => (false, false),
        };
        if !each_alone {
            return shared(error, commands.len());
        }
        let error = Arc::new(error);
        let repeated = commands.iter().map(|command| {
            let error = error.clone();
            async move {
                if unknown && command.command_id.is_none() {
                    return Err(EventLogError::Unknown(error));
                }
                self.store_alone(command, unknown).await
            }
        });
        // Bounded by the connections of the pool.
        futures::future::join_all(repeated).await
    }

    /// Repeats one command until it is answered, within bounds.
    ///
    /// With an id this is safe even when an earlier try may have been committed, or may still be: the receipt of that
    /// one is waited for and asked, and its events' ids tell that they are ours.
    async fn store_alone(
        &self,
        command: &SealedCommand,
        mut unknown: bool,
    ) -> Result<Outcome, EventLogError> {
        let mut pause = PAUSE_FIRST;
        let mut attempt = 1;
        loop {
            tokio::time::sleep(pause.mul_f64(rand::random_range(0.5..1.0))).await;
            pause = (pause * 2).min(PAUSE_MAX);
            let error = match self.try_store(&[command]).await {
                Ok(rows) => {
                    let [row] = rows.as_slice() else {
                        return Err(unanswered());
                    };
                    return outcome(row, command);
                }
                Err(error) => error,
            };
            let failure = Failure::of(&error);
            unknown |= failure == Failure::Lost;
            if unknown && command.command_id.is_none() {
                return Err(EventLogError::Unknown(Arc::new(error)));
            }
            match failure {
                Failure::Collision | Failure::Lost if attempt < ATTEMPTS_MAX => attempt += 1,
                Failure::Absent if unknown && attempt < ATTEMPTS_MAX => attempt += 1,
                _ if unknown => return Err(EventLogError::Unknown(Arc::new(error))),
                _ => return Err(error.into()),
            }
        }
    }

    async fn try_store(&self, commands: &[&SealedCommand]) -> Result<Vec<PgRow>, sqlx::Error> {
        crash_point("before-append");
        let rows = self.appenders.append(Columns::of(commands)).await?;
        crash_point("after-commit");
        self.wake.notify_one();
        Ok(rows)
    }
}

fn unanswered() -> EventLogError {
    EventLogError::Corrupt("the append answered another number of commands than it was asked".to_owned())
}

fn outcomes(rows: &[PgRow], commands: &[&SealedCommand]) -> Vec<Result<Outcome, EventLogError>> {
    if rows.len() != commands.len() {
        return commands.iter().map(|_| Err(unanswered())).collect();
    }
    rows.iter()
        .zip(commands)
        .map(|(row, command)| outcome(row, command))
        .collect()
}

/// The same error for each of many: where there are several, only its meaning and source can be shared.
fn shared(error: sqlx::Error, count: usize) -> Vec<Result<Outcome, EventLogError>> {
    match EventLogError::from(error) {
        EventLogError::Unavailable(source) => (0..count)
            .map(|_| Err(EventLogError::Unavailable(source.clone())))
            .collect(),
        error if count == 1 => vec![Err(error)],
        error => {
            let text = error.to_string();
            (0..count)
                .map(|_| Err(EventLogError::Corrupt(text.clone())))
                .collect()
        }
    }
}

fn outcome(row: &PgRow, command: &SealedCommand) -> Result<Outcome, EventLogError> {
    let outcome: String = row.try_get("outcome")?;
    Ok(match outcome.as_str() {
        "stored" => Outcome::Stored(stored(row, command.answer.clone())?),
        "duplicate" => {
            let answer: String = row.try_get("answer")?;
            let stored = stored(row, parsed(&answer)?)?;
            let first: Option<uuid::Uuid> = row.try_get("first_event_id")?;
            // Our own events: an earlier try was committed and its answer lost.
            match command.events.first() {
                Some(event) if first == Some(event.event_id) => Outcome::Stored(stored),
                _ => Outcome::Duplicate(stored),
            }
        }
        "mismatch" => Outcome::Mismatch,
        "taken" => Outcome::Taken {
            kind: row.try_get("claim_kind")?,
            owner: row.try_get("claim_owner")?,
        },
        "fenced" => Outcome::Fenced {
            lease_epoch: row.try_get("lease_epoch")?,
        },
        "conflict" => Outcome::Conflict {
            version: row.try_get("version")?,
        },
        other => return Err(EventLogError::Corrupt(format!("the append answered {other}"))),
    })
}

fn stored(row: &PgRow, answer: Value) -> Result<Stored, EventLogError> {
    Ok(Stored {
        first_sequence: row.try_get("first_sequence")?,
        last_sequence: row.try_get("last_sequence")?,
        token: token(row)?,
        answer,
    })
}

pub(crate) fn token(row: &PgRow) -> Result<Token, EventLogError> {
    let slice: i16 = row.try_get("slice")?;
    let slice = u16::try_from(slice).map_err(|_| EventLogError::Corrupt(format!("slice {slice}")))?;
    Ok(Token {
        epoch: row.try_get("epoch")?,
        slice,
        seq_no: row.try_get("seq_no")?,
    })
}

pub(crate) fn parsed(text: &str) -> Result<Value, EventLogError> {
    serde_json::from_str(text).map_err(|error| EventLogError::Corrupt(format!("stored JSON: {error}")))
}
