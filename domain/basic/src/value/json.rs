//! Values as JSON, the form in which hosts pass and store them.

use std::borrow::Cow;
use std::cell::Cell;
use std::fmt;

use serde::Deserialize;
use serde::de::{DeserializeSeed, Deserializer, Error, MapAccess, SeqAccess, Visitor};
use serde_json::value::RawValue;
use serde_json::{Map, Number};

use super::object::FIELD_WEIGHT;
use super::{Array, HEADER_WEIGHT, ITEM_WEIGHT, ITEMS_MAX, NESTING_MAX, Object, Value};
use crate::machine::Fault;

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

    /// Reads JSON text; absent where it is none. As [`Value::from_json`], but fields keep their order, and what nests too
    /// deeply stays as it is written. Fails before more is made than `weight_max`: a short text can hold very many values.
    pub(crate) fn parse_json(text: &str, weight_max: u64) -> Result<Option<Value>, Fault> {
        let left = Cell::new(weight_max);
        let reader = Reader {
            left: &left,
            levels: NESTING_MAX,
        };
        let mut deserializer = serde_json::Deserializer::from_str(text);
        let read = reader
            .deserialize(&mut deserializer)
            .and_then(|value| deserializer.end().map(|()| value));
        match read {
            Ok(value) => Ok(Some(value)),
            Err(_) if left.get() == 0 => Err(Fault::memory(weight_max)),
            Err(_) => Ok(None),
        }
    }
}

/// Makes values out of JSON while it is read.
#[derive(Clone, Copy)]
struct Reader<'w> {
    /// What may still be made, by its weight; 0 once there was more.
    left: &'w Cell<u64>,
    /// Arrays and objects that may still lie in each other.
    levels: u8,
}

impl Reader<'_> {
    fn spend<E: Error>(self, weight: u64) -> Result<(), E> {
        let left = self.left.get().saturating_sub(weight);
        self.left.set(left);
        if left == 0 {
            return Err(E::custom("too many values"));
        }
        Ok(())
    }

    fn text<E: Error>(self, text: impl Into<String>) -> Result<Value, E> {
        let text = text.into();
        self.spend(HEADER_WEIGHT + text.len() as u64)?;
        Ok(Value::text(text))
    }

    fn inner(self) -> Self {
        let levels = self.levels.saturating_sub(1);
        Reader { levels, ..self }
    }
}

impl<'de> DeserializeSeed<'de> for Reader<'_> {
    type Value = Value;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Value, D::Error> {
        if self.levels > 0 {
            return deserializer.deserialize_any(self);
        }
        let written = <&RawValue>::deserialize(deserializer)?.get();
        if written.starts_with(['[', '{']) {
            return self.text(written);
        }
        let scalar = Reader { levels: 1, ..self };
        scalar
            .deserialize(&mut serde_json::Deserializer::from_str(written))
            .map_err(D::Error::custom)
    }
}

impl<'de> Visitor<'de> for Reader<'_> {
    type Value = Value;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("JSON")
    }

    fn visit_unit<E: Error>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_bool<E: Error>(self, value: bool) -> Result<Value, E> {
        Ok(Value::Bool(value))
    }

    fn visit_i64<E: Error>(self, value: i64) -> Result<Value, E> {
        Ok(Value::Integer(value))
    }

    fn visit_u64<E: Error>(self, value: u64) -> Result<Value, E> {
        Ok(i64::try_from(value).map_or(Value::Number(value as f64), Value::Integer))
    }

    fn visit_f64<E: Error>(self, value: f64) -> Result<Value, E> {
        Ok(Some(value)
            .filter(|value| value.is_finite())
            .map_or(Value::Null, Value::Number))
    }

    fn visit_str<E: Error>(self, value: &str) -> Result<Value, E> {
        self.text(value)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Value, A::Error> {
        self.spend(HEADER_WEIGHT)?;
        let mut values = Vec::new();
        while let Some(item) = items.next_element_seed(self.inner())? {
            if values.len() < ITEMS_MAX {
                self.spend(ITEM_WEIGHT)?;
                values.push(item);
            }
        }
        Ok(Array::from_values(values).map_or(Value::Null, Value::Array))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut fields: A) -> Result<Value, A::Error> {
        self.spend(HEADER_WEIGHT)?;
        let mut object = Object::default();
        while let Some(key) = fields.next_key::<Cow<'_, str>>()? {
            let field = fields.next_value_seed(self.inner())?;
            if object.len() < ITEMS_MAX {
                self.spend(FIELD_WEIGHT + key.len() as u64)?;
                object
                    .set(&key, field)
                    .map_err(|fault| A::Error::custom(fault.message))?;
            }
        }
        Ok(Value::Object(object))
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
