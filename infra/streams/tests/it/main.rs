//! The stream against a real Kafka and a real PostgreSQL.
#![expect(clippy::print_stdout, reason = "tests say which seed they ran with")]

mod consumers;
mod faults;
mod relaying;
mod world;
