//! Rows that scripts give: objects, variables under their names, lists of objects.

use basic::{Object, Refusal, Request, Value};

use super::definition::{Column, Definition};

/// The fields of one row, each with its column.
pub(super) type Fields<'d> = Vec<(&'d Column, Value)>;

/// The fields of an object. A field that the table does not have is a mistake.
pub(super) fn of_object<'d>(
    definition: &'d Definition,
    object: &Object,
    roles: &[&str],
) -> Result<Fields<'d>, Refusal> {
    let mut fields: Fields<'d> = Vec::with_capacity(object.len());
    for (name, value) in object.iter() {
        let column = definition.known(name)?;
        if !column.writable(roles) {
            let message = format!("{} may not be written with this role", column.name);
            return Err(Refusal::mistake("field_forbidden", message));
        }
        fields.retain(|(known, _)| known.sql != column.sql);
        fields.push((column, value.clone()));
    }
    Ok(fields)
}

/// What stands behind SAVE or INSERT: an object, WITH, VALUES, or values under the names of their variables.
pub(super) fn given<'d>(
    definition: &'d Definition,
    request: &Request,
    from: usize,
    roles: &[&str],
) -> Result<Fields<'d>, Refusal> {
    if let Some(Value::Object(object)) = request.clause("with").or(request.clause("set")) {
        return of_object(definition, object, roles);
    }
    let none = Vec::new();
    let (values, names): (Vec<&Value>, Vec<&Value>) = match request.clause("values") {
        Some(Value::Array(values)) => (values.iter().collect(), none),
        _ => {
            let names = match request.clause("names") {
                Some(Value::Array(names)) => names.iter().skip(from).collect(),
                _ => none,
            };
            (request.arguments.iter().skip(from).collect(), names)
        }
    };
    if let [one] = values.as_slice() {
        match one {
            Value::Object(object) => return of_object(definition, object, roles),
            Value::Array(rows) if rows.len() == 1 => {
                if let Some(Value::Object(object)) = rows.get(0) {
                    return of_object(definition, object, roles);
                }
            }
            _ => {}
        }
    }
    if values.is_empty() {
        return Err(Refusal::mistake(
            "row_missing",
            "no fields are given: { name: value }",
        ));
    }
    let mut object = Vec::new();
    // Without a name a value belongs to the field at its place, keys that the database gives left out.
    let mut places = definition.columns.iter().filter(|column| !column.given);
    for (at, value) in values.into_iter().enumerate() {
        let place = places.next();
        let name = match names.get(at) {
            Some(Value::Text(name)) if definition.column(name).is_some() || place.is_none() => {
                name.to_string()
            }
            _ => match place {
                Some(column) => column.name.clone(),
                None => {
                    let message = format!("{} has fewer fields than values are given", definition.table.name);
                    return Err(Refusal::mistake("row_length", message));
                }
            },
        };
        object.push((name, value.clone()));
    }
    of_object(definition, &object.into_iter().collect(), roles)
}

/// A list of objects, or one.
pub(super) fn listed(value: &Value) -> Result<Vec<Object>, Refusal> {
    let wrong = || Refusal::mistake("rows_wanted", "MERGE takes a list of objects, each a row");
    match value {
        Value::Array(rows) => rows
            .iter()
            .map(|row| match row {
                Value::Object(row) => Ok(row.clone()),
                _ => Err(wrong()),
            })
            .collect(),
        Value::Object(row) => Ok(vec![row.clone()]),
        Value::Null => Ok(Vec::new()),
        _ => Err(wrong()),
    }
}
