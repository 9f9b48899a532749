//! The state chart of every noun, as sentences: given what happened, when this is asked, then that follows.

mod bot;
mod control;
mod conversation;
mod file;
mod token;
mod user;

use chrono::{DateTime, TimeDelta, Utc};
use commands::{Decide, Refusal, RefusalKind};

/// The state after these events.
fn given<A: Decide>(events: impl IntoIterator<Item = A::Event>) -> A {
    let mut state = A::default();
    for event in events {
        state.apply(&event);
    }
    state
}

/// What follows must be exactly this event.
#[track_caller]
fn one<A: Decide>(state: &A, command: A::Command) -> A::Event {
    let mut events = state.decide(command).expect("it is allowed");
    assert_eq!(events.len(), 1, "{events:?}");
    events.remove(0)
}

/// It holds already, so nothing follows.
#[track_caller]
fn nothing<A: Decide>(state: &A, command: A::Command) {
    assert_eq!(state.decide(command).expect("it is allowed"), vec![]);
}

#[track_caller]
fn refused<A: Decide>(state: &A, command: A::Command) -> (RefusalKind, &'static str) {
    let refusal = state.decide(command).expect_err("it is refused");
    (refusal.kind(), refusal.code())
}

fn at(minute: i64) -> DateTime<Utc> {
    DateTime::UNIX_EPOCH + TimeDelta::minutes(minute)
}
