//! Ids that no two things share.

use super::{Word, function};
use crate::value::Value;

pub(super) const WORDS: &[Word] = &[function(
    "GUID",
    &["UUID", "NEWGUID"],
    "GUID()",
    "A new id, such as 3b241101-e2bb-4255-8caf-4136c566a962.",
    (0, 0),
    |context, _| {
        // RFC 9562, version 4: all bits by chance but for version and variant. They come from the run's
        // own numbers, so that a repeated run has the same ids.
        let (high, low) = (context.random.bits(), context.random.bits());
        let high = high & !0xf000 | 0x4000;
        let low = low & !(0b11 << 62) | 0b10 << 62;
        Ok(Value::text(format!(
            "{:08x}-{:04x}-{:04x}-{:04x}-{:012x}",
            high >> 32,
            high >> 16 & 0xffff,
            high & 0xffff,
            low >> 48,
            low & 0xffff_ffff_ffff
        )))
    },
)
.constant()];
