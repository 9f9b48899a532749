//! `botserver serve`: from nothing to an address that answers, and back.

use std::future::pending;
use std::io::Write;
use std::net::SocketAddr;
use std::num::NonZeroU32;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use anyhow::Context as _;
use api::{Check, Edge, Health, Settings};
use axum::serve::ListenerExt as _;
use metrics_exporter_prometheus::{Matcher, PrometheusBuilder, PrometheusHandle};
use tokio::net::TcpListener;
use tokio::signal::unix::{SignalKind, signal};

use crate::config::{Config, Role};
use crate::database::{Database, Pools};
use crate::mount::Mount;
use crate::system::System;
use crate::{descriptors, first_start, measures, packages};

/// How long requests in flight may take to end after a stop was asked for.
const DRAIN_WITHIN: Duration = Duration::from_secs(10);

/// Upper bounds of the histograms that measure seconds, which is all but one.
const SECONDS: [f64; 12] = [
    0.001, 0.002, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 10.0,
];

/// Upper bounds of `append_batch_size`.
const BATCHES: [f64; 10] = [1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 64.0, 128.0, 256.0, 512.0];

/// How often our own database is started again before the server gives up: a supervisor may do better.
const DATABASE_TRIES_MAX: u32 = 10;

/// A projection further behind than this makes the server not ready.
const LAG_EVENTS_MAX: u64 = 100_000;

/// Runs the server until it is told to stop.
pub async fn serve(config: &Config) -> anyhow::Result<()> {
    let started = Instant::now();
    let does = |role| config.server.roles.contains(&role);
    let mut told_to_stop = StopSignals::listen()?;
    descriptors::take(config);
    // Bound first: a port that is taken should not cost the start of a database.
    let (host, port) = (config.server.host.as_str(), config.server.port);
    let listener = TcpListener::bind((host, port))
        .await
        .with_context(|| format!("cannot listen on {host}, port {port} (server.host, server.port)"))?;
    let metrics = PrometheusBuilder::new()
        .set_buckets(&SECONDS)
        .context("metrics cannot be set up")?
        .set_buckets_for_metric(Matcher::Full("append_batch_size".to_owned()), &BATCHES)
        .context("metrics cannot be set up")?
        .install_recorder()
        .context("metrics cannot be set up")?;
    telemetry::measures::describe(measures::MEASURES);

    let mut database = Database::start(config).await?;
    database.migrate().await?;
    let pools = database.pools(config.database.connections_max);
    // Port 0 is a free one, which is known by now.
    let mut config = config.clone();
    config.server.port = listener
        .local_addr()
        .context("the address cannot be read")?
        .port();
    let config = &config;
    let mut system = System::start(config, pools).await?;
    let health = health(&system, metrics);

    let token = first_start::organisation(&system.commands, system.tenant, &config.organisation.name).await?;
    let bots = bots_folder(config);
    first_start::samples(&bots)?;
    let mut mount = Mount::new(
        system.commands.clone(),
        system.programs.clone(),
        system.tenant,
        bots,
    );
    // Scripts run with the parameters of the packages, so whoever runs them mounts them.
    if does(Role::Run) {
        mount.load_changed().await;
        let stopped = system.stopped();
        system.spawn(mount.watch(stopped));
    }
    // Also where no scripts are run: it tells this process's memory what others changed.
    system.recover();

    let edge = Edge::new(
        system.commands.clone(),
        system.reader.clone(),
        system.live.clone(),
        system.projections.clone(),
        health.clone(),
        settings(config, &system),
    );
    if does(Role::Api) {
        let kept = edge.keep_presence(system.stopped());
        system.spawn(kept);
    }
    let bound = listener.local_addr().context("the address cannot be read")?;
    let router = if does(Role::Api) {
        api::router(edge)
    } else {
        api::probes_router(edge)
    };
    let service = router.into_make_service_with_connect_info::<SocketAddr>();
    // A small frame after another must not wait until the first is acknowledged, which browsers put off by 40 ms.
    let listener = listener.tap_io(|stream| {
        if let Err(error) = stream.set_nodelay(true) {
            tracing::debug!(%error, "a connection keeps frames back");
        }
    });
    let server = axum::serve(listener, service)
        .with_graceful_shutdown(system.left())
        .into_future();
    let mut server = tokio::spawn(server);
    health.started();
    announce(bound, token.as_deref())?;
    tracing::info!(address = %bound, duration_ms = started.elapsed().as_millis() as u64, "server started");

    let outcome = loop {
        tokio::select! {
            () = told_to_stop.received() => break Ok(()),
            () = system.broken() => break Err(anyhow::anyhow!("a part of the server ended; see the log")),
            ended = &mut server => break ended.context("the web server broke down")?.context("the web server ended"),
            () = database_ended(&database) => match restarted(config, database).await {
                Ok(again) => database = again,
                Err(error) => return Err(error),
            },
        }
    };
    tracing::info!("stopping");
    health.drain();
    // Still served, so that whoever hands out requests notices first.
    tokio::time::sleep(Duration::from_secs(config.server.drain_seconds.into())).await;
    let log = system.commands.executor().log().clone();
    system.leave();
    if tokio::time::timeout(DRAIN_WITHIN, &mut server).await.is_err() && !server.is_finished() {
        tracing::warn!("requests in flight were cut off");
        server.abort();
    }
    system.stop().await;
    if tokio::time::timeout(DRAIN_WITHIN, log.close()).await.is_err() {
        tracing::warn!("commands that waited to be stored were cut off");
    }
    database.stop().await?;
    tracing::info!("stopped");
    outcome
}

