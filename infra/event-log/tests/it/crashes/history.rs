//! What was done and seen while the log was cut off again and again, and whether it can be true. Pure.

use std::collections::{BTreeMap, BTreeSet};

use uuid::Uuid;

/// An event as the finished log has it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Placed {
    pub position: i64,
    pub id: Uuid,
    pub stream: String,
    pub sequence: i64,
    /// The last event that its writer had read through the feed: position and id.
    pub saw: Option<(i64, Uuid)>,
}

/// Everything there is to judge by.
#[derive(Debug, Clone, Default)]
pub struct History {
    /// Events that somebody tried to write, whatever became of it.
    pub tried: BTreeSet<Uuid>,
    /// Events whose writer was told that they are stored, under this number of their stream.
    pub acknowledged: BTreeMap<Uuid, i64>,
    /// What each reader saw, in the order in which it saw it: position and id.
    pub readers: Vec<Vec<(i64, Uuid)>>,
    /// The finished log in the order of its positions.
    pub log: Vec<Placed>,
}

/// What contradicts a log that loses, doubles, reorders and changes nothing.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Violation {
    /// Positions are not 1, 2, 3 …
    Hole {
        position: i64,
    },
    /// An event that a writer was told is stored is not there.
    Lost(Uuid),
    Doubled(Uuid),
    /// Nobody ever tried to write it.
    Invented(Uuid),
    /// It has another number in its stream than its writer was told.
    Renumbered(Uuid),
    /// The numbers of a stream are not 1, 2, 3 … in the order of positions.
    StreamInverted {
        stream: String,
        sequence: i64,
    },
    /// An event stands before what its writer had read.
    CauseInverted(Uuid),
    /// A position held another event when a writer or a reader saw it.
    Reassigned {
        position: i64,
    },
    /// A reader was not given every position in turn.
    Skipped {
        reader: usize,
        position: i64,
    },
}

impl History {
    pub fn violations(&self) -> BTreeSet<Violation> {
        let mut found = BTreeSet::new();
        self.check_places(&mut found);
        self.check_streams(&mut found);
        self.check_causes(&mut found);
        self.check_readers(&mut found);
        found
    }

    fn check_places(&self, found: &mut BTreeSet<Violation>) {
        let mut there = BTreeMap::new();
        for (expected, event) in (1..).zip(&self.log) {
            if event.position != expected {
                found.insert(Violation::Hole { position: expected });
            }
            if there.insert(event.id, event.sequence).is_some() {
                found.insert(Violation::Doubled(event.id));
            }
            if !self.tried.contains(&event.id) {
                found.insert(Violation::Invented(event.id));
            }
        }
        for (id, sequence) in &self.acknowledged {
            match there.get(id) {
                None => found.insert(Violation::Lost(*id)),
                Some(stored) if stored != sequence => found.insert(Violation::Renumbered(*id)),
                Some(_) => false,
            };
        }
    }

    fn check_streams(&self, found: &mut BTreeSet<Violation>) {
        let mut reached: BTreeMap<&str, i64> = BTreeMap::new();
        for event in &self.log {
            let last = reached.entry(&event.stream).or_default();
            if event.sequence != *last + 1 {
                found.insert(Violation::StreamInverted {
                    stream: event.stream.clone(),
                    sequence: event.sequence,
                });
            }
            *last = event.sequence;
        }
    }

    fn check_causes(&self, found: &mut BTreeSet<Violation>) {
        for event in &self.log {
            let Some((position, id)) = event.saw else { continue };
            if position >= event.position {
                found.insert(Violation::CauseInverted(event.id));
            }
            if self.at(position) != Some(id) {
                found.insert(Violation::Reassigned { position });
            }
        }
    }

