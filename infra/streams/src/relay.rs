//! The relay: carries the log to Kafka, in order, each event once.
//!
//! One process leads. It lets Kafka fence whoever relayed before, reads the mark, and sends what comes after it; the
//! mark commits with the events, so nothing that happens in between can lose or double one. Whatever goes wrong, it
//! begins again from there.

use std::time::Duration;

use chrono::Utc;
use event_log::{Feed, Position, StoredEvent};
use projections::RelayFailure;
use sqlx::PgPool;
use tokio::sync::watch;
use tokio::task::spawn_blocking;
use tokio::time::{Instant, sleep, sleep_until};
use tracing::{debug, error, info, warn};
use uuid::Uuid;

use crate::fork;
use crate::lease::Lease;
use crate::mark::Mark;
use crate::reading::{Ends, Reading};
use crate::sending::Sender;
use crate::topics::clear;
use crate::{Settings, StreamError, Topic, init};

/// Most events of a transaction.
const BATCH_EVENTS: i64 = 4_000;
/// Transactions begin so far apart while less than a whole one waits: each has its markers, in every partition.
const APART: Duration = Duration::from_millis(25);
const LEASE: Duration = Duration::from_secs(10);
const KEPT_EVERY: Duration = Duration::from_secs(1);
const RETRY_FIRST: Duration = Duration::from_millis(200);
const RETRY_MAX: Duration = Duration::from_secs(5);
/// How often a process that does not relay looks whether it should.
const STANDBY: Duration = Duration::from_secs(1);

/// Relays, or stands by to. Any number of processes may.
pub struct Relay {
    settings: Settings,
    pool: PgPool,
    feed: Feed,
    lease: Lease,
    progress: watch::Sender<Option<Position>>,
    stop: watch::Receiver<bool>,
}

impl Relay {
    /// `pool` connects as `botserver_log`; `owner` is this process among those that share work.
    pub fn new(
        settings: Settings,
        pool: PgPool,
        feed: Feed,
        owner: Uuid,
        stop: watch::Receiver<bool>,
    ) -> Self {
        let lease = Lease::new(pool.clone(), settings.prefix.clone(), owner, LEASE);
        Self {
            settings,
            pool,
            feed,
            lease,
            progress: watch::Sender::default(),
            stop,
        }
    }

    /// How far this process has relayed, to be watched; None until it does.
    pub fn progress(&self) -> watch::Receiver<Option<Position>> {
        self.progress.subscribe()
    }

    /// Runs until told to stop.
    pub async fn run(mut self) {
        let mut attempts = 0;
        while !self.stopped() {
            match self.lease.take().await {
                Ok(true) => {}
                Ok(false) => {
                    metrics::gauge!("relay_leading").set(0.0);
                    self.pause(STANDBY).await;
                    continue;
                }
                Err(error) => {
                    warn!(%error, "the relay waits for the database");
                    self.pause(STANDBY).await;
                    continue;
                }
            }
            metrics::gauge!("relay_leading").set(1.0);
            let mut relayed = false;
            let Err(error) = self.lead(&mut relayed).await else {
                break;
            };
            if relayed {
                attempts = 0;
            }
            attempts += 1;
            if error.is_fenced() {
                info!("another process relays now");
                self.pause(STANDBY).await;
                continue;
            }
            metrics::counter!("relay_failures_total").increment(1);
            // The first is told as it is; that it goes on is told in the status and by the growing lag.
            if attempts == 1 {
                error!(%error, "the stream to Kafka stands still");
            } else {
                debug!(%error, attempts, "the stream to Kafka stands still");
            }
            let failure = RelayFailure {
                error: error.to_string(),
                attempts,
                at: Utc::now(),
            };
            if let Err(error) = self.lease.fail(&failure).await {
                debug!(%error, "the failure is not noted");
            }
            let doubled = RETRY_FIRST.saturating_mul(2_u32.saturating_pow(attempts - 1));
            self.pause(doubled.min(RETRY_MAX)).await;
        }
        metrics::gauge!("relay_leading").set(0.0);
        if let Err(error) = self.lease.release().await {
            debug!(%error, "the lease is not given up");
        }
    }

