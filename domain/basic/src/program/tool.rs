//! What a language model is told of a script that it may call.

use serde_json::{Map, Value, json};

use super::{Parameter, Program};

/// Names of functions are this long at most for those who offer models.
const NAME_BYTES_MAX: usize = 64;

impl Program {
    /// Whether the script says of itself what a tool says: what it does, or what it takes.
    pub fn is_tool(&self) -> bool {
        self.description().is_some() || !self.parameters().is_empty()
    }

    /// The name under which models call it: letters, digits, `_` and `-`, everything else as `_`. A longer one is cut
    /// and ends with a part of the program's hash.
    pub fn tool_name(&self) -> String {
        let plain = |c: char| {
            if c.is_ascii_alphanumeric() || c == '-' {
                c
            } else {
                '_'
            }
        };
        let name: String = self.name().chars().map(plain).collect();
        if name.len() <= NAME_BYTES_MAX {
            return name;
        }
        let end = &self.hash().to_string()[..8];
        format!("{}_{end}", &name[..NAME_BYTES_MAX - end.len() - 1])
    }

    /// A JSON Schema of the object of its parameters. Those that are OPTIONAL or have a DEFAULT are not required.
    pub fn input_schema(&self) -> Value {
        let properties: Map<String, Value> = self
            .parameters()
            .iter()
            .map(|parameter| (parameter.name.clone(), schema(parameter)))
            .collect();
        let required: Vec<&str> = self
            .parameters()
            .iter()
            .filter(|parameter| !parameter.optional)
            .map(|parameter| parameter.name.as_str())
            .collect();
        json!({ "type": "object", "properties": properties, "required": required })
    }

    /// As the Model Context Protocol lists tools.
    pub fn mcp_tool(&self) -> Value {
        json!({
            "name": self.tool_name(),
            "description": self.description().unwrap_or_default(),
            "inputSchema": self.input_schema(),
        })
    }

    /// As chat completions of the OpenAI kind take functions.
    pub fn function_tool(&self) -> Value {
        json!({
            "type": "function",
            "function": {
                "name": self.tool_name(),
                "description": self.description().unwrap_or_default(),
                "parameters": self.input_schema(),
            },
        })
    }
}

fn schema(parameter: &Parameter) -> Value {
    let (kind, format) = match parameter.kind.as_str() {
        "int" | "integer" | "long" => ("integer", None),
        "number" | "float" | "double" | "decimal" | "money" | "currency" => ("number", None),
        "bool" | "boolean" => ("boolean", None),
        "array" | "list" => ("array", None),
        "object" | "map" | "json" => ("object", None),
        "date" => ("string", Some("date")),
        "datetime" | "timestamp" => ("string", Some("date-time")),
        "time" | "hour" => ("string", Some("time")),
        "email" => ("string", Some("email")),
        "url" | "link" => ("string", Some("uri")),
        "uuid" | "guid" => ("string", Some("uuid")),
        _ => ("string", None),
    };
    let mut schema = Map::new();
    schema.insert("type".to_owned(), kind.into());
    if let Some(format) = format {
        schema.insert("format".to_owned(), format.into());
    }
    if let Some(description) = &parameter.description {
        schema.insert("description".to_owned(), description.as_str().into());
    }
    if kind == "array" {
        schema.insert("items".to_owned(), json!({}));
    }
    if !parameter.choices.is_empty() {
        let choices: Vec<Value> = parameter
            .choices
            .iter()
            .map(|choice| said(kind, choice))
            .collect();
        schema.insert("enum".to_owned(), choices.into());
    }
    if let Some(example) = &parameter.example {
        schema.insert("examples".to_owned(), json!([said(kind, example)]));
    }
    Value::Object(schema)
}

/// A sample as its type has it; as a text where it is none of that type.
fn said(kind: &str, text: &str) -> Value {
    let read = serde_json::from_str::<Value>(&text.to_lowercase()).ok();
    let fits = |value: &Value| match kind {
        "integer" => value.is_i64() || value.is_u64(),
        "number" => value.is_number(),
        "boolean" => value.is_boolean(),
        _ => false,
    };
    read.filter(fits).unwrap_or_else(|| text.into())
}
