//! Every metric that the worker exports: what `/metrics` describes, and a table of docs/inference.md.

use std::fs;
use std::sync::OnceLock;

use anyhow::Context as _;
use metrics::Unit::{Bytes, Count, Seconds};
use metrics_exporter_prometheus::{Matcher, PrometheusBuilder, PrometheusHandle};
use telemetry::measures::Kind::{Counter, Gauge, Histogram};
use telemetry::measures::{Measure, describe, measure};

use crate::http::tls::Certificate;

/// All of them, by name. Labels never name a caller.
#[rustfmt::skip]
pub const MEASURES: &[Measure] = &[
    measure(Gauge, "build_info", Count, &["version"], "Always 1; the label is the version."),
    measure(Histogram, "http_server_request_duration_seconds", Seconds, &["method", "route", "status"],
        "How long requests took."),
    measure(Histogram, "inference_batch_items", Count, &[], "Texts that were computed at once."),
    measure(Histogram, "inference_batch_tokens", Count, &[], "Tokens that were computed at once, without padding."),
    measure(Counter, "inference_batches_halved_total", Count, &[], "Batches that failed, as for want of memory, and were tried in halves."),
    measure(Gauge, "inference_certificate_ends_timestamp_seconds", Seconds, &[], "When the certificate of TLS ends, in seconds since 1970; absent without TLS."),
    measure(Gauge, "inference_connections", Count, &[], "Connections that are open."),
    measure(Histogram, "inference_forward_seconds", Seconds, &["model"], "How long one batch was computed."),
    measure(Gauge, "inference_model_bytes", Bytes, &["model"], "Memory that a model's weights take; 0 where it is not loaded."),
    measure(Counter, "inference_padding_tokens_total", Count, &["model"], "Places of batches that held no token: work for nothing."),
    measure(Gauge, "inference_queue_tokens", Count, &[], "Tokens that wait or are computed."),
    measure(Counter, "inference_requests_abandoned_total", Count, &["route"], "Requests whose client went away before the answer."),
    measure(Gauge, "inference_requests_in_flight", Count, &[], "Requests that are being answered."),
    measure(Counter, "inference_requests_refused_total", Count, &["code"], "Requests that were not answered as asked, by the error's code."),
    measure(Histogram, "inference_stage_seconds", Seconds, &["stage"],
        "How long a part of a request took: model (its body, and the model from memory or disk), read (texts to tokens), wait (in the queue), compute."),
    measure(Counter, "inference_tokens_total", Count, &["model"], "Tokens that were computed."),
    measure(Gauge, "process_resident_memory_bytes", Bytes, &[], "Memory of the process."),
    measure(Gauge, "process_threads", Count, &[], "Threads of the process."),
];

/// Upper bounds of the histograms that measure seconds.
const SECONDS: [f64; 14] = [
    0.001, 0.002, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 60.0,
];

/// Upper bounds of what is in a batch.
const ITEMS: [f64; 11] = [1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 64.0, 128.0, 256.0, 512.0, 1024.0];
const TOKENS: [f64; 12] = [
    16.0, 32.0, 64.0, 128.0, 256.0, 512.0, 1024.0, 2048.0, 4096.0, 8192.0, 16384.0, 65536.0,
];

/// The process's recorder, made by the first who asks.
pub fn recorder() -> anyhow::Result<PrometheusHandle> {
    static RECORDER: OnceLock<Result<PrometheusHandle, String>> = OnceLock::new();
    let made = RECORDER.get_or_init(|| install().map_err(|error| format!("{error:#}")));
    made.clone()
        .map_err(anyhow::Error::msg)
        .context("metrics cannot be set up")
}

fn install() -> anyhow::Result<PrometheusHandle> {
    let full = |name: &str| Matcher::Full(name.to_owned());
    let handle = PrometheusBuilder::new()
        .set_buckets(&SECONDS)?
        .set_buckets_for_metric(full("inference_batch_items"), &ITEMS)?
        .set_buckets_for_metric(full("inference_batch_tokens"), &TOKENS)?
        .install_recorder()?;
    describe(MEASURES);
    metrics::gauge!("build_info", "version" => env!("CARGO_PKG_VERSION")).set(1.0);
    Ok(handle)
}

/// Sets the gauges that nobody else sets; nothing where the system does not tell.
pub fn observe_process() {
    if let Some(bytes) = resident_bytes() {
        metrics::gauge!("process_resident_memory_bytes").set(bytes as f64);
    }
    if let Some(threads) = threads() {
        metrics::gauge!("process_threads").set(threads as f64);
    }
}

pub fn observe_certificate(certificate: Option<&Certificate>) {
    if let Some(certificate) = certificate {
        metrics::gauge!("inference_certificate_ends_timestamp_seconds")
            .set(certificate.validity().ends as f64);
    }
}

pub fn resident_bytes() -> Option<u64> {
    status_field("VmRSS:").map(|kib| kib * 1024)
}

pub fn threads() -> Option<u64> {
    status_field("Threads:")
}

fn status_field(name: &str) -> Option<u64> {
    let status = fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix(name))?;
    line.split_whitespace().next()?.parse().ok()
}

#[cfg(test)]
mod tests;
