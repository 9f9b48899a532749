//! What a template says, as blocks from top to bottom.

use basic::Refusal;
use scraper::node::Node;

use crate::html::parsed;

/// Blocks of one document.
const BLOCKS_MAX: usize = 50_000;
const COLUMNS_MAX: usize = 20;

#[derive(Debug, Clone, PartialEq)]
pub(super) enum Block {
    /// From 1, the largest.
    Heading(u8, Vec<Run>),
    Paragraph(Vec<Run>),
    /// How deep it is within other lists, and what stands before it.
    Item(usize, String, Vec<Run>),
    /// Rows of cells. The first is of headings where it is marked so.
    Table {
        rows: Vec<Vec<Vec<Run>>>,
        headed: bool,
    },
    Rule,
}

/// Text of one weight.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Run {
    pub text: String,
    pub bold: bool,
}

pub(super) fn is_html(text: &str) -> bool {
    let text = text.trim_start();
    text.starts_with('<') || text.contains("</")
}

/// HTML: headings, paragraphs, lists, tables, breaks, bold. Scripts, styles and everything that is only looks are left out.
pub(super) fn of_html(text: &str) -> Result<Vec<Block>, Refusal> {
    let page = parsed(text)?;
    let mut gathering = Gathering::default();
    // Not by recursion: pages nest as deeply as whoever wrote them likes.
    for edge in page.tree.root().traverse() {
        match edge {
            ego_tree::iter::Edge::Open(node) => match node.value() {
                Node::Element(element) => gathering.opened(element.name()),
                Node::Text(text) => gathering.said(text),
                _ => {}
            },
            ego_tree::iter::Edge::Close(node) => {
                if let Node::Element(element) = node.value() {
                    gathering.closed(element.name());
                }
            }
        }
    }
    gathering.end();
    Ok(gathering.blocks)
}

#[derive(Default)]
struct Gathering {
    blocks: Vec<Block>,
    runs: Vec<Run>,
    /// What the runs will be once they end.
    heading: Option<u8>,
    item: Option<(usize, String)>,
    /// The lists around, and the number of the last item of each; None where they are not numbered.
    lists: Vec<Option<usize>>,
    bold: usize,
    hidden: usize,
    table: Option<Vec<Vec<Vec<Run>>>>,
    headed: bool,
}

impl Gathering {
    fn opened(&mut self, name: &str) {
        match name {
            "script" | "style" | "head" | "template" | "title" => self.hidden += 1,
            "b" | "strong" | "th" => self.bold += 1,
            _ => {}
        }
        match name {
            "br" => self.put("\n"),
            "hr" => {
                self.end();
                self.add(Block::Rule);
            }
            "h1" | "h2" | "h3" | "h4" | "h5" | "h6" => {
                self.end();
                self.heading = name[1..].parse().ok();
            }
            "ul" | "ol" => {
                self.end();
                self.lists.push((name == "ol").then_some(0));
            }
            "li" => {
                self.end();
                let marker = match self.lists.last_mut() {
                    Some(Some(number)) => {
                        *number += 1;
                        format!("{number}.")
                    }
                    _ => "\u{2022}".to_owned(),
                };
                self.item = Some((self.lists.len().saturating_sub(1).min(8), marker));
            }
            "table" => {
                self.end();
                self.table = Some(Vec::new());
                self.headed = false;
            }
            "tr" => {
                self.runs.clear();
                if let Some(table) = &mut self.table {
                    table.push(Vec::new());
                }
            }
            "th" => {
                self.headed |= self.table.as_ref().is_some_and(|table| table.len() == 1);
                self.runs.clear();
            }
            "td" => self.runs.clear(),
            "p" | "div" | "section" | "article" | "header" | "footer" | "blockquote" | "pre" | "address" => {
                self.end();
            }
            _ => {}
        }
    }

