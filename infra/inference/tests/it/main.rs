//! Tests of the worker, with real weights and small random ones.

mod references;
