//! The composition root: every part, made and connected.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use api::{SharedCounts, SharedPresence};
use blobs::Files;
use chrono::Utc;
use commands::{
    Blobs, Commands, Denials, DialogueOptions, Dialogues, DriveOptions, Executor, Programs, Recovery,
    Runners, Services, Tables, Unconfigured,
};
use domain::OrganisationId;
use event_log::{EventLog, Feed, Keyring, MasterKey, Position, Sequencer};
use projections::{Live, Presences, Projections, Reader, Source};
use streams::{KafkaSource, Relay};
use tokio::sync::watch;
use tokio::task::JoinSet;
use uuid::Uuid;
use valkey::{Counts, Valkey, share_positions};
use web::{Own, Web};

use crate::config::{Config, Role, Server};
use crate::database::Pools;
use crate::desk::ReadDesk;
use crate::document;
use crate::files::FileSweeper;

/// Names organisations: the id of one follows from its configured name, so that every process finds the same.
const ORGANISATIONS: Uuid = Uuid::from_u128(0x6f72_6761_6e69_7361_7469_6f6e_626f_7473);

/// How often counted refusals are written down.
const DENIALS_EVERY: Duration = Duration::from_secs(60);

/// The parts that requests are served with.
pub struct System {
    pub tenant: OrganisationId,
    pub commands: Commands,
    pub programs: Programs,
    pub reader: Reader,
    pub live: Live,
    pub projections: Projections,
    pub feed: Feed,
    pub pools: Pools,
    /// Where limits are counted together.
    pub counts: Option<Arc<dyn SharedCounts>>,
    /// Where processes tell each other who is there; None where there is one only.
    pub presence: Option<Arc<dyn SharedPresence>>,
    recovery: Option<Recovery>,
    tasks: JoinSet<()>,
    leave: watch::Sender<bool>,
    stop: watch::Sender<bool>,
}

impl System {
    /// Starts the parts that work by themselves: sequencer and live feed, and what this process's roles ask for.
    pub async fn start(config: &Config, pools: Pools) -> anyhow::Result<System> {
        let does = |role| config.server.roles.contains(&role);
        let (stop, stopping) = watch::channel(false);
        let (leave, leaving) = watch::channel(false);
        let mut tasks = JoinSet::new();
        let tenant = organisation(&config.organisation.name);

        let keyring = open_keyring(config, &pools).await?;
        let log = EventLog::new(pools.log.clone(), keyring.clone());
        let head = log.head().await.context("the event log cannot be read")?;
        let (placed, positions) = watch::channel(Position(head.0));
        let sequencer = Sequencer::new(pools.log.clone(), log.wake()).await?;
        let owner = owner(&config.data_dir)?;
        let (mut counts, mut presence) = (None, None);
        if let Some(url) = &config.valkey.url {
            let valkey = Valkey::new(url, &config.valkey.prefix)?;
            let shared = share_positions(valkey.clone(), placed.clone(), stopped(stopping.clone()));
            tasks.spawn(shared);
            let keyring = keyring.clone();
            let hide = move |whose: &str| keyring.hash(tenant.0, "limit", whose);
            counts = Some(Arc::new(Counts::new(valkey.clone(), hide)) as Arc<dyn SharedCounts>);
            let presences = valkey::Presences::new(valkey, owner);
            presence = Some(Arc::new(presences) as Arc<dyn SharedPresence>);
        } else if config.database.url.is_some() {
            let presences = Presences::new(pools.projector.clone(), owner);
            presence = Some(Arc::new(presences) as Arc<dyn SharedPresence>);
        }
        tasks.spawn(sequencer.run(placed, stopped(stopping.clone())));
        let feed = Feed::new(pools.log.clone(), positions);

        // The only server of a data folder takes over at once from the one that crashed before it.
        let takeover = config.database.url.is_none();
        let options = projections::Options {
            folds: does(Role::Project),
            takeover,
            ..projections::Options::new(owner)
        };
        let (projections, folding) = match config.kafka.settings() {
            Some(stream) => {
                let source: Arc<dyn Source> = Arc::new(KafkaSource::new(stream));
                Projections::fed_by(&source, &pools.projector, &feed, &options, &stopping)
            }
            None => Projections::start(&pools.projector, &feed, &options, &stopping),
        };
        tasks.spawn(async move {
            folding.join_all().await;
        });
        let live = Live::start(feed.clone(), keyring.clone(), leaving);
        if let Some(stream) = config.kafka.settings().filter(|_| does(Role::Relay)) {
            let relay = Relay::new(stream, pools.log.clone(), feed.clone(), owner, stopping.clone());
            tasks.spawn(relay.run());
        }

        let reader = Reader::new(pools.app.clone(), keyring);
        let executor = Executor::new(log.clone());
        let programs = Programs::new(pools.app.clone());
        let runners = Runners::none();
        if does(Role::Run) {
            runners
                .join(&pools.projector, owner, takeover)
                .await
                .context("the lease of runs cannot be taken")?;
            let kept = runners
                .clone()
                .keep(pools.projector.clone(), owner, stopped(stopping.clone()));
            tasks.spawn(kept);
        }
        let dialogues = Dialogues::new(
            executor.clone(),
            programs.clone(),
            tables(config, &pools.app),
            open_blobs(config)?,
            dialogue_options(config, runners, services(config)?, reader.clone()),
        );
        if does(Role::Jobs) {
            tokio::spawn(sweep_states(dialogues.clone(), tenant));
        }
        let recovery = Recovery::new(pools.projector.clone(), feed.clone(), dialogues.clone()).await?;
        // After it knows where it goes on in the log: what is set or cleared meanwhile, it reads.
        if does(Role::Run) {
            dialogues
                .load_schedules()
                .await
                .context("the schedules cannot be read")?;
        }
        let denials = Arc::new(Denials::default());
        let commands = Commands::new(executor, dialogues, denials);
        tasks.spawn(write_denials(commands.clone(), stopped(stopping.clone())));

        let sweeper = FileSweeper {
            commands: commands.clone(),
            reader: reader.clone(),
            tenant,
        };
        if does(Role::Jobs) {
            tasks.spawn(sweeper.run(stopped(stopping)));
        }
        Ok(System {
            tenant,
            commands,
            programs,
            reader,
            live,
            projections,
            feed,
            pools,
            counts,
            presence,
            recovery: Some(recovery),
            tasks,
            leave,
            stop,
        })
    }

