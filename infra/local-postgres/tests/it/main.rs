//! The server's life: started, stopped, killed, found again. Needs the PostgreSQL binaries.

use std::{
    fs,
    os::unix::fs::{MetadataExt, PermissionsExt},
    path::Path,
    time::{Duration, Instant},
};

use local_postgres::{Beside, Error, OWNER, Server, Settings};
use sqlx::{Connection, PgConnection};
use tempfile::TempDir;

/// A folder that the server's user can enter, unlike `tempdir`'s 0700.
fn folder() -> TempDir {
    let folder = tempfile::Builder::new()
        .prefix("local-postgres-")
        .tempdir()
        .unwrap();
    fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o711)).unwrap();
    folder
}

fn settings(folder: &Path) -> Settings {
    Settings {
        roles: vec!["reader".into(), "absent".into()],
        ..Settings::new(folder.join("data"))
    }
}

async fn connect(server: &Server, role: &str) -> Result<PgConnection, sqlx::Error> {
    PgConnection::connect_with(&server.connect_options(role, "postgres")).await
}

async fn run(server: &Server, statement: &str) {
    let mut connection = connect(server, OWNER).await.unwrap();
    sqlx::raw_sql(statement).execute(&mut connection).await.unwrap();
}

async fn count(server: &Server) -> i64 {
    let mut connection = connect(server, OWNER).await.unwrap();
    sqlx::query_scalar("select count(*) from notes")
        .fetch_one(&mut connection)
        .await
        .unwrap()
}

fn kill(pid: i32, signal: &str) {
    assert!(
        std::process::Command::new("kill")
            .args([signal, &pid.to_string()])
            .status()
            .unwrap()
            .success()
    );
}

#[tokio::test]
async fn what_was_written_is_there_after_stop_and_start() {
    let folder = folder();
    let server = Server::start(settings(folder.path())).await.unwrap();
    run(
        &server,
        "create role reader login; create table notes (text text); insert into notes values ('a')",
    )
    .await;
    connect(&server, "reader").await.unwrap();
    server.stop().await.unwrap();

    let since = Instant::now();
    let server = Server::start(settings(folder.path())).await.unwrap();
    assert!(since.elapsed() < Duration::from_secs(3), "{:?}", since.elapsed());
    assert!(!server.adopted());
    assert_eq!(count(&server).await, 1);
    server.stop().await.unwrap();
}

#[tokio::test]
async fn only_the_named_roles_are_let_in_and_nothing_listens() {
    let folder = folder();
    let server = Server::start(settings(folder.path())).await.unwrap();
    run(&server, "create role stranger login superuser").await;
    let refused = connect(&server, "stranger").await.unwrap_err().to_string();
    assert!(refused.contains("eer authentication failed"), "{refused}");
    let refused = connect(&server, "absent").await.unwrap_err().to_string();
    assert!(refused.contains("does not exist"), "{refused}");

    let socket_dir = fs::metadata(server.socket_dir()).unwrap();
    assert_eq!(socket_dir.mode() & 0o777, 0o700);
    let mut connection = connect(&server, OWNER).await.unwrap();
    for (name, expected) in [
        ("listen_addresses", ""),
        ("data_checksums", "on"),
        ("fsync", "on"),
        ("server_encoding", "UTF8"),
        ("lc_collate", "C"),
        ("lc_ctype", "C.UTF-8"),
        ("max_prepared_transactions", "0"),
    ] {
        let value: String = sqlx::query_scalar("select coalesce(current_setting($1, true), (select case $1 when 'lc_collate' then datcollate else datctype end::text from pg_database where datname = 'postgres'))")
            .bind(name)
            .fetch_one(&mut connection)
            .await
            .unwrap();
        assert_eq!(value, expected, "{name}");
    }
    server.stop().await.unwrap();
}