    /// Relays until told to stop, which is no error, or until something goes wrong.
    async fn lead(&mut self, relayed: &mut bool) -> Result<(), StreamError> {
        let (mut sender, mut mark) = self.begin().await?;
        info!(event.position = mark.position().0, "relaying to Kafka");
        if !self.lease.keep(mark.position()).await? {
            return Err(StreamError::Lost);
        }
        *relayed = true;
        let mut keep_at = Instant::now() + KEPT_EVERY;
        let mut send_at = Instant::now();
        let mut next: Vec<StoredEvent> = Vec::new();
        while !self.stopped() {
            if next.is_empty() {
                next = self.feed.read_stored(mark.position(), BATCH_EVENTS).await?;
            }
            self.tell_lag(mark.position(), next.first());
            if keep_at <= Instant::now() {
                keep_at = Instant::now() + KEPT_EVERY;
                if !self.lease.keep(mark.position()).await? {
                    return Err(StreamError::Lost);
                }
            }
            let Some(last) = next.last().map(|event| event.position) else {
                let mut stop = self.stop.clone();
                tokio::select! {
                    () = self.feed.wait_past(mark.position()) => {}
                    () = sleep_until(keep_at) => {}
                    _ = stop.wait_for(|stop| *stop) => {}
                }
                continue;
            };
            let whole = i64::try_from(next.len()).unwrap_or(BATCH_EVENTS) >= BATCH_EVENTS;
            if !whole && send_at > Instant::now() {
                sleep_until(send_at).await;
                next = self.feed.read_stored(mark.position(), BATCH_EVENTS).await?;
                send_at = Instant::now();
                continue;
            }
            send_at = Instant::now() + APART;
            let count = next.len() as u64;
            let began = Instant::now();
            let sending = spawn_blocking(move || {
                let sent = sender.send(&next, &mut mark);
                (sender, mark, sent)
            });
            // Read while Kafka writes; where less than a whole batch was left, more may come meanwhile.
            let ahead = async {
                if whole {
                    self.feed.read_stored(last, BATCH_EVENTS).await
                } else {
                    Ok(Vec::new())
                }
            };
            let (sent, ahead) = tokio::join!(sending, ahead);
            let (sent_by, sent_mark, sent) = sent.map_err(|_| StreamError::Timeout)?;
            let outcome = if sent.is_ok() { "committed" } else { "aborted" };
            metrics::counter!("relay_transactions_total", "outcome" => outcome).increment(1);
            sent?;
            metrics::histogram!("relay_transaction_duration_seconds").record(began.elapsed().as_secs_f64());
            metrics::counter!("relay_events_total").increment(count);
            (sender, mark) = (sent_by, sent_mark);
            next = ahead?;
        }
        self.lease.keep(mark.position()).await?;
        Ok(())
    }

    /// Fences others, and finds where to go on.
    async fn begin(&self) -> Result<(Sender, Mark), StreamError> {
        init(&self.settings).await?;
        let settings = self.settings.clone();
        let found = spawn_blocking(move || Found::look(&settings)).await;
        let found = found.map_err(|_| StreamError::Timeout)??;
        let epoch = event_log::current_epoch(&self.pool).await?;
        let Found {
            mut sender,
            ends,
            mark,
        } = found;
        let mut mark = match mark {
            Some(mark) => mark,
            None => self.mark_of_topics(epoch, &ends).await?,
        };
        for (topic, ends) in Topic::ALL.into_iter().zip(&ends) {
            sender.know(topic, &ends.offsets);
            if was_wiped(&mark, topic, ends) {
                let from = self.retained_from(topic).await?;
                warn!(
                    topic = topic.as_str(),
                    event.position = from.0,
                    "the topic was emptied, filling it again"
                );
                // What came into it since would lie before what belongs there.
                clear(&self.settings, topic, &ends.offsets).await?;
                mark.refill(topic, from);
            }
        }
        if !fork::agrees(&self.feed, &mark).await? {
            return self.fork(sender, mark, epoch).await;
        }
        mark.epoch = mark.epoch.max(epoch);
        Ok((sender, mark))
    }

    /// Where there is no mark: what the topics hold; of those that are empty, what they would hold.
    async fn mark_of_topics(&self, epoch: i32, ends: &[Ends; 2]) -> Result<Mark, StreamError> {
        let settings = self.settings.clone();
        let looked_at = ends.clone();
        let reached = spawn_blocking(move || {
            let reading = Reading::new(&settings)?;
            let reached = |(topic, ends)| reading.reached(topic, ends);
            let reached: Result<Vec<_>, StreamError> =
                Topic::ALL.into_iter().zip(&looked_at).map(reached).collect();
            reached
        });
        let reached = reached.await.map_err(|_| StreamError::Timeout)??;
        // A transaction has both topics: what either reached, both have.
        let newest = reached
            .iter()
            .flatten()
            .flatten()
            .max_by_key(|(position, _)| *position)
            .copied();
        let mut from = Vec::new();
        for topic in Topic::ALL {
            from.push(self.retained_from(topic).await?);
        }
        let mut mark = Mark::beginning(epoch, self.settings.partitions, |topic| from[topic as usize]);
        let Some((newest, leaf)) = newest else {
            return Ok(mark);
        };
        info!(
            event.position = newest.0,
            "no mark in Kafka: going on after what its topics hold"
        );
        for (topic, last) in Topic::ALL.into_iter().zip(&reached) {
            let held = last.iter().any(Option::is_some);
            let Some(topic) = mark.topic_mut(topic).filter(|_| held) else {
                continue;
            };
            topic.complete = newest;
            for (known, last) in topic.last.iter_mut().zip(last) {
                *known = last.map(|(position, _)| position).unwrap_or_default();
            }
        }
        mark.rungs.push(crate::mark::Rung::new(newest, &leaf));
        Ok(mark)
    }

