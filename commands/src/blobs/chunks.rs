//! Sealing chunk by chunk, on the way in and on the way out.

use base64::Engine;
use base64::engine::general_purpose::STANDARD as BASE64;
use bytes::{Bytes, BytesMut};
use chacha20poly1305::XChaCha20Poly1305;
use chacha20poly1305::aead::stream::{DecryptorBE32, EncryptorBE32};
use domain::BlobReference;
use futures::StreamExt;
use futures::stream::{self, BoxStream};

use super::{BlobError, BlobStream, BlobWriter, Blobs, cipher, payload};

/// Clear bytes of a chunk.
const CHUNK_BYTES: usize = 64 << 10;
/// What sealing adds to each.
const TAG_BYTES: usize = 16;
/// The nonce but for the counter and the mark of the last chunk. A secret serves one blob, so any will do.
const NONCE: [u8; 19] = [0; 19];

/// Seals what it is given and writes it away.
pub(crate) struct SealingWriter {
    key: String,
    secret: [u8; 32],
    sealer: EncryptorBE32<XChaCha20Poly1305>,
    writer: Box<dyn BlobWriter>,
    /// Less than a chunk, or exactly one: the last is sealed differently, so it waits for what follows.
    waiting: BytesMut,
    bytes: u64,
}

impl SealingWriter {
    /// `key` must not have been used before.
    pub(crate) async fn begin(blobs: &dyn Blobs, key: String) -> Result<Self, BlobError> {
        let secret: [u8; 32] = rand::random();
        let writer = blobs.writer(&key).await?;
        Ok(Self {
            key,
            secret,
            sealer: EncryptorBE32::from_aead(cipher(&secret), &NONCE.into()),
            writer,
            waiting: BytesMut::with_capacity(CHUNK_BYTES),
            bytes: 0,
        })
    }

    pub(crate) fn bytes(&self) -> u64 {
        self.bytes
    }

    pub(crate) async fn write(&mut self, mut bytes: Bytes) -> Result<(), BlobError> {
        self.bytes += bytes.len() as u64;
        while !bytes.is_empty() {
            if self.waiting.len() == CHUNK_BYTES {
                let sealed = self
                    .sealer
                    .encrypt_next(payload(&self.key, &self.waiting))
                    .map_err(|_| BlobError::Damaged)?;
                self.waiting.clear();
                self.writer.write(sealed.into()).await?;
            }
            let fitting = bytes.len().min(CHUNK_BYTES - self.waiting.len());
            self.waiting.extend_from_slice(&bytes.split_to(fitting));
        }
        Ok(())
    }

    pub(crate) async fn finish(mut self) -> Result<BlobReference, BlobError> {
        let sealed = self
            .sealer
            .encrypt_last(payload(&self.key, &self.waiting))
            .map_err(|_| BlobError::Damaged)?;
        self.writer.write(sealed.into()).await?;
        self.writer.finish().await?;
        Ok(BlobReference {
            key: self.key,
            secret: BASE64.encode(self.secret),
            bytes: self.bytes,
        })
    }
}

/// The bytes that a [`SealingWriter`] was given. The stream ends with [`BlobError::Damaged`] at the first chunk that is
/// not what was written; what came before it is good.
pub(crate) async fn opened(blobs: &dyn Blobs, reference: &BlobReference) -> Result<BlobStream, BlobError> {
    let secret = BASE64.decode(&reference.secret).map_err(|_| BlobError::Damaged)?;
    let secret: [u8; 32] = secret.try_into().map_err(|_| BlobError::Damaged)?;
    let opening = Opening {
        key: reference.key.clone(),
        opener: Some(DecryptorBE32::from_aead(cipher(&secret), &NONCE.into())),
        sealed: blobs.reader(&reference.key).await?,
        waiting: BytesMut::with_capacity(CHUNK_BYTES + TAG_BYTES),
    };
    Ok(opening.stream())
}

struct Opening {
    key: String,
    /// None once the last chunk is opened, or one failed to open.
    opener: Option<DecryptorBE32<XChaCha20Poly1305>>,
    sealed: BlobStream,
    waiting: BytesMut,
}

impl Opening {
    fn stream(self) -> BoxStream<'static, Result<Bytes, BlobError>> {
        stream::unfold(self, async |mut opening| {
            let chunk = opening.next().await?;
            Some((chunk, opening))
        })
        .boxed()
    }

    async fn next(&mut self) -> Option<Result<Bytes, BlobError>> {
        let mut opener = self.opener.take()?;
        const SEALED: usize = CHUNK_BYTES + TAG_BYTES;
        // One byte more than a chunk tells that it is not the last.
        while self.waiting.len() <= SEALED {
            match self.sealed.next().await {
                Some(Ok(bytes)) => self.waiting.extend_from_slice(&bytes),
                Some(Err(error)) => return Some(Err(error)),
                None => break,
            }
        }
        let clear = if self.waiting.len() > SEALED {
            let sealed = self.waiting.split_to(SEALED);
            let clear = opener.decrypt_next(payload(&self.key, &sealed));
            self.opener = Some(opener);
            clear
        } else {
            opener.decrypt_last(payload(&self.key, &self.waiting))
        };
        if clear.is_err() {
            self.opener = None;
        }
        Some(clear.map(Bytes::from).map_err(|_| BlobError::Damaged))
    }
}
