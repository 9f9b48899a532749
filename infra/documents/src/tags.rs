//! How many attributes a tag has at most, told before anything reads them.
//!
//! The readers of HTML and XML compare each attribute of a tag with all before it, so one tag of some MiB takes them hours.
//! Where tags begin depends on comments, quotes and scripts around them; here each `<` may begin one, so nothing around it
//! hides a tag. What comes out is never less than what a reader finds.

use std::io;

use basic::Refusal;

use crate::unreadable;

/// Attributes of one tag.
const ATTRIBUTES_MAX: u32 = 1_000;

/// Where in a tag a reader may be.
#[derive(Clone, Copy)]
enum Place {
    Opened,
    Closing,
    Name,
    /// Before the name of an attribute.
    Between,
    Attribute,
    /// After the name of an attribute.
    Named,
    /// Before the value of an attribute.
    Equals,
    Quoted,
    SingleQuoted,
    Bare,
}

const PLACES: [Place; 10] = [
    Place::Opened,
    Place::Closing,
    Place::Name,
    Place::Between,
    Place::Attribute,
    Place::Named,
    Place::Equals,
    Place::Quoted,
    Place::SingleQuoted,
    Place::Bare,
];

impl Place {
    /// Where the next byte leads, and whether an attribute begins with it; None where there is no tag any more.
    fn next(self, byte: u8) -> Option<(Place, bool)> {
        let space = matches!(byte, b' ' | b'\t' | b'\n' | b'\r' | 0x0C);
        let place = match (self, byte) {
            (Place::Quoted, b'"') | (Place::SingleQuoted, b'\'') => Place::Between,
            (Place::Quoted | Place::SingleQuoted, _) => self,
            (Place::Opened, b'/') => Place::Closing,
            (Place::Opened, b'!' | b'?') | (_, b'>') => return None,
            (Place::Opened | Place::Closing, _) if space => return None,
            (Place::Opened | Place::Closing, _) => Place::Name,
            (Place::Bare, _) => match space {
                true => Place::Between,
                false => Place::Bare,
            },
            (Place::Equals, b'"') => Place::Quoted,
            (Place::Equals, b'\'') => Place::SingleQuoted,
            (Place::Equals, _) => match space {
                true => Place::Equals,
                false => Place::Bare,
            },
            (_, b'/') => Place::Between,
            (Place::Attribute, _) if space => Place::Named,
            (_, _) if space => match self {
                Place::Named => Place::Named,
                _ => Place::Between,
            },
            (Place::Attribute | Place::Named, b'=') => Place::Equals,
            (Place::Name | Place::Attribute, _) => self,
            _ => return Some((Place::Attribute, true)),
        };
        Some((place, false))
    }
}

/// Counts while bytes go by.
#[derive(Default)]
pub(crate) struct Tags {
    /// The attributes so far, for each place where a reader may be.
    counts: [Option<u32>; PLACES.len()],
    /// The most attributes that a tag had.
    most: u32,
}

impl Tags {
    fn byte(&mut self, byte: u8) {
        let mut next = [None; PLACES.len()];
        for place in PLACES {
            let Some(count) = self.counts[place as usize] else {
                continue;
            };
            if let Some((place, begins)) = place.next(byte) {
                let count = count + u32::from(begins);
                self.most = self.most.max(count);
                next[place as usize] = next[place as usize].max(Some(count));
            }
        }
        if byte == b'<' {
            next[Place::Opened as usize] = Some(0);
        }
        self.counts = next;
    }

    /// Refuses what has a tag with more attributes than are read.
    pub(crate) fn check(&self) -> Result<(), Refusal> {
        match self.most > ATTRIBUTES_MAX {
            true => Err(unreadable("a tag has too many attributes")),
            false => Ok(()),
        }
    }
}

impl io::Write for Tags {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let mut rest = bytes;
        while let Some((byte, after)) = rest.split_first() {
            if self.counts.iter().all(Option::is_none) {
                // Outside of tags only the next one matters.
                let Some(at) = rest.iter().position(|byte| *byte == b'<') else {
                    break;
                };
                rest = &rest[at + 1..];
                self.byte(b'<');
                continue;
            }
            self.byte(*byte);
            rest = after;
        }
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Refuses a text that has a tag with more attributes than are read.
pub(crate) fn check(text: &[u8]) -> Result<(), Refusal> {
    let mut tags = Tags::default();
    // Counting fails at nothing.
    let _ = io::Write::write(&mut tags, text);
    tags.check()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn most(text: &str) -> u32 {
        let mut tags = Tags::default();
        let _ = io::Write::write(&mut tags, text.as_bytes());
        tags.most
    }

    #[test]
    fn attributes_are_counted_as_readers_find_them() {
        for (text, attributes) in [
            ("no < tag > a=1 b=2", 0),
            ("<p>", 0),
            ("<a b c=1 d = 'x y' e=\"<>\" f/g>x y z", 6),
            ("<a b='1'c=\"2\"d>", 3),
            ("</a b c>", 2),
            ("<br/>< a b>", 0),
            // Not hidden by what only looks like a quote, and not by a comment.
            ("<!-- <x y=\" --><a b c d>\"", 3),
            ("<!-- <x y='\"' z=' --><a b c d>'", 3),
            ("<a b=\"1 2 3 4\" c>", 2),
        ] {
            assert_eq!(most(text), attributes, "{text}");
        }
    }

    #[test]
    fn what_has_no_end_is_refused() {
        let many = |count: usize| format!("<a {}>", "b='1' ".repeat(count));
        assert!(check(many(1_000).as_bytes()).is_ok());
        assert_eq!(
            check(many(1_001).as_bytes()).expect_err("too many").code,
            "document_unreadable"
        );
        assert!(check("<td a=1 b=2>word word</td>".repeat(10_000).as_bytes()).is_ok());
    }
}
