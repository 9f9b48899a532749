//! The lines of a TABLE in words, field by field.

use crate::program::FieldKind;
use crate::source::Span;

/// A word or a sign; what stands in quotation marks is one word with them.
#[derive(Clone, Copy, Debug)]
pub(super) struct Word<'s> {
    pub text: &'s str,
    pub span: Span,
}

impl Word<'_> {
    pub fn is(&self, word: &str) -> bool {
        self.text.eq_ignore_ascii_case(word)
    }

    pub fn is_one_of(&self, words: &[&str]) -> bool {
        words.iter().any(|word| self.is(word))
    }
}

/// What is said of one field, or one line of SQL that is none.
pub(super) struct Piece<'s> {
    words: Vec<Word<'s>>,
    at: usize,
    /// A bracket that is never closed.
    pub open: Option<Span>,
}

impl<'s> Piece<'s> {
    /// From its first to its last word.
    pub fn span(&self) -> Span {
        match (self.words.first(), self.words.last()) {
            (Some(first), Some(last)) => first.span.to(last.span),
            _ => Span::default(),
        }
    }

    pub fn at(&self, distance: usize) -> Option<Word<'s>> {
        self.words.get(self.at + distance).copied()
    }

    pub fn at_word(&self, distance: usize, word: &str) -> bool {
        self.at(distance).is_some_and(|next| next.is(word))
    }

    pub fn next(&mut self) -> Option<Word<'s>> {
        let word = self.at(0);
        self.at += usize::from(word.is_some());
        word
    }

    pub fn take(&mut self, word: &str) -> bool {
        let found = self.at_word(0, word);
        self.at += usize::from(found);
        found
    }

    /// Takes these words if all of them stand here.
    pub fn take_all(&mut self, words: &[&str]) -> bool {
        let found = words.iter().enumerate().all(|(at, word)| self.at_word(at, word));
        self.at += if found { words.len() } else { 0 };
        found
    }

    /// What stands in the brackets that open here, if any do, without those around it.
    pub fn bracketed(&mut self) -> Option<Vec<Word<'s>>> {
        if !self.take("(") {
            return None;
        }
        let (mut depth, mut inside) = (0_usize, Vec::new());
        while let Some(word) = self.next() {
            match word.text {
                "(" => depth += 1,
                ")" if depth == 0 => break,
                ")" => depth -= 1,
                _ => {}
            }
            inside.push(word);
        }
        Some(inside)
    }
}

/// How lines begin that are no fields: nothing of a field goes on with them.
const NO_FIELDS: [&str; 8] = [
    "PRIMARY",
    "FOREIGN",
    "UNIQUE",
    "CONSTRAINT",
    "CHECK",
    "CREATE",
    "ALTER",
    "COMMENT",
];

/// Words behind which brackets may go over several lines.
const LONG: [&str; 6] = ["CHECK", "DEFAULT", "KEY", "UNIQUE", "CREATE", "GENERATED"];

/// What the lines of a block say, in their order.
pub(super) fn pieces(source: &str, block: Span) -> Vec<Piece<'_>> {
    let mut reader = Reader {
        source,
        at: block.start as usize,
        end: block.end as usize,
        pieces: Vec::new(),
        words: Vec::new(),
        brackets: Vec::new(),
        goes_on: false,
        long: false,
        line_end: block.start as usize,
        line_begins: true,
    };
    while reader.at < reader.end {
        reader.next();
    }
    reader.finish_line(true);
    // What closes the table is misspelt: what follows it are no fields.
    let closes = |piece: &Piece<'_>| {
        let second = piece.words.get(1);
        piece.words.first().is_some_and(|word| word.is("END"))
            && second.is_none_or(|word| FieldKind::named(word.text, &[]).is_none())
    };
    if let Some(end) = reader.pieces.iter().position(closes) {
        reader.pieces.truncate(end);
    }
    reader.pieces
}

struct Reader<'s> {
    source: &'s str,
    at: usize,
    end: usize,
    pieces: Vec<Piece<'s>>,
    words: Vec<Word<'s>>,
    /// Brackets that are open.
    brackets: Vec<Span>,
    /// Whether the last piece may go on in the next line: no comma closed it.
    goes_on: bool,
    /// Whether one of the words is one behind which brackets may go over several lines.
    long: bool,
    /// Where the line ends that was looked at last: a block can be one long line.
    line_end: usize,
    /// Whether nothing but spaces stands before this in the line.
    line_begins: bool,
}

