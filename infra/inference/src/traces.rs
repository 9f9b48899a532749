//! Traces by OpenTelemetry: one span for each request, which continues the trace of whoever asks, and one for each
//! part of its way.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::SystemTime;

use http::HeaderMap;
use opentelemetry::KeyValue;
use opentelemetry::trace::{SpanId, SpanKind, Status, TraceId};
use telemetry::traces::{Ended, Exporter, Telemetry};

/// Sends the spans of requests to a collector.
#[derive(Clone)]
pub struct Traces {
    exporter: Exporter,
    sample_percent: u32,
}

/// A request's span that is open.
pub struct Request {
    traces: Traces,
    trace: TraceId,
    own: SpanId,
    parent: SpanId,
    began: SystemTime,
}

/// The parts of a request's way that are behind it. Cheap to clone; all clones are one.
#[derive(Clone)]
pub struct Stages(Arc<Mutex<Vec<Stage>>>);

struct Stage {
    name: &'static str,
    ended: SystemTime,
}

impl Traces {
    /// None where no collector is configured. Not to be called from an async thread: it makes a client that blocks.
    pub fn start(telemetry: &Telemetry) -> anyhow::Result<Option<Traces>> {
        let exporter = Exporter::start(telemetry, "inference-worker", env!("CARGO_PKG_VERSION"))?;
        Ok(exporter.map(|exporter| Traces {
            exporter,
            sample_percent: telemetry.sample_percent,
        }))
    }

    /// Opens the span of a request; none where its trace is not kept.
    pub fn request(&self, headers: &HeaderMap) -> Option<Request> {
        let header = headers.get("traceparent").and_then(|value| value.to_str().ok());
        let (trace, parent) = match header.and_then(trace_parent) {
            Some((_, _, false)) => return None,
            Some((trace, parent, true)) => (trace, parent),
            None if rand::random_range(0..100) >= self.sample_percent => return None,
            None => (TraceId::from(rand::random::<u128>().max(1)), SpanId::INVALID),
        };
        Some(Request {
            traces: self.clone(),
            trace,
            own: new_span(),
            parent,
            began: SystemTime::now(),
        })
    }

    /// Sends what waits. It blocks.
    pub fn flush(&self) {
        self.exporter.flush();
    }
}

impl Request {
    /// Without a status the client went away.
    pub fn end(self, method: &'static str, route: &str, status: Option<u16>, stages: &Stages) {
        let now = SystemTime::now();
        let mut began = self.began;
        for (name, ended) in stages.ended() {
            self.traces.exporter.export(Ended {
                trace: self.trace,
                own: new_span(),
                parent: self.own,
                parent_is_elsewhere: false,
                kind: SpanKind::Internal,
                name: name.to_owned(),
                began,
                ended,
                attributes: Vec::new(),
                status: Status::Unset,
            });
            began = ended;
        }
        let mut attributes = vec![
            KeyValue::new("http.request.method", method),
            KeyValue::new("http.route", route.to_owned()),
        ];
        attributes.extend(status.map(|status| KeyValue::new("http.response.status_code", i64::from(status))));
        self.traces.exporter.export(Ended {
            trace: self.trace,
            own: self.own,
            parent: self.parent,
            parent_is_elsewhere: self.parent != SpanId::INVALID,
            kind: SpanKind::Server,
            name: format!("{method} {route}"),
            began: self.began,
            ended: now,
            attributes,
            status: match status {
                None => Status::error("the client went away"),
                Some(500..) => Status::error(""),
                Some(_) => Status::Unset,
            },
        });
    }
}

impl Stages {
    /// The way begins now.
    pub fn begin() -> Stages {
        let begin = Stage {
            name: "",
            ended: SystemTime::now(),
        };
        Stages(Arc::new(Mutex::new(vec![begin])))
    }

    /// A part of the way ends now.
    pub fn mark(&self, name: &'static str) {
        self.mark_at(name, SystemTime::now());
    }

    /// A part of the way ended then.
    pub fn mark_at(&self, name: &'static str, ended: SystemTime) {
        self.0
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .push(Stage { name, ended });
    }

    /// How long each part took.
    pub fn measure(&self) {
        let stages = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        for pair in stages.windows(2) {
            let took = pair[1].ended.duration_since(pair[0].ended).unwrap_or_default();
            metrics::histogram!("inference_stage_seconds", "stage" => pair[1].name)
                .record(took.as_secs_f64());
        }
    }

    fn ended(&self) -> Vec<(&'static str, SystemTime)> {
        let stages = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        stages
            .iter()
            .skip(1)
            .map(|stage| (stage.name, stage.ended))
            .collect()
    }
}

fn new_span() -> SpanId {
    SpanId::from(rand::random::<u64>().max(1))
}

/// `00-<trace>-<parent>-<flags>` of W3C Trace Context; a later version may have more parts. Last whether it is kept.
fn trace_parent(text: &str) -> Option<(TraceId, SpanId, bool)> {
    let mut parts = text.split('-');
    let (version, trace, parent, flags) = (parts.next()?, parts.next()?, parts.next()?, parts.next()?);
    let hexadecimal = |text: &str| {
        text.bytes()
            .all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(&b))
    };
    let fits = [(version, 2), (trace, 32), (parent, 16), (flags, 2)]
        .iter()
        .all(|(part, length)| part.len() == *length && hexadecimal(part));
    let known = version != "ff" && (version != "00" || parts.next().is_none());
    let (trace_id, span_id) = (TraceId::from_hex(trace).ok()?, SpanId::from_hex(parent).ok()?);
    let flags = u8::from_str_radix(flags, 16).ok()?;
    let whole = fits && known && trace_id != TraceId::INVALID && span_id != SpanId::INVALID;
    whole.then_some((trace_id, span_id, flags & 1 == 1))
}

#[cfg(test)]
mod tests {
    use super::trace_parent;

    #[test]
    fn a_parent_is_taken_only_where_it_is_whole() {
        let good = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
        let (trace, span, kept) = trace_parent(good).expect("it is whole");
        assert_eq!(format!("{trace:x}"), "af7651916cd43dd8448eb211c80319c");
        assert_eq!((format!("{span:x}").as_str(), kept), ("b7ad6b7169203331", true));
        assert!(!trace_parent(&good.replace("-01", "-00")).expect("it is whole").2);
        assert!(trace_parent(&(good.replace("00-0", "01-0") + "-more")).is_some());
        for wrong in [
            "",
            "00",
            "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331",
            "00-00000000000000000000000000000000-b7ad6b7169203331-01",
            "00-0af7651916cd43dd8448eb211c80319c-0000000000000000-01",
            "00-0AF7651916CD43DD8448EB211C80319C-b7ad6b7169203331-01",
            "ff-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
            "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01-more",
        ] {
            assert!(trace_parent(wrong).is_none(), "{wrong}");
        }
    }
}
