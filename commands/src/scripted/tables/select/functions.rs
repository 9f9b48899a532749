//! The functions that a query may call: what each takes and of which kind its value is. Others are refused.

use basic::{FieldKind, Refusal, Value};
use sqlparser::ast::{
    CeilFloorKind, DateTimeField, DuplicateTreatment, Expr, Function, FunctionArg, FunctionArgExpr,
    FunctionArgumentList, FunctionArguments, ObjectNamePart, TrimWhereField,
};

use super::expressions::is_number;
use super::names::{Scope, plain};
use super::{NUMBER, TEXT, Typed, Writer, refused};

/// Patterns of TO_CHAR are not longer.
const PATTERN_MAX: usize = 100;

/// Parts of a date.
const PARTS: [&str; 10] = [
    "year", "quarter", "month", "week", "day", "dow", "doy", "hour", "minute", "second",
];

/// What stands in the parentheses of a function.
struct Given<'e> {
    expressions: Vec<&'e Expr>,
    /// `*`
    all: bool,
    distinct: bool,
}

fn given(arguments: &FunctionArguments) -> Result<Given<'_>, Refusal> {
    let mut found = Given {
        expressions: Vec::new(),
        all: false,
        distinct: false,
    };
    let list = match arguments {
        FunctionArguments::None => return Ok(found),
        FunctionArguments::Subquery(_) => return Err(refused("a SELECT as an argument")),
        FunctionArguments::List(list) => list,
    };
    let FunctionArgumentList {
        duplicate_treatment,
        args,
        clauses,
    } = list;
    if !clauses.is_empty() {
        return Err(refused("what stands behind the arguments"));
    }
    found.distinct = *duplicate_treatment == Some(DuplicateTreatment::Distinct);
    for argument in args {
        match argument {
            FunctionArg::Unnamed(FunctionArgExpr::Expr(expression)) => found.expressions.push(expression),
            FunctionArg::Unnamed(FunctionArgExpr::Wildcard) if args.len() == 1 => found.all = true,
            _ => return Err(refused("this argument")),
        }
    }
    Ok(found)
}