impl<'s> Reader<'s> {
    fn rest(&self) -> &'s str {
        &self.source[self.at..self.end]
    }

    fn next(&mut self) {
        let rest = self.rest();
        let Some(first) = rest.chars().next() else {
            self.at = self.end;
            return;
        };
        if self.at >= self.line_end {
            self.line_end = self.at + rest.find('\n').unwrap_or(rest.len());
        }
        let line = &self.source[self.at..self.line_end];
        if first == '\n' {
            self.at += 1;
            self.line_begins = true;
            return self.finish_line(false);
        }
        if first.is_whitespace() {
            self.at += first.len_utf8();
            return;
        }
        let comment = self.is_comment(line);
        self.line_begins = false;
        match first {
            _ if comment => self.at += line.len(),
            '(' => {
                // The bracket of `TABLE name (` may stand in a line by itself.
                if !self.words.is_empty() {
                    self.brackets.push(Span::new(self.at, self.at + 1));
                    self.push(1);
                } else {
                    self.at += 1;
                }
            }
            ')' => {
                if self.brackets.pop().is_some() {
                    self.push(1);
                } else {
                    self.at += 1;
                }
            }
            ',' | ';' if self.brackets.is_empty() => {
                self.at += 1;
                self.finish();
                self.goes_on = false;
            }
            ',' | ':' | ';' => self.push(1),
            '"' | '\'' | '`' => self.push(quoted_length(line, first)),
            _ => {
                let ends = |c: char| c.is_whitespace() || matches!(c, '(' | ')' | ',' | ':' | ';' | '"');
                let word = line.find(ends).unwrap_or(line.len());
                let comment = ["--", "//"]
                    .iter()
                    .filter_map(|sign| line[..word].find(sign))
                    .min();
                self.push(comment.unwrap_or(word));
            }
        }
    }

    /// Whether the rest of the line is a comment. A quotation mark `'` opens one, save where a value is expected.
    fn is_comment(&self, line: &str) -> bool {
        let remark = line.get(..3).is_some_and(|word| word.eq_ignore_ascii_case("REM"))
            && line[3..].chars().next().is_none_or(char::is_whitespace);
        let begins = self.words.is_empty() || self.line_begins;
        if line.starts_with("--") || line.starts_with("//") {
            return true;
        }
        if begins && (line.starts_with('#') || remark) {
            return true;
        }
        let value = !self.brackets.is_empty()
            || self
                .words
                .last()
                .is_some_and(|word| word.is_one_of(&["DEFAULT", "COMMENT", "LABEL", "DESCRIPTION", "="]));
        line.starts_with('\'') && !value
    }

    fn push(&mut self, length: usize) {
        let span = Span::new(self.at, self.at + length.max(1));
        self.at = span.end as usize;
        let word = Word {
            text: span.text(self.source),
            span,
        };
        self.long |= word.is_one_of(&LONG);
        self.words.push(word);
    }

    fn finish_line(&mut self, last: bool) {
        if last || self.brackets.is_empty() || !self.long {
            self.finish();
        }
    }

    fn finish(&mut self) {
        let open = std::mem::take(&mut self.brackets).first().copied();
        let words = std::mem::take(&mut self.words);
        self.long = false;
        let Some(first) = words.first() else {
            return;
        };
        // `DEFAULT 0` in a line of its own goes on with the field above, `UNIQUE (a, b)` does not.
        let of_field = first.is_one_of(&["NOT", "DEFAULT", "CHECK"])
            || first.is("UNIQUE") && words.get(1).is_none_or(|second| !second.is("("));
        let of_any = first.is_one_of(&["REFERENCES", "ON"]);
        let continues = |last: &&mut Piece<'_>| {
            let is_field = !last.words.first().is_some_and(|word| word.is_one_of(&NO_FIELDS));
            of_any || of_field && is_field
        };
        let last = self.pieces.last_mut().filter(|_| self.goes_on);
        match last.filter(continues) {
            Some(last) => {
                last.words.extend(words);
                last.open = last.open.or(open);
            }
            None => self.pieces.push(Piece { words, at: 0, open }),
        }
        self.goes_on = true;
    }
}

/// How long the text in quotation marks at the beginning of a line is; a doubled mark stands for one.
fn quoted_length(line: &str, quote: char) -> usize {
    let mut at = quote.len_utf8();
    while let Some(found) = line[at..].find(quote) {
        at += found + quote.len_utf8();
        if !line[at..].starts_with(quote) {
            return at;
        }
        at += quote.len_utf8();
    }
    line.len()
}
