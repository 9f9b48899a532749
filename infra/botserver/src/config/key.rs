//! The settings: what each may be, in one table.

use std::{net::IpAddr, str::FromStr};

use ipnet::IpNet;
use sqlx::postgres::PgConnectOptions;
use toml::Value;
use tracing_subscriber::EnvFilter;

/// One setting.
#[derive(Debug)]
pub struct Key {
    /// `section.key`, as in the file.
    pub name: &'static str,
    pub example: &'static str,
    /// Of the command line, without its dashes, where the setting is a common one.
    pub flag: Option<&'static str>,
    pub(super) kind: Kind,
    /// May be absent.
    pub(super) optional: bool,
    /// Never printed.
    pub(super) secret: bool,
}

#[derive(Debug, Clone, Copy)]
pub(super) enum Kind {
    Path,
    Host,
    Integer(i64, i64),
    Bool,
    Choice(&'static [&'static str]),
    Name,
    Filter,
    HttpUrl,
    /// Without encryption.
    PlainUrl,
    DatabaseUrl,
    Networks,
    Origins,
    /// Several words out of some.
    Choices(&'static [&'static str]),
    /// Addresses with their ports.
    Brokers,
    /// Names of topics and those who read them.
    Word,
    Principals,
    Secret,
    ValkeyUrl,
}

use Kind::{
    Bool, Brokers, Choice, Choices, DatabaseUrl, Filter, Host, HttpUrl, Integer, Name, Networks, Origins,
    Path, PlainUrl, Principals, Secret, ValkeyUrl, Word,
};

/// What a process may do, each part by itself.
pub const ROLES: &[&str] = &["api", "run", "project", "relay", "jobs"];

const fn set(name: &'static str, kind: Kind, example: &'static str) -> Key {
    Key {
        name,
        example,
        flag: None,
        kind,
        optional: false,
        secret: false,
    }
}

const fn optional(name: &'static str, kind: Kind, example: &'static str) -> Key {
    Key {
        optional: true,
        ..set(name, kind, example)
    }
}

const fn secret(name: &'static str, kind: Kind, example: &'static str) -> Key {
    Key {
        optional: true,
        secret: true,
        ..set(name, kind, example)
    }
}

