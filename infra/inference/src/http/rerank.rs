//! `POST /v1/rerank`: documents in order of how well they answer a query.

use std::sync::Arc;

use axum::Extension;
use axum::extract::{Request, State};
use axum::response::Response;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use super::code::Code;
use super::embeddings::{Usage, too_long};
use super::fields::{Documents, optional, outline, required};
use super::frame::{Asked, json};
use super::problem::Problem;
use super::reading::{Abandoned, work};
use super::{Service, steps};
use crate::model::{Model, Task, TextError, Tokens, TooLong};

#[derive(Deserialize)]
struct Fields<'a> {
    #[serde(borrow)]
    model: Option<&'a RawValue>,
    #[serde(borrow)]
    query: Option<&'a RawValue>,
    #[serde(borrow)]
    documents: Option<&'a RawValue>,
    #[serde(borrow)]
    top_n: Option<&'a RawValue>,
    #[serde(borrow)]
    return_documents: Option<&'a RawValue>,
    #[serde(borrow)]
    truncate: Option<&'a RawValue>,
}

struct Asking {
    model: String,
    query: String,
    documents: Vec<String>,
    top_n: usize,
    return_documents: bool,
    too_long: TooLong,
}

#[derive(Serialize)]
struct Answer<'a> {
    id: &'a str,
    model: &'a str,
    results: Vec<Ranked<'a>>,
    usage: Usage,
}

#[derive(Serialize)]
struct Ranked<'a> {
    index: usize,
    relevance_score: f32,
    #[serde(skip_serializing_if = "Option::is_none")]
    document: Option<Document<'a>>,
}

#[derive(Serialize)]
struct Document<'a> {
    text: &'a str,
}

pub(super) async fn rerank(
    State(service): State<Arc<Service>>,
    Extension(asked): Extension<Asked>,
    request: Request,
) -> Result<Response, Problem> {
    let (held, asking) = steps::fields(&service, request, Asking::read).await?;
    let model = steps::model(&service, &asked, &asking.model).await?;
    if model.task() != Task::Rerank {
        let message = format!(
            "model \"{}\" makes vectors; ask it by /v1/embeddings",
            asking.model
        );
        return Err(Problem::new(Code::WrongTask, message).of("model"));
    }
    let (asking, items) = {
        let model = model.clone();
        let bytes = asking.query.len() + asking.documents.iter().map(String::len).sum::<usize>();
        work(&service, bytes, move |abandoned| {
            let items = asking.tokens(&model, abandoned)?;
            Ok((asking, items))
        })
        .await?
    };
    drop(held);
    let usage = Usage::of(&items);
    let rows = steps::rows(&service, &asked, &model, items).await?;
    Ok(json(asking.answer(&rows, &asked.id, usage)?))
}

/// How many documents a body asks about, or what is wrong with it: all that is decided before a model is looked at.
pub fn documents_asked(body: &[u8]) -> Result<usize, Problem> {
    Asking::read(body).map(|asking| asking.documents.len())
}

impl Asking {
    fn read(body: &[u8]) -> Result<Asking, Problem> {
        let fields: Fields<'_> = outline(body)?;
        let model = required("model", fields.model)?;
        let query: String = required("query", fields.query)?;
        if query.trim().is_empty() {
            return Err(Problem::new(Code::EmptyInput, "query is empty").of("query"));
        }
        let documents = Documents::read(fields.documents)?;
        let top_n: Option<u64> = optional("top_n", fields.top_n)?;
        if top_n == Some(0) {
            return Err(Problem::new(Code::InvalidValue, "top_n: 0; expected 1 or more").of("top_n"));
        }
        Ok(Asking {
            model,
            query,
            top_n: top_n.map_or(documents.len(), |top| usize::try_from(top).unwrap_or(usize::MAX)),
            documents,
            return_documents: optional("return_documents", fields.return_documents)?.unwrap_or(false),
            too_long: too_long(fields.truncate)?,
        })
    }

    fn tokens(&self, model: &Model, abandoned: &Abandoned) -> Result<Vec<Tokens>, Problem> {
        let query = model.read_query(&self.query, self.too_long);
        let query = query.map_err(|error| Problem::of_text(&error, "query", None))?;
        let mut tokens = Vec::with_capacity(self.documents.len());
        for (index, document) in self.documents.iter().enumerate() {
            abandoned.check()?;
            let read = model.read_pair(&query, document, self.too_long);
            tokens.push(read.map_err(|error| self.problem(&error, index))?);
        }
        Ok(tokens)
    }

    fn problem(&self, error: &TextError, index: usize) -> Problem {
        let index = (self.documents.len() > 1).then_some(index);
        Problem::of_text(error, "documents", index)
    }

    fn answer(&self, rows: &[Vec<f32>], id: &str, usage: Usage) -> Result<Vec<u8>, Problem> {
        let mut results = Vec::with_capacity(rows.len());
        for (index, row) in rows.iter().enumerate() {
            let relevance_score = relevance(row).ok_or_else(|| {
                Problem::internal(format!("model {} gave a score of no number", self.model))
            })?;
            let text = self.documents.get(index).filter(|_| self.return_documents);
            results.push(Ranked {
                index,
                relevance_score,
                document: text.map(|text| Document { text }),
            });
        }
        results.sort_by(|a, b| {
            b.relevance_score
                .total_cmp(&a.relevance_score)
                .then(a.index.cmp(&b.index))
        });
        results.truncate(self.top_n);
        let answer = Answer {
            id,
            model: &self.model,
            results,
            usage,
        };
        serde_json::to_vec(&answer).map_err(|error| Problem::internal(error.to_string()))
    }
}

/// One score is as the model gives it, which is between 0 and 1 unless its folder says that it is to stay as it is.
/// Of several, one for each class, the share of the last one, which is "relevant" where there are two.
pub(crate) fn relevance(scores: &[f32]) -> Option<f32> {
    let (last, others) = scores.split_last()?;
    if !scores.iter().all(|score| score.is_finite()) {
        return None;
    }
    if others.is_empty() {
        return Some(*last);
    }
    let against: f64 = others
        .iter()
        .map(|other| (f64::from(*other) - f64::from(*last)).exp())
        .sum();
    Some((1.0 / (1.0 + against)) as f32)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_score_of_several_classes_is_the_share_of_the_last() {
        assert_eq!(relevance(&[0.7]), Some(0.7));
        assert_eq!(relevance(&[2.0, 2.0]), Some(0.5));
        assert_eq!(relevance(&[0.0, 0.0, 0.0, 0.0]), Some(0.25));
        assert_eq!(relevance(&[1000.0, -1000.0]), Some(0.0));
        assert_eq!(relevance(&[0.0, f32::NAN]), None);
        assert_eq!(relevance(&[]), None);
    }
}