#[tokio::test]
async fn the_log_never_quotes_what_was_written() {
    let folder = folder();
    let server = Server::start(settings(folder.path())).await.unwrap();
    let mut connection = connect(&server, OWNER).await.unwrap();
    for statement in [
        "select 'confidential'::int",
        "select confidential",
        "do $$ begin raise exception 'confidential'; end $$",
    ] {
        assert!(sqlx::raw_sql(statement).execute(&mut connection).await.is_err());
    }
    let log = fs::read_to_string(server.cluster().join("server.log")).unwrap();
    assert!(log.contains("ready to accept connections"), "{log}");
    assert!(!log.contains("confidential"), "{log}");
    server.stop().await.unwrap();
}

#[tokio::test]
async fn a_killed_server_is_noticed_and_recovers() {
    let folder = folder();
    let server = Server::start(settings(folder.path())).await.unwrap();
    run(
        &server,
        "create table notes (text text); insert into notes values ('a')",
    )
    .await;
    kill(server.pid(), "-KILL");
    tokio::time::timeout(Duration::from_secs(10), server.exited())
        .await
        .unwrap();
    drop(server);

    let server = Server::start(settings(folder.path())).await.unwrap();
    assert_eq!(count(&server).await, 1);
    server.kill_immediately().await.unwrap();

    let server = Server::start(settings(folder.path())).await.unwrap();
    assert_eq!(count(&server).await, 1);
    server.stop().await.unwrap();
}

#[tokio::test]
async fn a_pid_file_that_names_another_process_does_not_hinder() {
    let folder = folder();
    let server = Server::start(settings(folder.path())).await.unwrap();
    let cluster = server.cluster().to_path_buf();
    let text = fs::read_to_string(cluster.join("postmaster.pid")).unwrap();
    let old = server.pid().to_string();
    server.kill_immediately().await.unwrap();
    // A process of the server's user that has nothing to do with it, as after a restart of the machine.
    let owner = fs::metadata(&cluster).unwrap().uid();
    let mut stranger = {
        use std::os::unix::process::CommandExt;
        let mut command = std::process::Command::new("sleep");
        command.arg("60");
        if fs::metadata("/proc/self").unwrap().uid() == 0 {
            command.uid(owner);
        }
        command.spawn().unwrap()
    };
    fs::write(
        cluster.join("postmaster.pid"),
        text.replacen(&old, &stranger.id().to_string(), 1),
    )
    .unwrap();
    let server = Server::start(settings(folder.path())).await.unwrap();
    assert!(!server.adopted());
    server.stop().await.unwrap();
    stranger.kill().unwrap();
    stranger.wait().unwrap();
}

#[tokio::test]
async fn an_orphan_is_taken_over_and_one_with_other_settings_is_started_anew() {
    let folder = folder();
    let server = Server::start(settings(folder.path())).await.unwrap();
    let pid = server.pid();
    run(
        &server,
        "create table notes (text text); insert into notes values ('a')",
    )
    .await;
    server.leave_running();

    let server = Server::start(settings(folder.path())).await.unwrap();
    assert!(server.adopted());
    assert_eq!(server.pid(), pid);
    assert_eq!(count(&server).await, 1);
    server.leave_running();

    let mut other = settings(folder.path());
    other.parameters.push(("work_mem".into(), "8MB".into()));
    let server = Server::start(other).await.unwrap();
    assert!(!server.adopted());
    assert_ne!(server.pid(), pid);
    assert_eq!(count(&server).await, 1);
    let pid = server.pid();
    kill(pid, "-INT");
    tokio::time::timeout(Duration::from_secs(10), server.exited())
        .await
        .unwrap();
}

#[tokio::test]
async fn a_dropped_server_stops_and_the_next_start_waits_for_it() {
    let folder = folder();
    let server = Server::start(settings(folder.path())).await.unwrap();
    let pid = server.pid();
    drop(server);
    let server = Server::start(settings(folder.path())).await.unwrap();
    // Either the old one had ended, or it was told to end and cannot be taken over for long.
    assert_ne!(server.pid(), pid);
    server.stop().await.unwrap();
}

