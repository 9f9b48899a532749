//! The process in which documents of strangers are read: with little memory, little time, and nothing else.

use std::path::PathBuf;

use anyhow::Context as _;
use documents::pdf::{Isolated, serve};
use nix::sys::resource::{Resource, setrlimit};

/// The word of the command line that this is.
pub const VERB: &str = "read-document";

/// Bytes of addresses, of which the allocator takes more than it uses.
const MEMORY_BYTES_MAX: u64 = 3 << 30;
const SECONDS_MAX: u64 = 20;

/// How this program is started to read a document.
pub fn isolated() -> Isolated {
    Isolated {
        program: std::env::current_exe().unwrap_or_else(|_| PathBuf::from("botserver")),
        arguments: vec![VERB.to_owned()],
    }
}

/// Answers what comes on the standard input, and ends.
pub fn read() -> anyhow::Result<()> {
    for (resource, most) in [
        (Resource::RLIMIT_AS, MEMORY_BYTES_MAX),
        (Resource::RLIMIT_CPU, SECONDS_MAX),
        (Resource::RLIMIT_FSIZE, 0),
        (Resource::RLIMIT_CORE, 0),
        (Resource::RLIMIT_NOFILE, 16),
    ] {
        setrlimit(resource, most, most).with_context(|| format!("{resource:?} cannot be limited"))?;
    }
    serve(&mut std::io::stdin().lock(), &mut std::io::stdout().lock())?;
    Ok(())
}
