//! Blocks on pages: A4, one column, lines broken between words.

use basic::Refusal;
use lopdf::content::{Content, Operation};
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

/// A word as it is set: its bytes, its weight, and whether a line ends after it.
struct Word {
    bytes: Vec<u8>,
    bold: bool,
    ends: bool,
}

struct Page {
    content: Vec<Operation>,
}

struct Pages {
    done: Vec<Page>,
    current: Page,
    /// Where the next line's top is.
    y: f32,
}

/// A PDF of these blocks.
pub(super) fn pages(blocks: &[Block]) -> Result<Vec<u8>, Refusal> {
    let mut pages = Pages {
        done: Vec::new(),
        current: Page { content: Vec::new() },
        y: PAGE.1 - MARGIN,
    };
    for block in blocks {
        pages.block(block);
        if pages.done.len() >= PAGES_MAX {
            return Err(too_large("a PDF has at most 2000 pages"));
        }
    }
    let last = pages.current;
    pages.done.push(last);
    document(pages.done)
}

impl Pages {
    fn block(&mut self, block: &Block) {
        let full = PAGE.0 - 2.0 * MARGIN;
        match block {
            Block::Heading(level, runs) => {
                let size = [22.0, 17.0, 14.0][usize::from(level.clamp(&1, &3) - 1)];
                self.space(size * 0.6);
                // Not alone at the end of a page.
                self.room(size * LINE + 3.0 * SIZE * LINE);
                let bold: Vec<Run> = runs
                    .iter()
                    .map(|run| Run {
                        text: run.text.clone(),
                        bold: true,
                    })
                    .collect();
                self.lines(&bold, size, MARGIN, full);
                self.space(size * 0.3);
            }
            Block::Paragraph(runs) => {
                self.lines(runs, SIZE, MARGIN, full);
                self.space(SIZE * 0.7);
            }
            Block::Item(depth, marker, runs) => {
                let left = MARGIN + INDENT * (*depth as f32 + 1.0);
                self.room(SIZE * LINE);
                let y = self.y - SIZE;
                self.text(&encoded(marker), false, SIZE, left - INDENT + 4.0, y);
                self.lines(runs, SIZE, left, full - (left - MARGIN));
                self.space(SIZE * 0.25);
            }
            Block::Table { rows, headed } => self.table(rows, *headed),
            Block::Rule => {
                self.room(SIZE);
                self.space(SIZE * 0.5);
                self.line(MARGIN, PAGE.0 - MARGIN);
                self.space(SIZE * 0.7);
            }
        }
    }

    fn table(&mut self, rows: &[Vec<Vec<Run>>], headed: bool) {
        let columns = rows.iter().map(Vec::len).max().unwrap_or(1).max(1);
        let column = (PAGE.0 - 2.0 * MARGIN) / columns as f32;
        self.space(SIZE * 0.3);
        for (number, row) in rows.iter().enumerate() {
            let cells: Vec<Vec<Vec<Word>>> = row
                .iter()
                .map(|cell| {
                    broken(
                        words(cell, SIZE, column - 2.0 * CELL_PADDING),
                        SIZE,
                        column - 2.0 * CELL_PADDING,
                    )
                })
                .collect();
            let height = cells.iter().map(Vec::len).max().unwrap_or(1).max(1) as f32 * SIZE * LINE;
            self.room((height + 2.0 * CELL_PADDING).min(PAGE.1 - 2.0 * MARGIN));
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
                    self.set(line, SIZE, left);
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
    }

    fn lines(&mut self, runs: &[Run], size: f32, left: f32, wide: f32) {
        for line in broken(words(runs, size, wide), size, wide) {
            self.set(&line, size, left);
        }
    }

    fn set(&mut self, line: &[Word], size: f32, left: f32) {
        self.room(size * LINE);
        let y = self.y - size;
        let mut x = left;
        for word in line {
            self.text(&word.bytes, word.bold, size, x, y);
            x += width(&word.bytes, word.bold, size) + width(b" ", word.bold, size);
        }
        self.y -= size * LINE;
    }

    fn space(&mut self, points: f32) {
        self.y -= points;
    }

    /// Has so much room on this page, or goes to the next.
    fn room(&mut self, points: f32) {
        if self.y - points < MARGIN && self.y < PAGE.1 - MARGIN {
            let full = std::mem::replace(&mut self.current, Page { content: Vec::new() });
            self.done.push(full);
            self.y = PAGE.1 - MARGIN;
        }
    }

    fn text(&mut self, bytes: &[u8], bold: bool, size: f32, x: f32, y: f32) {
        let font = if bold { "F2" } else { "F1" };
        self.current.content.extend([
            Operation::new("BT", vec![]),
            Operation::new("Tf", vec![font.into(), size.into()]),
            Operation::new("Td", vec![x.into(), y.into()]),
            // With the space after it: whoever copies the text has its words.
            Operation::new("Tj", vec![Object::string_literal([bytes, b" "].concat())]),
            Operation::new("ET", vec![]),
        ]);
    }

    fn line(&mut self, from: f32, to: f32) {
        let y = self.y;
        self.current.content.extend([
            Operation::new("w", vec![0.5_f32.into()]),
            Operation::new("m", vec![from.into(), y.into()]),
            Operation::new("l", vec![to.into(), y.into()]),
            Operation::new("S", vec![]),
        ]);
    }
}

/// The words of a text. One that is wider than the line is broken where it has to be.
fn words(runs: &[Run], size: f32, wide: f32) -> Vec<Word> {
    let mut words: Vec<Word> = Vec::new();
    for run in runs {
        for (number, line) in run.text.split('\n').enumerate() {
            if number > 0
                && let Some(last) = words.last_mut()
            {
                last.ends = true;
            }
            for word in line.split_whitespace() {
                let mut part = Vec::new();
                let mut so_far = 0.0;
                for byte in encoded(word) {
                    let more = width(&[byte], run.bold, size);
                    if so_far + more > wide && !part.is_empty() {
                        words.push(Word {
                            bytes: std::mem::take(&mut part),
                            bold: run.bold,
                            ends: true,
                        });
                        so_far = 0.0;
                    }
                    part.push(byte);
                    so_far += more;
                }
                words.push(Word {
                    bytes: part,
                    bold: run.bold,
                    ends: false,
                });
            }
        }
    }
    words
}

/// Words as lines of at most this width.
fn broken(words: Vec<Word>, size: f32, wide: f32) -> Vec<Vec<Word>> {
    let mut lines: Vec<Vec<Word>> = Vec::new();
    let (mut x, mut fresh) = (0.0, true);
    for word in words {
        let own = width(&word.bytes, word.bold, size);
        let space = width(b" ", word.bold, size);
        if fresh || x + own > wide {
            lines.push(Vec::new());
            x = 0.0;
        }
        x += own + space;
        fresh = word.ends;
        if let Some(line) = lines.last_mut() {
            line.push(word);
        }
    }
    lines
}

fn document(pages: Vec<Page>) -> Result<Vec<u8>, Refusal> {
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
        let content = Content {
            operations: page.content,
        };
        let bytes = content
            .encode()
            .map_err(|_| too_large("the PDF cannot be written"))?;
        let content = document.add_object(Stream::new(dictionary! {}, bytes));
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
