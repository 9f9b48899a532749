//! Facts: what can happen to each noun, and what that makes of it. No I/O, no clock, no randomness.
//!
//! One file per noun holds its events, its state and how events change it. An `apply` only assigns: whatever had
//! to be computed was computed by the decision, and its outcome is in the event.

pub mod access;
mod blob;
pub mod bot;
pub mod conversation;
pub mod drive;
mod event;
pub mod file;
mod id;
pub mod memory;
pub mod organisation;
mod permission;
mod personal;
pub mod projection;
pub mod run;
pub mod schedule;
pub mod schema;
pub mod session;
pub mod token;
pub mod trigger;
mod upcast;
pub mod user;

pub use blob::BlobReference;
pub use event::{Aggregate, Claim, Event, EventFormatError, decode, encode};
pub use id::*;
pub use permission::{Permission, UnknownPermission};
pub use personal::{Class, Personal};
pub use upcast::{UPCASTERS, Upcaster, upcast};

/// The nouns whose events are compliance facts: what those look at who must account for the system.
pub const COMPLIANCE: &[&str] = &["access", "token", "projection"];
