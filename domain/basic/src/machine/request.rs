//! What a script asks its host for.

use std::sync::LazyLock;

use chrono::DateTime;

use super::random::Random;
use super::{Context, Fault, Language, Limits};
use crate::language::{Condition, Shape, Word, Work, met, of_rows};
use crate::value::{Array, Object, Value};

/// Something that the host is asked for, whose answer the script goes on with.
#[derive(Clone, Debug, PartialEq)]
pub struct Request {
    /// The word of the dialect in capitals, such as `FIND` or `SEND MAIL`.
    pub word: &'static str,
    /// What stands behind the word, in order.
    pub arguments: Vec<Value>,
    /// What stands behind words within the statement, by those in lower case: `limit`, `order by`.
    pub clauses: Object,
    /// The rows that are meant, where the statement says it.
    pub condition: Option<Condition>,
}

/// Why a request is not granted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    /// Stable, in lower case with underscores: `not_configured`.
    pub code: String,
    pub message: String,
    /// Whether the script is wrong. Then it ends, unless it catches errors; other refusals are values to it.
    pub mistake: bool,
}

impl Refusal {
    /// A service does not do it.
    pub fn new(code: impl Into<String>, message: impl Into<String>) -> Refusal {
        Refusal {
            code: code.into(),
            message: message.into(),
            mistake: false,
        }
    }

    /// The script asks for what cannot be.
    pub fn mistake(code: impl Into<String>, message: impl Into<String>) -> Refusal {
        Refusal {
            mistake: true,
            ..Refusal::new(code, message)
        }
    }

    /// What a script sees of it: `error` and `code`, and `success` is FALSE.
    pub(super) fn to_value(&self) -> Result<Value, Fault> {
        let mut object = Object::default();
        object.set("success", Value::Bool(false))?;
        object.set("error", Value::text(self.message.as_str()))?;
        object.set("code", Value::text(self.code.as_str()))?;
        Ok(Value::Object(object))
    }
}

impl From<Fault> for Refusal {
    fn from(fault: Fault) -> Refusal {
        Refusal::mistake("statement_refused", fault.message)
    }
}

/// The clauses of most requests, made once.
static NOTHING_MORE: LazyLock<Object> = LazyLock::new(Object::default);

impl Request {
    pub(super) fn new(word: &'static Word, shape: &Shape, mut values: Vec<Value>) -> Result<Request, Fault> {
        let clauses = match values.pop_if(|_| shape.has_clauses()) {
            Some(Value::Object(clauses)) => clauses,
            Some(_) => return Err(Fault::program()),
            None => NOTHING_MORE.clone(),
        };
        let mut request = Request {
            word: word.name,
            arguments: values,
            clauses,
            condition: None,
        };
        if shape.has_clauses() || shape.condition_at.is_some() {
            request.condition = request.said_condition(shape)?;
        }
        Ok(request)
    }

    fn said_condition(&self, shape: &Shape) -> Result<Option<Condition>, Fault> {
        if let Some(said) = self.clause("where") {
            return Condition::of(said).map(Some);
        }
        let Some(at) = shape.condition_at else {
            return Ok(None);
        };
        if let Some(said) = self
            .clause("with")
            .filter(|said| !matches!(said, Value::Object(_)))
        {
            return Condition::of(said).map(Some);
        }
        match self.arguments.get(usize::from(at)..).unwrap_or_default() {
            // What is not there is no row: it must not be every row.
            [Value::Null, ..] if matches!(self.word, "UPDATE" | "DELETE") => {
                Ok(Some(Condition::Either(Vec::new())))
            }
            [Value::Text(text), ..] if text.trim().is_empty() && matches!(self.word, "UPDATE" | "DELETE") => {
                Ok(Some(Condition::Either(Vec::new())))
            }
            [Value::Null, ..] | [] => Ok(None),
            [Value::Text(text)] if text.trim().is_empty() => Ok(None),
            // `FIND "berths", "number", 7`
            [Value::Text(field), value] if self.word == "FIND" => {
                Ok(Some(Condition::equals(field.trim(), value.clone())))
            }
            // `UPDATE "berths", 7, "taken", TRUE`
            [said @ (Value::Integer(_) | Value::Number(_)), ..] => {
                Ok(Some(Condition::equals("id", said.clone())))
            }
            [Value::Text(text), _, _] if self.word == "UPDATE" => {
                Ok(Some(Condition::equals("id", Value::Text(text.clone()))))
            }
            // `FIND "berths", id`
            [Value::Text(text), ..]
                if matches!(self.word, "FIND" | "UPDATE" | "DELETE") && is_id(text.trim()) =>
            {
                Ok(Some(Condition::equals("id", Value::text(text.trim()))))
            }
            [said, ..] => Condition::of(said).map(Some),
        }
    }

