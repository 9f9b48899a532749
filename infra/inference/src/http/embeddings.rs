//! `POST /v1/embeddings`.

use std::sync::Arc;

use axum::Extension;
use axum::extract::{Request, State};
use axum::response::Response;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use super::code::Code;
use super::fields::{Input, optional, outline, required};
use super::frame::{Asked, json};
use super::problem::Problem;
use super::reading::{Abandoned, work};
use super::{Service, steps};
use crate::model::{Model, Task, TextError, Tokens, TooLong};

#[derive(Deserialize)]
struct Fields<'a> {
    #[serde(borrow)]
    input: Option<&'a RawValue>,
    #[serde(borrow)]
    model: Option<&'a RawValue>,
    #[serde(borrow)]
    dimensions: Option<&'a RawValue>,
    #[serde(borrow)]
    encoding_format: Option<&'a RawValue>,
    #[serde(borrow)]
    user: Option<&'a RawValue>,
    #[serde(borrow)]
    truncate: Option<&'a RawValue>,
    #[serde(borrow)]
    prompt_name: Option<&'a RawValue>,
}

struct Asking {
    input: Input,
    model: String,
    dimensions: Option<u64>,
    base64: bool,
    too_long: TooLong,
    prompt_name: Option<String>,
}

#[derive(Serialize)]
struct Answer<'a> {
    object: &'static str,
    data: Vec<Embedding>,
    model: &'a str,
    usage: Usage,
}

#[derive(Serialize)]
struct Embedding {
    object: &'static str,
    index: usize,
    embedding: Vector,
}

#[derive(Serialize)]
#[serde(untagged)]
enum Vector {
    Floats(Vec<f32>),
    Base64(String),
}

#[derive(Clone, Copy, Serialize)]
pub(super) struct Usage {
    pub prompt_tokens: usize,
    pub total_tokens: usize,
}

pub(super) async fn embeddings(
    State(service): State<Arc<Service>>,
    Extension(asked): Extension<Asked>,
    request: Request,
) -> Result<Response, Problem> {
    let (held, asking) = steps::fields(&service, request, Asking::read).await?;
    let model = steps::model(&service, &asked, &asking.model).await?;
    let dimensions = asking.check(&model)?;
    let (name, base64) = (asking.model.clone(), asking.base64);
    let items = {
        let model = model.clone();
        work(&service, asking.input.bytes(), move |abandoned| {
            asking.tokens(&model, abandoned)
        })
        .await?
    };
    drop(held);
    let usage = Usage::of(&items);
    let rows = steps::rows(&service, &asked, &model, items).await?;
    // A float is written in about the time in which a tokenizer reads a byte.
    let floats = rows.iter().map(|row| dimensions.unwrap_or(row.len())).sum();
    let body = work(&service, floats, move |_| {
        answer(&name, rows, dimensions, base64, usage)
    })
    .await?;
    Ok(json(body))
}

/// How many texts a body asks about, or what is wrong with it: all that is decided before a model is looked at.
pub fn texts_asked(body: &[u8]) -> Result<usize, Problem> {
    Asking::read(body).map(|asking| match asking.input {
        Input::Texts(texts) => texts.len(),
        Input::Ids(lists) => lists.len(),
    })
}

impl Asking {
    fn read(body: &[u8]) -> Result<Asking, Problem> {
        let fields: Fields<'_> = outline(body)?;
        let model: String = required("model", fields.model)?;
        let input = Input::read(fields.input)?;
        let dimensions = optional("dimensions", fields.dimensions)?;
        let format: Option<String> = optional("encoding_format", fields.encoding_format)?;
        let base64 = match format.as_deref() {
            None | Some("float") => false,
            Some("base64") => true,
            Some(_) => {
                let message = "encoding_format: expected \"float\" or \"base64\"";
                return Err(Problem::new(Code::InvalidValue, message).of("encoding_format"));
            }
        };
        let _: Option<String> = optional("user", fields.user)?;
        Ok(Asking {
            input,
            model,
            dimensions,
            base64,
            too_long: too_long(fields.truncate)?,
            prompt_name: optional("prompt_name", fields.prompt_name)?,
        })
    }

    /// To how many dimensions vectors are cut.
    fn check(&self, model: &Model) -> Result<Option<usize>, Problem> {
        let card = model.card();
        if card.task != Task::Embed {
            let message = format!("model \"{}\" ranks documents; ask it by /v1/rerank", self.model);
            return Err(Problem::new(Code::WrongTask, message).of("model"));
        }
        if self.prompt_name.is_some() && matches!(self.input, Input::Ids(_)) {
            let message = "prompt_name: token ids are taken as they are, without a prompt";
            return Err(Problem::new(Code::InvalidValue, message).of("prompt_name"));
        }
        let has = card.dimensions;
        let cut = self.dimensions.map(|dimensions| {
            let fits = usize::try_from(dimensions)
                .ok()
                .filter(|cut| (1..=has).contains(cut));
            fits.ok_or_else(|| {
                let message = format!("dimensions: {dimensions}; expected 1 to {has}");
                Problem::new(Code::InvalidValue, message).of("dimensions")
            })
        });
        cut.transpose()
    }

