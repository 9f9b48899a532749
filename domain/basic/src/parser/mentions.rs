//! What a script names of its package: tools, other scripts, tables and their fields. Whether they exist is known to whoever
//! knows the package.

use std::collections::{HashMap, HashSet};

use crate::diagnostic::{Diagnostic, Report, UNKNOWN_FIELD, UNKNOWN_SCRIPT, UNKNOWN_TABLE, UNKNOWN_TOOL};
use crate::language::{Condition, Word, nearest};
use crate::program::{Constant, Table};
use crate::source::Span;
use crate::syntax::{Expression, ExpressionKind};

/// Something that a script names.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Mention {
    pub kind: Mentioned,
    pub name: String,
    pub span: Span,
}

#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Mentioned {
    Tool,
    Script,
    Table,
    /// Of the table of this name.
    Field(String),
}

/// What there is in a package.
#[derive(Clone, Debug, Default)]
pub struct Known {
    /// Names of scripts in lower case, without `.bas`.
    pub scripts: Vec<String>,
    pub tables: Vec<Table>,
}

/// The tools, tables and fields that a request names.
pub(super) fn of_request(word: &Word, arguments: &[Expression], span: Span, found: &mut Vec<Mention>) {
    let first = arguments
        .first()
        .and_then(|first| Some((constant(first)?, first.span)));
    match word.name {
        "USE TOOL" | "REMOVE TOOL" => {
            if let Some((name, span)) = first {
                let name = name.trim().to_lowercase();
                found.push(Mention {
                    kind: Mentioned::Tool,
                    name: name.strip_suffix(".bas").unwrap_or(&name).to_owned(),
                    span,
                });
            }
        }
        "SCHEDULE" => {
            for argument in arguments.iter().skip(1) {
                if let Some(name) = constant(argument).map(|name| name.trim().to_lowercase())
                    && let Some(name) = name.strip_suffix(".bas")
                {
                    found.push(Mention {
                        kind: Mentioned::Script,
                        name: name.to_owned(),
                        span: argument.span,
                    });
                }
            }
        }
        "FIND" | "GET FROM" | "INSERT" | "UPDATE" | "DELETE" | "MERGE" | "SEARCH" | "SET TABLE" => {
            if let Some((table, span)) = first {
                of_table(table, span, &arguments[1..], found);
            }
        }
        "SAVE" => {
            let to = arguments
                .last()
                .and_then(|clauses| clause(clauses, "to"))
                .and_then(constant);
            match (to, first) {
                (Some(table), _) => of_table(table, span, arguments, found),
                (None, Some((table, span))) => of_table(table, span, &arguments[1..], found),
                _ => {}
            }
        }
        _ => {}
    }
}

fn of_table(table: &str, span: Span, rest: &[Expression], found: &mut Vec<Mention>) {
    let lower = table.trim().to_lowercase();
    let elsewhere = lower.contains('/')
        || lower
            .rsplit_once('.')
            .is_some_and(|(_, end)| FILES.contains(&end));
    if elsewhere || lower.is_empty() {
        return;
    }
    found.push(Mention {
        kind: Mentioned::Table,
        name: table.trim().to_owned(),
        span,
    });
    let mut fields = Vec::new();
    for part in rest {
        fields_of(part, &mut fields);
    }
    found.extend(fields.into_iter().map(|(name, span)| Mention {
        kind: Mentioned::Field(lower.clone()),
        name,
        span,
    }));
}

const FILES: [&str; 6] = ["csv", "xlsx", "json", "txt", "pdf", "xls"];

/// The fields in an argument: of a row that is written out, of a condition in a text, of clauses.
fn fields_of(part: &Expression, found: &mut Vec<(String, Span)>) {
    match &part.kind {
        ExpressionKind::Object(fields) => {
            let clauses = [
                "where", "set", "computed", "with", "order by", "names", "limit", "values", "by", "to",
                "first",
            ];
            let is_clauses = fields.iter().all(|(name, _)| clauses.contains(&name.as_str()));
            if !is_clauses {
                found.extend(fields.iter().map(|(name, _)| (name.clone(), part.span)));
                return;
            }
            for (name, value) in fields {
                match (name.as_str(), &value.kind) {
                    ("where", _) => condition_fields(value, found),
                    ("set" | "computed" | "with", ExpressionKind::Object(fields)) => {
                        found.extend(fields.iter().map(|(name, value)| (name.clone(), value.span)));
                    }
                    ("values", ExpressionKind::Array(rows)) => {
                        for row in rows {
                            if let ExpressionKind::Object(fields) = &row.kind {
                                found.extend(fields.iter().map(|(name, _)| (name.clone(), row.span)));
                            }
                        }
                    }
                    ("with", _) => condition_fields(value, found),
                    ("order by", ExpressionKind::Array(items)) => {
                        for item in items {
                            if let ExpressionKind::Array(pair) = &item.kind
                                && let Some(field) = pair.first().and_then(constant)
                                && !field.contains([' ', ','])
                            {
                                found.push((field.to_owned(), value.span));
                            }
                        }
                    }
                    _ => {}
                }
            }
        }
        // A text may be a condition, or anything else.
        ExpressionKind::Constant(Constant::Text(text)) if text.contains(['=', '<', '>']) => {
            said_fields(text, part.span, found);
        }
        ExpressionKind::Array(_) => condition_fields(part, found),
        _ => {}
    }
}

