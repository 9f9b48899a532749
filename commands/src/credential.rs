//! Credentials as they travel: `<tenant>.<id>.<secret>` for a token, `<session>.<secret>` for a visitor.

use std::fmt;
use std::str::FromStr;

use domain::{OrganisationId, SessionId, TokenId};
use rand::RngCore;
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;
use uuid::Uuid;

/// A text that is not a credential of ours.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not a credential")]
pub struct CredentialError;

/// 256 random bits. `Debug` never shows them.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct Secret([u8; 32]);

impl Secret {
    pub(crate) fn random() -> Self {
        let mut bytes = [0; 32];
        rand::rng().fill_bytes(&mut bytes);
        Self(bytes)
    }

    /// What is stored: SHA-256, hexadecimal.
    pub(crate) fn hash(&self) -> String {
        hex::encode(Sha256::digest(self.0))
    }

    /// Compared in constant time, so that an answer's delay says nothing about the hash.
    pub(crate) fn fits(&self, stored_hash: &str) -> bool {
        self.hash().as_bytes().ct_eq(stored_hash.as_bytes()).into()
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret")
    }
}

impl FromStr for Secret {
    type Err = CredentialError;

    fn from_str(text: &str) -> Result<Self, CredentialError> {
        let mut bytes = [0; 32];
        hex::decode_to_slice(text, &mut bytes).map_err(|_| CredentialError)?;
        Ok(Self(bytes))
    }
}

/// What a visitor shows: whose session it is, and the secret that proves it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Credential {
    pub session: SessionId,
    pub(crate) secret: Secret,
}

impl fmt::Display for Credential {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.session, hex::encode(self.secret.0))
    }
}

impl FromStr for Credential {
    type Err = CredentialError;

    fn from_str(text: &str) -> Result<Self, CredentialError> {
        let (session, secret) = text.split_once('.').ok_or(CredentialError)?;
        Ok(Self {
            session: SessionId(uuid(session)?),
            secret: secret.parse()?,
        })
    }
}

/// An API token in full. Shown once, when it is issued.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TokenText {
    pub tenant: OrganisationId,
    pub token: TokenId,
    pub(crate) secret: Secret,
}

impl fmt::Display for TokenText {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}.{}", self.tenant, self.token, hex::encode(self.secret.0))
    }
}

impl FromStr for TokenText {
    type Err = CredentialError;

    fn from_str(text: &str) -> Result<Self, CredentialError> {
        let mut parts = text.split('.');
        let (Some(tenant), Some(token), Some(secret), None) =
            (parts.next(), parts.next(), parts.next(), parts.next())
        else {
            return Err(CredentialError);
        };
        Ok(Self {
            tenant: OrganisationId(uuid(tenant)?),
            token: TokenId(uuid(token)?),
            secret: secret.parse()?,
        })
    }
}

/// Only the hyphenated form: one credential has one spelling.
fn uuid(text: &str) -> Result<Uuid, CredentialError> {
    if text.len() != 36 {
        return Err(CredentialError);
    }
    Uuid::parse_str(text).map_err(|_| CredentialError)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_credential_survives_its_text() {
        let credential = Credential {
            session: SessionId(Uuid::now_v7()),
            secret: Secret::random(),
        };
        assert_eq!(credential.to_string().parse(), Ok(credential));
    }

    #[test]
    fn a_token_survives_its_text() {
        let token = TokenText {
            tenant: OrganisationId(Uuid::now_v7()),
            token: TokenId(Uuid::now_v7()),
            secret: Secret::random(),
        };
        assert_eq!(token.to_string().parse(), Ok(token));
    }

    #[test]
    fn what_is_no_credential_is_refused() {
        let id = Uuid::now_v7();
        for text in [
            "",
            ".",
            "..",
            "a.b",
            &format!("{id}"),
            &format!("{id}."),
            &format!("{id}.zz"),
            &format!("{}.{}", id.simple(), "00".repeat(32)),
            &format!("{id}.{}.x", "00".repeat(32)),
        ] {
            assert_eq!(text.parse::<Credential>(), Err(CredentialError), "{text}");
            assert_eq!(text.parse::<TokenText>(), Err(CredentialError), "{text}");
        }
    }

    #[test]
    fn another_secret_does_not_fit() {
        let secret = Secret::random();
        assert!(secret.fits(&secret.hash()));
        assert!(!Secret::random().fits(&secret.hash()));
        assert!(!secret.fits(""));
    }
}
