//! The event log: append, sequence, feed, seal. PostgreSQL is the truth; everything else is read from here.
//!
//! Invariants, each one a test:
//! 1. The events of a stream are numbered 1, 2, 3 … without a gap; a command is stored whole or not at all.
//! 2. Positions are dense, start at 1 and never change; every committed event gets exactly one.
//! 3. The order of positions extends the order of each stream and of what a writer had read.
//! 4. A command id stores its events once, whoever repeats it and however often.
//! 5. No clear personal data reaches PostgreSQL: what a marker wraps is sealed before the statement is built.
//!
//! The crate knows no noun of ours: it moves JSON, and looks inside only for the marker of a personal value.

mod append;
mod appender;
mod batch;
mod claim;
mod columns;
mod crash_point;
mod envelope;
mod epoch;
mod error;
mod feed;
mod gatherer;
mod keyring;
mod keys;
mod leaf;
mod marker;
mod master_key;
mod migrate;
mod probe;
mod read;
mod seal;
mod sequencer;
mod slice;
mod snapshot;
mod types;
mod verify;

pub use append::EventLog;
pub use batch::SealedCommand;
pub use crash_point::crash_point;
pub use epoch::{begin_next as begin_next_epoch, current as current_epoch};
pub use error::EventLogError;
pub use feed::{Feed, Scanned, StoredEvent, StreamTypes};
pub use keyring::{Keyring, KeyringError};
pub use leaf::{Leaf, leaf};
pub use master_key::MasterKey;
pub use migrate::{MIGRATOR, migrate};
/// For those who look for faults in sealing.
#[doc(hidden)]
pub use probe::Probe;
/// The statement of a step, for the tests that change it and must be caught.
#[doc(hidden)]
pub use sequencer::STEP as SEQUENCER_STEP;
pub use sequencer::{Sequencer, SequencerError};
pub use slice::{SLICES, slice_of};
pub use snapshot::Snapshot;
pub use types::*;
pub use verify::{FINDINGS_MAX, Finding, Verification, verify};
