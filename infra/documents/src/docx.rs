//! Word documents: their text, and templates that are filled.

use std::io::Cursor;
use std::panic::{AssertUnwindSafe, catch_unwind};

use basic::{Refusal, Value};

use crate::archive::{pack, part, unpack};
use crate::template::{Filling, markup};
use crate::{TEXT_BYTES_MAX, unreadable, xml};

const BODY: &str = "word/document.xml";
const BODY_BYTES_MAX: u64 = 32 << 20;
/// Each takes about a hundred bytes.
const NODES_MAX: u32 = 1_000_000;

/// The text of a document, paragraph by paragraph.
pub fn text(bytes: &[u8]) -> Result<String, Refusal> {
    let body = part(bytes, BODY, BODY_BYTES_MAX)?;
    let body = String::from_utf8(body).map_err(|_| damaged())?;
    catch_unwind(AssertUnwindSafe(|| paragraphs(&body))).unwrap_or_else(|_| Err(damaged()))
}

fn damaged() -> Refusal {
    unreadable("the file cannot be read as a document")
}

fn paragraphs(body: &str) -> Result<String, Refusal> {
    let document = xml::tree(body, NODES_MAX).map_err(|_| damaged())?;
    let mut text = String::new();
    for node in document.descendants() {
        match node.tag_name().name() {
            "p" if !text.is_empty() => text.push('\n'),
            "t" => text.push_str(node.text().unwrap_or_default()),
            "tab" => text.push('\t'),
            "br" => text.push('\n'),
            _ => {}
        }
        if text.len() > TEXT_BYTES_MAX {
            return Err(crate::too_large("the document has more than 8 MiB of text"));
        }
    }
    Ok(text)
}

/// A document that is a template, filled: `{{name}}` in its text, as far as it was typed in one go.
pub fn fill(bytes: &[u8], data: &Value) -> Result<Vec<u8>, Refusal> {
    let mut entries = unpack(bytes)?;
    let parts = entries.iter_mut().filter(|entry| {
        let name = entry.name.as_str();
        name == BODY || name.starts_with("word/header") || name.starts_with("word/footer")
    });
    let mut filling = Filling::new(data, markup);
    for entry in parts {
        let text = str::from_utf8(&entry.bytes).map_err(|_| damaged())?;
        entry.bytes = filling.filled(text)?.into_bytes();
    }
    pack(&entries)
}

/// Whether a file is such a document.
pub fn is_docx(bytes: &[u8]) -> bool {
    zip::ZipArchive::new(Cursor::new(bytes)).is_ok_and(|archive| archive.index_for_name(BODY).is_some())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::archive::Entry;

    fn document(body: &str) -> Vec<u8> {
        let entry = |name: &str, text: &str| Entry {
            name: name.to_owned(),
            bytes: text.as_bytes().to_vec(),
        };
        let body = format!("<w:document xmlns:w=\"w\"><w:body>{body}</w:body></w:document>");
        pack(&[entry("[Content_Types].xml", "<Types/>"), entry(BODY, &body)]).expect("packed")
    }

    #[test]
    fn a_template_is_filled_and_read() {
        let template = document(
            "<w:p><w:r><w:t>Dear {{name}},</w:t></w:r></w:p><w:p><w:r><w:t>welcome.</w:t></w:r></w:p>",
        );
        assert!(is_docx(&template) && !is_docx(b"PK"));
        let data = Value::from_json(serde_json::json!({ "name": "Ana & Rui" }));
        let made = fill(&template, &data).expect("filled");
        assert_eq!(text(&made).expect("read"), "Dear Ana & Rui,\nwelcome.");
        assert_eq!(text(b"no").expect_err("damaged").code, "document_unreadable");
    }

    #[test]
    fn all_parts_together_have_an_end() {
        let header = |number: usize| Entry {
            name: format!("word/header{number}.xml"),
            bytes: b"{{#each l}}{{this}}{{/each}}".to_vec(),
        };
        let parts: Vec<Entry> = (0..20).map(header).collect();
        let text = "x".repeat(1 << 10);
        let data = Value::from_json(serde_json::json!({ "l": vec![text; 1_000] }));
        let made = fill(&pack(&parts[..5]).expect("packed"), &data);
        assert!(made.is_ok());
        let refused = fill(&pack(&parts).expect("packed"), &data).expect_err("20 MiB");
        assert_eq!(refused.code, "document_too_large");
    }

    #[test]
    fn entities_do_not_grow() {
        let bomb = "<!DOCTYPE a [<!ENTITY a \"aaaa\"><!ENTITY b \"&a;&a;\">]><a><t>&b;</t></a>";
        assert!(paragraphs(bomb).is_err());
    }
}
