//! The contracts of stored events: golden payloads of every version ever written, and the schemas.

mod contracts;
mod examples;
mod states;
