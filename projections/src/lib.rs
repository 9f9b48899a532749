//! Read models: what the events make visible. One file per noun says how events become rows, then the questions
//! asked of them; the runtime that feeds them is beside.
//!
//! Invariants, each one a test:
//! 1. A row is made from events of one ordering key, by a pure fold; nothing else writes it.
//! 2. Rows and checkpoint move in one transaction: an event counts once, whatever is killed.
//! 3. The size of a batch does not show in the rows, nor does the number of processes, nor a rebuild.
//! 4. Personal values stay sealed in the tables; they are opened only on the way to a reader with the right.
//! 5. A reader sees one organisation's rows, whatever it asks for.

mod checkpoint;
mod column;
mod fold;
mod listing;
mod live;
mod membership;
mod paging;
mod parking;
mod presence;
mod reader;
mod rebuild;
mod registry;
mod runtime;
mod share;
mod slot;
mod source;
mod stream;
#[cfg(test)]
mod testing;
mod waiting;

pub mod bot;
pub mod conversation;
pub mod file;
pub mod organisation;
pub mod run;
pub mod session;
pub mod user;

pub use checkpoint::{Building, Failure, ProjectionStatus};
pub use live::{Live, LiveEnd, LiveEvent, LiveFact, LiveSubscription, Topic, TopicWatch};
pub use paging::{Keyset, Page, PageError, Slice, cursor_at, cursor_of_key, place_of};
pub use parking::{ParkedError, ParkedFilter, ParkedRow, parked, parked_at, retry, skip};
pub use presence::Presences;
pub use reader::{ReadError, Reader, Reads};
pub use rebuild::{
    Certificate, Progress, RebuildError, RebuildOptions, Rebuilt, Stage, TableCompared, certificates, digest,
    rebuild, roll_back,
};
pub use registry::{NAMES, list};
pub use runtime::{Options, Reached};
pub use share::Slices;
pub use source::{Deliveries, Delivery, Part, Passed, Source, SourceError};
pub use stream::{ForkFound, RelayFailure, StreamStatus, streams};
pub use waiting::{Projections, WaitError};
