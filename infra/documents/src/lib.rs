//! What files hold: texts, tables, archives, pages. Bytes in, values of scripts out, and back.
//!
//! Everything here is a pure function of what it is given, and bounded: a file is a stranger's. Large files take a while,
//! so callers work on them where nobody waits for it.

pub mod archive;
pub mod docx;
pub mod feed;
mod html;
pub mod page;
pub mod pdf;
pub mod tables;
mod tags;
pub mod template;
mod text;
pub mod xml;

pub use text::text;

use basic::Refusal;

/// Characters of a text that a file is read as.
pub const TEXT_BYTES_MAX: usize = 8 << 20;

/// Values of a JSON that is read, about: each takes far more memory than it has bytes.
pub const VALUES_MAX: usize = 250_000;

/// How many values a JSON may have at most.
pub fn values(json: &[u8]) -> usize {
    let begin = |byte: &&u8| matches!(byte, b'{' | b'[' | b',' | b':');
    json.iter().filter(begin).count()
}

fn too_large(what: &str) -> Refusal {
    Refusal::mistake("document_too_large", what)
}

fn unreadable(what: impl Into<String>) -> Refusal {
    Refusal::new("document_unreadable", what)
}
