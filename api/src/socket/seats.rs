//! How many sockets there may be, and how fast a session may talk.
//!
//! A seat is given back when it is dropped, however a socket ends. Kept in this process: several admit as many
//! times more.

use std::collections::HashMap;
use std::num::NonZeroU32;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex, MutexGuard};

use domain::{SessionId, TokenId};
use governor::clock::DefaultClock;
use governor::state::keyed::DefaultKeyedStateStore;
use governor::{Quota, RateLimiter};

use crate::Limits;
use crate::presence::{Presence, Present};
use crate::rate::Shared as CountsShared;

/// Messages after which sessions that have been quiet are forgotten.
const SWEEP_EVERY: u32 = 4096;

/// The sockets of this process. Cheap to clone.
#[derive(Clone)]
pub(crate) struct Seats {
    shared: Arc<Shared>,
}

struct Shared {
    taken: Mutex<Taken>,
    sockets_max: usize,
    sockets_per_session_max: usize,
    pace: RateLimiter<SessionId, DefaultKeyedStateStore<SessionId>, DefaultClock>,
    messages_per_minute_max: NonZeroU32,
    counts: CountsShared,
    messages: AtomicU32,
    presence: Presence,
}

#[derive(Default)]
struct Taken {
    total: usize,
    by_token: HashMap<TokenId, usize>,
}

/// Room for one socket.
pub(crate) struct Seat {
    shared: Arc<Shared>,
    owner: Option<Owner>,
}

enum Owner {
    Session(#[expect(dead_code, reason = "counts for as long as it is held")] Present),
    Token(TokenId),
}

impl Seats {
    pub fn new(limits: &Limits, counts: &CountsShared, presence: Presence) -> Self {
        let pace = RateLimiter::keyed(Quota::per_minute(limits.messages_per_minute_max));
        let shared = Shared {
            taken: Mutex::default(),
            sockets_max: limits.sockets_max,
            sockets_per_session_max: limits.sockets_per_session_max,
            pace,
            messages_per_minute_max: limits.messages_per_minute_max,
            counts: counts.clone(),
            messages: AtomicU32::new(0),
            presence,
        };
        Self {
            shared: Arc::new(shared),
        }
    }

    /// Room for one more socket; None when there is none.
    pub(crate) fn take(&self) -> Option<Seat> {
        let mut taken = self.shared.lock();
        if taken.total >= self.shared.sockets_max {
            return None;
        }
        taken.total += 1;
        metrics::gauge!("ws_connections").increment(1.0);
        Some(Seat {
            shared: self.shared.clone(),
            owner: None,
        })
    }

    /// Whether the session may say one more thing now. One limit for a session, however its messages come.
    pub(crate) async fn may_speak(&self, session: SessionId) -> bool {
        if self.shared.messages.fetch_add(1, Ordering::Relaxed) % SWEEP_EVERY == SWEEP_EVERY - 1 {
            self.shared.pace.retain_recent();
        }
        if self.shared.pace.check_key(&session).is_err() {
            return false;
        }
        let Some(counts) = &self.shared.counts else {
            return true;
        };
        let max = self.shared.messages_per_minute_max;
        let taken = counts.take("messages", &session.to_string(), max).await;
        !matches!(taken, Some(Err(_)))
    }

    /// How many sockets are open.
    pub(super) fn open(&self) -> usize {
        self.shared.lock().total
    }
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, Taken> {
        self.taken.lock().expect("nothing panics while it counts")
    }
}

impl Seat {
    /// Says whose socket it is; false when the session has as many as it may.
    pub fn belongs_to_session(&mut self, session: SessionId) -> bool {
        let present = self
            .shared
            .presence
            .enter(session, self.shared.sockets_per_session_max);
        self.owner = present.map(Owner::Session);
        self.owner.is_some()
    }

    /// Says whose socket it is; false when the token has `sockets_max` already.
    pub fn belongs_to_token(&mut self, token: TokenId, sockets_max: usize) -> bool {
        let mut taken = self.shared.lock();
        let count = taken.by_token.entry(token).or_default();
        if *count >= sockets_max {
            return false;
        }
        *count += 1;
        drop(taken);
        self.owner = Some(Owner::Token(token));
        true
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        let mut taken = self.shared.lock();
        taken.total -= 1;
        metrics::gauge!("ws_connections").decrement(1.0);
        let Some(Owner::Token(token)) = self.owner else {
            return;
        };
        if let Some(count) = taken.by_token.get_mut(&token) {
            *count -= 1;
            if *count == 0 {
                taken.by_token.remove(&token);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::num::NonZeroU32;

    use uuid::Uuid;

    use super::*;

    fn seats() -> Seats {
        Seats::new(
            &Limits {
                sockets_max: 3,
                sockets_per_session_max: 2,
                messages_per_minute_max: NonZeroU32::new(2).expect("is not zero"),
                ..Limits::default()
            },
            &None,
            Presence::new(&None),
        )
    }

    #[test]
    fn there_are_so_many_seats_and_a_dropped_one_is_free_again() {
        let seats = seats();
        let taken: Vec<_> = (0..3).filter_map(|_| seats.take()).collect();
        assert_eq!((taken.len(), seats.open()), (3, 3));
        assert!(seats.take().is_none());
        drop(taken);
        assert_eq!(seats.open(), 0);
        assert!(seats.take().is_some());
    }

    #[tokio::test]
    async fn a_session_has_its_share() {
        let seats = seats();
        let session = SessionId(Uuid::from_u128(1));
        let mut taken: Vec<_> = (0..3).filter_map(|_| seats.take()).collect();
        let admitted: Vec<bool> = taken
            .iter_mut()
            .map(|seat| seat.belongs_to_session(session))
            .collect();
        assert_eq!(admitted, [true, true, false]);
        let presence = seats.shared.presence.clone();
        assert_eq!(
            presence.sockets(&[session]).await.expect("nobody else is asked")[&session],
            2
        );
        drop(taken);
        assert!(
            presence
                .sockets(&[session])
                .await
                .expect("nobody else is asked")
                .is_empty()
        );
    }

    #[tokio::test]
    async fn a_session_that_talks_too_fast_does_not_slow_another() {
        let seats = seats();
        let (one, other) = (SessionId(Uuid::from_u128(1)), SessionId(Uuid::from_u128(2)));
        assert!(seats.may_speak(one).await && seats.may_speak(one).await && !seats.may_speak(one).await);
        assert!(seats.may_speak(other).await);
    }
}
