//! Answers that are files.

use super::{Fault, File, HearKind};
use crate::value::{Object, Value};

/// The first file that fits, as an object.
pub(super) fn first(kind: HearKind, files: &[File]) -> Option<Result<Value, Fault>> {
    files.iter().find(|file| fits(kind, file)).map(object)
}

fn fits(kind: HearKind, file: &File) -> bool {
    let media = file.media_type.to_ascii_lowercase();
    match kind {
        HearKind::File => true,
        HearKind::Image => media.starts_with("image/"),
        HearKind::Audio => media.starts_with("audio/"),
        HearKind::Video => media.starts_with("video/"),
        HearKind::Document => is_document(&media, &file.name),
        _ => false,
    }
}

/// Media types of what offices exchange: ISO 32000, OpenDocument, Office Open XML and its predecessors.
const DOCUMENTS: &[&str] = &[
    "application/pdf",
    "application/msword",
    "application/rtf",
    "application/json",
    "application/xml",
    "application/epub+zip",
    "application/vnd.ms-",
    "application/vnd.oasis.opendocument.",
    "application/vnd.openxmlformats-officedocument.",
    "text/",
];

/// Endings of names, for devices that do not tell the type.
const ENDINGS: &[&str] = &[
    ".pdf", ".doc", ".docx", ".xls", ".xlsx", ".ppt", ".pptx", ".odt", ".ods", ".odp", ".rtf", ".txt", ".md",
    ".csv",
];

fn is_document(media: &str, name: &str) -> bool {
    let untold = media.is_empty() || media == "application/octet-stream";
    let name = name.to_lowercase();
    DOCUMENTS.iter().any(|known| media.starts_with(known))
        || untold && ENDINGS.iter().any(|ending| name.ends_with(ending))
}

/// `text` is where what the file says would stand; reading files is not the machine's business.
fn object(file: &File) -> Result<Value, Fault> {
    let mut object = Object::default();
    object.set("id", Value::text(file.id.as_str()))?;
    object.set("name", Value::text(file.name.as_str()))?;
    object.set("type", Value::text(file.media_type.as_str()))?;
    object.set(
        "size",
        Value::Integer(i64::try_from(file.bytes).unwrap_or(i64::MAX)),
    )?;
    object.set("url", Value::text(file.url.as_str()))?;
    object.set("text", Value::Null)?;
    Ok(Value::Object(object))
}
