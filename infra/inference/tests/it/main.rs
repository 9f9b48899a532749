//! Tests of the worker, with real weights and small random ones.

mod clients;
mod command_line;
mod engine;
mod folders;
mod gpu;
mod hostile;
mod keys;
mod leaks;
mod life;
mod memory;
mod protocol;
mod queue;
mod references;
mod refused;
mod sdk;
mod tls;
mod traces;
mod worker;
