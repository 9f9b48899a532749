//! Read models fed from Kafka: a consumer group per projection, whose partitions are its shares.
//!
//! A consumer has a thread, since its calls block. It hands records over in parts, each a run of one partition without a
//! gap, and goes on answering the group while nobody takes them.

mod batch;

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use async_trait::async_trait;
use event_log::{Position, RecordedEvent};
use projections::{Deliveries, Delivery, Passed, Slices, Source, SourceError};
use rdkafka::config::FromClientConfigAndContext;
use rdkafka::consumer::{BaseConsumer, CommitMode, Consumer, ConsumerContext, Rebalance};
use rdkafka::error::KafkaError;
use rdkafka::message::Message;
use rdkafka::{ClientContext, Offset, TopicPartitionList};
use tokio::sync::mpsc;
use tokio::sync::mpsc::error::TrySendError;

use self::batch::Batch;
use crate::mark::{KEY, Mark};
use crate::record::read;
use crate::settings::Quiet;
use crate::topics::{relay_topic, slices_of};
use crate::{Settings, StreamError, Topic};

/// Records of one delivery, and how long it is waited for more once one is there.
const RECORDS_MAX: usize = 1_000;
const GATHERED_FOR: Duration = Duration::from_millis(10);
/// Deliveries that wait to be taken.
const WAITING_MAX: usize = 4;
const POLL: Duration = Duration::from_millis(20);
/// Offsets are only where to begin, so they are written down now and then.
const COMMITTED_EVERY: Duration = Duration::from_secs(1);

/// The ordinary facts as they come through Kafka.
pub struct KafkaSource {
    settings: Settings,
}

impl KafkaSource {
    pub fn new(settings: Settings) -> Self {
        Self { settings }
    }
}

impl Source for KafkaSource {
    fn join(
        &self,
        projection: &'static str,
        wanted: fn(&RecordedEvent) -> bool,
    ) -> Result<Box<dyn Deliveries>, SourceError> {
        let failed = |error: StreamError| SourceError(error.to_string());
        let (sender, receiver) = mpsc::channel(WAITING_MAX);
        let stored = Arc::new(Mutex::new(Offsets::new()));
        let mut group =
            Group::join(self.settings.clone(), projection, wanted, stored.clone()).map_err(failed)?;
        thread::Builder::new()
            .name(format!("kafka-{projection}"))
            .spawn(move || group.run(&sender))
            .map_err(|error| SourceError(error.to_string()))?;
        Ok(Box::new(KafkaDeliveries {
            receiver,
            brought: Offsets::new(),
            stored,
        }))
    }
}

/// The offset after the last record, by partition.
type Offsets = BTreeMap<i32, i64>;

struct Brought {
    delivery: Delivery,
    offsets: Offsets,
}

struct KafkaDeliveries {
    receiver: mpsc::Receiver<Result<Brought, StreamError>>,
    brought: Offsets,
    stored: Arc<Mutex<Offsets>>,
}

#[async_trait]
impl Deliveries for KafkaDeliveries {
    async fn next(&mut self) -> Result<Delivery, SourceError> {
        match self.receiver.recv().await {
            Some(Ok(Brought { delivery, offsets })) => {
                if matches!(delivery, Delivery::Assigned(_)) {
                    self.brought.clear();
                }
                self.brought.extend(offsets);
                Ok(delivery)
            }
            Some(Err(error)) => Err(SourceError(error.to_string())),
            None => Err(SourceError("the consumer has ended".to_owned())),
        }
    }

    fn stored(&mut self) {
        let mut stored = self.stored.lock().unwrap_or_else(PoisonError::into_inner);
        stored.append(&mut self.brought);
    }
}

/// Notices when partitions come or go.
#[derive(Clone, Default)]
struct Rebalances(Arc<AtomicBool>);

impl ClientContext for Rebalances {
    fn error(&self, error: KafkaError, reason: &str) {
        tracing::debug!(%error, reason, "Kafka");
    }
}

impl ConsumerContext for Rebalances {
    fn post_rebalance(&self, _: &BaseConsumer<Self>, _: &Rebalance<'_>) {
        self.0.store(true, Ordering::Release);
    }
}