    fn tokens(&self, model: &Model, abandoned: &Abandoned) -> Result<Vec<Tokens>, Problem> {
        let prompt = self.prompt_name.as_deref();
        match &self.input {
            Input::Texts(texts) => each(texts, abandoned, |text| model.read(text, prompt, self.too_long)),
            Input::Ids(lists) => each(lists, abandoned, |ids| model.read_ids(ids, self.too_long)),
        }
    }
}

fn each<T>(
    items: &[T],
    abandoned: &Abandoned,
    read: impl Fn(&T) -> Result<Tokens, TextError>,
) -> Result<Vec<Tokens>, Problem> {
    let mut tokens = Vec::with_capacity(items.len());
    for (index, item) in items.iter().enumerate() {
        abandoned.check()?;
        let index = (items.len() > 1).then_some(index);
        tokens.push(read(item).map_err(|error| Problem::of_text(&error, "input", index))?);
    }
    Ok(tokens)
}

pub(super) fn too_long(field: Option<&RawValue>) -> Result<TooLong, Problem> {
    Ok(match optional("truncate", field)? {
        Some(true) => TooLong::Truncate,
        Some(false) | None => TooLong::Refuse,
    })
}

impl Usage {
    pub fn of(items: &[Tokens]) -> Usage {
        let tokens = items.iter().map(|item| item.ids.len()).sum();
        Usage {
            prompt_tokens: tokens,
            total_tokens: tokens,
        }
    }
}

fn answer(
    model: &str,
    rows: Vec<Vec<f32>>,
    dimensions: Option<usize>,
    base64: bool,
    usage: Usage,
) -> Result<Vec<u8>, Problem> {
    let mut floats = 0;
    let mut data = Vec::with_capacity(rows.len());
    for (index, mut row) in rows.into_iter().enumerate() {
        if let Some(dimensions) = dimensions {
            cut(&mut row, dimensions);
        }
        if !row.iter().all(|value| value.is_finite()) {
            return Err(Problem::internal(format!(
                "model {model} gave a vector of no numbers"
            )));
        }
        floats += row.len();
        data.push(Embedding {
            object: "embedding",
            index,
            embedding: if base64 {
                encoded(&row)
            } else {
                Vector::Floats(row)
            },
        });
    }
    let answer = Answer {
        object: "list",
        data,
        model,
        usage,
    };
    let mut body = Vec::with_capacity(256 + floats * if base64 { 6 } else { 13 });
    serde_json::to_writer(&mut body, &answer).map_err(|error| Problem::internal(error.to_string()))?;
    Ok(body)
}

/// Cuts a vector to its first dimensions, which then have length 1 again.
pub(crate) fn cut(row: &mut Vec<f32>, dimensions: usize) {
    if dimensions < row.len() {
        row.truncate(dimensions);
        normalize(row);
    }
}

/// To length 1; a vector of zeros stays one.
fn normalize(row: &mut [f32]) {
    let length = row
        .iter()
        .map(|value| f64::from(*value).powi(2))
        .sum::<f64>()
        .sqrt();
    if length > 0.0 {
        for value in row {
            *value = (f64::from(*value) / length) as f32;
        }
    }
}

fn encoded(row: &[f32]) -> Vector {
    let bytes: Vec<u8> = row.iter().flat_map(|value| value.to_le_bytes()).collect();
    Vector::Base64(STANDARD.encode(bytes))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(dimensions: Option<usize>, base64: bool) -> String {
        let usage = Usage {
            prompt_tokens: 3,
            total_tokens: 3,
        };
        let body = answer("m", vec![vec![0.6, 0.0, 0.8]], dimensions, base64, usage).expect("numbers");
        String::from_utf8(body).expect("JSON")
    }

    #[test]
    fn a_vector_is_cut_and_has_length_1_again() {
        assert!(written(None, false).contains("\"embedding\":[0.6,0.0,0.8]"));
        assert!(written(Some(2), false).contains("\"embedding\":[1.0,0.0]"));
        let mut zeros = [0.0, 0.0];
        normalize(&mut zeros);
        assert_eq!(zeros, [0.0, 0.0]);
    }

    #[test]
    fn base64_holds_floats_with_the_low_byte_first() {
        assert!(written(Some(2), true).contains("\"embedding\":\"AACAPwAAAAA=\""));
    }

    #[test]
    fn a_vector_of_no_numbers_is_a_mistake_of_ours() {
        let usage = Usage {
            prompt_tokens: 1,
            total_tokens: 1,
        };
        assert!(answer("m", vec![vec![f32::NAN]], None, true, usage).is_err());
    }
}
