//! tokenizer.json: how texts become tokens, equal to Hugging Face's to the last one.

use std::panic::{AssertUnwindSafe, catch_unwind};

use serde::Deserialize;
use tokenizers::tokenizer::PostProcessor as _;
use tokenizers::utils::truncation::{TruncationParams, TruncationStrategy, truncate_encodings};
use tokenizers::{Encoding, Tokenizer, TruncationDirection};

use super::shape::{Architecture, Shape};
use super::{Folder, FolderError};
use crate::model::{TextError, Tokens, TooLong};

const FILE: &str = "tokenizer.json";
/// The largest vocabularies, of a quarter of a million tokens, have 17 MB.
const BYTES_MAX: u64 = 128 << 20;
/// Of one text.
pub const TEXT_BYTES_MAX: usize = 1 << 20;
/// A text that is cut anyway is read so far at first.
const BEGIN_BYTES: usize = 16 << 10;
/// What a cut in the middle of a text may change are its last tokens.
const MARGIN: usize = 64;

/// Reads texts for one model. Shared by threads.
pub struct Reader {
    tokenizer: Tokenizer,
    tokens_max: usize,
    vocabulary: usize,
    /// Token types that the network has; 1 where it is not told of them.
    types: u32,
    lower_case: bool,
}

/// A query that waits for its documents.
pub struct Query(Encoding);

#[derive(Default, Deserialize)]
struct Written {
    model_max_length: Option<f64>,
    model_input_names: Option<Vec<String>>,
}

impl Reader {
    /// `tokens_max` and `lower_case` are what the folder says elsewhere.
    pub fn open(
        folder: &Folder,
        shape: &Shape,
        tokens_max: Option<usize>,
        lower_case: bool,
    ) -> Result<Reader, FolderError> {
        let bytes = folder
            .bytes(FILE, BYTES_MAX)?
            .ok_or_else(|| FolderError::new(FILE, "the file is missing"))?;
        let mut tokenizer = parse(&bytes).map_err(|problem| FolderError::new(FILE, problem))?;
        // A file may ask for more padding than there is memory. Texts are cut here and never padded.
        tokenizer.with_padding(None);
        tokenizer
            .with_truncation(None)
            .map_err(|error| FolderError::new(FILE, error.to_string()))?;
        let written: Written = folder.json("tokenizer_config.json")?.unwrap_or_default();
        // Without a limit the file has a number of thirty digits.
        let written_max = written
            .model_max_length
            .filter(|&tokens| (3.0..1e9).contains(&tokens));
        let tokens_max = tokens_max
            .or(written_max.map(|tokens| tokens as usize))
            .map_or(shape.tokens_max(), |tokens| tokens.min(shape.tokens_max()));
        let names = written.model_input_names;
        let told = names.is_none_or(|names| names.iter().any(|name| name == "token_type_ids"));
        let types = match shape.architecture {
            Architecture::Bert if told => u32::try_from(shape.types).unwrap_or(1),
            _ => 1,
        };
        let reader = Reader {
            tokenizer,
            tokens_max,
            vocabulary: usize::try_from(shape.vocabulary).unwrap_or(0),
            types,
            lower_case,
        };
        for pair in [false, true] {
            if reader.added(pair) >= tokens_max {
                return Err(FolderError::new(FILE, "it adds more tokens than the model reads"));
            }
        }
        Ok(reader)
    }

    /// Tokens of a text, with those that the model adds.
    pub fn tokens_max(&self) -> usize {
        self.tokens_max
    }

    pub fn vocabulary(&self) -> usize {
        self.vocabulary
    }

    pub fn read(&self, text: &str, too_long: TooLong) -> Result<Tokens, TextError> {
        let added = self.added(false);
        let room = self.tokens_max - added;
        let encoding = self.read_part(text, room, too_long)?;
        let encoding = self.cut(encoding, None, room, added, too_long)?.0;
        self.finish(encoding, None)
    }

    /// A query, read once for all its documents.
    pub fn read_query(&self, query: &str, too_long: TooLong) -> Result<Query, TextError> {
        let room = self.tokens_max - self.added(true);
        self.read_part(query, room, too_long).map(Query)
    }

    /// A query and a document, of which the longer one is cut first.
    pub fn read_pair(&self, query: &Query, document: &str, too_long: TooLong) -> Result<Tokens, TextError> {
        let added = self.added(true);
        let room = self.tokens_max - added;
        let document = self.read_part(document, room, too_long)?;
        let (query, document) = self.cut(query.0.clone(), Some(document), room, added, too_long)?;
        self.finish(query, document)
    }

    /// A text without what the model adds, of which at least so many tokens are needed.
    fn read_part(&self, text: &str, room: usize, too_long: TooLong) -> Result<Encoding, TextError> {
        check_bytes(text)?;
        match too_long {
            TooLong::Truncate => self.encode_begin(text, room),
            TooLong::Refuse => self.encode(text),
        }
    }

