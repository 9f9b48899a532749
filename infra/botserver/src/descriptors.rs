//! File descriptors: how many the system allows, and how many the configuration may come to need.

use nix::sys::resource::{Resource, getrlimit, setrlimit};

use crate::config::Config;

/// Descriptors beside those of sockets and connections: files, pipes, timers.
const ASIDE: u64 = 64;

/// What a server of this configuration needs when all its sockets are open.
pub(crate) fn needed(config: &Config) -> u64 {
    let sockets = u64::from(config.limits.sockets_max);
    sockets + u64::from(config.database.connections_max) + ASIDE
}

/// How many a server may have: it takes for itself what the system allows at most. None where that cannot be seen.
pub(crate) fn allowed() -> Option<u64> {
    let (_, most) = getrlimit(Resource::RLIMIT_NOFILE).ok()?;
    Some(most)
}

/// Takes as many as the system allows, if the configuration may need them; says so where that is not enough.
pub(crate) fn take(config: &Config) {
    let wanted = needed(config);
    let Ok((now, most)) = getrlimit(Resource::RLIMIT_NOFILE) else {
        return;
    };
    if now >= wanted {
        return;
    }
    // No more than is needed: some programs that are started from here walk through all there could be.
    let taken = wanted.min(most);
    match setrlimit(Resource::RLIMIT_NOFILE, taken, most) {
        Ok(()) if taken == wanted => tracing::debug!(before = now, taken, "more file descriptors taken"),
        Ok(()) => tracing::warn!(
            allowed = taken,
            needed = wanted,
            "fewer file descriptors than limits.sockets_max may need; `botserver doctor` says what to do"
        ),
        Err(error) => tracing::warn!(error = %error, allowed = now, "file descriptors stay as they are"),
    }
}
