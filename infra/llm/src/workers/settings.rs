//! Which workers there are, and what one call may take.

use std::collections::HashSet;
use std::fmt;
use std::path::PathBuf;

use serde::Deserialize;
use serde::de::Error as _;
use url::Url;
use zeroize::Zeroizing;

/// A bearer key. It shows itself to nobody but the worker.
#[derive(Clone, PartialEq, Eq)]
pub struct Key(Zeroizing<String>);

impl Key {
    /// A header can carry it: 1 to 512 visible characters of ASCII.
    pub fn parse(text: &str) -> Result<Key, SettingsError> {
        let visible = text.bytes().all(|byte| byte.is_ascii_graphic());
        match visible && (1..=512).contains(&text.len()) {
            true => Ok(Key(Zeroizing::new(text.to_owned()))),
            false => Err(SettingsError::Key),
        }
    }

    pub(crate) fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Key(***)")
    }
}

impl<'de> Deserialize<'de> for Key {
    fn deserialize<D: serde::Deserializer<'de>>(from: D) -> Result<Key, D::Error> {
        let text = Zeroizing::new(String::deserialize(from)?);
        Key::parse(&text).map_err(D::Error::custom)
    }
}

/// One worker.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct WorkerSettings {
    /// `http://` or `https://` with a host, and a path where a proxy has the worker under one; without `/v1`.
    pub url: String,
    #[serde(default)]
    pub key: Option<Key>,
    /// Certificates (PEM) of those who may vouch for the worker. With them nobody else may.
    #[serde(default)]
    pub ca_file: Option<PathBuf>,
}

/// All workers, and the bounds of what is asked of them.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct WorkersSettings {
    pub workers: Vec<WorkerSettings>,
    /// Milliseconds that a call has where it does not say.
    pub timeout_ms: u64,
    /// Milliseconds within which a worker is connected to.
    pub connect_timeout_ms: u64,
    /// Milliseconds between two questions to `/readyz`, and within which each is answered.
    pub probe_ms: u64,
    /// Inputs of one request; calls with more become several requests.
    pub inputs_max: usize,
    /// Bytes of the texts of one request. A single text that is longer goes alone.
    pub bytes_max: usize,
    /// Requests that are under way at a time, of all calls together. Further ones wait.
    pub requests_max: usize,
}

impl Default for WorkersSettings {
    fn default() -> WorkersSettings {
        WorkersSettings {
            workers: Vec::new(),
            timeout_ms: 30_000,
            connect_timeout_ms: 3_000,
            probe_ms: 2_000,
            inputs_max: 256,
            bytes_max: 1 << 20,
            requests_max: 256,
        }
    }
}

