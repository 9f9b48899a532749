//! The cluster's folder: making it, its configuration, its log.
//!
//! A cluster is made in a sibling folder and renamed, so that it exists whole or not at all. Its configuration
//! is written anew at every start, so that it is a function of the program's settings and nothing else.

use std::{
    fs::{self, DirBuilder, File, OpenOptions},
    io::{self, Read, Seek, SeekFrom, Write},
    os::unix::fs::{DirBuilderExt, OpenOptionsExt, PermissionsExt, fchown},
    path::{Path, PathBuf},
    process::Stdio,
};

use nix::libc;

use crate::{Error, OWNER, Settings, account::Account, binaries::Binaries, error::At, runtime_folder};

/// Beyond this the log is set aside as `server.log.1`. It holds little: starts, stops and crashes.
const LOG_BYTES_MAX: u64 = 8 << 20;

/// Enough of the log for an error message: the last lines.
const TAIL_BYTES: u64 = 1500;

/// Makes the data folder where it is missing, such that the server's user can pass through it.
pub fn prepare_data_dir(data_dir: &Path, account: &Account) -> Result<PathBuf, Error> {
    if !data_dir.exists() {
        DirBuilder::new()
            .recursive(true)
            .mode(0o755)
            .create(data_dir)
            .at("make", data_dir)?;
        // Passing through is not reading: the folder also holds what only we may list.
        let mode = if account.foreign { 0o711 } else { 0o700 };
        fs::set_permissions(data_dir, fs::Permissions::from_mode(mode)).at("set the mode of", data_dir)?;
    }
    let data_dir = data_dir.canonicalize().at("find", data_dir)?;
    account.check_reachable(&data_dir)?;
    Ok(data_dir)
}

/// The major version that made the cluster; nothing where there is none yet.
pub fn version(cluster: &Path) -> Result<Option<u32>, Error> {
    let file = cluster.join("PG_VERSION");
    match fs::read_to_string(&file) {
        Ok(text) => match text.trim().parse() {
            Ok(major) => Ok(Some(major)),
            Err(_) => Err(Error::NotACluster {
                folder: cluster.to_path_buf(),
            }),
        },
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            // An empty folder, such as a mounted one, is as good as none.
            let used = fs::read_dir(cluster).is_ok_and(|mut entries| entries.next().is_some());
            if used {
                Err(Error::NotACluster {
                    folder: cluster.to_path_buf(),
                })
            } else {
                Ok(None)
            }
        }
        Err(error) => Err(error).at("read", file),
    }
}

/// Makes an empty cluster.
///
/// Its files are synced, although that takes half of the time: a file that nobody changes afterwards is never
/// synced again, and the loss of power in the first minute must not cost what was acknowledged by then. A
/// cluster that runs without `fsync` anyway is spared it.
pub fn make(cluster: &Path, binaries: &Binaries, account: &Account, synced: bool) -> Result<(), Error> {
    let unfinished = cluster.with_extension("new");
    match fs::remove_dir_all(&unfinished) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error).at("remove", unfinished),
        _ => DirBuilder::new()
            .mode(0o700)
            .create(&unfinished)
            .at("make", &unfinished)?,
    }
    runtime_folder::hand_over(&unfinished, account)?;

    let mut command = account.command(binaries.initdb());
    command.arg("--pgdata").arg(&unfinished);
    command.args([
        "--username",
        OWNER,
        "--auth=peer",
        "--data-checksums",
        "--no-instructions",
    ]);
    // Order by bytes: a new C library that sorts differently cannot damage an index. Letters by Unicode.
    command.args(["--encoding=UTF8", "--locale=C", "--lc-ctype=C.UTF-8"]);
    if !synced {
        command.arg("--no-sync");
    }
    let output = command
        .current_dir(&unfinished)
        .stdin(Stdio::null())
        .output()
        .at("run", binaries.initdb())?;
    if !output.status.success() {
        let output = one_line(&String::from_utf8_lossy(&output.stderr));
        return Err(Error::Initdb {
            program: binaries.initdb(),
            output,
        });
    }
    fs::rename(&unfinished, cluster).at("rename", &unfinished)?;
    let parent = cluster.parent().unwrap_or(cluster);
    File::open(parent)
        .and_then(|folder| folder.sync_all())
        .at("sync", parent)
}

