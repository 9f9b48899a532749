//! Expressions: what is compared, computed and chosen. Each has a kind, so that values are bound as what they are compared
//! with, and answers are read as what they are.

use basic::{FieldKind, Refusal, Value};
use sqlparser::ast::{AccessExpr, BinaryOperator, CaseWhen, CastKind, Expr, UnaryOperator};

use super::super::condition::quoted_path;
use super::super::definition::sql_type;
use super::constants::{kind_of, kind_of_type};
use super::names::{Scope, plain};
use super::query::general;
use super::{DEPTH_MAX, NUMBER, TEXT, Typed, Writer, refused};

impl Writer<'_> {
    pub(super) fn expression(&mut self, said: &Expr, scope: &Scope<'_>) -> Result<Typed, Refusal> {
        self.part_more()?;
        self.depth += 1;
        if self.depth > DEPTH_MAX {
            return Err(refused("so much nesting"));
        }
        let written = self.written(said, scope);
        self.depth -= 1;
        written
    }

    /// An expression that is TRUE or FALSE.
    pub(super) fn truth(&mut self, said: &Expr, scope: &Scope<'_>) -> Result<String, Refusal> {
        let written = self.expression(said, scope)?;
        if written.kind != FieldKind::Boolean {
            return Err(Refusal::mistake(
                "condition_wanted",
                "a condition is wanted, which is TRUE or FALSE",
            ));
        }
        Ok(written.sql)
    }

    fn written(&mut self, said: &Expr, scope: &Scope<'_>) -> Result<Typed, Refusal> {
        match said {
            Expr::Nested(within) => {
                let within = self.expression(within, scope)?;
                Ok(Typed::new(format!("({})", within.sql), within.kind))
            }
            Expr::Identifier(name) => {
                // A field, else a variable, else what stands in the quotation marks of the dialect.
                if let Some((source, column)) = scope.find(&plain(name))? {
                    return self.field(source, &column.name);
                }
                let value = self.value_of(said, scope);
                let value = value.ok_or_else(|| no_field(&name.value))?;
                self.constant(&value, None)
            }
            Expr::CompoundIdentifier(parts) => {
                let names: Vec<String> = parts.iter().map(plain).collect();
                if let [source, rest @ ..] = names.as_slice()
                    && let Some(source) = scope.source(source)
                {
                    return match rest {
                        [name] => self.field(source, name),
                        [name, path @ ..] => {
                            let column = self.field(source, name)?;
                            self.part(&column, &path.join("."))
                        }
                        [] => Err(refused("a whole row")),
                    };
                }
                if let Some((source, column)) = scope.find(&names[0])? {
                    let column = self.field(source, &column.name)?;
                    return self.part(&column, &names[1..].join("."));
                }
                let value = self.member(parts);
                let value = value.ok_or_else(|| no_field(&names.join(".")))?;
                self.constant(&value, None)
            }
            Expr::CompoundFieldAccess { root, access_chain } => {
                let root = self.expression(root, scope)?;
                let mut path = Vec::new();
                for access in access_chain {
                    match access {
                        AccessExpr::Dot(Expr::Identifier(name)) => path.push(name.value.clone()),
                        _ => return Err(refused("a part in brackets")),
                    }
                }
                self.part(&root, &path.join("."))
            }
            Expr::Value(_) | Expr::TypedString(_) => {
                let value = self.value_of(said, scope);
                let value = value.ok_or_else(|| refused("this kind of constant"))?;
                self.constant(&value, None)
            }
            Expr::IsNull(of) => self.tested(of, "is null", scope),
            Expr::IsNotNull(of) => self.tested(of, "is not null", scope),
            Expr::IsTrue(of) => self.tested(of, "is true", scope),
            Expr::IsNotTrue(of) => self.tested(of, "is not true", scope),
            Expr::IsFalse(of) => self.tested(of, "is false", scope),
            Expr::IsNotFalse(of) => self.tested(of, "is not false", scope),
            Expr::IsDistinctFrom(a, b) => self.compared(a, "is distinct from", b, scope),
            Expr::IsNotDistinctFrom(a, b) => self.compared(a, "is not distinct from", b, scope),
            Expr::UnaryOp { op, expr } => self.unary(*op, expr, scope),
            Expr::BinaryOp { left, op, right } => self.binary(left, op, right, scope),
            Expr::Between {
                expr,
                negated,
                low,
                high,
            } => {
                let (of, bounds) = self.beside(expr, &[low, high], scope)?;
                let bounds = bounds.into_iter().map(|bound| bound.sql);
                let bounds = bounds.collect::<Vec<_>>().join(" and ");
                let sql = format!("{} {}between {bounds}", of.sql, not(*negated));
                Ok(Typed::new(format!("({sql})"), FieldKind::Boolean))
            }
            Expr::In {
                expr,
                target,
                negated,
                global: false,
            } => self.one_of(expr, target, *negated, scope),
            Expr::Like {
                negated,
                any: false,
                expr,
                pattern,
                escape_char: None,
            } => self.like(expr, "like", pattern, *negated, scope),
            Expr::ILike {
                negated,
                any: false,
                expr,
                pattern,
                escape_char: None,
            } => self.like(expr, "ilike", pattern, *negated, scope),
            Expr::Case {
                operand,
                conditions,
                else_result,
                ..
            } => self.case(operand.as_deref(), conditions, else_result.as_deref(), scope),
            Expr::Cast {
                kind: CastKind::Cast | CastKind::DoubleColon,
                expr,
                data_type,
                format: None,
            } => {
                let kind = kind_of_type(data_type)?;
                let of = self.expression(expr, scope)?;
                Ok(Typed::new(format!("({})::{}", of.sql, sql_type(kind)), kind))
            }
            Expr::Subquery(query) => {
                let written = self.query(query, Some(scope))?;
                match written.columns.as_slice() {
                    [(_, kind)] => Ok(Typed::new(format!("({})", written.sql), *kind)),
                    _ => Err(refused("a SELECT of several columns in place of a value")),
                }
            }
            Expr::Exists { subquery, negated } => {
                let written = self.query(subquery, Some(scope))?;
                let sql = format!("({}exists ({}))", not(*negated), written.sql);
                Ok(Typed::new(sql, FieldKind::Boolean))
            }
            _ => self.called(said, scope),
        }
    }

    fn tested(&mut self, of: &Expr, test: &str, scope: &Scope<'_>) -> Result<Typed, Refusal> {
        let of = self.expression(of, scope)?;
        Ok(Typed::new(format!("({} {test})", of.sql), FieldKind::Boolean))
    }

    fn unary(&mut self, op: UnaryOperator, of: &Expr, scope: &Scope<'_>) -> Result<Typed, Refusal> {
        match op {
            UnaryOperator::Not => {
                let of = self.truth(of, scope)?;
                Ok(Typed::new(format!("(not {of})"), FieldKind::Boolean))
            }
            UnaryOperator::Minus | UnaryOperator::Plus => {
                let of = self.number(of, scope)?;
                let sign = if op == UnaryOperator::Minus { "-" } else { "" };
                Ok(Typed::new(format!("({sign} {})", of.sql), of.kind))
            }
            _ => Err(refused("this operator")),
        }
    }

    fn binary(
        &mut self,
        left: &Expr,
        op: &BinaryOperator,
        right: &Expr,
        scope: &Scope<'_>,
    ) -> Result<Typed, Refusal> {
        let comparison = match op {
            BinaryOperator::Eq => "=",
            BinaryOperator::NotEq => "<>",
            BinaryOperator::Lt => "<",
            BinaryOperator::LtEq => "<=",
            BinaryOperator::Gt => ">",
            BinaryOperator::GtEq => ">=",
            BinaryOperator::And | BinaryOperator::Or => {
                let word = if *op == BinaryOperator::And { "and" } else { "or" };
                let (left, right) = (self.truth(left, scope)?, self.truth(right, scope)?);
                return Ok(Typed::new(format!("({left} {word} {right})"), FieldKind::Boolean));
            }
            BinaryOperator::StringConcat => {
                let (left, right) = (self.expression(left, scope)?, self.expression(right, scope)?);
                let sql = format!("(({})::text || ({})::text)", left.sql, right.sql);
                return Ok(Typed::new(sql, TEXT));
            }
            BinaryOperator::LongArrow => {
                let column = self.expression(left, scope)?;
                let name = self
                    .value_of(right, scope)
                    .ok_or_else(|| refused("this operator"))?;
                return self.part_named(&column, &[name.to_string()]);
            }
            BinaryOperator::Plus => return self.computed(left, "+", right, scope),
            BinaryOperator::Minus => return self.computed(left, "-", right, scope),
            BinaryOperator::Multiply => return self.computed(left, "*", right, scope),
            BinaryOperator::Divide => return self.computed(left, "/", right, scope),
            BinaryOperator::Modulo => return self.computed(left, "%", right, scope),
            _ => return Err(refused("this operator")),
        };
        self.compared(left, comparison, right, scope)
    }

    fn case(
        &mut self,
        operand: Option<&Expr>,
        conditions: &[CaseWhen],
        otherwise: Option<&Expr>,
        scope: &Scope<'_>,
    ) -> Result<Typed, Refusal> {
        let results: Vec<&Expr> = conditions
            .iter()
            .map(|when| &when.result)
            .chain(otherwise)
            .collect();
        let results = self.alike(&results, scope)?;
        let mut sql = "case".to_owned();
        let conditions: Vec<&Expr> = conditions.iter().map(|when| &when.condition).collect();
        let conditions: Vec<String> = match operand {
            Some(operand) => {
                let (operand, conditions) = self.beside(operand, &conditions, scope)?;
                sql.push_str(&format!(" {}", operand.sql));
                conditions.into_iter().map(|condition| condition.sql).collect()
            }
            None => {
                let written = conditions
                    .into_iter()
                    .map(|condition| self.truth(condition, scope));
                written.collect::<Result<_, _>>()?
            }
        };
        for (condition, result) in conditions.iter().zip(&results) {
            sql.push_str(&format!(" when {condition} then {}", result.sql));
        }
        if let (Some(_), Some(result)) = (otherwise, results.last()) {
            sql.push_str(&format!(" else {}", result.sql));
        }
        let kind = results.first().map_or(TEXT, |result| result.kind);
        Ok(Typed::new(format!("({sql} end)"), kind))
    }

    /// Values of one kind: that of the first which is no constant, else of the first.
    pub(super) fn alike(&mut self, of: &[&Expr], scope: &Scope<'_>) -> Result<Vec<Typed>, Refusal> {
        let mut written: Vec<Result<Typed, Value>> = Vec::with_capacity(of.len());
        for said in of {
            written.push(match self.given_first(said, scope) {
                Some(value) => Err(value),
                None => Ok(self.expression(said, scope)?),
            });
        }
        let mut kinds = written.iter().flatten().map(|typed| typed.kind);
        let kind = kinds.next().map(|first| kinds.fold(first, wider));
        let first = written.iter().find_map(|one| match one {
            Err(value) if *value != Value::Null => Some(general(kind_of(value))),
            _ => None,
        });
        let kind = kind.or(first).unwrap_or(TEXT);
        let mut alike = Vec::with_capacity(of.len());
        for one in written {
            let typed = match one {
                Ok(typed) => typed,
                Err(value) => self.constant(&value, Some(kind))?,
            };
            alike.push(Typed::new(
                typed.sql,
                if typed.kind == kind {
                    kind
                } else {
                    wider(typed.kind, kind)
                },
            ));
        }
        let widest = alike.iter().fold(kind, |widest, one| wider(widest, one.kind));
        for one in &mut alike {
            one.kind = widest;
        }
        Ok(alike)
    }

    fn computed(
        &mut self,
        left: &Expr,
        sign: &str,
        right: &Expr,
        scope: &Scope<'_>,
    ) -> Result<Typed, Refusal> {
        if let (Expr::Interval(interval), "+" | "-") = (right, sign) {
            let left = self.expression(left, scope)?;
            if !matches!(left.kind, FieldKind::Date | FieldKind::DateTime) {
                return Err(refused("an INTERVAL beside what is no date"));
            }
            let value = self.value_of(&interval.value, scope);
            let simple = interval.leading_field.is_none() && interval.last_field.is_none();
            let (Some(Value::Text(said)), true) = (value, simple) else {
                return Err(refused("an INTERVAL that is not written as '7 days'"));
            };
            let interval = self.bind(Some(said.to_string()), "interval")?;
            let sql = format!("({} {sign} {interval})", left.sql);
            return Ok(Typed::new(format!("{sql}::timestamptz"), FieldKind::DateTime));
        }
        let a = self.operand(left, scope)?;
        let b = match self.given_first(right, scope) {
            // Beside a date a text is one too, or a number of days.
            Some(value @ Value::Text(_)) if a.kind == FieldKind::Date => self
                .constant(&value, Some(FieldKind::Date))
                .or_else(|_| self.constant(&value, Some(FieldKind::Integer)))?,
            _ => self.operand(right, scope)?,
        };
        let days = |typed: &Typed| format!("({})::integer", typed.sql);
        let sql = format!("({} {sign} {})", a.sql, b.sql);
        match (a.kind, sign, b.kind) {
            (FieldKind::Date, "-", FieldKind::Date) => {
                Ok(Typed::new(format!("{sql}::bigint"), FieldKind::Integer))
            }
            (FieldKind::Date, "+" | "-", FieldKind::Integer) => Ok(Typed::new(
                format!("({} {sign} {})", a.sql, days(&b)),
                FieldKind::Date,
            )),
            (a, _, b) if is_number(a) && is_number(b) => Ok(Typed::new(sql, wider(a, b))),
            _ => Err(Refusal::mistake(
                "value_refused",
                format!("`{sign}` takes numbers, or a date and a number of days; texts are joined by ||"),
            )),
        }
    }

    /// A number or a date to compute with; a text that says a number is one.
    fn operand(&mut self, said: &Expr, scope: &Scope<'_>) -> Result<Typed, Refusal> {
        match self.given_first(said, scope) {
            Some(value @ Value::Text(_)) => self.constant(&value, Some(NUMBER)),
            Some(value) => self.constant(&value, None),
            None => self.expression(said, scope),
        }
    }

    pub(super) fn number(&mut self, said: &Expr, scope: &Scope<'_>) -> Result<Typed, Refusal> {
        let number = self.operand(said, scope)?;
        match is_number(number.kind) {
            true => Ok(number),
            false => Err(Refusal::mistake("value_refused", "a number is wanted")),
        }
    }

    /// A part of a field that is JSON, as a text.
    fn part(&mut self, of: &Typed, path: &str) -> Result<Typed, Refusal> {
        let parts: Vec<String> = path.split('.').map(str::to_owned).collect();
        self.part_named(of, &parts)
    }

    fn part_named(&mut self, of: &Typed, parts: &[String]) -> Result<Typed, Refusal> {
        if of.kind != FieldKind::Json {
            let message = format!("there is no part `{}`: the field is no JSON", parts.join("."));
            return Err(Refusal::mistake("field_unknown", message));
        }
        let path = self.bind(
            Some(format!("{{{}}}", quoted_path(parts.iter().map(String::as_str)))),
            "text[]",
        )?;
        Ok(Typed::new(format!("({} #>> {path})", of.sql), TEXT))
    }
}

fn not(negated: bool) -> &'static str {
    if negated { "not " } else { "" }
}

fn no_field(name: &str) -> Refusal {
    let shown: String = name.chars().take(60).collect();
    Refusal::mistake(
        "field_unknown",
        format!("`{shown}` is no field of these tables and no variable"),
    )
}

pub(super) fn is_number(kind: FieldKind) -> bool {
    matches!(
        kind,
        FieldKind::Integer | FieldKind::Decimal { .. } | FieldKind::Double
    )
}

/// The kind that takes the values of both, where both are numbers; else the first.
fn wider(a: FieldKind, b: FieldKind) -> FieldKind {
    match (a, b) {
        (FieldKind::Double, b) if is_number(b) => FieldKind::Double,
        (a, FieldKind::Double) if is_number(a) => FieldKind::Double,
        (FieldKind::Integer, FieldKind::Decimal { .. }) => NUMBER,
        (a, _) => a,
    }
}
