//! Fields, in the dialect's own form, after FIELD, or as columns of SQL; and the lines of SQL that are no columns.

use super::words::{Piece, Word, pieces};
use super::{checked_name, roles};
use crate::diagnostic::{BAD_FIELD, DEFINED_TWICE, UNCLOSED_BRACKET, UNKNOWN_FIELD_TYPE, UNKNOWN_MODIFIER};
use crate::language;
use crate::parser::Parser;
use crate::program::{FieldKind, Table, TableField};
use crate::source::Span;

/// PostgreSQL's limit of a row, less what is added.
const FIELDS_MAX: usize = 1000;

/// False when something is wrong with one of them.
pub(super) fn fields(parser: &mut Parser<'_, '_>, block: Span, table: &mut Table) -> bool {
    let mut sound = true;
    let mut constraints = Vec::new();
    for piece in pieces(parser.source, block) {
        let span = piece.span();
        if let Some(open) = piece.open {
            parser.report.add(UNCLOSED_BRACKET, open, "`(` is never closed");
            sound = false;
        }
        if is_constraint(&piece) {
            constraints.push(piece);
            continue;
        }
        let Some(field) = field(parser, piece) else {
            sound = false;
            continue;
        };
        let has = |other: &TableField| other.name.eq_ignore_ascii_case(&field.name);
        if table.fields.iter().any(has) {
            let message = format!("the table has a field `{}` already", field.name);
            parser.report.add(DEFINED_TWICE, span, message);
        } else if table.fields.len() == FIELDS_MAX {
            let message = format!("a table has at most {FIELDS_MAX} fields");
            parser.report.add(BAD_FIELD, span, message);
            return false;
        } else {
            table.fields.push(field);
        }
    }
    // They may name fields that stand below them.
    if sound {
        constraints
            .into_iter()
            .for_each(|piece| constraint(parser, piece, table));
    }
    sound
}

/// How lines of SQL begin that are no columns.
const CONSTRAINTS: &[&[&str]] = &[
    &["PRIMARY", "KEY"],
    &["FOREIGN", "KEY"],
    &["UNIQUE", "("],
    &["UNIQUE", "KEY"],
    &["UNIQUE", "INDEX"],
    &["CHECK", "("],
    &["EXCLUDE"],
    &["CREATE", "INDEX"],
    &["CREATE", "UNIQUE"],
    &["ALTER", "TABLE"],
    &["COMMENT", "ON"],
];

fn is_constraint(piece: &Piece<'_>) -> bool {
    let begins = |words: &&[&str]| words.iter().enumerate().all(|(at, word)| piece.at_word(at, word));
    // `INDEX name (fields)` and `KEY name (fields)`: no type has a bracket behind its second word.
    let index = piece.at(0).is_some_and(|word| word.is_one_of(&["INDEX", "KEY"]))
        && (piece.at_word(1, "(") || piece.at_word(2, "("))
        && piece
            .at(1)
            .is_none_or(|word| FieldKind::named(word.text, &[]).is_none());
    let named = piece.at_word(0, "CONSTRAINT")
        && piece
            .at(2)
            .is_some_and(|word| FieldKind::named(word.text, &[]).is_none());
    CONSTRAINTS.iter().any(begins) || index || named && piece.at(2).is_some()
}

/// `PRIMARY KEY (a, b)`, `UNIQUE (a)`, `FOREIGN KEY (a) REFERENCES t (b)`, each perhaps behind `CONSTRAINT name`. Indexes and
/// checks say nothing that matters here.
fn constraint(parser: &mut Parser<'_, '_>, mut piece: Piece<'_>, table: &mut Table) {
    if piece.take("CONSTRAINT") {
        piece.next();
    }
    if piece.take_all(&["PRIMARY", "KEY"]) {
        for at in named_fields(parser, &mut piece, table) {
            table.fields[at].key = true;
        }
    } else if piece.take_all(&["FOREIGN", "KEY"]) {
        let fields = named_fields(parser, &mut piece, table);
        if piece.take("REFERENCES") {
            let to = piece.next().map(|name| unquoted(name.text).to_owned());
            if let [at] = fields[..] {
                table.fields[at].references = table.fields[at].references.take().or(to);
            }
        }
    } else if piece.take("UNIQUE") && !piece.at_word(0, "INDEX") {
        piece.take("KEY");
        if !piece.at_word(0, "(") {
            piece.next();
        }
        // Several are unique together only.
        if let [at] = named_fields(parser, &mut piece, table)[..] {
            table.fields[at].unique = true;
        }
    }
}

