//! The processes that run scripts, and whose each conversation is.
//!
//! Every process sees who is there and computes the same: nobody hands anything over. While two see differently, both
//! may run a script, and the log admits one answer. Whoever is given conversations takes a new fencing token first, so
//! that the one who had them before, and was only stopped for a while, can no longer write to their runs.

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use domain::ConversationId;
use event_log::{SLICES, slice_of};
use sqlx::PgPool;
use tokio::time::{Instant, sleep};
use uuid::Uuid;

use crate::Recovery;

/// How often a process says that it is there, and looks who else is.
const LOOK_EVERY: Duration = Duration::from_millis(500);
/// How long the others wait for one that is silent.
const PATIENCE: Duration = Duration::from_secs(5);

/// What this process knows of them. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Runners {
    known: Arc<Known>,
}

#[derive(Debug)]
struct Known {
    lease_epoch: AtomicI64,
    /// By slice, whether it is this process's.
    mine: RwLock<Vec<bool>>,
}

impl Runners {
    /// The only one: every conversation is its own.
    pub fn alone(lease_epoch: i64) -> Runners {
        Runners::with(lease_epoch, vec![true; SLICES.into()])
    }

    /// This process runs no scripts.
    pub fn none() -> Runners {
        Runners::with(0, vec![false; SLICES.into()])
    }

    fn with(lease_epoch: i64, mine: Vec<bool>) -> Runners {
        let known = Known {
            lease_epoch: AtomicI64::new(lease_epoch),
            mine: RwLock::new(mine),
        };
        Runners {
            known: Arc::new(known),
        }
    }

    pub fn lease_epoch(&self) -> i64 {
        self.known.lease_epoch.load(Ordering::Acquire)
    }

    pub(crate) fn is_mine(&self, conversation: ConversationId) -> bool {
        let mine = self.known.mine.read().unwrap_or_else(PoisonError::into_inner);
        let slice = slice_of(&conversation.to_string());
        mine.get(usize::from(slice)).copied().unwrap_or_default()
    }

    /// Takes part from now on: what is this process's is known when this returns.
    pub async fn join(&self, pool: &PgPool, owner: Uuid, takeover: bool) -> Result<(), sqlx::Error> {
        if takeover {
            sqlx::query("delete from app.runners where owner <> $1")
                .bind(owner)
                .execute(pool)
                .await?;
        }
        self.beat(pool, owner).await?;
        // What it had before it was started anew is fenced off.
        self.let_go();
        self.look(pool, owner).await
    }

    /// Says that it is there and looks at the others until told to stop, and leaves then.
    pub async fn keep(self, pool: PgPool, owner: Uuid, stop: impl Future<Output = ()>) {
        tokio::pin!(stop);
        let mut heard = Instant::now();
        loop {
            tokio::select! {
                () = &mut stop => break,
                () = sleep(LOOK_EVERY) => {}
            }
            let looked = async {
                self.beat(&pool, owner).await?;
                self.look(&pool, owner).await
            };
            match looked.await {
                Ok(()) => heard = Instant::now(),
                Err(error) if heard.elapsed() > PATIENCE => {
                    tracing::warn!(%error, "it is not known which conversations are whose");
                }
                Err(error) => tracing::debug!(%error, "who runs scripts cannot be read"),
            }
        }
        // The others take its conversations at their next look.
        self.let_go();
        let left = sqlx::query(
            "delete from app.runners where owner = $1 or alive_until < clock_timestamp() - interval '1 hour'",
        )
        .bind(owner)
        .execute(&pool)
        .await;
        if let Err(error) = left {
            tracing::debug!(%error, "presence not given up");
        }
    }

    /// Says that it is there. If the others may have given it up meanwhile, nothing is its own any more.
    async fn beat(&self, pool: &PgPool, owner: Uuid) -> Result<(), sqlx::Error> {
        let lasted: bool = sqlx::query_scalar(
            "with before as (select from app.runners where owner = $1 and alive_until > clock_timestamp())
             insert into app.runners (owner, alive_until)
             values ($1, clock_timestamp() + make_interval(secs => $2))
             on conflict on constraint runners_pkey do update
             set alive_until = excluded.alive_until
             returning exists (select from before)",
        )
        .bind(owner)
        .bind(PATIENCE.as_secs_f64())
        .fetch_one(pool)
        .await?;
        if !lasted {
            self.let_go();
        }
        Ok(())
    }

    fn let_go(&self) {
        self.known
            .mine
            .write()
            .unwrap_or_else(PoisonError::into_inner)
            .fill(false);
    }

    async fn look(&self, pool: &PgPool, owner: Uuid) -> Result<(), sqlx::Error> {
        let present: Vec<Uuid> =
            sqlx::query_scalar("select owner from app.runners where alive_until > clock_timestamp()")
                .fetch_all(pool)
                .await?;
        let present: BTreeSet<Uuid> = present.into_iter().chain([owner]).collect();
        let mine = divided(owner, &present);
        let gained = {
            let known = self.known.mine.read().unwrap_or_else(PoisonError::into_inner);
            known.iter().zip(&mine).any(|(before, now)| !before && *now)
        };
        if gained {
            let lease_epoch = Recovery::take_lease(pool).await?;
            self.known.lease_epoch.store(lease_epoch, Ordering::Release);
        }
        *self.known.mine.write().unwrap_or_else(PoisonError::into_inner) = mine;
        Ok(())
    }
}

/// Which slices are `me`'s among those present: each goes to whom its number suits best, so that little moves when
/// somebody comes or goes.
fn divided(me: Uuid, present: &BTreeSet<Uuid>) -> Vec<bool> {
    let suits = |owner: &Uuid, slice: u16| {
        let (high, low) = owner.as_u64_pair();
        mixed(high ^ mixed(low ^ u64::from(slice)))
    };
    let is_mine = |slice| present.iter().max_by_key(|owner| (suits(owner, slice), **owner)) == Some(&me);
    (0..SLICES).map(is_mine).collect()
}

/// Spreads numbers that are alike (SplitMix64's last step).
fn mixed(number: u64) -> u64 {
    let number = (number ^ (number >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let number = (number ^ (number >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    number ^ (number >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_slice_is_one_s_and_shares_are_about_fair() {
        for count in 1..=8 {
            let present: BTreeSet<Uuid> = (0..count).map(|_| Uuid::new_v4()).collect();
            let shares: Vec<Vec<bool>> = present.iter().map(|me| divided(*me, &present)).collect();
            for slice in 0..usize::from(SLICES) {
                assert_eq!(shares.iter().filter(|share| share[slice]).count(), 1);
            }
            let fair = usize::from(SLICES) / count;
            for share in &shares {
                let slices = share.iter().filter(|mine| **mine).count();
                assert!(
                    slices > fair / 2 && slices < fair * 2 + 1,
                    "{slices} of {SLICES} among {count}"
                );
            }
        }
    }

    #[test]
    fn who_stays_keeps_what_it_has_when_another_leaves() {
        let present: BTreeSet<Uuid> = (0..5).map(|_| Uuid::new_v4()).collect();
        let gone = *present.first().expect("five");
        let rest: BTreeSet<Uuid> = present.iter().copied().filter(|owner| *owner != gone).collect();
        for me in &rest {
            let (before, after) = (divided(*me, &present), divided(*me, &rest));
            assert!(before.iter().zip(&after).all(|(before, after)| !before || *after));
        }
    }
}
