//! Why a call has no result.

use std::fmt;
use std::ops::Range;
use std::time::Duration;

/// What a caller can do about it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Kind {
    /// No worker has the model.
    NotFound,
    /// The request, or its key, is wrong: it will be refused again.
    Rejected,
    /// All workers have too much to do. Later it may be answered.
    Throttled,
    /// No worker answers, or none answers well.
    Unavailable,
    /// There was no result in the time that the caller gave.
    TooLate,
}

/// Why a call has no result.
#[derive(Debug)]
pub struct Error {
    pub kind: Kind,
    /// The worker's name for it, where a worker said one.
    pub code: Option<String>,
    /// When it may be tried again, where it is known.
    pub retry_after: Option<Duration>,
    /// The inputs that were refused, by their places, where a call became several requests: what a worker says of places
    /// counts from the first of them.
    pub inputs: Option<Range<usize>>,
    cause: Box<Cause>,
}

/// What happened in the last request.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Cause {
    #[error("the worker said: {message}")]
    Said { message: String },
    #[error("the worker answered status {status}")]
    Status { status: u16 },
    #[error("the request failed")]
    Transport(#[source] reqwest::Error),
    #[error("the worker stopped answering")]
    Gone,
    #[error(transparent)]
    Lie(#[from] Lie),
    #[error("no worker is left to ask")]
    Nobody,
    #[error("all workers are busy")]
    Busy,
    #[error("the time is over")]
    Late,
    #[error("the request cannot be written")]
    Unwritable(#[source] serde_json::Error),
}

/// An answer that is none.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Lie {
    #[error("the answer has more than {max} bytes")]
    TooLarge { max: usize },
    #[error("the answer is not of the protocol, at line {line} column {column}")]
    Form { line: usize, column: usize },
    #[error("{found} results came for {asked} inputs")]
    Count { asked: usize, found: usize },
    #[error("result {index} came twice, or for no input")]
    Index { index: usize },
    #[error("vector {index} is not written in base64, or is cut off")]
    Encoding { index: usize },
    #[error("result {index} holds what is no finite number")]
    NotFinite { index: usize },
    #[error("vector {index} has {found} dimensions and not {expected}")]
    Dimensions {
        index: usize,
        found: usize,
        expected: usize,
    },
    #[error("it could not be read to its end")]
    Unread,
}

impl Error {
    pub(crate) fn new(kind: Kind, cause: impl Into<Cause>) -> Error {
        Error {
            kind,
            code: None,
            retry_after: None,
            inputs: None,
            cause: Box::new(cause.into()),
        }
    }

    pub(crate) fn coded(self, code: Option<String>) -> Error {
        Error { code, ..self }
    }

    pub(crate) fn within(self, inputs: Range<usize>) -> Error {
        Error {
            inputs: Some(inputs),
            ..self
        }
    }

    pub(crate) fn after(self, retry_after: Duration) -> Error {
        Error {
            retry_after: Some(retry_after),
            ..self
        }
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self.kind {
            Kind::NotFound => "no worker has the model",
            Kind::Rejected => "the request was rejected",
            Kind::Throttled => "the workers have too much to do",
            Kind::Unavailable => "no worker could answer",
            Kind::TooLate => "there was no answer in time",
        })?;
        if let Some(inputs) = &self.inputs {
            write!(
                f,
                " in inputs {} to {}",
                inputs.start,
                inputs.end.saturating_sub(1)
            )?;
        }
        match &self.code {
            Some(code) => write!(f, " ({code})"),
            None => Ok(()),
        }
    }
}

impl std::error::Error for Error {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        Some(&*self.cause)
    }
}
