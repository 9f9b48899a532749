//! TLS: certificate and key from files, read anew when they change, without a connection being lost.

use std::fs;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use anyhow::Context as _;
use rustls::ServerConfig;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};

pub struct Certificate {
    chain: PathBuf,
    key: PathBuf,
    current: Mutex<(Pair, Stamp)>,
}

/// A chain and its key, as they were read.
struct Pair {
    config: Arc<ServerConfig>,
    validity: Validity,
}

/// From when to when a whole chain is valid: seconds since 1970.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Validity {
    pub begins: i64,
    pub ends: i64,
}

/// Tells one state of the two files from another.
type Stamp = [Option<(u64, u64, i64, i64)>; 2];

impl Certificate {
    pub fn load(chain: &Path, key: &Path) -> anyhow::Result<Certificate> {
        let stamp = stamp(chain, key);
        let pair = read(chain, key)?;
        Ok(Certificate {
            chain: chain.to_owned(),
            key: key.to_owned(),
            current: Mutex::new((pair, stamp)),
        })
    }

    /// What a new connection is spoken to with.
    pub fn config(&self) -> Arc<ServerConfig> {
        self.current().0.config.clone()
    }

    pub fn validity(&self) -> Validity {
        self.current().0.validity
    }

    /// Takes over files that changed; whether they had. Those that cannot be used leave all as it was, and are not
    /// looked at again before they change once more.
    pub fn renew(&self) -> anyhow::Result<bool> {
        let stamp = stamp(&self.chain, &self.key);
        if self.current().1 == stamp {
            return Ok(false);
        }
        let pair = read(&self.chain, &self.key);
        let mut current = self.current();
        current.1 = stamp;
        current.0 = pair?;
        Ok(true)
    }

    fn current(&self) -> MutexGuard<'_, (Pair, Stamp)> {
        self.current.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn stamp(chain: &Path, key: &Path) -> Stamp {
    [chain, key].map(|path| {
        let found = fs::metadata(path).ok()?;
        Some((found.ino(), found.len(), found.mtime(), found.mtime_nsec()))
    })
}

fn read(chain: &Path, key: &Path) -> anyhow::Result<Pair> {
    let unusable =
        |path: &Path, what: &str| format!("{} holds no {what} in PEM that can be read", path.display());
    let certificates = CertificateDer::pem_file_iter(chain)
        .and_then(Iterator::collect::<Result<Vec<_>, _>>)
        .with_context(|| unusable(chain, "certificates (tls.certificate)"))?;
    anyhow::ensure!(
        !certificates.is_empty(),
        "{}",
        unusable(chain, "certificates (tls.certificate)")
    );
    let validity =
        validity(&certificates).with_context(|| unusable(chain, "certificates (tls.certificate)"))?;
    let private = PrivateKeyDer::from_pem_file(key).with_context(|| unusable(key, "key (tls.key)"))?;
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let mut config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .context("TLS cannot be set up")?
        .with_no_client_auth()
        .with_single_cert(certificates, private)
        .with_context(|| format!("{} and {} are not a pair", chain.display(), key.display()))?;
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    Ok(Pair {
        config: Arc::new(config),
        validity,
    })
}

fn validity(chain: &[CertificateDer<'_>]) -> anyhow::Result<Validity> {
    let mut whole = Validity {
        begins: i64::MIN,
        ends: i64::MAX,
    };
    for certificate in chain {
        let (_, certificate) = x509_parser::parse_x509_certificate(certificate)?;
        let of = certificate.validity();
        whole.begins = whole.begins.max(of.not_before.timestamp());
        whole.ends = whole.ends.min(of.not_after.timestamp());
    }
    Ok(whole)
}
