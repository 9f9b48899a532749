//! What a decision is: a pure function from state and command to facts.

use domain::Aggregate;

/// Decides commands of a noun. Asking for what already holds yields no event.
pub trait Decide: Aggregate {
    type Command: Clone + Send + Sync;
    type Error: Refusal;

    fn decide(&self, command: Self::Command) -> Result<Vec<Self::Event>, Self::Error>;
}

/// Why a command was refused, in terms every edge can translate.
pub trait Refusal: std::error::Error + Send + Sync + 'static {
    fn kind(&self) -> RefusalKind;

    /// Stable name of the refusal, `noun_reason`, for clients.
    fn code(&self) -> &'static str;
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RefusalKind {
    /// There is no such thing, or there was and it is gone.
    NotFound,
    /// It is not in a state that allows this.
    Conflict,
    /// What was asked makes no sense.
    Invalid,
}