    /// What FIND, GET FROM or AGGREGATE comes to for rows that stand elsewhere, as in a file. `at`: which argument names it.
    pub fn of_rows(&self, rows: Array, at: usize) -> Result<Value, Refusal> {
        let mut request = self.clone();
        if let Some(named) = request.arguments.get_mut(at) {
            *named = Value::Array(rows);
        }
        let mut context = Context {
            now: DateTime::UNIX_EPOCH,
            random: &mut Random::new(0),
            language: &mut Language::default(),
            error: &mut None,
            memory_bytes: Limits::default().memory_bytes,
            work: Work::new(),
        };
        of_rows(&mut context, &mut request).map_err(Refusal::from)
    }

    /// Which of these rows meet its condition; all of them where it states none.
    pub fn meets(&self, rows: &[Value]) -> Result<Vec<bool>, Refusal> {
        met(self.condition.as_ref(), rows).map_err(Refusal::from)
    }

    /// What stands behind a word within the statement, which is named in lower case.
    pub fn clause(&self, name: &str) -> Option<&Value> {
        self.clauses.get(name)
    }

    /// Whether a word without a value stands in the statement.
    pub fn has(&self, name: &str) -> bool {
        self.clause(name).is_some_and(Value::is_truthy)
    }

    pub fn argument(&self, number: usize) -> &Value {
        const NOTHING: &Value = &Value::Null;
        self.arguments.get(number).unwrap_or(NOTHING)
    }

    /// The fields to sort by, and whether downwards.
    pub fn order(&self) -> Vec<(String, bool)> {
        let Some(Value::Array(items)) = self.clause("order by") else {
            return Vec::new();
        };
        items.iter().flat_map(sorted_by).collect()
    }

    /// Logical bytes of all that it carries.
    pub(super) fn weight(&self) -> u64 {
        self.arguments
            .iter()
            .fold(self.clauses.weight(), |weight, value| {
                weight.saturating_add(value.weight())
            })
    }
}

/// Whether a text that stands in the place of a condition compares nothing, so that it can only be the id of a row.
pub(crate) fn is_id(text: &str) -> bool {
    text.chars().all(|c| c.is_alphanumeric() || "-_.:@/+".contains(c))
}

/// One item of ORDER BY; a text may name several fields: `"price DESC, number"`.
fn sorted_by(item: &Value) -> Vec<(String, bool)> {
    let pair: &[Value] = match item {
        Value::Array(pair) => Array::as_slice(pair),
        other => std::slice::from_ref(other),
    };
    let Some(Value::Text(fields)) = pair.first() else {
        return Vec::new();
    };
    let descending = pair.get(1).is_some_and(Value::is_truthy);
    let one = |field: &str| {
        let field = field.trim();
        match field.rsplit_once(char::is_whitespace) {
            Some((name, "DESC" | "desc" | "Desc")) => (name.trim().to_owned(), true),
            Some((name, "ASC" | "asc" | "Asc")) => (name.trim().to_owned(), false),
            _ => (field.to_owned(), descending),
        }
    };
    fields
        .split(',')
        .map(one)
        .filter(|(name, _)| !name.is_empty())
        .collect()
}
