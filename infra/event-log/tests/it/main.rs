//! The event log against a real database.

mod append;
mod claims;
mod crashes;
mod feed;
mod fixture;
mod gatherer;
mod isolation;
mod master_key;
mod model;
mod mutants;
mod races;
mod receipts;
mod seal;
mod sequencer;
mod stock;
mod stock_snapshots;
mod verify;
