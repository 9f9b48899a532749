//! TABLE: fields one to a line, in the dialect's own form, after FIELD, or as columns of SQL.

use super::Parser;
use crate::diagnostic::{BAD_FIELD, DEFINED_TWICE, UNKNOWN_FIELD_TYPE};
use crate::language;
use crate::lexer::TokenKind;
use crate::program::Constant;
use crate::program::{FieldKind, Table, TableField};
use crate::source::Span;
use crate::syntax::{Expression, ExpressionKind, Statement, StatementKind};

/// PostgreSQL's limit of a row, less what is added.
const FIELDS_MAX: usize = 1000;
/// PostgreSQL cuts longer names.
const NAME_BYTES_MAX: usize = 63;

pub(crate) fn table(parser: &mut Parser<'_, '_>, span: Span) -> Option<Statement> {
    let header = header(parser, span);
    if header.is_none() {
        parser.skip_statement();
    }
    parser.finish_statement();
    if parser.peek().kind == TokenKind::Line {
        parser.advance();
    }
    if parser.peek().kind != TokenKind::Block {
        return parser.expected("the fields of the table on the following lines");
    }
    let block = parser.advance().span;
    for word in ["END", "TABLE"] {
        if !parser.take_word(word) && parser.at_word("END_TABLE") {
            parser.advance();
        }
    }
    let mut table = header?;
    let sound = fields(parser, block, &mut table);
    if sound && table.fields.is_empty() {
        parser.report.add(
            BAD_FIELD,
            span,
            format!("the table `{}` has no fields", table.name),
        );
    }
    if parser
        .declared
        .tables
        .iter()
        .any(|other| other.name.eq_ignore_ascii_case(&table.name))
    {
        let message = format!("there is a table `{}` already", table.name);
        parser.report.add(DEFINED_TWICE, span, message);
    }
    parser.declared.tables.push(table);
    Some(Statement {
        span,
        kind: StatementKind::Nothing,
    })
}

/// `TABLE name ON connection READ BY "a;b" WRITE BY "c"`
fn header(parser: &mut Parser<'_, '_>, span: Span) -> Option<Table> {
    let mut name = match parser.peek().kind {
        TokenKind::Word | TokenKind::Text => parser.field_name()?,
        _ => return parser.expected("the name of the table"),
    };
    // `TABLE RPA.Customers`: a name in the words of another database.
    while parser.take_symbol(crate::lexer::Symbol::Dot) {
        name = format!("{name}.{}", parser.field_name()?);
    }
    for part in name.split('.') {
        checked_name(parser, part, span)?;
    }
    let mut table = Table {
        name,
        connection: None,
        read_by: Vec::new(),
        write_by: Vec::new(),
        fields: Vec::new(),
        line: parser.report.place(span.start).0,
    };
    while !parser.at_statement_end() {
        if parser.take_word("ON") {
            table.connection = Some(parser.field_name()?);
        } else if parser.at_word("READ") && parser.word_is(1, "BY") {
            parser.at += 2;
            table.read_by = roles(&said(parser)?);
        } else if parser.at_word("WRITE") && parser.word_is(1, "BY") {
            parser.at += 2;
            table.write_by = roles(&said(parser)?);
        } else if !parser.take_symbol(crate::lexer::Symbol::OpenParenthesis) {
            return parser.expected("ON, READ BY, WRITE BY or the end of the line");
        }
    }
    Some(table)
}

fn said(parser: &mut Parser<'_, '_>) -> Option<String> {
    let value = parser.expression()?;
    match value {
        Expression {
            kind: ExpressionKind::Constant(Constant::Text(text)),
            ..
        } => Some(text),
        Expression { span, .. } => parser.error(
            crate::diagnostic::EXPECTED,
            span,
            "roles stand in quotes: \"admin;sales\"",
        ),
    }
}

fn roles(text: &str) -> Vec<String> {
    let roles = text
        .split([';', ','])
        .map(str::trim)
        .filter(|role| !role.is_empty());
    roles.map(str::to_owned).collect()
}

fn checked_name(parser: &mut Parser<'_, '_>, name: &str, span: Span) -> Option<()> {
    let letters = name.chars().all(|c| c.is_alphanumeric() || c == '_');
    let begins = name.starts_with(|c: char| c.is_alphabetic() || c == '_');
    if letters && begins && name.len() <= NAME_BYTES_MAX && !name.starts_with("__") {
        return Some(());
    }
    let message =
        format!("`{name}` cannot be a name here: letters, digits and _, at most {NAME_BYTES_MAX} bytes");
    parser.error(BAD_FIELD, span, message)
}

