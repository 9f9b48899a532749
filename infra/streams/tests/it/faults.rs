//! Faults of the stream.
