//! config.json: what a network is made of.

use std::ops::RangeInclusive;

use serde::Deserialize;

use super::{Folder, FolderError};
use crate::encoder::batch::Counting;
use crate::settings::Precision;
use crate::torch::kernels::Follows;

const FILE: &str = "config.json";

/// How a family differs from BERT.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Architecture {
    Bert,
    /// Positions relative to one another, added to the attention of every layer.
    Mpnet,
    /// Positions are counted from behind the padding token's.
    Roberta,
    XlmRoberta,
}

/// The measures of a network, checked.
#[derive(Clone, Debug, PartialEq)]
pub struct Shape {
    pub architecture: Architecture,
    /// As the folder names it.
    pub family: String,
    pub hidden: i64,
    pub layers: i64,
    pub heads: i64,
    pub intermediate: i64,
    pub activation: Follows,
    pub epsilon: f64,
    /// Rows of the table of positions.
    pub positions: i64,
    /// Rows of the table of token types; 0 where there is none.
    pub types: i64,
    pub vocabulary: i64,
    pub padding: i64,
    /// Buckets of relative positions; of MPNet only.
    pub buckets: i64,
    /// Scores that a classifier gives; None where there is no classifier.
    pub labels: Option<i64>,
}

#[derive(Deserialize)]
struct Written {
    model_type: Option<String>,
    #[serde(default)]
    architectures: Option<Vec<String>>,
    hidden_size: Option<i64>,
    num_hidden_layers: Option<i64>,
    num_attention_heads: Option<i64>,
    intermediate_size: Option<i64>,
    hidden_act: Option<String>,
    layer_norm_eps: Option<f64>,
    max_position_embeddings: Option<i64>,
    type_vocab_size: Option<i64>,
    vocab_size: Option<i64>,
    pad_token_id: Option<i64>,
    relative_attention_num_buckets: Option<i64>,
    position_embedding_type: Option<String>,
    is_decoder: Option<bool>,
    num_labels: Option<i64>,
    id2label: Option<serde_json::Map<String, serde_json::Value>>,
}

impl Shape {
    pub fn read(folder: &Folder) -> Result<Shape, FolderError> {
        let written: Written = folder.json_needed(FILE)?;
        let family = written
            .model_type
            .clone()
            .ok_or_else(|| FolderError::new(FILE, "model_type is missing"))?;
        let architecture = match family.as_str() {
            "bert" => Architecture::Bert,
            "mpnet" => Architecture::Mpnet,
            "roberta" | "camembert" => Architecture::Roberta,
            "xlm-roberta" => Architecture::XlmRoberta,
            other => {
                let problem = format!(
                    "model_type \"{other}\" is none of those that run here: bert, camembert, mpnet, roberta, xlm-roberta"
                );
                return Err(FolderError::new(FILE, problem));
            }
        };
        written.refuse_what_is_not_known()?;
        let counts_from_padding = architecture != Architecture::Bert;
        let shape = Shape {
            hidden: number("hidden_size", written.hidden_size, None, 1..=16_384)?,
            layers: number("num_hidden_layers", written.num_hidden_layers, None, 1..=256)?,
            heads: number(
                "num_attention_heads",
                written.num_attention_heads,
                None,
                1..=1_024,
            )?,
            intermediate: number("intermediate_size", written.intermediate_size, None, 1..=131_072)?,
            activation: written.activation()?,
            epsilon: written.epsilon()?,
            positions: number(
                "max_position_embeddings",
                written.max_position_embeddings,
                None,
                1..=1 << 20,
            )?,
            types: match architecture {
                Architecture::Mpnet => 0,
                _ => number("type_vocab_size", written.type_vocab_size, Some(2), 1..=1_024)?,
            },
            vocabulary: number("vocab_size", written.vocab_size, None, 1..=8 << 20)?,
            padding: number(
                "pad_token_id",
                written.pad_token_id,
                Some(i64::from(counts_from_padding)),
                0..=8 << 20,
            )?,
            buckets: number(
                "relative_attention_num_buckets",
                written.relative_attention_num_buckets,
                Some(32),
                4..=4_096,
            )?,
            labels: written.labels()?,
            architecture,
            family,
        };
        shape.check()?;
        Ok(shape)
    }

    fn check(&self) -> Result<(), FolderError> {
        if self.hidden % self.heads != 0 {
            let problem = format!(
                "hidden_size {} is no multiple of {} heads",
                self.hidden, self.heads
            );
            return Err(FolderError::new(FILE, problem));
        }
        if self.tokens_max() < 3 {
            return Err(FolderError::new(
                FILE,
                "max_position_embeddings leaves no room for a text",
            ));
        }
        Ok(())
    }

    pub fn counting(&self) -> Counting {
        match self.architecture {
            Architecture::Bert => Counting::FromZero,
            // Whatever its configuration says: its code has the number.
            Architecture::Mpnet => Counting::FromPadding(1),
            Architecture::Roberta | Architecture::XlmRoberta => {
                Counting::FromPadding(u32::try_from(self.padding).unwrap_or(1))
            }
        }
    }

