//! A process of PostgreSQL, told apart from a later one that got the same number.

use std::{
    fs,
    os::unix::fs::MetadataExt,
    path::Path,
    time::{Duration, Instant},
};

use nix::{
    sys::signal::{Signal, kill},
    unistd::Pid,
};

/// How often a process that is not our child is looked at. Its end cannot be waited for.
const POLL: Duration = Duration::from_millis(10);

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Process {
    pub pid: i32,
    /// Ticks since the start of the system: with it a number that was given out again is noticed.
    started_ticks: u64,
}

/// Whether a process has its working folder in a cluster, as every process of PostgreSQL has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Residence {
    Here,
    Elsewhere,
    /// A PostgreSQL process that we may not inspect: root in a container often lacks that right.
    Unknown,
}

impl Process {
    /// The living process of that number; a zombie does not count as one.
    pub fn find(pid: i32) -> Option<Self> {
        let (state, started_ticks) = stat(pid)?;
        (!matches!(state, 'Z' | 'X')).then_some(Process { pid, started_ticks })
    }

    pub fn alive(self) -> bool {
        Process::find(self.pid) == Some(self)
    }

    pub fn residence(self, cluster: &Path, owner: u32) -> Residence {
        let folder = format!("/proc/{}", self.pid);
        if fs::metadata(&folder).is_ok_and(|found| found.uid() != owner) {
            return Residence::Elsewhere;
        }
        match fs::read_link(format!("{folder}/cwd")) {
            Ok(place) if place == cluster => Residence::Here,
            Ok(_) => Residence::Elsewhere,
            Err(_) => match fs::read_to_string(format!("{folder}/comm")) {
                Ok(name) if name.trim_end() == "postgres" => Residence::Unknown,
                _ => Residence::Elsewhere,
            },
        }
    }

    /// Signals the process, if it is still there.
    pub fn signal(self, signal: Signal) {
        if self.alive()
            && let Err(error) = kill(Pid::from_raw(self.pid), signal)
        {
            tracing::warn!(pid = self.pid, %signal, %error, "could not signal postgresql");
        }
    }

    /// Waits for the end of the process; false where it still lives after `patience`.
    pub async fn ends_within(self, patience: Duration) -> bool {
        let since = Instant::now();
        while self.alive() {
            if since.elapsed() > patience {
                return false;
            }
            tokio::time::sleep(POLL).await;
        }
        true
    }

    /// The same where no runtime may be at hand, as in `drop`.
    pub fn ends_within_blocking(self, patience: Duration) -> bool {
        let since = Instant::now();
        while self.alive() {
            if since.elapsed() > patience {
                return false;
            }
            std::thread::sleep(POLL);
        }
        true
    }
}

/// The processes that work in a cluster, or may do so.
pub fn residents(cluster: &Path, owner: u32) -> Vec<(Process, Residence)> {
    let Ok(entries) = fs::read_dir("/proc") else {
        return Vec::new();
    };
    entries
        .flatten()
        .filter_map(|entry| entry.file_name().to_str()?.parse().ok())
        .filter_map(Process::find)
        .map(|process| (process, process.residence(cluster, owner)))
        .filter(|(_, residence)| *residence != Residence::Elsewhere)
        .collect()
}

/// State and start time of a process.
fn stat(pid: i32) -> Option<(char, u64)> {
    parse_stat(&fs::read_to_string(format!("/proc/{pid}/stat")).ok()?)
}

/// Fields 3 and 22. The name before them, in parentheses, may itself hold spaces and parentheses.
fn parse_stat(text: &str) -> Option<(char, u64)> {
    let mut fields = text.rsplit_once(')')?.1.split_whitespace();
    let state = fields.next()?.chars().next()?;
    let started = fields.nth(18)?.parse().ok()?;
    Some((state, started))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_process_name_with_parentheses_does_not_confuse() {
        let text = "7 (a) b) S 1 7 7 0 -1 4 0 0 0 0 1 2 0 0 20 0 1 0 4711 1 1";
        assert_eq!(parse_stat(text), Some(('S', 4711)));
    }

    #[test]
    fn we_live_and_a_child_that_ended_does_not() {
        let us = Process::find(std::process::id().cast_signed()).unwrap();
        assert!(us.alive());
        let mut child = std::process::Command::new("true").spawn().unwrap();
        let pid = child.id().cast_signed();
        // Not yet waited for: the system still knows its number, as that of a zombie.
        while Process::find(pid).is_some() {
            std::thread::yield_now();
        }
        assert!(child.wait().unwrap().success());
    }
}
