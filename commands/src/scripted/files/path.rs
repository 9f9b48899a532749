//! Which words are about files, and which file they mean.

use basic::{Refusal, Request, Value};
use documents::tables::Format;
use domain::FileId;

use super::{Handled, text};
use crate::drive::{drive_path, folder_path};

/// A file that a script names.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Named {
    /// Of the drive.
    Path(String),
    /// What somebody sent in this session.
    Sent(FileId),
}

/// Words about rows, which may be those of a file.
fn is_of_rows(word: &str) -> bool {
    word != "SELECT" && crate::scripted::tables::knows(word)
}

/// Whether a request is one about files.
pub(in crate::scripted) fn knows(request: &Request) -> bool {
    match request.word {
        "READ" | "WRITE" | "CREATE FILE" | "COPY" | "MOVE" | "DELETE FILE" | "LIST" | "COMPRESS"
        | "EXTRACT" | "UPLOAD" | "DOWNLOAD" | "GENERATE PDF" | "MERGE PDF" | "IMPORT" | "EXPORT"
        | "FILL FILE" => true,
        "SEND FILE" => request.arguments.len() == 1 && request.clause("to").is_none(),
        "GET" => {
            let first = text(request, 0);
            !first.contains("://") && !first.starts_with('/')
        }
        "DELETE" if !has_condition(request) => is_file(&text(request, 0)),
        word if is_of_rows(word) => is_table(&table_of(request).0),
        _ => false,
    }
}

/// Whether it changes the drive.
pub(super) fn changes(request: &Request) -> bool {
    !matches!(
        request.word,
        "READ" | "GET" | "LIST" | "IMPORT" | "FIND" | "GET FROM" | "AGGREGATE" | "SEARCH" | "SEND FILE"
    )
}

/// Whether DELETE says which rows, and so means those of a file.
pub(super) fn has_condition(request: &Request) -> bool {
    request.condition.is_some() || request.arguments.len() > 1
}

/// The file whose rows are meant, and which argument names it.
pub(super) fn table_of(request: &Request) -> (String, usize) {
    match request.clause("to") {
        Some(file) if request.word == "SAVE" => return (file.to_string(), usize::MAX),
        _ => {}
    }
    let first = text(request, 0);
    match request.word {
        "AGGREGATE" if !is_table(&first) => (text(request, 1), 1),
        _ => (first, 0),
    }
}

fn is_address(name: &str) -> bool {
    name.contains("://") || name.starts_with('/')
}

fn is_table(name: &str) -> bool {
    Format::of(name).is_some() && !is_address(name)
}

/// A name that ends as those of files do.
fn is_file(name: &str) -> bool {
    let ending = name.trim().rsplit_once('.').map(|(_, ending)| ending);
    let is_ending =
        |ending: &str| (1..=5).contains(&ending.len()) && ending.chars().all(|c| c.is_ascii_alphanumeric());
    !is_address(name) && ending.is_some_and(is_ending)
}

/// A path where a file of the drive is wanted. What LIST or GENERATE PDF answer names one too.
pub(super) fn file(value: &Value) -> Handled<String> {
    match named(value)? {
        Named::Path(path) => Ok(path),
        Named::Sent(_) => Err(Refusal::mistake(
            "drive_path",
            "a path of the drive is wanted here; UPLOAD gives a file one",
        )
        .into()),
    }
}

/// A file of the drive, or one that somebody sent.
pub(super) fn named(value: &Value) -> Handled<Named> {
    let Value::Object(fields) = value else {
        let given = value.to_string();
        if let Some(id) = sent_at(&given) {
            return Ok(Named::Sent(id));
        }
        return Ok(Named::Path(drive_path(&given)?));
    };
    if let Some(path) = fields.get("path").or_else(|| fields.get("localName")) {
        return Ok(Named::Path(drive_path(&path.to_string())?));
    }
    let id = fields.get("id").and_then(|id| id.to_string().parse().ok());
    match id.or_else(|| sent_at(&fields.get("url")?.to_string())) {
        Some(id) => Ok(Named::Sent(id)),
        None => Err(Refusal::mistake("drive_path", "this names no file").into()),
    }
}

/// The file at an address that HEAR gave.
fn sent_at(address: &str) -> Option<FileId> {
    let (_, id) = address.strip_prefix("/api/v1/sessions/")?.split_once("/files/")?;
    id.parse().ok()
}

/// A folder of the drive, or the drive itself.
pub(super) fn folder(given: &str) -> Handled<String> {
    Ok(folder_path(given)?)
}

/// A name below a folder.
pub(super) fn below(folder: &str, name: &str) -> String {
    match folder {
        "" => name.to_owned(),
        folder => format!("{folder}/{name}"),
    }
}

/// The last part of a path.
pub(super) fn name_of(path: &str) -> &str {
    path.rsplit('/').next().unwrap_or(path)
}

/// A path from which a file is written: the one given, or the name below it where that is a folder.
pub(super) fn target(given: &str, name: &str) -> Handled<String> {
    let given = given.trim();
    if given.is_empty() || given.ends_with('/') {
        let folder = folder(given)?;
        return Ok(drive_path(&below(&folder, name))?);
    }
    Ok(drive_path(given)?)
}

/// `*` stands for anything, `?` for one character, whatever the case.
pub(super) fn matches(name: &str, pattern: &str) -> bool {
    let letters = |text: &str| text.to_lowercase().chars().collect::<Vec<char>>();
    let (name, pattern) = (letters(name), letters(pattern));
    let (mut n, mut p, mut last) = (0, 0, None);
    while n < name.len() {
        match pattern.get(p) {
            Some('*') => {
                last = Some((p, n));
                p += 1;
            }
            Some(c) if *c == '?' || *c == name[n] => (n, p) = (n + 1, p + 1),
            // Never further back than the last star, so that no pattern takes long.
            _ => match last {
                Some((star, from)) => {
                    last = Some((star, from + 1));
                    (n, p) = (from + 1, star + 1);
                }
                None => return false,
            },
        }
    }
    pattern[p..].iter().all(|c| *c == '*')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pattern_meets_names() {
        for (name, pattern, meets) in [
            ("a.PDF", "*.pdf", true),
            ("a.pdf.txt", "*.pdf", false),
            ("invoice-07.csv", "invoice-??.csv", true),
            ("", "*", true),
            ("a", "", false),
            ("aaaaaaaaaaaaaaaaaaaaaaaab", "*a*a*a*a*a*c", false),
        ] {
            assert_eq!(matches(name, pattern), meets, "{name} {pattern}");
        }
    }

    #[test]
    fn files_are_told_from_tables_and_addresses() {
        assert!(is_table("Guests.CSV") && is_table("in/x.xlsx"));
        assert!(!is_table("guests") && !is_table("https://x/y.json") && !is_table("/api/x.json"));
        assert!(is_file("notes.txt") && !is_file("guests") && !is_file("a.b c"));
        let id = FileId::default();
        let address = format!("/api/v1/sessions/{id}/files/{id}");
        assert!(matches!(named(&Value::from(address)), Ok(Named::Sent(found)) if found == id));
    }
}
