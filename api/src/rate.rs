//! Limits per address, of visits and of refused credentials, and of uploads per session or drive.
//!
//! Kept in this process: several processes admit as many times more, unless they count together. A caller with IPv6 is
//! counted by network, because one household has 2⁶⁴ addresses.

use std::fmt;
use std::net::{IpAddr, Ipv6Addr};
use std::num::NonZeroU32;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use governor::clock::{Clock, DefaultClock};
use governor::middleware::StateInformationMiddleware;
use governor::state::keyed::DefaultKeyedStateStore;
use governor::{Quota, RateLimiter};
use http::{HeaderName, HeaderValue};
use uuid::Uuid;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::{Limits, Problem};

pub(crate) const RATE_LIMIT: HeaderName = HeaderName::from_static("ratelimit");
pub(crate) const RATE_LIMIT_POLICY: HeaderName = HeaderName::from_static("ratelimit-policy");

/// Passages after which addresses that have been quiet are forgotten.
const SWEEP_EVERY: u32 = 1024;

/// Counts that several processes have in common.
#[async_trait]
pub trait SharedCounts: Send + Sync + fmt::Debug {
    /// Takes one of so many a minute from whoever is named: how many are left, or how long to wait. None while the counts
    /// cannot be reached; then each process counts for itself.
    async fn take(
        &self,
        limit: &'static str,
        whose: &str,
        per_minute_max: NonZeroU32,
    ) -> Option<Result<u32, Duration>>;
}

/// What is counted in common, if anything is.
pub(crate) type Shared = Option<Arc<dyn SharedCounts>>;

/// The limits of this process.
pub(crate) struct Gates {
    pub visits: Gate,
    pub calls: Gate,
    pub failures: Gate,
    pub uploads: Uploads,
}

impl Gates {
    pub fn new(limits: &Limits, shared: &Shared) -> Self {
        let gate = |name, per_minute_max| Gate {
            shared: shared.clone(),
            ..Gate::new(name, per_minute_max)
        };
        Self {
            visits: gate("visits", limits.visits_per_minute_max),
            calls: gate("calls", limits.calls_per_minute_max),
            failures: gate("failures", limits.failures_per_minute_max),
            uploads: Uploads {
                per_minute_max: limits.files_per_minute_max,
                shared: shared.clone(),
                pace: RateLimiter::keyed(Quota::per_minute(limits.files_per_minute_max)),
                room: Arc::new(Semaphore::new(limits.uploads_max)),
                begun: AtomicU32::new(0),
            },
        }
    }
}

/// So many passages a minute for each address, at once or spread.
pub(crate) struct Gate {
    name: &'static str,
    per_minute_max: NonZeroU32,
    limiter: RateLimiter<IpAddr, DefaultKeyedStateStore<IpAddr>, DefaultClock, StateInformationMiddleware>,
    passages: AtomicU32,
    shared: Shared,
}

impl Gate {
    fn new(name: &'static str, per_minute_max: NonZeroU32) -> Self {
        let limiter = RateLimiter::keyed(Quota::per_minute(per_minute_max)).with_middleware();
        Self {
            name,
            per_minute_max,
            limiter,
            passages: AtomicU32::new(0),
            shared: None,
        }
    }

    /// Counts a passage and says how many are left, or refuses it: here, and where processes count together.
    pub async fn pass(&self, address: IpAddr) -> Result<u32, Problem> {
        let left = self.pass_here(address)?;
        let Some(shared) = &self.shared else {
            return Ok(left);
        };
        let whose = counted_as(address).to_string();
        match shared.take(self.name, &whose, self.per_minute_max).await {
            None => Ok(left),
            Some(Ok(left)) => Ok(left),
            Some(Err(wait)) => Err(self.too_many(wait)),
        }
    }

    fn pass_here(&self, address: IpAddr) -> Result<u32, Problem> {
        if self.passages.fetch_add(1, Ordering::Relaxed) % SWEEP_EVERY == SWEEP_EVERY - 1 {
            self.limiter.retain_recent();
        }
        match self.limiter.check_key(&counted_as(address)) {
            Ok(standing) => Ok(standing.remaining_burst_capacity()),
            Err(refused) => Err(self.too_many(refused.wait_time_from(DefaultClock::default().now()))),
        }
    }

