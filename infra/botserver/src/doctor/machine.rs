//! The machine: its clock, its file descriptors, the port.

use std::fs;
use std::io;
use std::net::TcpListener;
use std::path::Path;

use chrono::{DateTime, Datelike as _, Utc};

use super::Finding;
use crate::config::Config;
use crate::descriptors;

/// Years in which this version is run; outside them the clock was never set.
const YEARS: std::ops::RangeInclusive<i32> = 2025..=2100;

/// Fewer do not even carry a small server.
const DESCRIPTORS_MIN: u64 = 256;

pub(super) fn clock(now: DateTime<Utc>) -> Finding {
    const CHECK: &str = "clock";
    let text = now.format("%Y-%m-%d %H:%M:%S UTC").to_string();
    if YEARS.contains(&now.year()) {
        Finding::ok(CHECK, text)
    } else {
        let mend = "set the clock and keep it: timedatectl set-ntp true";
        Finding::problem(CHECK, format!("{text} cannot be right"), mend)
    }
}

pub(super) fn file_descriptors(config: &Config) -> Finding {
    const CHECK: &str = "file descriptors";
    let Some(limit) = descriptors::allowed() else {
        return Finding::warning(CHECK, "their limit cannot be seen here", "look at `ulimit -Hn`");
    };
    let sockets = config.limits.sockets_max;
    let needed = descriptors::needed(config);
    let text = format!("{limit} allowed, {needed} needed at {sockets} sockets");
    let mend = format!(
        "allow more (`ulimit -Hn {needed}`, in a unit LimitNOFILE={needed}), or set limits.sockets_max lower"
    );
    if limit < DESCRIPTORS_MIN {
        Finding::problem(CHECK, text, mend)
    } else if limit < needed {
        Finding::warning(CHECK, text, mend)
    } else {
        Finding::ok(CHECK, text)
    }
}

pub(super) fn port(config: &Config) -> Finding {
    const CHECK: &str = "port";
    let (host, port) = (config.server.host.as_str(), config.server.port);
    let place = format!("port {port} of {host}");
    let error = match TcpListener::bind((host, port)) {
        Ok(_) if port == 0 => return Finding::ok(CHECK, format!("every start takes a free one of {host}")),
        Ok(_) => return Finding::ok(CHECK, format!("{place} is free")),
        Err(error) => error,
    };
    match error.kind() {
        io::ErrorKind::AddrInUse => taken(config, &place),
        io::ErrorKind::AddrNotAvailable => Finding::problem(
            CHECK,
            format!("{host} is no address of this machine"),
            "set server.host to one, for example 127.0.0.1, or 0.0.0.0 for all",
        ),
        io::ErrorKind::PermissionDenied => Finding::problem(
            CHECK,
            format!("{place} is only for root"),
            "set server.port to 1024 or more, or give the program the right: \
             setcap cap_net_bind_service=+ep botserver",
        ),
        _ => Finding::problem(
            CHECK,
            format!("{place} cannot be listened on ({error})"),
            "set server.host to an address or name of this machine",
        ),
    }
}

fn taken(config: &Config, place: &str) -> Finding {
    const CHECK: &str = "port";
    let mend = "stop that program, or set server.port to another port";
    let Some(holder) = Holder::of(config.server.port) else {
        return Finding::problem(
            CHECK,
            format!("{place} is taken by a program of another user"),
            mend,
        );
    };
    if holder.ours(config) {
        return Finding::ok(
            CHECK,
            format!("{place} is held by this server (process {})", holder.pid),
        );
    }
    let text = format!("{place} is taken by {} (process {})", holder.name, holder.pid);
    Finding::problem(CHECK, text, mend)
}

/// The process that listens on a port.
struct Holder {
    pid: String,
    name: String,
}

impl Holder {
    /// Found by the number that the kernel gives a socket. Nothing where we may not look into the process.
    fn of(port: u16) -> Option<Holder> {
        let sockets: Vec<String> = ["/proc/net/tcp", "/proc/net/tcp6"]
            .iter()
            .filter_map(|path| fs::read_to_string(path).ok())
            .flat_map(|table| listening(&table, port))
            .map(|inode| format!("socket:[{inode}]"))
            .collect();
        let processes = fs::read_dir("/proc").ok()?.flatten();
        processes
            .filter_map(|process| process.file_name().into_string().ok())
            .filter(|name| name.bytes().all(|byte| byte.is_ascii_digit()))
            .find(|pid| opened(pid, |file| sockets.iter().any(|socket| Path::new(socket) == file)))
            .map(|pid| Holder {
                name: name_of(&pid),
                pid,
            })
    }

    /// Whether it is the server of this configuration.
    fn ours(&self, config: &Config) -> bool {
        if self.name != name_of("self") {
            return false;
        }
        // With a private database the lock tells which data folder a server works in.
        config.database.url.is_some()
            || config.data_dir.canonicalize().is_ok_and(|folder| {
                let lock = folder.join("postgres.lock");
                opened(&self.pid, |file| file == lock)
            })
    }
}

fn opened(pid: &str, sought: impl Fn(&Path) -> bool) -> bool {
    let Ok(files) = fs::read_dir(format!("/proc/{pid}/fd")) else {
        return false;
    };
    files
        .flatten()
        .filter_map(|file| fs::read_link(file.path()).ok())
        .any(|file| sought(&file))
}

fn name_of(pid: &str) -> String {
    let name = fs::read_to_string(format!("/proc/{pid}/comm")).unwrap_or_default();
    name.trim().to_owned()
}

/// Numbers of the sockets that listen on a port, of a table as in `/proc/net/tcp`.
fn listening(table: &str, port: u16) -> Vec<String> {
    const LISTENS: &str = "0A";
    let end = format!(":{port:04X}");
    table
        .lines()
        .map(|line| line.split_whitespace().collect::<Vec<_>>())
        .filter(|fields| fields.len() > 9 && fields[1].ends_with(&end) && fields[3] == LISTENS)
        .map(|fields| fields[9].to_owned())
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::doctor::State;

    #[test]
    fn a_clock_that_was_never_set_is_a_problem() {
        assert_eq!(clock(DateTime::UNIX_EPOCH).state, State::Problem);
        assert_eq!(clock(Utc::now()).state, State::Ok);
    }

    #[test]
    fn the_holder_of_a_port_is_found() {
        let listener = TcpListener::bind(("127.0.0.1", 0)).expect("a port");
        let port = listener.local_addr().expect("its address").port();
        let holder = Holder::of(port).expect("this process");
        assert_eq!(holder.pid, std::process::id().to_string());
    }
}
