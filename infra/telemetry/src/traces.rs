//! Traces by OpenTelemetry: where finished spans go.

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use anyhow::Context as _;
use opentelemetry::trace::{SpanContext, SpanId, SpanKind, Status, TraceFlags, TraceId, TraceState};
use opentelemetry::{InstrumentationScope, KeyValue};
use opentelemetry_otlp::{Protocol, SpanExporter, WithExportConfig as _};
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::trace::{BatchSpanProcessor, SpanData, SpanProcessor as _};
use serde::{Deserialize, Serialize};

/// How long a process that ends waits for the collector.
const FLUSHED_WITHIN: Duration = Duration::from_secs(3);

/// The section `telemetry` of a configuration.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(deny_unknown_fields, default)]
pub struct Telemetry {
    /// Scheme, host and perhaps port, without a slash at the end.
    pub endpoint: Option<String>,
    /// Of 100 traces so many are kept.
    pub sample_percent: u32,
}

impl Default for Telemetry {
    fn default() -> Telemetry {
        Telemetry {
            endpoint: None,
            sample_percent: 100,
        }
    }
}

/// A span that has ended.
pub struct Ended {
    pub trace: TraceId,
    pub own: SpanId,
    pub parent: SpanId,
    pub parent_is_elsewhere: bool,
    pub kind: SpanKind,
    pub name: String,
    pub began: SystemTime,
    pub ended: SystemTime,
    pub attributes: Vec<KeyValue>,
    pub status: Status,
}

/// Exports spans in batches, from a thread of its own; what a collector does not take in time is dropped.
///
/// All clones are one.
#[derive(Clone)]
pub struct Exporter {
    processor: Arc<BatchSpanProcessor>,
    scope: InstrumentationScope,
}

impl Exporter {
    /// Of the program of this name. None where no collector is configured. Not to be called from an async thread: it
    /// makes a client that blocks.
    pub fn start(
        telemetry: &Telemetry,
        program: &'static str,
        version: &'static str,
    ) -> anyhow::Result<Option<Exporter>> {
        let Some(endpoint) = &telemetry.endpoint else {
            return Ok(None);
        };
        let exporter = SpanExporter::builder()
            .with_http()
            .with_protocol(Protocol::HttpBinary)
            .with_endpoint(format!("{endpoint}/v1/traces"))
            .build()
            .context("traces cannot be exported (telemetry.endpoint)")?;
        let mut processor = BatchSpanProcessor::builder(exporter).build();
        let resource = Resource::builder()
            .with_service_name(program)
            .with_attribute(KeyValue::new("service.version", version))
            .build();
        processor.set_resource(&resource);
        Ok(Some(Exporter {
            processor: Arc::new(processor),
            scope: InstrumentationScope::builder(program).build(),
        }))
    }

    pub fn export(&self, span: Ended) {
        self.processor.on_end(SpanData {
            span_context: SpanContext::new(
                span.trace,
                span.own,
                TraceFlags::SAMPLED,
                false,
                TraceState::NONE,
            ),
            parent_span_id: span.parent,
            parent_span_is_remote: span.parent_is_elsewhere,
            span_kind: span.kind,
            name: span.name.into(),
            start_time: span.began,
            end_time: span.ended,
            attributes: span.attributes,
            dropped_attributes_count: 0,
            events: Default::default(),
            links: Default::default(),
            status: span.status,
            instrumentation_scope: self.scope.clone(),
        });
    }

    /// Sends what waits, and ends. It blocks.
    pub fn flush(&self) {
        let _ = self.processor.shutdown_with_timeout(FLUSHED_WITHIN);
    }
}
