//! Topics: their names, who goes where, and making them.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use event_log::SLICES;
use rdkafka::admin::{AdminClient, AdminOptions, NewTopic, TopicReplication};
use rdkafka::client::DefaultClientContext;
use rdkafka::error::RDKafkaErrorCode;
use rdkafka::{Offset, TopicPartitionList};

use crate::{Settings, StreamError};

/// How long a request to the brokers may take.
pub(crate) const ASKING: Duration = Duration::from_secs(10);
/// How long a topic that exists may be unknown to the broker that is asked.
const KNOWN_WITHIN: Duration = Duration::from_secs(3);

/// The two topics of facts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Topic {
    /// What happens in conversations and around them.
    Events,
    /// What those who must account for the system look at: refused access, tokens, what operators repaired.
    Compliance,
}

impl Topic {
    pub const ALL: [Topic; 2] = [Topic::Events, Topic::Compliance];

    /// Where the events of a noun go.
    pub fn of(aggregate_type: &str) -> Topic {
        if domain::COMPLIANCE.contains(&aggregate_type) {
            Topic::Compliance
        } else {
            Topic::Events
        }
    }

    /// As it is named within the relay's mark.
    pub fn as_str(self) -> &'static str {
        match self {
            Topic::Events => "events",
            Topic::Compliance => "compliance",
        }
    }

    pub fn name(self, settings: &Settings) -> String {
        format!("{}.{}.v1", settings.prefix, self.as_str())
    }
}

/// The topic in which the relay keeps how far it is.
pub(crate) fn relay_topic(settings: &Settings) -> String {
    format!("{}.relay.v1", settings.prefix)
}

/// The partition of a slice: each partition has a range of slices, so that it is a share of the read models too.
pub fn partition_of(slice: u16, partitions: u16) -> u16 {
    let partition = u32::from(slice) * u32::from(partitions) / u32::from(SLICES);
    u16::try_from(partition).unwrap_or(u16::MAX)
}

/// The slices of a partition: from, and up to but not including.
pub fn slices_of(partition: u16, partitions: u16) -> (u16, u16) {
    let first = |partition: u16| {
        let slices = u32::from(partition) * u32::from(SLICES);
        u16::try_from(slices.div_ceil(u32::from(partitions.max(1)))).unwrap_or(SLICES)
    };
    (first(partition), first(partition + 1))
}

/// A topic, and whether it had to be made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TopicState {
    pub name: String,
    pub partitions: usize,
    pub made: Made,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Made {
    Now,
    Before,
}

/// Makes the topics that are missing: partitions, retention, replication. Those there are stay as they are; one with
/// another number of partitions is refused.
pub async fn init(settings: &Settings) -> Result<Vec<TopicState>, StreamError> {
    let admin: AdminClient<DefaultClientContext> = settings.client().create()?;
    let wanted = wanted(settings);
    let new: Vec<NewTopic<'_>> = wanted.iter().map(Wanted::new_topic).collect();
    let mut made = BTreeMap::new();
    for result in admin.create_topics(&new, &options()).await? {
        match result {
            Ok(name) => drop(made.insert(name, Made::Now)),
            // Who may not make topics finds those that others made.
            Err((
                name,
                RDKafkaErrorCode::TopicAlreadyExists
                | RDKafkaErrorCode::TopicAuthorizationFailed
                | RDKafkaErrorCode::ClusterAuthorizationFailed,
            )) => drop(made.insert(name, Made::Before)),
            Err((name, code)) => {
                return Err(StreamError::Refused(format!(
                    "Kafka does not make the topic {name}: {code}"
                )));
            }
        }
    }
    found(admin, wanted, made).await
}

/// Looks at the topics and changes nothing. One that is missing or has another number of partitions is an error.
pub async fn look(settings: &Settings) -> Result<Vec<TopicState>, StreamError> {
    let admin: AdminClient<DefaultClientContext> = settings.client().create()?;
    found(admin, wanted(settings), BTreeMap::new()).await
}

