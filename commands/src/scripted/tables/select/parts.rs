//! Queries taken apart: what they consist of, and what is refused before anything is written.

use basic::Refusal;
use sqlparser::ast::{
    Expr, LimitClause, ObjectName, ObjectNamePart, OrderByExpr, OrderByKind, Query, Select, SelectFlavor,
    SetExpr, TableFactor,
};

use super::{factor_refused, refused};

/// Everything that a query may have, taken apart so that what a newer parser knows is not passed over.
pub(super) struct Parts<'q> {
    pub select: &'q Select,
    pub order: &'q [OrderByExpr],
    pub limit: Option<&'q Expr>,
    pub offset: Option<&'q Expr>,
}

pub(super) fn parts(query: &Query) -> Result<Parts<'_>, Refusal> {
    let Query {
        with,
        body,
        order_by,
        limit_clause,
        fetch,
        locks,
        for_clause,
        settings,
        format_clause,
        pipe_operators,
    } = query;
    if with.is_some() {
        return Err(refused("WITH"));
    }
    if !locks.is_empty() || for_clause.is_some() {
        return Err(refused("FOR UPDATE"));
    }
    if fetch.is_some() {
        return Err(refused("FETCH; LIMIT says the same, it"));
    }
    if settings.is_some() || format_clause.is_some() || !pipe_operators.is_empty() {
        return Err(refused("what stands behind it"));
    }
    let select = match &**body {
        SetExpr::Select(select) => select,
        SetExpr::SetOperation { .. } => return Err(refused("UNION")),
        _ => return Err(refused("anything but one SELECT")),
    };
    let order = match order_by {
        None => &[][..],
        Some(order) if order.interpolate.is_some() => return Err(refused("INTERPOLATE")),
        Some(order) => match &order.kind {
            OrderByKind::Expressions(order) => order,
            OrderByKind::All(_) => return Err(refused("ORDER BY ALL")),
        },
    };
    let (limit, offset) = match limit_clause {
        None => (None, None),
        Some(LimitClause::LimitOffset {
            limit,
            offset,
            limit_by,
        }) if limit_by.is_empty() => (limit.as_ref(), offset.as_ref().map(|offset| &offset.value)),
        Some(_) => return Err(refused("this LIMIT")),
    };
    Ok(Parts {
        select,
        order,
        limit,
        offset,
    })
}

/// Refuses what a SELECT may have besides what is written anew.
pub(super) fn check(select: &Select) -> Result<(), Refusal> {
    let Select {
        select_token: _,
        optimizer_hints,
        distinct: _,
        select_modifiers,
        top,
        top_before_distinct: _,
        projection: _,
        exclude,
        into,
        from: _,
        lateral_views,
        prewhere,
        selection: _,
        connect_by,
        group_by: _,
        cluster_by,
        distribute_by,
        sort_by,
        having: _,
        named_window,
        qualify,
        window_before_qualify: _,
        value_table_mode,
        flavor,
    } = select;
    if into.is_some() {
        return Err(refused("INTO"));
    }
    if !named_window.is_empty() || qualify.is_some() {
        return Err(refused("WINDOW"));
    }
    let others = !optimizer_hints.is_empty()
        || select_modifiers.is_some()
        || top.is_some()
        || exclude.is_some()
        || !lateral_views.is_empty()
        || prewhere.is_some()
        || !connect_by.is_empty()
        || !cluster_by.is_empty()
        || !distribute_by.is_empty()
        || !sort_by.is_empty()
        || value_table_mode.is_some()
        || *flavor != SelectFlavor::Standard;
    if others {
        return Err(refused("what other databases know"));
    }
    Ok(())
}

/// A table's name and what it is called within the query.
pub(super) fn table(factor: &TableFactor) -> Result<(String, String), Refusal> {
    let TableFactor::Table {
        name,
        alias,
        args,
        with_hints,
        version,
        with_ordinality,
        partitions,
        json_path,
        sample,
        index_directives,
        inheritance,
    } = factor
    else {
        return Err(factor_refused(factor));
    };
    if args.is_some() || *with_ordinality {
        return Err(refused("a function in place of a table"));
    }
    let others = !with_hints.is_empty()
        || version.is_some()
        || !partitions.is_empty()
        || json_path.is_some()
        || sample.is_some()
        || !index_directives.is_empty()
        || inheritance.is_some();
    if others {
        return Err(refused("what stands behind the table"));
    }
    let name = one(name).ok_or_else(|| refused("a table of another schema"))?;
    let alias = match alias {
        None => name.clone(),
        Some(alias) if !alias.columns.is_empty() || alias.at.is_some() => {
            return Err(refused("other names for the fields of a table"));
        }
        Some(alias) => alias.name.value.to_lowercase(),
    };
    Ok((name, alias))
}

/// A name of one part, in lower case.
pub(super) fn one(name: &ObjectName) -> Option<String> {
    match name.0.as_slice() {
        [ObjectNamePart::Identifier(name)] => Some(name.value.to_lowercase()),
        _ => None,
    }
}
