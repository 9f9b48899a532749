//! Encoders of BERT's family: from tokens to vectors or scores.
//!
//! The tokens of all texts are computed as one long list, without padding. All but the attention and the pooling see
//! only rows, so that it does not matter where a text ends.

mod attention;
pub mod batch;
mod head;
mod layer;
mod linear;
mod names;

use tch::{Device, Kind, TchError, Tensor};

use crate::folder::recipe::Recipe;
use crate::folder::shape::Shape;
use crate::folder::weights::Weights;
use crate::folder::{Folder, FolderError};
use crate::model::Tokens;
use attention::Attention;
use batch::Batch;
use head::Head;
pub use layer::Place;
use layer::{Layer, Norm, placed};
use names::Names;

/// A network with its weights on a device. It belongs to the thread of the device.
pub struct Encoder {
    words: Tensor,
    positions: Tensor,
    types: Option<Tensor>,
    norm: Norm,
    layers: Vec<Layer>,
    /// MPNet's table of relative positions.
    relative: Option<Tensor>,
    head: Head,
    shape: Shape,
    place: Place,
    /// Whether a GPU's kernel for texts of unequal length is used.
    fused: bool,
}

impl Encoder {
    pub fn read(
        folder: &Folder,
        weights: &Weights,
        shape: &Shape,
        recipe: &Recipe,
        place: Place,
    ) -> Result<Encoder, FolderError> {
        let names = Names::find(weights, shape)?;
        let table = |name: &str, rows: i64, width: i64| -> Result<Tensor, FolderError> {
            placed(weights, name, &[rows, width], place)
        };
        let of_tokens = |name: &str, rows| table(&names.embedding(name), rows, shape.hidden);
        let relative = match weights.has(&names.relative_bias()) {
            true => Some(table(&names.relative_bias(), shape.buckets, shape.heads)?),
            false => None,
        };
        Ok(Encoder {
            words: of_tokens("word_embeddings.weight", shape.vocabulary)?,
            positions: of_tokens("position_embeddings.weight", shape.positions)?,
            types: match shape.types {
                0 => None,
                types => Some(of_tokens("token_type_embeddings.weight", types)?),
            },
            norm: Norm::read(weights, &names.embedding("LayerNorm"), shape, place)?,
            layers: (0..shape.layers)
                .map(|at| Layer::read(weights, &names, at, shape, place))
                .collect::<Result<_, _>>()?,
            relative,
            head: Head::read(folder, weights, &names, shape, recipe, place)?,
            shape: shape.clone(),
            place,
            fused: true,
        })
    }

    /// Whether a GPU's kernel for texts of unequal length is used: only where it gives for these texts, but for
    /// rounding, what libtorch's usual function does. Which machines and sizes it takes only itself can tell.
    pub fn choose_attention(&mut self, texts: &[&Tokens]) -> Result<(), TchError> {
        if self.place.device == Device::Cpu || self.relative.is_some() {
            return Ok(());
        }
        self.fused = false;
        let usual = self.forward(texts)?;
        self.fused = true;
        let problem = match self.forward(texts) {
            Ok(rows) if are_alike(&usual, &rows) => return Ok(()),
            Ok(_) => "its results are others".to_owned(),
            Err(error) => error.to_string(),
        };
        self.fused = false;
        let reason = problem.lines().next().unwrap_or_default();
        tracing::warn!(
            reason,
            "attention is computed for each length of texts apart, which is slower"
        );
        Ok(())
    }

    /// Rows that are computed for so many tokens and belong to none of them.
    pub fn padding(&self, tokens: u64) -> u64 {
        batch::rounded(tokens as i64, self.place) as u64 - tokens
    }

    /// One row for each text, in order: its vector or its scores. No text may be empty or longer than the network has
    /// positions.
    pub fn forward(&self, texts: &[&Tokens]) -> Result<Vec<Vec<f32>>, TchError> {
        let batch = Batch::new(texts, self.shape.counting(), self.types.is_some(), self.place)?;
        let attention = Attention::of(
            &batch,
            self.shape.heads,
            self.relative.as_ref(),
            self.place.precision,
            self.fused,
        )?;
        let mut states = self.embed(&batch)?;
        let (last, others) = self
            .layers
            .split_last()
            .ok_or_else(|| TchError::Shape("no layers".to_owned()))?;
        for layer in others {
            states = layer.forward(&states, &attention)?;
        }
        let result = match self.head.sees_first_only() {
            true => self.head.finish(&last.forward_first(&states, &attention)?)?,
            false => self
                .head
                .forward(&last.forward(&states, &attention)?, &batch.order)?,
        };
        rows(&result, &batch.order.by_length)
    }

    fn embed(&self, batch: &Batch) -> Result<Tensor, TchError> {
        let mut sum = self.words.f_index_select(0, &batch.ids)?;
        if let (Some(table), Some(types)) = (&self.types, &batch.types) {
            sum = sum.f_add_(&table.f_index_select(0, types)?)?;
        }
        sum = sum.f_add_(&self.positions.f_index_select(0, &batch.positions)?)?;
        self.norm.forward(&sum)
    }
}

/// Whether rows differ by no more than numbers of 8 bits do that were rounded in another order.
fn are_alike(some: &[Vec<f32>], others: &[Vec<f32>]) -> bool {
    let size = |row: &[f32]| {
        row.iter()
            .map(|value| f64::from(*value).powi(2))
            .sum::<f64>()
            .sqrt()
    };
    some.iter().zip(others).all(|(row, other)| {
        let apart: Vec<f32> = row.iter().zip(other).map(|(one, other)| one - other).collect();
        row.len() == other.len() && size(&apart) <= 0.05 * size(row).max(1e-3)
    })
}

/// The rows of `result` [texts, values], the n-th of which is the `by_length[n]`-th text's.
fn rows(result: &Tensor, by_length: &[usize]) -> Result<Vec<Vec<f32>>, TchError> {
    let result = result
        .f_to_device(Device::Cpu)?
        .f_to_kind(Kind::Float)?
        .f_contiguous()?;
    let width = usize::try_from(result.size()[1]).unwrap_or(0);
    let mut values = vec![0.0; width * by_length.len()];
    let count = values.len();
    result.f_view([-1])?.f_copy_data(&mut values, count)?;
    let mut rows = vec![Vec::new(); by_length.len()];
    for (&text, row) in by_length.iter().zip(values.chunks_exact(width.max(1))) {
        rows[text] = row.to_vec();
    }
    Ok(rows)
}
