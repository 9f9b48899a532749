//! The protocol of a worker: what is written, and what is believed of the answer.
//!
//! A worker may be out of order, and a name may lead to something else: counts, places and numbers are checked.

use std::borrow::Cow;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::{Deserialize, Serialize};

use super::Ranked;
use super::error::Lie;

/// More dimensions than any model has.
const DIMENSIONS_MAX: usize = 16_384;
/// What surrounds the results of an answer.
const FRAME_BYTES: usize = 64 << 10;
const MESSAGE_CHARS_MAX: usize = 300;
const CODE_CHARS_MAX: usize = 64;

#[derive(Serialize)]
pub(crate) struct EmbedBody<'a> {
    pub model: &'a str,
    pub input: &'a [&'a str],
    pub encoding_format: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub dimensions: Option<u32>,
    pub truncate: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub prompt_name: Option<&'a str>,
}

#[derive(Serialize)]
pub(crate) struct RerankBody<'a> {
    pub model: &'a str,
    pub query: &'a str,
    pub documents: &'a [&'a str],
    #[serde(skip_serializing_if = "Option::is_none")]
    pub top_n: Option<usize>,
    pub truncate: bool,
}

/// The most that so many vectors are written with.
pub(crate) fn vectors_bytes_max(count: usize, dimensions: Option<u32>) -> usize {
    let dimensions = dimensions.map_or(DIMENSIONS_MAX, |dimensions| dimensions as usize);
    let each = dimensions.min(DIMENSIONS_MAX) * 6 + 256;
    count.saturating_mul(each).saturating_add(FRAME_BYTES)
}

/// The most that so many scores are written with.
pub(crate) fn scores_bytes_max(count: usize) -> usize {
    count.saturating_mul(256).saturating_add(FRAME_BYTES)
}

#[derive(Deserialize)]
struct EmbedAnswer<'a> {
    #[serde(borrow)]
    data: Vec<Vector<'a>>,
    #[serde(default)]
    usage: Usage,
}

#[derive(Deserialize)]
struct Vector<'a> {
    index: usize,
    #[serde(borrow)]
    embedding: Cow<'a, str>,
}

#[derive(Default, Deserialize)]
struct Usage {
    #[serde(default)]
    prompt_tokens: u64,
}

/// The vectors of an answer in the order of the inputs, and how many tokens these had.
pub(crate) fn vectors(
    body: &[u8],
    asked: usize,
    dimensions: Option<u32>,
) -> Result<(Vec<Vec<f32>>, u64), Lie> {
    let answer: EmbedAnswer<'_> = parsed(body)?;
    if answer.data.len() != asked {
        let found = answer.data.len();
        return Err(Lie::Count { asked, found });
    }
    let mut vectors = vec![Vec::new(); asked];
    let mut expected = dimensions.map(|dimensions| dimensions as usize);
    for Vector { index, embedding } in answer.data {
        let vector = numbers(&embedding, index)?;
        let expected = *expected.get_or_insert(vector.len());
        if vector.len() != expected || vector.is_empty() {
            let found = vector.len();
            return Err(Lie::Dimensions {
                index,
                found,
                expected,
            });
        }
        // One that is there already has numbers: each has some.
        match vectors.get_mut(index).filter(|place| place.is_empty()) {
            Some(place) => *place = vector,
            None => return Err(Lie::Index { index }),
        }
    }
    Ok((vectors, answer.usage.prompt_tokens))
}

fn numbers(text: &str, index: usize) -> Result<Vec<f32>, Lie> {
    let bytes = STANDARD.decode(text).map_err(|_| Lie::Encoding { index })?;
    let (fours, rest) = bytes.as_chunks::<4>();
    if !rest.is_empty() {
        return Err(Lie::Encoding { index });
    }
    let vector: Vec<f32> = fours.iter().map(|four| f32::from_le_bytes(*four)).collect();
    match vector.iter().all(|number| number.is_finite()) {
        true => Ok(vector),
        false => Err(Lie::NotFinite { index }),
    }
}

#[derive(Deserialize)]
struct RerankAnswer {
    results: Vec<Score>,
}

#[derive(Deserialize)]
struct Score {
    index: usize,
    relevance_score: f32,
}

/// The scores of an answer, with their documents' places in the request, in the answer's order.
pub(crate) fn scores(body: &[u8], asked: usize, top_n: Option<usize>) -> Result<Vec<Ranked>, Lie> {
    let answer: RerankAnswer = parsed(body)?;
    let (found, wanted) = (answer.results.len(), top_n.unwrap_or(asked).min(asked));
    if found != wanted {
        return Err(Lie::Count { asked: wanted, found });
    }
    let mut seen = vec![false; asked];
    let mut ranked = Vec::with_capacity(found);
    for Score {
        index,
        relevance_score,
    } in answer.results
    {
        match seen.get_mut(index) {
            Some(seen) if !*seen => *seen = true,
            _ => return Err(Lie::Index { index }),
        }
        if !relevance_score.is_finite() {
            return Err(Lie::NotFinite { index });
        }
        ranked.push(Ranked {
            index,
            score: relevance_score,
        });
    }
    Ok(ranked)
}

#[derive(Deserialize)]
struct ModelsAnswer {
    data: Vec<Entry>,
}

/// A model of a worker's list. Only its name is of OpenAI's protocol.
#[derive(Debug, Deserialize)]
pub(crate) struct Entry {
    pub id: String,
    #[serde(default)]
    pub task: Option<String>,
    #[serde(default)]
    pub dimensions: Option<u32>,
    #[serde(default)]
    pub tokens_max: Option<u32>,
}

pub(crate) fn models(body: &[u8]) -> Result<Vec<Entry>, Lie> {
    parsed(body).map(|answer: ModelsAnswer| answer.data)
}

/// What a worker says about a request that it does not answer.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Said {
    pub message: Option<String>,
    pub code: Option<String>,
}

#[derive(Deserialize)]
struct ErrorAnswer {
    error: ErrorEntry,
}

#[derive(Deserialize)]
struct ErrorEntry {
    #[serde(default)]
    message: Option<String>,
    #[serde(default)]
    code: Option<serde_json::Value>,
}

/// Nothing, where the body is of another protocol, such as a proxy's page.
pub(crate) fn said(body: &[u8]) -> Said {
    let Ok(answer) = serde_json::from_slice::<ErrorAnswer>(body) else {
        return Said::default();
    };
    let plain = |code: &&str| {
        let word = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_';
        !code.is_empty() && code.len() <= CODE_CHARS_MAX && code.bytes().all(word)
    };
    let code = answer
        .error
        .code
        .as_ref()
        .and_then(|code| code.as_str())
        .filter(plain);
    Said {
        message: answer.error.message.as_deref().map(shortened),
        code: code.map(str::to_owned),
    }
}

/// Fit for one line of a log.
fn shortened(text: &str) -> String {
    let plain = |letter: char| if letter.is_control() { ' ' } else { letter };
    text.chars().take(MESSAGE_CHARS_MAX).map(plain).collect()
}

fn parsed<'a, T: Deserialize<'a>>(body: &'a [u8]) -> Result<T, Lie> {
    serde_json::from_slice(body).map_err(|error| Lie::Form {
        line: error.line(),
        column: error.column(),
    })
}

#[cfg(test)]
mod tests;
