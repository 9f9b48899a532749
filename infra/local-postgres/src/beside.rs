//! A server that another program of ours runs, found so that a command can work beside it.

use std::{
    fs, io,
    path::{Path, PathBuf},
    time::{Duration, Instant},
};

use sqlx::postgres::PgConnectOptions;

use crate::{Error, Settings, error::At, server, start};

/// For the other program to have started its server, and to have made the cluster before that.
const PATIENCE: Duration = Duration::from_secs(30);
const POLL: Duration = Duration::from_millis(20);

/// A running server that is not ours to stop.
#[derive(Debug, Clone)]
pub struct Beside {
    socket_dir: PathBuf,
    port: u16,
}

impl Beside {
    /// The server that another program runs in this data folder; nothing where none does.
    ///
    /// Nothing, too, for an orphan: [`crate::Server::start`] takes that over. Waits for one that is starting.
    pub async fn find(settings: &Settings) -> Result<Option<Beside>, Error> {
        let data_dir = match settings.data_dir.canonicalize() {
            Ok(data_dir) => data_dir,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(error).at("find", &settings.data_dir),
        };
        let cluster = data_dir.join("postgres");
        let since = Instant::now();
        loop {
            // The lock tells whether somebody is at it; one that we get is given back at once.
            let busy = match start::lock(&data_dir) {
                Ok(_) => return Ok(None),
                Err(busy @ Error::Busy { .. }) => busy,
                Err(error) => return Err(error),
            };
            if let Some(found) = announced(&cluster)
                && start::answers(&cluster, &found.socket_dir, found.port).await
            {
                return Ok(Some(found));
            }
            if since.elapsed() > PATIENCE {
                return Err(busy);
            }
            tokio::time::sleep(POLL).await;
        }
    }

    pub fn connect_options(&self, role: &str, database: &str) -> PgConnectOptions {
        server::connect_options(&self.socket_dir, self.port, role, database)
    }
}

/// Where the server says that its socket is: lines 4 and 5 of its pid file.
fn announced(cluster: &Path) -> Option<Beside> {
    let text = fs::read_to_string(cluster.join("postmaster.pid")).ok()?;
    let mut lines = text.lines().skip(3);
    let port = lines.next()?.trim().parse().ok()?;
    let socket_dir = lines.next().map(str::trim).filter(|line| !line.is_empty())?;
    Some(Beside {
        socket_dir: socket_dir.into(),
        port,
    })
}