    /// Resolves once the system is being stopped.
    pub fn stopped(&self) -> impl Future<Output = ()> + Send + 'static {
        stopped(self.stop.subscribe())
    }

    /// Resolves once no more requests are taken, while what serves those underway still works.
    pub fn left(&self) -> impl Future<Output = ()> + Send + 'static {
        stopped(self.leave.subscribe())
    }

    /// Takes no more requests, and has clients of sockets go to another server.
    pub fn leave(&self) {
        self.leave.send_replace(true);
    }

    /// Has turns answered that the last process left. Once the packages are mounted: a script that starts now is
    /// given their parameters.
    pub fn recover(&mut self) {
        if let Some(recovery) = self.recovery.take() {
            let stopped = self.stopped();
            self.tasks.spawn(recovery.run(stopped));
        }
    }

    pub fn spawn(&mut self, task: impl Future<Output = ()> + Send + 'static) {
        self.tasks.spawn(task);
    }

    /// Stops every part and waits for it.
    pub async fn stop(mut self) {
        let _ = self.stop.send(true);
        while let Some(ended) = self.tasks.join_next().await {
            if let Err(error) = ended {
                tracing::error!(error = %error, "a part of the server broke down");
            }
        }
    }

    /// Resolves when a part ended that should run for as long as the server.
    pub async fn broken(&mut self) {
        match self.tasks.join_next().await {
            Some(Err(error)) => tracing::error!(error = %error, "a part of the server broke down"),
            Some(Ok(())) => tracing::error!("a part of the server ended by itself"),
            None => std::future::pending().await,
        }
    }
}

/// The organisation of this name.
pub fn organisation(name: &str) -> OrganisationId {
    OrganisationId(Uuid::new_v5(&ORGANISATIONS, name.as_bytes()))
}

pub async fn open_keyring(config: &Config, pools: &Pools) -> anyhow::Result<Keyring> {
    let path = config
        .keys
        .file
        .clone()
        .unwrap_or_else(|| config.data_dir.join("master.key"));
    let master =
        MasterKey::load_or_create(&path).with_context(|| format!("the key file {}", path.display()))?;
    Keyring::open(pools.keys.clone(), master)
        .await
        .with_context(|| format!("the key file {}", path.display()))
}

/// Where states of scripts are kept that are too large for an event.
pub fn open_blobs(config: &Config) -> anyhow::Result<Arc<dyn Blobs>> {
    let folder = config
        .blobs
        .dir
        .clone()
        .unwrap_or_else(|| config.data_dir.join("blobs"));
    let files = Files::open(&folder).with_context(|| format!("the folder {}", folder.display()))?;
    Ok(Arc::new(files))
}

/// Once, at the start: deletes what a crash or a cancelled run left over.
async fn sweep_states(dialogues: Dialogues, tenant: OrganisationId) {
    match dialogues.sweep_states(tenant, Utc::now()).await {
        Ok(0) => {}
        Ok(swept) => tracing::info!(swept, "states of runs that ended deleted"),
        Err(error) => {
            let error = &error as &dyn std::error::Error;
            tracing::warn!(error, "states of runs that ended stay for now");
        }
    }
}

/// The tables of bots. Connections to other databases lead where the web may be asked.
pub(crate) fn tables(config: &Config, app: &sqlx::PgPool) -> Tables {
    let allowed = config.web.allowed_networks.clone();
    Tables::new(app.clone()).reaching(Arc::new(move |address| web::may_reach(address, &allowed)))
}

