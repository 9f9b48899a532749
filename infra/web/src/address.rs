//! Which addresses scripts may reach: those of the public network, and networks that an operator allows.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use ipnet::IpNet;
use url::{Host, Url};

/// Ports at which other things than the web answer.
const OTHER_SERVICES: &[u16] = &[
    1433, 1521, 2049, 2181, 2375, 2376, 2379, 2380, 3306, 3389, 4369, 5432, 5672, 5900, 5984, 6379, 6443,
    8086, 9042, 9092, 9093, 9200, 9300, 10250, 11211, 15672, 27017, 50051,
];

/// Why an address is not reached. Says nothing of what is there.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Refused {
    #[error("is no web address")]
    NoAddress,
    #[error("begins with {0}:, not with https: or http:")]
    Scheme(String),
    #[error("holds a name and a password, which belong into a header")]
    Credentials,
    #[error("asks for port {0}, where no website is")]
    Port(u16),
    #[error("is not in the public network")]
    Private,
    #[error("is this server's own")]
    Own,
}

/// Where this server answers.
#[derive(Debug, Clone, Default)]
pub struct Own {
    /// Names by which people reach it, in lower case.
    pub hosts: Vec<String>,
    /// Addresses of this machine.
    pub addresses: Vec<IpAddr>,
    /// Ports at which it listens.
    pub ports: Vec<u16>,
}

impl Own {
    /// Whether an address leads here: by name, or by where the name leads.
    pub(crate) async fn answers(&self, url: &Url) -> bool {
        let port = url.port_or_known_default().unwrap_or(0);
        let here = |address: IpAddr| self.is_at(address) && self.ports.contains(&port);
        match url.host() {
            Some(Host::Domain(name)) => {
                let name = name.trim_end_matches('.').to_lowercase();
                if self.hosts.contains(&name) {
                    return true;
                }
                if !self.ports.contains(&port) {
                    return false;
                }
                let found = tokio::net::lookup_host((name.as_str(), port)).await;
                found.is_ok_and(|mut found| found.any(|address| here(address.ip())))
            }
            Some(Host::Ipv4(address)) => here(address.into()),
            Some(Host::Ipv6(address)) => here(address.into()),
            None => false,
        }
    }

    /// Whether an address is one of this machine's.
    pub(crate) fn is_at(&self, address: IpAddr) -> bool {
        let address = address.to_canonical();
        address.is_loopback() || address.is_unspecified() || self.addresses.contains(&address)
    }
}

pub fn parsed(text: &str) -> Result<Url, Refused> {
    Url::parse(text.trim()).map_err(|_| Refused::NoAddress)
}

/// Whether the address may be asked at all, as far as is known before a name is looked up.
pub fn check(url: &Url, allowed: &[IpNet]) -> Result<(), Refused> {
    if !matches!(url.scheme(), "http" | "https") {
        return Err(Refused::Scheme(url.scheme().to_owned()));
    }
    if !url.username().is_empty() || url.password().is_some() {
        return Err(Refused::Credentials);
    }
    let address = match url.host().ok_or(Refused::NoAddress)? {
        Host::Ipv4(address) => Some(IpAddr::V4(address)),
        Host::Ipv6(address) => Some(IpAddr::V6(address)),
        Host::Domain(_) => None,
    };
    if let Some(address) = address
        && !may_reach(address, allowed)
    {
        return Err(Refused::Private);
    }
    let port = url.port_or_known_default().unwrap_or(0);
    let operators = address.is_some_and(|address| allowed.iter().any(|network| network.contains(&address)));
    if !operators && (port < 1024 && !matches!(port, 80 | 443) || OTHER_SERVICES.contains(&port)) {
        return Err(Refused::Port(port));
    }
    Ok(())
}

/// Whether an address is public, or in an allowed network.
pub fn may_reach(address: IpAddr, allowed: &[IpNet]) -> bool {
    allowed.iter().any(|network| network.contains(&address)) || is_public(address)
}

fn is_public(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(address) => is_public_v4(address),
        IpAddr::V6(address) => is_public_v6(address),
    }
}

