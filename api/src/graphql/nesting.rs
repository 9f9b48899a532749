//! How deep the text of a document nests. The library's parser recurses with it, so text that is nested too deep must
//! not reach the parser.

use super::extent::TooMuch;

/// Brackets open at once in a document's text. The deepest of public introspection queries has about 20.
pub(super) const NESTING_MAX: usize = 60;
/// Refuses text that nests too deep to be parsed safely. Brackets in strings and comments do not count.
pub(super) fn check_text(text: &str) -> Result<(), TooMuch> {
    let mut rest = text.as_bytes();
    let mut open = 0_usize;
    while let Some((first, tail)) = rest.split_first() {
        rest = match first {
            b'{' | b'[' | b'(' => {
                open += 1;
                if open > NESTING_MAX {
                    return Err(TooMuch::Depth);
                }
                tail
            }
            b'}' | b']' | b')' => {
                open = open.saturating_sub(1);
                tail
            }
            b'#' => after(tail, |at| matches!(at[0], b'\n' | b'\r'), 1),
            b'"' if tail.starts_with(b"\"\"") => block_string_end(&tail[2..]),
            b'"' => string_end(tail),
            _ => tail,
        };
    }
    Ok(())
}

fn after(text: &[u8], found: impl Fn(&[u8]) -> bool, width: usize) -> &[u8] {
    let at = (0..text.len())
        .find(|at| found(&text[*at..]))
        .unwrap_or(text.len());
    &text[(at + width).min(text.len())..]
}

fn block_string_end(text: &[u8]) -> &[u8] {
    let mut at = 0;
    while at < text.len() {
        if text[at..].starts_with(b"\\\"\"\"") {
            at += 4;
        } else if text[at..].starts_with(b"\"\"\"") {
            return &text[at + 3..];
        } else {
            at += 1;
        }
    }
    &[]
}

/// A string ends with its line, closed or not.
fn string_end(text: &[u8]) -> &[u8] {
    let mut at = 0;
    while let Some(byte) = text.get(at) {
        match byte {
            b'\\' => at += 2,
            b'"' | b'\n' | b'\r' => return &text[at + 1..],
            _ => at += 1,
        }
    }
    &[]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_that_nests_without_end_never_reaches_the_parser() {
        for open in ["{a", "[", "(", "{ a(b: [", "{a(b:{c:"] {
            assert_eq!(check_text(&open.repeat(10_000)), Err(TooMuch::Depth), "{open}");
        }
    }

    #[test]
    fn brackets_in_strings_and_comments_do_not_count() {
        let many = "[".repeat(100);
        for text in [
            format!("{{ a(b: \"{many}\") }}"),
            format!("{{ a(b: \"\\\"{many}\") }}"),
            format!("{{ a(b: \"\"\"{many} \\\"\"\" {many} \" {many}\"\"\") }}"),
            format!("# {many}\n{{ a }}"),
        ] {
            assert_eq!(check_text(&text), Ok(()), "{text}");
        }
        assert_eq!(check_text(&format!("\"\" {many}")), Err(TooMuch::Depth));
    }
}
