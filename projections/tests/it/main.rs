//! Projections against a real database: the runtime, rebuilds, questions, and who may read what.
#![expect(clippy::print_stdout, reason = "tests say which seed they ran with")]

mod desk;
mod feeding;
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
