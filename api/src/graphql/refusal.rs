//! Why a request is turned away before GraphQL looks at it, or by the limits on documents.

use http::StatusCode;

/// A request that is no GraphQL request, or one that may not be executed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(super) enum Refusal {
    #[error("the body, or a parameter that holds JSON, is not JSON")]
    NotJson,
    #[error("{0} is missing or not of the right type")]
    Parameter(&'static str),
    #[error("batches are not taken: send one operation per request")]
    Batch,
    #[error("send application/json in UTF-8")]
    ContentType,
    #[error("answers come as application/graphql-response+json or application/json")]
    NotAcceptable,
    #[error("the request is too large")]
    TooLarge,
    #[error("the request took too long to arrive")]
    TooSlow,
    #[error("only queries may be asked with GET")]
    NotAQuery,
}

impl Refusal {
    /// What clients compare.
    pub fn code(self) -> &'static str {
        match self {
            Refusal::NotJson => "NOT_JSON",
            Refusal::Parameter(_) => "BAD_PARAMETER",
            Refusal::Batch => "BATCHING_DISABLED",
            Refusal::ContentType => "UNSUPPORTED_MEDIA_TYPE",
            Refusal::NotAcceptable => "NOT_ACCEPTABLE",
            Refusal::TooLarge => "REQUEST_TOO_LARGE",
            Refusal::TooSlow => "REQUEST_TIMEOUT",
            Refusal::NotAQuery => "QUERY_REQUIRED",
        }
    }

    pub fn status(self) -> StatusCode {
        match self {
            Refusal::NotJson | Refusal::Parameter(_) | Refusal::Batch => StatusCode::BAD_REQUEST,
            Refusal::ContentType => StatusCode::UNSUPPORTED_MEDIA_TYPE,
            Refusal::NotAcceptable => StatusCode::NOT_ACCEPTABLE,
            Refusal::TooLarge => StatusCode::PAYLOAD_TOO_LARGE,
            Refusal::TooSlow => StatusCode::REQUEST_TIMEOUT,
            Refusal::NotAQuery => StatusCode::METHOD_NOT_ALLOWED,
        }
    }
}
