//! Fed by a source that loses, doubles, is late, forgets and tells of another history: the rows are those of the log.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use event_log::{Feed, Position, RecordedEvent, SLICES};
use projections::{Deliveries, Delivery, NAMES, Part, Passed, Projections, Slices, Source, SourceError};
use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};
use tokio::sync::{mpsc, watch};
use tokio::time::sleep;

use crate::fixture::{Fixture, PATIENCE};

const RANGES: u16 = 4;

/// How a source behaves.
#[derive(Clone, Copy)]
enum Manner {
    /// Of the parts some are lost, doubled, or of another history.
    Careless,
    /// Never brings anything of the first range, and something of the others all the time.
    Forgetful,
    /// Gives nothing to anybody.
    Away,
}

struct Unreliable {
    feed: Feed,
    seed: u64,
    manner: Manner,
}

/// What is brought is read by a task of its own: whoever waits for it may give up at any moment.
struct Deliverer(mpsc::Receiver<Delivery>);

struct Bringing {
    feed: Feed,
    chance: StdRng,
    manner: Manner,
    at: Position,
    last: BTreeMap<Slices, Position>,
    /// What was brought before, to be brought again.
    before: Vec<Part>,
}

fn ranges() -> impl Iterator<Item = Slices> {
    let size = SLICES / RANGES;
    (0..RANGES).map(move |nth| Slices {
        from: nth * size,
        to: (nth + 1) * size,
    })
}

impl Source for Unreliable {
    fn join(
        &self,
        _: &'static str,
        _: fn(&RecordedEvent) -> bool,
    ) -> Result<Box<dyn Deliveries>, SourceError> {
        let bringing = Bringing {
            feed: self.feed.clone(),
            chance: StdRng::seed_from_u64(self.seed),
            manner: self.manner,
            at: Position(0),
            last: BTreeMap::new(),
            before: Vec::new(),
        };
        let (deliveries, brought) = mpsc::channel(1);
        tokio::spawn(bringing.bring(deliveries));
        Ok(Box::new(Deliverer(brought)))
    }
}

impl Bringing {
    /// What the log has next, in parts.
    async fn read(&mut self) -> Vec<Part> {
        let limit = self.chance.random_range(1..20);
        let events = self.feed.read(self.at, limit).await.expect("the log can be read");
        let mut parts = Vec::new();
        for slices in ranges() {
            let events: Vec<Arc<RecordedEvent>> = events
                .iter()
                .filter(|event| slices.contains(event.slice))
                .cloned()
                .collect();
            let Some(to) = events.last().and_then(|event| event.position) else {
                continue;
            };
            let leaf = self.feed.leaves(&[to]).await.expect("the log can be read")[0]
                .1
                .to_vec();
            let after = self.last.insert(slices, to).unwrap_or_default();
            parts.push(Part {
                slices,
                after,
                to,
                leaf,
                events,
            });
        }
        self.at = events.last().and_then(|event| event.position).unwrap_or(self.at);
        parts
    }

    async fn passed(&self) -> Passed {
        let leaf = match self.at {
            Position(0) => Vec::new(),
            at => self.feed.leaves(&[at]).await.expect("the log can be read")[0].1[..16].to_vec(),
        };
        let after = ranges().map(|slices| (slices, self.last.get(&slices).copied().unwrap_or_default()));
        Passed {
            after: after.collect(),
            to: self.at,
            leaf,
        }
    }

    /// Until nobody takes it.
    async fn bring(mut self, deliveries: mpsc::Sender<Delivery>) {
        if let Manner::Away = self.manner {
            return deliveries.closed().await;
        }
        let mut delivery = Delivery::Assigned(ranges().collect());
        while deliveries.send(delivery).await.is_ok() {
            sleep(Duration::from_millis(5)).await;
            delivery = self.delivery().await;
        }
    }

    async fn delivery(&mut self) -> Delivery {
        let mut parts = self.read().await;
        match self.manner {
            Manner::Careless => {
                let before = parts.clone();
                parts.retain(|_| self.chance.random_bool(0.7));
                for part in &mut parts {
                    if self.chance.random_bool(0.1) {
                        part.leaf = vec![0; 32];
                    }
                }
                if parts.is_empty() && !self.before.is_empty() {
                    let again = self.chance.random_range(0..self.before.len());
                    parts.push(self.before[again].clone());
                }
                self.before.extend(before);
            }
            Manner::Away => {}
            Manner::Forgetful => {
                parts.retain(|part| part.slices.from > 0);
                self.before.extend(parts.clone());
                if parts.is_empty() {
                    parts.extend(self.before.last().cloned());
                }
            }
        }
        if parts.is_empty() || self.chance.random_bool(0.2) {
            return Delivery::Passed(self.passed().await);
        }
        Delivery::Parts(parts)
    }
}

#[async_trait]
impl Deliveries for Deliverer {
    async fn next(&mut self) -> Result<Delivery, SourceError> {
        let delivery = self.0.recv().await;
        delivery.ok_or_else(|| SourceError("the source's task has ended".to_owned()))
    }

    fn stored(&mut self) {}
}

async fn fed(manner: Manner) {
    let seed = rand::random();
    println!("seed {seed}");
    let fixture = Fixture::new().await;
    let source: Arc<dyn Source> = Arc::new(Unreliable {
        feed: fixture.feed.clone(),
        seed,
        manner,
    });
    let (stop, stopped) = watch::channel(false);
    let options = Fixture::options();
    let (projections, tasks) =
        Projections::fed_by(&source, &fixture.projector, &fixture.feed, &options, &stopped);
    for round in 0..4 {
        fixture.random(seed.wrapping_add(round), 25).await;
        fixture.place().await;
        sleep(Duration::from_millis(100)).await;
    }
    let head = fixture.place().await;
    projections
        .wait_for(NAMES, head, PATIENCE)
        .await
        .expect("all is folded");
    stop.send_replace(true);
    tasks.join_all().await;
    fixture.assert_rebuilds_alike().await;
}

#[tokio::test]
async fn a_careless_source_leaves_the_rows_of_the_log() {
    fed(Manner::Careless).await;
}

#[tokio::test]
async fn what_a_source_forgets_is_read_from_the_log_though_it_brings_the_rest() {
    fed(Manner::Forgetful).await;
}

#[tokio::test]
async fn while_the_source_gives_nothing_to_anybody_the_log_is_read() {
    fed(Manner::Away).await;
}
