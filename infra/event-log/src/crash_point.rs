//! Named points at which a fault test ends the process as abruptly as a power cut would.
//!
//! `CRASH_AT` names the point, `CRASH_AFTER` how many passages it takes (1 by default).
//! Release builds have none of this.

/// Ends the process by SIGKILL where the environment asks for it at this point.
#[cfg(debug_assertions)]
pub fn crash_point(name: &str) {
    use std::sync::atomic::{AtomicU64, Ordering};
    static PASSAGES: AtomicU64 = AtomicU64::new(0);

    if !armed(name) {
        return;
    }
    let after = std::env::var("CRASH_AFTER")
        .ok()
        .and_then(|n| n.parse().ok())
        .unwrap_or(1);
    if PASSAGES.fetch_add(1, Ordering::SeqCst) + 1 >= after {
        let this = std::process::id().to_string();
        let _killed = std::process::Command::new("kill").args(["-KILL", &this]).status();
        std::process::abort();
    }
}

/// Whether the environment asks for a crash at this point.
#[cfg(debug_assertions)]
pub(crate) fn armed(name: &str) -> bool {
    std::env::var_os("CRASH_AT").is_some_and(|at| at == name)
}

#[cfg(not(debug_assertions))]
pub fn crash_point(_name: &str) {}

#[cfg(not(debug_assertions))]
pub(crate) fn armed(_name: &str) -> bool {
    false
}
