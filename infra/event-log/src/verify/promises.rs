//! Receipts and claims: what was promised to commands is still there.

use sqlx::PgPool;
use uuid::Uuid;

use super::Verification;
use crate::EventLogError;

const PAGE: i64 = 1_000;

pub(super) async fn verify_receipts(
    pool: &PgPool,
    verification: &mut Verification,
    progress: &mut impl FnMut(&'static str, u64),
) -> Result<(), EventLogError> {
    let mut last = (Uuid::nil(), Uuid::nil());
    loop {
        let rows: Vec<(Uuid, Uuid, i32, i64, i64)> = sqlx::query_as(PAGE_OF_RECEIPTS)
            .bind(last.0)
            .bind(last.1)
            .bind(PAGE)
            .fetch_all(pool)
            .await?;
        if rows.is_empty() {
            return Ok(());
        }
        for (tenant, command_id, promised, found, span) in rows {
            last = (tenant, command_id);
            verification.receipts += 1;
            let promised = i64::from(promised);
            if found != promised {
                let problem = format!("promises {promised} events, its command stored {found}");
                verification.find(format_args!("receipt {command_id}"), problem);
            } else if span != promised {
                verification.find(
                    format_args!("receipt {command_id}"),
                    "its events are not one range",
                );
            }
        }
        progress("receipts", verification.receipts);
    }
}

pub(super) async fn verify_claims(
    pool: &PgPool,
    verification: &mut Verification,
    progress: &mut impl FnMut(&'static str, u64),
) -> Result<(), EventLogError> {
    let mut last = (Uuid::nil(), String::new(), Vec::new());
    loop {
        let rows: Vec<(Uuid, String, Vec<u8>, String, bool)> = sqlx::query_as(PAGE_OF_CLAIMS)
            .bind(last.0)
            .bind(&last.1)
            .bind(&last.2)
            .bind(PAGE)
            .fetch_all(pool)
            .await?;
        if rows.is_empty() {
            return Ok(());
        }
        for (tenant, kind, hash, owner, founded) in rows {
            verification.claims += 1;
            if !founded {
                let hash = hex::encode(&hash);
                let problem = format!("is held by {owner} through a stream that does not exist");
                verification.find(format_args!("claim {kind} {hash}"), problem);
            }
            last = (tenant, kind, hash);
        }
        progress("claims", verification.claims);
    }
}

const PAGE_OF_RECEIPTS: &str = "
    select r.tenant_id, r.command_id, r.event_count, s.found, s.span
      from (select * from log.receipts where (tenant_id, command_id) > ($1, $2)
             order by tenant_id, command_id limit $3) r
      cross join lateral (
        select count(*) as found, coalesce(max(e.sequence) - min(e.sequence) + 1, 0) as span
          from log.events e
         where e.epoch = r.epoch and e.tx_id = r.tx_id and e.command_id = r.command_id
           and e.tenant_id = r.tenant_id
           and e.aggregate_type = r.aggregate_type and e.aggregate_id = r.aggregate_id
      ) s
     order by r.tenant_id, r.command_id";

/// A claim is written with the events of a command, so the stream of that command has a head.
const PAGE_OF_CLAIMS: &str = "
    select c.tenant_id, c.kind, c.key_hash, c.owner,
           exists (select from log.heads h where h.aggregate_type = c.aggregate_type
             and h.aggregate_id = c.aggregate_id and h.tenant_id = c.tenant_id)
      from log.claims c
     where (c.tenant_id, c.kind, c.key_hash) > ($1, $2, $3)
     order by c.tenant_id, c.kind, c.key_hash limit $4";
