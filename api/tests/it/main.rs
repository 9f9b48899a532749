//! The edge as a client meets it: a running server over a real database.

mod access;
mod automation;
mod contracts;
mod desk;
mod drive;
mod files;
mod graphql;
mod idempotency;
mod node;
mod pages;
mod protocol;
mod ratings;
mod rest;
mod schemathesis;
mod server;
mod set_up;
mod socket;
mod visit;
