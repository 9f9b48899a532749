//! The relay's mark: how far it is, kept in Kafka within the transaction that sent the events.

use std::collections::BTreeMap;

use event_log::Position;
use serde::{Deserialize, Serialize};

use crate::Topic;

/// Key of the mark in its topic: there is one log.
pub(crate) const KEY: &str = "log";

/// What is in Kafka. Stored as JSON; what a later version adds is passed over by an earlier one.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Mark {
    /// Of the log, when this was sent.
    pub epoch: i32,
    pub topics: BTreeMap<String, TopicMark>,
    /// Positions with the beginning of their leaves, newest first, ever further apart: where the log disagrees, its
    /// history is another one.
    pub rungs: Vec<Rung>,
}

/// One topic's part.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct TopicMark {
    /// Every event of the topic up to here was sent.
    pub complete: Position,
    /// Where it began: what came before was never sent, or no longer when it was filled again.
    pub from: Position,
    /// The last position in each partition; 0 where there is none.
    pub last: Vec<Position>,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Rung {
    pub position: Position,
    /// The first 16 bytes, hexadecimal.
    pub leaf: String,
}

impl Rung {
    pub fn new(position: Position, leaf: &[u8; 32]) -> Rung {
        Rung {
            position,
            leaf: hex::encode(&leaf[..16]),
        }
    }

    pub fn agrees(&self, leaf: &[u8; 32]) -> bool {
        self.leaf == hex::encode(&leaf[..16])
    }
}

impl Mark {
    /// Nothing sent yet, in topics that begin after `from`.
    pub fn beginning(epoch: i32, partitions: u16, from: impl Fn(Topic) -> Position) -> Mark {
        let topic = |topic: Topic| {
            let mark = TopicMark {
                complete: from(topic),
                from: from(topic),
                last: vec![Position(0); partitions.into()],
            };
            (topic.as_str().to_owned(), mark)
        };
        Mark {
            epoch,
            topics: Topic::ALL.map(topic).into(),
            rungs: Vec::new(),
        }
    }

    /// What is in every topic.
    pub fn position(&self) -> Position {
        let complete = self.topics.values().map(|topic| topic.complete);
        complete.min().unwrap_or_default()
    }

    pub fn topic(&self, topic: Topic) -> Option<&TopicMark> {
        self.topics.get(topic.as_str())
    }

    pub(crate) fn topic_mut(&mut self, topic: Topic) -> Option<&mut TopicMark> {
        self.topics.get_mut(topic.as_str())
    }

    /// Whether an event of a topic was sent before.
    pub(crate) fn has(&self, topic: Topic, position: Position) -> bool {
        self.topic(topic).is_some_and(|topic| position <= topic.complete)
    }

    /// Notes an event that goes to a partition; answers the position that no event of the partition lies between and
    /// this one.
    pub(crate) fn send(&mut self, topic: Topic, partition: u16, position: Position) -> Position {
        let Some(topic) = self.topic_mut(topic) else {
            return Position(0);
        };
        let Some(last) = topic.last.get_mut(usize::from(partition)) else {
            return topic.from;
        };
        let previous = std::mem::replace(last, position).max(topic.from);
        previous.min(Position(position.0 - 1))
    }

    /// Everything up to here was sent.
    pub(crate) fn complete(&mut self, position: Position, leaf: &[u8; 32]) {
        for topic in self.topics.values_mut() {
            topic.complete = topic.complete.max(position);
        }
        if self.rungs.first().is_none_or(|rung| rung.position < position) {
            self.rungs.insert(0, Rung::new(position, leaf));
            thin(&mut self.rungs);
        }
    }

    /// Forgets what was sent after a fork.
    pub(crate) fn cut(&mut self, epoch: i32, at: Position) {
        self.epoch = epoch;
        for topic in self.topics.values_mut() {
            topic.complete = topic.complete.min(at);
            topic.from = topic.from.min(at);
            for last in &mut topic.last {
                *last = (*last).min(at);
            }
        }
        self.rungs.retain(|rung| rung.position <= at);
    }

