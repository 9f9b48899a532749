//! Comparing with the live rows and changing places with them.

use std::time::Duration;

use event_log::Position;
use sqlx::{Postgres, Transaction};
use tokio::time::{Instant, sleep};

use super::builder::{Builder, Take};
use super::certificate::{self, Certificate};
use super::{RebuildError, Rebuilt, Stage};
use crate::checkpoint::{self, Place};
use crate::fold::Projection;
use crate::share::Share;
use crate::slot::{self, SlotState, Standing};

/// Events that may be missing when the live rows are held still: folded in a moment.
const NEAR_EVENTS: i64 = 500;
/// How long is waited for live shares that are not as far as each other, and how often they are looked at.
const LEVEL_WITHIN: Duration = Duration::from_secs(60);
const LOOK_EVERY: Duration = Duration::from_millis(20);

/// The live rows, held still until this is dropped.
struct HeldStill {
    transaction: Transaction<'static, Postgres>,
    live: Standing,
    position: Position,
}

impl<P: Projection> Builder<'_, P> {
    /// From where the slot is to the end. Rows that were live before are whole but for what came since, and are not
    /// compared.
    pub async fn finish(mut self) -> Result<Rebuilt, RebuildError> {
        let live = slot::live(self.pool, P::NAME).await?;
        let target = slot::position(self.pool, P::NAME, live.slot).await?;
        let end = self.feed.head().await?;
        if end < target {
            let checkpoint = target;
            return Err(RebuildError::LogShorter { end, checkpoint });
        }
        self.tell(Stage::Building, target);
        self.fill(target, self.options.events_per_second).await?;
        self.tell(Stage::Indexing, target);
        slot::index(self.pool, P::NAME, self.place.slot).await?;
        let kept = self.how == Take::Kept;
        let mut certificate = None;
        if !kept {
            let found = self.compare().await?;
            certificate::keep(self.pool, &found).await?;
            certificate = Some(found);
        }
        let switched = kept || self.options.switch;
        if switched {
            self.switch(certificate.as_mut()).await?;
        }
        Ok(Rebuilt {
            name: P::NAME,
            from: self.from,
            to: self.position(),
            certificate,
            switched,
        })
    }

    /// Both sets of rows in one snapshot at one position. It is held for as long as comparing takes; nobody waits for
    /// it, but what is deleted meanwhile cannot be cleaned up.
    async fn compare(&mut self) -> Result<Certificate, RebuildError> {
        let held = self.level().await?;
        self.tell(Stage::Comparing, held.position);
        let begin = "begin isolation level repeatable read, read only";
        let mut snapshot = self.pool.begin_with(begin).await?;
        let id: String = sqlx::query_scalar("select pg_export_snapshot()")
            .fetch_one(&mut *snapshot)
            .await?;
        let mut beside = self.pool.begin_with(begin).await?;
        sqlx::query(&format!("set transaction snapshot '{id}'"))
            .execute(&mut *beside)
            .await?;
        let (live, position) = (held.live, held.position);
        held.transaction.rollback().await?;
        let compared =
            certificate::compare::<P>([&mut snapshot, &mut beside], live, self.place.slot, position).await;
        Ok(compared?)
    }

    /// Has the built rows read from now on. What was live is kept, and nobody writes it.
    async fn switch(&mut self, certificate: Option<&mut Certificate>) -> Result<(), RebuildError> {
        let mut held = self.level().await?;
        self.tell(Stage::Switching, held.position);
        let connection = &mut *held.transaction;
        let (was, is) = (held.live, self.place);
        slot::set(connection, P::NAME, was.slot, SlotState::Kept, was.version).await?;
        slot::set(connection, P::NAME, is.slot, SlotState::Live, Some(P::VERSION)).await?;
        let kept = Place {
            name: P::NAME,
            slot: was.slot,
        };
        // New epochs: whoever had the live rows cannot write them any more.
        let whole = [Share::whole(held.position, None)];
        checkpoint::replace(connection, kept, &whole).await?;
        checkpoint::replace(connection, is, &whole).await?;
        if let Some(certificate) = certificate {
            certificate.switched_at = Some(chrono::Utc::now());
            certificate::switched(connection, certificate).await?;
        }
        held.transaction.commit().await?;
        Ok(())
    }

    /// Comes level with the live rows and holds these still.
    async fn level(&mut self) -> Result<HeldStill, RebuildError> {
        let give_up_at = Instant::now() + LEVEL_WITHIN;
        loop {
            let live = slot::live(self.pool, P::NAME).await?;
            let target = slot::position(self.pool, P::NAME, live.slot).await?;
            let far = target.0 - self.position().0 > NEAR_EVENTS;
            let pace = self.options.events_per_second.filter(|_| far);
            self.fill(target, pace).await?;
            let mut transaction = self.pool.begin().await?;
            let (live, _) = slot::lock(&mut transaction, P::NAME).await?;
            let place = Place {
                name: P::NAME,
                slot: live.slot,
            };
            let shares = checkpoint::lock(&mut transaction, place).await?;
            let mut positions = shares.iter().map(|share| share.position);
            let position = positions.next().unwrap_or_default();
            let even = positions.all(|other| other == position);
            if even && position.0 - self.position().0 <= NEAR_EVENTS {
                self.fill(position, None).await?;
                return Ok(HeldStill {
                    transaction,
                    live,
                    position,
                });
            }
            transaction.rollback().await?;
            if !even {
                if Instant::now() > give_up_at {
                    return Err(RebuildError::NeverLevel { name: P::NAME });
                }
                sleep(LOOK_EVERY).await;
            }
        }
    }
}
