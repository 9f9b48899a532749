//! GraphQL over HTTP as OpenAPI can tell it: the parameters, and results in either of their media types.

use http::StatusCode;
use serde_json::{Map, Value, json};

/// With these a request is no GraphQL request, or may not be asked so.
const REFUSALS: &[StatusCode] = &[
    StatusCode::BAD_REQUEST,
    StatusCode::METHOD_NOT_ALLOWED,
    StatusCode::NOT_ACCEPTABLE,
    StatusCode::REQUEST_TIMEOUT,
    StatusCode::PAYLOAD_TOO_LARGE,
    StatusCode::UNSUPPORTED_MEDIA_TYPE,
];

/// The parameters of a query that is asked with GET; variables and extensions are JSON.
pub(super) fn graphql_parameters() -> Vec<Value> {
    let object = json!({ "application/json": { "schema": { "type": "object" } } });
    vec![
        json!({ "name": "query", "in": "query", "required": true, "description": "The document",
                "schema": { "type": "string" } }),
        json!({ "name": "operationName", "in": "query", "description": "Which of its operations",
                "schema": { "type": "string" } }),
        json!({ "name": "variables", "in": "query", "description": "The values of its variables",
                "content": object }),
        json!({ "name": "extensions", "in": "query", "description": "Nothing that this server knows",
                "content": object }),
    ]
}

pub(super) fn graphql_request() -> Value {
    json!({ "application/json": { "schema": {
        "type": "object",
        "required": ["query"],
        "properties": {
            "query": { "type": "string", "description": "The document" },
            "operationName": { "type": ["string", "null"], "description": "Which of its operations" },
            "variables": { "type": ["object", "null"], "description": "The values of its variables" },
            "extensions": { "type": ["object", "null"], "description": "Nothing that this server knows" }
        }
    } } })
}

/// A result in either media type.
pub(super) fn graphql_answer() -> Value {
    let schema = json!({
        "type": "object",
        "properties": {
            "data": { "type": ["object", "null"] },
            "errors": { "type": "array", "minItems": 1, "items": {
                "type": "object",
                "required": ["message", "extensions"],
                "properties": {
                    "message": { "type": "string" },
                    "extensions": { "type": "object", "required": ["code"],
                                    "properties": { "code": { "type": "string" } } }
                }
            } }
        }
    });
    json!({
        "application/graphql-response+json": { "schema": schema },
        "application/json": { "schema": schema }
    })
}

/// Results that say why nothing was executed.
pub(super) fn graphql_refusals() -> Map<String, Value> {
    let refusal = json!({ "description": "Nothing was executed", "content": graphql_answer() });
    REFUSALS
        .iter()
        .map(|status| (status.as_str().to_owned(), refusal.clone()))
        .collect()
}