    fn check_readers(&self, found: &mut BTreeSet<Violation>) {
        for (reader, seen) in self.readers.iter().enumerate() {
            for (expected, (position, id)) in (1..).zip(seen) {
                if *position != expected {
                    found.insert(Violation::Skipped {
                        reader,
                        position: expected,
                    });
                }
                if self.at(*position) != Some(*id) {
                    found.insert(Violation::Reassigned { position: *position });
                }
            }
        }
    }

    fn at(&self, position: i64) -> Option<Uuid> {
        self.log
            .iter()
            .find(|event| event.position == position)
            .map(|event| event.id)
    }
}

mod tests {
    use super::*;

    fn id(number: u128) -> Uuid {
        Uuid::from_u128(number)
    }

    fn placed(position: i64, stream: &str, sequence: i64, saw: Option<(i64, u128)>) -> Placed {
        Placed {
            position,
            id: id(position.unsigned_abs().into()),
            stream: stream.to_owned(),
            sequence,
            saw: saw.map(|(position, number)| (position, id(number))),
        }
    }

    /// Four events of two streams; the third was written by somebody who had read the second.
    fn sound() -> History {
        let log = vec![
            placed(1, "a", 1, None),
            placed(2, "b", 1, None),
            placed(3, "a", 2, Some((2, 2))),
            placed(4, "a", 3, None),
        ];
        History {
            tried: log.iter().map(|event| event.id).chain([id(9)]).collect(),
            acknowledged: [(id(1), 1), (id(3), 2)].into(),
            readers: vec![vec![(1, id(1)), (2, id(2)), (3, id(3))], vec![]],
            log,
        }
    }

    #[track_caller]
    fn finds(change: impl FnOnce(&mut History), expected: &[Violation]) {
        let mut history = sound();
        change(&mut history);
        assert_eq!(history.violations(), expected.iter().cloned().collect());
    }

    #[test]
    fn a_sound_history_has_no_violation() {
        finds(|_| {}, &[]);
    }

    #[test]
    fn a_lost_a_doubled_and_an_invented_event_are_found() {
        finds(
            |history| {
                history.acknowledged.insert(id(9), 1);
            },
            &[Violation::Lost(id(9))],
        );
        finds(
            |history| {
                history.log.push(Placed {
                    position: 5,
                    sequence: 4,
                    ..history.log[3].clone()
                });
            },
            &[Violation::Doubled(id(4))],
        );
        finds(
            |history| {
                history.tried.remove(&id(4));
            },
            &[Violation::Invented(id(4))],
        );
    }

    #[test]
    fn a_hole_is_found() {
        finds(
            |history| history.log[3].position = 5,
            &[Violation::Hole { position: 4 }],
        );
    }

    #[test]
    fn an_event_under_another_number_than_was_told_is_found() {
        finds(
            |history| {
                history.acknowledged.insert(id(4), 2);
            },
            &[Violation::Renumbered(id(4))],
        );
    }

    #[test]
    fn a_stream_out_of_order_is_found() {
        let inverted = |sequence| Violation::StreamInverted {
            stream: "a".to_owned(),
            sequence,
        };
        finds(
            |history| {
                history.log[2].sequence = 3;
                history.log[3].sequence = 2;
                history.acknowledged.clear();
            },
            &[inverted(2), inverted(3)],
        );
    }

    #[test]
    fn an_effect_before_its_cause_is_found() {
        finds(
            |history| history.log[2].saw = Some((4, id(4))),
            &[Violation::CauseInverted(id(3))],
        );
    }

    #[test]
    fn a_position_that_changed_hands_is_found() {
        finds(
            |history| history.log[2].saw = Some((2, id(1))),
            &[Violation::Reassigned { position: 2 }],
        );
        finds(
            |history| history.readers[0][1].1 = id(4),
            &[Violation::Reassigned { position: 2 }],
        );
    }

    #[test]
    fn a_reader_that_was_not_given_everything_is_found() {
        finds(
            |history| {
                history.readers[0].remove(1);
            },
            &[Violation::Skipped {
                reader: 0,
                position: 2,
            }],
        );
    }
}
