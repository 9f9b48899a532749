//! Sending: one transaction of events with the mark that tells of them. Everything here blocks.

use std::collections::HashMap;
use std::mem;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use chrono::{DateTime, Utc};
use event_log::{Position, StoredEvent};
use rdkafka::ClientContext;
use rdkafka::config::FromClientConfigAndContext;
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rdkafka::message::{DeliveryResult, Message, OwnedHeaders};
use rdkafka::producer::{BaseProducer, BaseRecord, Producer, ProducerContext};
use serde_json::json;
use tracing::Span;
use uuid::Uuid;

use crate::mark::{KEY, Mark};
use crate::record::{Sent, correlation_id, fork_headers, headers};
use crate::topics::{partition_of, relay_topic};
use crate::{Settings, StreamError, Topic};

/// How long Kafka may take to fence others and end their transactions.
const BEGINNING: Duration = Duration::from_secs(10);
/// How long one transaction may take; a broker that is away for longer is begun with anew.
const SENDING: Duration = Duration::from_secs(10);
const ABORTING: Duration = Duration::from_secs(5);

/// A span in the trace of each event.
fn spans(events: &[StoredEvent]) -> Vec<Span> {
    if !tracing::enabled!(target: "trace", tracing::Level::INFO) {
        return Vec::new();
    }
    let span = |event: &StoredEvent| {
        let trace = correlation_id(event)?;
        Some(tracing::info_span!(
            target: "trace",
            "kafka.publish",
            trace.id = %trace,
            messaging.system = "kafka",
            event.id = %event.event_id,
            event.name = %event.event_type,
            event.position = event.position.0,
        ))
    };
    events.iter().filter_map(span).collect()
}

/// Where the last record of each partition lies, by topic and partition, as far as this sender knows.
type Offsets = HashMap<(String, i32), i64>;

/// A producer that Kafka has let in as the only one of its id.
pub(crate) struct Sender {
    settings: Settings,
    names: [String; 2],
    relay_topic: String,
    producer: BaseProducer<Deliveries>,
    known: Offsets,
}

/// What became of the records on their way.
#[derive(Clone, Default)]
struct Deliveries(Arc<Mutex<Delivered>>);

#[derive(Default)]
struct Delivered {
    failed: Option<KafkaError>,
    /// The first offset of each partition that was taken since this was last asked for, and the last.
    offsets: HashMap<(String, i32), (i64, i64)>,
}

