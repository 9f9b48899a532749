//! Places in a source text.

/// A range of bytes of the source. Sources are limited to [`SOURCE_BYTES_MAX`], so 32 bits suffice.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Span {
    pub start: u32,
    pub end: u32,
}

/// Longest source accepted: far above any script ever written by hand, and low enough for [`Span`].
pub(crate) const SOURCE_BYTES_MAX: usize = 64 << 20;

impl Span {
    pub fn new(start: usize, end: usize) -> Span {
        Span {
            start: start as u32,
            end: end as u32,
        }
    }

    /// From the start of `self` to the end of `other`.
    pub fn to(self, other: Span) -> Span {
        Span {
            start: self.start,
            end: other.end.max(self.end),
        }
    }

    pub fn text(self, source: &str) -> &str {
        source
            .get(self.start as usize..self.end as usize)
            .unwrap_or_default()
    }
}

/// Where each line of a source begins, and how many characters come before each place.
///
/// Answers in constant time, also for a source of one endless line.
pub(crate) struct Lines<'s> {
    source: &'s str,
    starts: Vec<u32>,
    /// Characters before each block of [`BLOCK`] bytes.
    characters: Vec<u32>,
}

const BLOCK: usize = 256;

impl<'s> Lines<'s> {
    pub fn new(source: &'s str) -> Lines<'s> {
        let breaks = source.bytes().enumerate().filter(|(_, byte)| *byte == b'\n');
        let starts = std::iter::once(0)
            .chain(breaks.map(|(at, _)| at as u32 + 1))
            .collect();
        let blocks = source.as_bytes().chunks(BLOCK).scan(0, |total, block| {
            let before = *total;
            *total += count(block);
            Some(before)
        });
        Lines {
            source,
            starts,
            characters: blocks.collect(),
        }
    }

    /// Line and column of a byte offset, both counted from 1; the column counts characters.
    pub fn place(&self, offset: u32) -> (u32, u32) {
        let line = self.starts.partition_point(|start| *start <= offset).max(1);
        let start = self.starts[line - 1];
        // A byte order mark opens a file but takes no column.
        let mark = u32::from(line == 1 && offset > 0 && self.source.starts_with('\u{feff}'));
        let column = self.before(offset).saturating_sub(self.before(start) + mark);
        (line as u32, column + 1)
    }

    /// Characters before a byte offset.
    fn before(&self, offset: u32) -> u32 {
        let offset = (offset as usize).min(self.source.len());
        let block = (offset / BLOCK).min(self.characters.len().saturating_sub(1));
        let bytes = self
            .source
            .as_bytes()
            .get(block * BLOCK..offset)
            .unwrap_or_default();
        self.characters.get(block).copied().unwrap_or(0) + count(bytes)
    }
}

/// Characters that begin in these bytes.
fn count(bytes: &[u8]) -> u32 {
    bytes.iter().filter(|byte| **byte & 0xc0 != 0x80).count() as u32
}