/// Every setting, in the order of the file.
pub const KEYS: &[Key] = &[
    optional("data_dir", Path, "/var/lib/botserver").flagged("data"),
    set("server.host", Host, "127.0.0.1").flagged("host"),
    set("server.port", Integer(0, 65_535), "8080").flagged("port"),
    optional("server.public_url", HttpUrl, "https://bots.example.org").flagged("public-url"),
    set("server.roles", Choices(ROLES), "api").flagged("roles"),
    set("server.drain_seconds", Integer(0, 600), "5"),
    set("server.trusted_proxies", Networks, "10.0.0.0/8"),
    set("server.embed_origins", Origins, "https://www.example.org"),
    secret(
        "database.url",
        DatabaseUrl,
        "postgres://name:password@db.example.org/botserver",
    )
    .flagged("database-url"),
    secret(
        "database.read_url",
        DatabaseUrl,
        "postgres://name:password@replica.example.org/botserver",
    ),
    set("database.connections_max", Integer(4, 10_000), "20"),
    optional("keys.file", Path, "/var/lib/botserver/master.key").flagged("keys"),
    optional("bots.dir", Path, "/var/lib/botserver/bots").flagged("bots"),
    optional("bots.default", Name, "shop").flagged("default-bot"),
    optional("blobs.dir", Path, "/srv/botserver/blobs"),
    set("kafka.brokers", Brokers, "kafka1.example.org:9092").flagged("kafka"),
    set("kafka.prefix", Word, "botserver"),
    set("kafka.partitions", Integer(1, 1_024), "24"),
    set("kafka.replication", Integer(1, 10), "3"),
    set("kafka.events_retention_hours", Integer(1, 87_600), "504"),
    set("kafka.compliance_retention_hours", Integer(1, 87_600), "2160"),
    set("kafka.readers", Principals, "User:analytics"),
    set("kafka.compliance_readers", Principals, "User:audit"),
    set("kafka.tls", Bool, "true"),
    optional("kafka.ca_file", Path, "/etc/ssl/kafka.pem"),
    set(
        "kafka.mechanism",
        Choice(&["PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512"]),
        "SCRAM-SHA-512",
    ),
    optional("kafka.username", Name, "botserver"),
    secret("kafka.password", Secret, "…"),
    secret(
        "valkey.url",
        ValkeyUrl,
        "redis://:password@valkey.example.org:6379",
    )
    .flagged("valkey"),
    set("valkey.prefix", Word, "botserver"),
    set("log.format", Choice(&["text", "json"]), "text").flagged("log-format"),
    set("log.filter", Filter, "info,commands=debug").flagged("log-level"),
    optional(
        "telemetry.endpoint",
        PlainUrl,
        "http://collector.example.org:4318",
    ),
    set("telemetry.sample_percent", Integer(0, 100), "10"),
    set("web.enabled", Bool, "false"),
    set("web.allowed_networks", Networks, "10.0.0.0/8"),
    set("limits.message_bytes_max", Integer(1, 1 << 20), "16384"),
    set("limits.messages_per_minute_max", Integer(1, 100_000), "60"),
    set("limits.sockets_per_session_max", Integer(1, 1_000), "5"),
    set("limits.sockets_max", Integer(1, 1_000_000), "20000"),
    set("limits.body_bytes_max", Integer(1 << 10, 1 << 30), "262144"),
    set("limits.file_bytes_max", Integer(1 << 10, 1 << 30), "26214400"),
    set(
        "limits.session_file_bytes_max",
        Integer(1 << 10, 1 << 40),
        "262144000",
    ),
    set("limits.files_per_minute_max", Integer(1, 100_000), "30"),
    set("limits.drive_bytes_max", Integer(1 << 20, 1 << 40), "1073741824"),
    set(
        "limits.script_steps_max",
        Integer(1_000, 10_000_000_000),
        "10000000",
    ),
    set("limits.script_memory_mib_max", Integer(1, 4_096), "64"),
    set("limits.script_seconds_max", Integer(1, 3_600), "30"),
    set("graphql.depth_max", Integer(1, 100), "12"),
    set("graphql.complexity_max", Integer(1, 1_000_000), "10000"),
    set("graphql.introspection", Bool, "true"),
    set("graphql.sockets_per_token_max", Integer(1, 100_000), "100"),
    set("graphql.operations_per_socket_max", Integer(1, 1_000), "50"),
    set("conversation.idle_minutes", Integer(1, 10_080), "30"),
    set("organisation.name", Name, "default").flagged("organisation"),
];

impl Key {
    const fn flagged(self, flag: &'static str) -> Key {
        Key {
            flag: Some(flag),
            ..self
        }
    }

