//! States of long streams, made aside: a load begins from the last one and folds what came after it.
//!
//! A snapshot is folded from the events as they are stored, sealed, so that what it holds of people can be erased and
//! expires as in the events. Nobody waits for one, and whatever hinders it costs only time later.

use std::sync::Arc;

use domain::{Aggregate, OrganisationId, decode};
use event_log::{EventLog, Snapshot, StreamId};
use tokio::sync::Semaphore;

use crate::{CommandError, Versioned};

/// Events after which a stream's state is kept again: folding so many takes a few milliseconds.
const EVERY: i64 = 500;
/// Events that are folded at a time.
const PAGE: i64 = 1_000;
/// Snapshots that are made at a time.
const MAKERS: usize = 2;

#[derive(Clone)]
pub(crate) struct Snapshots {
    log: EventLog,
    makers: Arc<Semaphore>,
}

impl Snapshots {
    pub(crate) fn new(log: EventLog) -> Self {
        Self {
            log,
            makers: Arc::new(Semaphore::new(MAKERS)),
        }
    }

    /// The state that is kept of a stream; that of no events where none is, or none that can be read.
    pub(crate) async fn find<A: Aggregate>(
        &self,
        tenant: OrganisationId,
        stream: &StreamId,
    ) -> Result<Versioned<A>, CommandError> {
        let found = self.log.snapshot(tenant.0, stream, A::FORM).await?;
        Ok(found.and_then(restored).unwrap_or_default())
    }

    /// Has the state of a stream kept when its events passed a mark between two versions.
    pub(crate) fn consider<A: Aggregate>(&self, tenant: OrganisationId, id: &str, from: i64, to: i64) {
        if from / EVERY == to / EVERY {
            return;
        }
        // When others are being made, the next mark will do.
        let Ok(permit) = self.makers.clone().try_acquire_owned() else {
            return;
        };
        let (snapshots, stream) = (self.clone(), StreamId::new(A::TYPE, id));
        tokio::spawn(async move {
            if let Err(error) = snapshots.make::<A>(tenant, &stream).await {
                tracing::warn!(stream = %stream, error = %error, "no snapshot was made");
            }
            drop(permit);
        });
    }

    /// Folds a stream from its last snapshot on and keeps the state; returns its version.
    pub(crate) async fn make<A: Aggregate>(
        &self,
        tenant: OrganisationId,
        stream: &StreamId,
    ) -> Result<i64, CommandError> {
        let last = self.log.snapshot_sealed(tenant.0, stream, A::FORM).await?;
        let mut folded: Versioned<A> = last.and_then(restored).unwrap_or_default();
        loop {
            let page = self
                .log
                .load_sealed(tenant.0, stream, folded.version, PAGE)
                .await?;
            let more = page.len() as i64 == PAGE;
            for event in page {
                let event = decode::<A::Event>(&event.event_type, event.event_version, &event.payload)
                    .map_err(CommandError::unexpected)?;
                folded.state.apply(&event);
                folded.version += 1;
            }
            if !more {
                break;
            }
        }
        if folded.version == 0 {
            return Ok(0);
        }
        let state = serde_json::to_value(&folded.state).map_err(CommandError::unexpected)?;
        let snapshot = Snapshot {
            sequence: folded.version,
            state,
        };
        self.log
            .keep_snapshot(tenant.0, stream, A::FORM, snapshot)
            .await?;
        Ok(folded.version)
    }
}

/// None for a state of another shape.
fn restored<A: Aggregate>(Snapshot { sequence, state }: Snapshot) -> Option<Versioned<A>> {
    let state = serde_json::from_value(state).ok()?;
    Some(Versioned {
        state,
        version: sequence,
    })
}