    /// Bytes of the weights in memory: tables of tokens in the kind of the network, products in the precision.
    pub fn bytes(&self, precision: Precision) -> u64 {
        let (table, product) = match precision {
            Precision::Float32 => (4, 4),
            Precision::Bfloat16 => (2, 2),
            Precision::Int8 => (4, 1),
        };
        let rows = self.vocabulary + self.positions + self.types;
        let layer = 4 * self.hidden * self.hidden + 2 * self.hidden * self.intermediate;
        let bytes = table * rows * self.hidden + product * self.layers * layer;
        u64::try_from(bytes).unwrap_or(u64::MAX)
    }

    /// Values of the largest product's weight.
    pub fn largest_product(&self) -> u64 {
        let values = self.hidden * self.intermediate.max(3 * self.hidden);
        u64::try_from(values).unwrap_or(u64::MAX)
    }

    /// Floating-point operations of the products for texts of so many tokens each: those of the layers' weights, and
    /// those of every token with every other one of its text.
    pub fn operations(&self, tokens: &[usize]) -> f64 {
        let layer = 4 * self.hidden * self.hidden + 2 * self.hidden * self.intermediate;
        let of_a_text = |&tokens: &usize| {
            let tokens = tokens as f64;
            2.0 * layer as f64 * tokens + 4.0 * self.hidden as f64 * tokens * tokens
        };
        self.layers as f64 * tokens.iter().map(of_a_text).sum::<f64>()
    }

    /// Tokens for which there are positions.
    pub fn tokens_max(&self) -> usize {
        let first = match self.counting() {
            Counting::FromZero => 0,
            Counting::FromPadding(padding) => i64::from(padding) + 1,
        };
        usize::try_from(self.positions - first).unwrap_or(0)
    }
}

impl Written {
    fn refuse_what_is_not_known(&self) -> Result<(), FolderError> {
        let kind = self.position_embedding_type.as_deref().unwrap_or("absolute");
        if kind != "absolute" {
            let problem = format!("position_embedding_type \"{kind}\" is not \"absolute\"");
            return Err(FolderError::new(FILE, problem));
        }
        if self.is_decoder == Some(true) {
            return Err(FolderError::new(FILE, "is_decoder is true: it is no encoder"));
        }
        Ok(())
    }

    fn activation(&self) -> Result<Follows, FolderError> {
        match self.hidden_act.as_deref().unwrap_or("gelu") {
            "gelu" => Ok(Follows::Gelu),
            "gelu_new" | "gelu_pytorch_tanh" => Ok(Follows::GeluTanh),
            "relu" => Ok(Follows::Relu),
            "tanh" => Ok(Follows::Tanh),
            other => {
                let problem = format!(
                    "hidden_act \"{other}\" is none of gelu, gelu_new, gelu_pytorch_tanh, relu, tanh"
                );
                Err(FolderError::new(FILE, problem))
            }
        }
    }

    fn epsilon(&self) -> Result<f64, FolderError> {
        let epsilon = self.layer_norm_eps.unwrap_or(1e-12);
        if epsilon > 0.0 && epsilon < 0.1 {
            Ok(epsilon)
        } else {
            Err(FolderError::new(
                FILE,
                format!("layer_norm_eps {epsilon} is not between 0 and 0.1"),
            ))
        }
    }

    /// Of a folder that was saved as a classifier. The count stands in num_labels, or is that of the labels' names, or
    /// the two that the format assumes.
    fn labels(&self) -> Result<Option<i64>, FolderError> {
        let classifies = |name: &String| name.ends_with("ForSequenceClassification");
        if !self.architectures.iter().flatten().any(classifies) {
            return Ok(None);
        }
        let names = self.id2label.as_ref().map(|names| names.len() as i64);
        number("num_labels", self.num_labels.or(names), Some(2), 1..=1_024).map(Some)
    }
}

fn number(
    name: &str,
    written: Option<i64>,
    otherwise: Option<i64>,
    allowed: RangeInclusive<i64>,
) -> Result<i64, FolderError> {
    let value = written
        .or(otherwise)
        .ok_or_else(|| FolderError::new(FILE, format!("{name} is missing")))?;
    if allowed.contains(&value) {
        return Ok(value);
    }
    let (least, most) = (allowed.start(), allowed.end());
    Err(FolderError::new(
        FILE,
        format!("{name} {value} is not between {least} and {most}"),
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn products_take_two_operations_for_each_weight_and_four_for_each_pair_of_tokens() {
        let shape = Shape {
            architecture: Architecture::Bert,
            family: "bert".to_owned(),
            hidden: 10,
            layers: 3,
            heads: 2,
            intermediate: 40,
            activation: Follows::Gelu,
            epsilon: 1e-12,
            positions: 512,
            types: 2,
            vocabulary: 100,
            padding: 0,
            buckets: 32,
            labels: None,
        };
        let weights = 4.0 * 100.0 + 2.0 * 400.0;
        let expected = 3.0 * (2.0 * weights * 7.0 + 4.0 * 10.0 * (25.0 + 4.0));
        assert!((shape.operations(&[5, 2]) - expected).abs() < 1e-6);
        assert!(shape.operations(&[]).abs() < f64::EPSILON);
    }
}
