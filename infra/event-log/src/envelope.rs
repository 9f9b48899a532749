//! Sealing bytes: XChaCha20-Poly1305 under keys derived by HKDF-SHA-256. Pure; keys come in, nothing is looked up.
//!
//! Everything that says what a ciphertext is stands in its associated data, each part with its length, so that no
//! two meanings share an encoding.

use base64::Engine;
use base64::engine::general_purpose::STANDARD as BASE64;
use chacha20poly1305::aead::{Aead, Payload};
use chacha20poly1305::{Key, KeyInit, XChaCha20Poly1305, XNonce};
use hkdf::Hkdf;
use rand::TryRngCore;
use rand::rngs::OsRng;
use serde_json::Value;
use sha2::Sha256;
use uuid::Uuid;
use zeroize::Zeroizing;

use crate::KeyringError;
use crate::leaf::netstring;
use crate::marker::{Envelope, Personal};

pub(crate) const VERSION: u8 = 1;
const NONCE_LENGTH: usize = 24;

/// 32 secret bytes, wiped when dropped.
pub(crate) type Secret = Zeroizing<[u8; 32]>;

/// Where a value is sealed for the first time.
pub(crate) struct Birth<'a> {
    pub tenant: Uuid,
    pub event_id: Uuid,
    pub field: &'a str,
    /// Year and month, `2026-11`: with the class it names the key that lets the value expire.
    pub month: &'a str,
    pub incarnation: i32,
}

pub(crate) fn random<const N: usize>() -> Result<[u8; N], KeyringError> {
    let mut bytes = [0; N];
    OsRng
        .try_fill_bytes(&mut bytes)
        .map_err(|_| KeyringError::Randomness)?;
    Ok(bytes)
}

/// A key for one purpose out of key material.
pub(crate) fn derive(material: &[u8], purpose: &[&[u8]]) -> Secret {
    let mut secret = Zeroizing::new([0; 32]);
    Hkdf::<Sha256>::new(None, material)
        .expand(&joined(purpose), secret.as_mut())
        .expect("32 bytes are fewer than HKDF-SHA-256 can give");
    secret
}

/// Seals bytes: nonce, then ciphertext with its tag.
pub(crate) fn encrypt(key: &Secret, context: &[u8], clear: &[u8]) -> Result<Vec<u8>, KeyringError> {
    // Not secret, only never the same twice: this generator is seeded by the system's, without asking it each time.
    let nonce: [u8; NONCE_LENGTH] = rand::random();
    let cipher = XChaCha20Poly1305::new(Key::from_slice(key.as_slice()));
    let sealed = cipher
        .encrypt(
            XNonce::from_slice(&nonce),
            Payload {
                msg: clear,
                aad: context,
            },
        )
        .map_err(|_| KeyringError::TooLong)?;
    Ok([nonce.as_slice(), &sealed].concat())
}

/// Opens what [`encrypt`] sealed; `None` when key, context or text is another.
pub(crate) fn decrypt(key: &Secret, context: &[u8], sealed: &[u8]) -> Option<Zeroizing<Vec<u8>>> {
    let (nonce, text) = sealed.split_at_checked(NONCE_LENGTH)?;
    let cipher = XChaCha20Poly1305::new(Key::from_slice(key.as_slice()));
    cipher
        .decrypt(
            XNonce::from_slice(nonce),
            Payload {
                msg: text,
                aad: context,
            },
        )
        .ok()
        .map(Zeroizing::new)
}

/// Parts in a row, each with its length.
pub(crate) fn joined(parts: &[&[u8]]) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(parts.iter().map(|part| part.len() + 8).sum());
    for part in parts {
        netstring(&mut bytes, part);
    }
    bytes
}

pub(crate) fn seal(
    personal: &Personal,
    birth: &Birth<'_>,
    subject_key: &Secret,
    class_key: &Secret,
) -> Result<Envelope, KeyringError> {
    let mut envelope = Envelope {
        v: VERSION,
        s: personal.subject,
        c: personal.class,
        m: birth.month.to_owned(),
        k: birth.incarnation,
        t: birth.tenant,
        e: birth.event_id,
        f: birth.field.to_owned(),
        n: String::new(),
        x: String::new(),
    };
    let clear = Zeroizing::new(serde_json::to_vec(&personal.value).map_err(|_| KeyringError::TooLong)?);
    let sealed = encrypt(&data_key(subject_key, class_key), &context_of(&envelope), &clear)?;
    let (nonce, text) = sealed.split_at(NONCE_LENGTH);
    envelope.n = BASE64.encode(nonce);
    envelope.x = BASE64.encode(text);
    Ok(envelope)
}

/// Opens an envelope; `None` when any part of it is not as it was sealed.
pub(crate) fn open(envelope: &Envelope, subject_key: &Secret, class_key: &Secret) -> Option<Value> {
    if envelope.v != VERSION {
        return None;
    }
    let mut sealed = BASE64
        .decode(&envelope.n)
        .ok()
        .filter(|nonce| nonce.len() == NONCE_LENGTH)?;
    sealed.extend(BASE64.decode(&envelope.x).ok()?);
    let clear = decrypt(&data_key(subject_key, class_key), &context_of(envelope), &sealed)?;
    serde_json::from_slice(&clear).ok()
}

/// Both keys are needed: without either, nobody can derive this one.
fn data_key(subject_key: &Secret, class_key: &Secret) -> Secret {
    let material = Zeroizing::new([subject_key.as_slice(), class_key.as_slice()].concat());
    derive(&material, &[b"botserver personal value", &[VERSION]])
}

fn context_of(envelope: &Envelope) -> Vec<u8> {
    joined(&[
        &[envelope.v],
        envelope.t.as_bytes(),
        envelope.e.as_bytes(),
        envelope.f.as_bytes(),
        envelope.s.as_bytes(),
        envelope.c.name().as_bytes(),
        envelope.m.as_bytes(),
        &envelope.k.to_be_bytes(),
    ])
}
