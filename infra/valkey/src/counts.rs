//! Limits of rate that all processes count together: the generic cell rate algorithm, in one script.

use std::fmt;
use std::num::NonZeroU32;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use api::SharedCounts;
use async_trait::async_trait;
use redis::Script;

use crate::Valkey;

/// Takes one of so many a minute: the clock is the server's, and what is kept is one moment, until which the caller is
/// ahead of its pace. Answers whether it may pass, and how many are left or for how many milliseconds to wait.
const TAKE: &str = "
local limit = tonumber(ARGV[1])
local interval = 60000 / limit
local time = redis.call('TIME')
local now = time[1] * 1000 + time[2] / 1000
local ahead = math.max(tonumber(redis.call('GET', KEYS[1]) or 0), now) + interval
local over = ahead - now - limit * interval
if over > 0.001 then
  return {0, math.ceil(over)}
end
redis.call('SET', KEYS[1], string.format('%.3f', ahead), 'PX', math.ceil(ahead - now))
return {1, math.floor((limit * interval - (ahead - now)) / interval + 0.001)}
";

/// Hides who is counted: addresses and sessions are kept as keyed hashes only.
type Hide = Box<dyn Fn(&str) -> [u8; 32] + Send + Sync>;

/// Counts of all processes.
pub struct Counts {
    valkey: Valkey,
    script: Script,
    hide: Hide,
    away: AtomicBool,
}

impl fmt::Debug for Counts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Counts").finish_non_exhaustive()
    }
}

impl Counts {
    /// `hide` is a hash whose key the server does not know.
    pub fn new(valkey: Valkey, hide: impl Fn(&str) -> [u8; 32] + Send + Sync + 'static) -> Counts {
        Counts {
            valkey,
            script: Script::new(TAKE),
            hide: Box::new(hide),
            away: AtomicBool::new(false),
        }
    }
}

#[async_trait]
impl SharedCounts for Counts {
    async fn take(
        &self,
        limit: &'static str,
        whose: &str,
        per_minute_max: NonZeroU32,
    ) -> Option<Result<u32, Duration>> {
        let hidden = hex::encode(&(self.hide)(whose)[..16]);
        let key = self.valkey.key(&format!("limit:{limit}:{hidden}"));
        let mut connection = self.valkey.connection()?;
        let mut call = self.script.key(key);
        let taken: Result<(u32, u64), _> = call.arg(per_minute_max.get()).invoke_async(&mut connection).await;
        match taken {
            Ok((passes, rest)) => {
                if self.away.swap(false, Ordering::Relaxed) {
                    tracing::info!("Valkey answers again: limits are counted together");
                }
                Some(match passes {
                    0 => Err(Duration::from_millis(rest)),
                    _ => Ok(u32::try_from(rest).unwrap_or(u32::MAX)),
                })
            }
            Err(error) => {
                // Told once, not with every request.
                if !self.away.swap(true, Ordering::Relaxed) {
                    tracing::warn!(%error, "Valkey does not answer: each process counts limits for itself");
                }
                None
            }
        }
    }
}
