//! A route: one method of one path, who may call it, what it takes and answers.

use axum::handler::Handler;
use axum::routing::{MethodFilter, MethodRouter, on};
use domain::Permission;
use http::Method;
use schemars::{JsonSchema, Schema, SchemaGenerator};
use tower_http::compression::CompressionLayer;

use crate::Edge;
use crate::answer::Changed;

/// Who may call a route.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Access {
    Open,
    /// Whoever proves a session of their own, by its credential, to the handler.
    Visitor,
    /// Every valid token.
    Token,
    /// A token with the permission.
    Permission(Permission),
    /// The visitor of the session that the path names, by its credential, or a token with the permission.
    Session(Permission),
}

pub(crate) type SchemaOf = fn(&mut SchemaGenerator) -> Schema;

/// What a successful answer holds.
#[derive(Clone, Copy)]
pub(crate) enum Content {
    None,
    Json(SchemaOf),
    /// What has a contract of its own.
    Other(&'static str),
    /// A GraphQL request, or the answer to one.
    Graphql,
    /// A file, as it is.
    File,
}

/// A parameter of the query.
#[derive(Clone, Copy)]
pub(crate) struct Parameter {
    pub name: &'static str,
    pub description: &'static str,
    pub required: bool,
    /// The least and the greatest number; None for a text.
    pub numbers: Option<(u32, u32)>,
}

impl Parameter {
    pub const fn text(name: &'static str, description: &'static str) -> Self {
        Self {
            name,
            description,
            required: false,
            numbers: None,
        }
    }

    pub const fn number(name: &'static str, description: &'static str, numbers: (u32, u32)) -> Self {
        Self {
            numbers: Some(numbers),
            ..Self::text(name, description)
        }
    }

    pub const fn required(self) -> Self {
        Self {
            required: true,
            ..self
        }
    }
}

/// One method of one path.
pub struct Route {
    pub method: Method,
    /// Parameters in braces.
    pub path: &'static str,
    pub access: Access,
    /// Name of the operation in generated clients.
    pub operation: &'static str,
    pub summary: &'static str,
    pub tag: &'static str,
    pub(crate) request: Option<Content>,
    pub(crate) status: u16,
    pub(crate) answer: Content,
    pub(crate) query: &'static [Parameter],
    /// A command may carry an idempotency key.
    pub(crate) command: bool,
    pub(crate) handler: MethodRouter<Edge>,
}

impl Route {
    pub(crate) fn new<H, T>(
        method: Method,
        path: &'static str,
        operation: &'static str,
        summary: &'static str,
        handler: H,
    ) -> Self
    where
        H: Handler<T, Edge>,
        T: 'static,
    {
        let filter = MethodFilter::try_from(method.clone()).expect("the list has only standard methods");
        Self {
            method,
            path,
            access: Access::Open,
            operation,
            summary,
            tag: "pages",
            request: None,
            status: 200,
            answer: Content::None,
            query: &[],
            command: false,
            handler: on(filter, handler),
        }
    }

    pub(crate) fn get<H: Handler<T, Edge>, T: 'static>(
        path: &'static str,
        operation: &'static str,
        summary: &'static str,
        handler: H,
    ) -> Self {
        Self::new(Method::GET, path, operation, summary, handler)
    }

    /// A command: needs a permission, takes an idempotency key, answers that something changed.
    pub(crate) fn command<H: Handler<T, Edge>, T: 'static>(
        method: Method,
        path: &'static str,
        operation: &'static str,
        summary: &'static str,
        permission: Permission,
        handler: H,
    ) -> Self {
        Self {
            access: Access::Permission(permission),
            tag: "commands",
            answer: Content::Json(SchemaGenerator::subschema_for::<Changed>),
            command: true,
            ..Self::new(method, path, operation, summary, handler)
        }
    }

    /// A WebSocket of whoever has a session.
    pub(crate) fn socket<H: Handler<T, Edge>, T: 'static>(
        path: &'static str,
        operation: &'static str,
        summary: &'static str,
        handler: H,
    ) -> Self {
        Self {
            access: Access::Visitor,
            tag: "visitors",
            status: 101,
            ..Self::get(path, operation, summary, handler)
        }
    }

    /// What a token with the permission may do that is no command.
    pub(crate) fn permitted<H: Handler<T, Edge>, T: 'static>(
        method: Method,
        path: &'static str,
        operation: &'static str,
        summary: &'static str,
        permission: Permission,
        handler: H,
    ) -> Self {
        Self {
            access: Access::Permission(permission),
            tag: "drives",
            ..Self::new(method, path, operation, summary, handler)
        }
    }

    /// What a session's visitor may do, and a token with the permission.
    pub(crate) fn of_session<H: Handler<T, Edge>, T: 'static>(
        method: Method,
        path: &'static str,
        operation: &'static str,
        summary: &'static str,
        permission: Permission,
        handler: H,
    ) -> Self {
        Self {
            access: Access::Session(permission),
            tag: "visitors",
            ..Self::new(method, path, operation, summary, handler)
        }
    }

    /// A command of whoever may use the session.
    pub(crate) fn session_command<H: Handler<T, Edge>, T: 'static>(
        method: Method,
        path: &'static str,
        operation: &'static str,
        summary: &'static str,
        permission: Permission,
        handler: H,
    ) -> Self {
        Self {
            access: Access::Session(permission),
            ..Self::command(method, path, operation, summary, permission, handler)
        }
    }

    /// Takes a file as the body, under an idempotency key if one is given.
    pub(crate) fn takes_file(self) -> Self {
        Self {
            request: Some(Content::File),
            command: true,
            ..self
        }
    }

    pub(crate) fn answers_file(self) -> Self {
        Self {
            answer: Content::File,
            ..self
        }
    }

    pub(crate) fn tag(self, tag: &'static str) -> Self {
        Self { tag, ..self }
    }

    pub(crate) fn takes<T: JsonSchema>(self) -> Self {
        Self {
            request: Some(Content::Json(SchemaGenerator::subschema_for::<T>)),
            ..self
        }
    }

    /// Takes GraphQL in a body, unless it is asked with GET, and answers it.
    pub(crate) fn graphql(self) -> Self {
        let in_body = self.method == Method::POST;
        Self {
            access: Access::Token,
            tag: "graphql",
            request: in_body.then_some(Content::Graphql),
            answer: Content::Graphql,
            ..self
        }
    }

    pub(crate) fn answers<T: JsonSchema>(self, status: u16) -> Self {
        Self {
            status,
            answer: Content::Json(SchemaGenerator::subschema_for::<T>),
            ..self
        }
    }

    pub(crate) fn answers_other(self, media_type: &'static str) -> Self {
        Self {
            answer: Content::Other(media_type),
            ..self
        }
    }

    pub(crate) fn query(self, query: &'static [Parameter]) -> Self {
        Self { query, ..self }
    }

    /// For what holds no secrets: compressed beside what a caller chose, a secret could be guessed from the length.
    pub(crate) fn compressed(self) -> Self {
        Self {
            handler: self.handler.layer(CompressionLayer::new()),
            ..self
        }
    }
}
