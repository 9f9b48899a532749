//! Who is calling: the network address that limits and the audit trail go by.

use std::convert::Infallible;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use axum::extract::{ConnectInfo, FromRequestParts};
use http::request::Parts;
use http::{Extensions, HeaderMap};
use ipnet::IpNet;

/// The caller's address: the peer, or what a trusted proxy says in its place.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct ClientAddress(pub IpAddr);

impl<S: Send + Sync> FromRequestParts<S> for ClientAddress {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Infallible> {
        Ok(parts.extensions.get().copied().unwrap_or(Self::UNKNOWN))
    }
}

impl ClientAddress {
    /// Of a caller on a socket without addresses.
    pub const UNKNOWN: Self = Self(IpAddr::V4(Ipv4Addr::UNSPECIFIED));

    pub fn of(extensions: &Extensions, headers: &HeaderMap, trusted: &[IpNet]) -> Self {
        match extensions.get::<ConnectInfo<SocketAddr>>() {
            Some(ConnectInfo(peer)) => Self(behind_proxies(peer.ip().to_canonical(), headers, trusted)),
            None => Self::UNKNOWN,
        }
    }
}

/// Follows `X-Forwarded-For` from its end, as long as whoever wrote the entry is trusted.
fn behind_proxies(peer: IpAddr, headers: &HeaderMap, trusted: &[IpNet]) -> IpAddr {
    let mut address = peer;
    for line in headers.get_all("x-forwarded-for").iter().rev() {
        let Ok(line) = line.to_str() else { return address };
        for entry in line.rsplit(',') {
            if !trusted.iter().any(|network| network.contains(&address)) {
                return address;
            }
            let Ok(before) = entry.trim().parse::<IpAddr>() else {
                return address;
            };
            address = before.to_canonical();
        }
    }
    address
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    #[track_caller]
    fn check(peer: &str, lines: &[&'static str], expected: &str) {
        let mut headers = HeaderMap::new();
        for line in lines {
            headers.append("x-forwarded-for", HeaderValue::from_static(line));
        }
        let trusted = [
            "10.0.0.0/8".parse().expect("a network"),
            "::1/128".parse().expect("a network"),
        ];
        let found = behind_proxies(peer.parse().expect("an address"), &headers, &trusted);
        assert_eq!(found.to_string(), expected);
    }

    #[test]
    fn a_stranger_is_not_believed() {
        check("203.0.113.9", &["1.2.3.4"], "203.0.113.9");
    }

    #[test]
    fn a_trusted_proxy_is_believed_for_one_step() {
        check("10.0.0.1", &["1.2.3.4"], "1.2.3.4");
        check("10.0.0.1", &["6.6.6.6, 1.2.3.4"], "1.2.3.4");
        check("10.0.0.1", &["6.6.6.6", "1.2.3.4"], "1.2.3.4");
        check("::1", &["2001:db8::1"], "2001:db8::1");
    }

    #[test]
    fn a_chain_of_trusted_proxies_is_followed() {
        check("10.0.0.1", &["1.2.3.4, 10.9.9.9"], "1.2.3.4");
        check("10.0.0.1", &["1.2.3.4", "10.9.9.9"], "1.2.3.4");
        check("10.0.0.1", &["10.1.1.1, 10.9.9.9"], "10.1.1.1");
    }

    #[test]
    fn what_is_no_address_ends_the_chain() {
        check("10.0.0.1", &["1.2.3.4, unknown"], "10.0.0.1");
        check("10.0.0.1", &[""], "10.0.0.1");
        check("10.0.0.1", &[], "10.0.0.1");
    }

    #[test]
    fn an_address_has_one_spelling() {
        check("::ffff:10.0.0.1", &[], "::ffff:10.0.0.1");
        check("10.0.0.1", &["::ffff:1.2.3.4"], "1.2.3.4");
    }
}