    /// After which position a topic that is filled from nothing begins: older events it would hold no more.
    async fn retained_from(&self, topic: Topic) -> Result<Position, StreamError> {
        let retention = match topic {
            Topic::Events => self.settings.events_retention,
            Topic::Compliance => self.settings.compliance_retention,
        };
        let oldest = chrono::TimeDelta::from_std(retention)
            .ok()
            .and_then(|retention| Utc::now().checked_sub_signed(retention));
        Ok(match oldest {
            Some(oldest) => self.feed.position_before(oldest).await?,
            None => Position(0),
        })
    }

    /// Kafka has what the log lost: begins another epoch where the log did not by itself, and says from where on what
    /// Kafka has is void.
    async fn fork(
        &self,
        mut sender: Sender,
        mut mark: Mark,
        epoch: i32,
    ) -> Result<(Sender, Mark), StreamError> {
        let position = fork::parted_at(&self.settings, &self.feed, &mark).await?;
        let abandoned = mark.rungs.first().map_or(position, |rung| rung.position);
        let epoch = if epoch > mark.epoch {
            epoch
        } else {
            event_log::begin_next_epoch(&self.pool, mark.epoch).await?
        };
        error!(
            epoch,
            event.position = position.0,
            abandoned = abandoned.0,
            "the log was put back: Kafka holds events that it does not have; they are declared void"
        );
        metrics::counter!("relay_forks_total").increment(1);
        let found_at = Utc::now();
        // Written down first: until Kafka has been told, it is found again, as the same.
        sqlx::query(
            "insert into log.forks (name, epoch, position, abandoned, found_at) values ($1, $2, $3, $4, $5)
             on conflict on constraint forks_pkey do nothing",
        )
        .bind(&self.settings.prefix)
        .bind(epoch)
        .bind(position.0)
        .bind(abandoned.0)
        .bind(found_at)
        .execute(&self.pool)
        .await?;
        mark.cut(epoch, position);
        let (sender, mark) =
            spawn_blocking(move || sender.fork(&mark, position, found_at).map(|()| (sender, mark)))
                .await
                .map_err(|_| StreamError::Timeout)??;
        Ok((sender, mark))
    }

    fn tell_lag(&self, position: Position, oldest: Option<&StoredEvent>) {
        self.progress.send_replace(Some(position));
        let lag = (self.feed.known().0 - position.0).max(0);
        metrics::gauge!("relay_position").set(position.0 as f64);
        metrics::gauge!("relay_lag_events").set(lag as f64);
        let age = oldest.map_or(0, |event| {
            (Utc::now() - event.recorded_at).num_milliseconds().max(0)
        });
        metrics::gauge!("relay_lag_seconds").set(age as f64 / 1_000.0);
    }

    /// True also when nobody is left who could say so.
    fn stopped(&self) -> bool {
        *self.stop.borrow() || self.stop.has_changed().is_err()
    }

    async fn pause(&mut self, pause: Duration) {
        tokio::select! {
            () = sleep(pause) => {}
            _ = self.stop.wait_for(|stop| *stop) => {}
        }
    }
}

/// What a relay that begins finds in Kafka.
struct Found {
    sender: Sender,
    ends: [Ends; 2],
    mark: Option<Mark>,
}

impl Found {
    fn look(settings: &Settings) -> Result<Found, StreamError> {
        let sender = Sender::begin(settings)?;
        let reading = Reading::new(settings)?;
        Ok(Found {
            mark: reading.mark()?,
            ends: [reading.ends(Topic::Events)?, reading.ends(Topic::Compliance)?],
            sender,
        })
    }
}

/// Whether a partition that had records never had one: the topic was made anew.
fn was_wiped(mark: &Mark, topic: Topic, ends: &Ends) -> bool {
    let last = mark.topic(topic).into_iter().flat_map(|topic| &topic.last);
    last.zip(&ends.offsets)
        .any(|(last, (_, high))| *last > Position(0) && *high == 0)
}