impl Deliveries {
    fn take(&self) -> Delivered {
        mem::take(&mut *self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl ClientContext for Deliveries {
    fn error(&self, error: KafkaError, reason: &str) {
        tracing::debug!(%error, reason, "Kafka");
    }
}

impl ProducerContext for Deliveries {
    type DeliveryOpaque = ();

    fn delivery(&self, result: &DeliveryResult<'_>, (): ()) {
        let mut delivered = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        match result {
            Ok(message) => {
                let key = (message.topic().to_owned(), message.partition());
                let offset = message.offset();
                let taken = delivered.offsets.entry(key).or_insert((offset, offset));
                *taken = (taken.0.min(offset), taken.1.max(offset));
            }
            Err((error, _)) => {
                delivered.failed.get_or_insert_with(|| error.clone());
            }
        }
    }
}

impl Sender {
    /// Fences whoever sent before and ends what they had begun; afterwards the mark can be read.
    pub fn begin(settings: &Settings) -> Result<Self, StreamError> {
        let producer = BaseProducer::from_config_and_context(&settings.producer(), Deliveries::default())?;
        producer.init_transactions(BEGINNING)?;
        Ok(Self {
            names: Topic::ALL.map(|topic| topic.name(settings)),
            relay_topic: relay_topic(settings),
            settings: settings.clone(),
            producer,
            known: Offsets::new(),
        })
    }

    /// Tells the offsets that come next, so that a topic that is made anew meanwhile is noticed.
    pub fn know(&mut self, topic: Topic, ends: &[(i64, i64)]) {
        for (partition, (_, high)) in (0..).zip(ends) {
            let key = (topic.name(&self.settings), partition);
            self.known.insert(key, high - 1);
        }
    }

    /// Sends events that the mark does not have yet, and the mark that has them, in one transaction.
    pub fn send(&mut self, events: &[StoredEvent], mark: &mut Mark) -> Result<(), StreamError> {
        // Open until the transaction is.
        let _spans = spans(events);
        self.transact(|sender| {
            let partitions = sender.settings.partitions;
            for event in events {
                let topic = Topic::of(&event.stream.aggregate_type);
                if mark.has(topic, event.position) {
                    continue;
                }
                let partition = partition_of(event.slice, partitions);
                let sent = Sent {
                    epoch: mark.epoch,
                    previous: mark.send(topic, partition, event.position),
                };
                let record = BaseRecord::to(&sender.names[topic as usize])
                    .partition(partition.into())
                    .key(event.ordering_key.as_str())
                    .payload(event.payload.as_str())
                    .timestamp(event.recorded_at.timestamp_millis())
                    .headers(headers(event, sent));
                sender.hand_over(record)?;
            }
            if let Some(last) = events.last() {
                mark.complete(last.position, &last.leaf);
            }
            sender.hand_over_mark(mark)
        })
    }

    /// Tells every partition that what was sent after a position under earlier epochs is void.
    pub fn fork(
        &mut self,
        mark: &Mark,
        position: Position,
        found_at: DateTime<Utc>,
    ) -> Result<(), StreamError> {
        self.transact(|sender| {
            let data = json!({"epoch": mark.epoch, "position": position, "found_at": found_at}).to_string();
            // The same for all: whoever reads several partitions is told once.
            let id = Uuid::now_v7();
            for name in &sender.names {
                for partition in 0..sender.settings.partitions {
                    let record = BaseRecord::to(name)
                        .partition(partition.into())
                        .key(KEY)
                        .payload(data.as_str())
                        .timestamp(found_at.timestamp_millis())
                        .headers(fork_headers(id, mark.epoch, position, found_at));
                    sender.hand_over(record)?;
                }
            }
            sender.hand_over_mark(mark)
        })
    }

    fn hand_over_mark(&self, mark: &Mark) -> Result<(), StreamError> {
        let value = serde_json::to_string(mark).unwrap_or_default();
        let record = BaseRecord::to(&self.relay_topic)
            .partition(0)
            .key(KEY)
            .payload(value.as_str())
            .headers(OwnedHeaders::new());
        self.hand_over(record)
    }

    fn transact(&mut self, fill: impl FnOnce(&Self) -> Result<(), StreamError>) -> Result<(), StreamError> {
        self.producer.begin_transaction()?;
        let sent = fill(self).and_then(|()| self.arrived());
        match sent {
            Ok(()) => Ok(self.producer.commit_transaction(SENDING)?),
            Err(error) => {
                if !error.is_fenced()
                    && let Err(error) = self.producer.abort_transaction(ABORTING)
                {
                    tracing::debug!(%error, "transaction not aborted; the next one who begins does it");
                }
                Err(error)
            }
        }
    }

    /// Hands a record over in order: where the queue is full, it waits.
    fn hand_over(&self, record: BaseRecord<'_, str, str>) -> Result<(), StreamError> {
        let began = Instant::now();
        let mut record = record;
        loop {
            match self.producer.send(record) {
                Ok(()) => return Ok(()),
                Err((KafkaError::MessageProduction(RDKafkaErrorCode::QueueFull), again)) => {
                    if began.elapsed() > SENDING {
                        return Err(StreamError::Timeout);
                    }
                    self.producer.poll(Duration::from_millis(20));
                    record = again;
                }
                Err((error, _)) => return Err(error.into()),
            }
        }
    }

    /// Waits until Kafka has every record, and looks where they came to lie.
    fn arrived(&mut self) -> Result<(), StreamError> {
        // Not `flush`, which waits a tenth of a second for more, however soon all is there.
        let began = Instant::now();
        while self.producer.in_flight_count() > 0 {
            if began.elapsed() > SENDING {
                return Err(StreamError::Timeout);
            }
            self.producer.poll(Duration::from_millis(1));
        }
        let delivered = self.producer.context().take();
        if let Some(error) = delivered.failed {
            return Err(error.into());
        }
        for ((topic, partition), (first, last)) in delivered.offsets {
            let known = self.known.insert((topic.clone(), partition), last);
            if known.is_some_and(|known| first <= known) {
                return Err(StreamError::Wiped { topic });
            }
        }
        Ok(())
    }
}
