//! Comparing with the live rows and changing places with them.

use std::time::Duration;

use event_log::Position;
use sqlx::{Postgres, Transaction};
use tokio::time::{Instant, sleep};

use super::builder::Builder;
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
    /// The whole of a rebuild from where the slot is.
    pub async fn build(mut self) -> Result<Rebuilt, RebuildError> {
        let live = slot::live(self.pool, P::NAME).await?;
        let target = slot::position(self.pool, P::NAME, live.slot).await?;
        let end = self.feed.head().await?;
        if end < target {
            let checkpoint = target;
            return Err(RebuildError::LogShorter { end, checkpoint });
        }
        self.tell(Stage::Building, target);
        self.fill(target).await?;
        self.tell(Stage::Indexing, target);
        slot::index(self.pool, P::NAME, self.place.slot).await?;
        let mut certificate = self.compare().await?;
        certificate::keep(self.pool, &certificate).await?;
        if self.options.switch {
            certificate.switched_at = Some(chrono::Utc::now());
            let to = self.switch(Some(&certificate)).await?;
            return Ok(self.done(to, Some(certificate)));
        }
        let to = self.position();
        Ok(self.done(to, Some(certificate)))
    }

    /// Rows that are whole but for what came since: brought up to date and read again.
    pub async fn bring_back(mut self) -> Result<Rebuilt, RebuildError> {
        slot::index(self.pool, P::NAME, self.place.slot).await?;
        let to = self.switch(None).await?;
        Ok(self.done(to, None))
    }

    fn done(&self, to: Position, certificate: Option<Certificate>) -> Rebuilt {
        let switched = certificate.as_ref().is_none_or(|one| one.switched_at.is_some());
        Rebuilt {
            name: P::NAME,
            from: self.from(),
            to,
            certificate,
            switched,
        }
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
    async fn switch(&mut self, certificate: Option<&Certificate>) -> Result<Position, RebuildError> {
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
            certificate::switched(connection, certificate).await?;
        }
        held.transaction.commit().await?;
        Ok(held.position)
    }

    /// Comes level with the live rows and holds these still.
    async fn level(&mut self) -> Result<HeldStill, RebuildError> {
        let give_up_at = Instant::now() + LEVEL_WITHIN;
        loop {
            let live = slot::live(self.pool, P::NAME).await?;
            let target = slot::position(self.pool, P::NAME, live.slot).await?;
            self.fill(target).await?;
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
                self.fill(position).await?;
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
