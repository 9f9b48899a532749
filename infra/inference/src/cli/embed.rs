//! `inference-worker embed`.

use std::io::{BufWriter, Write as _, stdout};

use anyhow::ensure;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use futures::StreamExt as _;
use futures::stream;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::source::{self, Local, Remote};
use super::texts::{self, Text};
use crate::config::Config;
use crate::model::{Task, TooLong};

/// So many parts are on the way at once, so that nobody waits for a single one.
const AT_ONCE: usize = 4;

#[derive(Debug, clap::Args)]
pub struct Arguments {
    #[command(flatten)]
    texts: texts::Arguments,
    #[command(flatten)]
    source: source::Arguments,
    /// Cut vectors to so many dimensions
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    dimensions: Option<u32>,
    /// Cut texts that are longer than the model reads
    #[arg(long)]
    truncate: bool,
    /// Put the model's prompt of this name before each text
    #[arg(long, value_name = "NAME")]
    prompt: Option<String>,
    /// Texts that are asked for at once
    #[arg(long, value_name = "N", default_value_t = 256, value_parser = clap::value_parser!(u32).range(1..=2048))]
    batch: u32,
}

#[derive(Serialize)]
struct Line {
    index: usize,
    #[serde(skip_serializing_if = "Option::is_none")]
    id: Option<Value>,
    embedding: Vec<f32>,
}

#[derive(Serialize)]
struct Request<'a> {
    model: &'a str,
    input: Vec<&'a str>,
    encoding_format: &'static str,
    truncate: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    dimensions: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    prompt_name: Option<&'a str>,
}

#[derive(Deserialize)]
struct Response {
    data: Vec<Embedding>,
}

#[derive(Deserialize)]
struct Embedding {
    embedding: String,
}

enum Source {
    Local(Local),
    Remote(Remote),
}

impl Arguments {
    pub async fn run(&self, config: Config) -> anyhow::Result<()> {
        let mut texts = self.texts.open()?;
        let progress = texts.progress();
        let source = match self.source.worker.remote()? {
            Some(remote) => Source::Remote(remote),
            None => Source::Local(self.source.local(&config).await?),
        };
        self.check(&source)?;
        let batch = self.batch as usize;
        let parts = stream::iter(std::iter::from_fn(move || {
            let part = texts.take(batch);
            part.map(|part| (!part.is_empty()).then_some(part)).transpose()
        }));
        let mut parts = parts.map(|part| self.embed(&source, part)).buffered(AT_ONCE);
        let mut out = BufWriter::new(stdout());
        let mut index = 0;
        while let Some(part) = parts.next().await {
            let (texts, rows) = part?;
            for (text, embedding) in texts.into_iter().zip(rows) {
                let line = Line {
                    index,
                    id: text.id,
                    embedding,
                };
                serde_json::to_writer(&mut out, &line).map_err(std::io::Error::from)?;
                out.write_all(b"\n")?;
                index += 1;
            }
            out.flush()?;
            progress.set_message(index.to_string());
        }
        progress.finish();
        Ok(())
    }

    fn check(&self, source: &Source) -> anyhow::Result<()> {
        let Source::Local(local) = source else {
            return Ok(());
        };
        let card = local.model.card();
        ensure!(
            card.task == Task::Embed,
            "the model ranks documents; use `inference-worker rerank`"
        );
        let cut = self.dimensions.map_or(0, |cut| cut as usize);
        ensure!(
            cut <= card.dimensions,
            "the model has {} dimensions only",
            card.dimensions
        );
        Ok(())
    }

    async fn embed(
        &self,
        source: &Source,
        texts: anyhow::Result<Vec<Text>>,
    ) -> anyhow::Result<(Vec<Text>, Vec<Vec<f32>>)> {
        let texts = texts?;
        match source {
            Source::Local(local) => self.embed_here(local, texts).await,
            Source::Remote(remote) => self.embed_there(remote, texts).await,
        }
    }

    async fn embed_here(
        &self,
        local: &Local,
        texts: Vec<Text>,
    ) -> anyhow::Result<(Vec<Text>, Vec<Vec<f32>>)> {
        let (model, prompt) = (local.model.clone(), self.prompt.clone());
        let too_long = if self.truncate {
            TooLong::Truncate
        } else {
            TooLong::Refuse
        };
        let read = tokio::task::spawn_blocking(move || {
            let mut items = Vec::with_capacity(texts.len());
            for text in &texts {
                items.push(model.read(&text.text, prompt.as_deref(), too_long)?);
            }
            anyhow::Ok((texts, items))
        });
        let (texts, items) = read.await??;
        let mut rows = local.run(items).await?;
        if let Some(dimensions) = self.dimensions {
            for row in &mut rows {
                crate::http::embeddings::cut(row, dimensions as usize);
            }
        }
        Ok((texts, rows))
    }

    async fn embed_there(
        &self,
        remote: &Remote,
        texts: Vec<Text>,
    ) -> anyhow::Result<(Vec<Text>, Vec<Vec<f32>>)> {
        let request = Request {
            model: &self.source.model,
            input: texts.iter().map(|text| text.text.as_str()).collect(),
            encoding_format: "base64",
            truncate: self.truncate,
            dimensions: self.dimensions,
            prompt_name: self.prompt.as_deref(),
        };
        let response: Response = remote.post("/v1/embeddings", &request).await?;
        ensure!(
            response.data.len() == texts.len(),
            "the worker gave another number of vectors"
        );
        let mut rows = Vec::with_capacity(texts.len());
        for embedding in response.data {
            let bytes = STANDARD.decode(embedding.embedding)?;
            let (values, rest) = bytes.as_chunks::<4>();
            ensure!(rest.is_empty(), "the worker gave a vector that is none");
            rows.push(values.iter().map(|bytes| f32::from_le_bytes(*bytes)).collect());
        }
        Ok((texts, rows))
    }
}