#[tokio::test]
async fn two_programs_cannot_share_a_data_folder() {
    let folder = folder();
    let server = Server::start(settings(folder.path())).await.unwrap();
    let refused = Server::start(settings(folder.path())).await.unwrap_err();
    assert!(matches!(refused, Error::Busy { .. }), "{refused}");
    server.stop().await.unwrap();
}

#[tokio::test]
async fn a_command_finds_the_server_that_runs_beside_it() {
    let folder = folder();
    let settings = settings(folder.path());
    assert!(
        Beside::find(&settings).await.unwrap().is_none(),
        "there is not even a folder"
    );
    let starting = tokio::spawn(Server::start(settings.clone()));
    while !folder.path().join("data/postgres.lock").exists() {
        tokio::task::yield_now().await;
    }
    // Waits where the start is still under way.
    let (found, server) = tokio::join!(Beside::find(&settings), starting);
    let server = server.unwrap().unwrap();
    let found = match found.unwrap() {
        Some(found) => found,
        // The file is there a moment before it is locked.
        None => Beside::find(&settings).await.unwrap().expect("the server runs"),
    };
    PgConnection::connect_with(&found.connect_options(OWNER, "postgres"))
        .await
        .unwrap();
    server.stop().await.unwrap();
    assert!(Beside::find(&settings).await.unwrap().is_none());
}

#[tokio::test]
async fn half_a_cluster_is_made_again() {
    let folder = folder();
    fs::create_dir_all(folder.path().join("data/postgres.new/base")).unwrap();
    fs::set_permissions(folder.path().join("data"), fs::Permissions::from_mode(0o711)).unwrap();
    let server = Server::start(settings(folder.path())).await.unwrap();
    assert!(!folder.path().join("data/postgres.new").exists());
    server.stop().await.unwrap();
}

#[tokio::test]
async fn what_cannot_work_is_said_in_words() {
    let folder = folder();
    let empty = folder.path().join("empty");
    fs::create_dir(&empty).unwrap();
    let refused = Server::start(Settings {
        binaries: Some(empty),
        ..settings(folder.path())
    })
    .await
    .unwrap_err();
    assert!(refused.to_string().contains("package `postgresql`"), "{refused}");

    let mut wrong = settings(folder.path());
    wrong.parameters.push(("shared_buffers".into(), "plenty".into()));
    let refused = Server::start(wrong).await.unwrap_err().to_string();
    assert!(refused.contains("shared_buffers"), "{refused}");

    let cluster = folder.path().join("data/postgres");
    fs::write(cluster.join("PG_VERSION"), "9\n").unwrap();
    let refused = Server::start(settings(folder.path())).await.unwrap_err();
    assert!(
        matches!(refused, Error::VersionMismatch { made_by: 9, .. }),
        "{refused}"
    );
}

#[tokio::test]
async fn root_hands_the_files_over_and_sees_when_a_parent_bars_the_way() {
    if fs::metadata("/proc/self").unwrap().uid() != 0 {
        return;
    }
    let folder = folder();
    let server = Server::start(settings(folder.path())).await.unwrap();
    assert_ne!(fs::metadata(server.cluster()).unwrap().uid(), 0);
    assert_ne!(fs::metadata(format!("/proc/{}", server.pid())).unwrap().uid(), 0);
    assert_eq!(fs::metadata(folder.path().join("data")).unwrap().uid(), 0);
    server.stop().await.unwrap();

    let private = folder.path().join("private");
    fs::create_dir(&private).unwrap();
    fs::set_permissions(&private, fs::Permissions::from_mode(0o700)).unwrap();
    let refused = Server::start(Settings::new(private.join("data")))
        .await
        .unwrap_err();
    assert!(
        matches!(&refused, Error::Unreachable { folder, .. } if *folder == private),
        "{refused}"
    );
}
