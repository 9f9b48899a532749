//! Every metric that the server exports: what docs/metrics.md is made from, and what `/metrics` describes.

use metrics::Unit::{Count, Seconds};
use telemetry::measures::Kind::{Counter, Gauge, Histogram};
use telemetry::measures::{Measure, measure, table};

/// All of them, by name. Labels never name a person, a conversation or an organisation.
pub const MEASURES: &[Measure] = &[
    measure(
        Histogram,
        "append_batch_size",
        Count,
        &[],
        "Commands that were stored in one transaction.",
    ),
    measure(
        Gauge,
        "append_queue_length",
        Count,
        &[],
        "Commands that wait to be stored.",
    ),
    measure(
        Histogram,
        "append_wait_seconds",
        Seconds,
        &[],
        "How long a command waited for its turn to be stored.",
    ),
    measure(
        Counter,
        "auth_failures_total",
        Count,
        &["reason"],
        "Requests that were refused for want of a credential or a right.",
    ),
    measure(
        Gauge,
        "build_info",
        Count,
        &["version"],
        "Always 1; the label is the version.",
    ),
    measure(
        Gauge,
        "db_pool_in_use",
        Count,
        &["role"],
        "Connections to PostgreSQL in use, by the role they connect as.",
    ),
    measure(
        Histogram,
        "event_append_duration_seconds",
        Seconds,
        &[],
        "How long commands took to be stored, waiting included.",
    ),
    measure(
        Counter,
        "http_rate_limited_total",
        Count,
        &["limit"],
        "Requests that came too fast, by the limit they met.",
    ),
    measure(
        Histogram,
        "http_server_request_duration_seconds",
        Seconds,
        &["route", "method", "status"],
        "How long requests took.",
    ),
    measure(
        Counter,
        "live_overruns_total",
        Count,
        &[],
        "Sockets that were closed because they read too slowly.",
    ),
    measure(
        Gauge,
        "log_position",
        Count,
        &[],
        "The last position of the event log.",
    ),
    measure(
        Counter,
        "optimistic_conflicts_total",
        Count,
        &["aggregate"],
        "Commands that were decided again because somebody else was first.",
    ),
    measure(
        Counter,
        "projection_events_total",
        Count,
        &["name", "source"],
        "Events that were folded, by read model and by where they came from: the stream, or the log where the stream had nothing. Only where read models are fed from Kafka.",
    ),
    measure(
        Counter,
        "projection_failures_total",
        Count,
        &["name"],
        "Attempts to fold that failed for want of the database or the log.",
    ),
    measure(
        Gauge,
        "projection_lag_events",
        Count,
        &["name"],
        "Events that are not folded yet.",
    ),
    measure(
        Gauge,
        "projection_parked_events",
        Count,
        &["name"],
        "Events of this process's share that wait because they cannot be folded.",
    ),
    measure(
        Gauge,
        "projection_position",
        Count,
        &["name"],
        "The last position that is folded.",
    ),
    measure(
        Counter,
        "relay_events_total",
        Count,
        &[],
        "Events that this process carried to Kafka.",
    ),
    measure(
        Counter,
        "relay_failures_total",
        Count,
        &[],
        "Times that the stream to Kafka stood still.",
    ),
    measure(
        Counter,
        "relay_forks_total",
        Count,
        &[],
        "Times that Kafka was found to hold what the log does not.",
    ),
    measure(
        Gauge,
        "relay_lag_events",
        Count,
        &[],
        "Events that are not in Kafka yet, where this process relays.",
    ),
    measure(
        Gauge,
        "relay_lag_seconds",
        Seconds,
        &[],
        "Age of the oldest event that is not in Kafka yet, where this process relays.",
    ),
    measure(
        Gauge,
        "relay_leading",
        Count,
        &[],
        "1 where this process relays, 0 where it stands by.",
    ),
    measure(
        Gauge,
        "relay_position",
        Count,
        &[],
        "The last position that is in Kafka, where this process relays.",
    ),
    measure(
        Histogram,
        "relay_transaction_duration_seconds",
        Seconds,
        &[],
        "How long a transaction of Kafka took.",
    ),
    measure(
        Counter,
        "relay_transactions_total",
        Count,
        &["outcome"],
        "Transactions of Kafka, committed or aborted.",
    ),
    measure(
        Counter,
        "scripts_started_total",
        Count,
        &["cause"],
        "Scripts started by themselves, by schedules, webhooks, forms, events and rows.",
    ),
    measure(
        Counter,
        "snapshots_refused_total",
        Count,
        &[],
        "Snapshots that were not as they had been written, and were folded anew.",
    ),
    measure(
        Histogram,
        "turn_duration_seconds",
        Seconds,
        &["stage"],
        "How long a part of answering a turn took.",
    ),
    measure(Gauge, "ws_connections", Count, &[], "Web sockets that are open."),
    measure(
        Counter,
        "ws_messages_refused_total",
        Count,
        &[],
        "Frames of sockets that were refused.",
    ),
];

/// docs/metrics.md.
pub fn document() -> String {
    let mut text = "\
# Metrics

`GET /metrics` answers in the Prometheus text format, on every process, whatever its roles. A metric appears once there is
something to tell. No label names a person, a conversation or an organisation. Generated from
`infra/botserver/src/measures.rs`; a test compares it with what the code records and a server exports.

"
    .to_owned();
    text.push_str(&table(MEASURES));
    text
}

#[cfg(test)]
mod tests {
    use std::path::{Path, PathBuf};

    use super::*;

    fn root() -> PathBuf {
        Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
    }

    /// `make contracts` writes it.
    #[test]
    fn the_document_of_contracts_is_what_the_table_says() {
        let path = root().join("docs/metrics.md");
        if std::env::var_os("BLESS").is_some() {
            std::fs::write(&path, document()).expect("it is written");
        }
        let committed = std::fs::read_to_string(&path).unwrap_or_default();
        assert!(
            committed == document(),
            "docs/metrics.md is not what the table says; run `make contracts`"
        );
    }

    #[test]
    fn the_table_is_in_order_and_what_the_code_records() {
        let folders = [
            "api/src",
            "commands/src",
            "projections/src",
            "infra/event-log/src",
            "infra/streams/src",
            "infra/botserver/src",
        ]
        .map(|folder| root().join(folder));
        telemetry::test::check_measures(MEASURES, &folders.each_ref().map(PathBuf::as_path));
    }
}
