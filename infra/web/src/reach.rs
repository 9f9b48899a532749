//! How far scripts reach: a client that connects to the public network and to certain others, nowhere else.

use std::net::SocketAddr;
use std::sync::Arc;

use ipnet::IpNet;
use reqwest::dns::{Addrs, Name, Resolve, Resolving};
use reqwest::{Client, redirect};
use url::{Host, Url};

use crate::address::{Own, Refused, check, may_reach};
use crate::{ANSWER_WITHIN, CONNECT_WITHIN};

pub(crate) struct Reach {
    pub client: Client,
    /// Networks that are reached although they are not public.
    pub allowed: Arc<[IpNet]>,
    own: Arc<Own>,
}

impl Reach {
    pub(crate) fn new(allowed: Vec<IpNet>, own: Arc<Own>) -> Result<Reach, reqwest::Error> {
        let allowed: Arc<[IpNet]> = allowed.into();
        let client = Client::builder()
            .user_agent(concat!("botserver/", env!("CARGO_PKG_VERSION")))
            .timeout(ANSWER_WITHIN)
            .connect_timeout(CONNECT_WITHIN)
            // Followed here, where it is known what may be sent where.
            .redirect(redirect::Policy::none())
            .referer(false)
            .no_proxy()
            .dns_resolver(Arc::new(Names {
                allowed: allowed.clone(),
                own: own.clone(),
            }))
            .build()?;
        Ok(Reach { client, allowed, own })
    }

    /// Whether the address may be asked at all. A name is looked up, and what it leads to is checked, when it is
    /// connected to; before that only where an allowed network may excuse its port, or leads to this server.
    pub(crate) async fn check(&self, url: &Url) -> Result<(), Refused> {
        if self.own.answers(url).await {
            return Err(Refused::Own);
        }
        let checked = check(url, &self.allowed);
        let (Err(Refused::Port(port)), Some(Host::Domain(name))) = (&checked, url.host()) else {
            return checked;
        };
        if self.allowed.is_empty() {
            return checked;
        }
        let mut addresses = tokio::net::lookup_host((name, *port))
            .await
            .map_err(|_| Refused::Port(*port))?;
        let within = |address: SocketAddr| self.allowed.iter().any(|network| network.contains(&address.ip()));
        if addresses.all(within) { Ok(()) } else { checked }
    }
}

/// Looks names up, and refuses one as a whole if any of its addresses may not be reached.
struct Names {
    allowed: Arc<[IpNet]>,
    own: Arc<Own>,
}

impl Resolve for Names {
    fn resolve(&self, name: Name) -> Resolving {
        let (allowed, own) = (self.allowed.clone(), self.own.clone());
        Box::pin(async move {
            let addresses: Vec<SocketAddr> = tokio::net::lookup_host((name.as_str(), 0)).await?.collect();
            let refused = |address: &SocketAddr| {
                let excused = allowed.iter().any(|network| network.contains(&address.ip()));
                !may_reach(address.ip(), &allowed) || own.is_at(address.ip()) && !excused
            };
            if addresses.iter().any(refused) {
                tracing::debug!("a name leads to where scripts may not go");
                return Err("it leads to where scripts may not go".into());
            }
            let addresses: Addrs = Box::new(addresses.into_iter());
            Ok(addresses)
        })
    }
}
