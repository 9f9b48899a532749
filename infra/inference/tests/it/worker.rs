//! A worker of this process, with small random models, and a client of it.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use inference::config::{Config, Sources};
use inference::serve::Worker;
use inference::traces::Traces;
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

/// No test waits longer for anything.
pub const PATIENCE: Duration = Duration::from_secs(60);

pub const KEY: &str = "iw-of-a-test";
pub const ADMIN: &str = "iw-of-an-operator";

/// A vector's length in the small model.
pub const DIMENSIONS: usize = 48;

pub struct Running {
    pub worker: Worker,
    pub address: SocketAddr,
    client: reqwest::Client,
}

/// An answer, with what tests look at.
#[derive(Debug)]
pub struct Answer {
    pub status: StatusCode,
    pub headers: reqwest::header::HeaderMap,
    pub text: String,
}

pub fn folder(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("tests/models")
        .join(name)
}

pub fn model(name: &str, folder_name: &str) -> String {
    let folder = folder(folder_name);
    format!(
        "[[models]]\nname = \"{name}\"\nfolder = {:?}\n",
        folder.display().to_string()
    )
}

pub fn keys() -> String {
    use sha2::{Digest as _, Sha256};
    let section = |name: &str, key: &str, admin| {
        let digest = hex::encode(Sha256::digest(key));
        format!("[[keys]]\nname = \"{name}\"\nsha256 = \"{digest}\"\nadmin = {admin}\n")
    };
    section("client", KEY, false) + &section("operator", ADMIN, true)
}

/// The models of most tests.
pub fn models() -> String {
    model("embed", "bert") + &model("org/rank", "bert-rerank") + &model("rank-3", "bert-rerank-3")
}

/// A configuration's text, at a free port.
pub fn config(text: &str, set: &[&str]) -> Config {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("worker.toml");
    std::fs::write(&file, text).expect("it is written");
    let own = |text: &&str| (*text).to_owned();
    let sources = Sources {
        file: Some(file),
        set: [&["server.port=0", "engine.device=cpu"], set]
            .concat()
            .iter()
            .map(own)
            .collect(),
        ..Sources::default()
    };
    Config::load(&sources).expect("a configuration")
}

/// A worker of the usual models.
pub async fn start() -> Running {
    Running::start(config(&models(), &[]), None).await
}

impl Running {
    /// Returns when its models are loaded.
    pub async fn start(config: Config, traces: Option<Traces>) -> Running {
        let mut worker = Worker::start(config, traces).await.expect("it starts");
        let loaded = tokio::time::timeout(PATIENCE, worker.event()).await;
        loaded.expect("in time").expect("models are loaded");
        Running {
            address: worker.address(),
            worker,
            client: reqwest::Client::builder()
                .timeout(PATIENCE)
                .build()
                .expect("a client"),
        }
    }

    pub fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    pub fn request(&self, method: Method, path: &str) -> reqwest::RequestBuilder {
        self.client.request(method, self.url(path))
    }

    pub async fn get(&self, path: &str) -> Answer {
        answer(self.request(Method::GET, path)).await
    }

    pub async fn post(&self, path: &str, body: Value) -> Answer {
        answer(self.request(Method::POST, path).json(&body)).await
    }

    pub async fn embed(&self, body: Value) -> Answer {
        self.post("/v1/embeddings", body).await
    }

    /// The vector of a text, of the usual model.
    pub async fn vector(&self, text: &str) -> Vec<f32> {
        let answer = self.embed(json!({"model": "embed", "input": text})).await;
        assert_eq!(answer.status, 200, "{}", answer.text);
        floats(&answer.json()["data"][0]["embedding"])
    }
}

pub async fn answer(request: reqwest::RequestBuilder) -> Answer {
    let response = request.send().await.expect("an answer");
    Answer {
        status: response.status(),
        headers: response.headers().clone(),
        text: response.text().await.expect("a text"),
    }
}

impl Answer {
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.text).unwrap_or_else(|error| panic!("{error}: {}", self.text))
    }

    /// Status and code of an error, which has the protocol's form.
    pub fn error(&self) -> (u16, String) {
        let error = &self.json()["error"];
        assert!(
            error["message"].is_string() && error["type"].is_string(),
            "{}",
            self.text
        );
        assert!(
            error["param"].is_string() || error["param"].is_null(),
            "{}",
            self.text
        );
        assert!(self.headers.contains_key("x-request-id"), "{:?}", self.headers);
        (
            self.status.as_u16(),
            error["code"].as_str().expect("a code").to_owned(),
        )
    }
}

pub fn floats(value: &Value) -> Vec<f32> {
    let values = value.as_array().expect("an array");
    values
        .iter()
        .map(|value| value.as_f64().expect("a number") as f32)
        .collect()
}
