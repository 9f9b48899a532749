//! A model as its users see it: what it is, and how texts become its tokens. Its weights are the engine's.

use std::time::SystemTime;

use serde::Serialize;

use crate::settings::Precision;

/// One text, or a pair of them, as a model reads it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Tokens {
    pub ids: Vec<u32>,
    /// To which text of a pair each token belongs; as long as `ids`.
    pub types: Vec<u32>,
}

/// What a model is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Task {
    /// A text becomes a vector.
    Embed,
    /// A query and a document become a score.
    Rerank,
}

/// What a folder holds.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Card {
    pub name: String,
    pub task: Task,
    /// As its config.json says: "bert", "mpnet", "roberta" or "xlm-roberta".
    pub architecture: String,
    /// Length of a vector; of a reranker, how many scores it gives.
    pub dimensions: usize,
    /// Tokens of a text, with those that the model adds.
    pub tokens_max: usize,
    pub vocabulary: usize,
    pub parameters: u64,
    pub precision: Precision,
    /// Bytes of its weights in memory.
    pub bytes: u64,
    /// "mean", "cls", … ; empty for a reranker.
    pub pooling: String,
    pub normalized: bool,
    /// Names of the prompts that the folder has for queries, passages and the like.
    pub prompts: Vec<String>,
    #[serde(skip)]
    pub changed_at: Option<SystemTime>,
}

/// What becomes of a text that is longer than the model reads.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TooLong {
    Refuse,
    Truncate,
}

/// Why a text cannot be read.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TextError {
    #[error("the text is empty")]
    Empty,
    #[error("the text has {tokens} tokens, the model reads {tokens_max}")]
    TooLong { tokens: usize, tokens_max: usize },
    #[error("the text has {bytes} bytes, {bytes_max} are taken")]
    TooManyBytes { bytes: usize, bytes_max: usize },
    #[error("token {id} is not of the model's vocabulary of {vocabulary}")]
    UnknownToken { id: u32, vocabulary: usize },
    #[error("the model has no prompt \"{name}\"")]
    UnknownPrompt { name: String },
    #[error("the tokenizer cannot read the text: {reason}")]
    Unreadable { reason: String },
}
