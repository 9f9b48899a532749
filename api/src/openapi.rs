//! The OpenAPI 3.1 document, made from the list of routes.

mod graphql;

use std::sync::LazyLock;

use axum::response::{IntoResponse, Response};
use http::header::{CACHE_CONTROL, CONTENT_TYPE};
use schemars::SchemaGenerator;
use schemars::generate::SchemaSettings;
use serde_json::{Map, Value, json};

use self::graphql::{graphql_answer, graphql_parameters, graphql_refusals, graphql_request};
use crate::problem::ProblemDocument;
use crate::route::{Access, Content, Route};
use crate::routes;

/// What can be done with what an operation answers: the operation, the next one, and the member of the answer that
/// the next one takes, in its path or its body.
const LINKS: &[(&str, &str, Taken)] = &[
    ("create_bot", "start_session", Taken::InBody("bot_id")),
    ("create_bot", "pause_bot", Taken::InPath("bot_id")),
    ("create_bot", "resume_bot", Taken::InPath("bot_id")),
    ("create_bot", "retire_bot", Taken::InPath("bot_id")),
    ("start_session", "post_turn", Taken::InPath("session_id")),
    ("start_session", "end_session", Taken::InPath("session_id")),
    ("start_session", "upload_file", Taken::InPath("session_id")),
    ("start_session", "register_visitor", Taken::InPath("user_id")),
    ("post_turn", "end_conversation", Taken::InPath("conversation_id")),
    ("register_user", "rename_user", Taken::InPath("user_id")),
    ("register_user", "deactivate_user", Taken::InPath("user_id")),
    ("register_user", "reactivate_user", Taken::InPath("user_id")),
    ("issue_token", "revoke_token", Taken::InPath("token_id")),
];