    fn closed(&mut self, name: &str) {
        match name {
            "script" | "style" | "head" | "template" | "title" => self.hidden = self.hidden.saturating_sub(1),
            "b" | "strong" | "th" => self.bold = self.bold.saturating_sub(1),
            _ => {}
        }
        match name {
            "td" | "th" => {
                let runs = tidied(std::mem::take(&mut self.runs));
                if let Some(row) = self.table.as_mut().and_then(|table| table.last_mut())
                    && row.len() < COLUMNS_MAX
                {
                    row.push(runs);
                }
            }
            "table" => {
                self.runs.clear();
                let rows: Vec<_> = self.table.take().unwrap_or_default();
                let rows: Vec<_> = rows.into_iter().filter(|row| !row.is_empty()).collect();
                if !rows.is_empty() {
                    let headed = self.headed;
                    self.add(Block::Table { rows, headed });
                }
            }
            "ul" | "ol" => {
                self.end();
                self.lists.pop();
            }
            "h1" | "h2" | "h3" | "h4" | "h5" | "h6" | "li" | "p" | "div" | "section" | "article"
            | "header" | "footer" | "blockquote" | "pre" | "address" => self.end(),
            _ => {}
        }
    }

    fn said(&mut self, text: &str) {
        if self.hidden > 0 {
            return;
        }
        // Between words there is one space, however it is written.
        let mut spaced = String::with_capacity(text.len());
        for c in text.chars() {
            match c {
                c if c.is_ascii_whitespace() => {
                    if !spaced.ends_with(' ') {
                        spaced.push(' ');
                    }
                }
                c => spaced.push(c),
            }
        }
        self.put(&spaced);
    }

    fn put(&mut self, text: &str) {
        let bold = self.bold > 0;
        match self.runs.last_mut() {
            Some(run) if run.bold == bold => run.text.push_str(text),
            _ => self.runs.push(Run {
                text: text.to_owned(),
                bold,
            }),
        }
    }

    /// Ends the block that is being said.
    fn end(&mut self) {
        if self.table.is_some() {
            // A paragraph within a cell is a line of it.
            if !self.runs.is_empty() {
                self.put("\n");
            }
            return;
        }
        let runs = tidied(std::mem::take(&mut self.runs));
        let (heading, item) = (self.heading.take(), self.item.take());
        if runs.is_empty() {
            self.item = item;
            return;
        }
        self.add(match (heading, item) {
            (Some(level), _) => Block::Heading(level, runs),
            (None, Some((depth, marker))) => Block::Item(depth, marker, runs),
            (None, None) => Block::Paragraph(runs),
        });
    }

    fn add(&mut self, block: Block) {
        if self.blocks.len() < BLOCKS_MAX {
            self.blocks.push(block);
        }
    }
}

/// Runs without the spaces at their ends; none where there is nothing else.
fn tidied(mut runs: Vec<Run>) -> Vec<Run> {
    if let Some(first) = runs.first_mut() {
        first.text = first.text.trim_start().to_owned();
    }
    if let Some(last) = runs.last_mut() {
        last.text = last.text.trim_end().to_owned();
    }
    runs.retain(|run| !run.text.is_empty());
    runs
}

/// A text in the manner of Markdown: `# ` headings, `- ` and `1. ` lists, `| a | b |` tables, `---`, `**bold**`.
pub(super) fn of_text(text: &str) -> Vec<Block> {
    let mut blocks = Vec::new();
    let mut paragraph = String::new();
    let mut rows: Vec<Vec<Vec<Run>>> = Vec::new();
    let mut headed = false;
    for line in text.lines().chain([""]) {
        let trimmed = line.trim();
        let is_row = trimmed.len() > 1 && trimmed.starts_with('|') && trimmed.ends_with('|');
        if !is_row && !rows.is_empty() {
            blocks.push(Block::Table {
                rows: std::mem::take(&mut rows),
                headed: std::mem::take(&mut headed),
            });
        }
        let block = block_of(line);
        if (block.is_some() || is_row || trimmed.is_empty()) && !paragraph.is_empty() {
            blocks.push(Block::Paragraph(runs_of(&std::mem::take(&mut paragraph))));
        }
        if let Some(block) = block {
            blocks.push(block);
        } else if is_row {
            let cells = trimmed[1..trimmed.len() - 1].split('|').take(COLUMNS_MAX);
            let cells: Vec<&str> = cells.map(str::trim).collect();
            let is_line = |cell: &&str| !cell.is_empty() && cell.chars().all(|c| matches!(c, '-' | ':'));
            if rows.len() == 1 && cells.iter().all(is_line) {
                headed = true;
            } else {
                rows.push(cells.into_iter().map(runs_of).collect());
            }
        } else if !trimmed.is_empty() {
            if !paragraph.is_empty() {
                paragraph.push('\n');
            }
            paragraph.push_str(trimmed);
        }
        if blocks.len() >= BLOCKS_MAX {
            break;
        }
    }
    blocks
}