async fn found(
    admin: AdminClient<DefaultClientContext>,
    wanted: Vec<Wanted>,
    mut made: BTreeMap<String, Made>,
) -> Result<Vec<TopicState>, StreamError> {
    // What somebody just made may not be known everywhere yet.
    let is_known = |found: &BTreeMap<String, usize>| {
        let mut made = wanted.iter().filter(|wanted| made.contains_key(&wanted.name));
        made.all(|wanted| found.contains_key(&wanted.name))
    };
    let admin = Arc::new(admin);
    let began = Instant::now();
    let found = loop {
        let asked = admin.clone();
        let found = tokio::task::spawn_blocking(move || partitions(&asked)).await;
        let found = found.map_err(|_| StreamError::Timeout)??;
        if is_known(&found) || began.elapsed() > KNOWN_WITHIN {
            break found;
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    };
    let mut states = Vec::new();
    for Wanted { name, partitions, .. } in wanted {
        let expected = usize::from(partitions);
        let made = made.remove(&name).unwrap_or(Made::Before);
        let partitions = match found.get(&name) {
            Some(partitions) => *partitions,
            None if made == Made::Now => expected,
            None => return Err(StreamError::Missing { topic: name }),
        };
        if partitions != expected {
            return Err(StreamError::Partitions {
                topic: name,
                found: partitions,
                expected,
            });
        }
        states.push(TopicState {
            name,
            partitions,
            made,
        });
    }
    Ok(states)
}

/// Deletes the records of a topic.
pub(crate) async fn clear(settings: &Settings, topic: Topic, ends: &[(i64, i64)]) -> Result<(), StreamError> {
    let mut offsets = TopicPartitionList::new();
    for (partition, (low, high)) in (0..).zip(ends) {
        if low < high {
            offsets.add_partition_offset(&topic.name(settings), partition, Offset::Offset(*high))?;
        }
    }
    if offsets.count() == 0 {
        return Ok(());
    }
    let admin: AdminClient<DefaultClientContext> = settings.client().create()?;
    let deleted = admin.delete_records(&offsets, &options()).await?;
    for partition in deleted.elements() {
        partition.error()?;
    }
    Ok(())
}

fn options() -> AdminOptions {
    AdminOptions::new()
        .request_timeout(Some(ASKING))
        .operation_timeout(Some(ASKING))
}

/// The number of partitions of every topic.
fn partitions(admin: &AdminClient<DefaultClientContext>) -> Result<BTreeMap<String, usize>, StreamError> {
    let metadata = admin.inner().fetch_metadata(None, ASKING)?;
    let topics = metadata.topics().iter();
    Ok(topics
        .map(|topic| (topic.name().to_owned(), topic.partitions().len()))
        .collect())
}

struct Wanted {
    name: String,
    partitions: u16,
    replication: u16,
    config: Vec<(&'static str, String)>,
}

impl Wanted {
    fn new_topic(&self) -> NewTopic<'_> {
        let replication = TopicReplication::Fixed(self.replication.into());
        let new = NewTopic::new(&self.name, self.partitions.into(), replication);
        self.config
            .iter()
            .fold(new, |new, (key, value)| new.set(key, value))
    }
}

fn wanted(settings: &Settings) -> Vec<Wanted> {
    let retention = |topic| match topic {
        Topic::Events => settings.events_retention,
        Topic::Compliance => settings.compliance_retention,
    };
    let in_sync = if settings.replication > 2 { "2" } else { "1" };
    let facts = Topic::ALL.map(|topic| Wanted {
        name: topic.name(settings),
        partitions: settings.partitions,
        replication: settings.replication,
        config: vec![
            ("cleanup.policy", "delete".to_owned()),
            ("retention.ms", retention(topic).as_millis().to_string()),
            ("min.insync.replicas", in_sync.to_owned()),
            // More than the largest event of the log with its headers; brokers take less by themselves.
            ("max.message.bytes", "4194304".to_owned()),
            // The moment of a record is its event's: a log that is relayed late expires as if it had not been.
            ("message.timestamp.type", "CreateTime".to_owned()),
        ],
    });
    let relay = Wanted {
        name: relay_topic(settings),
        partitions: 1,
        replication: settings.replication,
        config: vec![
            ("cleanup.policy", "compact".to_owned()),
            ("min.insync.replicas", in_sync.to_owned()),
            ("segment.bytes", "16777216".to_owned()),
        ],
    };
    facts.into_iter().chain([relay]).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_partition_is_a_range_of_slices_and_every_slice_has_one() {
        for partitions in [1, 3, 7, 24, 48, 1024] {
            let mut next = 0;
            for partition in 0..partitions {
                let (from, to) = slices_of(partition, partitions);
                assert_eq!(from, next);
                assert!((from..to).all(|slice| partition_of(slice, partitions) == partition));
                next = to;
            }
            assert_eq!(next, SLICES);
        }
    }
}
