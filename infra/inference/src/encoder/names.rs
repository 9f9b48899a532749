//! What tensors are called in the files of each family.

use crate::folder::FolderError;
use crate::folder::shape::{Architecture, Shape};
use crate::folder::weights::Weights;

/// Of one network.
pub struct Names {
    prefix: String,
    architecture: Architecture,
}

/// Of one layer.
pub struct LayerNames {
    pub queries_keys_values: [String; 3],
    pub attended: String,
    pub attended_norm: String,
    pub wide: String,
    pub narrow: String,
    pub norm: String,
}

impl Names {
    /// A network that was saved with a classifier around it has a prefix.
    pub fn find(weights: &Weights, shape: &Shape) -> Result<Names, FolderError> {
        let family = match shape.architecture {
            Architecture::Bert => "bert.",
            Architecture::Mpnet => "mpnet.",
            Architecture::Roberta | Architecture::XlmRoberta => "roberta.",
        };
        let is_there = |prefix: &&str| weights.has(&format!("{prefix}embeddings.word_embeddings.weight"));
        let prefix = ["", family].into_iter().find(is_there).ok_or_else(|| {
            let problem = "tensor \"embeddings.word_embeddings.weight\" is missing";
            FolderError::new("model.safetensors", problem)
        })?;
        Ok(Names {
            prefix: prefix.to_owned(),
            architecture: shape.architecture,
        })
    }

    pub fn embedding(&self, name: &str) -> String {
        format!("{}embeddings.{name}", self.prefix)
    }

    pub fn relative_bias(&self) -> String {
        format!("{}encoder.relative_attention_bias.weight", self.prefix)
    }

    pub fn pooler(&self) -> String {
        format!("{}pooler.dense", self.prefix)
    }

    pub fn layer(&self, at: i64) -> LayerNames {
        let within = |name: &str| format!("{}encoder.layer.{at}.{name}", self.prefix);
        let (parts, attended, attended_norm) = match self.architecture {
            Architecture::Mpnet => (
                ["attention.attn.q", "attention.attn.k", "attention.attn.v"],
                "attention.attn.o",
                "attention.LayerNorm",
            ),
            _ => (
                [
                    "attention.self.query",
                    "attention.self.key",
                    "attention.self.value",
                ],
                "attention.output.dense",
                "attention.output.LayerNorm",
            ),
        };
        LayerNames {
            queries_keys_values: parts.map(within),
            attended: within(attended),
            attended_norm: within(attended_norm),
            wide: within("intermediate.dense"),
            narrow: within("output.dense"),
            norm: within("output.LayerNorm"),
        }
    }
}