/// False when something is wrong with one of them.
fn fields(parser: &mut Parser<'_, '_>, block: Span, table: &mut Table) -> bool {
    let mut sound = true;
    let source = parser.source;
    let mut start = block.start as usize;
    for line in block.text(source).split_inclusive('\n') {
        let indent = line.len() - line.trim_start().len();
        let span = Span::new(
            start + indent.min(line.trim_end().len()),
            start + line.trim_end().len(),
        );
        start += line.len();
        let text = without_comment(line).trim().trim_end_matches(',').trim();
        if text.is_empty() || matches!(text, "(" | ")" | ");") {
            continue;
        }
        if is_constraint(text) {
            constraint(text, table);
            continue;
        }
        if let Some(field) = field(parser, text, span) {
            if table
                .fields
                .iter()
                .any(|other| other.name.eq_ignore_ascii_case(&field.name))
            {
                let message = format!("the table has a field `{}` already", field.name);
                parser.report.add(DEFINED_TWICE, span, message);
            } else if table.fields.len() == FIELDS_MAX {
                parser.report.add(
                    BAD_FIELD,
                    span,
                    format!("a table has at most {FIELDS_MAX} fields"),
                );
                return false;
            } else {
                table.fields.push(field);
            }
        } else {
            sound = false;
        }
    }
    sound
}

/// `PRIMARY KEY (a, b)` and `UNIQUE (a)` among the columns; indexes and others say nothing that matters here.
fn constraint(text: &str, table: &mut Table) {
    let upper = text.to_ascii_uppercase();
    let named = |table: &mut Table, set: fn(&mut TableField)| {
        let inside = text.split_once('(').and_then(|(_, rest)| rest.rsplit_once(')'));
        for name in inside.map_or("", |(inside, _)| inside).split(',') {
            let found = |field: &&mut TableField| field.name.eq_ignore_ascii_case(name.trim());
            if let Some(field) = table.fields.iter_mut().find(found) {
                set(field);
            }
        }
    };
    if upper.starts_with("PRIMARY KEY") {
        named(table, |field| field.key = true);
    } else if upper.starts_with("UNIQUE") && !text.contains(',') {
        named(table, |field| field.unique = true);
    }
}

/// What stands before a comment; quotation marks keep theirs.
fn without_comment(line: &str) -> &str {
    let mut quoted = false;
    let mut before = ' ';
    for (at, c) in line.char_indices() {
        match c {
            '"' => quoted = !quoted,
            '\'' if !quoted && before.is_whitespace() && !is_default(&line[..at]) => return &line[..at],
            '/' | '-' if !quoted && before == c => return &line[..at - 1],
            _ => {}
        }
        before = c;
    }
    let first = line.split_whitespace().next().unwrap_or_default();
    if first.eq_ignore_ascii_case("REM") || first.starts_with('#') {
        ""
    } else {
        line
    }
}

/// Whether a value in quotation marks follows, and no comment.
fn is_default(before: &str) -> bool {
    before
        .split_whitespace()
        .next_back()
        .is_some_and(|word| word.eq_ignore_ascii_case("DEFAULT"))
}

/// Lines of SQL that are no columns.
const CONSTRAINTS: &[&str] = &[
    "PRIMARY",
    "FOREIGN",
    "UNIQUE",
    "CONSTRAINT",
    "CHECK",
    "CREATE",
    "INDEX",
    "ALTER",
    "COMMENT",
];

fn is_constraint(text: &str) -> bool {
    let words = Words::of(text);
    let is_one_of = |at: usize, known: &[&str]| {
        words
            .at(at)
            .is_some_and(|word| known.iter().any(|known| known.eq_ignore_ascii_case(word)))
    };
    is_one_of(0, CONSTRAINTS)
        && (is_one_of(0, &["CONSTRAINT"]) || is_one_of(1, &["KEY", "(", "INDEX", "UNIQUE", "TABLE", "ON"]))
}