    /// Tokens of a client's own.
    pub fn read_ids(&self, ids: &[u32], too_long: TooLong) -> Result<Tokens, TextError> {
        if ids.is_empty() {
            return Err(TextError::Empty);
        }
        let ids = match too_long {
            TooLong::Truncate => &ids[..ids.len().min(self.tokens_max)],
            TooLong::Refuse => ids,
        };
        if ids.len() > self.tokens_max {
            return Err(TextError::TooLong {
                tokens: ids.len(),
                tokens_max: self.tokens_max,
            });
        }
        self.checked(Tokens {
            ids: ids.to_vec(),
            types: vec![0; ids.len()],
        })
    }

    fn added(&self, pair: bool) -> usize {
        let processor = self.tokenizer.get_post_processor();
        processor.map_or(0, |processor| processor.added_tokens(pair))
    }

    fn encode(&self, text: &str) -> Result<Encoding, TextError> {
        let lower = self.lower_case.then(|| text.to_lowercase());
        let text = lower.as_deref().unwrap_or(text);
        guarded(|| self.tokenizer.encode_fast(text, false))
    }

    /// Of a long text only as much as is needed for so many tokens.
    fn encode_begin(&self, text: &str, tokens: usize) -> Result<Encoding, TextError> {
        let mut bytes = BEGIN_BYTES;
        while bytes < text.len() {
            let begin = &text[..text.floor_char_boundary(bytes)];
            // Words that are cut would become others.
            if let Some(end) = begin.rfind(char::is_whitespace) {
                let encoding = self.encode(&begin[..end])?;
                if encoding.len() >= tokens + MARGIN {
                    return Ok(encoding);
                }
            }
            bytes *= 4;
        }
        self.encode(text)
    }

    fn cut(
        &self,
        first: Encoding,
        second: Option<Encoding>,
        room: usize,
        added: usize,
        too_long: TooLong,
    ) -> Result<(Encoding, Option<Encoding>), TextError> {
        let tokens = first.len() + second.as_ref().map_or(0, Encoding::len);
        if tokens <= room {
            return Ok((first, second));
        }
        if too_long == TooLong::Refuse {
            return Err(TextError::TooLong {
                tokens: tokens + added,
                tokens_max: self.tokens_max,
            });
        }
        let how = TruncationParams {
            max_length: room,
            strategy: TruncationStrategy::LongestFirst,
            stride: 0,
            direction: TruncationDirection::Right,
        };
        guarded(|| truncate_encodings(first, second, &how))
    }

    fn finish(&self, first: Encoding, second: Option<Encoding>) -> Result<Tokens, TextError> {
        let encoding = guarded(|| self.tokenizer.post_process(first, second, true))?;
        let types = match self.types {
            0 | 1 => vec![0; encoding.len()],
            _ => encoding.get_type_ids().to_vec(),
        };
        let tokens = Tokens {
            ids: encoding.get_ids().to_vec(),
            types,
        };
        if tokens.ids.is_empty() {
            return Err(TextError::Empty);
        }
        self.checked(tokens)
    }

    fn checked(&self, tokens: Tokens) -> Result<Tokens, TextError> {
        let unknown = |id: &&u32| **id as usize >= self.vocabulary;
        if let Some(&id) = tokens.ids.iter().find(unknown) {
            let vocabulary = self.vocabulary;
            return Err(TextError::UnknownToken { id, vocabulary });
        }
        if tokens.types.iter().any(|&kind| kind >= self.types.max(1)) {
            return Err(TextError::Unreadable {
                reason: "it gives a token a type that the network does not have".to_owned(),
            });
        }
        Ok(tokens)
    }
}

fn check_bytes(text: &str) -> Result<(), TextError> {
    if text.len() > TEXT_BYTES_MAX {
        return Err(TextError::TooManyBytes {
            bytes: text.len(),
            bytes_max: TEXT_BYTES_MAX,
        });
    }
    Ok(())
}

fn parse(bytes: &[u8]) -> Result<Tokenizer, String> {
    // A file whose parts do not fit together makes the library panic in places.
    match catch_unwind(|| Tokenizer::from_bytes(bytes)) {
        Ok(Ok(tokenizer)) => Ok(tokenizer),
        Ok(Err(error)) => Err(error.to_string()),
        Err(_) => Err("it contradicts itself".to_owned()),
    }
}

/// The library panics on files that it has accepted, where their parts do not fit together.
fn guarded<T>(read: impl FnOnce() -> tokenizers::Result<T>) -> Result<T, TextError> {
    let reason = match catch_unwind(AssertUnwindSafe(read)) {
        Ok(Ok(result)) => return Ok(result),
        Ok(Err(error)) => error.to_string(),
        Err(_) => "the tokenizer contradicts itself".to_owned(),
    };
    Err(TextError::Unreadable { reason })
}
