//! The contracts of stored events: golden payloads of every version ever written, and the schemas.
#![expect(clippy::print_stdout, reason = "a test says what it could not check")]

mod contracts;
mod examples;
mod history;
mod states;