fn is_public_v4(address: Ipv4Addr) -> bool {
    let [a, b, c, _] = address.octets();
    // The special ranges of RFC 6890 and its successors.
    !(matches!(a, 0 | 10 | 127 | 224..)
        || a == 100 && (64..128).contains(&b)
        || a == 169 && b == 254
        || a == 172 && (16..32).contains(&b)
        || a == 192 && b == 168
        || a == 192 && b == 0 && matches!(c, 0 | 2)
        || a == 192 && b == 88 && c == 99
        || a == 198 && matches!(b, 18 | 19)
        || a == 198 && b == 51 && c == 100
        || a == 203 && b == 0 && c == 113
        // Answers to the machines of a cloud alone, with what configures them.
        || address == Ipv4Addr::new(168, 63, 129, 16))
}

fn is_public_v6(address: Ipv6Addr) -> bool {
    let segments = address.segments();
    let inner = |high: u16, low: u16| {
        let [a, b] = high.to_be_bytes();
        let [c, d] = low.to_be_bytes();
        is_public_v4(Ipv4Addr::new(a, b, c, d))
    };
    match segments {
        // Addresses of the other kind within: mapped, compatible, translated, tunnelled.
        [0, 0, 0, 0, 0, 0xffff | 0, high, low] => inner(high, low),
        [0x64, 0xff9b, 0, 0, 0, 0, high, low] => inner(high, low),
        [0x2002, high, low, ..] => inner(high, low),
        [0x64, 0xff9b, 1, ..] | [0x2001, 0xdb8, ..] | [0x2001, 0..=0x1ff, ..] => false,
        [first, ..] => (0x2000..0x4000).contains(&first),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn checked(text: &str, allowed: &[IpNet]) -> Result<(), Refused> {
        check(&parsed(text)?, allowed)
    }

    #[test]
    fn nothing_within_is_reached() {
        let refused = [
            "http://127.1/",
            "http://0/",
            "http://0.0.0.0/",
            "http://2130706433/",
            "http://0x7f.1/",
            "http://0177.0.0.1/",
            "http://[::1]/",
            "http://[::]/",
            "http://[::ffff:127.0.0.1]/",
            "http://[::127.0.0.1]/",
            "http://[64:ff9b::7f00:1]/",
            "http://[2002:7f00:1::]/",
            "http://[fe80::1]/",
            "http://[fd00::1]/",
            "http://169.254.169.254/latest/meta-data/",
            "http://168.63.129.16/machine?comp=goalstate",
            "http://100.64.0.1/",
            "http://198.18.0.1/",
            "http://192.168.1.1/",
            "http://172.16.0.1/",
            "http://224.0.0.1/",
            "http://255.255.255.255/",
            "http://１２７.0.0.1/",
        ];
        for text in refused {
            assert_eq!(checked(text, &[]).unwrap_err(), Refused::Private, "{text}");
        }
    }

    #[test]
    fn other_things_than_websites_are_not_asked() {
        assert_eq!(
            checked("file:///etc/passwd", &[]).unwrap_err(),
            Refused::Scheme("file".into())
        );
        assert_eq!(
            checked("GOPHER://x/", &[]).unwrap_err(),
            Refused::Scheme("gopher".into())
        );
        assert_eq!(
            checked("http://a:b@example.org/", &[]).unwrap_err(),
            Refused::Credentials
        );
        assert_eq!(
            checked("http://example.org@127.0.0.1/", &[]).unwrap_err(),
            Refused::Credentials
        );
        for port in [22, 25, 5432, 6379, 9092] {
            let text = format!("http://example.org:{port}/");
            assert_eq!(checked(&text, &[]).unwrap_err(), Refused::Port(port));
        }
        for none in ["", "example", "//example.org", "http://", "http://[::1%lo]/"] {
            assert_eq!(checked(none, &[]).unwrap_err(), Refused::NoAddress, "{none}");
        }
    }

    #[test]
    fn websites_are_and_allowed_networks_too() {
        for text in [
            "https://example.org/a?b=c",
            "HTTP://example.org:8080",
            "http://93.184.216.34/",
            "http://[2606:2800:220:1::1]/",
        ] {
            assert!(checked(text, &[]).is_ok(), "{text}");
        }
        let allowed = ["10.0.0.0/8".parse().expect("a network")];
        assert!(checked("http://10.1.2.3:81/", &allowed).is_ok());
        assert_eq!(
            checked("http://192.168.0.1/", &allowed).unwrap_err(),
            Refused::Private
        );
    }
}