/// Tells whoever started the server where it is and, once, how to administer it.
fn announce(address: SocketAddr, token: Option<&str>) -> anyhow::Result<()> {
    let mut out = std::io::stdout().lock();
    writeln!(out, "\n  botserver is ready")?;
    writeln!(out, "  chat     http://{address}/")?;
    writeln!(
        out,
        "  GraphQL  http://{address}/graphiql  (to try it; programs use /graphql)"
    )?;
    if let Some(token) = token {
        writeln!(out, "  token    {token}")?;
        writeln!(
            out,
            "           (the administrator's, shown this once; `botserver token issue` makes others)"
        )?;
    }
    writeln!(out)?;
    Ok(out.flush()?)
}

fn settings(config: &Config, system: &System) -> Settings {
    let limits = &config.limits;
    Settings {
        default_bot: config.bots.default.clone().or_else(|| first_bot(config)),
        public_url: config.server.public_url.clone(),
        trusted_proxies: config.server.trusted_proxies.clone(),
        embed_origins: config.server.embed_origins.clone(),
        limits: api::Limits {
            message_bytes_max: limits.message_bytes_max as usize,
            messages_per_minute_max: NonZeroU32::new(limits.messages_per_minute_max)
                .unwrap_or(NonZeroU32::MIN),
            sockets_per_session_max: limits.sockets_per_session_max as usize,
            sockets_max: limits.sockets_max as usize,
            body_bytes_max: limits.body_bytes_max as usize,
            file_bytes_max: limits.file_bytes_max,
            session_file_bytes_max: limits.session_file_bytes_max,
            files_per_minute_max: NonZeroU32::new(limits.files_per_minute_max).unwrap_or(NonZeroU32::MIN),
            ..api::Limits::default()
        },
        counts: system.counts.clone(),
        presence: system.presence.clone(),
        graphql: api::GraphqlLimits {
            depth_max: config.graphql.depth_max as usize,
            complexity_max: config.graphql.complexity_max as usize,
            introspection: config.graphql.introspection,
            sockets_per_token_max: config.graphql.sockets_per_token_max as usize,
            operations_per_socket_max: config.graphql.operations_per_socket_max as usize,
        },
        ..Settings::new(system.tenant)
    }
}

/// The bot of the page `/` when none is configured: the first by name.
fn first_bot(config: &Config) -> Option<String> {
    packages::find(&bots_folder(config))
        .ok()?
        .into_iter()
        .next()
        .map(|package| package.name)
}

