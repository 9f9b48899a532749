//! Slices: the shares in which workers and Kafka partitions divide the log.

use sha2::{Digest, Sha256};

/// How many slices there are, for ever: a stored event names its slice.
pub const SLICES: u16 = 1024;

/// The slice of an ordering key: the first ten bits of its SHA-256, so that a consumer in any language finds the same.
pub fn slice_of(ordering_key: &str) -> u16 {
    let digest = Sha256::digest(ordering_key.as_bytes());
    u16::from_be_bytes([digest[0], digest[1]]) >> 6
}