/// The places of the fields that stand in brackets here.
fn named_fields(parser: &mut Parser<'_, '_>, piece: &mut Piece<'_>, table: &Table) -> Vec<usize> {
    let mut found = Vec::new();
    for word in piece.bracketed().unwrap_or_default() {
        let name = unquoted(word.text);
        let is_field = |field: &TableField| field.name.eq_ignore_ascii_case(name);
        match table.fields.iter().position(is_field) {
            Some(at) => found.push(at),
            None if word.text == "," || word.is_one_of(&["ASC", "DESC"]) => {}
            // Nothing more is told, and looking for what was meant takes long.
            None if parser.report.is_closed() => {}
            None => {
                let near = language::nearest(name, table.fields.iter().map(|field| field.name.as_str()));
                let message = format!("the table has no field `{name}`");
                let help = near.map(|near| format!("did you mean {near}?"));
                parser.report.push(BAD_FIELD, word.span, message, help);
            }
        }
    }
    found
}

fn unquoted(name: &str) -> &str {
    name.trim_matches(['"', '`', '[', ']', '\''])
}

fn field(parser: &mut Parser<'_, '_>, mut piece: Piece<'_>) -> Option<TableField> {
    let place = piece.span();
    if piece.at_word(0, "FIELD") && piece.at(2).is_some() && !piece.at_word(1, "(") {
        piece.next();
    }
    let word = piece.next()?;
    let name = unquoted(word.text).to_owned();
    checked_name(parser, &name, place)?;
    if !piece.take("AS") {
        piece.take(":");
    }
    let Some(kind_word) = piece.next() else {
        let help = format!("write the type after it: {name} string(50)");
        let message = format!("the field `{name}` has no type");
        parser.report.add_with_help(BAD_FIELD, place, message, help);
        return None;
    };
    let kind = kind(parser, kind_word, &mut piece)?;
    let line = parser.report.place(word.span.start).0;
    let mut field = TableField::new(name, kind, line);
    modifiers(parser, &mut piece, &mut field);
    Some(field)
}

fn kind(parser: &mut Parser<'_, '_>, word: Word<'_>, piece: &mut Piece<'_>) -> Option<FieldKind> {
    let list = word.text.ends_with("[]");
    let named = word.text.trim_end_matches("[]");
    // DOUBLE PRECISION, CHARACTER VARYING (50)
    if word.is("DOUBLE") {
        piece.take("PRECISION");
    } else if word.is_one_of(&["CHARACTER", "CHAR"]) {
        piece.take("VARYING");
    }
    let sizes = piece.bracketed().unwrap_or_default();
    let sizes: Vec<u32> = sizes.iter().filter_map(|size| size.text.parse().ok()).collect();
    for zone in ["WITH", "WITHOUT"] {
        piece.take_all(&[zone, "TIME", "ZONE"]);
    }
    if let Some(kind) = FieldKind::named(named, &sizes) {
        return Some(if list || piece.take("[]") {
            FieldKind::Json
        } else {
            kind
        });
    }
    let near = language::nearest(&named.to_ascii_lowercase(), FieldKind::NAMES.iter().copied());
    let help = match near {
        Some(near) => format!("did you mean {near}?"),
        None => format!("types are {}", FieldKind::NAMES.join(", ")),
    };
    let message = format!("`{}` is not a type of field", word.text);
    parser
        .report
        .add_with_help(UNKNOWN_FIELD_TYPE, word.span, message, help);
    None
}

/// What can stand behind the type, for suggestions.
const MODIFIERS: &[&str] = &[
    "KEY",
    "PRIMARY KEY",
    "REQUIRED",
    "NOT NULL",
    "UNIQUE",
    "SUBJECT",
    "REFERENCES",
    "DEFAULT",
    "READ BY",
    "WRITE BY",
    "CHECK",
];

