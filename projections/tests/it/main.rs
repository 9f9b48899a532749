//! Projections against a real database: the runtime, rebuilds, questions, and who may read what.

mod files;
mod fixture;
mod history;
mod isolation;
mod leading;
mod pages;
mod parking;
mod rebuilding;
mod running;
mod sharing;
