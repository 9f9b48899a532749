//! Foreign consumers read what the relay writes.
