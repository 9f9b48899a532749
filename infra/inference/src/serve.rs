//! `inference-worker serve`: from nothing to an address that answers, and back.

use std::future::pending;
use std::io::Write as _;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use tokio::net::TcpListener;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio::time::Instant;

use crate::config::{Config, Sources};
use crate::engine::{Engine, Status};
use crate::http::tls::Certificate;
use crate::http::{Service, router, server};
use crate::measures;
use crate::traces::Traces;

/// How long connections that are written to may take beyond the requests in flight.
const GOODBYE: Duration = Duration::from_secs(2);

/// A worker that answers at an address. Its models may still be loading.
pub struct Worker {
    address: SocketAddr,
    config: Config,
    service: Arc<Service>,
    certificate: Option<Arc<Certificate>>,
    ending: watch::Sender<bool>,
    serving: JoinHandle<()>,
    starting: Option<JoinHandle<anyhow::Result<()>>>,
}

impl Worker {
    /// Listens at once and loads models meanwhile, so that whoever looks sees a worker that starts.
    pub async fn start(config: Config, traces: Option<Traces>) -> anyhow::Result<Worker> {
        let (host, port) = (config.server.host.as_str(), config.server.port);
        let listener = TcpListener::bind((host, port))
            .await
            .with_context(|| format!("cannot listen on {host}, port {port} (server.host, server.port)"))?;
        let address = listener.local_addr().context("the address cannot be read")?;
        config.allow_address(address.ip())?;
        let certificate = match config.tls.files() {
            Some((chain, key)) => Some(Arc::new(Certificate::load(chain, key)?)),
            None => None,
        };
        let metrics = measures::recorder()?;
        measures::observe_certificate(certificate.as_deref());
        let service = Arc::new(Service::new(&config, traces, metrics));
        let ending = watch::Sender::new(false);
        let serving = {
            let (router, settings) = (router(service.clone()), config.server.clone());
            let (certificate, ending) = (certificate.clone(), ending.subscribe());
            tokio::spawn(async move { server::serve(listener, router, certificate, &settings, ending).await })
        };
        let starting = {
            let (service, settings) = (service.clone(), config.engine_settings());
            tokio::spawn(async move {
                service.started(Engine::start(settings).await?);
                Ok(())
            })
        };
        Ok(Worker {
            address,
            config,
            service,
            certificate,
            ending,
            serving,
            starting: Some(starting),
        })
    }

    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Until the models of the start were loaded, as far as they can be; once they were, until something broke.
    pub async fn event(&mut self) -> anyhow::Result<()> {
        let starting = async {
            match &mut self.starting {
                Some(starting) => starting.await,
                None => pending().await,
            }
        };
        tokio::select! {
            outcome = starting => {
                self.starting = None;
                outcome.context("the start broke down").flatten()?;
                self.tell_models();
                Ok(())
            }
            ended = &mut self.serving => {
                ended.context("the server broke down")?;
                anyhow::bail!("the server ended")
            }
        }
    }

    /// What is to be done from time to time.
    pub fn keep(&self) {
        self.renew_certificate();
        self.service.metrics.run_upkeep();
    }

    fn tell_models(&self) {
        let Ok(engine) = self.service.engine() else { return };
        for state in engine.models() {
            match (state.status, state.problem) {
                (Status::Failed, problem) => {
                    tracing::error!(model = state.name, problem, "a model cannot be loaded");
                }
                (status, _) => tracing::info!(model = state.name, ?status, "model"),
            }
        }
    }

    /// Looks whether the certificate changed.
    fn renew_certificate(&self) {
        let Some(certificate) = &self.certificate else {
            return;
        };
        match certificate.renew() {
            Ok(true) => {
                measures::observe_certificate(Some(certificate));
                tracing::info!("the certificate was read anew");
            }
            Ok(false) => {}
            Err(error) => tracing::warn!(error = format!("{error:#}"), "the certificate stays the old one"),
        }
    }

    /// Takes over models, keys and the certificate.
    pub async fn reload(&mut self, config: Config) -> anyhow::Result<()> {
        self.renew_certificate();
        // Keys are not taken away from a worker that others reach.
        Config {
            server: self.config.server.clone(),
            ..config.clone()
        }
        .allow_address(self.address.ip())?;
        for section in self.config.needs_restart(&config) {
            tracing::warn!(
                section,
                "a changed section of the configuration needs a new start"
            );
        }
        let engine = self
            .service
            .engine()
            .map_err(|_| anyhow::anyhow!("the worker is still starting"))?;
        self.service.reconfigure(&config);
        engine.configure(config.engine_settings()).await?;
        (self.config.models, self.config.keys) = (config.models, config.keys);
        self.tell_models();
        Ok(())
    }

