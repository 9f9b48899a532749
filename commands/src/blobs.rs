//! Blobs: values too large for an event, kept beside the log.
//!
//! A blob is sealed under a key of its own, which stands in the event that names it, and there it is sealed as the
//! person's. So a blob that no event names can be read by nobody, and one whose person was erased neither.
//!
//! What is small is sealed whole. What people upload is sealed chunk by chunk as it arrives (STREAM, as Rogaway and
//! others describe it): chunks that are missing, doubled, moved or cut off at the end are found, and memory holds
//! one of them.

mod chunks;

use async_trait::async_trait;
use base64::Engine;
use base64::engine::general_purpose::STANDARD as BASE64;
use bytes::Bytes;
use chacha20poly1305::aead::{Aead, Payload};
use chacha20poly1305::{Key, KeyInit, XChaCha20Poly1305, XNonce};
use chrono::{DateTime, Utc};
use domain::BlobReference;
use futures::stream::BoxStream;

pub(crate) use chunks::{SealingWriter, opened};

/// Where blobs are kept. Keys are like paths: parts of letters, digits and `-`, with `/` between them.
#[async_trait]
pub trait Blobs: Send + Sync {
    /// Durable when it returns; replaces what was there.
    async fn put(&self, key: &str, bytes: Vec<u8>) -> Result<(), BlobError>;

    async fn get(&self, key: &str) -> Result<Vec<u8>, BlobError>;

    /// For what arrives piece by piece. The blob is there once the writer has finished, and not at all before.
    async fn writer(&self, key: &str) -> Result<Box<dyn BlobWriter>, BlobError>;

    /// The bytes as they lie, in pieces of any length.
    async fn reader(&self, key: &str) -> Result<BlobStream, BlobError>;

    /// Deleting what is not there is no error.
    async fn delete(&self, key: &str) -> Result<(), BlobError>;

    /// All keys below a prefix, and when each was written.
    async fn list(&self, prefix: &str) -> Result<Vec<(String, DateTime<Utc>)>, BlobError>;
}

/// Writes one blob. Dropped before it has finished, it leaves nothing.
#[async_trait]
pub trait BlobWriter: Send {
    async fn write(&mut self, bytes: Bytes) -> Result<(), BlobError>;

    /// Durable when it returns.
    async fn finish(self: Box<Self>) -> Result<(), BlobError>;
}

/// A blob's bytes, piece by piece.
pub type BlobStream = BoxStream<'static, Result<Bytes, BlobError>>;

#[derive(Debug, thiserror::Error)]
pub enum BlobError {
    #[error("blob not found")]
    Missing,
    /// It is not what was kept under this reference.
    #[error("blob is damaged")]
    Damaged,
    #[error("blobs cannot be reached")]
    Unavailable(#[source] Box<dyn std::error::Error + Send + Sync>),
}

impl BlobError {
    pub fn unavailable(source: impl std::error::Error + Send + Sync + 'static) -> Self {
        BlobError::Unavailable(Box::new(source))
    }

    /// True when trying again cannot help.
    pub(crate) fn lost(&self) -> bool {
        matches!(self, BlobError::Missing | BlobError::Damaged)
    }
}

/// Seals `bytes` and keeps them under `key`, which must not have been used before.
pub(crate) async fn keep(blobs: &dyn Blobs, key: String, bytes: &[u8]) -> Result<BlobReference, BlobError> {
    let secret: [u8; 32] = rand::random();
    // The secret serves one blob, so one nonce is as good as another.
    let sealed = cipher(&secret)
        .encrypt(&XNonce::default(), payload(&key, bytes))
        .map_err(|_| BlobError::Damaged)?;
    blobs.put(&key, sealed).await?;
    Ok(BlobReference {
        key,
        secret: BASE64.encode(secret),
        bytes: bytes.len() as u64,
    })
}

/// The bytes that were kept. Fails with [`BlobError::Damaged`] when a single bit of them changed.
pub(crate) async fn fetch(blobs: &dyn Blobs, reference: &BlobReference) -> Result<Vec<u8>, BlobError> {
    let secret = BASE64.decode(&reference.secret).map_err(|_| BlobError::Damaged)?;
    let secret: [u8; 32] = secret.try_into().map_err(|_| BlobError::Damaged)?;
    let sealed = blobs.get(&reference.key).await?;
    cipher(&secret)
        .decrypt(&XNonce::default(), payload(&reference.key, &sealed))
        .map_err(|_| BlobError::Damaged)
}

fn cipher(secret: &[u8; 32]) -> XChaCha20Poly1305 {
    XChaCha20Poly1305::new(Key::from_slice(secret))
}

/// The key is authenticated too: a blob does not pass for another.
fn payload<'a>(key: &'a str, bytes: &'a [u8]) -> Payload<'a, 'a> {
    Payload {
        msg: bytes,
        aad: key.as_bytes(),
    }
}
