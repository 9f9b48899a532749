//! Blocks on pages: A4, one column, lines broken between words.

use basic::Refusal;
use lopdf::{Document, Object, ObjectId, Stream, dictionary};

use super::blocks::{Block, Run};
use super::metrics::{encoded, width};
use super::{PAGES_MAX, saved};
use crate::too_large;

/// Points.
const PAGE: (f32, f32) = (595.0, 842.0);
const MARGIN: f32 = 56.0;
const SIZE: f32 = 11.0;
/// From line to line, by the size of the letters.
const LINE: f32 = 1.35;
const INDENT: f32 = 18.0;
const CELL_PADDING: f32 = 4.0;
/// Lines of the usual size that a page has at most.
const LINES_OF_PAGE: usize = 50;

/// Words of one weight, as they stand in a line.
struct Part {
    bytes: Vec<u8>,
    bold: bool,
}

type Line = Vec<Part>;

struct Pages {
    /// What is drawn on each page.
    done: Vec<Vec<u8>>,
    current: Vec<u8>,
    /// Where the next line's top is.
    y: f32,
}

/// A PDF of these blocks.
pub(super) fn pages(blocks: &[Block]) -> Result<Vec<u8>, Refusal> {
    let mut pages = Pages {
        done: Vec::new(),
        current: Vec::new(),
        y: PAGE.1 - MARGIN,
    };
    blocks.iter().try_for_each(|block| pages.block(block))?;
    let last = pages.current;
    pages.done.push(last);
    document(pages.done)
}

impl Pages {
    fn block(&mut self, block: &Block) -> Result<(), Refusal> {
        let full = PAGE.0 - 2.0 * MARGIN;
        match block {
            Block::Heading(level, runs) => {
                let size = [22.0, 17.0, 14.0][usize::from(level.clamp(&1, &3) - 1)];
                self.space(size * 0.6);
                // Not alone at the end of a page.
                self.room(size * LINE + 3.0 * SIZE * LINE)?;
                self.lines(runs, true, size, MARGIN, full)?;
                self.space(size * 0.3);
            }
            Block::Paragraph(runs) => {
                self.lines(runs, false, SIZE, MARGIN, full)?;
                self.space(SIZE * 0.7);
            }
            Block::Item(depth, marker, runs) => {
                let left = MARGIN + INDENT * (*depth as f32 + 1.0);
                self.room(SIZE * LINE)?;
                let y = self.y - SIZE;
                self.text(&encoded(marker), false, SIZE, left - INDENT + 4.0, y);
                self.lines(runs, false, SIZE, left, full - (left - MARGIN))?;
                self.space(SIZE * 0.25);
            }
            Block::Table { rows, headed } => self.table(rows, *headed)?,
            Block::Rule => {
                self.room(SIZE)?;
                self.space(SIZE * 0.5);
                self.line(MARGIN, PAGE.0 - MARGIN);
                self.space(SIZE * 0.7);
            }
        }
        Ok(())
    }

    fn table(&mut self, rows: &[Vec<Vec<Run>>], headed: bool) -> Result<(), Refusal> {
        let columns = rows.iter().map(Vec::len).max().unwrap_or(1).max(1);
        let column = (PAGE.0 - 2.0 * MARGIN) / columns as f32;
        self.space(SIZE * 0.3);
        for (number, row) in rows.iter().enumerate() {
            let mut cells: Vec<Vec<Line>> = Vec::with_capacity(row.len());
            for (at, cell) in row.iter().enumerate() {
                cells.push(cell_lines(cell, column - 2.0 * CELL_PADDING, at == 0)?);
            }
            let height = cells.iter().map(Vec::len).max().unwrap_or(1).max(1) as f32 * SIZE * LINE;
            self.room((height + 2.0 * CELL_PADDING).min(PAGE.1 - 2.0 * MARGIN))?;
            if number == 0 {
                self.line(MARGIN, PAGE.0 - MARGIN);
            }
            self.y -= CELL_PADDING;
            let (top, page) = (self.y, self.done.len());
            let mut lowest = top;
            // A row that is longer than a page goes on with its first cell; the others end with the page.
            for (at, lines) in cells.iter().enumerate() {
                let left = MARGIN + column * at as f32 + CELL_PADDING;
                if self.done.len() == page {
                    self.y = top;
                }
                for line in lines {
                    if at > 0 && self.y - SIZE * LINE < MARGIN {
                        break;
                    }
                    self.set(line, SIZE, left)?;
                }
                lowest = if self.done.len() == page {
                    lowest.min(self.y)
                } else {
                    self.y
                };
            }
            self.y = lowest - CELL_PADDING;
            self.line(MARGIN, PAGE.0 - MARGIN);
            if headed && number == 0 {
                self.y -= 1.0;
                self.line(MARGIN, PAGE.0 - MARGIN);
            }
        }
        self.space(SIZE);
        Ok(())
    }

    fn lines(&mut self, runs: &[Run], bold: bool, size: f32, left: f32, wide: f32) -> Result<(), Refusal> {
        broken(runs, bold, size, wide, |line| {
            self.set(line, size, left).map(|()| true)
        })
    }

    fn set(&mut self, line: &Line, size: f32, left: f32) -> Result<(), Refusal> {
        self.room(size * LINE)?;
        let y = self.y - size;
        let mut x = left;
        for part in line {
            self.text(&part.bytes, part.bold, size, x, y);
            x += width(&part.bytes, part.bold, size) + width(b" ", part.bold, size);
        }
        self.y -= size * LINE;
        Ok(())
    }

    fn space(&mut self, points: f32) {
        self.y -= points;
    }

