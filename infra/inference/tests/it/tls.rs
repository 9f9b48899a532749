//! TLS, and certificates that change while the worker runs.

use std::fs;
use std::path::Path;

use rcgen::{CertifiedKey, generate_simple_self_signed};
use tokio::io::AsyncReadExt as _;
use tokio::net::TcpStream;

use crate::worker::{PATIENCE, Running, config, models};

/// Writes a new pair; the certificate, in PEM.
fn renew(folder: &Path) -> String {
    let CertifiedKey { cert, signing_key } =
        generate_simple_self_signed(["localhost".to_owned()]).expect("a certificate");
    fs::write(folder.join("key.pem"), signing_key.serialize_pem()).expect("it is written");
    fs::write(folder.join("chain.pem"), cert.pem()).expect("it is written");
    cert.pem()
}

async fn start(folder: &Path) -> Running {
    let set = [
        format!("tls.certificate={}", folder.join("chain.pem").display()),
        format!("tls.key={}", folder.join("key.pem").display()),
    ];
    Running::start(
        config(&models(), &[&set[0], &set[1], "server.idle_ms=1500"]),
        None,
    )
    .await
}

/// Asks as somebody who trusts this certificate only.
async fn reaches(worker: &Running, certificate: &str) -> bool {
    let root = reqwest::Certificate::from_pem(certificate.as_bytes()).expect("a certificate");
    let client = reqwest::Client::builder()
        .tls_built_in_root_certs(false)
        .add_root_certificate(root)
        .timeout(PATIENCE)
        .build()
        .expect("a client");
    let asked = client
        .get(format!("https://localhost:{}/v1/models", worker.address.port()))
        .send()
        .await;
    asked.is_ok_and(|response| response.status() == 200)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_worker_speaks_tls_with_the_certificate_that_is_there() {
    let folder = tempfile::tempdir().expect("a folder");
    let first = renew(folder.path());
    let mut worker = start(folder.path()).await;
    assert!(reaches(&worker, &first).await);

    let second = renew(folder.path());
    worker.worker.keep();
    assert!(reaches(&worker, &second).await && !reaches(&worker, &first).await);

    fs::write(folder.path().join("key.pem"), "nothing").expect("it is written");
    let same = config(&models(), &[]);
    worker
        .worker
        .reload(same)
        .await
        .expect("a wrong pair is told and left");
    assert!(
        reaches(&worker, &second).await,
        "what cannot be used changes nothing"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_that_does_not_finish_its_handshake_holds_nobody_up() {
    let folder = tempfile::tempdir().expect("a folder");
    let certificate = renew(folder.path());
    let worker = start(folder.path()).await;
    let mut idle = Vec::new();
    for _ in 0..20 {
        idle.push(TcpStream::connect(worker.address).await.expect("a connection"));
    }
    assert!(reaches(&worker, &certificate).await);
    let mut nothing = Vec::new();
    let closed = tokio::time::timeout(PATIENCE, idle[0].read_to_end(&mut nothing)).await;
    assert!(closed.is_ok(), "it is let go in the end");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_pair_that_is_none_is_told_at_the_start() {
    let folder = tempfile::tempdir().expect("a folder");
    renew(folder.path());
    let chain = folder.path().join("chain.pem");
    let set = [
        format!("tls.certificate={}", chain.display()),
        format!("tls.key={}", chain.display()),
    ];
    let started = inference::serve::Worker::start(config("", &[&set[0], &set[1]]), None).await;
    let told = format!("{:#}", started.err().expect("it does not start"));
    assert!(told.contains("chain.pem holds no key"), "{told}");
}