/// One projection's consumer.
struct Group {
    settings: Settings,
    topic: String,
    wanted: fn(&RecordedEvent) -> bool,
    consumer: BaseConsumer<Rebalances>,
    changed: Arc<AtomicBool>,
    marks: BaseConsumer<Quiet>,
    /// By partition, the last fork that was told: what comes later of an earlier epoch is void.
    forks: BTreeMap<i32, (i32, Position)>,
    stored: Arc<Mutex<Offsets>>,
    commit_at: Instant,
}

impl Group {
    fn join(
        settings: Settings,
        projection: &str,
        wanted: fn(&RecordedEvent) -> bool,
        stored: Arc<Mutex<Offsets>>,
    ) -> Result<Self, StreamError> {
        let rebalances = Rebalances::default();
        let mut config = settings.client();
        config
            .set("group.id", format!("{}.projection.{projection}", settings.prefix))
            .set("isolation.level", "read_committed")
            .set("enable.auto.commit", "false")
            .set("auto.offset.reset", "earliest")
            .set("partition.assignment.strategy", "cooperative-sticky")
            // What a consumer that died had stands still for so long; brokers allow no less by themselves.
            .set("session.timeout.ms", "6000")
            .set("heartbeat.interval.ms", "1000")
            .set("fetch.wait.max.ms", "100")
            .set("queued.max.messages.kbytes", "8192");
        let changed = rebalances.0.clone();
        let consumer = BaseConsumer::from_config_and_context(&config, rebalances)?;
        let topic = Topic::Events.name(&settings);
        consumer.subscribe(&[&topic])?;
        let mut config = settings.reader();
        config.set("enable.partition.eof", "false");
        let marks: BaseConsumer<Quiet> = config.create_with_context(Quiet)?;
        let mut relay = TopicPartitionList::new();
        relay.add_partition_offset(&relay_topic(&settings), 0, Offset::End)?;
        marks.assign(&relay)?;
        Ok(Self {
            settings,
            topic,
            wanted,
            consumer,
            changed,
            marks,
            forks: BTreeMap::new(),
            stored,
            commit_at: Instant::now() + COMMITTED_EVERY,
        })
    }

    /// Until nobody takes what it brings, or something is wrong.
    fn run(&mut self, sender: &mpsc::Sender<Result<Brought, StreamError>>) {
        let mut batch = Batch::default();
        while !sender.is_closed() {
            if let Err(error) = self.step(&mut batch, sender) {
                // Whoever takes part joins again; if nobody does, nobody hears this either.
                let _ = sender.blocking_send(Err(error));
                break;
            }
        }
        self.commit(CommitMode::Sync);
    }

    fn step(
        &mut self,
        batch: &mut Batch,
        sender: &mpsc::Sender<Result<Brought, StreamError>>,
    ) -> Result<(), StreamError> {
        let wait = batch
            .since
            .map_or(POLL, |since| GATHERED_FOR.saturating_sub(since.elapsed()));
        let message = match self.consumer.poll(wait) {
            Some(Ok(message)) => Some(message),
            Some(Err(error)) if is_over(&error) => return Err(error.into()),
            // The client tries again by itself.
            Some(Err(_)) | None => None,
        };
        let mut rest = None;
        if let Some(message) = &message {
            let record = read(message)?;
            rest = batch.take(
                message,
                record,
                &mut self.forks,
                self.wanted,
                self.settings.partitions,
            )?;
        }
        let due = batch.since.is_some_and(|since| since.elapsed() >= GATHERED_FOR);
        let full = batch.records >= RECORDS_MAX || rest.is_some();
        let changed = self.changed.swap(false, Ordering::AcqRel);
        if due || full || changed {
            drop(message);
            self.send(sender, std::mem::take(batch))?;
            if let Some(rest) = rest {
                *batch = *rest;
            }
        }
        if changed {
            self.tell_assignment(sender)?;
        }
        self.look_at_mark(sender)?;
        if self.commit_at <= Instant::now() {
            self.commit_at = Instant::now() + COMMITTED_EVERY;
            self.commit(CommitMode::Async);
        }
        Ok(())
    }

    fn send(
        &self,
        sender: &mpsc::Sender<Result<Brought, StreamError>>,
        batch: Batch,
    ) -> Result<(), StreamError> {
        if batch.parts.is_empty() {
            return Ok(());
        }
        let brought = Brought {
            delivery: Delivery::Parts(batch.parts.into_values().collect()),
            offsets: batch.offsets,
        };
        self.bring(sender, brought)
    }

