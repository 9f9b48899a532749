//! `inference-worker rerank`.

use std::io::{BufWriter, Write as _, stdout};

use anyhow::{Context as _, ensure};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::source::{self, Local, Remote};
use super::texts::{self, Text};
use crate::config::Config;
use crate::http::rerank::relevance;
use crate::model::{Task, TooLong};

/// A request of the protocol takes no more.
const DOCUMENTS_AT_ONCE: usize = 1024;

#[derive(Debug, clap::Args)]
pub struct Arguments {
    #[command(flatten)]
    documents: texts::Arguments,
    #[command(flatten)]
    source: source::Arguments,
    /// What the documents are to answer
    #[arg(short, long, value_name = "TEXT")]
    query: String,
    /// Print only so many, the best
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    top: Option<u32>,
    /// Cut documents that are longer than the model reads
    #[arg(long)]
    truncate: bool,
}

#[derive(Serialize)]
struct Line<'a> {
    index: usize,
    #[serde(skip_serializing_if = "Option::is_none")]
    id: &'a Option<Value>,
    relevance_score: f32,
    document: &'a str,
}

#[derive(Serialize)]
struct Request<'a> {
    model: &'a str,
    query: &'a str,
    documents: Vec<&'a str>,
    truncate: bool,
}

#[derive(Deserialize)]
struct Response {
    results: Vec<Ranked>,
}

#[derive(Deserialize)]
struct Ranked {
    index: usize,
    relevance_score: f32,
}

impl Arguments {
    pub async fn run(&self, config: Config) -> anyhow::Result<()> {
        let mut texts = self.documents.open()?;
        let progress = texts.progress();
        let remote = self.source.worker.remote()?;
        let local = match &remote {
            Some(_) => None,
            None => Some(self.source.local(&config).await?),
        };
        let (mut documents, mut scores) = (Vec::new(), Vec::new());
        loop {
            let part = texts.take(DOCUMENTS_AT_ONCE)?;
            if part.is_empty() {
                break;
            }
            scores.extend(match (&local, &remote) {
                (Some(local), _) => self.rank_here(local, &part).await?,
                (None, Some(remote)) => self.rank_there(remote, &part).await?,
                (None, None) => Vec::new(),
            });
            documents.extend(part);
            progress.set_message(documents.len().to_string());
        }
        progress.finish_and_clear();
        self.print(&documents, &scores)
    }

    fn print(&self, documents: &[Text], scores: &[f32]) -> anyhow::Result<()> {
        let mut order: Vec<usize> = (0..documents.len()).collect();
        order.sort_by(|a, b| scores[*b].total_cmp(&scores[*a]));
        order.truncate(self.top.map_or(usize::MAX, |top| top as usize));
        let mut out = BufWriter::new(stdout());
        for index in order {
            let line = Line {
                index,
                id: &documents[index].id,
                relevance_score: scores[index],
                document: &documents[index].text,
            };
            serde_json::to_writer(&mut out, &line).map_err(std::io::Error::from)?;
            out.write_all(b"\n")?;
        }
        Ok(out.flush()?)
    }

    async fn rank_here(&self, local: &Local, documents: &[Text]) -> anyhow::Result<Vec<f32>> {
        ensure!(
            local.model.task() == Task::Rerank,
            "the model makes vectors; use `inference-worker embed`"
        );
        let too_long = if self.truncate {
            TooLong::Truncate
        } else {
            TooLong::Refuse
        };
        let query = local.model.read_query(&self.query, too_long)?;
        let mut items = Vec::with_capacity(documents.len());
        for document in documents {
            items.push(local.model.read_pair(&query, &document.text, too_long)?);
        }
        let rows = local.run(items).await?;
        let scores = rows
            .iter()
            .map(|row| relevance(row).context("the model gave a score of no number"));
        scores.collect()
    }

    async fn rank_there(&self, remote: &Remote, documents: &[Text]) -> anyhow::Result<Vec<f32>> {
        let request = Request {
            model: &self.source.model,
            query: &self.query,
            documents: documents.iter().map(|document| document.text.as_str()).collect(),
            truncate: self.truncate,
        };
        let response: Response = remote.post("/v1/rerank", &request).await?;
        let mut scores = vec![f32::NAN; documents.len()];
        for ranked in response.results {
            let score = scores
                .get_mut(ranked.index)
                .context("the worker named a document that is none")?;
            *score = ranked.relevance_score;
        }
        ensure!(
            scores.iter().all(|score| score.is_finite()),
            "the worker left documents out"
        );
        Ok(scores)
    }
}
