//! The stream against a real Kafka and a real PostgreSQL.

mod consumers;
mod faults;
mod relaying;
mod world;
