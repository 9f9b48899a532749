//! What a query is given: constants, variables of the script, and how they are bound.

use basic::{FieldKind, Refusal, Value};
use sqlparser::ast::{DataType, Expr, TimezoneInfo, UnaryOperator, Value as Literal};

use super::super::definition::{Column, sql_type};
use super::super::values::bound;
use super::names::{Scope, plain};
use super::query::general;
use super::{NUMBER, TEXT, Typed, Writer, refused};

impl Writer<'_> {
    /// What the right side of a comparison gives, if it is a value: there a variable comes before a field of its name.
    pub(super) fn given(&self, said: &Expr, scope: &Scope<'_>) -> Option<Value> {
        self.value_of(said, scope)
    }

    /// The same of a left side, where a field comes first.
    pub(super) fn given_first(&self, said: &Expr, scope: &Scope<'_>) -> Option<Value> {
        match said {
            Expr::Nested(within) => self.given_first(within, scope),
            Expr::Identifier(name) => match scope.find(&plain(name)) {
                Ok(None) => self.value_of(said, scope),
                _ => None,
            },
            Expr::CompoundIdentifier(parts) => match parts.first().map(|name| scope.find(&plain(name))) {
                Some(Ok(None)) => self.value_of(said, scope),
                _ => None,
            },
            _ => self.value_of(said, scope),
        }
    }

    /// The value of a constant, a variable or a text in the quotation marks of the dialect; None where it is none.
    pub(super) fn value_of(&self, said: &Expr, scope: &Scope<'_>) -> Option<Value> {
        match said {
            Expr::Nested(within) => self.value_of(within, scope),
            Expr::Value(value) => match &value.value {
                Literal::Number(number, _) => number.parse::<i64>().map(Value::Integer).ok().or_else(|| {
                    number
                        .parse::<f64>()
                        .ok()
                        .filter(|n| n.is_finite())
                        .map(Value::Number)
                }),
                Literal::SingleQuotedString(text) => Some(Value::from(text.as_str())),
                Literal::Boolean(truth) => Some(Value::Bool(*truth)),
                Literal::Null => Some(Value::Null),
                _ => None,
            },
            // `DATE '2026-12-01'`
            Expr::TypedString(typed) => match &typed.value.value {
                Literal::SingleQuotedString(text) if !typed.uses_odbc_syntax => {
                    let kind = kind_of_type(&typed.data_type).ok()?;
                    let column = column_of(kind);
                    let text = bound(&column, &Value::from(text.as_str())).ok()??;
                    match kind {
                        FieldKind::Date => text.parse().ok().map(Value::Date),
                        FieldKind::DateTime => text.parse().ok().map(Value::Moment),
                        _ => Some(Value::from(text)),
                    }
                }
                _ => None,
            },
            Expr::UnaryOp {
                op: UnaryOperator::Minus,
                expr,
            } => match self.value_of(expr, scope)? {
                Value::Integer(number) if matches!(**expr, Expr::Value(_)) => {
                    Some(Value::Integer(number.checked_neg()?))
                }
                Value::Number(number) if matches!(**expr, Expr::Value(_)) => Some(Value::Number(-number)),
                _ => None,
            },
            Expr::Identifier(name) if name.quote_style == Some('"') => Some(Value::from(name.value.as_str())),
            Expr::Identifier(name) => self.variable(&name.value).cloned(),
            Expr::CompoundIdentifier(parts) => {
                let first = parts.first().map(plain)?;
                match scope.source(&first) {
                    Some(_) => None,
                    None => self.member(parts),
                }
            }
            _ => None,
        }
    }

    /// A value that is bound, as of a kind where one is wanted.
    pub(super) fn constant(&mut self, value: &Value, wanted: Option<FieldKind>) -> Result<Typed, Refusal> {
        let mut kind = general(wanted.unwrap_or_else(|| kind_of(value)));
        // A whole number is compared with any number.
        if kind == FieldKind::Integer && bound(&column_of(kind), value).is_err() {
            kind = NUMBER;
        }
        let text = bound(&column_of(kind), value)?;
        let sql = self.bind(text, &sql_type(kind))?;
        Ok(Typed::new(sql, kind))
    }
}

pub(super) fn kind_of(value: &Value) -> FieldKind {
    match value {
        Value::Bool(_) => FieldKind::Boolean,
        Value::Integer(_) => FieldKind::Integer,
        Value::Number(_) => NUMBER,
        Value::Date(_) => FieldKind::Date,
        Value::Moment(_) => FieldKind::DateTime,
        Value::Array(_) | Value::Object(_) => FieldKind::Json,
        Value::Null | Value::Text(_) => TEXT,
    }
}

/// A kind that a value is cast to.
pub(super) fn kind_of_type(data_type: &DataType) -> Result<FieldKind, Refusal> {
    Ok(match data_type {
        DataType::Text | DataType::Varchar(_) | DataType::String(_) => TEXT,
        DataType::Int(_) | DataType::Integer(_) | DataType::BigInt(_) => FieldKind::Integer,
        DataType::Numeric(_) | DataType::Decimal(_) => NUMBER,
        DataType::Float(_) | DataType::Real | DataType::DoublePrecision | DataType::Double(_) => {
            FieldKind::Double
        }
        DataType::Boolean | DataType::Bool => FieldKind::Boolean,
        DataType::Date => FieldKind::Date,
        DataType::Timestamp(_, TimezoneInfo::None | TimezoneInfo::WithTimeZone) => FieldKind::DateTime,
        DataType::Uuid => FieldKind::Uuid,
        _ => return Err(refused("a cast to this type")),
    })
}

fn column_of(kind: FieldKind) -> Column {
    Column {
        name: "the value".to_owned(),
        sql: String::new(),
        kind,
        key: false,
        given: false,
        subject: false,
        read_by: Vec::new(),
        write_by: Vec::new(),
    }
}
