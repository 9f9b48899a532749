//! A model as its users see it: what it is, and how texts become its tokens. Its weights are the engine's.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::time::SystemTime;

use serde::Serialize;

use crate::folder::reader::{Query, Reader};
use crate::folder::recipe::{Pooling, Recipe};
use crate::folder::shape::Shape;
use crate::folder::weights::Weights;
use crate::folder::{Folder, FolderError};
use crate::settings::{ModelSettings, Precision};

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

/// A model whose folder was read.
pub struct Model {
    card: Card,
    reader: Reader,
    prompts: BTreeMap<String, String>,
    default_prompt: Option<String>,
}

/// A folder of which all but the weights was read.
pub struct Opened {
    pub model: Model,
    pub folder: Folder,
    pub shape: Shape,
    pub recipe: Recipe,
    pub weights: Weights,
}

/// A weight is read in float32, put together with others, and laid out anew: so much at once for each value.
const LOADING_BYTES: u64 = 12;

impl Opened {
    /// Bytes of memory that loading takes for a while, beside what stays.
    pub fn loading_bytes(&self) -> u64 {
        let products = self.recipe.products();
        let largest = products.fold(self.shape.largest_product(), u64::max);
        largest.saturating_mul(LOADING_BYTES)
    }
}

impl Model {
    /// Reads all but the weights themselves, of which only the headers are looked at.
    pub fn open(settings: &ModelSettings) -> Result<Opened, FolderError> {
        let folder = Folder::open(&settings.folder, settings.follow_links)?;
        let shape = Shape::read(&folder)?;
        let recipe = Recipe::read(&folder, &shape)?;
        let weights = Weights::open(&folder)?;
        let reader = Reader::open(&folder, &shape, recipe.tokens_max, recipe.lower_case)?;
        let config = folder.file("config.json")?;
        let changed_at = config.and_then(|(file, _)| file.metadata().ok()?.modified().ok());
        let (task, dimensions) = match shape.labels {
            Some(labels) => (Task::Rerank, labels),
            None => (Task::Embed, recipe.dimensions(shape.hidden)),
        };
        let names: Vec<&str> = recipe
            .poolings
            .iter()
            .map(|&pooling| Pooling::name(pooling))
            .collect();
        let card = Card {
            name: settings.name.clone(),
            task,
            architecture: shape.family.clone(),
            dimensions: usize::try_from(dimensions).unwrap_or(0),
            tokens_max: reader.tokens_max(),
            vocabulary: reader.vocabulary(),
            parameters: weights.parameters(),
            precision: settings.precision,
            bytes: shape.bytes(settings.precision) + 4 * recipe.products().sum::<u64>(),
            pooling: if task == Task::Embed {
                names.join("+")
            } else {
                String::new()
            },
            normalized: task == Task::Embed && recipe.normalized,
            prompts: recipe.prompts.keys().cloned().collect(),
            changed_at,
        };
        let model = Model {
            card,
            reader,
            prompts: recipe.prompts.clone(),
            default_prompt: recipe.default_prompt.clone(),
        };
        Ok(Opened {
            model,
            folder,
            shape,
            recipe,
            weights,
        })
    }

    pub fn card(&self) -> &Card {
        &self.card
    }

    pub fn task(&self) -> Task {
        self.card.task
    }

    /// Reads a text for its vector, with the prompt of this name before it, or with the folder's usual one.
    ///
    /// Takes time in proportion to the text: a large one is no work for an async thread.
    pub fn read(&self, text: &str, prompt: Option<&str>, too_long: TooLong) -> Result<Tokens, TextError> {
        let unknown = |name: &str| TextError::UnknownPrompt {
            name: name.to_owned(),
        };
        let prompt = match prompt.or(self.default_prompt.as_deref()) {
            Some(name) => self.prompts.get(name).ok_or_else(|| unknown(name))?,
            None => "",
        };
        let text = match prompt {
            "" => Cow::Borrowed(text),
            prompt => Cow::Owned(format!("{prompt}{text}")),
        };
        self.reader.read(&text, too_long)
    }

    /// Tokens of a client that has a tokenizer of its own, taken as they are.
    pub fn read_ids(&self, ids: &[u32], too_long: TooLong) -> Result<Tokens, TextError> {
        self.reader.read_ids(ids, too_long)
    }

    /// Reads a query for the scores of documents.
    pub fn read_query(&self, query: &str, too_long: TooLong) -> Result<Query, TextError> {
        self.reader.read_query(query, too_long)
    }

    /// Reads a document for its score. Of what is too long the longer of the two is cut first, as
    /// sentence-transformers does.
    pub fn read_pair(&self, query: &Query, document: &str, too_long: TooLong) -> Result<Tokens, TextError> {
        self.reader.read_pair(query, document, too_long)
    }
}
