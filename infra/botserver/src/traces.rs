//! Traces by OpenTelemetry: a turn's way through PostgreSQL, Kafka and the consumers, in whatever processes.
//!
//! What takes part opens spans of the target `trace` that name their trace: the correlation id of the events, which for a
//! turn is the turn's id. The id of a trace's first span follows from that of the trace. So nothing has to be carried
//! along: whoever sees an event, however late and wherever, continues its trace.

use std::fmt;
use std::time::SystemTime;

use opentelemetry::KeyValue;
use opentelemetry::trace::{SpanId, SpanKind, Status, TraceId};
use telemetry::traces::{Ended, Exporter, Telemetry};
use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Id, Record};
use tracing::{Level, Subscriber};
use tracing_subscriber::Layer;
use tracing_subscriber::filter::{FilterFn, filter_fn};
use tracing_subscriber::layer::Context;
use tracing_subscriber::registry::LookupSpan;
use uuid::Uuid;

/// Of spans that belong to a trace.
pub const TARGET: &str = "trace";

/// Sends the spans of traces to a collector.
pub struct Traces {
    exporter: Exporter,
    /// Of 100 traces so many are kept.
    sample_percent: u64,
}

/// Sends what waits when it is dropped: what subscribes for the rest of the process never is.
pub struct Flush(Exporter);

/// A span that is open.
struct Open {
    trace: TraceId,
    id: SpanId,
    parent: SpanId,
    parent_is_elsewhere: bool,
    began: SystemTime,
    attributes: Vec<KeyValue>,
}

/// What only traces take; logs leave it out.
pub fn is_trace() -> FilterFn {
    filter_fn(|metadata| metadata.target() == TARGET && *metadata.level() <= Level::INFO)
}

impl Traces {
    /// None where no collector is configured.
    pub fn start(telemetry: &Telemetry) -> anyhow::Result<Option<(Traces, Flush)>> {
        let exporter = Exporter::start(telemetry, "botserver", env!("CARGO_PKG_VERSION"))?;
        Ok(exporter.map(|exporter| {
            let flush = Flush(exporter.clone());
            let traces = Traces {
                exporter,
                sample_percent: telemetry.sample_percent.into(),
            };
            (traces, flush)
        }))
    }

    /// The same for every process that sees the trace.
    fn is_kept(&self, trace: Uuid) -> bool {
        let (_, low) = trace.as_u64_pair();
        low.wrapping_mul(0x9e37_79b9_7f4a_7c15) % 100 < self.sample_percent
    }
}

/// Id of the span that begins a trace.
fn first_span(trace: Uuid) -> SpanId {
    let (_, low) = trace.as_u64_pair();
    SpanId::from(low.max(1))
}

#[derive(Default)]
struct Fields {
    trace: Option<Uuid>,
    is_first: bool,
    attributes: Vec<KeyValue>,
}

impl Visit for Fields {
    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        let text = format!("{value:?}");
        match field.name() {
            "trace.id" => self.trace = text.parse().ok(),
            name => self.attributes.push(KeyValue::new(name, text)),
        }
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        match field.name() {
            "trace.id" => self.trace = value.parse().ok(),
            name => self.attributes.push(KeyValue::new(name, value.to_owned())),
        }
    }

    fn record_i64(&mut self, field: &Field, value: i64) {
        self.attributes.push(KeyValue::new(field.name(), value));
    }

    fn record_bool(&mut self, field: &Field, value: bool) {
        match field.name() {
            "trace.first" => self.is_first = value,
            name => self.attributes.push(KeyValue::new(name, value)),
        }
    }
}

impl<S: Subscriber + for<'a> LookupSpan<'a>> Layer<S> for Traces {
    fn on_new_span(&self, attributes: &Attributes<'_>, id: &Id, context: Context<'_, S>) {
        let mut fields = Fields::default();
        attributes.record(&mut fields);
        let Some(trace) = fields.trace.filter(|trace| self.is_kept(*trace)) else {
            return;
        };
        let Some(span) = context.span(id) else { return };
        let trace_id = TraceId::from_bytes(trace.into_bytes());
        let around = span.parent().and_then(|parent| {
            let extensions = parent.extensions();
            let open: &Open = extensions.get()?;
            (open.trace == trace_id).then_some(open.id)
        });
        let (own, parent) = match around {
            _ if fields.is_first => (first_span(trace), SpanId::INVALID),
            Some(parent) => (SpanId::from(rand::random::<u64>().max(1)), parent),
            None => (SpanId::from(rand::random::<u64>().max(1)), first_span(trace)),
        };
        span.extensions_mut().insert(Open {
            trace: trace_id,
            id: own,
            parent,
            parent_is_elsewhere: around.is_none(),
            began: SystemTime::now(),
            attributes: fields.attributes,
        });
    }

    fn on_record(&self, id: &Id, values: &Record<'_>, context: Context<'_, S>) {
        if let Some(span) = context.span(id)
            && let Some(open) = span.extensions_mut().get_mut::<Open>()
        {
            let mut fields = Fields::default();
            values.record(&mut fields);
            open.attributes.append(&mut fields.attributes);
        }
    }

    fn on_close(&self, id: Id, context: Context<'_, S>) {
        let Some(span) = context.span(&id) else { return };
        let Some(open) = span.extensions_mut().remove::<Open>() else {
            return;
        };
        let name = span.name();
        self.exporter.export(Ended {
            trace: open.trace,
            own: open.id,
            parent: open.parent,
            parent_is_elsewhere: open.parent_is_elsewhere,
            kind: kind(name),
            name: name.to_owned(),
            began: open.began,
            ended: SystemTime::now(),
            attributes: open.attributes,
            status: Status::Unset,
        });
    }
}

/// As the conventions have it, by what the span is called.
fn kind(name: &str) -> SpanKind {
    match name {
        "turn.receive" => SpanKind::Server,
        "log.append" => SpanKind::Client,
        "kafka.publish" => SpanKind::Producer,
        "projection.fold" => SpanKind::Consumer,
        _ => SpanKind::Internal,
    }
}

impl Drop for Flush {
    fn drop(&mut self) {
        self.0.flush();
    }
}
