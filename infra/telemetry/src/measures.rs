//! The table of a program's metrics: what `/metrics` describes, and what its document says.

use std::fmt::Write as _;

use metrics::{Unit, describe_counter, describe_gauge, describe_histogram};

/// One metric.
#[derive(Debug)]
pub struct Measure {
    pub name: &'static str,
    pub kind: Kind,
    pub unit: Unit,
    /// Names of its labels.
    pub labels: &'static [&'static str],
    /// What it says, in a sentence.
    pub meaning: &'static str,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    Counter,
    Gauge,
    Histogram,
}

pub const fn measure(
    kind: Kind,
    name: &'static str,
    unit: Unit,
    labels: &'static [&'static str],
    meaning: &'static str,
) -> Measure {
    Measure {
        name,
        kind,
        unit,
        labels,
        meaning,
    }
}

/// Tells the exporter what each is.
pub fn describe(measures: &[Measure]) {
    for measure in measures {
        match measure.kind {
            Kind::Counter => describe_counter!(measure.name, measure.unit, measure.meaning),
            Kind::Gauge => describe_gauge!(measure.name, measure.unit, measure.meaning),
            Kind::Histogram => describe_histogram!(measure.name, measure.unit, measure.meaning),
        }
    }
}

/// In Markdown, with a row for each.
pub fn table(measures: &[Measure]) -> String {
    let mut text = "| metric | kind | labels | what it says |\n|---|---|---|---|\n".to_owned();
    for measure in measures {
        let kind = match measure.kind {
            Kind::Counter => "counter",
            Kind::Gauge => "gauge",
            Kind::Histogram => "histogram",
        };
        let labels: Vec<String> = measure.labels.iter().map(|label| format!("`{label}`")).collect();
        let labels = labels.join(", ");
        // Text takes all that is written to it.
        let _ = writeln!(
            text,
            "| `{}` | {kind} | {labels} | {} |",
            measure.name, measure.meaning
        );
    }
    text
}
