//! Whom a worker's key goes to, and who is believed to be a worker.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;

use axum::Router;
use axum::routing::{get, post};
use llm::{EmbedOptions, Key, Kind, SettingsError, WorkerSettings, Workers, WorkersSettings};
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;
use tokio_rustls::rustls::crypto::ring;
use tokio_rustls::server::TlsStream;

use crate::settings;
use crate::worker::{Manner, Worker, answer, vector};

/// Connections by TLS; those that do not come to it are passed over.
struct Listener {
    tcp: TcpListener,
    acceptor: TlsAcceptor,
}

impl axum::serve::Listener for Listener {
    type Io = TlsStream<TcpStream>;
    type Addr = SocketAddr;

    async fn accept(&mut self) -> (Self::Io, Self::Addr) {
        loop {
            let (stream, address) = self.tcp.accept().await.unwrap();
            if let Ok(stream) = self.acceptor.accept(stream).await {
                return (stream, address);
            }
        }
    }

    fn local_addr(&self) -> std::io::Result<SocketAddr> {
        self.tcp.local_addr()
    }
}

/// A worker behind TLS, and a file with the certificate that vouches for it.
async fn behind_tls(folder: &tempfile::TempDir) -> (String, PathBuf) {
    let issued = rcgen::generate_simple_self_signed(vec!["localhost".to_owned()]).unwrap();
    let file = folder.path().join("ca.pem");
    std::fs::write(&file, issued.cert.pem()).unwrap();
    let config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(
            vec![issued.cert.der().clone()],
            issued.signing_key.serialize_der().try_into().unwrap(),
        )
        .unwrap();
    let tcp = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("https://localhost:{}", tcp.local_addr().unwrap().port());
    let embeddings =
        |axum::Json(body): axum::Json<serde_json::Value>| async move { answer("/v1/embeddings", &body) };
    let router = Router::new()
        .route("/v1/embeddings", post(embeddings))
        .route("/readyz", get(|| async { "ready" }));
    let acceptor = TlsAcceptor::from(Arc::new(config));
    tokio::spawn(async move { axum::serve(Listener { tcp, acceptor }, router).await });
    (url, file)
}

fn one(url: String, ca_file: Option<PathBuf>) -> WorkersSettings {
    WorkersSettings {
        workers: vec![WorkerSettings {
            url,
            key: Some(Key::parse("sk-1").unwrap()),
            ca_file,
        }],
        ..WorkersSettings::default()
    }
}

#[tokio::test]
async fn a_worker_is_believed_if_those_vouch_for_it_that_were_named() {
    let folder = tempfile::tempdir().unwrap();
    let (url, file) = behind_tls(&folder).await;
    let named = Workers::new(one(url.clone(), Some(file))).unwrap();
    let found = named
        .embed("small", &["x"], &EmbedOptions::default())
        .await
        .unwrap();
    assert_eq!(found.vectors, [vector("x")]);
    let unnamed = Workers::new(one(url, None)).unwrap();
    let error = unnamed
        .embed("small", &["x"], &EmbedOptions::default())
        .await
        .unwrap_err();
    assert_eq!(error.kind, Kind::Unavailable);
}

#[tokio::test]
async fn certificates_that_cannot_be_read_are_told_with_their_file() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("none.pem");
    let error = Workers::new(one("https://localhost".to_owned(), Some(file.clone()))).unwrap_err();
    assert!(error.to_string().contains("none.pem"), "{error}");
    std::fs::write(&file, "hello").unwrap();
    let error = Workers::new(one("https://localhost".to_owned(), Some(file))).unwrap_err();
    assert!(matches!(error, SettingsError::CaFile { .. }), "{error}");
}

#[tokio::test]
async fn a_worker_cannot_send_a_key_and_texts_elsewhere() {
    let elsewhere = Worker::start(Manner::Answer).await;
    let worker = Worker::start(Manner::Redirect(format!("{}/v1/embeddings", elsewhere.url()))).await;
    let workers = Workers::new(settings(&[&worker])).unwrap();
    let error = workers
        .embed("small", &["x"], &EmbedOptions::default())
        .await
        .unwrap_err();
    assert_eq!(error.kind, Kind::Unavailable);
    assert_eq!(elsewhere.begun(), 0);
}