    /// From now on new requests are refused, and whoever distributes them is told so.
    pub fn leave(&self) {
        self.service.stopping.send_replace(true);
    }

    /// Lets requests in flight end, up to the configured time, then the rest.
    pub async fn stop(self) {
        self.leave();
        let until = Instant::now() + self.config.server.drain_within();
        let mut in_flight = self.service.in_flight.subscribe();
        let drained = async { in_flight.wait_for(|count| *count == 0).await.is_ok() };
        let drained = tokio::time::timeout_at(until, drained).await.is_ok();
        if !drained {
            tracing::warn!(
                requests = *self.service.in_flight.borrow(),
                "requests in flight were cut off"
            );
        }
        self.ending.send_replace(true);
        let mut serving = self.serving;
        let goodbye = until.max(Instant::now() + GOODBYE);
        let within = if drained { goodbye } else { Instant::now() };
        if tokio::time::timeout_at(within, &mut serving).await.is_err() {
            serving.abort();
            // Its connections are dropped with it, and with them their requests.
            let _ = serving.await;
        }
        if let Some(starting) = self.starting {
            starting.abort();
        }
        if let Ok(engine) = self.service.engine() {
            let until = goodbye.max(Instant::now() + GOODBYE);
            if tokio::time::timeout_at(until, engine.drain()).await.is_err() {
                tracing::warn!("what was computed was cut off");
            }
        }
    }
}

/// Runs a worker until it is told to stop.
pub async fn serve(config: Config, sources: &Sources, traces: Option<Traces>) -> anyhow::Result<()> {
    let began = Instant::now();
    let mut stop = Stop::listen()?;
    let mut hangup = signal(SignalKind::hangup()).context("signals cannot be received")?;
    let mut checks = tokio::time::interval(Duration::from_millis(config.tls.check_ms.into()));
    let mut worker = Worker::start(config, traces.clone()).await?;
    announce(&worker, sources.path().as_deref())?;
    let outcome = loop {
        tokio::select! {
            () = stop.told() => break Ok(()),
            _ = hangup.recv() => tokio::select! {
                () = reload(&mut worker, sources) => {}
                () = stop.told() => break Ok(()),
            },
            _ = checks.tick() => worker.keep(),
            event = worker.event() => match event {
                Ok(()) => tracing::info!(duration_ms = began.elapsed().as_millis() as u64, "models are loaded"),
                Err(error) => break Err(error),
            },
        }
    };
    tracing::info!("stopping");
    tokio::select! {
        () = worker.stop() => tracing::info!("stopped"),
        () = stop.told() => tracing::warn!("told to stop again: stopped at once"),
    }
    if let Some(traces) = traces {
        tokio::task::spawn_blocking(move || traces.flush()).await?;
    }
    outcome
}

async fn reload(worker: &mut Worker, sources: &Sources) {
    // Reads files: short, and of the operator.
    let outcome = match Config::load(sources) {
        Ok(config) => worker.reload(config).await,
        Err(error) => Err(error.into()),
    };
    match outcome {
        Ok(()) => tracing::info!("the configuration was read anew"),
        Err(error) => tracing::error!(
            error = format!("{error:#}"),
            "the configuration stays the old one"
        ),
    }
}

/// Tells whoever started the worker where it is.
fn announce(worker: &Worker, file: Option<&Path>) -> anyhow::Result<()> {
    let scheme = if worker.certificate.is_some() {
        "https"
    } else {
        "http"
    };
    let mut out = std::io::stdout().lock();
    writeln!(out, "inference-worker listens on {scheme}://{}", worker.address)?;
    match (file, worker.config.models.len()) {
        (_, 1..) => {}
        (Some(file), 0) => writeln!(out, "  no models: {} has no [[models]]", file.display())?,
        (None, 0) => writeln!(
            out,
            "  no models: there is no configuration; `inference-worker config` prints one to begin with"
        )?,
    }
    Ok(out.flush()?)
}

/// Signals that ask for the end.
struct Stop {
    interrupt: Signal,
    terminate: Signal,
}

impl Stop {
    fn listen() -> anyhow::Result<Stop> {
        Ok(Stop {
            interrupt: signal(SignalKind::interrupt()).context("signals cannot be received")?,
            terminate: signal(SignalKind::terminate()).context("signals cannot be received")?,
        })
    }

    async fn told(&mut self) {
        tokio::select! {
            _ = self.interrupt.recv() => {}
            _ = self.terminate.recv() => {}
        }
    }
}
