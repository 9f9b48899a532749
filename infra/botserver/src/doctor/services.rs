//! What is configured beside the database: Kafka, Valkey.

use std::time::Duration;

use tokio::time::timeout;

use super::Finding;
use crate::config::Config;

const PATIENCE: Duration = Duration::from_secs(15);

pub(super) async fn examine(config: &Config) -> Vec<Finding> {
    let mut findings = Vec::new();
    if let Some(settings) = config.kafka.settings() {
        findings.push(kafka(&settings).await);
    }
    if let Some(url) = &config.valkey.url {
        findings.push(valkey(url).await);
    }
    findings
}

async fn kafka(settings: &streams::Settings) -> Finding {
    const CHECK: &str = "kafka";
    let mend = "start the brokers, or mend kafka.brokers, kafka.tls, kafka.username and kafka.password";
    let Ok(looked) = timeout(PATIENCE, streams::look(settings)).await else {
        return Finding::problem(CHECK, "the brokers do not answer", mend);
    };
    match looked {
        Ok(topics) => {
            let names: Vec<String> = topics
                .iter()
                .map(|topic| format!("{} ({})", topic.name, topic.partitions))
                .collect();
            Finding::ok(
                CHECK,
                format!("topics and their partitions: {}", names.join(", ")),
            )
        }
        Err(error @ streams::StreamError::Missing { .. }) => Finding::warning(
            CHECK,
            error.to_string(),
            "run it, or start a server that may make topics",
        ),
        Err(error @ streams::StreamError::Partitions { .. }) => Finding::problem(
            CHECK,
            error.to_string(),
            "set kafka.partitions to what there is, or kafka.prefix to begin other topics",
        ),
        Err(error) => Finding::problem(CHECK, error.to_string(), mend),
    }
}

async fn valkey(url: &str) -> Finding {
    const CHECK: &str = "valkey";
    match timeout(PATIENCE, valkey::reach(url)).await {
        Ok(Ok(())) => Finding::ok(CHECK, "it answers"),
        Ok(Err(error)) => Finding::warning(
            CHECK,
            format!("it cannot be reached, so each process counts limits for itself: {error}"),
            "start it, or mend valkey.url",
        ),
        Err(_) => Finding::warning(
            CHECK,
            "it does not answer, so each process counts limits for itself",
            "start it, or mend valkey.url",
        ),
    }
}
