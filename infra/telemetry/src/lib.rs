//! Logs, traces and metrics, as all of our programs have them.

pub mod logs;
pub mod measures;
#[cfg(feature = "test")]
pub mod test;
pub mod traces;