#[derive(Clone, Copy)]
enum Taken {
    InPath(&'static str),
    InBody(&'static str),
}

/// `GET /openapi.json`.
pub(crate) async fn serve() -> Response {
    static TEXT: LazyLock<String> = LazyLock::new(|| document().to_string());
    (
        [
            (CONTENT_TYPE, "application/json"),
            (CACHE_CONTROL, "public, no-cache"),
        ],
        TEXT.as_str(),
    )
        .into_response()
}

/// The document of every route there is.
pub fn document() -> Value {
    let mut generator = SchemaSettings::draft2020_12()
        .with(|settings| settings.definitions_path = "/components/schemas".into())
        .into_generator();
    let problem = generator.subschema_for::<ProblemDocument<'static>>();
    let mut paths = Map::new();
    for route in routes() {
        let path = route.path.replace("{*", "{");
        let operations = paths.entry(path).or_insert_with(|| json!({}));
        operations[route.method.as_str().to_lowercase()] = operation(&route, &mut generator);
    }
    json!({
        "openapi": "3.1.0",
        "jsonSchemaDialect": "https://json-schema.org/draft/2020-12/schema",
        "info": {
            "title": "botserver",
            "version": env!("CARGO_PKG_VERSION"),
            "description": "Commands of the platform. Reads are GraphQL. Every error is a problem document; \
                            docs/errors.md lists their codes.",
            "license": { "name": "Apache-2.0 OR MIT", "identifier": "Apache-2.0 OR MIT" }
        },
        "servers": [{ "url": "/" }],
        "tags": [
            { "name": "commands", "description": "What may be asked, each with its permission" },
            { "name": "drives", "description": "Files of bots" },
            { "name": "graphql", "description": "Queries and subscriptions" },
            { "name": "pages", "description": "What a browser loads" },
            { "name": "probes", "description": "What an operator's machines ask" },
            { "name": "visitors", "description": "The web chat" }
        ],
        "paths": paths,
        "components": {
            "schemas": generator.take_definitions(true),
            "securitySchemes": {
                "token": {
                    "type": "http",
                    "scheme": "bearer",
                    "description": "An API token, `<organisation>.<token>.<secret>`"
                },
                "session": {
                    "type": "http",
                    "scheme": "bearer",
                    "description": "The credential of the session that the path names, `<session>.<secret>`"
                },
                "visitor": {
                    "type": "apiKey",
                    "in": "query",
                    "name": "session_id",
                    "description": "The credential of a session, also accepted in the socket's first frame"
                }
            },
            "responses": {
                "Problem": {
                    "description": "The request was not done",
                    "content": { "application/problem+json": { "schema": problem } }
                }
            }
        }
    })
}

fn operation(route: &Route, generator: &mut SchemaGenerator) -> Value {
    let mut operation = json!({
        "operationId": route.operation,
        "summary": route.summary,
        "tags": [route.tag],
        "security": security(route.access),
        "responses": responses(route, generator),
    });
    let parameters = parameters(route);
    if !parameters.is_empty() {
        operation["parameters"] = Value::Array(parameters);
    }
    if let Some(request) = route.request {
        operation["requestBody"] =
            json!({ "required": true, "content": request_content(request, generator) });
    }
    if let Access::Permission(permission) | Access::Session(permission) = route.access {
        operation["x-permission"] = json!(permission);
    }
    operation
}

fn security(access: Access) -> Value {
    match access {
        Access::Open => json!([]),
        Access::Visitor => json!([{ "visitor": [] }]),
        Access::Token | Access::Permission(_) => json!([{ "token": [] }]),
        Access::Session(_) => json!([{ "token": [] }, { "session": [] }]),
    }
}

fn parameters(route: &Route) -> Vec<Value> {
    let text = json!({ "type": "string" });
    let mut parameters = Vec::new();
    if route.request.is_none() && matches!(route.answer, Content::Graphql) {
        parameters = graphql_parameters();
    }
    for name in path_parameters(route.path) {
        let schema = if name.ends_with("_id") {
            json!({ "type": "string", "format": "uuid" })
        } else {
            text.clone()
        };
        parameters.push(json!({ "name": name, "in": "path", "required": true, "schema": schema }));
    }
    for parameter in route.query {
        let schema = match parameter.numbers {
            Some((least, greatest)) => json!({ "type": "integer", "minimum": least, "maximum": greatest }),
            None => text.clone(),
        };
        let mut described = json!({
            "name": parameter.name,
            "in": "query",
            "description": parameter.description,
            "schema": schema,
        });
        if parameter.required {
            described["required"] = json!(true);
        }
        parameters.push(described);
    }
    if route.command {
        parameters.push(json!({
            "name": "Idempotency-Key",
            "in": "header",
            "description": "With it the command is carried out once, however often it is sent",
            "schema": { "type": "string", "minLength": 1, "maxLength": 255, "pattern": "^[!-~]+$" }
        }));
    }
    parameters
}

fn path_parameters(path: &str) -> impl Iterator<Item = &str> {
    path.split('{')
        .skip(1)
        .filter_map(|rest| rest.split('}').next())
        .map(|name| name.trim_start_matches('*'))
}

fn responses(route: &Route, generator: &mut SchemaGenerator) -> Value {
    let mut success =
        json!({ "description": description(route.status), "content": content(route.answer, generator) });
    if route.command {
        let text = json!({ "type": "string" });
        success["headers"] = json!({
            "Botserver-Token": { "description": "Read token, as in the body", "schema": text },
            "Idempotent-Replayed": { "description": "true for a repetition", "schema": text }
        });
        if route.status == 201 {
            success["headers"]["Location"] = json!({ "description": "What was created", "schema": text });
        }
    }
    let links = links(route.operation);
    if !links.is_empty() {
        success["links"] = Value::Object(links);
    }
    let mut responses = Map::from_iter([(route.status.to_string(), success)]);
    if matches!(route.answer, Content::Graphql) {
        responses.extend(graphql_refusals());
    }
    for status in problem_statuses(route) {
        responses.insert(
            status.to_string(),
            json!({ "$ref": "#/components/responses/Problem" }),
        );
    }
    responses.insert(
        "default".to_owned(),
        json!({ "$ref": "#/components/responses/Problem" }),
    );
    Value::Object(responses)
}

fn links(operation: &str) -> Map<String, Value> {
    LINKS
        .iter()
        .filter(|(from, ..)| *from == operation)
        .map(|(_, next, taken)| {
            let link = match taken {
                Taken::InPath(name) => {
                    json!({ "operationId": next, "parameters": { *name: format!("$response.body#/{name}") } })
                }
                Taken::InBody(name) => {
                    json!({ "operationId": next, "requestBody": { *name: format!("$response.body#/{name}") } })
                }
            };
            ((*next).to_owned(), link)
        })
        .collect()
}

/// What may happen besides success, as far as it can be told from the list.
fn problem_statuses(route: &Route) -> Vec<u16> {
    let mut statuses = match route.access {
        Access::Open => vec![],
        Access::Visitor | Access::Token => vec![401, 429],
        Access::Permission(_) | Access::Session(_) => vec![401, 403, 429],
    };
    if route.path.contains('{') {
        statuses.push(404);
    }
    if route.command {
        statuses.extend([400, 408, 409, 413, 422, 503]);
    }
    if matches!(route.answer, Content::File) {
        statuses.extend([410, 503]);
    }
    if matches!(route.request, Some(Content::Json(_) | Content::File)) {
        statuses.push(415);
    }
    statuses
}

/// A body as it is sent; a GraphQL answer has forms of its own.
fn request_content(request: Content, generator: &mut SchemaGenerator) -> Value {
    match request {
        Content::Graphql => graphql_request(),
        Content::File => json!({
            "application/octet-stream": { "schema": { "type": "string", "format": "binary", "minLength": 1 } }
        }),
        other => content(other, generator),
    }
}

fn content(content: Content, generator: &mut SchemaGenerator) -> Value {
    match content {
        Content::None => json!({}),
        Content::Json(schema) => json!({ "application/json": { "schema": schema(generator) } }),
        Content::Other(media_type) => json!({ media_type: {} }),
        Content::Graphql => graphql_answer(),
        // Of whatever kind it is.
        Content::File => json!({ "*/*": { "schema": { "type": "string", "format": "binary" } } }),
    }
}

fn description(status: u16) -> &'static str {
    match status {
        101 => "The connection becomes a WebSocket",
        201 => "Created",
        202 => "Taken, and durable",
        _ => "Done",
    }
}
