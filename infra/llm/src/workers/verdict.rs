//! What an answer means: for the caller, for the worker's standing, and for whether another one is asked.

use std::time::Duration;

use bytes::Bytes;
use reqwest::StatusCode;

use super::balance::Outcome;
use super::error::{Cause, Error, Kind, Lie};
use super::peer::{Answer, Trouble};
use super::wire::{Said, said};

/// Where a worker that is busy does not say for how long.
const BUSY: Duration = Duration::from_secs(1);
/// Whatever it says: who is told to come back at once would only be sent away again.
const BUSY_MIN: Duration = Duration::from_millis(50);

/// Whether a request is sent once more.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Again {
    Never,
    /// To another worker; this one has done nothing for it, so it adds no load.
    Elsewhere,
    /// To another worker, if the budget allows.
    AtCost,
    /// To any worker that is not busy, if the budget allows.
    Later,
}

#[derive(Debug)]
pub(crate) struct Failure {
    pub error: Error,
    pub outcome: Outcome,
    pub again: Again,
}

impl Failure {
    fn new(kind: Kind, cause: impl Into<Cause>, outcome: Outcome, again: Again) -> Failure {
        Failure {
            error: Error::new(kind, cause),
            outcome,
            again,
        }
    }

    pub fn late() -> Failure {
        Failure::new(Kind::TooLate, Cause::Late, Outcome::Late, Again::Never)
    }

    pub fn gone() -> Failure {
        Failure::new(Kind::Unavailable, Cause::Gone, Outcome::Failed, Again::AtCost)
    }

    pub fn lie(lie: Lie) -> Failure {
        Failure::new(Kind::Unavailable, lie, Outcome::Failed, Again::AtCost)
    }

    fn transport(error: reqwest::Error) -> Failure {
        let (outcome, again) = match error.is_connect() {
            true => (Outcome::Unreachable, Again::Elsewhere),
            false => (Outcome::Failed, Again::AtCost),
        };
        Failure::new(Kind::Unavailable, Cause::Transport(error), outcome, again)
    }
}

/// The body of an answer that went well.
pub(crate) fn judge(answered: Result<Answer, Trouble>) -> Result<Bytes, Failure> {
    let answer = match answered {
        Ok(answer) => answer,
        Err(Trouble::Transport(error)) => return Err(Failure::transport(error)),
        Err(Trouble::TooLarge { max }) => return Err(Failure::lie(Lie::TooLarge { max })),
    };
    match answer.status {
        StatusCode::OK => Ok(answer.body),
        status => Err(refusal(status, answer.retry_after, said(&answer.body))),
    }
}

fn refusal(status: StatusCode, retry_after: Option<Duration>, said: Said) -> Failure {
    let cause = match said.message {
        Some(message) => Cause::Said { message },
        None => Cause::Status {
            status: status.as_u16(),
        },
    };
    let wait = retry_after.unwrap_or(BUSY).max(BUSY_MIN);
    let (kind, outcome, again) = match (status.as_u16(), said.code.as_deref()) {
        (401 | 403, _) => (Kind::Rejected, Outcome::Unauthorized, Again::Never),
        (404, Some("model_not_found")) => (Kind::NotFound, Outcome::Missing, Again::Elsewhere),
        // It would load the model if it could; what it has of others is as well as before.
        (503, Some("model_unavailable")) => (Kind::Unavailable, Outcome::Missing, Again::Elsewhere),
        (503, Some("out_of_memory")) => (Kind::Unavailable, Outcome::Missing, Again::AtCost),
        // The worker's patience ends with ours; a proxy's own may end before.
        (504, Some("deadline_exceeded")) => (Kind::TooLate, Outcome::Late, Again::Never),
        (429, _) => (Kind::Throttled, Outcome::Busy(wait), Again::Later),
        // It starts, or stops.
        (503, _) => (Kind::Unavailable, Outcome::Busy(wait), Again::Later),
        // With 404 and 405 another server answers under this address, with 408 the request came too slowly.
        (404 | 405 | 408, _) => (Kind::Unavailable, Outcome::Failed, Again::AtCost),
        (400..500, _) => (Kind::Rejected, Outcome::Refused, Again::Never),
        _ => (Kind::Unavailable, Outcome::Failed, Again::AtCost),
    };
    let failure = Failure::new(kind, cause, outcome, again);
    let error = failure.error.coded(said.code);
    Failure {
        error: if again == Again::Later {
            error.after(wait)
        } else {
            error
        },
        ..failure
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(status: u16, body: &str, kind: Kind, again: Again) {
        let answer = Answer {
            status: StatusCode::from_u16(status).unwrap(),
            retry_after: None,
            queued: None,
            body: Bytes::copy_from_slice(body.as_bytes()),
        };
        let failure = judge(Ok(answer)).unwrap_err();
        assert_eq!(
            (failure.error.kind, failure.again),
            (kind, again),
            "{status} {body}"
        );
    }

    #[test]
    fn what_is_wrong_with_a_request_is_not_asked_again() {
        let body = r#"{"error":{"message":"no","type":"invalid_request_error","param":"input","code":"x"}}"#;
        for status in [400, 401, 403, 413, 415, 422] {
            check(status, body, Kind::Rejected, Again::Never);
        }
    }

    fn coded(code: &str) -> String {
        format!(r#"{{"error":{{"message":"no","type":"x","param":"model","code":"{code}"}}}}"#)
    }

    #[test]
    fn only_the_worker_itself_says_that_it_lacks_a_model() {
        check(404, &coded("model_not_found"), Kind::NotFound, Again::Elsewhere);
        check(404, &coded("not_found"), Kind::Unavailable, Again::AtCost);
        check(404, "<h1>not here</h1>", Kind::Unavailable, Again::AtCost);
    }

    #[test]
    fn what_is_wrong_with_a_worker_is_asked_of_another() {
        for status in [204, 302, 405, 408, 500, 502, 504] {
            check(status, "", Kind::Unavailable, Again::AtCost);
        }
        check(429, "", Kind::Throttled, Again::Later);
        check(503, "", Kind::Unavailable, Again::Later);
        check(503, &coded("stopping"), Kind::Unavailable, Again::Later);
        check(504, &coded("deadline_exceeded"), Kind::TooLate, Again::Never);
    }

    #[test]
    fn a_model_that_cannot_be_loaded_is_asked_of_another_worker() {
        check(
            503,
            &coded("model_unavailable"),
            Kind::Unavailable,
            Again::Elsewhere,
        );
        check(503, &coded("out_of_memory"), Kind::Unavailable, Again::AtCost);
    }
}
