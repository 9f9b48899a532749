//! Dropping databases: those of tests that ended, and those of programs that did not get to it.
//!
//! A database's name tells which program made it and when. A thread drops databases one after another beside
//! the tests; what is left at the end of the program, the next one finds and drops, as its maker is gone.

use std::{
    fs,
    path::Path,
    sync::{
        OnceLock,
        mpsc::{Receiver, Sender, channel},
    },
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use sqlx::{Connection, PgConnection, postgres::PgConnectOptions};

use crate::shared;

/// A process number may have been given out again, so even a living maker does not keep a database for ever.
const AGE_MAX: Duration = Duration::from_secs(24 * 3600);

pub fn database_name(pid: u32, number: u32) -> String {
    format!("t_{pid}_{}_{number}", seconds_now())
}

/// Drops a database beside the running tests. `options` reach another one of the same cluster, as the owner.
///
/// They come along because leftovers are found before this program has attached to the cluster.
pub fn drop_later(options: PgConnectOptions, name: String) {
    static THREAD: OnceLock<Sender<(PgConnectOptions, String)>> = OnceLock::new();
    let names = THREAD.get_or_init(|| {
        let (names, queue) = channel();
        std::thread::spawn(move || drop_all(&queue));
        names
    });
    // Without the thread the database stays for the next program: that is what leftovers are.
    let _ = names.send((options, name));
}

fn drop_all(queue: &Receiver<(PgConnectOptions, String)>) {
    let Ok(runtime) = tokio::runtime::Builder::new_current_thread().enable_all().build() else {
        return;
    };
    for (options, name) in queue {
        let statement = format!(r#"drop database if exists "{name}" with (force)"#);
        // Refused when the cluster was stopped meanwhile, which dropped it all the same.
        let _ = runtime.block_on(shared::execute_with(&options, &statement));
    }
}

/// Finds the databases and folders whose makers are gone, and drops them.
pub async fn clear(options: &PgConnectOptions, folder: &Path) {
    let names = async {
        let mut connection = PgConnection::connect_with(options).await?;
        let names: Vec<String> =
            sqlx::query_scalar(r"select datname::text from pg_database where datname like 't\_%'")
                .fetch_all(&mut connection)
                .await?;
        connection.close().await?;
        Ok::<_, sqlx::Error>(names)
    };
    for name in names.await.expect("the server of the tests answers") {
        if is_left_over(&name, seconds_now(), runs) {
            drop_later(options.clone(), name);
        }
    }
    let Ok(clusters) = fs::read_dir(folder.join("clusters")) else {
        return;
    };
    for cluster in clusters.flatten() {
        let name = cluster.file_name();
        let pid = name
            .to_str()
            .and_then(|name| name.split('_').nth(1)?.parse().ok());
        if pid.is_some_and(|pid| !runs(pid)) {
            // Its server, if it still runs, ends by itself when its files are gone.
            let _ = fs::remove_dir_all(cluster.path());
        }
    }
}

fn is_left_over(name: &str, now: u64, runs: impl Fn(u32) -> bool) -> bool {
    let mut parts = name.split('_').skip(1);
    let pid = parts.next().and_then(|text| text.parse().ok());
    let made_at = parts.next().and_then(|text| text.parse::<u64>().ok());
    let (Some(pid), Some(made_at)) = (pid, made_at) else {
        return false;
    };
    !runs(pid) || now.saturating_sub(made_at) > AGE_MAX.as_secs()
}

fn runs(pid: u32) -> bool {
    Path::new(&format!("/proc/{pid}")).exists()
}

fn seconds_now() -> u64 {
    SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .map_or(0, |since| since.as_secs())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_database_is_left_over_when_its_maker_is_gone_or_it_is_a_day_old() {
        let check = |name: &str, runs: bool| is_left_over(name, 100_000, |_| runs);
        assert!(!check("t_7_99000_0", true));
        assert!(check("t_7_99000_0", false));
        assert!(check("t_7_1000_0", true));
        assert!(!check("t_other", false));
        assert!(!is_left_over(&database_name(7, 1), seconds_now(), |_| true));
    }
}
