//! Forks: whether what Kafka has is what the log has, and if not, where they parted.

use std::collections::BTreeMap;

use chrono::TimeDelta;
use event_log::{EventLogError, Feed, Position};

use crate::mark::{Mark, Rung};
use crate::reading::Reading;
use crate::record::{Record, read};
use crate::{Settings, StreamError, Topic};

/// Records are sought by the moments of their events, which are in the order of positions but for this much.
const ABOUT: TimeDelta = TimeDelta::hours(1);
/// Leaves that are asked for at once.
const LEAVES: usize = 10_000;

/// Whether the log has what the mark says was sent from it.
pub(crate) async fn agrees(feed: &Feed, mark: &Mark) -> Result<bool, EventLogError> {
    match mark.rungs.first() {
        Some(newest) => Ok(highest_rung(feed, std::slice::from_ref(newest)).await?.is_some()),
        None => Ok(true),
    }
}

/// The highest rung that the log agrees with.
async fn highest_rung(feed: &Feed, rungs: &[Rung]) -> Result<Option<Position>, EventLogError> {
    let positions: Vec<Position> = rungs.iter().map(|rung| rung.position).collect();
    let leaves: BTreeMap<_, _> = feed.leaves(&positions).await?.into_iter().collect();
    let agreed = rungs
        .iter()
        .filter(|rung| leaves.get(&rung.position).is_some_and(|leaf| rung.agrees(leaf)));
    Ok(agreed.map(|rung| rung.position).max())
}

/// The last position that Kafka and the log both have, where the mark's newest is not.
pub(crate) async fn parted_at(
    settings: &Settings,
    feed: &Feed,
    mark: &Mark,
) -> Result<Position, StreamError> {
    let below = highest_rung(feed, &mark.rungs).await?.unwrap_or_default();
    let since = match feed.read_stored(Position(below.0 - 1), 1).await {
        Ok(events) if below.0 > 0 => events.first().map(|event| event.recorded_at - ABOUT),
        _ => None,
    };
    let settings = settings.clone();
    let millis = since.map_or(0, |since| since.timestamp_millis());
    let sent = tokio::task::spawn_blocking(move || sent_after(&settings, below, millis)).await;
    let sent: Vec<(Position, [u8; 32])> = sent.map_err(|_| StreamError::Timeout)??.into_iter().collect();
    let mut parted_at = below;
    for sent in sent.chunks(LEAVES) {
        let positions: Vec<Position> = sent.iter().map(|(position, _)| *position).collect();
        let leaves: BTreeMap<_, _> = feed.leaves(&positions).await?.into_iter().collect();
        for (position, leaf) in sent {
            if leaves.get(position) != Some(leaf) {
                return Ok(parted_at);
            }
            parted_at = *position;
        }
    }
    Ok(parted_at)
}

/// The leaves of the events in Kafka after a position, as they were sent last.
fn sent_after(
    settings: &Settings,
    after: Position,
    millis: i64,
) -> Result<BTreeMap<Position, [u8; 32]>, StreamError> {
    let reading = Reading::new(settings)?;
    let mut sent = BTreeMap::new();
    for topic in Topic::ALL {
        let ends = reading.ends(topic)?;
        let offsets = reading.offsets_since(topic, &ends, millis)?;
        reading.records(&topic.name(settings), &offsets, |message| {
            match read(message)? {
                Record::Event(event) if event.position > after => {
                    sent.insert(event.position, event.leaf);
                }
                // What an earlier fork gave up is not what was sent last.
                Record::Forked { .. } | Record::Event(_) => {}
            }
            Ok(())
        })?;
    }
    Ok(sent)
}
