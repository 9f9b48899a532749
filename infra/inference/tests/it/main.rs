//! Tests of the worker, with real weights and small random ones.

mod command_line;
mod hostile;
mod keys;
mod leaks;
mod life;
mod protocol;
mod references;
mod tls;
mod traces;
mod worker;