    /// The part before the dot; nothing for a setting of no section.
    pub fn section(&self) -> Option<&'static str> {
        self.name.split_once('.').map(|(section, _)| section)
    }

    pub fn find(name: &str) -> Option<&'static Key> {
        KEYS.iter().find(|key| key.name == name)
    }

    /// The variable of the environment: underscores within a key make the name ambiguous, so it is never split.
    pub fn variable(&self) -> String {
        format!("BOTSERVER_{}", self.name.replace('.', "_").to_uppercase())
    }

    /// What a value has to be, with an example, as the end of a sentence.
    pub fn expectation(&self) -> String {
        format!("{}, for example {}", self.form(), self.example_line())
    }

    /// What a value has to be.
    pub fn form(&self) -> String {
        match self.kind {
            Path => "a path".to_owned(),
            Host => "an address or host name without port".to_owned(),
            Integer(min, max) => format!("a whole number from {min} to {max}"),
            Bool => "true or false".to_owned(),
            Choice(words) => words
                .iter()
                .map(|word| format!("{word:?}"))
                .collect::<Vec<_>>()
                .join(" or "),
            Name => "a name of 1 to 100 characters".to_owned(),
            Filter => "a level (error, warn, info, debug, trace), also by part".to_owned(),
            HttpUrl => "http:// or https:// with a host, and no path".to_owned(),
            PlainUrl => "http:// with a host, and no path".to_owned(),
            DatabaseUrl => "an address of PostgreSQL".to_owned(),
            Networks => "a list of addresses or networks".to_owned(),
            Choices(words) => format!("a list of some of {}", words.join(", ")),
            Brokers => "a list of hosts, each with its port".to_owned(),
            Word => "1 to 100 letters, digits, dots, dashes and underscores".to_owned(),
            Principals => "a list of principals of Kafka, each a kind and a name".to_owned(),
            Secret => "a text".to_owned(),
            ValkeyUrl => "an address of Valkey or Redis".to_owned(),
            Origins => "a list of http:// or https:// with a host, or of \"*\" for all".to_owned(),
        }
    }

    /// The example as a line of the file, without its section.
    pub fn example_line(&self) -> String {
        let value = match self.kind {
            Integer(..) | Bool => self.example.to_owned(),
            Networks | Origins | Choices(_) | Brokers | Principals => format!("[{:?}]", self.example),
            _ => format!("{:?}", self.example),
        };
        format!("{} = {value}", self.name)
    }

    /// What a text of the environment stands for; a text that fits nothing stays one, and is refused as such.
    pub(super) fn parse(&self, text: &str) -> Value {
        let plain = text.trim();
        let value = match self.kind {
            Integer(..) => plain.parse().ok().map(Value::Integer),
            Bool => plain.parse().ok().map(Value::Boolean),
            Networks | Origins | Choices(_) | Brokers | Principals => {
                let parts = plain.split(',').map(str::trim).filter(|part| !part.is_empty());
                Some(Value::Array(
                    parts.map(|part| Value::String(part.to_owned())).collect(),
                ))
            }
            _ => None,
        };
        value.unwrap_or_else(|| Value::String(text.to_owned()))
    }

    pub(super) fn accepts(&self, value: &Value) -> bool {
        match (self.kind, value) {
            (Integer(min, max), Value::Integer(number)) => (min..=max).contains(number),
            (Bool, Value::Boolean(_)) => true,
            (Networks, Value::Array(parts)) => parts
                .iter()
                .all(|part| part.as_str().is_some_and(|text| network(text).is_some())),
            (Origins, Value::Array(parts)) => all(parts, is_origin),
            (Choices(words), Value::Array(parts)) => {
                !parts.is_empty() && all(parts, |text| words.contains(&text))
            }
            (Brokers, Value::Array(parts)) => all(parts, is_broker),
            (Principals, Value::Array(parts)) => all(parts, is_principal),
            (_, Value::String(text)) => self.accepts_text(text),
            _ => false,
        }
    }

    fn accepts_text(&self, text: &str) -> bool {
        match self.kind {
            Path => !text.is_empty() && !text.contains('\0'),
            Host => is_host(text),
            Choice(words) => words.contains(&text),
            Name => {
                !text.trim().is_empty() && text.chars().count() <= 100 && !text.chars().any(char::is_control)
            }
            Filter => !text.trim().is_empty() && EnvFilter::try_new(text).is_ok(),
            HttpUrl => is_http_url(text),
            PlainUrl => text.starts_with("http://") && is_http_url(text),
            DatabaseUrl => {
                (text.starts_with("postgres://") || text.starts_with("postgresql://"))
                    && PgConnectOptions::from_str(text).is_ok()
            }
            Word => {
                let fits = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_');
                (1..=100).contains(&text.len()) && text.chars().all(fits)
            }
            ValkeyUrl => text.starts_with("redis://") && valkey::is_url(text),
            Secret => !text.is_empty() && !text.chars().any(char::is_control),
            Integer(..) | Bool | Networks | Origins | Choices(_) | Brokers | Principals => false,
        }
    }
}

fn all(parts: &[Value], fits: impl Fn(&str) -> bool) -> bool {
    parts.iter().all(|part| part.as_str().is_some_and(&fits))
}