    /// Hands over; while nobody takes, the group hears that this consumer lives.
    fn bring(
        &self,
        sender: &mpsc::Sender<Result<Brought, StreamError>>,
        brought: Brought,
    ) -> Result<(), StreamError> {
        let mut brought = Ok(brought);
        let mut paused: Option<TopicPartitionList> = None;
        loop {
            match sender.try_send(brought) {
                Ok(()) | Err(TrySendError::Closed(_)) => break,
                Err(TrySendError::Full(again)) => brought = again,
            }
            if paused.is_none() {
                let assignment = self.consumer.assignment()?;
                self.consumer.pause(&assignment)?;
                paused = Some(assignment);
            }
            // Nothing comes while all is paused, but what was fetched of partitions that come now: it is sought again.
            if let Some(Ok(message)) = self.consumer.poll(Duration::from_millis(5)) {
                let offset = Offset::Offset(message.offset());
                self.consumer.seek(
                    message.topic(),
                    message.partition(),
                    offset,
                    Duration::from_secs(5),
                )?;
            }
        }
        if let Some(paused) = paused
            && let Err(error) = self.consumer.resume(&paused)
        {
            // Partitions that went meanwhile are not this consumer's to resume.
            tracing::debug!(%error, "not resumed");
        }
        Ok(())
    }

    fn tell_assignment(
        &self,
        sender: &mpsc::Sender<Result<Brought, StreamError>>,
    ) -> Result<(), StreamError> {
        let assignment = self.consumer.assignment()?;
        let partitions = assignment.elements_for_topic(&self.topic);
        let slices = partitions
            .iter()
            .map(|partition| self.slices(partition.partition()));
        let brought = Brought {
            delivery: Delivery::Assigned(slices.collect()),
            offsets: Offsets::new(),
        };
        self.bring(sender, brought)
    }

    fn slices(&self, partition: i32) -> Slices {
        part_slices(partition, self.settings.partitions)
    }

    /// Passes on how far the relay says it is.
    fn look_at_mark(&self, sender: &mpsc::Sender<Result<Brought, StreamError>>) -> Result<(), StreamError> {
        let mut newest: Option<Mark> = None;
        while let Some(polled) = self.marks.poll(Duration::ZERO) {
            if let Ok(message) = polled
                && message.key() == Some(KEY.as_bytes())
            {
                newest = message
                    .payload()
                    .and_then(|value| serde_json::from_slice(value).ok());
            }
        }
        let Some(mark) = newest else { return Ok(()) };
        let (Some(topic), Some(rung)) = (mark.topic(Topic::Events), mark.rungs.first()) else {
            return Ok(());
        };
        if rung.position != topic.complete {
            return Ok(());
        }
        let after = (0..).zip(&topic.last).map(|(partition, last)| {
            // Where nothing was sent since the topic began, nothing lies between its beginning and here.
            (self.slices(partition), (*last).max(topic.from))
        });
        let delivery = Delivery::Passed(Passed {
            after: after.collect(),
            to: topic.complete,
            leaf: hex::decode(&rung.leaf).unwrap_or_default(),
        });
        let brought = Brought {
            delivery,
            offsets: Offsets::new(),
        };
        self.bring(sender, brought)
    }

    fn commit(&self, mode: CommitMode) {
        let stored = std::mem::take(&mut *self.stored.lock().unwrap_or_else(PoisonError::into_inner));
        let mut offsets = TopicPartitionList::new();
        for (partition, offset) in stored {
            let added = offsets.add_partition_offset(&self.topic, partition, Offset::Offset(offset));
            debug_assert!(added.is_ok());
        }
        if offsets.count() > 0
            && let Err(error) = self.consumer.commit(&offsets, mode)
        {
            // The partition went to another consumer, or Kafka is away.
            tracing::debug!(%error, "offsets not committed");
        }
    }
}

fn part_slices(partition: i32, partitions: u16) -> Slices {
    let (from, to) = slices_of(u16::try_from(partition).unwrap_or(u16::MAX), partitions);
    Slices { from, to }
}

/// What ends a consumer; everything else goes away by itself.
fn is_over(error: &KafkaError) -> bool {
    use rdkafka::error::RDKafkaErrorCode as Code;
    matches!(
        error.rdkafka_error_code(),
        Some(
            Code::Fatal
                | Code::UnknownTopicOrPartition
                | Code::UnknownTopic
                | Code::UnknownPartition
                | Code::TopicAuthorizationFailed
                | Code::GroupAuthorizationFailed
        )
    )
}
