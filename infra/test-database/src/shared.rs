//! The cluster that all test programs of a user share, and the template in it.
//!
//! 1. Starting, making the template and stopping happen under one file lock (`lock`), so that programs that
//!    begin at the same moment do not get in each other's way. Between programs the server just runs on.
//! 2. A program holds a shared lock (`users`) for as long as it lives; the cluster is stopped only when nobody
//!    does, so that the end of one test run does not end another.
//! 3. The template's name holds a digest of the migrations: another content is another template, and two
//!    checkouts may test at the same time.

use std::{
    fs::{self, File},
    io,
    os::unix::fs::{MetadataExt, PermissionsExt},
    path::{Path, PathBuf},
};

use local_postgres::{OWNER, Server, Settings};
use nix::unistd::Uid;
use sqlx::{Connection, Executor, PgConnection, PgPool, postgres::PgConnectOptions};
use tokio::sync::OnceCell;

use crate::{ROLES, leftovers};

pub const PORT: u16 = 5432;

struct Shared {
    /// Held until the program ends.
    _user: File,
    options: PgConnectOptions,
    socket_dir: PathBuf,
    template: String,
}

static SHARED: OnceCell<Shared> = OnceCell::const_new();

/// The name of the migrated template; starts the cluster where it does not run.
pub async fn template() -> &'static str {
    &SHARED.get_or_init(attach).await.template
}

fn attached() -> &'static Shared {
    SHARED
        .get()
        .expect("a TestDatabase exists only after the cluster was attached to")
}

pub fn socket_dir() -> &'static Path {
    &attached().socket_dir
}

pub fn connect_options(role: &str, database: &str) -> PgConnectOptions {
    attached().options.clone().username(role).database(database)
}

/// Executes a statement that cannot take parameters, as the owner.
pub async fn execute(database: &str, statement: &str) -> Result<(), sqlx::Error> {
    execute_with(&connect_options(OWNER, database), statement).await
}

/// The same on a connection of one's own.
pub async fn execute_with(options: &PgConnectOptions, statement: &str) -> Result<(), sqlx::Error> {
    let mut connection = PgConnection::connect_with(options).await?;
    connection.execute(statement).await?;
    connection.close().await
}

/// Starts the cluster or finds it running, and makes the template where these migrations have none yet.
async fn attach() -> Shared {
    let folder = folder();
    let alone = lock_file(&folder, "lock");
    // Blocks this thread, not a task of it: a program asks once, and all its tests need the answer.
    alone.lock().expect("the lock of the tests' cluster can be taken");
    let user = lock_file(&folder, "users");
    user.lock_shared()
        .expect("nobody holds this lock exclusively without the first one");

    let server = start(&folder).await;
    let options = server.connect_options(OWNER, "postgres");
    let socket_dir = server.socket_dir().to_path_buf();
    server.leave_running();
    let template = make_template(&options)
        .await
        .expect("the migrations apply to an empty database");
    leftovers::clear(&options, &folder).await;
    Shared {
        _user: user,
        options,
        socket_dir,
        template,
    }
}

async fn start(folder: &Path) -> Server {
    let parameter = |name: &str, value: &str| (name.to_owned(), value.to_owned());
    let settings = Settings {
        port: PORT,
        roles: ROLES.map(str::to_owned).to_vec(),
        parameters: vec![
            // Nothing here outlives the machine, so nothing has to reach the disk.
            parameter("fsync", "off"),
            parameter("full_page_writes", "off"),
            parameter("max_connections", "400"),
        ],
        ..Settings::new(folder.join("shared"))
    };
    match Server::start(settings).await {
        Ok(server) => server,
        Err(error) => panic!("the tests' database does not start: {error}"),
    }
}

async fn make_template(options: &PgConnectOptions) -> Result<String, Box<dyn std::error::Error>> {
    let mut digest = Vec::new();
    for migration in event_log::MIGRATOR.iter() {
        digest.extend_from_slice(&migration.version.to_be_bytes());
        digest.extend_from_slice(&migration.checksum);
    }
    let template = format!(
        "template_{}",
        uuid::Uuid::new_v5(&uuid::Uuid::NAMESPACE_OID, &digest).simple()
    );

    let mut connection = PgConnection::connect_with(options).await?;
    let exists: bool = sqlx::query_scalar("select exists (select from pg_database where datname = $1)")
        .bind(&template)
        .fetch_one(&mut connection)
        .await?;
    if !exists {
        // Under another name until it is complete, so that the name promises that.
        connection
            .execute("drop database if exists template_unfinished with (force)")
            .await?;
        connection.execute("create database template_unfinished").await?;
        let pool = PgPool::connect_with(options.clone().database("template_unfinished")).await?;
        event_log::migrate(&pool).await?;
        pool.close().await;
        // On a busy machine a session may outlive its connection for longer than renaming waits.
        let end =
            "select pg_terminate_backend(pid) from pg_stat_activity where datname = 'template_unfinished'";
        connection.execute(end).await?;
        let rename = format!("alter database template_unfinished rename to {template}");
        connection.execute(rename.as_str()).await?;
        // A connection to it, even a curious developer's, would make cloning fail.
        let close = format!("alter database {template} with allow_connections false");
        connection.execute(close.as_str()).await?;
    }
    connection.close().await?;
    Ok(template)
}

/// What [`stop`] found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stopped {
    NotRunning,
    /// Other test programs are at work: the last of them may stop it.
    InUse,
    Done,
}

/// Stops the shared cluster and removes its files, unless a test program uses it.
pub async fn stop() -> Stopped {
    let folder = folder();
    let alone = lock_file(&folder, "lock");
    alone.lock().expect("the lock of the tests' cluster can be taken");
    if lock_file(&folder, "users").try_lock().is_err() {
        return Stopped::InUse;
    }
    let running = folder.join("shared/postgres/postmaster.pid").exists();
    if running {
        // Taking it over is the way to be sure that it is ours. Nothing in it is worth a checkpoint.
        let server = start(&folder).await;
        server
            .kill_immediately()
            .await
            .expect("our own server can be ended");
    }
    match fs::remove_dir_all(folder.join("shared")) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => panic!("{}: {error}", folder.display()),
        _ if running => Stopped::Done,
        _ => Stopped::NotRunning,
    }
}

/// The folder of everything of ours, which the server's user can pass through.
pub fn folder() -> PathBuf {
    let uid = Uid::effective().as_raw();
    let folder = std::env::temp_dir().join(format!("botserver-test-{uid}"));
    if let Err(error) = fs::create_dir(&folder)
        && error.kind() != io::ErrorKind::AlreadyExists
    {
        panic!("{}: {error}", folder.display());
    }
    let found = fs::symlink_metadata(&folder).expect("the folder was just made");
    // The folder for temporary files is everybody's: someone else may have been first.
    assert!(
        found.is_dir() && found.uid() == uid,
        "{} is not ours: remove it",
        folder.display()
    );
    fs::set_permissions(&folder, fs::Permissions::from_mode(0o711)).expect("the folder is ours");
    folder
}

fn lock_file(folder: &Path, name: &str) -> File {
    let path = folder.join(name);
    match File::options()
        .read(true)
        .write(true)
        .create(true)
        .truncate(false)
        .open(&path)
    {
        Ok(file) => file,
        Err(error) => panic!("{}: {error}", path.display()),
    }
}
