//! Tests of the worker, with real weights and small random ones.

mod engine;
mod folders;
mod queue;
mod references;
