//! Snapshots: states of long streams, kept aside, so that a load need not read all of one.
//!
//! A snapshot is made from sealed events and holds their personal values sealed as they were: what is erased or expires
//! is so here too. It is a cache, believed only as it was written: one that was changed is passed over.

use serde_json::Value;
use sqlx::Row;
use subtle::ConstantTimeEq;
use uuid::Uuid;

use crate::append::{EventLog, parsed};
use crate::marker::{Marker, walk};
use crate::{EventLogError, KeyringError, StreamId};

/// A state and the last event in it.
#[derive(Debug, Clone, PartialEq)]
pub struct Snapshot {
    pub sequence: i64,
    pub state: Value,
}

impl EventLog {
    /// The state that was kept of a stream in this form, personal values opened.
    pub async fn snapshot(
        &self,
        tenant: Uuid,
        stream: &StreamId,
        form: i32,
    ) -> Result<Option<Snapshot>, EventLogError> {
        let Some(mut snapshot) = self.snapshot_sealed(tenant, stream, form).await? else {
            return Ok(None);
        };
        snapshot.state = self.keyring.open_value(snapshot.state).await?;
        Ok(Some(snapshot))
    }

    /// The same with personal values as they are stored.
    pub async fn snapshot_sealed(
        &self,
        tenant: Uuid,
        stream: &StreamId,
        form: i32,
    ) -> Result<Option<Snapshot>, EventLogError> {
        let row = sqlx::query(
            "select sequence, state::text as state, seal from log.snapshots
              where aggregate_type = $1 and aggregate_id = $2 and tenant_id = $3 and form = $4",
        )
        .bind(&stream.aggregate_type)
        .bind(&stream.aggregate_id)
        .bind(tenant)
        .bind(form)
        .fetch_optional(&self.pool)
        .await?;
        let Some(row) = row else { return Ok(None) };
        let (sequence, state): (i64, String) = (row.try_get("sequence")?, row.try_get("state")?);
        let seal: Vec<u8> = row.try_get("seal")?;
        if !bool::from(self.seal_of(tenant, stream, form, sequence, &state).ct_eq(&seal)) {
            metrics::counter!("snapshots_refused_total").increment(1);
            tracing::warn!(stream = %stream, sequence, "a snapshot was changed and is passed over");
            return Ok(None);
        }
        let state = parsed(&state)?;
        Ok(Some(Snapshot { sequence, state }))
    }

    /// Keeps a state whose personal values are sealed, unless a later one is kept. False when one is.
    pub async fn keep_snapshot(
        &self,
        tenant: Uuid,
        stream: &StreamId,
        form: i32,
        snapshot: Snapshot,
    ) -> Result<bool, EventLogError> {
        let Snapshot { sequence, mut state } = snapshot;
        walk(&mut state, &mut |field, marker| match marker {
            Marker::Sealed(_) | Marker::Erased => Ok(None),
            Marker::Personal(_) => Err(KeyringError::Marker {
                field: field.to_owned(),
            }),
        })?;
        let state = state.to_string();
        let seal = self.seal_of(tenant, stream, form, sequence, &state);
        let kept = sqlx::query(
            "insert into log.snapshots as s (tenant_id, aggregate_type, aggregate_id, form, sequence, state, seal)
             values ($1, $2, $3, $4, $5, $6::json, $7)
             on conflict on constraint snapshots_pkey do update
             set form = excluded.form, sequence = excluded.sequence, state = excluded.state, seal = excluded.seal,
                 taken_at = clock_timestamp()
             where s.tenant_id = excluded.tenant_id and (s.form, s.sequence) < (excluded.form, excluded.sequence)",
        )
        .bind(tenant)
        .bind(&stream.aggregate_type)
        .bind(&stream.aggregate_id)
        .bind(form)
        .bind(sequence)
        .bind(&state)
        .bind(seal.as_slice())
        .execute(&self.pool)
        .await?;
        Ok(kept.rows_affected() == 1)
    }

    fn seal_of(&self, tenant: Uuid, stream: &StreamId, form: i32, sequence: i64, state: &str) -> [u8; 32] {
        let (aggregate_type, id) = (&stream.aggregate_type, &stream.aggregate_id);
        // As JSON no two of them read the same.
        let all = serde_json::json!([aggregate_type, id, form, sequence, state]).to_string();
        self.keyring.hash(tenant, "snapshot", &all)
    }
}