fn field(parser: &mut Parser<'_, '_>, text: &str, span: Span) -> Option<TableField> {
    let mut words = Words::of(text);
    let mut name = words.next()?;
    if name.eq_ignore_ascii_case("FIELD") {
        name = words.next()?;
        words.take("AS");
    }
    let name = name.trim_matches(['"', '`', '[', ']']).to_owned();
    checked_name(parser, &name, span)?;
    words.take(":");
    let Some(kind_name) = words.next() else {
        let help = format!("write the type after it: {name} string(50)");
        let message = format!("the field `{name}` has no type");
        parser.report.add_with_help(BAD_FIELD, span, message, help);
        return None;
    };
    let arguments = words.numbers();
    let Some(kind) = FieldKind::named(&kind_name, &arguments) else {
        let near = language::nearest(&kind_name.to_ascii_lowercase(), FieldKind::NAMES.iter().copied());
        let help = match near {
            Some(near) => format!("did you mean {near}?"),
            None => format!("types are {}", FieldKind::NAMES.join(", ")),
        };
        let message = format!("`{kind_name}` is not a type of field");
        parser
            .report
            .add_with_help(UNKNOWN_FIELD_TYPE, span, message, help);
        return None;
    };
    let line = parser.report.place(span.start).0;
    let mut field = TableField::new(name, kind, line);
    modifiers(&mut words, &mut field);
    Some(field)
}

fn modifiers(words: &mut Words, field: &mut TableField) {
    while let Some(word) = words.next() {
        match word.to_ascii_uppercase().as_str() {
            "KEY" => field.key = true,
            "PRIMARY" => field.key |= words.take("KEY"),
            "REQUIRED" => field.required = true,
            "NOT" => field.required |= words.take("NULL"),
            "UNIQUE" => field.unique = true,
            "SUBJECT" => field.subject = true,
            "REFERENCES" => {
                field.references = words.next().map(|name| name.trim_matches('"').to_owned());
                words.numbers();
            }
            "DEFAULT" => field.default = words.next().map(|word| words.with_call(word)),
            "READ" if words.take("BY") => {
                field.read_by = words
                    .next()
                    .map(|text| roles(text.trim_matches('"')))
                    .unwrap_or_default();
            }
            "WRITE" if words.take("BY") => {
                field.write_by = words
                    .next()
                    .map(|text| roles(text.trim_matches('"')))
                    .unwrap_or_default();
            }
            // ON DELETE CASCADE, NULL, LABEL and the like say nothing that matters here.
            _ => {}
        }
    }
}

/// A line in words; brackets and colons are words of their own, what is quoted is one.
struct Words {
    words: Vec<String>,
    at: usize,
}

impl Words {
    fn of(text: &str) -> Words {
        let mut words: Vec<String> = Vec::new();
        let mut word = String::new();
        let mut quote = None;
        for c in text.chars() {
            if let Some(open) = quote {
                word.push(c);
                if c == open {
                    quote = None;
                }
                continue;
            }
            match c {
                '"' | '\'' => {
                    quote = Some(c);
                    word.push(c);
                }
                '(' | ')' | ',' | ':' => {
                    words.extend((!word.is_empty()).then(|| std::mem::take(&mut word)));
                    words.push(c.to_string());
                }
                c if c.is_whitespace() => {
                    words.extend((!word.is_empty()).then(|| std::mem::take(&mut word)));
                }
                c => word.push(c),
            }
        }
        words.extend((!word.is_empty()).then_some(word));
        Words { words, at: 0 }
    }

    fn at(&self, distance: usize) -> Option<&str> {
        self.words.get(self.at + distance).map(String::as_str)
    }

    fn next(&mut self) -> Option<String> {
        let word = self.words.get(self.at).cloned();
        self.at += usize::from(word.is_some());
        word
    }

    fn take(&mut self, word: &str) -> bool {
        let found = self.at(0).is_some_and(|next| next.eq_ignore_ascii_case(word));
        self.at += usize::from(found);
        found
    }

    /// `(10, 2)`, if brackets stand here.
    fn numbers(&mut self) -> Vec<u32> {
        let mut numbers = Vec::new();
        if self.take("(") {
            while let Some(word) = self.next() {
                if word == ")" {
                    break;
                }
                numbers.extend(word.parse::<u32>().ok());
            }
        }
        numbers
    }

    /// `now()` as one text.
    fn with_call(&mut self, word: String) -> String {
        if self.at(0) == Some("(") {
            self.numbers();
            return format!("{word}()");
        }
        word
    }
}
