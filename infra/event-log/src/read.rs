//! Reading by stream, by command, by claim and by token: what a writer asks before it decides or answers.

use sqlx::Row;
use sqlx::postgres::PgRow;
use uuid::Uuid;

use crate::append::{EventLog, parsed, token};
use crate::{EventLogError, Position, RecordedEvent, Stored, StreamId, Token};

impl EventLog {
    /// The events of a stream after a sequence number, personal values opened.
    ///
    /// Empty for a stream of another tenant. Fails as corrupt where a number is missing.
    pub async fn load(
        &self,
        tenant: Uuid,
        stream: &StreamId,
        after_sequence: i64,
    ) -> Result<Vec<RecordedEvent>, EventLogError> {
        self.load_few(tenant, stream, after_sequence, i64::MAX).await
    }

    /// As [`EventLog::load`], but `limit` events at most.
    pub async fn load_few(
        &self,
        tenant: Uuid,
        stream: &StreamId,
        after_sequence: i64,
        limit: i64,
    ) -> Result<Vec<RecordedEvent>, EventLogError> {
        let mut events = self.load_sealed(tenant, stream, after_sequence, limit).await?;
        let sealed = events.iter_mut().map(|event| event.payload.take()).collect();
        let opened = self.keyring.open_values(sealed).await?;
        for (event, payload) in events.iter_mut().zip(opened) {
            event.payload = payload;
        }
        Ok(events)
    }

    /// The streams of an aggregate whose first event says this of one of its fields, by their ids, with that event as it is
    /// stored. It looks through all of them.
    pub async fn begun_for(
        &self,
        tenant: Uuid,
        aggregate_type: &str,
        field: &str,
        value: &str,
    ) -> Result<Vec<(String, serde_json::Value)>, EventLogError> {
        let rows: Vec<(String, sqlx::types::Json<serde_json::Value>)> = sqlx::query_as(
            "select e.aggregate_id, e.payload from log.events e
              where e.aggregate_type = $1 and e.sequence = 1 and e.tenant_id = $2 and e.payload ->> $3 = $4
              order by e.aggregate_id",
        )
        .bind(aggregate_type)
        .bind(tenant)
        .bind(field)
        .bind(value)
        .fetch_all(&self.pool)
        .await?;
        Ok(rows.into_iter().map(|(id, payload)| (id, payload.0)).collect())
    }

    /// As [`EventLog::load_few`], but with personal values as they are stored.
    pub async fn load_sealed(
        &self,
        tenant: Uuid,
        stream: &StreamId,
        after_sequence: i64,
        limit: i64,
    ) -> Result<Vec<RecordedEvent>, EventLogError> {
        let rows = sqlx::query(
            "select null::bigint as position, e.aggregate_type, e.aggregate_id, e.sequence, e.event_type,
                    e.event_version, e.payload::text as payload, e.metadata::text as metadata, e.seq_no, e.event_id,
                    e.tenant_id, e.ordering_key, e.slice, e.command_id, e.recorded_at
               from log.events e
              where e.aggregate_type = $1 and e.aggregate_id = $2 and e.sequence > $3 and e.tenant_id = $4
              order by e.sequence limit $5",
        )
        .bind(&stream.aggregate_type)
        .bind(&stream.aggregate_id)
        .bind(after_sequence)
        .bind(tenant)
        .bind(limit)
        .fetch_all(&self.pool)
        .await?;
        let mut events = Vec::with_capacity(rows.len());
        for (expected, row) in (after_sequence + 1..).zip(&rows) {
            let event = recorded(row)?;
            if event.sequence != expected {
                let found = event.sequence;
                return Err(EventLogError::Corrupt(format!(
                    "stream {stream} has event {found}, not {expected}"
                )));
            }
            events.push(event);
        }
        Ok(events)
    }

    /// The streams of an aggregate type, of every tenant: tenant and id.
    pub async fn streams(&self, aggregate_type: &str) -> Result<Vec<(Uuid, String)>, EventLogError> {
        let streams = sqlx::query_as(
            "select tenant_id, aggregate_id from log.heads where aggregate_type = $1 order by aggregate_id",
        )
        .bind(aggregate_type)
        .fetch_all(&self.pool)
        .await?;
        Ok(streams)
    }

    /// What a command id stored, with the digest it was stored under.
    pub async fn receipt(
        &self,
        tenant: Uuid,
        command_id: Uuid,
    ) -> Result<Option<([u8; 32], Stored)>, EventLogError> {
        let row = sqlx::query("select * from log.stored_before($1, $2)")
            .bind(tenant)
            .bind(command_id)
            .fetch_optional(&self.pool)
            .await?;
        let Some(row) = row else { return Ok(None) };
        let digest: Vec<u8> = row.try_get("digest")?;
        let digest = digest
            .try_into()
            .map_err(|_| EventLogError::Corrupt(format!("receipt of {command_id}")))?;
        let answer: String = row.try_get("answer")?;
        let stored = Stored {
            first_sequence: row.try_get("first_sequence")?,
            last_sequence: row.try_get("last_sequence")?,
            token: token(&row)?,
            answer: parsed(&answer)?,
        };
        Ok(Some((digest, stored)))
    }

