//! Texts: quoted ones, raw ones, and the `${…}` inside of both.

use super::{Lexer, TokenKind};
use crate::diagnostic::{STRANGE_CHARACTER, UNCLOSED_TEXT, UNCLOSED_TEXT_BLOCK};
use crate::language::{self, PHRASE_WORDS_MAX, Role};
use crate::source::Span;

/// A piece of a text.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Part {
    Literal(String),
    /// The expression between `${` and `}`.
    Expression(Span),
}

impl Lexer<'_, '_, '_> {
    pub(super) fn text(&mut self, quote: char) {
        let start = self.at;
        match closing_quote(self.line_rest(), quote) {
            Some(length) => self.at += length,
            None => {
                let line = self.line_rest().trim_end().len();
                let span = Span::new(start, start + line);
                self.at += self.line_rest().len();
                self.report.add_with_help(
                    UNCLOSED_TEXT,
                    span,
                    "this text has no closing quote",
                    format!("put {quote} at its end; for several lines use BEGIN TALK … END TALK or \\n"),
                );
            }
        }
        self.push(TokenKind::Text, start, self.at);
    }

    /// A text in quotes that a word processor made curly, both of them; false where one is missing.
    pub(super) fn paired_text(&mut self, opening: char) -> bool {
        let closing = if opening == '“' { '”' } else { '’' };
        let line = &self.line_rest()[opening.len_utf8()..];
        // Up to the next opening one, so that a line of them is not looked through again and again.
        let found = line.find([closing, opening, '"']);
        let Some(length) = found.filter(|length| line[*length..].starts_with(closing)) else {
            return false;
        };
        let start = self.at;
        self.at += opening.len_utf8() + length + closing.len_utf8();
        self.push(TokenKind::Text, start, self.at);
        true
    }

    /// Quotes of which a word processor made some curly: told once, and read as if they were straight.
    pub(super) fn curly_text(&mut self) {
        let start = self.at;
        let line = self.line_rest();
        let quotes = ['“', '”', '‘', '’'];
        let opening = line.chars().next().map_or(0, char::len_utf8);
        let length = line[opening..].find(quotes).map_or(line.len(), |at| {
            opening + at + line[opening + at..].chars().next().map_or(0, char::len_utf8)
        });
        self.at += length;
        let span = Span::new(start, self.at);
        self.report.add_with_help(
            STRANGE_CHARACTER,
            span,
            "texts stand in straight quotes",
            "write \"…\"",
        );
        self.push(TokenKind::Text, start, self.at);
    }

    pub(super) fn unclosed_block(&mut self, closing: &'static str, opened: Span) {
        let message = format!("there is no {closing} for this");
        self.report.add_with_help(
            UNCLOSED_TEXT_BLOCK,
            opened,
            message,
            format!("add a line {closing}"),
        );
    }

    /// Whether a `'` here opens a text rather than a comment: where a value is expected, and when it is
    /// closed on this line by a `'` after which a value can end.
    pub(super) fn is_single_quoted(&self) -> bool {
        let expected = match self.tokens.last().map(|token| (token.kind, token.span)) {
            // Behind a comparison only a value can stand, whatever follows it: `date >= '2026-01-01' GROUP BY city`.
            Some((TokenKind::Symbol(symbol), _)) if symbol.compares() => {
                return closing_quote(self.line_rest(), '\'').is_some();
            }
            Some((TokenKind::Symbol(symbol), _)) => !symbol.ends_value(),
            Some((TokenKind::Word, span)) => {
                let word = span.text(self.source);
                is_one_of(word, &VALUE_BEHIND) || self.asks_for_arguments() || self.types_a_value(word)
            }
            _ => false,
        };
        if !expected {
            return false;
        }
        let line = self.line_rest();
        closing_quote(line, '\'').is_some_and(|length| {
            let after = line[length..].trim_start();
            let next = after.chars().next();
            let end = after.find(|c: char| !c.is_alphanumeric()).unwrap_or(after.len());
            next.is_none_or(|c| !c.is_alphanumeric()) || is_one_of(&after[..end], &BEHIND_VALUE)
        })
    }
}

