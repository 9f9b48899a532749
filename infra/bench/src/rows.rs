//! The rows: what is compared with what, and what was aimed at.

use std::time::Duration;

use crate::report::Round;
use crate::stage::{Sample, Stage};
use crate::{append, feed, pgbench, stock};

/// One row of the table.
pub struct Row {
    pub name: &'static str,
    pub compares: &'static str,
    /// The ratio of ours to theirs that is aimed at, where one is.
    pub goal: Option<f64>,
    ours: Side,
    theirs: Side,
}

enum Side {
    Append { callers: usize, events: usize },
    Pgbench { clients: usize },
    Stock { callers: usize, events: usize },
    Feed,
    Copy,
    Rebuild,
    Upserts,
}

pub const ROWS: &[Row] = &[
    Row {
        name: "append-256",
        compares: "256 callers append one event each; pgbench with 32 clients inserts one plain row each",
        goal: Some(2.5),
        ours: Side::Append {
            callers: 256,
            events: 1,
        },
        theirs: Side::Pgbench { clients: 32 },
    },
    Row {
        name: "append-16",
        compares: "16 callers append one event each; 16 callers of the stock postgres-es repository do",
        goal: Some(2.0),
        ours: Side::Append {
            callers: 16,
            events: 1,
        },
        theirs: Side::Stock {
            callers: 16,
            events: 1,
        },
    },
    Row {
        name: "append-ten",
        compares: "16 callers append ten events in a command; the stock repository inserts ten, row by row",
        goal: Some(1.7),
        ours: Side::Append {
            callers: 16,
            events: 10,
        },
        theirs: Side::Stock {
            callers: 16,
            events: 10,
        },
    },
    Row {
        name: "append-alone",
        compares: "one caller appends one event; pgbench with one client inserts one plain row",
        goal: None,
        ours: Side::Append {
            callers: 1,
            events: 1,
        },
        theirs: Side::Pgbench { clients: 1 },
    },
    Row {
        name: "feed-read",
        compares: "the feed reads events, parsed and checked; COPY writes the same rows out",
        goal: Some(0.4),
        ours: Side::Feed,
        theirs: Side::Copy,
    },
    Row {
        name: "rebuild",
        compares: "the conversation read model is made again, indexed, compared and switched; a loop of one upsert an event",
        goal: Some(15.0),
        ours: Side::Rebuild,
        theirs: Side::Upserts,
    },
];

impl Row {
    /// Runs both sides, one after the other.
    pub async fn round(&self, stage: &Stage, time: Duration) -> anyhow::Result<Round> {
        let ours = self.ours.run(stage, time).await?;
        let theirs = self.theirs.run(stage, time).await?;
        Ok(Round { ours, theirs })
    }
}

impl Side {
    async fn run(&self, stage: &Stage, time: Duration) -> anyhow::Result<Sample> {
        match *self {
            Side::Append { callers, events } => {
                stage.measure(append::run(stage, callers, events, time)).await
            }
            Side::Pgbench { clients } => stage.measure(pgbench::run(stage, clients, time)).await,
            Side::Stock { callers, events } => stage.measure(stock::run(stage, callers, events, time)).await,
            Side::Feed => stage.measure(feed::run(stage, time)).await,
            Side::Copy => stage.measure(feed::copy(stage, time)).await,
            Side::Rebuild => {
                let told = stage.told().await?;
                told.stage.measure(told.rebuild()).await
            }
            Side::Upserts => {
                let told = stage.told().await?;
                told.stage.measure(told.upserts(time)).await
            }
        }
    }
}
