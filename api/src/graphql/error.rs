//! Errors as clients tell them apart: every one carries `extensions.code`.
//!
//! A resolver fails with [`AskError`]; what the library itself finds wrong gets a code by where it was found. No
//! error quotes a statement or a cause: those are logged where they are met.
//!
//! Fields that can fail are nullable, and a failed one is null: the library would leave it out of the answer.

use std::sync::{Arc, Mutex};

use async_graphql::extensions::{
    Extension, ExtensionContext, ExtensionFactory, NextParseQuery, NextRequest, NextResolve, NextSubscribe,
    NextValidation, ResolveInfo,
};
use async_graphql::parser::types::ExecutableDocument;
use async_graphql::{
    ErrorExtensionValues, Response, ServerError, ServerResult, ValidationResult, Value, Variables,
};
use domain::Permission;
use futures::StreamExt;
use futures::stream::BoxStream;
use projections::PageError;

/// Why a field has no answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(super) enum AskError {
    #[error("the permission {0} is needed")]
    Forbidden(Permission),
    #[error("waitFor is not a read token of this server")]
    BadToken,
    #[error("the read models have not caught up in time")]
    WaitTimeout,
    #[error("not a cursor of this list")]
    BadCursor,
    #[error(transparent)]
    BadPage(PageError),
    #[error("{0} is not an id")]
    BadId(&'static str),
    #[error("there is no such {0}")]
    NotFound(&'static str),
    #[error("the read models cannot be read at the moment")]
    Unavailable,
    #[error("something unexpected happened")]
    Unexpected,
}

impl AskError {
    pub fn code(self) -> &'static str {
        match self {
            AskError::Forbidden(_) => "FORBIDDEN",
            AskError::BadToken => "BAD_TOKEN",
            AskError::WaitTimeout => "WAIT_TIMEOUT",
            AskError::BadCursor => "BAD_CURSOR",
            AskError::BadPage(_) => "BAD_PAGE",
            AskError::BadId(_) => "BAD_ID",
            AskError::NotFound(_) => "NOT_FOUND",
            AskError::Unavailable => "UNAVAILABLE",
            AskError::Unexpected => "UNEXPECTED",
        }
    }
}

/// Gives every error its code, and refuses what costs more than `complexity_max`.
pub(super) struct Codes {
    pub complexity_max: usize,
}

/// The errors of one request.
struct Errors {
    complexity_max: usize,
    /// Of nullable fields, whose place is taken by null.
    at_fields: Arc<Mutex<Vec<ServerError>>>,
}

impl ExtensionFactory for Codes {
    fn create(&self) -> Arc<dyn Extension> {
        Arc::new(Errors {
            complexity_max: self.complexity_max,
            at_fields: Arc::default(),
        })
    }
}

#[async_trait::async_trait]
impl Extension for Errors {
    async fn request(&self, ctx: &ExtensionContext<'_>, next: NextRequest<'_>) -> Response {
        finished(next.run(ctx).await, &self.at_fields)
    }

    fn subscribe<'s>(
        &self,
        ctx: &ExtensionContext<'_>,
        stream: BoxStream<'s, Response>,
        next: NextSubscribe<'_>,
    ) -> BoxStream<'s, Response> {
        let at_fields = self.at_fields.clone();
        next.run(ctx, stream)
            .map(move |response| finished(response, &at_fields))
            .boxed()
    }

    async fn parse_query(
        &self,
        ctx: &ExtensionContext<'_>,
        query: &str,
        variables: &Variables,
        next: NextParseQuery<'_>,
    ) -> ServerResult<ExecutableDocument> {
        next.run(ctx, query, variables)
            .await
            .map_err(|error| coded(error, "GRAPHQL_PARSE_FAILED"))
    }

    async fn validation(
        &self,
        ctx: &ExtensionContext<'_>,
        next: NextValidation<'_>,
    ) -> Result<ValidationResult, Vec<ServerError>> {
        let coded_all = |errors: Vec<ServerError>| {
            errors
                .into_iter()
                .map(|error| coded(error, "GRAPHQL_VALIDATION_FAILED"))
                .collect::<Vec<_>>()
        };
        let result = next.run(ctx).await.map_err(coded_all)?;
        if result.complexity > self.complexity_max {
            let error = ServerError::new("the document asks for too much at once", None);
            return Err(vec![coded(error, "QUERY_TOO_COMPLEX")]);
        }
        Ok(result)
    }

    async fn resolve(
        &self,
        ctx: &ExtensionContext<'_>,
        info: ResolveInfo<'_>,
        next: NextResolve<'_>,
    ) -> ServerResult<Option<Value>> {
        let nullable = !info.return_type.ends_with('!');
        match next.run(ctx, info).await {
            Err(error) if nullable => {
                self.at_fields
                    .lock()
                    .expect("nothing panics while it is held")
                    .push(error);
                Ok(Some(Value::Null))
            }
            answered => answered,
        }
    }
}

/// An answer with the errors of all its fields, each with its code.
fn finished(mut response: Response, at_fields: &Mutex<Vec<ServerError>>) -> Response {
    response
        .errors
        .append(&mut at_fields.lock().expect("nothing panics while it is held"));
    for error in &mut response.errors {
        let known = error.source::<AskError>().map(|error| error.code());
        let at_field = !error.path.is_empty();
        put(
            error,
            known.unwrap_or(if at_field {
                "BAD_USER_INPUT"
            } else {
                "OPERATION_RESOLUTION_FAILURE"
            }),
        );
    }
    response
}

/// An error of the whole request.
pub(super) fn coded(mut error: ServerError, code: &'static str) -> ServerError {
    put(&mut error, code);
    error
}

/// The first code stays: it was given closest to the cause.
fn put(error: &mut ServerError, code: &'static str) {
    let extensions = error.extensions.get_or_insert_with(ErrorExtensionValues::default);
    if extensions.get("code").is_none() {
        extensions.set("code", code);
    }
}
