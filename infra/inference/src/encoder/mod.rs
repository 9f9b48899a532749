//! Encoders of BERT's family: from tokens to vectors or scores.
//!
//! Texts are computed one after the other without padding. All but the attention sees only rows, so that it does not
//! matter where a text ends; the attention takes texts of equal length together.

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
use batch::Batch;
use head::Head;
pub use layer::Place;
use layer::{Layer, Norm, moved};
use linear::kind_of;
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
            let tensor = weights.tensor(name, &[rows, width])?;
            moved(&tensor, place).map_err(|error| FolderError::new(name, error.to_string()))
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
        })
    }

    /// One row for each text, in order: its vector or its scores. No text may be empty or longer than the network has
    /// positions.
    pub fn forward(&self, texts: &[&Tokens]) -> Result<Vec<Vec<f32>>, TchError> {
        let device = self.place.device;
        let batch = Batch::new(texts, self.shape.counting(), self.types.is_some(), device)?;
        let order = &batch.order;
        let biases = match &self.relative {
            Some(table) => attention::relative_biases(table, order, kind_of(self.place.precision))?,
            None => Vec::new(),
        };
        let mut states = self.embed(&batch)?;
        let (last, others) = self
            .layers
            .split_last()
            .ok_or_else(|| TchError::Shape("no layers".to_owned()))?;
        for layer in others {
            states = layer.forward(&states, order, &biases)?;
        }
        let result = match self.head.sees_first_only() {
            true => self.head.finish(&last.forward_first(&states, order, &biases)?)?,
            false => self
                .head
                .forward(&last.forward(&states, order, &biases)?, order)?,
        };
        rows(&result, &order.by_length)
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
