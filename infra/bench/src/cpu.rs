//! CPU time of every process that takes part.

use std::fs;

use anyhow::Context as _;

/// What `/proc` counts in: `sysconf(_SC_CLK_TCK)`, which Linux has fixed at 100 for programs.
const TICKS_PER_SECOND: f64 = 100.0;

/// Seconds of this process, of the children it has waited for, and of a PostgreSQL server, by now.
///
/// A session's time moves to the server's own when it ends, so a difference of two calls misses nothing.
pub fn seconds(postmaster: i32) -> anyhow::Result<f64> {
    let own = Times::of("self")?;
    let server = Times::of(&postmaster.to_string())?;
    let mut ticks = own.with_children() + server.with_children();
    for entry in fs::read_dir("/proc")? {
        let name = entry?.file_name();
        let Some(pid) = name
            .to_str()
            .filter(|name| name.bytes().all(|byte| byte.is_ascii_digit()))
        else {
            continue;
        };
        // One that ended since it was listed is in its parent's time by now, or will be at the next look.
        if let Ok(process) = Times::of(pid)
            && process.parent == postmaster
        {
            ticks += process.own;
        }
    }
    Ok(ticks as f64 / TICKS_PER_SECOND)
}

/// Ticks of a process, in user and system mode together.
struct Times {
    parent: i32,
    own: u64,
    children: u64,
}

impl Times {
    fn of(process: &str) -> anyhow::Result<Times> {
        let stat = fs::read_to_string(format!("/proc/{process}/stat"))?;
        // The second field is the program's name in parentheses, and may hold anything.
        let (_, rest) = stat.rsplit_once(") ").context("a process without a name")?;
        let fields: Vec<&str> = rest.split(' ').collect();
        let ticks = |field: usize| -> anyhow::Result<u64> {
            let text = fields.get(field).context("a process with too few fields")?;
            Ok(text.parse()?)
        };
        Ok(Times {
            parent: fields.get(1).context("a process without a parent")?.parse()?,
            own: ticks(11)? + ticks(12)?,
            children: ticks(13)? + ticks(14)?,
        })
    }

    fn with_children(&self) -> u64 {
        self.own + self.children
    }
}