/// The fields of a condition as the parser makes it.
fn condition_fields(condition: &Expression, found: &mut Vec<(String, Span)>) {
    if let Some(text) = constant(condition) {
        return said_fields(text, condition.span, found);
    }
    let ExpressionKind::Array(items) = &condition.kind else {
        return;
    };
    let Some((sign, operands)) = items.split_first() else {
        return;
    };
    match constant(sign) {
        Some("and" | "or" | "not") => operands
            .iter()
            .for_each(|operand| condition_fields(operand, found)),
        Some("text") => {
            if let Some(text) = operands.first().and_then(constant) {
                said_fields(text, condition.span, found);
            }
        }
        Some(_) => {
            if let Some(field) = operands.first()
                && let Some(name) = constant(field)
            {
                found.push((name.to_owned(), field.span));
            }
        }
        None => {}
    }
}

fn said_fields(text: &str, span: Span, found: &mut Vec<(String, Span)>) {
    let Ok(condition) = Condition::parse(text) else {
        return;
    };
    let mut waiting = vec![condition];
    while let Some(condition) = waiting.pop() {
        match condition {
            Condition::Either(conditions) | Condition::Both(conditions) => waiting.extend(conditions),
            Condition::Not(condition) => waiting.push(*condition),
            Condition::Compared { field, .. } | Condition::OneOf { field, .. } => found.push((field, span)),
        }
    }
}

fn constant(expression: &Expression) -> Option<&str> {
    match &expression.kind {
        ExpressionKind::Constant(Constant::Text(text)) => Some(text),
        _ => None,
    }
}

fn clause<'e>(clauses: &'e Expression, name: &str) -> Option<&'e Expression> {
    match &clauses.kind {
        ExpressionKind::Object(fields) => fields
            .iter()
            .find(|(known, _)| known == name)
            .map(|(_, value)| value),
        _ => None,
    }
}

/// What of all that is named there is not.
pub(crate) fn unknown(source: &str, mentions: &[Mention], known: &Known) -> Vec<Diagnostic> {
    let mut report = Report::new(source);
    let scripts: HashSet<&str> = known.scripts.iter().map(String::as_str).collect();
    let tables: HashMap<String, &Table> = known
        .tables
        .iter()
        .rev()
        .map(|table| (table.name.to_lowercase(), table))
        .collect();
    for mention in mentions {
        // Looking for what was meant takes long.
        if !report.takes_warnings() {
            break;
        }
        let name = mention.name.as_str();
        let table = |name: &str| tables.get(&name.to_lowercase()).copied();
        let (code, message, near) = match &mention.kind {
            Mentioned::Tool if !scripts.contains(name) => (
                UNKNOWN_TOOL,
                format!("there is no script `{name}` that could be a tool"),
                nearest(name, known.scripts.iter().map(String::as_str)),
            ),
            Mentioned::Script if !scripts.contains(name) => (
                UNKNOWN_SCRIPT,
                format!("the package has no script `{name}`"),
                nearest(name, known.scripts.iter().map(String::as_str)),
            ),
            // A package without tables has them elsewhere.
            Mentioned::Table if !known.tables.is_empty() && table(name).is_none() => (
                UNKNOWN_TABLE,
                format!("no script of the package declares a table `{name}`"),
                nearest(name, known.tables.iter().map(|table| table.name.as_str())),
            ),
            Mentioned::Field(of) => {
                let Some(table) = table(of) else { continue };
                let first = name.split('.').next().unwrap_or(name);
                let has = |name: &str| {
                    table
                        .fields
                        .iter()
                        .any(|field| field.name.eq_ignore_ascii_case(name))
                };
                // Without a key a table gets one.
                if has(name) || has(first) || first.eq_ignore_ascii_case("id") {
                    continue;
                }
                (
                    UNKNOWN_FIELD,
                    format!("the table `{}` has no field `{name}`", table.name),
                    nearest(name, table.fields.iter().map(|field| field.name.as_str())),
                )
            }
            _ => continue,
        };
        let help = near.map(|near| format!("did you mean `{near}`?"));
        report.push(code, mention.span, message, help);
    }
    report.finish()
}
