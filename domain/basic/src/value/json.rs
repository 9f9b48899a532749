//! Values as JSON, the form in which hosts pass and store them.

use serde_json::{Map, Number};

use super::{Array, ITEMS_MAX, NESTING_MAX, Object, Value};

impl Value {
    pub fn to_json(&self) -> serde_json::Value {
        match self {
            Value::Null => serde_json::Value::Null,
            Value::Bool(value) => (*value).into(),
            Value::Integer(value) => (*value).into(),
            Value::Number(value) => Number::from_f64(*value).map_or(serde_json::Value::Null, Into::into),
            Value::Text(text) => text.as_str().into(),
            Value::Date(_) | Value::Moment(_) => self.to_string().into(),
            Value::Array(array) => array.iter().map(Value::to_json).collect(),
            Value::Object(object) => {
                let fields: Map<_, _> = object
                    .iter()
                    .map(|(key, value)| (key.to_owned(), value.to_json()))
                    .collect();
                fields.into()
            }
        }
    }

    /// Takes over JSON. What nests deeper than a script's values may is kept as its JSON text, and of
    /// lists longer than an array may be the rest is left out.
    pub fn from_json(json: serde_json::Value) -> Value {
        from_json(json, NESTING_MAX)
    }
}

fn from_json(json: serde_json::Value, levels: u8) -> Value {
    use serde_json::Value as Json;
    match json {
        Json::Null => Value::Null,
        Json::Bool(value) => Value::Bool(value),
        Json::Number(number) => match number.as_i64() {
            Some(integer) => Value::Integer(integer),
            None => number
                .as_f64()
                .filter(|number| number.is_finite())
                .map_or(Value::Null, Value::Number),
        },
        Json::String(text) => Value::text(text),
        deeper if levels == 0 => Value::text(deeper.to_string()),
        Json::Array(items) => {
            let values = items
                .into_iter()
                .take(ITEMS_MAX)
                .map(|item| from_json(item, levels - 1))
                .collect();
            Array::from_values(values).map_or(Value::Null, Value::Array)
        }
        Json::Object(fields) => {
            let mut object = Object::default();
            for (key, field) in fields.into_iter().take(ITEMS_MAX) {
                if object.set(&key, from_json(field, levels - 1)).is_err() {
                    break;
                }
            }
            Value::Object(object)
        }
    }
}
