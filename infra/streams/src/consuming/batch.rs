//! What a consumer gathers before it hands it over: runs of records without a gap, one for each partition.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Instant;

use event_log::{Position, RecordedEvent};
use projections::Part;
use rdkafka::message::{BorrowedMessage, Message};

use super::{Offsets, part_slices};
use crate::StreamError;
use crate::record::{EventRecord, Record};

/// Parts that are being gathered.
#[derive(Default)]
pub(super) struct Batch {
    pub parts: BTreeMap<i32, Part>,
    pub offsets: Offsets,
    pub records: usize,
    pub since: Option<Instant>,
}

impl Batch {
    /// Adds a record. One that does not continue its partition's part is returned as the beginning of the next batch.
    pub fn take(
        &mut self,
        message: &BorrowedMessage<'_>,
        record: Record<'_>,
        forks: &mut BTreeMap<i32, (i32, Position)>,
        wanted: fn(&RecordedEvent) -> bool,
        partitions: u16,
    ) -> Result<Option<Box<Batch>>, StreamError> {
        let partition = message.partition();
        self.since.get_or_insert_with(Instant::now);
        match record {
            Record::Forked { epoch, position } => {
                forks.insert(partition, (epoch, position));
                // What was gathered of before is void after the fork: the log has what is missing.
                if self.parts.get(&partition).is_some_and(|part| part.to > position) {
                    self.parts.remove(&partition);
                }
            }
            Record::Event(event) => {
                let void = forks
                    .get(&partition)
                    .is_some_and(|(epoch, position)| event.epoch < *epoch && event.position > *position);
                if !void && !self.append(message, &event, wanted, partitions)? {
                    let mut next = Batch {
                        since: Some(Instant::now()),
                        ..Batch::default()
                    };
                    next.append(message, &event, wanted, partitions)?;
                    next.offsets.insert(partition, message.offset() + 1);
                    next.records = 1;
                    return Ok(Some(Box::new(next)));
                }
            }
        }
        self.offsets.insert(partition, message.offset() + 1);
        self.records += 1;
        Ok(None)
    }

    /// False when something lies between the part and the event.
    fn append(
        &mut self,
        message: &BorrowedMessage<'_>,
        event: &EventRecord<'_>,
        wanted: fn(&RecordedEvent) -> bool,
        partitions: u16,
    ) -> Result<bool, StreamError> {
        let part = self.parts.entry(message.partition()).or_insert_with(|| Part {
            slices: part_slices(message.partition(), partitions),
            after: event.previous,
            to: event.previous,
            leaf: Vec::new(),
            events: Vec::new(),
        });
        if event.position <= part.to {
            return Ok(true);
        }
        if event.previous > part.to {
            return Ok(false);
        }
        let recorded = event.event(wanted).map_err(|_| StreamError::Record {
            topic: message.topic().to_owned(),
            what: "the payload",
        })?;
        if wanted(&recorded) {
            part.events.push(Arc::new(recorded));
        }
        part.to = event.position;
        part.leaf = event.leaf.to_vec();
        Ok(true)
    }
}
