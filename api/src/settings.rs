//! What the edge is told at start.

use std::num::NonZeroU32;
use std::sync::Arc;
use std::time::Duration;

use domain::OrganisationId;
use ipnet::IpNet;

use crate::{SharedCounts, SharedPresence};

#[derive(Debug, Clone)]
pub struct Settings {
    /// Whose bots the pages, `/api/auth` and `/ws/{bot}` mean.
    pub default_organisation: OrganisationId,
    /// The bot of `/`, by name.
    pub default_bot: Option<String>,
    /// Where the world reaches this server. With `https`, browsers are told to stay with it.
    pub public_url: Option<String>,
    /// Only what these say of a client's address is believed.
    pub trusted_proxies: Vec<IpNet>,
    /// Whose pages may show the chat page in a frame: origins, or `*` for everyone's. The server's own always may.
    pub embed_origins: Vec<String>,
    pub limits: Limits,
    /// Where limits of rate are counted together with other processes.
    pub counts: Option<Arc<dyn SharedCounts>>,
    /// Where processes tell each other who is there.
    pub presence: Option<Arc<dyn SharedPresence>>,
    pub graphql: GraphqlLimits,
}

#[derive(Debug, Clone)]
pub struct Limits {
    /// One message of a person, in bytes of UTF-8.
    pub message_bytes_max: usize,
    /// Messages of one session.
    pub messages_per_minute_max: NonZeroU32,
    pub sockets_per_session_max: usize,
    pub sockets_max: usize,
    /// The body of one request.
    pub body_bytes_max: usize,
    /// One uploaded file.
    pub file_bytes_max: u64,
    /// The files of one session together.
    pub session_file_bytes_max: u64,
    /// Uploads of one session.
    pub files_per_minute_max: NonZeroU32,
    /// Uploads of this process at a time; each holds up to 5 MiB.
    pub uploads_max: usize,
    /// Calls of `/api/auth` from one address.
    pub visits_per_minute_max: NonZeroU32,
    /// Calls of webhooks and forms from one address.
    pub calls_per_minute_max: NonZeroU32,
    /// Refused credentials from one address.
    pub failures_per_minute_max: NonZeroU32,
    /// How long a body may take to arrive.
    pub body_within: Duration,
    /// How long an answer may take to be made.
    pub answer_within: Duration,
    /// How long a file may take to arrive. It must not pause longer than `body_within`.
    pub upload_within: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        let number = |n| NonZeroU32::new(n).expect("is not zero");
        Self {
            message_bytes_max: 16 * 1024,
            messages_per_minute_max: number(60),
            sockets_per_session_max: 8,
            sockets_max: 10_000,
            body_bytes_max: 256 * 1024,
            file_bytes_max: 25 << 20,
            session_file_bytes_max: 250 << 20,
            files_per_minute_max: number(30),
            uploads_max: 32,
            // An office behind one address opens its pages within a minute.
            visits_per_minute_max: number(120),
            calls_per_minute_max: number(600),
            failures_per_minute_max: number(60),
            body_within: Duration::from_secs(15),
            answer_within: Duration::from_secs(30),
            upload_within: Duration::from_secs(600),
        }
    }
}

#[derive(Debug, Clone)]
pub struct GraphqlLimits {
    pub depth_max: usize,
    pub complexity_max: usize,
    pub introspection: bool,
    /// Sockets of one API token in this process.
    pub sockets_per_token_max: usize,
    /// Subscriptions and queries that one socket may have open at a time.
    pub operations_per_socket_max: usize,
}

impl Default for GraphqlLimits {
    fn default() -> Self {
        Self {
            depth_max: 12,
            complexity_max: 10_000,
            introspection: false,
            sockets_per_token_max: 100,
            operations_per_socket_max: 50,
        }
    }
}

impl Settings {
    /// Everything at its default, for one organisation.
    pub fn new(default_organisation: OrganisationId) -> Self {
        Self {
            default_organisation,
            default_bot: None,
            public_url: None,
            trusted_proxies: Vec::new(),
            embed_origins: Vec::new(),
            limits: Limits::default(),
            counts: None,
            presence: None,
            graphql: GraphqlLimits::default(),
        }
    }
}