/// What stands behind words of scripts that the platform does not answer by itself.
fn services(config: &Config) -> anyhow::Result<Arc<dyn Services>> {
    if !config.web.enabled {
        return Ok(Arc::new(Unconfigured));
    }
    let web = Web::new(config.web.allowed_networks.clone(), own(&config.server))
        .context("the web cannot be asked")?;
    Ok(Arc::new(web))
}

/// Where this server answers, so that scripts do not ask it from behind.
fn own(server: &Server) -> Own {
    let interfaces = nix::ifaddrs::getifaddrs().into_iter().flatten();
    let addresses = interfaces.filter_map(|interface| {
        let address = interface.address?;
        let v4 = address.as_sockaddr_in().map(|address| address.ip().into());
        v4.or_else(|| address.as_sockaddr_in6().map(|address| address.ip().into()))
    });
    let mut own = Own {
        hosts: Vec::new(),
        addresses: addresses.collect(),
        ports: vec![server.port],
    };
    let mut add = |host: &str| match host.trim_matches(['[', ']']).parse::<std::net::IpAddr>() {
        Ok(address) if !address.is_unspecified() => own.addresses.push(address),
        Err(_) if host != "localhost" => own.hosts.push(host.to_lowercase()),
        _ => {}
    };
    add(&server.host);
    // Behind a proxy the public address is another machine's.
    let public = server.public_url.as_deref().and_then(|url| url.split_once("://"));
    if let Some((scheme, rest)) = public {
        let authority = rest.split('/').next().unwrap_or_default();
        let numbered = authority
            .rsplit_once(':')
            .and_then(|(host, port)| Some((host, port.parse().ok()?)));
        let (host, port) = numbered.unwrap_or((authority, if scheme == "https" { 443 } else { 80 }));
        add(host);
        own.ports.push(port);
    }
    own
}

fn dialogue_options(
    config: &Config,
    runners: Runners,
    services: Arc<dyn Services>,
    reader: Reader,
) -> DialogueOptions {
    let limits = &config.limits;
    DialogueOptions {
        idle: chrono::TimeDelta::minutes(config.conversation.idle_minutes.into()),
        message_bytes_max: limits.message_bytes_max as usize,
        script: basic::Limits {
            steps_per_turn: limits.script_steps_max,
            memory_bytes: u64::from(limits.script_memory_mib_max) << 20,
            ..basic::Limits::default()
        },
        script_time_max: Duration::from_secs(limits.script_seconds_max.into()),
        runners,
        services,
        desk: Arc::new(ReadDesk(reader)),
        drive: DriveOptions {
            bytes_max: limits.drive_bytes_max,
            pdf: Some(document::isolated()),
        },
    }
}

async fn write_denials(commands: Commands, stopped: impl Future<Output = ()>) {
    tokio::pin!(stopped);
    loop {
        let stopping = tokio::select! {
            () = &mut stopped => true,
            () = tokio::time::sleep(DENIALS_EVERY) => false,
        };
        if let Err(error) = commands.denials().flush(commands.executor(), Utc::now()).await {
            tracing::warn!(error = %error, "refused access could not be recorded, trying again in a minute");
        }
        if stopping {
            return;
        }
    }
}

async fn stopped(mut stop: watch::Receiver<bool>) {
    // A sender that is gone means that the server is going too.
    let _ = stop.wait_for(|stopping| *stopping).await;
}

/// Who this data folder is among the processes that share work.
fn owner(data_dir: &Path) -> anyhow::Result<Uuid> {
    let path = data_dir.join("instance");
    if let Ok(text) = std::fs::read_to_string(&path) {
        return text
            .trim()
            .parse()
            .with_context(|| format!("{} does not hold an id; remove it", path.display()));
    }
    let id = Uuid::new_v4();
    std::fs::write(&path, format!("{id}\n")).with_context(|| format!("cannot write {}", path.display()))?;
    Ok(id)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_server_knows_where_it_is_reached() {
        let server = |host: &str, public_url: &str| Server {
            host: host.to_owned(),
            port: 8080,
            public_url: Some(public_url.to_owned()),
            roles: Vec::new(),
            drain_seconds: 0,
            trusted_proxies: Vec::new(),
            embed_origins: Vec::new(),
        };
        let named = own(&server("0.0.0.0", "https://Bots.example.org"));
        assert_eq!(
            (named.hosts, named.ports),
            (vec!["bots.example.org".to_owned()], vec![8080, 443])
        );
        let numbered = own(&server("localhost", "http://[2001:db8::1]:9000"));
        assert!(
            numbered
                .addresses
                .contains(&"2001:db8::1".parse().expect("an address"))
        );
        assert_eq!((numbered.hosts, numbered.ports), (Vec::new(), vec![8080, 9000]));
        let bare = own(&server("bots", "https://203.0.113.7"));
        assert!(
            bare.addresses
                .contains(&"203.0.113.7".parse().expect("an address"))
        );
        assert_eq!(
            (bare.hosts, bare.ports),
            (vec!["bots".to_owned()], vec![8080, 443])
        );
    }
}
