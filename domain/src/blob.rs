//! Blobs: values too large for an event, kept beside the log.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// A blob and what opens it.
#[derive(Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct BlobReference {
    pub key: String,
    /// 32 bytes, base64: the blob is sealed under them, so it can be read only through this event.
    pub secret: String,
    /// Size before sealing.
    pub bytes: u64,
}

impl std::fmt::Debug for BlobReference {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("BlobReference")
            .field("key", &self.key)
            .field("bytes", &self.bytes)
            .finish_non_exhaustive()
    }
}
