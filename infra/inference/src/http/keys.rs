//! Who asks: a Bearer key, of which only the digest is known here.

use std::net::IpAddr;

use http::HeaderMap;
use http::header::{AUTHORIZATION, ORIGIN};
use sha2::{Digest as _, Sha256};
use subtle::ConstantTimeEq as _;

use super::code::Code;
use super::problem::Problem;
use crate::config::Key;

/// Longer ones are not looked at.
const KEY_BYTES_MAX: usize = 1024;

pub(crate) struct Keys(Vec<Entry>);

struct Entry {
    name: String,
    digest: [u8; 32],
    admin: bool,
}

/// Who asks, and what they may.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Caller {
    /// Of the key; without keys the peer's address.
    pub name: String,
    /// May load and unload models.
    pub admin: bool,
}

impl Keys {
    pub fn new(keys: &[Key]) -> Keys {
        let entries = keys.iter().filter_map(|key| {
            let digest = hex::decode(&key.sha256).ok()?.try_into().ok()?;
            Some(Entry {
                name: key.name.clone(),
                digest,
                admin: key.admin,
            })
        });
        Keys(entries.collect())
    }

    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub fn identify(&self, headers: &HeaderMap, peer: IpAddr) -> Result<Caller, Problem> {
        if self.is_empty() {
            return without_keys(headers, peer);
        }
        let header = headers.get(AUTHORIZATION).ok_or_else(|| {
            Problem::new(
                Code::MissingKey,
                "a key is needed, as Authorization: Bearer YOUR_KEY",
            )
        })?;
        let invalid = || Problem::new(Code::InvalidKey, "the key is not one of this worker's");
        let key = bearer(header.as_bytes()).ok_or_else(invalid)?;
        let digest = Sha256::digest(key);
        let mut found = None;
        // All are looked at, so that the time says nothing about which one it was.
        for entry in &self.0 {
            if bool::from(entry.digest.ct_eq(&digest)) {
                found = Some(entry);
            }
        }
        let entry = found.ok_or_else(invalid)?;
        Ok(Caller {
            name: entry.name.clone(),
            admin: entry.admin,
        })
    }
}

/// Whoever reaches the worker may do everything, but no page that a browser of this machine happens to show.
fn without_keys(headers: &HeaderMap, peer: IpAddr) -> Result<Caller, Problem> {
    if headers.contains_key(ORIGIN) {
        return Err(Problem::new(
            Code::OriginRefused,
            "pages of browsers may not ask a worker that has no keys",
        ));
    }
    Ok(Caller {
        name: peer.to_canonical().to_string(),
        admin: true,
    })
}

fn bearer(value: &[u8]) -> Option<&[u8]> {
    let (scheme, key) = value.split_at_checked(7)?;
    let key = key.trim_ascii();
    let fits = scheme.eq_ignore_ascii_case(b"bearer ") && !key.is_empty() && key.len() <= KEY_BYTES_MAX;
    fits.then_some(key)
}

#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;

    use http::HeaderValue;

    use super::*;

    const PEER: IpAddr = IpAddr::V4(Ipv4Addr::LOCALHOST);

    fn ask(keys: &Keys, header: &str) -> Result<Caller, &'static str> {
        let mut headers = HeaderMap::new();
        if !header.is_empty() {
            headers.insert(AUTHORIZATION, HeaderValue::from_str(header).expect("a header"));
        }
        keys.identify(&headers, PEER)
            .map_err(|problem| problem.code.name())
    }

    #[test]
    fn a_key_is_known_by_its_digest() {
        let keys = Keys::new(&[Key {
            name: "crawler".to_owned(),
            sha256: hex::encode(Sha256::digest("secret")),
            admin: false,
        }]);
        let caller = Caller {
            name: "crawler".to_owned(),
            admin: false,
        };
        assert_eq!(ask(&keys, "Bearer secret"), Ok(caller.clone()));
        assert_eq!(ask(&keys, "bearer  secret "), Ok(caller));
        assert_eq!(ask(&keys, ""), Err("missing_api_key"));
        for wrong in [
            "secret",
            "Basic secret",
            "Bearer ",
            "Bearer",
            "Bearer secrets",
            "Bearersecret",
        ] {
            assert_eq!(ask(&keys, wrong), Err("invalid_api_key"), "{wrong}");
        }
    }

    #[test]
    fn without_keys_pages_of_browsers_are_refused() {
        let keys = Keys::new(&[]);
        assert_eq!(
            ask(&keys, "").map(|caller| caller.name),
            Ok("127.0.0.1".to_owned())
        );
        let mut headers = HeaderMap::new();
        headers.insert(ORIGIN, HeaderValue::from_static("https://example.org"));
        assert!(keys.identify(&headers, PEER).is_err());
    }
}