impl Lexer<'_, '_, '_> {
    /// Whether `DATE` and the like stand here within SELECT, where they say what the text behind them is.
    fn types_a_value(&self, word: &str) -> bool {
        let typing = is_one_of(
            word,
            &["DATE", "TIME", "TIMESTAMP", "TIMESTAMPTZ", "INTERVAL", "ZONE"],
        );
        let statement = self
            .tokens
            .iter()
            .rev()
            .take_while(|token| token.kind != TokenKind::Line);
        let mut words = statement.take(QUERY_TOKENS_MAX);
        typing && words.any(|token| is_one_of(token.span.text(self.source), &["SELECT"]))
    }

    /// Whether the words before this are those of a request or an effect that takes something.
    fn asks_for_arguments(&self) -> bool {
        let words = self.tokens.iter().rev().take(PHRASE_WORDS_MAX);
        let words: Vec<&str> = words
            .take_while(|token| token.kind == TokenKind::Word)
            .map(|token| token.span.text(self.source))
            .collect();
        (1..=words.len()).any(|count| {
            let spoken: Vec<&str> = words[..count].iter().rev().copied().collect();
            let word = language::find(&spoken.join(" ").replace('_', " ").to_uppercase());
            word.is_some_and(|word| {
                matches!(word.role, Role::Request(_) | Role::Effect { .. })
                    && word.arguments().is_some_and(|arguments| arguments.most > 0)
            })
        })
    }
}

/// How far back SELECT is looked for.
const QUERY_TOKENS_MAX: usize = 1000;

/// Words behind which a value stands.
const VALUE_BEHIND: [&str; 16] = [
    "TALK",
    "PRINT",
    "RETURN",
    "AS",
    "WITH",
    "CASE",
    "AND",
    "OR",
    "LIKE",
    "DESCRIPTION",
    "BETWEEN",
    "WHERE",
    "WHEN",
    "THEN",
    "ELSE",
    "ASK",
];

/// Words that may stand behind a value.
const BEHIND_VALUE: [&str; 17] = [
    "THEN", "AS", "AND", "OR", "TO", "WITH", "ELSE", "ORDER", "GROUP", "LIMIT", "HAVING", "FROM", "WHERE",
    "BY", "WHEN", "END", "DEFAULT",
];

fn is_one_of(word: &str, known: &[&str]) -> bool {
    known.iter().any(|known| known.eq_ignore_ascii_case(word))
}

/// The character of an escape in a text, as in JSON.
fn unescape(character: char) -> Option<char> {
    Some(match character {
        'n' => '\n',
        't' => '\t',
        'r' => '\r',
        'b' => '\u{8}',
        'f' => '\u{c}',
        '"' | '\'' | '\\' | '/' | '$' => character,
        _ => return None,
    })
}

/// What to write instead of a sign of another language; `rest` is what follows it.
pub(super) fn instead(sign: char, rest: &str) -> Option<&'static str> {
    Some(match sign {
        '?' if rest.trim_start().starts_with('"') => "write TALK \"…\"",
        '?' if rest.starts_with('?') => "write NVL(value, otherwise)",
        '?' if rest.starts_with('.') => "write . alone: a field that is missing is empty",
        '?' => "write IIF(condition, value, otherwise)",
        '\\' => "write INT(a / b) for whole numbers, and _ at the end of a line that goes on",
        '$' => "a variable in a text is \"… ${name} …\"; by itself it is written without a sign",
        '#' => "names carry no sign for their type; a date stands in quotes: \"2026-01-31\"",
        '`' => "put the text into straight quotes; for several lines use BEGIN TALK … END TALK",
        ';' => "loops are written FOR i = 1 TO 10 … NEXT, and each statement has its own line",
        _ => return None,
    })
}

/// How long the text at the beginning of `line` is, with both quotes.
fn closing_quote(line: &str, quote: char) -> Option<usize> {
    let mut at = 1;
    while let Some(character) = line[at..].chars().next() {
        if character == quote {
            if !line[at + 1..].starts_with(quote) {
                return Some(at + 1);
            }
            at += 2;
        } else if character == '\\' {
            at += 1 + line[at + 1..].chars().next().map_or(0, char::len_utf8);
        } else if line[at..].starts_with("${") {
            at += interpolation_length(&line[at..]).unwrap_or(2);
        } else {
            at += character.len_utf8();
        }
    }
    None
}

/// Longest interpolation looked for: bounds the search in a long line of `${` without `}`.
const INTERPOLATION_BYTES_MAX: usize = 2000;

/// How long the `${…}` at the beginning of `text` is, if it ends on this line.
fn interpolation_length(text: &str) -> Option<usize> {
    let near = &text.as_bytes()[..text.len().min(INTERPOLATION_BYTES_MAX)];
    if !near.contains(&b'}') {
        return None;
    }
    let mut depth = 0_usize;
    let mut quote = None;
    for (at, character) in text.char_indices().skip(1).take(INTERPOLATION_BYTES_MAX) {
        match (quote, character) {
            (_, '\n' | '\r') => return None,
            (Some(open), c) if c == open => quote = None,
            (Some(_), _) => {}
            (None, '"') => quote = Some('"'),
            (None, '{') => depth += 1,
            (None, '}') => {
                depth = depth.saturating_sub(1);
                if depth == 0 {
                    return Some(at + 1);
                }
            }
            _ => {}
        }
    }
    None
}