    /// Has so much room on this page, or goes to the next.
    fn room(&mut self, points: f32) -> Result<(), Refusal> {
        if self.y - points < MARGIN && self.y < PAGE.1 - MARGIN {
            // The last page is not done yet.
            if self.done.len() + 1 >= PAGES_MAX {
                return Err(pages_too_many());
            }
            self.done.push(std::mem::take(&mut self.current));
            self.y = PAGE.1 - MARGIN;
        }
        Ok(())
    }

    fn text(&mut self, bytes: &[u8], bold: bool, size: f32, x: f32, y: f32) {
        let font = if bold { "F2" } else { "F1" };
        self.draw(&format!("BT /{font} {size} Tf {x:.2} {y:.2} Td ("));
        for byte in bytes {
            if matches!(byte, b'(' | b')' | b'\\') {
                self.current.push(b'\\');
            }
            self.current.push(*byte);
        }
        // With the space after it: whoever copies the text has its words.
        self.draw(" ) Tj ET\n");
    }

    fn line(&mut self, from: f32, to: f32) {
        let y = self.y;
        self.draw(&format!("0.5 w {from:.2} {y:.2} m {to:.2} {y:.2} l S\n"));
    }

    fn draw(&mut self, operators: &str) {
        self.current.extend_from_slice(operators.as_bytes());
    }
}

fn pages_too_many() -> Refusal {
    too_large("a PDF has at most 2000 pages")
}

/// The lines of a cell. Only the first goes on over pages.
fn cell_lines(cell: &[Run], wide: f32, goes_on: bool) -> Result<Vec<Line>, Refusal> {
    let mut lines = Vec::new();
    broken(cell, false, SIZE, wide, |line| {
        if goes_on && lines.len() >= PAGES_MAX * LINES_OF_PAGE {
            return Err(pages_too_many());
        }
        lines.push(std::mem::take(line));
        Ok(goes_on || lines.len() < LINES_OF_PAGE)
    })?;
    Ok(lines)
}

/// Breaks a text into lines of at most this width, and gives them on one by one until one is not wanted. A word that is wider
/// than the line is broken where it has to be.
fn broken(
    runs: &[Run],
    bold: bool,
    size: f32,
    wide: f32,
    mut give: impl FnMut(&mut Line) -> Result<bool, Refusal>,
) -> Result<(), Refusal> {
    let (mut line, mut x): (Line, f32) = (Vec::new(), 0.0);
    for run in runs {
        let bold = bold || run.bold;
        let space = width(b" ", bold, size);
        for (number, said) in run.text.split('\n').enumerate() {
            if number > 0 && !line.is_empty() {
                if !give(&mut line)? {
                    return Ok(());
                }
                (line, x) = (Vec::new(), 0.0);
            }
            for word in said.split_whitespace() {
                let word = encoded(word);
                let mut rest = word.as_slice();
                while !rest.is_empty() {
                    let (fits, own) = fitting(rest, bold, size, wide);
                    if !line.is_empty() && (x + own > wide || fits < rest.len()) {
                        if !give(&mut line)? {
                            return Ok(());
                        }
                        (line, x) = (Vec::new(), 0.0);
                    }
                    let (now, after) = rest.split_at(fits);
                    put(&mut line, now, bold);
                    x += own + space;
                    rest = after;
                }
            }
        }
    }
    if !line.is_empty() {
        give(&mut line)?;
    }
    Ok(())
}

/// How many bytes of a word have room in a line, at least one, and how wide these are.
fn fitting(word: &[u8], bold: bool, size: f32, wide: f32) -> (usize, f32) {
    let mut so_far = 0.0;
    for (at, byte) in word.iter().enumerate() {
        let more = width(&[*byte], bold, size);
        if at > 0 && so_far + more > wide {
            return (at, so_far);
        }
        so_far += more;
    }
    (word.len(), so_far)
}

/// Puts a word at the end of a line.
fn put(line: &mut Line, word: &[u8], bold: bool) {
    match line.last_mut() {
        Some(part) if part.bold == bold => {
            part.bytes.push(b' ');
            part.bytes.extend_from_slice(word);
        }
        _ => line.push(Part {
            bytes: word.to_vec(),
            bold,
        }),
    }
}

fn document(pages: Vec<Vec<u8>>) -> Result<Vec<u8>, Refusal> {
    let mut document = Document::with_version("1.7");
    let root = document.new_object_id();
    let mut font = |name: &str| -> ObjectId {
        document.add_object(dictionary! {
            "Type" => "Font",
            "Subtype" => "Type1",
            "BaseFont" => name,
            "Encoding" => "WinAnsiEncoding",
        })
    };
    let (plain, bold) = (font("Helvetica"), font("Helvetica-Bold"));
    let resources = document.add_object(dictionary! {
        "Font" => dictionary! { "F1" => plain, "F2" => bold },
    });
    let mut kids = Vec::new();
    for page in pages {
        let content = document.add_object(Stream::new(dictionary! {}, page));
        let page = document.add_object(dictionary! {
            "Type" => "Page",
            "Parent" => root,
            "MediaBox" => vec![0.into(), 0.into(), PAGE.0.into(), PAGE.1.into()],
            "Resources" => resources,
            "Contents" => content,
        });
        kids.push(Object::Reference(page));
    }
    let count = i64::try_from(kids.len()).unwrap_or(0);
    let tree = dictionary! { "Type" => "Pages", "Kids" => kids, "Count" => count };
    document.objects.insert(root, Object::Dictionary(tree));
    let catalog = document.add_object(dictionary! { "Type" => "Catalog", "Pages" => root });
    document.trailer.set("Root", catalog);
    saved(document)
}
