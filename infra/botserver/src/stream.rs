//! Commands for the operator about the stream to Kafka.

use std::io::Write;

use anyhow::{Context as _, bail};
use chrono::SecondsFormat;
use streams::Made;

use crate::administration::{feed, reach};
use crate::config::Config;

/// `botserver stream init`.
pub async fn init(config: &Config, out: &mut dyn Write) -> anyhow::Result<()> {
    let Some(settings) = config.kafka.settings() else {
        bail!("no brokers are configured: set kafka.brokers, for example --kafka kafka.example.org:9092");
    };
    for topic in streams::init(&settings).await? {
        let made = match topic.made {
            Made::Now => "made",
            Made::Before => "was there",
        };
        writeln!(
            out,
            "{:<40} {:>4} partitions  {made}",
            topic.name, topic.partitions
        )?;
    }
    for rule in streams::allow(&settings).await? {
        writeln!(out, "{rule}")?;
    }
    Ok(())
}

/// `botserver stream status`.
pub async fn status(config: &Config, out: &mut dyn Write) -> anyhow::Result<()> {
    let (database, pools) = reach(config).await?;
    let head = feed(&pools)
        .head()
        .await
        .context("the event log cannot be read")?;
    let mut connection = pools.log.acquire().await?;
    let streams = projections::streams(&mut connection, head)
        .await
        .context("the stream's state cannot be read")?;
    drop(connection);
    if streams.is_empty() {
        writeln!(out, "nothing was ever streamed from this database")?;
    }
    for stream in streams {
        let moment =
            |moment: chrono::DateTime<chrono::Utc>| moment.to_rfc3339_opts(SecondsFormat::Secs, true);
        writeln!(
            out,
            "{}: {}, position {}, {} events behind, last relayed {}",
            stream.name,
            if stream.relaying {
                "relaying"
            } else {
                "nobody relays"
            },
            stream.position,
            stream.lag_events,
            stream.relayed_at.map_or_else(|| "never".to_owned(), moment),
        )?;
        if let Some(failure) = stream.failure {
            writeln!(
                out,
                "  stands still since attempt 1 of {}, at {}: {}",
                failure.attempts,
                moment(failure.at),
                failure.error
            )?;
        }
        for fork in stream.forks {
            writeln!(
                out,
                "  epoch {} began after position {}: the log had been put back; up to {} in Kafka is void ({})",
                fork.epoch,
                fork.position,
                fork.abandoned,
                moment(fork.found_at)
            )?;
        }
    }
    database.stop().await
}
