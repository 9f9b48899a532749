//! Counting refused access, so that a flood of attempts becomes one event a minute and address.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Mutex, PoisonError};

use chrono::{DateTime, DurationRound, TimeDelta, Utc};
use domain::access::{Access, AccessEvent, Denial};
use domain::{DenialId, OrganisationId};
use event_log::Outcome;
use serde_json::Value;
use uuid::Uuid;

use crate::executor::append_command;
use crate::{CommandError, Context, Executor};

/// Addresses counted apart within a minute; more of them share one count, so that memory stays bounded.
const ADDRESSES_MAX: usize = 10_000;

/// One attempt that was refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct DeniedAccess {
    pub tenant: OrganisationId,
    pub reason: Denial,
    /// None when too many addresses were at it.
    pub address: Option<IpAddr>,
}

/// Refused access since the last flush.
#[derive(Default)]
pub struct Denials {
    counts: Mutex<HashMap<DeniedAccess, u32>>,
}

impl Denials {
    /// Counts one attempt. Never waits.
    pub fn count(&self, tenant: OrganisationId, reason: Denial, address: IpAddr) {
        metrics::counter!("auth_failures_total", "reason" => reason_name(reason)).increment(1);
        let mut counts = self.counts.lock().unwrap_or_else(PoisonError::into_inner);
        let mut denied = DeniedAccess {
            tenant,
            reason,
            address: Some(address),
        };
        if counts.len() >= ADDRESSES_MAX && !counts.contains_key(&denied) {
            denied.address = None;
        }
        let count = counts.entry(denied).or_default();
        *count = count.saturating_add(1);
    }

    /// Writes what was counted as compliance events. Called once a minute and at shutdown.
    pub async fn flush(&self, executor: &Executor, now: DateTime<Utc>) -> Result<usize, CommandError> {
        let counts = std::mem::take(&mut *self.counts.lock().unwrap_or_else(PoisonError::into_inner));
        let minute = now.duration_trunc(TimeDelta::minutes(1)).unwrap_or(now);
        let mut written = 0;
        let mut waiting = counts.into_iter();
        while let Some((denied, count)) = waiting.next() {
            if let Err(error) = write(executor, denied, count, minute).await {
                // What could not be written is counted again with the next minute.
                let mut counts = self.counts.lock().unwrap_or_else(PoisonError::into_inner);
                for (denied, count) in std::iter::once((denied, count)).chain(waiting) {
                    let counted = counts.entry(denied).or_default();
                    *counted = counted.saturating_add(count);
                }
                return Err(error);
            }
            written += 1;
        }
        Ok(written)
    }
}

async fn write(
    executor: &Executor,
    denied: DeniedAccess,
    count: u32,
    minute: DateTime<Utc>,
) -> Result<(), CommandError> {
    let address = denied
        .address
        .map_or_else(|| "many".to_owned(), |address| address.to_string());
    let hash = executor
        .log()
        .keyring()
        .hash(denied.tenant.0, "address", &address);
    let event = AccessEvent::Denied {
        reason: denied.reason,
        address_hash: hex::encode(hash),
        count,
        minute,
    };
    let id = DenialId(Uuid::now_v7()).to_string();
    let context = Context::system(denied.tenant, "access");
    let append = append_command::<Access>(&context, &id, Some(0), id.clone(), &[event], Value::Null)?;
    match executor.append(append).await? {
        Outcome::Stored(_) => Ok(()),
        _ => Err(CommandError::Contended),
    }
}

fn reason_name(reason: Denial) -> &'static str {
    match reason {
        Denial::Unauthenticated => "unauthenticated",
        Denial::Forbidden => "forbidden",
    }
}