impl Writer<'_> {
    /// A function, however it is written.
    pub(super) fn called(&mut self, said: &Expr, scope: &Scope<'_>) -> Result<Typed, Refusal> {
        match said {
            Expr::Function(function) => self.function(function, scope),
            Expr::Extract { field, expr, .. } => {
                let part = part_of(field)?;
                let of = self.expression(expr, scope)?;
                extracted(&part, &of)
            }
            Expr::Ceil {
                expr,
                field: CeilFloorKind::DateTimeField(DateTimeField::NoDateTime),
            } => self.rounded("ceil", expr, scope),
            Expr::Floor {
                expr,
                field: CeilFloorKind::DateTimeField(DateTimeField::NoDateTime),
            } => self.rounded("floor", expr, scope),
            Expr::Position { expr, r#in } => {
                let (what, within) = (self.text(expr, scope)?, self.text(r#in, scope)?);
                Ok(Typed::new(
                    format!("position({what} in {within})::bigint"),
                    FieldKind::Integer,
                ))
            }
            Expr::Substring {
                expr,
                substring_from: Some(from),
                substring_for,
                special: _,
                shorthand: _,
            } => self.part_of_text(expr, from, substring_for.as_deref(), scope),
            Expr::Trim {
                trim_where,
                trim_what: None,
                expr,
                trim_characters: None,
            } => {
                let name = match trim_where {
                    None | Some(TrimWhereField::Both) => "btrim",
                    Some(TrimWhereField::Leading) => "ltrim",
                    Some(TrimWhereField::Trailing) => "rtrim",
                };
                Ok(Typed::new(format!("{name}({})", self.text(expr, scope)?), TEXT))
            }
            _ => Err(refused("this expression")),
        }
    }

    fn function(&mut self, function: &Function, scope: &Scope<'_>) -> Result<Typed, Refusal> {
        let Function {
            name,
            uses_odbc_syntax,
            parameters,
            args,
            within_group,
            filter,
            null_treatment,
            over,
        } = function;
        let name = match name.0.as_slice() {
            [ObjectNamePart::Identifier(name)] => plain(name),
            _ => return Err(refused("a function of another schema")),
        };
        if over.is_some() {
            return Err(refused("OVER"));
        }
        let others = *uses_odbc_syntax
            || *parameters != FunctionArguments::None
            || !within_group.is_empty()
            || null_treatment.is_some();
        if others {
            return Err(refused("what stands behind a function"));
        }
        let given = given(args)?;
        if let Some(mut aggregate) = self.aggregate(&name, &given, scope)? {
            if let Some(condition) = filter {
                let condition = self.truth(condition, scope)?;
                aggregate.sql.push_str(&format!(" filter (where {condition})"));
            }
            let kind = aggregate.kind;
            return Ok(match kind {
                FieldKind::Integer => Typed::new(format!("({})::bigint", aggregate.sql), kind),
                _ => Typed::new(format!("({})", aggregate.sql), kind),
            });
        }
        if filter.is_some() || given.distinct || given.all {
            return Err(refused(&format!("{name} with this")));
        }
        self.scalar(&name, &given.expressions, scope)
    }

    /// None where the name is none of an aggregate.
    fn aggregate(
        &mut self,
        name: &str,
        given: &Given<'_>,
        scope: &Scope<'_>,
    ) -> Result<Option<Typed>, Refusal> {
        let distinct = if given.distinct { "distinct " } else { "" };
        Ok(Some(match (name, given.expressions.as_slice()) {
            ("count", []) if given.all => Typed::new("count(*)", FieldKind::Integer),
            ("count", [of]) => {
                let of = self.expression(of, scope)?;
                Typed::new(format!("count({distinct}{})", of.sql), FieldKind::Integer)
            }
            ("sum" | "avg", [of]) => {
                let of = self.number(of, scope)?;
                let kind = match of.kind {
                    FieldKind::Double => FieldKind::Double,
                    _ => NUMBER,
                };
                Typed::new(format!("{name}({distinct}{})", of.sql), kind)
            }
            ("stddev" | "variance", [of]) => {
                let of = self.number(of, scope)?;
                Typed::new(
                    format!("{name}({distinct}({})::double precision)", of.sql),
                    FieldKind::Double,
                )
            }
            ("min" | "max", [of]) => {
                let of = self.expression(of, scope)?;
                if matches!(of.kind, FieldKind::Boolean | FieldKind::Json | FieldKind::Uuid) {
                    let message = format!("{} does not go with this field", name.to_uppercase());
                    return Err(Refusal::mistake("aggregate_kind", message));
                }
                Typed::new(format!("{name}({distinct}{})", of.sql), of.kind)
            }
            ("bool_and" | "bool_or", [of]) => {
                let of = self.truth(of, scope)?;
                Typed::new(format!("{name}({of})"), FieldKind::Boolean)
            }
            ("string_agg", [of, between]) => {
                let (of, between) = (self.text(of, scope)?, self.text(between, scope)?);
                Typed::new(format!("string_agg({distinct}{of}, {between})"), TEXT)
            }
            _ => return Ok(None),
        }))
    }

    fn scalar(&mut self, name: &str, given: &[&Expr], scope: &Scope<'_>) -> Result<Typed, Refusal> {
        Ok(match (name, given) {
            ("lower" | "upper" | "initcap" | "reverse" | "btrim" | "ltrim" | "rtrim", [of]) => {
                Typed::new(format!("{name}({})", self.text(of, scope)?), TEXT)
            }
            ("length" | "char_length" | "len", [of]) => {
                let of = self.text(of, scope)?;
                Typed::new(format!("length({of})::bigint"), FieldKind::Integer)
            }
            ("left" | "right", [of, count]) => {
                let (of, count) = (self.text(of, scope)?, self.number(count, scope)?);
                Typed::new(format!("{name}({of}, ({})::integer)", count.sql), TEXT)
            }
            ("substr", [of, from]) => self.part_of_text(of, from, None, scope)?,
            ("substr", [of, from, count]) => self.part_of_text(of, from, Some(count), scope)?,
            ("concat", [_, ..]) => {
                let texts: Result<Vec<String>, Refusal> =
                    given.iter().map(|of| self.text(of, scope)).collect();
                Typed::new(format!("concat({})", texts?.join(", ")), TEXT)
            }
            ("abs" | "sign", [of]) => {
                let of = self.number(of, scope)?;
                let kind = of.kind;
                let cast = super::sql_type(kind);
                Typed::new(format!("{name}({})::{cast}", of.sql), kind)
            }
            ("ceil" | "ceiling" | "floor", [of]) => self.rounded(name, of, scope)?,
            ("round" | "trunc", [of]) => {
                let of = self.number(of, scope)?;
                Typed::new(format!("{name}(({})::numeric)", of.sql), NUMBER)
            }
            ("round" | "trunc", [of, places]) => {
                let (of, places) = (self.number(of, scope)?, self.number(places, scope)?);
                let sql = format!("{name}(({})::numeric, ({})::integer)", of.sql, places.sql);
                Typed::new(sql, NUMBER)
            }
            ("sqrt", [of]) => {
                let of = self.number(of, scope)?;
                Typed::new(format!("sqrt(({})::double precision)", of.sql), FieldKind::Double)
            }
            ("coalesce" | "greatest" | "least", [_, ..]) => {
                let alike = self.alike(given, scope)?;
                let kind = alike[0].kind;
                let items: Vec<String> = alike.into_iter().map(|one| one.sql).collect();
                Typed::new(format!("{name}({})", items.join(", ")), kind)
            }
            ("nullif", [_, _]) => {
                let alike = self.alike(given, scope)?;
                let sql = format!("nullif({}, {})", alike[0].sql, alike[1].sql);
                Typed::new(sql, alike[0].kind)
            }
            ("now" | "current_timestamp", []) => Typed::new("now()", FieldKind::DateTime),
            ("current_date" | "today", []) => Typed::new("(now() at time zone 'UTC')::date", FieldKind::Date),
            ("date", [of]) => {
                let of = self.moment(of, scope)?;
                Typed::new(format!("({})::date", of.sql), FieldKind::Date)
            }
            ("year" | "quarter" | "month" | "week" | "day" | "hour" | "minute", [of]) => {
                let of = self.expression(of, scope)?;
                extracted(name, &of)?
            }
            ("date_part", [part, of]) => {
                let part = self.part_named_by(part, scope)?;
                let of = self.expression(of, scope)?;
                extracted(&part, &of)?
            }
            ("date_trunc", [part, of]) => {
                let part = self.part_named_by(part, scope)?;
                let of = self.moment(of, scope)?;
                let sql = format!("(date_trunc('{part}', {}) at time zone 'UTC')", of.sql);
                Typed::new(sql, FieldKind::DateTime)
            }
            ("to_char", [of, pattern]) => {
                let pattern = match self.given(pattern, scope) {
                    Some(Value::Text(pattern)) if pattern.len() <= PATTERN_MAX => {
                        self.constant(&Value::Text(pattern), None)?
                    }
                    _ => return Err(refused("TO_CHAR without a short pattern in quotation marks")),
                };
                let of = match self.expression(of, scope)? {
                    of if is_number(of.kind) => of,
                    of => local(&of)?,
                };
                Typed::new(format!("to_char({}, {})", of.sql, pattern.sql), TEXT)
            }
            _ => {
                let shown: String = name.chars().take(40).collect();
                let message = format!(
                    "SELECT knows no function {shown} with {} arguments here",
                    given.len()
                );
                return Err(Refusal::mistake("function_unknown", message));
            }
        })
    }

    fn rounded(&mut self, name: &str, of: &Expr, scope: &Scope<'_>) -> Result<Typed, Refusal> {
        let of = self.number(of, scope)?;
        Ok(match of.kind {
            FieldKind::Integer => of,
            kind => Typed::new(format!("{name}({})", of.sql), kind),
        })
    }

    fn part_of_text(
        &mut self,
        of: &Expr,
        from: &Expr,
        count: Option<&Expr>,
        scope: &Scope<'_>,
    ) -> Result<Typed, Refusal> {
        let (of, from) = (self.text(of, scope)?, self.number(from, scope)?);
        let mut sql = format!("substr({of}, ({})::integer", from.sql);
        if let Some(count) = count {
            let count = self.number(count, scope)?;
            sql.push_str(&format!(", ({})::integer", count.sql));
        }
        Ok(Typed::new(format!("{sql})"), TEXT))
    }

    /// Anything as a text.
    fn text(&mut self, said: &Expr, scope: &Scope<'_>) -> Result<String, Refusal> {
        Ok(match self.given_first(said, scope) {
            Some(Value::Null) | None => format!("({})::text", self.expression(said, scope)?.sql),
            Some(value) => self.constant(&Value::from(value.to_string()), None)?.sql,
        })
    }

    /// A date or a moment as one that has no zone: all are read in UTC, as scripts see them.
    fn moment(&mut self, said: &Expr, scope: &Scope<'_>) -> Result<Typed, Refusal> {
        let of = match self.given_first(said, scope) {
            Some(value) => self.constant(&value, Some(FieldKind::DateTime))?,
            None => self.expression(said, scope)?,
        };
        local(&of)
    }

    /// The part of a date that a text names.
    fn part_named_by(&self, said: &Expr, scope: &Scope<'_>) -> Result<String, Refusal> {
        let named = self
            .value_of(said, scope)
            .map(|value| value.to_string().to_lowercase());
        named
            .filter(|part| PARTS.contains(&part.as_str()))
            .ok_or_else(|| {
                let message = format!("a part of a date is one of {}", PARTS.join(", "));
                Refusal::mistake("value_refused", message)
            })
    }
}

/// As it is without a zone, in UTC.
fn local(of: &Typed) -> Result<Typed, Refusal> {
    let sql = match of.kind {
        FieldKind::DateTime => format!("({} at time zone 'UTC')", of.sql),
        FieldKind::Date => format!("({})::timestamp", of.sql),
        _ => return Err(Refusal::mistake("value_refused", "a date is wanted")),
    };
    Ok(Typed::new(sql, FieldKind::DateTime))
}

fn part_of(field: &DateTimeField) -> Result<String, Refusal> {
    let named = field.to_string().to_lowercase();
    match PARTS.contains(&named.as_str()) {
        true => Ok(named),
        false => Err(refused("this part of a date")),
    }
}

fn extracted(part: &str, of: &Typed) -> Result<Typed, Refusal> {
    let of = match of.kind {
        FieldKind::Time => of.clone(),
        _ => local(of)?,
    };
    Ok(match part {
        "second" => Typed::new(format!("extract({part} from {})::numeric", of.sql), NUMBER),
        part => Typed::new(
            format!("extract({part} from {})::bigint", of.sql),
            FieldKind::Integer,
        ),
    })
}