/// The configuration files and their texts.
pub fn configuration(
    settings: &Settings,
    socket_dir: &Path,
    account: &Account,
) -> Result<Vec<(&'static str, String)>, Error> {
    let mut main =
        String::from("# Written at every start from the program's settings: changes here are lost.\n");
    let socket_dir = socket_dir.to_string_lossy();
    let port = settings.port.to_string();
    let own: &[(&str, &str)] = &[
        ("cluster_name", "botserver"),
        // Reachable through the socket only, and there only by users whom pg_ident.conf names.
        ("listen_addresses", ""),
        ("unix_socket_directories", &socket_dir),
        ("unix_socket_permissions", "0700"),
        ("port", &port),
        ("max_connections", "100"),
        ("shared_buffers", "128MB"),
        ("wal_compression", "on"),
        ("fsync", "on"),
        // A prepared transaction that nobody finishes would hold back the sequencer for ever.
        ("max_prepared_transactions", "0"),
        ("idle_in_transaction_session_timeout", "60s"),
        // Short statements gain nothing from being compiled.
        ("jit", "off"),
        ("timezone", "UTC"),
        // The log must never hold what people said. Errors go to the client, who asked; their text quotes
        // values, so here only the server's own messages (`log`) and worse are written, without statements.
        ("log_destination", "stderr"),
        ("logging_collector", "off"),
        ("log_min_messages", "log"),
        ("log_min_error_statement", "panic"),
        ("log_statement", "none"),
        ("log_parameter_max_length", "0"),
        ("log_parameter_max_length_on_error", "0"),
        ("log_error_verbosity", "terse"),
        ("log_checkpoints", "off"),
        ("log_timezone", "UTC"),
        ("log_line_prefix", "%m [%p] "),
    ];
    let given = settings
        .parameters
        .iter()
        .map(|(name, value)| (name.as_str(), value.as_str()));
    // The last of several lines counts, so what the caller gives comes after ours.
    for (name, value) in own.iter().copied().chain(given) {
        main.push_str(&line(name, value)?);
    }

    let mut ident = String::from("# map  system user  role\n");
    for role in std::iter::once(OWNER).chain(settings.roles.iter().map(String::as_str)) {
        // One line per role: before version 16 a map knows no "any role".
        ident.push_str(&format!(
            "botserver {} {}\n",
            quoted(&account.client)?,
            quoted(role)?
        ));
    }
    Ok(vec![
        ("postgresql.conf", main),
        ("pg_hba.conf", "local all all peer map=botserver\n".to_owned()),
        ("pg_ident.conf", ident),
    ])
}

