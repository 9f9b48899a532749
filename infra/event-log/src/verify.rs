//! Verification: the whole log read again, everything it promises recomputed, in bounded memory.
//!
//! Reads page by page, each page under a snapshot of its own, so it may run while the log grows and holds nothing up.
//! Where what is underway could be mistaken for a contradiction, both sides are read in one statement.

mod order;
mod promises;
mod stock;
mod streams;

use std::fmt;

use sqlx::PgPool;

use crate::EventLogError;

/// Findings kept in words; the others are counted.
pub const FINDINGS_MAX: usize = 1_000;

/// What a verification saw and what it found wrong.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Verification {
    pub events: u64,
    pub positions: u64,
    pub streams: u64,
    pub receipts: u64,
    pub claims: u64,
    /// Events that were committed after the sequencer's last step.
    pub unplaced: u64,
    /// The first [`FINDINGS_MAX`] of them, in the order in which they were met.
    pub findings: Vec<Finding>,
    pub findings_total: u64,
}

/// One contradiction: where, and what.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// `position 7`, `event <id>`, `stream task/<id>`, `receipt <id>`, `claim <kind>`.
    pub place: String,
    pub problem: String,
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.place, self.problem)
    }
}

impl Verification {
    /// Whether everything agrees.
    pub fn sound(&self) -> bool {
        self.findings_total == 0
    }

    fn find(&mut self, place: impl fmt::Display, problem: impl Into<String>) {
        self.findings_total += 1;
        if self.findings.len() < FINDINGS_MAX {
            self.findings.push(Finding {
                place: place.to_string(),
                problem: problem.into(),
            });
        }
    }
}

/// Verifies the log as the role `botserver_log`: positions, streams, heads, receipts, claims; and with `stock` every
/// stream once more through the stock repository of postgres-es.
///
/// `progress` is told the stage and how much of it is done, about once a page.
pub async fn verify(
    log_pool: &PgPool,
    stock: bool,
    mut progress: impl FnMut(&'static str, u64),
) -> Result<Verification, EventLogError> {
    let mut verification = Verification::default();
    order::verify_positions(log_pool, &mut verification, &mut progress).await?;
    streams::verify_streams(log_pool, &mut verification, &mut progress).await?;
    streams::verify_heads(log_pool, &mut verification, &mut progress).await?;
    promises::verify_receipts(log_pool, &mut verification, &mut progress).await?;
    promises::verify_claims(log_pool, &mut verification, &mut progress).await?;
    if stock {
        stock::verify_stock(log_pool, &mut verification, &mut progress).await?;
    }
    Ok(verification)
}
