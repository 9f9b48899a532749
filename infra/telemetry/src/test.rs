//! For tests of programs: a collector that keeps what it is sent, and whether a table of metrics is the code's.

use std::collections::BTreeSet;
use std::path::Path;
use std::sync::{Arc, Mutex};

use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::routing::post;
use metrics::Unit;
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
pub use opentelemetry_proto::tonic::trace::v1::Span;
use prost::Message as _;

use crate::measures::{Kind, Measure};

/// Spans that came so far.
pub type Collected = Arc<Mutex<Vec<Span>>>;

/// Takes what OpenTelemetry's protocol brings over HTTP, as collectors do, at the address that it gives.
///
/// # Panics
///
/// Where there is no port for it.
pub async fn collector() -> (String, Collected) {
    let collected = Collected::default();
    let take = async |State(collected): State<Collected>, body: Bytes| {
        let request = ExportTraceServiceRequest::decode(body).expect("spans");
        let scopes = request
            .resource_spans
            .into_iter()
            .flat_map(|resource| resource.scope_spans);
        let spans = scopes.flat_map(|scope| scope.spans);
        collected.lock().expect("nobody broke down").extend(spans);
    };
    let router = Router::new()
        .route("/v1/traces", post(take))
        .with_state(collected.clone());
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0")
        .await
        .expect("a port");
    let address = format!("http://{}", listener.local_addr().expect("it is bound"));
    tokio::spawn(async move { axum::serve(listener, router).await });
    (address, collected)
}

/// That a table is in order, that its names say their units, and that it has what the source code in these folders records
/// and nothing else.
///
/// # Panics
///
/// Where it is not so.
pub fn check_measures(measures: &[Measure], folders: &[&Path]) {
    assert!(
        measures.windows(2).all(|pair| pair[0].name < pair[1].name),
        "the table is not in order"
    );
    for measure in measures {
        let name = measure.name;
        assert_eq!(name.ends_with("_total"), measure.kind == Kind::Counter, "{name}");
        assert_eq!(
            name.ends_with("_seconds"),
            measure.unit == Unit::Seconds,
            "{name}"
        );
        assert_eq!(name.ends_with("_bytes"), measure.unit == Unit::Bytes, "{name}");
    }
    let mut recorded = BTreeSet::new();
    for folder in folders {
        look(folder, &mut recorded);
    }
    let listed: BTreeSet<String> = measures.iter().map(|measure| measure.name.to_owned()).collect();
    assert_eq!(recorded, listed);
}

/// Finds the names that the macros of `metrics` are called with.
fn look(folder: &Path, found: &mut BTreeSet<String>) {
    for entry in std::fs::read_dir(folder).expect("the folder is there").flatten() {
        let path = entry.path();
        if path.is_dir() {
            look(&path, found);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            let source = std::fs::read_to_string(&path).expect("it is text");
            for kind in ["counter", "gauge", "histogram"] {
                for call in source.split(&format!("metrics::{kind}!(")).skip(1) {
                    let name = call
                        .trim_start()
                        .strip_prefix('"')
                        .and_then(|rest| rest.split('"').next());
                    found.extend(name.map(str::to_owned));
                }
            }
        }
    }
}
