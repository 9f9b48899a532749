//! Reading Kafka as the relay does when it begins: the mark, the ends of topics. Everything here blocks.

use std::time::{Duration, Instant};

use event_log::Position;
use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rdkafka::message::Message;
use rdkafka::{Offset, TopicPartitionList};

use crate::mark::{KEY, Mark};
use crate::record::{Record, read};
use crate::settings::Quiet;
use crate::topics::{ASKING, relay_topic};
use crate::{Settings, StreamError, Topic};

/// Offsets looked through for the last record of a partition, at first: marks of transactions take offsets too.
const TAIL: i64 = 64;
/// How long a partition may bring nothing before it is given up.
const SILENCE: Duration = Duration::from_secs(20);

/// What a topic of facts holds.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Ends {
    /// By partition: its first offset, and the one after its last.
    pub offsets: Vec<(i64, i64)>,
}

/// The last position of a partition with its leaf; None where there is none.
pub(crate) type Reached = Option<(Position, [u8; 32])>;

/// A reader of what is committed.
pub(crate) struct Reading<'a> {
    settings: &'a Settings,
    consumer: BaseConsumer<Quiet>,
}

impl<'a> Reading<'a> {
    pub fn new(settings: &'a Settings) -> Result<Self, StreamError> {
        Ok(Self {
            settings,
            consumer: settings.reader().create_with_context(Quiet)?,
        })
    }

    /// The number of partitions of a topic.
    pub fn partitions(&self, topic: &str) -> Result<usize, StreamError> {
        let metadata = self.consumer.fetch_metadata(Some(topic), ASKING)?;
        let found = metadata.topics().iter().find(|found| found.name() == topic);
        let found = found.filter(|found| found.error().is_none());
        match found.map(|found| found.partitions().len()) {
            None | Some(0) => Err(StreamError::Missing {
                topic: topic.to_owned(),
            }),
            Some(partitions) => Ok(partitions),
        }
    }

    /// Where a topic's partitions begin and end.
    pub fn ends(&self, topic: Topic) -> Result<Ends, StreamError> {
        let name = topic.name(self.settings);
        let partitions = self.partitions(&name)?;
        let expected = usize::from(self.settings.partitions);
        if partitions != expected {
            return Err(StreamError::Partitions {
                topic: name,
                found: partitions,
                expected,
            });
        }
        let ends = |partition: usize| {
            let partition = i32::try_from(partition).unwrap_or(i32::MAX);
            self.consumer.fetch_watermarks(&name, partition, ASKING)
        };
        let offsets = (0..partitions).map(ends).collect::<Result<_, _>>()?;
        Ok(Ends { offsets })
    }

    /// The last mark; None where there is none.
    pub fn mark(&self) -> Result<Option<Mark>, StreamError> {
        let topic = relay_topic(self.settings);
        self.partitions(&topic)?;
        let (low, high) = self.consumer.fetch_watermarks(&topic, 0, ASKING)?;
        let mut mark = None;
        self.tail(&topic, 0, low, high, |message| {
            if message.key() == Some(KEY.as_bytes())
                && let Some(value) = message.payload()
            {
                let read = serde_json::from_slice(value).map_err(|_| StreamError::Record {
                    topic: topic.clone(),
                    what: "the mark",
                })?;
                mark = Some(read);
            }
            Ok(mark.is_some())
        })?;
        Ok(mark)
    }

    /// The last position in each partition of a topic with its leaf, read from its end.
    pub fn reached(&self, topic: Topic, ends: &Ends) -> Result<Vec<Reached>, StreamError> {
        let name = topic.name(self.settings);
        let mut reached = Vec::with_capacity(ends.offsets.len());
        for (partition, (low, high)) in (0..).zip(&ends.offsets) {
            let mut last = None;
            self.tail(&name, partition, *low, *high, |message| {
                if let Record::Event(event) = read(message)? {
                    last = Some((event.position, event.leaf));
                }
                Ok(last.is_some())
            })?;
            reached.push(last);
        }
        Ok(reached)
    }

    /// Shows the last records of a partition in order: so many that `enough` was told at the end, or all there are.
    fn tail(
        &self,
        topic: &str,
        partition: i32,
        low: i64,
        high: i64,
        mut see: impl FnMut(&rdkafka::message::BorrowedMessage<'_>) -> Result<bool, StreamError>,
    ) -> Result<(), StreamError> {
        let mut window = TAIL;
        loop {
            let from = low.max(high - window);
            let mut enough = false;
            if from < high {
                self.records(topic, &[(partition, from)], |message| {
                    enough = see(message)?;
                    Ok(())
                })?;
            }
            if enough || from == low {
                return Ok(());
            }
            window *= 16;
        }
    }

    /// Shows the records of some partitions of a topic, each from an offset to where it ends now.
    pub fn records(
        &self,
        topic: &str,
        partitions: &[(i32, i64)],
        mut see: impl FnMut(&rdkafka::message::BorrowedMessage<'_>) -> Result<(), StreamError>,
    ) -> Result<(), StreamError> {
        let mut list = TopicPartitionList::new();
        for (partition, offset) in partitions {
            list.add_partition_offset(topic, *partition, Offset::Offset(*offset))?;
        }
        self.consumer.assign(&list)?;
        let mut open = partitions.len();
        let mut heard = Instant::now();
        while open > 0 {
            match self.consumer.poll(Duration::from_millis(100)) {
                None if heard.elapsed() > SILENCE => return Err(StreamError::Timeout),
                None => {}
                Some(Ok(message)) => {
                    heard = Instant::now();
                    see(&message)?;
                }
                Some(Err(KafkaError::PartitionEOF(_))) => {
                    heard = Instant::now();
                    open -= 1;
                }
                Some(Err(error)) if passes(&error) && heard.elapsed() <= SILENCE => {}
                Some(Err(error)) => return Err(error.into()),
            }
        }
        self.consumer.unassign()?;
        Ok(())
    }

    /// The first offset of each partition whose record is not older than a moment, in milliseconds; the end where all
    /// are older.
    pub fn offsets_since(
        &self,
        topic: Topic,
        ends: &Ends,
        millis: i64,
    ) -> Result<Vec<(i32, i64)>, StreamError> {
        let name = topic.name(self.settings);
        let mut times = TopicPartitionList::new();
        for (partition, _) in (0..).zip(&ends.offsets) {
            times.add_partition_offset(&name, partition, Offset::Offset(millis))?;
        }
        let found = self.consumer.offsets_for_times(times, ASKING)?;
        let mut offsets = Vec::new();
        for (partition, (_, high)) in (0..).zip(&ends.offsets) {
            let offset = found.find_partition(&name, partition).map(|found| found.offset());
            let offset = match offset {
                Some(Offset::Offset(offset)) => offset,
                _ => *high,
            };
            offsets.push((partition, offset));
        }
        Ok(offsets)
    }
}

/// What goes away by itself while the broker is busy or comes back.
fn passes(error: &KafkaError) -> bool {
    matches!(
        error.rdkafka_error_code(),
        Some(
            RDKafkaErrorCode::BrokerTransportFailure
                | RDKafkaErrorCode::AllBrokersDown
                | RDKafkaErrorCode::OperationTimedOut
                | RDKafkaErrorCode::LeaderNotAvailable
                | RDKafkaErrorCode::NotLeaderForPartition
        )
    )
}
