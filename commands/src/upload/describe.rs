//! What a file is called and what it is: neither is believed as it comes.

/// Bytes of a file that are looked at to tell its type: the signature of a TAR stands at 257, everything else before.
pub(crate) const HEAD_BYTES: usize = 4096;

/// Bytes of a name, as file systems have it.
const NAME_BYTES_MAX: usize = 255;

const UNKNOWN: &str = "application/octet-stream";

/// The last part of a path, without what does not belong into a name: control characters, marks that turn the reading
/// direction (by which `gpj.exe` would look like `exe.jpg`), and what file systems refuse.
pub(crate) fn clean_name(given: &str) -> String {
    let last = given.rsplit(['/', '\\']).next().unwrap_or_default();
    let kept: String = last.chars().filter(|c| belongs(*c)).collect();
    let trimmed = kept.trim().trim_start_matches('.').trim_end_matches(['.', ' ']);
    let name = shortened(trimmed);
    if name.is_empty() { "file".to_owned() } else { name }
}

fn belongs(c: char) -> bool {
    let turns =
        matches!(c, '\u{061C}' | '\u{200E}' | '\u{200F}' | '\u{202A}'..='\u{202E}' | '\u{2066}'..='\u{2069}');
    let invisible = matches!(c, '\u{2028}' | '\u{2029}' | '\u{FEFF}' | '\u{FFFC}');
    let refused = matches!(c, '<' | '>' | ':' | '"' | '|' | '?' | '*');
    !(c.is_control() || turns || invisible || refused)
}

/// Cut in the middle, so that the ending stays.
fn shortened(name: &str) -> String {
    if name.len() <= NAME_BYTES_MAX {
        return name.to_owned();
    }
    let ending = name.rfind('.').map_or("", |dot| &name[dot..]).to_owned();
    let ending = if ending.len() > 20 { String::new() } else { ending };
    let end = name.floor_char_boundary(NAME_BYTES_MAX - ending.len());
    format!("{}{ending}", name[..end].trim_end())
}

/// The media type that the content shows. Text has no signature: its ending says which kind of text it is.
pub(crate) fn media_type(head: &[u8], name: &str) -> String {
    let ending = || {
        name.rsplit_once('.')
            .map(|(_, ending)| ending.to_lowercase())
            .unwrap_or_default()
    };
    if let Some(kind) = infer::get(head) {
        return kind.mime_type().to_owned();
    }
    if !is_text(head) {
        return UNKNOWN.to_owned();
    }
    match ending().as_str() {
        "csv" => "text/csv",
        "tsv" => "text/tab-separated-values",
        "md" | "markdown" => "text/markdown",
        "json" => "application/json",
        "xml" => "application/xml",
        "html" | "htm" => "text/html",
        "svg" => "image/svg+xml",
        "ics" => "text/calendar",
        "vcf" => "text/vcard",
        "rtf" => "application/rtf",
        _ => "text/plain",
    }
    .to_owned()
}

/// UTF-8 without control characters but those of white space. The head may end within a character.
fn is_text(head: &[u8]) -> bool {
    let text = match str::from_utf8(head) {
        Ok(text) => text,
        Err(error) if error.error_len().is_none() => {
            str::from_utf8(&head[..error.valid_up_to()]).unwrap_or_default()
        }
        Err(_) => return false,
    };
    !text.is_empty() && !text.chars().any(|c| c.is_control() && !c.is_whitespace())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_the_last_part_without_what_deceives() {
        for (given, cleaned) in [
            ("report.pdf", "report.pdf"),
            ("C:\\Users\\me\\report.pdf", "report.pdf"),
            ("../../etc/passwd", "passwd"),
            ("photo\u{202e}gpj.exe", "photogpj.exe"),
            ("a\r\nContent-Type: text/html", "html"),
            ("  .hidden ", "hidden"),
            ("trailing. . ", "trailing"),
            ("relatório é ótimo.pdf", "relatório é ótimo.pdf"),
            ("", "file"),
            ("///", "file"),
            ("\u{0}\u{7}", "file"),
        ] {
            assert_eq!(clean_name(given), cleaned, "{given:?}");
        }
    }

    #[test]
    fn a_long_name_keeps_its_ending_and_its_characters_whole() {
        let name = clean_name(&format!("{}.pdf", "é".repeat(300)));
        assert!(name.len() <= NAME_BYTES_MAX && name.ends_with("é.pdf"), "{name}");
        let name = clean_name(&format!("a.{}", "b".repeat(300)));
        assert_eq!(name.len(), NAME_BYTES_MAX);
    }

    #[test]
    fn the_type_is_what_the_content_shows_and_not_what_the_name_says() {
        let png = b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR";
        let executable = b"\x7fELF\x02\x01\x01\0\0\0\0\0\0\0\0\0\x02\0\x3e\0\x01\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0";
        for (head, name, expected) in [
            (&png[..], "a.txt", "image/png"),
            (&executable[..], "holiday.jpg", "application/x-executable"),
            (b"%PDF-1.7", "x", "application/pdf"),
            (b"name,age\nAda,36\n", "people.CSV", "text/csv"),
            (b"# Title", "readme.md", "text/markdown"),
            (b"plain words", "noending", "text/plain"),
            ("ol\u{e1}".as_bytes(), "ola.txt", "text/plain"),
            (&"é".as_bytes()[..1], "cut.txt", "application/octet-stream"),
            (&[b"a", &"é".as_bytes()[..1]].concat(), "cut.txt", "text/plain"),
            (b"a\0b", "binary.txt", "application/octet-stream"),
            (b"", "empty.txt", "application/octet-stream"),
        ] {
            assert_eq!(media_type(head, name), expected, "{name}");
        }
    }
}
