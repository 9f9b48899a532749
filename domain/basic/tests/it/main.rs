//! Tests of the dialect from the outside: script in, transcript out.

#![expect(
    clippy::needless_pass_by_value,
    reason = "an expectation is written where it is checked"
)]

mod answers;
mod calls;
mod control;
mod declarations;
mod diagnostics;
mod dialects;
mod dialogs;
mod extremes;
mod functions;
mod generators;
mod language;
mod limits;
mod mistakes;
mod properties;
mod reference;
mod requests;
mod stored;
mod suspended;
mod tools;
mod transcript;
mod wrong;
