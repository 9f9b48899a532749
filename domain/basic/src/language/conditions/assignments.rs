//! What is to be set, in a text: `name = 'B', rank = 2`.

use super::{Comparison, Condition, Room, parser};
use crate::value::{Object, Value};

impl Condition {
    /// The fields of a text that says what they become, or of what the compiler made of one: what a script put in is a value and
    /// never read as part of the text. An error says what is unclear.
    pub fn assignments(said: &Value) -> Result<Object, String> {
        let none = Value::Array([].into_iter().collect());
        let (text, values) = match said {
            Value::Text(text) => (text.clone(), &none),
            Value::Object(object) => return Ok(object.clone()),
            Value::Array(list) => match list.as_slice() {
                [Value::Text(sign), Value::Text(text), values @ Value::Array(_)]
                    if sign.as_str() == "text" =>
                {
                    (text.clone(), values)
                }
                _ => return Err("changes are a text such as name = 'B'".to_owned()),
            },
            _ => return Err("changes are a text such as name = 'B'".to_owned()),
        };
        let Value::Array(values) = values else {
            return Ok(Object::default());
        };
        let unclear = |part: &str| {
            let shown: String = part.trim().chars().take(60).collect();
            format!("`{shown}` does not say name = value")
        };
        let (mut fields, mut room) = (Vec::new(), Room::new());
        for part in parts(&text) {
            match parser::parse(&part, values.as_slice(), &mut room) {
                Ok(Condition::Compared {
                    field,
                    comparison: Comparison::Equal,
                    value,
                }) => fields.push((field, value)),
                _ => return Err(unclear(&part)),
            }
        }
        Ok(fields.into_iter().collect())
    }
}

/// What stands between commas outside of quotation marks.
fn parts(text: &str) -> Vec<String> {
    let mut quote = None;
    let mut parts = vec![String::new()];
    for c in text.chars() {
        match quote {
            Some(open) if c == open => quote = None,
            None if c == '\'' || c == '"' => quote = Some(c),
            None if c == ',' => {
                parts.push(String::new());
                continue;
            }
            _ => {}
        }
        if let Some(part) = parts.last_mut() {
            part.push(c);
        }
    }
    parts
}
