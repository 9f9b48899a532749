//! The codes of errors.

use http::StatusCode;

/// Why a request is not answered: what a program acts on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Code {
    InvalidJson,
    InvalidUtf8,
    MissingParameter,
    InvalidType,
    InvalidValue,
    EmptyInput,
    TooManyInputs,
    TooLong,
    UnknownToken,
    UnknownPrompt,
    WrongTask,
    MissingKey,
    InvalidKey,
    NotAdmin,
    OriginRefused,
    ModelNotFound,
    RouteNotFound,
    MethodNotAllowed,
    BodyTimeout,
    BodyTooLarge,
    MediaType,
    Busy,
    Internal,
    ModelUnavailable,
    NoMemory,
    Starting,
    Stopping,
    DeadlineExceeded,
}

use Code::{
    BodyTimeout, BodyTooLarge, Busy, DeadlineExceeded, EmptyInput, Internal, InvalidJson, InvalidKey,
    InvalidType, InvalidUtf8, InvalidValue, MediaType, MethodNotAllowed, MissingKey, MissingParameter,
    ModelNotFound, ModelUnavailable, NoMemory, NotAdmin, OriginRefused, RouteNotFound, Starting, Stopping,
    TooLong, TooManyInputs, UnknownPrompt, UnknownToken, WrongTask,
};

/// Every code: its status, its name on the wire, and what it means.
#[rustfmt::skip]
pub const CODES: &[(Code, u16, &str, &str)] = &[
    (InvalidJson, 400, "invalid_json", "The body is no JSON object; the message names line and column."),
    (InvalidUtf8, 400, "invalid_utf8", "The body is not UTF-8; the message names the byte."),
    (MissingParameter, 400, "missing_required_parameter", "`param` is needed and absent."),
    (InvalidType, 400, "invalid_type", "`param` is of another type."),
    (InvalidValue, 400, "invalid_value", "`param` is of the right type and out of what is taken."),
    (EmptyInput, 400, "empty_input", "There is no input, or one without tokens."),
    (TooManyInputs, 400, "too_many_inputs", "More than 2,048 texts or documents."),
    (TooLong, 400, "context_length_exceeded", "A text is longer than the model reads; the message names its tokens. `truncate: true` cuts it."),
    (UnknownToken, 400, "unknown_token", "A token id is not of the model's vocabulary."),
    (UnknownPrompt, 400, "unknown_prompt", "The model has no prompt of this name."),
    (WrongTask, 400, "wrong_task", "A reranker was asked for vectors, or an embedding model for scores."),
    (MissingKey, 401, "missing_api_key", "There is no `Authorization: Bearer …`."),
    (InvalidKey, 401, "invalid_api_key", "The key is not one of the worker's."),
    (NotAdmin, 403, "admin_required", "The key may not load and unload models."),
    (OriginRefused, 403, "origin_refused", "A page of a browser asked a worker that has no keys."),
    (ModelNotFound, 404, "model_not_found", "No model of this name is configured."),
    (RouteNotFound, 404, "not_found", "There is nothing at this address."),
    (MethodNotAllowed, 405, "method_not_allowed", "The address takes other methods; see `Allow`."),
    (BodyTimeout, 408, "body_timeout", "The body came too slowly (`server.body_ms`)."),
    (BodyTooLarge, 413, "body_too_large", "The body is larger than `server.body_bytes_max`."),
    (MediaType, 415, "unsupported_media_type", "The body is not `application/json`, or it is compressed."),
    (Busy, 429, "rate_limit_exceeded", "Too much waits already; come back after `Retry-After`."),
    (Internal, 500, "internal_error", "A mistake of the worker; its log says more under the request's id."),
    (ModelUnavailable, 503, "model_unavailable", "The model is configured and cannot be loaded; the log says why."),
    (NoMemory, 503, "out_of_memory", "There is not enough memory for the model or the request."),
    (Starting, 503, "starting", "Models of the start are being loaded; come back after `Retry-After`."),
    (Stopping, 503, "stopping", "The worker is stopping; ask another one."),
    (DeadlineExceeded, 504, "deadline_exceeded", "It was not done in time (`server.request_ms`, `x-request-timeout-ms`)."),
];

impl Code {
    pub(super) fn facts(self) -> (StatusCode, &'static str) {
        let found = CODES.iter().find(|(code, ..)| *code == self);
        let found = found.and_then(|(_, status, name, _)| Some((StatusCode::from_u16(*status).ok()?, *name)));
        found.unwrap_or((StatusCode::INTERNAL_SERVER_ERROR, "internal_error"))
    }

    pub fn name(self) -> &'static str {
        self.facts().1
    }

    /// The status of answers with this code.
    pub fn status(self) -> u16 {
        self.facts().0.as_u16()
    }

    /// As OpenAI's clients expect it.
    pub(super) fn kind(self) -> &'static str {
        match self.facts().0.as_u16() {
            403 => "permission_error",
            429 => "rate_limit_error",
            500.. => "server_error",
            _ => "invalid_request_error",
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn every_code_has_a_name_of_its_own_and_a_status_of_an_error() {
        let names: BTreeSet<&str> = CODES.iter().map(|(_, _, name, _)| *name).collect();
        assert_eq!(names.len(), CODES.len());
        assert!(
            CODES
                .iter()
                .all(|(_, status, ..)| (400..600).contains(status) && *status != 422)
        );
    }
}
