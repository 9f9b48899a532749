//! PDF: made from templates, put together, read.
//!
//! Reading a stranger's PDF may take all memory, or the stack. So it is done in a process of its own, which has limits
//! (`Isolated`), and [`serve`] is what that process does.

mod blocks;
mod isolated;
mod layout;
mod metrics;

use std::collections::BTreeMap;
use std::panic::{AssertUnwindSafe, catch_unwind};

use basic::Refusal;
use lopdf::{Document, Object, ObjectId, dictionary};

use crate::{TEXT_BYTES_MAX, too_large, unreadable};

pub use isolated::{Isolated, serve};

/// Pages that are made, read or put together.
const PAGES_MAX: usize = 2_000;

/// Whether a template is HTML.
pub fn is_html(text: &str) -> bool {
    blocks::is_html(text)
}

/// A PDF of a filled template: HTML where it looks so, else text in the manner of Markdown.
pub fn made(text: &str) -> Result<Vec<u8>, Refusal> {
    let blocks = if is_html(text) {
        blocks::of_html(text)?
    } else {
        blocks::of_text(text)
    };
    layout::pages(&blocks)
}

fn damaged() -> Refusal {
    unreadable("the file cannot be read as a PDF")
}

/// The text of a PDF. Only within a process of its own.
fn text(bytes: &[u8]) -> Result<String, Refusal> {
    let read = catch_unwind(AssertUnwindSafe(|| pdf_extract::extract_text_from_mem(bytes)));
    let text = match read {
        Ok(Ok(text)) => text,
        // What one reader cannot make out another may.
        _ => catch_unwind(AssertUnwindSafe(|| plain_text(bytes))).unwrap_or_else(|_| Err(damaged()))?,
    };
    if text.len() > TEXT_BYTES_MAX {
        return Err(too_large("the PDF has more than 8 MiB of text"));
    }
    Ok(text.trim().to_owned())
}

fn plain_text(bytes: &[u8]) -> Result<String, Refusal> {
    let document = Document::load_mem(bytes).map_err(|_| damaged())?;
    let pages: Vec<u32> = document.get_pages().into_keys().take(PAGES_MAX).collect();
    document.extract_text(&pages).map_err(|_| damaged())
}

/// The pages of several PDFs, one behind the other. Only within a process of its own.
fn merged(files: &[&[u8]]) -> Result<Vec<u8>, Refusal> {
    catch_unwind(AssertUnwindSafe(|| joined(files))).unwrap_or_else(|_| Err(damaged()))
}

fn joined(files: &[&[u8]]) -> Result<Vec<u8>, Refusal> {
    let mut whole = Document::with_version("1.7");
    let root = whole.new_object_id();
    let mut kids: Vec<ObjectId> = Vec::new();
    for bytes in files {
        let mut part = Document::load_mem(bytes).map_err(|_| damaged())?;
        if part.is_encrypted() {
            return Err(Refusal::mistake(
                "document_sealed",
                "a PDF under a password cannot be put together",
            ));
        }
        part.renumber_objects_with(whole.max_id + 1);
        whole.max_id = part.max_id.max(whole.max_id);
        let pages: BTreeMap<u32, ObjectId> = part.get_pages();
        for page in pages.into_values() {
            let mut fields = part.get_dictionary(page).map_err(|_| damaged())?.clone();
            // What a page has from the node above it goes along.
            for name in [b"Resources".as_slice(), b"MediaBox", b"CropBox", b"Rotate"] {
                if !fields.has(name)
                    && let Some(value) = inherited(&part, page, name)
                {
                    fields.set(name, value);
                }
            }
            fields.set("Parent", root);
            part.objects.insert(page, Object::Dictionary(fields));
            kids.push(page);
            if kids.len() > PAGES_MAX {
                return Err(too_large("a PDF has at most 2000 pages"));
            }
        }
        whole.objects.extend(part.objects);
    }
    let count = i64::try_from(kids.len()).unwrap_or(0);
    let kids: Vec<Object> = kids.into_iter().map(Object::Reference).collect();
    let pages = dictionary! { "Type" => "Pages", "Kids" => kids, "Count" => count };
    whole.objects.insert(root, Object::Dictionary(pages));
    let catalog = whole.add_object(dictionary! { "Type" => "Catalog", "Pages" => root });
    whole.trailer.set("Root", catalog);
    // Nothing of the parts' own trees stays, nor what they would do when opened.
    whole.prune_objects();
    saved(whole)
}

fn inherited(document: &Document, page: ObjectId, name: &[u8]) -> Option<Object> {
    let mut node = document.get_dictionary(page).ok()?;
    // Trees that go round in circles end too.
    for _ in 0..64 {
        let above = node.get(b"Parent").and_then(Object::as_reference).ok()?;
        node = document.get_dictionary(above).ok()?;
        if let Ok(value) = node.get(name) {
            return Some(value.clone());
        }
    }
    None
}

fn saved(mut document: Document) -> Result<Vec<u8>, Refusal> {
    document.compress();
    let mut bytes = Vec::new();
    document
        .save_to(&mut bytes)
        .map_err(|_| too_large("the PDF cannot be written"))?;
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_made_is_read_again_and_put_together() {
        let first = made("# Invoice 7\n\nDear *Ana*, thank you.\n\n- rope\n- buoy\n").expect("made");
        let read = text(&first).expect("read");
        for part in ["Invoice 7", "Dear Ana, thank you.", "rope", "buoy"] {
            assert!(read.contains(part), "{read}");
        }
        let page = "<h1>Preços</h1><table><tr><th>What</th><th>Price</th></tr><tr><td>Rope</td><td>12,50 €</td></tr></table>";
        let second = made(page).expect("made");
        let both = merged(&[&first, &second]).expect("put together");
        let read = text(&both).expect("read");
        for part in ["Invoice 7", "Preços", "12,50 €"] {
            assert!(read.contains(part), "{read}");
        }
        assert_eq!(Document::load_mem(&both).expect("a PDF").get_pages().len(), 2);
    }

    #[test]
    fn what_is_no_pdf_is_refused() {
        for bytes in [b"".as_slice(), b"%PDF-1.7", b"%PDF-1.7\n1 0 obj\n<</Type"] {
            assert_eq!(text(bytes).expect_err("no PDF").code, "document_unreadable");
            assert!(merged(&[bytes]).is_err());
        }
    }

    #[test]
    fn long_texts_take_several_pages() {
        let long = "A line of some length that is told again and again.\n\n".repeat(300);
        let pdf = made(&long).expect("made");
        let pages = Document::load_mem(&pdf).expect("a PDF").get_pages().len();
        assert!((5..15).contains(&pages), "{pages}");
        let word = "x".repeat(20_000);
        assert!(made(&word).is_ok(), "a word without an end is broken");
        let signs = text(&made("(a\\) b))").expect("made")).expect("read");
        assert_eq!(signs, "(a\\) b))");
    }

    #[test]
    fn more_pages_than_there_may_be_are_not_made() {
        let cells = |first: usize, other: usize| {
            let cell = |words: usize| format!("<td>{}</td>", "mmmm ".repeat(words));
            format!("<table><tr>{}{}</tr></table>", cell(first), cell(other))
        };
        assert!(
            made(&cells(10, 200_000)).is_ok(),
            "the second cell ends with its page"
        );
        for many in ["mmmm ".repeat(TEXT_BYTES_MAX / 5), cells(800_000, 10)] {
            assert_eq!(made(&many).expect_err("too many").code, "document_too_large");
        }
    }
}