/// A line that is a block of its own.
fn block_of(line: &str) -> Option<Block> {
    let trimmed = line.trim();
    if trimmed.len() >= 3 && trimmed.bytes().all(|byte| byte == b'-') {
        return Some(Block::Rule);
    }
    let hashes = trimmed.len() - trimmed.trim_start_matches('#').len();
    if (1..=6).contains(&hashes)
        && let Some(text) = trimmed[hashes..].strip_prefix(' ')
    {
        return Some(Block::Heading(hashes as u8, runs_of(text.trim())));
    }
    let depth = (line.len() - line.trim_start().len()) / 2;
    if let Some(text) = trimmed.strip_prefix("- ").or_else(|| trimmed.strip_prefix("* ")) {
        return Some(Block::Item(
            depth.min(8),
            "\u{2022}".to_owned(),
            runs_of(text.trim()),
        ));
    }
    let (number, text) = trimmed.split_once(". ")?;
    let is_number = (1..=4).contains(&number.len()) && number.bytes().all(|byte| byte.is_ascii_digit());
    is_number.then(|| Block::Item(depth.min(8), format!("{number}."), runs_of(text.trim())))
}

/// `**bold**` and `*emphasised*`, which is shown as the rest is.
fn runs_of(text: &str) -> Vec<Run> {
    let parts = text.split("**").enumerate().map(|(at, part)| Run {
        text: without_marks(part),
        bold: at % 2 == 1,
    });
    parts.filter(|run| !run.text.is_empty()).collect()
}

fn without_marks(text: &str) -> String {
    let words = text.split(' ').map(|word| {
        let inner = word.strip_prefix('*').unwrap_or(word);
        match inner.rfind('*') {
            Some(at) if word.starts_with('*') => format!("{}{}", &inner[..at], &inner[at + 1..]),
            _ => word.to_owned(),
        }
    });
    words.collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(blocks: &[Block]) -> Vec<String> {
        let said = |runs: &[Run]| -> String {
            let run = |run: &Run| {
                if run.bold {
                    format!("<{}>", run.text)
                } else {
                    run.text.clone()
                }
            };
            runs.iter().map(run).collect()
        };
        let block = |block: &Block| match block {
            Block::Heading(level, runs) => format!("h{level} {}", said(runs)),
            Block::Paragraph(runs) => said(runs),
            Block::Item(depth, marker, runs) => format!("{depth} {marker} {}", said(runs)),
            Block::Table { rows, headed } => {
                let row =
                    |row: &Vec<Vec<Run>>| row.iter().map(|cell| said(cell)).collect::<Vec<_>>().join("|");
                format!("{headed} {}", rows.iter().map(row).collect::<Vec<_>>().join("/"))
            }
            Block::Rule => "rule".to_owned(),
        };
        blocks.iter().map(block).collect()
    }

    #[test]
    fn html_is_read_as_blocks() {
        let page = "<html><head><title>T</title><style>p{}</style></head><body><h2>Tides</h2>\n<p>High  at\n<b>eight</b>.<br>Low later.</p>\
            <ol><li>rope<ul><li>thin</li></ul></li><li>buoy</li></ol><hr>\
            <table><thead><tr><th>a</th><th>b</th></tr></thead><tr><td>1</td><td><p>2</p></td></tr></table>\
            <script>alert(1)</script>bye</body></html>";
        let expected = [
            "h2 Tides",
            "High at <eight>.\nLow later.",
            "0 1. rope",
            "1 \u{2022} thin",
            "0 2. buoy",
            "rule",
            "true <a>|<b>/1|2",
            "bye",
        ];
        assert_eq!(shown(&of_html(page).expect("read")), expected);
    }

    #[test]
    fn text_is_read_as_blocks() {
        let text = "# Tides\nHigh at **eight**.\nLow *later*.\n\n1. rope\n  - thin\n---\n| a | b |\n|---|---|\n| 1 | 2 |\nbye";
        let expected = [
            "h1 Tides",
            "High at <eight>.\nLow later.",
            "0 1. rope",
            "1 \u{2022} thin",
            "rule",
            "true a|b/1|2",
            "bye",
        ];
        assert_eq!(shown(&of_text(text)), expected);
    }
}
