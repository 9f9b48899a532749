//! How Kafka is reached, and what the topics are like.

use std::fmt;
use std::path::PathBuf;
use std::time::Duration;

use rdkafka::config::RDKafkaLogLevel;
use rdkafka::consumer::ConsumerContext;
use rdkafka::error::KafkaError;
use rdkafka::{ClientConfig, ClientContext};

/// A client that says nothing by itself: whoever calls it tells what matters.
#[derive(Clone, Default)]
pub(crate) struct Quiet;

impl ClientContext for Quiet {
    fn error(&self, error: KafkaError, reason: &str) {
        tracing::debug!(%error, reason, "Kafka");
    }
}

impl ConsumerContext for Quiet {}

/// Everything about the stream that is configured.
#[derive(Debug, Clone)]
pub struct Settings {
    /// `host:port` of some of the brokers.
    pub brokers: Vec<String>,
    /// What topics, groups and the producer's id begin with.
    pub prefix: String,
    pub security: Security,
    /// Of each topic, for life.
    pub partitions: u16,
    pub replication: u16,
    /// How long ordinary and compliance facts stay in Kafka.
    pub events_retention: Duration,
    pub compliance_retention: Duration,
    /// Who may read the topic of ordinary facts, and that of compliance facts: principals such as `User:analytics`.
    pub readers: Vec<String>,
    pub compliance_readers: Vec<String>,
}

#[derive(Debug, Clone, Default)]
pub struct Security {
    /// Encrypted, with the certificates of this file, or the system's, believed.
    pub tls: bool,
    pub ca_file: Option<PathBuf>,
    pub sasl: Option<Sasl>,
}

/// A name and a password. Never shown.
#[derive(Clone)]
pub struct Sasl {
    /// `PLAIN`, `SCRAM-SHA-256` or `SCRAM-SHA-512`.
    pub mechanism: String,
    pub username: String,
    pub password: String,
}

impl fmt::Debug for Sasl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Sasl")
            .field("mechanism", &self.mechanism)
            .field("username", &self.username)
            .finish_non_exhaustive()
    }
}

impl Settings {
    /// As the configuration's defaults are.
    pub fn new(brokers: Vec<String>) -> Self {
        let days = |days: u64| Duration::from_secs(days * 24 * 60 * 60);
        Self {
            brokers,
            prefix: "botserver".to_owned(),
            security: Security::default(),
            partitions: 24,
            replication: 1,
            events_retention: days(21),
            compliance_retention: days(90),
            readers: Vec::new(),
            compliance_readers: Vec::new(),
        }
    }

    /// The id by which Kafka tells one relay from the next.
    pub(crate) fn transactional_id(&self) -> String {
        format!("{}.relay", self.prefix)
    }

    /// What every client has in common.
    pub(crate) fn client(&self) -> ClientConfig {
        let mut config = ClientConfig::new();
        config
            .set("bootstrap.servers", self.brokers.join(","))
            .set("client.id", "botserver")
            // A broker that comes back is found within a second, whatever it was away for.
            .set("reconnect.backoff.max.ms", "1000")
            .set("topic.metadata.refresh.interval.ms", "30000")
            .set("socket.keepalive.enable", "true");
        // What matters is told by whoever calls.
        config.set_log_level(RDKafkaLogLevel::Error);
        let security = &self.security;
        let protocol = match (security.tls, security.sasl.is_some()) {
            (false, false) => "plaintext",
            (true, false) => "ssl",
            (false, true) => "sasl_plaintext",
            (true, true) => "sasl_ssl",
        };
        config.set("security.protocol", protocol);
        if let Some(file) = &security.ca_file {
            config.set("ssl.ca.location", file.display().to_string());
        }
        if let Some(sasl) = &security.sasl {
            config
                .set("sasl.mechanism", &sasl.mechanism)
                .set("sasl.username", &sasl.username)
                .set("sasl.password", &sasl.password);
        }
        config
    }

    /// A producer whose records are there once and in order, or not at all.
    pub(crate) fn producer(&self) -> ClientConfig {
        let mut config = self.client();
        config
            .set("transactional.id", self.transactional_id())
            .set("enable.idempotence", "true")
            .set("acks", "all")
            .set("max.in.flight.requests.per.connection", "5")
            .set("transaction.timeout.ms", "60000")
            // Longer than a broker needs to come back, and at most what the transaction may take.
            .set("message.timeout.ms", "55000")
            // A topic that is gone is given up soon, to be made again.
            .set("topic.metadata.propagation.max.ms", "5000")
            .set("compression.type", "lz4")
            .set("linger.ms", "2")
            .set("batch.size", "1000000")
            .set("queue.buffering.max.messages", "20000")
            .set("message.max.bytes", "4000000");
        config
    }

    /// A reader of what is committed, from wherever it is told, that says when it has reached the end.
    pub(crate) fn reader(&self) -> ClientConfig {
        let mut config = self.client();
        config
            .set("group.id", format!("{}.relay", self.prefix))
            .set("isolation.level", "read_committed")
            .set("enable.auto.commit", "false")
            .set("enable.partition.eof", "true")
            .set("auto.offset.reset", "earliest")
            .set("fetch.wait.max.ms", "50");
        config
    }
}