/// `host:port`; an IPv6 address in brackets.
fn is_broker(text: &str) -> bool {
    let Some((host, port)) = text.rsplit_once(':') else {
        return false;
    };
    let host_fits = match host.strip_prefix('[').and_then(|host| host.strip_suffix(']')) {
        Some(address) => address.parse::<std::net::Ipv6Addr>().is_ok(),
        None => is_host(host) && !host.contains(':'),
    };
    host_fits && port.parse::<u16>().is_ok_and(|port| port > 0)
}

/// Such as `User:analytics`.
fn is_principal(text: &str) -> bool {
    text.split_once(':').is_some_and(|(kind, name)| {
        !kind.is_empty() && !name.is_empty() && !text.chars().any(char::is_control)
    })
}

/// A network, or a single address as the network of itself.
pub(super) fn network(text: &str) -> Option<IpNet> {
    text.parse()
        .ok()
        .or_else(|| text.parse::<IpAddr>().ok().map(IpNet::from))
}

fn is_host(text: &str) -> bool {
    let label = |part: &str| {
        let inner = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '_';
        (1..=63).contains(&part.len())
            && part.chars().all(inner)
            && !part.starts_with('-')
            && !part.ends_with('-')
    };
    if text.parse::<IpAddr>().is_ok() {
        return true;
    }
    // Four numbers that are no address, such as 127.0.0.256, are no name either.
    let numbers = text.chars().all(|c| c.is_ascii_digit() || c == '.');
    !numbers && text.len() <= 253 && text.split('.').all(label)
}

/// Whose pages may frame the chat: everyone's, those of a host, or those of all hosts below one.
fn is_origin(text: &str) -> bool {
    text == "*" || is_http_url(&text.replacen("://*.", "://", 1))
}

/// Written out because nothing else needs a library for addresses, and a path or query would be a mistake here.
fn is_http_url(text: &str) -> bool {
    let Some(rest) = text
        .strip_prefix("https://")
        .or_else(|| text.strip_prefix("http://"))
    else {
        return false;
    };
    let rest = rest.strip_suffix('/').unwrap_or(rest);
    let (host, port) = match rest.rsplit_once(':') {
        Some((host, port)) if !port.ends_with(']') => (host, Some(port)),
        _ => (rest, None),
    };
    let host_fits = match host.strip_prefix('[').and_then(|host| host.strip_suffix(']')) {
        Some(address) => address.parse::<std::net::Ipv6Addr>().is_ok(),
        None => is_host(host) && !host.contains(':'),
    };
    host_fits && port.is_none_or(|port| port.parse::<u16>().is_ok_and(|port| port > 0))
}

/// The setting whose name is most like `name`, which is a mistyped one.
pub(super) fn nearest(name: &str) -> &'static Key {
    most_like(name, KEYS.iter(), |key| key.name.to_owned())
}

pub(super) fn nearest_variable(name: &str) -> &'static Key {
    most_like(name, KEYS.iter(), |key| key.variable())
}

pub(super) fn nearest_section(name: &str) -> &'static str {
    most_like(name, KEYS.iter().filter_map(Key::section), |section| {
        (*section).to_owned()
    })
}

fn most_like<T>(name: &str, among: impl Iterator<Item = T>, spelling: impl Fn(&T) -> String) -> T {
    // Names may be of any length; those that nobody mistypes need not be compared whole.
    let name: Vec<char> = name.chars().take(100).collect();
    among
        .min_by_key(|one| distance(&name, &spelling(one).chars().collect::<Vec<_>>()))
        .expect("the table of settings is not empty")
}

/// How many letters have to be put in, taken out or replaced (Levenshtein).
fn distance(one: &[char], other: &[char]) -> usize {
    let mut row: Vec<usize> = (0..=other.len()).collect();
    for (i, a) in one.iter().enumerate() {
        let mut diagonal = row[0];
        row[0] = i + 1;
        for (j, b) in other.iter().enumerate() {
            let replaced = diagonal + usize::from(a != b);
            diagonal = row[j + 1];
            row[j + 1] = replaced.min(diagonal + 1).min(row[j] + 1);
        }
    }
    row[other.len()]
}