    /// A topic is empty and is filled from here.
    pub(crate) fn refill(&mut self, topic: Topic, from: Position) {
        if let Some(topic) = self.topic_mut(topic) {
            topic.complete = from;
            topic.from = from;
            topic.last.fill(Position(0));
        }
    }
}

/// Keeps about two rungs for each doubling of the distance from the newest.
fn thin(rungs: &mut Vec<Rung>) {
    let Some(newest) = rungs.first().map(|rung| rung.position.0) else {
        return;
    };
    let distance = |rung: &Rung| 64 - (newest - rung.position.0).leading_zeros();
    let mut kept: Vec<Rung> = Vec::with_capacity(rungs.len());
    for rung in rungs.drain(..) {
        let near = kept
            .iter()
            .rev()
            .take_while(|other| distance(other) == distance(&rung));
        // Of one doubling the newest and the oldest stay: the oldest is the one that grows into the next.
        if near.count() >= 2 {
            kept.pop();
        }
        kept.push(rung);
    }
    *rungs = kept;
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mark() -> Mark {
        Mark::beginning(1, 3, |_| Position(0))
    }

    #[test]
    fn rungs_are_few_and_reach_far_back() {
        let mut mark = mark();
        for position in 1..200_000 {
            mark.complete(Position(position), &[0; 32]);
        }
        let positions: Vec<i64> = mark.rungs.iter().map(|rung| rung.position.0).collect();
        assert!(positions.len() <= 40, "{positions:?}");
        assert!(positions.windows(2).all(|pair| pair[0] > pair[1]));
        assert!(
            positions.last().is_some_and(|last| *last < 100_000),
            "{positions:?}"
        );
        // From wherever a fork is, the next rung below is not much further from the end than the fork.
        for fork in (1..200_000).step_by(997) {
            if let Some(below) = positions.iter().find(|position| **position <= fork) {
                assert!(199_999 - below <= 4 * (199_999 - fork) + 4, "{fork} {below}");
            }
        }
    }

    #[test]
    fn a_partition_knows_what_came_before() {
        let mut mark = mark();
        assert_eq!(mark.send(Topic::Events, 1, Position(4)), Position(0));
        assert_eq!(mark.send(Topic::Events, 1, Position(9)), Position(4));
        assert_eq!(mark.send(Topic::Compliance, 1, Position(10)), Position(0));
        mark.complete(Position(10), &[1; 32]);
        assert!(mark.has(Topic::Events, Position(10)) && !mark.has(Topic::Events, Position(11)));

        mark.refill(Topic::Events, Position(6));
        assert_eq!(mark.position(), Position(6));
        assert!(
            mark.has(Topic::Compliance, Position(8)),
            "the other topic is as it was"
        );
        assert_eq!(mark.send(Topic::Events, 1, Position(9)), Position(6));
    }

    #[test]
    fn after_a_fork_nothing_is_known_of_what_was_given_up() {
        let mut mark = mark();
        for position in 1..=20 {
            mark.send(Topic::Events, 0, Position(position));
            mark.complete(Position(position), &[3; 32]);
        }
        mark.cut(2, Position(15));
        assert_eq!((mark.epoch, mark.position()), (2, Position(15)));
        assert_eq!(mark.send(Topic::Events, 0, Position(17)), Position(15));
        assert!(mark.rungs.iter().all(|rung| rung.position <= Position(15)));
    }

    #[test]
    fn a_mark_of_a_later_version_is_read() {
        let text = r#"{"epoch":3,"topics":{"events":{"complete":5,"from":0,"last":[5],"more":1}},"rungs":[],"x":{}}"#;
        let mark: Mark = serde_json::from_str(text).expect("a mark");
        assert_eq!(mark.position(), Position(5));
    }
}
