//! Where answers come from: a model in this process, or a running worker.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context as _, bail};
use http::StatusCode;
use http::header::RETRY_AFTER;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use crate::config::Config;
use crate::engine::{Engine, Work};
use crate::folder::Folder;
use crate::folder::shape::Shape;
use crate::model::{Model, Tokens};
use crate::scheduler::Began;
use crate::settings::{EngineSettings, LoadAt, ModelSettings, Precision};

/// How long one part of a terminal's work may take.
const PATIENCE: Duration = Duration::from_secs(3600);

/// How often a worker is asked again that is busy or just starting.
const TRIES_MAX: u32 = 20;

/// What a worker may ask for by Retry-After.
const WAIT_MAX: Duration = Duration::from_secs(60);

#[derive(Debug, clap::Args)]
#[group(skip)]
pub struct Arguments {
    /// A model's folder; or its name, of the configuration or of the worker
    #[arg(short, long, value_name = "MODEL")]
    pub model: String,
    /// Numbers to compute with; of a folder only
    #[arg(long, value_name = "float32|bfloat16|int8", value_parser = precision, conflicts_with = "url")]
    precision: Option<Precision>,
    #[command(flatten)]
    pub worker: Worker,
}

#[derive(Debug, clap::Args)]
#[group(skip)]
pub struct Worker {
    /// Ask a running worker at this address, with the key in INFERENCE_WORKER_KEY if it needs one
    #[arg(long, value_name = "URL")]
    pub url: Option<String>,
    /// Certificates that the worker's may be signed by, in PEM
    #[arg(long, value_name = "FILE", requires = "url")]
    ca: Option<PathBuf>,
}

fn precision(text: &str) -> Result<Precision, String> {
    Precision::deserialize(serde::de::value::StrDeserializer::<serde::de::value::Error>::new(
        text,
    ))
    .map_err(|error| error.to_string())
}

/// A model of this process.
#[derive(Clone)]
pub struct Local {
    pub engine: Engine,
    pub model: Arc<Model>,
}

/// A worker that is asked over HTTP.
#[derive(Clone)]
pub struct Remote {
    client: reqwest::Client,
    url: String,
    key: Option<String>,
}

#[derive(Deserialize)]
struct Told {
    error: ToldError,
}

#[derive(Deserialize)]
struct ToldError {
    message: String,
    code: Option<String>,
}

impl Arguments {
    pub async fn local(&self, config: &Config) -> anyhow::Result<Local> {
        let settings = self.settings(config)?;
        let name = settings.name.clone();
        let engine = Engine::start(EngineSettings {
            models: vec![settings],
            // One waits here for all of it, and for nobody else.
            queue_ms: u32::MAX,
            queue_tokens_max: u32::MAX,
            ..config.engine.clone()
        });
        let engine = engine.await?;
        let model = engine.model(&name).await?;
        Ok(Local { engine, model })
    }

    /// What the model's network is made of.
    pub fn shape(&self, config: &Config) -> anyhow::Result<Shape> {
        let settings = self.settings(config)?;
        let folder = Folder::open(&settings.folder, settings.follow_links)?;
        Ok(Shape::read(&folder)?)
    }

    fn settings(&self, config: &Config) -> anyhow::Result<ModelSettings> {
        let configured = config.models.iter().find(|model| model.name == self.model);
        let mut settings = match configured {
            Some(settings) => settings.clone(),
            None if Path::new(&self.model).is_dir() => ModelSettings {
                name: "model".to_owned(),
                folder: PathBuf::from(&self.model),
                precision: Precision::default(),
                load: LoadAt::Start,
                // Whoever names a folder on the command line trusts it.
                follow_links: true,
            },
            None => bail!("{} is no folder, and no model of the configuration", self.model),
        };
        settings.load = LoadAt::Demand;
        settings.precision = self.precision.unwrap_or(settings.precision);
        Ok(settings)
    }
}

impl Local {
    pub async fn run(&self, items: Vec<Tokens>) -> anyhow::Result<Vec<Vec<f32>>> {
        let work = Work {
            caller: "terminal".to_owned(),
            deadline: Instant::now() + PATIENCE,
            items,
            began: Began::default(),
        };
        Ok(self.engine.run(&self.model, work).await?)
    }
}

impl Worker {
    /// None where no worker is named.
    pub fn remote(&self) -> anyhow::Result<Option<Remote>> {
        let Some(url) = &self.url else { return Ok(None) };
        let mut client = reqwest::Client::builder().timeout(PATIENCE);
        if let Some(file) = &self.ca {
            let pem = std::fs::read(file).with_context(|| format!("{} cannot be read", file.display()))?;
            for certificate in reqwest::Certificate::from_pem_bundle(&pem)? {
                client = client.add_root_certificate(certificate);
            }
        }
        let key = std::env::var(crate::config::KEY_VARIABLE).ok();
        Ok(Some(Remote {
            client: client.build()?,
            url: url.trim_end_matches('/').to_owned(),
            key: key.filter(|key| !key.is_empty()),
        }))
    }
}

impl Remote {
    pub async fn get<T: DeserializeOwned>(&self, path: &str) -> anyhow::Result<T> {
        self.ask(|| self.client.get(format!("{}{path}", self.url))).await
    }

    pub async fn post<T: DeserializeOwned>(&self, path: &str, body: &impl Serialize) -> anyhow::Result<T> {
        self.ask(|| self.client.post(format!("{}{path}", self.url)).json(body))
            .await
    }

    /// Asks again where the worker says that it is worth it.
    async fn ask<T: DeserializeOwned>(
        &self,
        request: impl Fn() -> reqwest::RequestBuilder,
    ) -> anyhow::Result<T> {
        let mut tries = 0;
        loop {
            tries += 1;
            let mut request = request();
            if let Some(key) = &self.key {
                request = request.bearer_auth(key);
            }
            let response = request
                .send()
                .await
                .with_context(|| format!("{} does not answer", self.url))?;
            let status = response.status();
            let wait = response
                .headers()
                .get(RETRY_AFTER)
                .and_then(|value| value.to_str().ok()?.parse().ok());
            let body = response
                .bytes()
                .await
                .with_context(|| format!("{} broke off", self.url))?;
            if status.is_success() {
                return serde_json::from_slice(&body)
                    .with_context(|| format!("{} is no such worker", self.url));
            }
            match wait {
                Some(seconds) if tries < TRIES_MAX && is_passing(status) => {
                    tokio::time::sleep(Duration::from_secs(seconds).min(WAIT_MAX)).await;
                }
                _ => return Err(refused(status, &body)),
            }
        }
    }
}

fn is_passing(status: StatusCode) -> bool {
    [StatusCode::TOO_MANY_REQUESTS, StatusCode::SERVICE_UNAVAILABLE].contains(&status)
}

fn refused(status: StatusCode, body: &[u8]) -> anyhow::Error {
    match serde_json::from_slice::<Told>(body) {
        Ok(Told { error }) => {
            let code = error.code.unwrap_or_else(|| status.as_str().to_owned());
            anyhow::anyhow!("{} ({code})", error.message)
        }
        Err(_) => anyhow::anyhow!("the worker answers with status {status}"),
    }
}