pub(crate) fn bots_folder(config: &Config) -> PathBuf {
    config
        .bots
        .dir
        .clone()
        .unwrap_or_else(|| config.data_dir.join("bots"))
}

fn health(system: &System, metrics: PrometheusHandle) -> Health {
    let (pools, feed) = (system.pools.clone(), system.feed.clone());
    let checks = move || {
        let (pools, feed) = (pools.clone(), feed.clone());
        let checks: futures::future::BoxFuture<'static, Vec<Check>> = Box::pin(async move {
            let reachable = sqlx::query("select 1").execute(&pools.app).await.is_ok();
            let lag = projections_lag(&pools, &feed).await;
            vec![
                Check {
                    name: "database",
                    passed: reachable,
                },
                Check {
                    name: "projections",
                    passed: lag.is_some_and(|lag| lag <= LAG_EVENTS_MAX),
                },
            ]
        });
        checks
    };
    let (pools, feed, runtime) = (
        system.pools.clone(),
        system.feed.clone(),
        tokio::runtime::Handle::current(),
    );
    runtime.spawn(observe(pools, feed, metrics.clone(), system.stopped()));
    Health::new(checks, move || metrics.render())
}

/// Keeps the gauges that nobody else sets.
async fn observe(
    pools: Pools,
    feed: event_log::Feed,
    metrics: PrometheusHandle,
    stopped: impl Future<Output = ()>,
) {
    tokio::pin!(stopped);
    metrics::gauge!("build_info", "version" => env!("CARGO_PKG_VERSION")).set(1.0);
    loop {
        if let Ok(head) = feed.head().await {
            metrics::gauge!("log_position").set(head.0 as f64);
        }
        for (role, pool) in [
            ("log", &pools.log),
            ("projector", &pools.projector),
            ("app", &pools.app),
        ] {
            let in_use = f64::from(pool.size()) - pool.num_idle() as f64;
            metrics::gauge!("db_pool_in_use", "role" => role).set(in_use);
        }
        metrics.run_upkeep();
        tokio::select! {
            () = &mut stopped => return,
            () = tokio::time::sleep(Duration::from_secs(5)) => {}
        }
    }
}

async fn projections_lag(pools: &Pools, feed: &event_log::Feed) -> Option<u64> {
    let head = feed.head().await.ok()?;
    let statuses = projections::list(&pools.projector, head).await.ok()?;
    statuses.iter().map(|status| status.lag_events).max()
}

/// Starts our own database again after it ended. Until it answers, requests are told to come back.
async fn restarted(config: &Config, ended: Database) -> anyhow::Result<Database> {
    tracing::error!("PostgreSQL ended, starting it again");
    // It holds the lock on the data folder.
    drop(ended);
    let mut tries = 0;
    loop {
        match Database::start(config).await {
            Ok(database) => {
                tracing::info!("PostgreSQL answers again");
                return Ok(database);
            }
            Err(error) if tries < DATABASE_TRIES_MAX => {
                tries += 1;
                tracing::warn!(
                    error = format!("{error:#}"),
                    tries,
                    "PostgreSQL does not start, trying again"
                );
                tokio::time::sleep(Duration::from_millis(200) * tries).await;
            }
            Err(error) => return Err(error.context("PostgreSQL ended and does not start again")),
        }
    }
}

async fn database_ended(database: &Database) {
    match database {
        Database::Own(server) => server.exited().await,
        Database::Beside(_) | Database::Configured(_) => pending().await,
    }
}

struct StopSignals {
    interrupt: tokio::signal::unix::Signal,
    terminate: tokio::signal::unix::Signal,
}

impl StopSignals {
    fn listen() -> anyhow::Result<Self> {
        Ok(Self {
            interrupt: signal(SignalKind::interrupt()).context("signals cannot be received")?,
            terminate: signal(SignalKind::terminate()).context("signals cannot be received")?,
        })
    }

    async fn received(&mut self) {
        tokio::select! {
            _ = self.interrupt.recv() => {}
            _ = self.terminate.recv() => {}
        }
    }
}
