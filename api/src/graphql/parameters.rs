//! What a request asks: the parameters of GraphQL over HTTP, from a query string or a JSON body, each of its type.

use async_graphql::Variables;
use http::HeaderMap;
use http::header::CONTENT_TYPE;
use serde_json::{Map, Value};

use super::refusal::Refusal;

/// The well-formed parameters of one request. Members that nobody knows are passed over, as the protocol wants it.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct Parameters {
    pub query: String,
    pub operation_name: Option<String>,
    pub variables: Map<String, Value>,
}

impl Parameters {
    /// Reads `?query=…&operationName=…&variables=…&extensions=…`; the last two hold JSON.
    pub fn from_query_string(text: &str) -> Result<Self, Refusal> {
        let mut members = Map::new();
        for (name, value) in form_urlencoded(text) {
            let value = match name.as_str() {
                "query" | "operationName" => Value::String(value),
                "variables" | "extensions" if value.is_empty() => Value::Null,
                "variables" | "extensions" => serde_json::from_str(&value).map_err(|_| Refusal::NotJson)?,
                _ => continue,
            };
            members.insert(name, value);
        }
        Self::from_members(members)
    }

    /// Reads a body that is said to be JSON.
    pub fn from_body(headers: &HeaderMap, body: &[u8]) -> Result<Self, Refusal> {
        require_json(headers)?;
        match serde_json::from_slice(body).map_err(|_| Refusal::NotJson)? {
            Value::Object(members) => Self::from_members(members),
            Value::Array(_) => Err(Refusal::Batch),
            _ => Err(Refusal::Parameter("body")),
        }
    }

    pub fn from_members(mut members: Map<String, Value>) -> Result<Self, Refusal> {
        let Some(Value::String(query)) = members.remove("query") else {
            return Err(Refusal::Parameter("query"));
        };
        let operation_name = match members.remove("operationName") {
            None | Some(Value::Null) => None,
            // What some clients send when there is no name.
            Some(Value::String(name)) if name.is_empty() => None,
            Some(Value::String(name)) => Some(name),
            Some(_) => return Err(Refusal::Parameter("operationName")),
        };
        let variables = object(&mut members, "variables")?;
        object(&mut members, "extensions")?;
        Ok(Self {
            query,
            operation_name,
            variables,
        })
    }

    /// As the library takes it.
    pub fn into_request(self) -> async_graphql::Request {
        let request = async_graphql::Request::new(self.query)
            .variables(Variables::from_json(Value::Object(self.variables)));
        match self.operation_name {
            Some(name) => request.operation_name(name),
            None => request,
        }
    }
}

fn object(members: &mut Map<String, Value>, name: &'static str) -> Result<Map<String, Value>, Refusal> {
    match members.remove(name) {
        None | Some(Value::Null) => Ok(Map::new()),
        Some(Value::Object(object)) => Ok(object),
        Some(_) => Err(Refusal::Parameter(name)),
    }
}

/// `application/json`, in UTF-8 where a charset is named. Forms and plain text, which a foreign page can make a
/// browser send, are refused.
fn require_json(headers: &HeaderMap) -> Result<(), Refusal> {
    let text = headers
        .get(CONTENT_TYPE)
        .and_then(|value| value.to_str().ok())
        .unwrap_or_default();
    let mut parts = text.split(';').map(str::trim);
    let json = parts
        .next()
        .is_some_and(|media| media.eq_ignore_ascii_case("application/json"));
    let readable = parts
        .filter_map(|parameter| parameter.split_once('='))
        .all(|(name, value)| {
            !name.trim().eq_ignore_ascii_case("charset")
                || value.trim().trim_matches('"').eq_ignore_ascii_case("utf-8")
        });
    if json && readable {
        Ok(())
    } else {
        Err(Refusal::ContentType)
    }
}

/// Names and values of a query string; bytes that are not UTF-8 become the replacement character.
fn form_urlencoded(text: &str) -> impl Iterator<Item = (String, String)> + '_ {
    text.split('&').filter(|pair| !pair.is_empty()).map(|pair| {
        let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
        (decoded(name), decoded(value))
    })
}

fn decoded(text: &str) -> String {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let [first, tail @ ..] = rest {
        let escaped = match tail {
            [high, low, ..] if *first == b'%' => hex(*high).zip(hex(*low)),
            _ => None,
        };
        match (*first, escaped) {
            (_, Some((high, low))) => {
                bytes.push(high << 4 | low);
                rest = &tail[2..];
            }
            (b'+', None) => {
                bytes.push(b' ');
                rest = tail;
            }
            (other, None) => {
                bytes.push(other);
                rest = tail;
            }
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

fn hex(digit: u8) -> Option<u8> {
    char::from(digit)
        .to_digit(16)
        .and_then(|value| u8::try_from(value).ok())
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;
    use serde_json::json;

    use super::*;

    fn posted(body: &Value) -> Result<Parameters, Refusal> {
        let headers = HeaderMap::from_iter([(CONTENT_TYPE, HeaderValue::from_static("application/json"))]);
        Parameters::from_body(&headers, body.to_string().as_bytes())
    }

    #[test]
    fn a_query_string_is_read_with_its_escapes() {
        let asked = Parameters::from_query_string(
            "query=%7B+a%20%7d&variables=%7B%22n%22%3A1%7D&more=x&operationName=",
        )
        .expect("is well-formed");
        assert_eq!((asked.query.as_str(), asked.operation_name), ("{ a }", None));
        assert_eq!(Value::Object(asked.variables), json!({ "n": 1 }));
    }

    #[test]
    fn parameters_of_the_wrong_type_are_named() {
        for (body, wrong) in [
            (json!({}), "query"),
            (json!({ "query": 1 }), "query"),
            (json!({ "query": "{a}", "operationName": [] }), "operationName"),
            (json!({ "query": "{a}", "variables": "x" }), "variables"),
            (json!({ "query": "{a}", "extensions": [1] }), "extensions"),
            (json!("text"), "body"),
        ] {
            assert_eq!(posted(&body), Err(Refusal::Parameter(wrong)), "{body}");
        }
    }

    #[test]
    fn a_batch_is_refused() {
        assert_eq!(posted(&json!([{ "query": "{a}" }])), Err(Refusal::Batch));
    }

    #[test]
    fn only_json_in_utf_8_is_read() {
        for (text, fits) in [
            ("application/json", true),
            ("Application/JSON; charset=\"UTF-8\"", true),
            ("application/json; charset=utf-8", true),
            ("application/json; charset=latin1", false),
            ("application/graphql", false),
            ("text/plain", false),
            ("multipart/form-data; boundary=x", false),
            ("", false),
        ] {
            let headers = HeaderMap::from_iter([(CONTENT_TYPE, HeaderValue::from_static(text))]);
            assert_eq!(require_json(&headers).is_ok(), fits, "{text}");
        }
    }
}