fn modifiers(parser: &mut Parser<'_, '_>, piece: &mut Piece<'_>, field: &mut TableField) {
    while let Some(word) = piece.next() {
        match word.text.to_ascii_uppercase().as_str() {
            "KEY" => field.key = true,
            "PRIMARY" if piece.take("KEY") => field.key = true,
            "REQUIRED" => field.required = true,
            "NOT" if piece.take("NULL") => field.required = true,
            "UNIQUE" => {
                field.unique = true;
                piece.take("KEY");
            }
            "SUBJECT" => field.subject = true,
            "REFERENCES" => {
                let Some(name) = piece.next() else {
                    let message = "REFERENCES is followed by the name of a table";
                    return parser.report.add(BAD_FIELD, word.span, message);
                };
                field.references = Some(unquoted(name.text).to_owned());
                piece.bracketed();
            }
            "DEFAULT" => field.default = default(piece),
            "READ" if piece.take("BY") => field.read_by = said_roles(piece),
            "WRITE" if piece.take("BY") => field.write_by = said_roles(piece),
            // What a database would do besides: it says nothing that matters here.
            "CHECK" => {
                piece.bracketed();
            }
            "ON" if piece.take("DELETE") || piece.take("UPDATE") => {
                let actions: [&[&str]; 5] = [
                    &["CASCADE"],
                    &["RESTRICT"],
                    &["SET", "NULL"],
                    &["SET", "DEFAULT"],
                    &["NO", "ACTION"],
                ];
                if !actions.iter().any(|action| piece.take_all(action)) {
                    return unknown(parser, piece, word);
                }
            }
            "GENERATED" => {
                let _ = piece.take("ALWAYS") || piece.take_all(&["BY", "DEFAULT"]);
                piece.take("AS");
                piece.take("IDENTITY");
                piece.bracketed();
                piece.take("STORED");
            }
            "CONSTRAINT" | "LABEL" | "COMMENT" | "DESCRIPTION" | "COLLATE" => {
                piece.next();
            }
            "NULL" | "INDEX" | "INDEXED" | "AUTO_INCREMENT" | "AUTOINCREMENT" | "IDENTITY" | "DEFERRABLE"
            | "OPTIONAL" | "UNSIGNED" => {
                piece.bracketed();
            }
            "INITIALLY" => {
                piece.next();
            }
            _ => return unknown(parser, piece, word),
        }
    }
}

/// The rest of the line says nothing that is understood.
fn unknown(parser: &mut Parser<'_, '_>, piece: &Piece<'_>, word: Word<'_>) {
    let one = word.text.to_ascii_uppercase();
    let two = piece
        .at(0)
        .map(|next| format!("{one} {}", next.text.to_ascii_uppercase()));
    let near = two
        .and_then(|two| language::nearest(&two, MODIFIERS.iter().copied()))
        .or_else(|| language::nearest(&one, MODIFIERS.iter().copied()));
    let help = match near {
        Some(near) => format!("did you mean {near}?"),
        None => format!("behind a type stand {}", MODIFIERS.join(", ")),
    };
    let message = format!(
        "`{}` says nothing of a field, and is left out with what follows it",
        word.text
    );
    parser
        .report
        .add_with_help(UNKNOWN_MODIFIER, word.span, message, help);
}

/// A value, a call without what is in its brackets, or a value in brackets; types behind `::` are left out.
fn default(piece: &mut Piece<'_>) -> Option<String> {
    let said = match piece.bracketed() {
        Some(inside) => {
            let calls = inside.get(1).is_some_and(|word| word.is("("));
            let first = inside.first()?.text;
            Some(if calls {
                format!("{first}()")
            } else {
                first.to_owned()
            })
        }
        None => {
            let word = piece.next()?.text.to_owned();
            match piece.bracketed() {
                Some(_) => Some(format!("{word}()")),
                None => Some(word),
            }
        }
    };
    if piece.take_all(&[":", ":"]) {
        piece.next();
        piece.bracketed();
    }
    said
}

fn said_roles(piece: &mut Piece<'_>) -> Vec<String> {
    let said = piece.next();
    said.map(|word| roles(word.text.trim_matches(['"', '\''])))
        .unwrap_or_default()
}