/// Whether the cluster was last started with exactly this configuration.
pub fn is_configured(cluster: &Path, files: &[(&'static str, String)]) -> bool {
    files
        .iter()
        .all(|(name, text)| fs::read_to_string(cluster.join(name)).is_ok_and(|found| found == *text))
}

pub fn configure(cluster: &Path, files: &[(&'static str, String)], account: &Account) -> Result<(), Error> {
    for (name, text) in files {
        let path = cluster.join(name);
        let unfinished = cluster.join(format!("{name}.new"));
        if let Err(error) = fs::remove_file(&unfinished)
            && error.kind() != io::ErrorKind::NotFound
        {
            return Err(error).at("remove", unfinished);
        }
        // Created, not opened: the folder belongs to another user, who might have left a link there.
        let mut file = OpenOptions::new()
            .write(true)
            .create_new(true)
            .mode(0o600)
            .open(&unfinished)
            .at("write", &path)?;
        file.write_all(text.as_bytes()).at("write", &path)?;
        give(&file, account).at("hand over", &path)?;
        fs::rename(&unfinished, &path).at("write", &path)?;
    }
    Ok(())
}

/// The server's log, opened for appending, and where the coming messages begin.
pub fn open_log(cluster: &Path, account: &Account) -> Result<(File, u64), Error> {
    let path = log_path(cluster);
    let file = OpenOptions::new()
        .append(true)
        .create(true)
        .mode(0o600)
        .custom_flags(libc::O_NOFOLLOW)
        .open(&path)
        .at("write", &path)?;
    give(&file, account).at("hand over", &path)?;
    let start = file.metadata().at("look at", &path)?.len();
    Ok((file, start))
}

pub fn log_path(cluster: &Path) -> PathBuf {
    cluster.join("server.log")
}

/// Sets a log that has grown too long aside.
///
/// The server keeps its file open for appending, so the text is copied and the file cut, not renamed.
pub fn trim_log(cluster: &Path) {
    let path = log_path(cluster);
    let long = fs::symlink_metadata(&path).is_ok_and(|found| found.is_file() && found.len() > LOG_BYTES_MAX);
    if !long {
        return;
    }
    let aside = path.with_extension("log.1");
    // A link there, left by whoever owns the folder, would be followed by the copy: first make it a new file.
    let _ = fs::remove_file(&aside);
    let cut = fs::copy(&path, &aside)
        .and_then(|_| {
            OpenOptions::new()
                .write(true)
                .custom_flags(libc::O_NOFOLLOW)
                .open(&path)
        })
        .and_then(|file| file.set_len(0));
    if let Err(error) = cut {
        tracing::warn!(%error, "could not shorten the log of postgresql");
    }
}

/// The last lines of what was logged from `start` on, as one line.
pub fn log_tail(cluster: &Path, start: u64) -> String {
    let read = || -> io::Result<String> {
        let mut file = File::open(log_path(cluster))?;
        let end = file.metadata()?.len();
        file.seek(SeekFrom::Start(start.max(end.saturating_sub(TAIL_BYTES))))?;
        let mut bytes = Vec::new();
        file.take(TAIL_BYTES).read_to_end(&mut bytes)?;
        Ok(one_line(&String::from_utf8_lossy(&bytes)))
    };
    match read() {
        Ok(text) if text.is_empty() => "(nothing)".to_owned(),
        Ok(text) => text,
        Err(error) => format!("(unreadable: {error})"),
    }
}

fn give(file: &File, account: &Account) -> io::Result<()> {
    if account.foreign {
        fchown(file, Some(account.uid), Some(account.gid))
    } else {
        Ok(())
    }
}

fn one_line(text: &str) -> String {
    text.lines()
        .map(str::trim)
        .filter(|line| !line.is_empty())
        .collect::<Vec<_>>()
        .join(" | ")
}

fn line(name: &str, value: &str) -> Result<String, Error> {
    let plain = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == '.';
    if name.is_empty() || !name.chars().all(plain) || value.chars().any(char::is_control) {
        return Err(Error::Parameter {
            name: name.to_owned(),
            value: value.to_owned(),
        });
    }
    Ok(format!(
        "{name} = '{}'\n",
        value.replace('\\', "\\\\").replace('\'', "''")
    ))
}

fn quoted(name: &str) -> Result<String, Error> {
    // A leading slash would make it a pattern.
    if name.is_empty() || name.starts_with('/') || name.contains(['"', '\\', '\n']) {
        return Err(Error::Parameter {
            name: "role or user".to_owned(),
            value: name.to_owned(),
        });
    }
    Ok(format!("\"{name}\""))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_cannot_break_out_of_its_line() {
        assert_eq!(line("a.b", r"it's \n").unwrap(), "a.b = 'it''s \\\\n'\n");
        assert!(line("port", "1\nfsync = off").is_err());
        assert!(line("port = 1 #", "1").is_err());
        assert!(quoted("a\" \"b").is_err());
        assert!(quoted("/^(.*)$").is_err());
    }

    #[test]
    fn a_folder_with_something_else_in_it_is_no_cluster() {
        let folder = tempfile::tempdir().unwrap();
        let cluster = folder.path().join("postgres");
        assert!(matches!(version(&cluster), Ok(None)));
        fs::create_dir(&cluster).unwrap();
        assert!(matches!(version(&cluster), Ok(None)));
        fs::write(cluster.join("photo"), "").unwrap();
        assert!(matches!(version(&cluster), Err(Error::NotACluster { .. })));
        fs::write(cluster.join("PG_VERSION"), "15\n").unwrap();
        assert!(matches!(version(&cluster), Ok(Some(15))));
    }
}