    /// Which of these command ids have a receipt.
    pub async fn receipts_of(&self, tenant: Uuid, command_ids: &[Uuid]) -> Result<Vec<Uuid>, EventLogError> {
        let known = sqlx::query_scalar(
            "select command_id from log.receipts where tenant_id = $1 and command_id = any ($2) order by command_id",
        )
        .bind(tenant)
        .bind(command_ids)
        .fetch_all(&self.pool)
        .await?;
        Ok(known)
    }

    /// Who holds a claim.
    pub async fn claim_owner(
        &self,
        tenant: Uuid,
        kind: &str,
        key: &str,
    ) -> Result<Option<String>, EventLogError> {
        let owner = sqlx::query_scalar(
            "select owner from log.claims where tenant_id = $1 and kind = $2 and key_hash = $3",
        )
        .bind(tenant)
        .bind(kind)
        .bind(self.keyring.hash(tenant, kind, key).as_slice())
        .fetch_optional(&self.pool)
        .await?;
        Ok(owner)
    }

    /// The hashed keys that somebody holds of one kind, of which there are few: others are not looked at quickly.
    pub async fn claims_of(
        &self,
        tenant: Uuid,
        kind: &str,
        owner: &str,
    ) -> Result<Vec<[u8; 32]>, EventLogError> {
        let hashes = sqlx::query_scalar(
            "select key_hash from log.claims where tenant_id = $1 and kind = $2 and owner = $3 order by key_hash",
        )
        .bind(tenant)
        .bind(kind)
        .bind(owner)
        .fetch_all(&self.pool)
        .await?;
        Ok(hashes)
    }

    /// The position of what a token stands for; `None` until the sequencer has placed it.
    pub async fn position_of(&self, token: Token) -> Result<Option<Position>, EventLogError> {
        let (epoch, position): (Option<i32>, Option<i64>) = sqlx::query_as(
            "select (select max(epoch) from log.instances),
                    (select position from log.positions where seq_no = $1)",
        )
        .bind(token.seq_no)
        .fetch_one(&self.pool)
        .await?;
        if epoch != Some(token.epoch) {
            return Err(EventLogError::ForeignEpoch);
        }
        // A command without events in a stream without events has nothing to wait for.
        if token.seq_no == 0 {
            return Ok(Some(Position(0)));
        }
        Ok(position.map(Position))
    }

    /// The last position that was placed.
    pub async fn head(&self) -> Result<Position, EventLogError> {
        head(&self.pool).await
    }
}

pub(crate) async fn head(pool: &sqlx::PgPool) -> Result<Position, EventLogError> {
    let position = sqlx::query_scalar("select position from log.head order by step desc limit 1")
        .fetch_one(pool)
        .await?;
    Ok(Position(position))
}

/// An event from a row with the columns of [`EventLog::load`].
pub(crate) fn recorded(row: &PgRow) -> Result<RecordedEvent, EventLogError> {
    let event_id: Uuid = row.try_get("event_id")?;
    let corrupt = |what: &str| EventLogError::Corrupt(format!("event {event_id} has a wrong {what}"));
    let version: String = row.try_get("event_version")?;
    let slice: i16 = row.try_get("slice")?;
    let payload: String = row.try_get("payload")?;
    let metadata: String = row.try_get("metadata")?;
    Ok(RecordedEvent {
        position: row.try_get::<Option<i64>, _>("position")?.map(Position),
        seq_no: row.try_get("seq_no")?,
        event_id,
        tenant: row.try_get("tenant_id")?,
        stream: StreamId {
            aggregate_type: row.try_get("aggregate_type")?,
            aggregate_id: row.try_get("aggregate_id")?,
        },
        sequence: row.try_get("sequence")?,
        event_type: row.try_get("event_type")?,
        event_version: version.parse().map_err(|_| corrupt("version"))?,
        payload: serde_json::from_str(&payload).map_err(|_| corrupt("payload"))?,
        metadata: serde_json::from_str(&metadata).map_err(|_| corrupt("metadata"))?,
        ordering_key: row.try_get("ordering_key")?,
        slice: u16::try_from(slice).map_err(|_| corrupt("slice"))?,
        command_id: row.try_get("command_id")?,
        recorded_at: row.try_get("recorded_at")?,
    })
}
