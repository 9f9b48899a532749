//! Queries: what is selected, from which tables, in which groups and order.

use basic::{FieldKind, Refusal};
use sqlparser::ast::{
    Distinct, Expr, GroupByExpr, JoinConstraint, JoinOperator, OrderByExpr, OrderByOptions, OrderBySort,
    Query, SelectItem, SelectItemQualifiedWildcardKind, TableFactor, TableWithJoins, Value as Literal,
    WildcardAdditionalOptions,
};

use super::super::definition::Definition;
use super::names::{Scope, Source, name_of, plain};
use super::parts::{check, one, parts, table};
use super::{SOURCES_MAX, TEXT, Typed, Writer, refused};

/// Columns that one query answers.
const COLUMNS_MAX: usize = 200;

pub(super) struct Written {
    pub sql: String,
    /// The names that a script sees, and what kind their values are of.
    pub columns: Vec<(String, FieldKind)>,
}

impl Writer<'_> {
    pub(super) fn query(&mut self, query: &Query, outer: Option<&Scope<'_>>) -> Result<Written, Refusal> {
        let parts = parts(query)?;
        check(parts.select)?;
        let mut scope = Scope::within(outer);
        let from = self.from(&parts.select.from, &mut scope)?;
        let items = self.items(&parts.select.projection, &scope)?;
        let distinct = match &parts.select.distinct {
            None | Some(Distinct::All) => "",
            Some(Distinct::Distinct) => "distinct ",
            Some(Distinct::On(_)) => return Err(refused("DISTINCT ON")),
        };
        let shown: Vec<String> = items
            .iter()
            .enumerate()
            .map(|(at, (_, item))| format!("{} as c{}", item.sql, at + 1))
            .collect();
        let mut sql = format!("select {distinct}{} from {from}", shown.join(", "));
        if let Some(condition) = &parts.select.selection {
            let condition = self.truth(condition, &scope)?;
            sql.push_str(&format!(" where {condition}"));
        }
        let groups = match &parts.select.group_by {
            GroupByExpr::Expressions(groups, modifiers) if modifiers.is_empty() => groups,
            _ => return Err(refused("this GROUP BY")),
        };
        let mut grouped = Vec::new();
        for group in groups {
            grouped.push(match self.position(group, &scope, &items, true)? {
                Some(at) => at.to_string(),
                None => self.expression(group, &scope)?.sql,
            });
        }
        if !grouped.is_empty() {
            sql.push_str(&format!(" group by {}", grouped.join(", ")));
        }
        if let Some(condition) = &parts.select.having {
            let condition = self.truth(condition, &scope)?;
            sql.push_str(&format!(" having {condition}"));
        }
        let mut order = Vec::new();
        for said in parts.order {
            let OrderByExpr {
                expr,
                options: OrderByOptions { sort, nulls_first },
                with_fill,
            } = said;
            let direction = match sort {
                None | Some(OrderBySort::Asc) => "",
                Some(OrderBySort::Desc) => " desc",
                Some(OrderBySort::Using(_)) => return Err(refused("ORDER BY … USING")),
            };
            if with_fill.is_some() {
                return Err(refused("WITH FILL"));
            }
            let by = match self.position(expr, &scope, &items, false)? {
                Some(at) => format!("c{at}"),
                None => self.expression(expr, &scope)?.sql,
            };
            // As FIND has it: what is not there comes last, whatever the direction.
            let nulls = match nulls_first {
                Some(true) => " nulls first",
                _ => " nulls last",
            };
            order.push(format!("{by}{direction}{nulls}"));
        }
        if !order.is_empty() {
            sql.push_str(&format!(" order by {}", order.join(", ")));
        }
        if let Some(limit) = parts.limit {
            sql.push_str(&format!(" limit {}", self.count(limit, &scope)?));
        }
        if let Some(offset) = parts.offset {
            sql.push_str(&format!(" offset {}", self.count(offset, &scope)?));
        }
        Ok(Written {
            sql,
            columns: items.into_iter().map(|(name, item)| (name, item.kind)).collect(),
        })
    }

    fn from(&mut self, from: &[TableWithJoins], scope: &mut Scope<'_>) -> Result<String, Refusal> {
        if from.is_empty() {
            return Err(refused("SELECT without FROM"));
        }
        let mut sql = String::new();
        for (at, TableWithJoins { relation, joins }) in from.iter().enumerate() {
            if at > 0 {
                sql.push_str(" cross join ");
            }
            sql.push_str(&self.source(relation, scope)?);
            for join in joins {
                if join.global {
                    return Err(refused("GLOBAL JOIN"));
                }
                let (word, constraint) = match &join.join_operator {
                    JoinOperator::Join(on) | JoinOperator::Inner(on) => ("join", on),
                    JoinOperator::Left(on) | JoinOperator::LeftOuter(on) => ("left join", on),
                    JoinOperator::Right(on) | JoinOperator::RightOuter(on) => ("right join", on),
                    JoinOperator::FullOuter(on) => ("full join", on),
                    JoinOperator::CrossJoin(on) => ("cross join", on),
                    _ => return Err(refused("this JOIN")),
                };
                let source = self.source(&join.relation, scope)?;
                sql.push_str(&format!(" {word} {source}"));
                match constraint {
                    JoinConstraint::None if word == "cross join" => {}
                    JoinConstraint::On(condition) if word != "cross join" => {
                        let condition = self.truth(condition, scope)?;
                        sql.push_str(&format!(" on {condition}"));
                    }
                    _ => return Err(refused("a JOIN without ON")),
                }
            }
        }
        Ok(sql)
    }

    fn source(&mut self, factor: &TableFactor, scope: &mut Scope<'_>) -> Result<String, Refusal> {
        let (name, alias) = table(factor)?;
        self.sources += 1;
        if self.sources > SOURCES_MAX {
            return Err(refused(&format!("more than {SOURCES_MAX} tables")));
        }
        let Some(definition) = self.tables.get(&name).cloned() else {
            let refusal = unknown(&name);
            self.wanted = Some(name);
            return Err(refusal);
        };
        definition.check_read(self.roles)?;
        if scope.sources.iter().any(|source| source.alias == alias) {
            let message = format!("`{alias}` stands twice behind FROM; name one of the two with AS");
            return Err(Refusal::mistake("select_names", message));
        }
        let source = Source::new(alias, definition);
        let sql = format!("{} as {}", source.definition.path, source.sql);
        scope.sources.push(source);
        Ok(sql)
    }

    /// What is selected, by the names that a script sees.
    fn items(
        &mut self,
        projection: &[SelectItem],
        scope: &Scope<'_>,
    ) -> Result<Vec<(String, Typed)>, Refusal> {
        let mut items = Vec::new();
        for item in projection {
            match item {
                SelectItem::UnnamedExpr(expression) => {
                    let name =
                        name_of(expression, scope).unwrap_or_else(|| format!("column{}", items.len() + 1));
                    items.push((name, self.expression(expression, scope)?));
                }
                SelectItem::ExprWithAlias { expr, alias } => {
                    items.push((alias.value.clone(), self.expression(expr, scope)?));
                }
                SelectItem::Wildcard(options) if is_plain(options) => {
                    for source in &scope.sources {
                        self.all_of(source, &mut items);
                    }
                }
                SelectItem::QualifiedWildcard(SelectItemQualifiedWildcardKind::ObjectName(name), options)
                    if is_plain(options) =>
                {
                    let alias = one(name).unwrap_or_default();
                    let source = scope.sources.iter().find(|source| source.alias == alias);
                    self.all_of(source.ok_or_else(|| unknown(&alias))?, &mut items);
                }
                _ => return Err(refused("this way to say what is selected")),
            }
        }
        if items.len() > COLUMNS_MAX {
            return Err(refused(&format!("more than {COLUMNS_MAX} columns")));
        }
        for (at, (name, _)) in items.iter().enumerate() {
            if items[..at]
                .iter()
                .any(|(before, _)| before.eq_ignore_ascii_case(name))
            {
                let message = format!("`{name}` is selected twice; name one of the two with AS");
                return Err(Refusal::mistake("select_names", message));
            }
        }
        if items.is_empty() {
            return Err(Refusal::mistake(
                "field_forbidden",
                "no field may be read with this role",
            ));
        }
        Ok(items)
    }

    /// The fields of a table that may be read.
    fn all_of(&self, source: &Source, items: &mut Vec<(String, Typed)>) {
        let readable = |definition: &Definition| {
            let columns = definition.columns.iter();
            columns
                .filter(|column| column.readable(self.roles))
                .map(|column| (column.name.clone(), source.column(column)))
                .collect::<Vec<_>>()
        };
        items.extend(readable(&source.definition));
    }

    /// Where what groups or sorts stands among what is selected: by its number, or by the name that it has there.
    fn position(
        &self,
        said: &Expr,
        scope: &Scope<'_>,
        items: &[(String, Typed)],
        groups: bool,
    ) -> Result<Option<usize>, Refusal> {
        match said {
            Expr::Value(value) => {
                let Literal::Number(number, _) = &value.value else {
                    return Err(refused("a constant to group or sort by"));
                };
                let at = number.parse::<usize>().ok();
                let found = at.filter(|at| (1..=items.len()).contains(at));
                found
                    .map(Some)
                    .ok_or_else(|| refused("a number that is none of a column"))
            }
            Expr::Identifier(name) => {
                // A field of the table comes first where groups are meant, as in SQL.
                if groups && scope.find(&plain(name))?.is_some() {
                    return Ok(None);
                }
                let same = |(known, _): &(String, Typed)| known.eq_ignore_ascii_case(&name.value);
                Ok(items.iter().position(same).map(|at| at + 1))
            }
            _ => Ok(None),
        }
    }

    /// A number of rows.
    fn count(&mut self, said: &Expr, scope: &Scope<'_>) -> Result<String, Refusal> {
        let wrong = || Refusal::mistake("limit_refused", "LIMIT and OFFSET take a number of rows");
        let value = self.value_of(said, scope).ok_or_else(wrong)?;
        let number: u32 = value.to_string().trim().parse().map_err(|_| wrong())?;
        Ok(number.to_string())
    }
}

fn is_plain(options: &WildcardAdditionalOptions) -> bool {
    let WildcardAdditionalOptions {
        wildcard_token: _,
        opt_ilike,
        opt_exclude,
        opt_except,
        opt_replace,
        opt_rename,
        opt_alias,
    } = options;
    opt_ilike.is_none()
        && opt_exclude.is_none()
        && opt_except.is_none()
        && opt_replace.is_none()
        && opt_rename.is_none()
        && opt_alias.is_none()
}

pub(in super::super) fn unknown(name: &str) -> Refusal {
    let shown: String = name.chars().take(60).collect();
    Refusal::mistake(
        "table_unknown",
        format!("the bot has no table `{shown}`; TABLE declares one"),
    )
}

/// A text kind is one whatever its length.
pub(super) fn general(kind: FieldKind) -> FieldKind {
    match kind {
        FieldKind::Text { .. } => TEXT,
        FieldKind::Decimal { .. } => super::NUMBER,
        kind => kind,
    }
}