/// The parts of a quoted text.
pub(crate) fn quoted_parts(source: &str, span: Span) -> Vec<Part> {
    let text = span.text(source);
    let quote = text.chars().next().unwrap_or('"');
    let start = span.start as usize + quote.len_utf8();
    let closed = text.len() > quote.len_utf8() && text.ends_with(['"', '\'', '“', '”', '‘', '’', '`']);
    let last = text.chars().next_back().map_or(0, char::len_utf8);
    let end = if closed {
        span.end as usize - last
    } else {
        span.end as usize
    };
    let mut parts = Parts::default();
    parts.scan(source, start, end.max(start), Some(quote));
    parts.finish()
}

/// The parts of a raw block: its lines without the indentation that all of them share.
pub(crate) fn block_parts(source: &str, span: Span) -> Vec<Part> {
    let text = span.text(source);
    let indent = |line: &str| line.len() - line.trim_start_matches([' ', '\t']).len();
    let shared = text
        .lines()
        .filter(|line| !line.trim().is_empty())
        .map(indent)
        .min()
        .unwrap_or(0);
    let mut parts = Parts::default();
    let mut at = span.start as usize;
    for (number, line) in text.split('\n').enumerate() {
        let next = at + line.len() + 1;
        let content = line.trim_end_matches('\r');
        if number > 0 {
            parts.literal.push('\n');
        }
        parts.scan(source, at + indent(content).min(shared), at + content.len(), None);
        at = next;
    }
    let mut parts = parts.finish();
    trim_ends(&mut parts);
    parts
}

/// Takes away the line break before END and blank lines at both ends.
fn trim_ends(parts: &mut [Part]) {
    if let Some(Part::Literal(first)) = parts.first_mut() {
        let text = first.trim_start_matches('\n').len();
        first.drain(..first.len() - text);
    }
    if let Some(Part::Literal(last)) = parts.last_mut() {
        last.truncate(last.trim_end().len());
    }
}

#[derive(Default)]
struct Parts {
    parts: Vec<Part>,
    literal: String,
}

impl Parts {
    /// Reads the source from `at` to `end`. Escapes mean something only in quoted texts.
    fn scan(&mut self, source: &str, mut at: usize, end: usize, quote: Option<char>) {
        while let Some(character) = source.get(at..end).and_then(|rest| rest.chars().next()) {
            let rest = &source[at..end];
            if rest.starts_with("${")
                && let Some(length) = interpolation_length(rest)
                && !rest[2..length - 1].trim().is_empty()
            {
                self.flush();
                self.parts
                    .push(Part::Expression(Span::new(at + 2, at + length - 1)));
                at += length;
            } else if character == '\\' && quote.is_some() {
                at += self.escape(&rest[1..]) + 1;
            } else {
                self.literal.push(character);
                at += character.len_utf8();
                if Some(character) == quote && source[at..end].starts_with(character) {
                    at += character.len_utf8(); // A doubled quote stands for one.
                }
            }
        }
    }

    /// Reads what follows a backslash and answers how long it is. An unknown escape stands for itself,
    /// as in paths and patterns.
    fn escape(&mut self, rest: &str) -> usize {
        let Some(character) = rest.chars().next() else {
            self.literal.push('\\');
            return 0;
        };
        if character == 'u'
            && let Some(code) = rest
                .get(1..5)
                .and_then(|digits| u32::from_str_radix(digits, 16).ok())
            && let Some(decoded) = unicode(code, &rest[5..])
        {
            self.literal.push(decoded.0);
            return 5 + decoded.1;
        }
        match unescape(character) {
            Some(meant) => self.literal.push(meant),
            None => self.literal.extend(['\\', character]),
        }
        character.len_utf8()
    }

    fn flush(&mut self) {
        if !self.literal.is_empty() {
            self.parts.push(Part::Literal(std::mem::take(&mut self.literal)));
        }
    }

    fn finish(mut self) -> Vec<Part> {
        self.flush();
        self.parts
    }
}

/// The character of a `\u` escape, and how much more of the source the second half of a pair took.
fn unicode(code: u32, rest: &str) -> Option<(char, usize)> {
    if let Some(character) = char::from_u32(code) {
        return Some((character, 0));
    }
    let low = u32::from_str_radix(rest.strip_prefix("\\u")?.get(..4)?, 16).ok()?;
    let paired = (0xd800..0xdc00).contains(&code) && (0xdc00..0xe000).contains(&low);
    let combined = 0x10000 + ((code.wrapping_sub(0xd800)) << 10) + low.wrapping_sub(0xdc00);
    paired
        .then(|| char::from_u32(combined))?
        .map(|character| (character, 6))
}
