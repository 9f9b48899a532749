//! Before the upgrade: where the page comes from, and what the address says.

use std::fmt;

use http::HeaderMap;
use http::header::{HOST, ORIGIN};
use serde::Deserialize;

/// The query of a socket's address.
#[derive(Clone, Default, Deserialize)]
pub(super) struct Asked {
    /// For clients that do not put it into the path.
    #[serde(default)]
    pub bot_name: Option<String>,
    /// The credential. It stands in no log: layers write routes, not addresses.
    #[serde(default)]
    pub session_id: Option<String>,
    #[serde(default)]
    pub resume_after: Option<i64>,
}

impl fmt::Debug for Asked {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Asked")
            .field("bot_name", &self.bot_name)
            .finish_non_exhaustive()
    }
}

/// Whether a page may open a socket: one of this server, as it calls itself or as the world calls it. A program
/// sends no `Origin`, and holds no browser's credentials that a foreign page could use.
pub(crate) fn from_here(headers: &HeaderMap, public_url: Option<&str>) -> bool {
    let mut origins = headers.get_all(ORIGIN).iter();
    let (Some(origin), None) = (origins.next(), origins.next()) else {
        return headers.get(ORIGIN).is_none();
    };
    let Ok(origin) = origin.to_str() else { return false };
    let Some((scheme, host)) = parts(origin) else {
        return false;
    };
    let own = headers.get(HOST).and_then(|host| host.to_str().ok());
    let same_host =
        own.is_some_and(|own| without_port(own, scheme).eq_ignore_ascii_case(without_port(host, scheme)));
    same_host
        || public_url.and_then(parts).is_some_and(|(known_scheme, known)| {
            known_scheme.eq_ignore_ascii_case(scheme)
                && without_port(known, scheme).eq_ignore_ascii_case(without_port(host, scheme))
        })
}

/// Scheme and host, with its port where it has one.
fn parts(url: &str) -> Option<(&str, &str)> {
    let (scheme, rest) = url.split_once("://")?;
    let host = rest.split(['/', '?', '#']).next().unwrap_or_default();
    (!host.is_empty() && matches!(scheme, "http" | "https")).then_some((scheme, host))
}

/// Without the port that the scheme implies.
fn without_port<'a>(host: &'a str, scheme: &str) -> &'a str {
    host.strip_suffix(if scheme == "https" { ":443" } else { ":80" })
        .unwrap_or(host)
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    #[track_caller]
    fn check(origins: &[&'static str], host: &'static str, public_url: Option<&str>, passes: bool) {
        let mut headers = HeaderMap::new();
        headers.insert(HOST, HeaderValue::from_static(host));
        for origin in origins {
            headers.append(ORIGIN, HeaderValue::from_static(origin));
        }
        assert_eq!(from_here(&headers, public_url), passes, "{origins:?} at {host}");
    }

    #[test]
    fn a_page_of_this_server_passes() {
        check(&["http://chat.example:8080"], "chat.example:8080", None, true);
        check(&["https://Chat.Example"], "chat.example", None, true);
        check(&["https://chat.example"], "chat.example:443", None, true);
        check(
            &["https://chat.example"],
            "inside:8080",
            Some("https://chat.example/"),
            true,
        );
    }

    #[test]
    fn a_program_passes() {
        check(&[], "chat.example", None, true);
    }

    #[test]
    fn a_foreign_page_does_not() {
        for origin in [
            "https://evil.example",
            "http://chat.example:8081",
            "https://chat.example.evil.example",
            "https://chat.example@evil.example",
            "null",
            "",
            "file://chat.example",
            "chat.example",
        ] {
            check(&[origin], "chat.example", Some("https://www.chat.example"), false);
        }
        check(
            &["https://chat.example", "https://evil.example"],
            "chat.example",
            None,
            false,
        );
    }
}