    fn too_many(&self, wait: Duration) -> Problem {
        let seconds = wait.as_secs() + u64::from(wait.subsec_nanos() > 0);
        metrics::counter!("http_rate_limited_total", "limit" => self.name).increment(1);
        Problem::new("too_many_requests")
            .retry_after(seconds)
            .header(RATE_LIMIT_POLICY, self.policy())
            .header(RATE_LIMIT, self.standing(0, seconds))
    }

    /// `RateLimit-Policy`: so many in 60 seconds.
    pub fn policy(&self) -> HeaderValue {
        header(format!("\"{}\";q={};w=60", self.name, self.per_minute_max))
    }

    /// `RateLimit`: so many left, more after `seconds`.
    pub fn standing(&self, remaining: u32, seconds: u64) -> HeaderValue {
        header(format!("\"{}\";r={remaining};t={seconds}", self.name))
    }
}

/// So many uploads a minute for each session, and so many of this process at a time.
pub(crate) struct Uploads {
    per_minute_max: NonZeroU32,
    shared: Shared,
    pace: RateLimiter<Uuid, DefaultKeyedStateStore<Uuid>, DefaultClock>,
    room: Arc<Semaphore>,
    begun: AtomicU32,
}

impl Uploads {
    /// Room for one upload to a session or a drive, until it is dropped.
    pub async fn enter(&self, whose: Uuid) -> Result<OwnedSemaphorePermit, Problem> {
        if self.begun.fetch_add(1, Ordering::Relaxed) % SWEEP_EVERY == SWEEP_EVERY - 1 {
            self.pace.retain_recent();
        }
        if let Err(refused) = self.pace.check_key(&whose) {
            return Err(Self::too_many(
                refused.wait_time_from(DefaultClock::default().now()),
            ));
        }
        if let Some(shared) = &self.shared {
            let taken = shared
                .take("uploads", &whose.to_string(), self.per_minute_max)
                .await;
            if let Some(Err(wait)) = taken {
                return Err(Self::too_many(wait));
            }
        }
        self.room
            .clone()
            .try_acquire_owned()
            .map_err(|_| Problem::new("overloaded").retry_after(1))
    }

    fn too_many(wait: Duration) -> Problem {
        metrics::counter!("http_rate_limited_total", "limit" => "uploads").increment(1);
        Problem::new("too_many_requests").retry_after(wait.as_secs() + 1)
    }
}

fn header(text: String) -> HeaderValue {
    HeaderValue::try_from(text).expect("letters, digits and punctuation are a header's value")
}

fn counted_as(address: IpAddr) -> IpAddr {
    match address {
        IpAddr::V4(_) => address,
        IpAddr::V6(address) => {
            let [a, b, c, d, ..] = address.segments();
            IpAddr::V6(Ipv6Addr::new(a, b, c, d, 0, 0, 0, 0))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn gate(per_minute_max: u32) -> Gate {
        Gate::new("visits", NonZeroU32::new(per_minute_max).expect("is not zero"))
    }

    fn address(text: &str) -> IpAddr {
        text.parse().expect("an address")
    }

    #[test]
    fn the_passage_after_the_last_is_refused() {
        let gate = gate(2);
        assert_eq!(gate.pass_here(address("192.0.2.1")).ok(), Some(1));
        assert_eq!(gate.pass_here(address("192.0.2.1")).ok(), Some(0));
        let refused = gate
            .pass_here(address("192.0.2.1"))
            .expect_err("the third is too many");
        assert_eq!(refused.status().as_u16(), 429);
        assert!(
            gate.pass_here(address("192.0.2.2")).is_ok(),
            "another address is not concerned"
        );
    }

    #[test]
    fn addresses_of_one_network_count_together() {
        let gate = gate(1);
        assert!(gate.pass_here(address("2001:db8:1:2::1")).is_ok());
        assert!(gate.pass_here(address("2001:db8:1:2::ffff")).is_err());
        assert!(gate.pass_here(address("2001:db8:1:3::1")).is_ok());
    }

    #[test]
    fn a_refusal_says_when_to_come_back() {
        use axum::response::IntoResponse;
        let gate = gate(1);
        gate.pass_here(address("192.0.2.1")).expect("the first passes");
        let response = gate
            .pass_here(address("192.0.2.1"))
            .expect_err("the second is too many")
            .into_response();
        assert_eq!(response.headers()["retry-after"], "60");
        assert_eq!(response.headers()["ratelimit"], "\"visits\";r=0;t=60");
        assert_eq!(response.headers()["ratelimit-policy"], "\"visits\";q=1;w=60");
    }
}
