//! Accepts connections and serves HTTP/1.1 on them, with TLS where it is configured.
//!
//! Not by `axum::serve`: that waits for ever for a client's headers, and takes any number of connections.

use std::convert::Infallible;
use std::future::Future;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::response::Response;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Semaphore, watch};
use tokio::task::JoinSet;
use tokio_rustls::TlsAcceptor;
use tower::Service as _;

use super::frame::Peer;
use super::patient::Patient;
use super::tls::Certificate;
use crate::config::Server;

/// A client that does not finish its handshake by then is let go.
const HANDSHAKE_WITHIN: Duration = Duration::from_secs(10);

/// After an error that is the machine's, as too few file descriptors: others may free some meanwhile.
const PAUSE: Duration = Duration::from_millis(200);

/// Bytes of one request's headers together; more is answered by status 431.
const HEADERS_BYTES_MAX: usize = 64 << 10;

#[derive(Clone)]
struct Shared {
    router: Router,
    certificate: Option<Arc<Certificate>>,
    idle: Duration,
    /// Becomes true when connections are to end after what they are at.
    ending: watch::Receiver<bool>,
}

/// Accepts until told to end, then waits for the connections that are open.
pub(crate) async fn serve(
    listener: TcpListener,
    router: Router,
    certificate: Option<Arc<Certificate>>,
    settings: &Server,
    mut ending: watch::Receiver<bool>,
) {
    let places = Arc::new(Semaphore::new(settings.connections_max as usize));
    let shared = Shared {
        router,
        certificate,
        idle: settings.idle_for(),
        ending: ending.clone(),
    };
    let mut connections = JoinSet::new();
    loop {
        let accepted = async {
            let place = places.clone().acquire_owned().await;
            (place, accept(&listener).await)
        };
        tokio::select! {
            (place, (stream, peer)) = accepted => {
                let connection = connection(stream, peer, shared.clone());
                connections.spawn(async move {
                    let _place = place;
                    let _counted = Counted::new();
                    connection.await;
                });
            }
            Some(ended) = connections.join_next() => report(ended),
            () = told(&mut ending) => break,
        }
    }
    drop(listener);
    while let Some(ended) = connections.join_next().await {
        report(ended);
    }
}

async fn accept(listener: &TcpListener) -> (TcpStream, SocketAddr) {
    loop {
        match listener.accept().await {
            Ok(accepted) => return accepted,
            Err(error) => {
                tracing::warn!(%error, "a connection cannot be accepted");
                tokio::time::sleep(PAUSE).await;
            }
        }
    }
}

async fn told(ending: &mut watch::Receiver<bool>) {
    let _ = ending.wait_for(|ending| *ending).await;
}

fn report(ended: Result<(), tokio::task::JoinError>) {
    if let Err(error) = ended
        && error.is_panic()
    {
        tracing::error!(%error, "a connection broke down");
    }
}

async fn connection(stream: TcpStream, peer: SocketAddr, shared: Shared) {
    // A short answer must not wait until the last one is acknowledged.
    if let Err(error) = stream.set_nodelay(true) {
        tracing::debug!(%error, "a connection keeps packets back");
    }
    let Some(certificate) = &shared.certificate else {
        return http(stream, peer, shared).await;
    };
    let handshake = TlsAcceptor::from(certificate.config()).accept(stream);
    match tokio::time::timeout(HANDSHAKE_WITHIN.min(shared.idle), handshake).await {
        Ok(Ok(stream)) => http(stream, peer, shared).await,
        Ok(Err(error)) => tracing::debug!(%error, "a handshake failed"),
        Err(_) => tracing::debug!("a handshake took too long"),
    }
}

async fn http<S: AsyncRead + AsyncWrite + Unpin + Send + 'static>(
    stream: S,
    peer: SocketAddr,
    shared: Shared,
) {
    let Shared {
        router,
        idle,
        mut ending,
        ..
    } = shared;
    let service = service_fn(move |request: hyper::Request<Incoming>| answer(router.clone(), request, peer));
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(idle)
        .max_buf_size(HEADERS_BYTES_MAX)
        .serve_connection(TokioIo::new(Patient::new(stream, idle)), service);
    tokio::pin!(connection);
    let outcome = tokio::select! {
        outcome = connection.as_mut() => outcome,
        () = told(&mut ending) => {
            connection.as_mut().graceful_shutdown();
            connection.await
        }
    };
    if let Err(error) = outcome {
        tracing::debug!(%error, "a connection ended");
    }
}

fn answer(
    mut router: Router,
    mut request: hyper::Request<Incoming>,
    peer: SocketAddr,
) -> impl Future<Output = Result<Response, Infallible>> {
    request.extensions_mut().insert(Peer(peer.ip()));
    router.call(request.map(Body::new))
}

struct Counted;

impl Counted {
    fn new() -> Counted {
        metrics::gauge!("inference_connections").increment(1.0);
        Counted
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        metrics::gauge!("inference_connections").decrement(1.0);
    }
}