/// Why the settings cannot be used. No text holds a key.
#[derive(Debug, thiserror::Error)]
pub enum SettingsError {
    #[error("there is no worker")]
    NoWorkers,
    #[error("worker \"{url}\" is named twice")]
    Twice { url: String },
    #[error("the address of a worker cannot be used: {reason}")]
    Url { reason: &'static str },
    #[error("a key has 1 to 512 visible characters of ASCII")]
    Key,
    #[error("`{name}` has to be from 1 to {max}")]
    Bound { name: &'static str, max: u64 },
    #[error("the certificates in {} cannot be read", path.display())]
    CaFile {
        path: PathBuf,
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    #[error("no client can be made")]
    Client(#[source] reqwest::Error),
}

/// A day: longer is a mistake, and far from what a clock can add.
const MS_MAX: u64 = 86_400_000;

impl WorkersSettings {
    /// The workers' addresses, each ending in `/`.
    pub(crate) fn checked(&self) -> Result<Vec<Url>, SettingsError> {
        let bounds = [
            ("timeout_ms", self.timeout_ms, MS_MAX),
            ("connect_timeout_ms", self.connect_timeout_ms, MS_MAX),
            ("probe_ms", self.probe_ms, MS_MAX),
            // What a worker takes at once.
            ("inputs_max", self.inputs_max as u64, 2_048),
            ("bytes_max", self.bytes_max as u64, 16 << 20),
            ("requests_max", self.requests_max as u64, 100_000),
        ];
        for (name, value, max) in bounds {
            if !(1..=max).contains(&value) {
                return Err(SettingsError::Bound { name, max });
            }
        }
        if self.workers.is_empty() {
            return Err(SettingsError::NoWorkers);
        }
        let mut seen = HashSet::new();
        self.workers
            .iter()
            .map(|worker| {
                let url = address(&worker.url).map_err(|reason| SettingsError::Url { reason })?;
                match seen.insert(url.clone()) {
                    true => Ok(url),
                    false => Err(SettingsError::Twice { url: url.into() }),
                }
            })
            .collect()
    }
}

/// The reasons do not repeat the address: it may hold a password.
fn address(text: &str) -> Result<Url, &'static str> {
    let mut url = Url::parse(text.trim()).map_err(|_| "it is no URL")?;
    if !matches!(url.scheme(), "http" | "https") {
        return Err("it begins neither with http:// nor with https://");
    }
    if !url.username().is_empty() || url.password().is_some() {
        return Err("it holds a user's name or a password: a key has its own setting");
    }
    if url.query().is_some() || url.fragment().is_some() {
        return Err("it has a query or a fragment");
    }
    if !url.path().ends_with('/') {
        let path = format!("{}/", url.path());
        url.set_path(&path);
    }
    Ok(url)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn settings(urls: &[&str]) -> WorkersSettings {
        let worker = |url: &&str| WorkerSettings {
            url: (*url).to_owned(),
            key: None,
            ca_file: None,
        };
        WorkersSettings {
            workers: urls.iter().map(worker).collect(),
            ..WorkersSettings::default()
        }
    }

    #[test]
    fn a_key_shows_itself_to_nobody() {
        let key = Key::parse("sk-very-secret").unwrap();
        let mut settings = settings(&["http://a"]);
        settings.workers[0].key = Some(key);
        assert!(!format!("{settings:?}").contains("very"));
    }

    #[test]
    fn a_key_that_no_header_carries_is_refused_without_repeating_it() {
        let long = "x".repeat(513);
        for bad in ["", "two words", "line\nbreak", "schlüssel", long.as_str()] {
            let error = Key::parse(bad).unwrap_err().to_string();
            assert!(bad.is_empty() || !error.contains(bad), "{error}");
            let json = serde_json::to_string(bad).unwrap();
            assert!(serde_json::from_str::<Key>(&json).is_err());
        }
    }

    #[test]
    fn addresses_end_in_a_slash_so_that_paths_follow() {
        let urls = settings(&["http://a:8080", "https://b/models"])
            .checked()
            .unwrap();
        let urls: Vec<&str> = urls.iter().map(Url::as_str).collect();
        assert_eq!(urls, ["http://a:8080/", "https://b/models/"]);
    }

    #[test]
    fn an_address_that_cannot_be_used_is_refused_without_its_password() {
        for bad in [
            "",
            "a:8080",
            "ftp://a",
            "http://me:hunter2@a",
            "http://a/?key=hunter2",
            "http://a/#x",
        ] {
            let error = settings(&[bad]).checked().unwrap_err().to_string();
            assert!(error.starts_with("the address of a worker"), "{bad}: {error}");
            assert!(!error.contains("hunter2"), "{error}");
        }
        assert!(matches!(settings(&[]).checked(), Err(SettingsError::NoWorkers)));
        let twice = settings(&["http://a", "http://a/"]).checked();
        assert!(matches!(twice, Err(SettingsError::Twice { .. })));
    }

    #[test]
    fn a_bound_of_zero_is_refused_by_name() {
        let mut settings = settings(&["http://a"]);
        settings.inputs_max = 0;
        let error = settings.checked().unwrap_err().to_string();
        assert_eq!(error, "`inputs_max` has to be from 1 to 2048");
    }
}
