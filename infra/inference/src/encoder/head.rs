//! What is made of the tokens' vectors: a text's vector, or a pair's scores.

use tch::{Kind, TchError, Tensor};

use super::batch::Order;
use super::layer::{Place, read_linear, ready};
use super::linear::Linear;
use super::names::Names;
use crate::folder::recipe::{Pooling, Recipe};
use crate::folder::shape::{Architecture, Shape};
use crate::folder::weights::Weights;
use crate::folder::{Folder, FolderError};
use crate::settings::Precision;
use crate::torch::kernels::Follows;

/// The last part of a model. It computes in float32: it costs nothing, and rounding here would be seen.
pub enum Head {
    Vector {
        poolings: Vec<Pooling>,
        dense: Vec<(Linear, Follows)>,
        normalized: bool,
    },
    Scores {
        dense: Linear,
        out: Linear,
        sigmoid: bool,
    },
}

impl Head {
    pub fn read(
        folder: &Folder,
        weights: &Weights,
        names: &Names,
        shape: &Shape,
        recipe: &Recipe,
        place: Place,
    ) -> Result<Head, FolderError> {
        let place = Place {
            device: place.device,
            precision: Precision::Float32,
        };
        let Some(labels) = shape.labels else {
            return Head::vector(folder, recipe, place);
        };
        let (dense, out) = match shape.architecture {
            Architecture::Bert => (names.pooler(), "classifier"),
            _ => ("classifier.dense".to_owned(), "classifier.out_proj"),
        };
        Ok(Head::Scores {
            dense: read_linear(weights, &dense, shape.hidden, shape.hidden, place)?,
            out: read_linear(weights, out, shape.hidden, labels, place)?,
            sigmoid: recipe.sigmoid,
        })
    }

    fn vector(folder: &Folder, recipe: &Recipe, place: Place) -> Result<Head, FolderError> {
        let mut dense = Vec::new();
        for layer in &recipe.dense {
            let weights = Weights::open_in(folder, &layer.module)?;
            let weight = weights.tensor("linear.weight", &[layer.outputs, layer.inputs], Kind::Float)?;
            let bias = match layer.has_bias {
                true => Some(weights.tensor("linear.bias", &[layer.outputs], Kind::Float)?),
                false => None,
            };
            dense.push((
                ready(&layer.module, &weight, bias.as_ref(), place)?,
                layer.follows,
            ));
        }
        Ok(Head::Vector {
            poolings: recipe.poolings.clone(),
            dense,
            normalized: recipe.normalized,
        })
    }

    /// Whether only the first token's vector is looked at.
    pub fn sees_first_only(&self) -> bool {
        match self {
            Head::Vector { poolings, .. } => poolings.as_slice() == [Pooling::Cls],
            Head::Scores { .. } => true,
        }
    }

    /// Of `states` [rows, hidden] in the batch's order: [texts, values] in the same order.
    pub fn forward(&self, states: &Tensor, order: &Order) -> Result<Tensor, TchError> {
        match self {
            Head::Vector { poolings, .. } => {
                let pooled = poolings.iter().map(|&pooling| pool(states, order, pooling));
                self.finish(&Tensor::f_cat(&pooled.collect::<Result<Vec<_>, _>>()?, 1)?)
            }
            Head::Scores { .. } => self.finish(&pool(states, order, Pooling::Cls)?),
        }
    }

    /// Of what was pooled already, or of the first tokens where only those are looked at: [texts, values].
    pub fn finish(&self, pooled: &Tensor) -> Result<Tensor, TchError> {
        let mut pooled = pooled.f_to_kind(Kind::Float)?;
        match self {
            Head::Vector {
                dense, normalized, ..
            } => {
                for (layer, follows) in dense {
                    pooled = layer.forward(&pooled, *follows)?;
                }
                match normalized {
                    true => unit(&pooled),
                    false => Ok(pooled),
                }
            }
            Head::Scores { dense, out, sigmoid } => {
                let scores = out.forward(&dense.forward(&pooled, Follows::Tanh)?, Follows::Nothing)?;
                match sigmoid {
                    true => scores.f_sigmoid(),
                    false => Ok(scores),
                }
            }
        }
    }
}

/// Of length one; what is zero stays it.
fn unit(vectors: &Tensor) -> Result<Tensor, TchError> {
    let length = vectors.f_norm_scalaropt_dim(2.0, [1], true)?;
    vectors.f_div(&length.f_clamp_min(1e-12)?)
}

/// Of `states` [rows, hidden]: [texts, hidden], in the order's order.
fn pool(states: &Tensor, order: &Order, pooling: Pooling) -> Result<Tensor, TchError> {
    let lengths = || order.lengths().map(|length| length as f32);
    match pooling {
        Pooling::Cls => picked(states, order.begins()),
        Pooling::LastToken => picked(
            states,
            order.offsets.iter().skip(1).map(|&row| i64::from(row) - 1),
        ),
        Pooling::Max => bags(states, order, None),
        Pooling::Mean => bags(states, order, Some(each(lengths(), |length, _| 1.0 / length))),
        Pooling::MeanSqrtLen => bags(
            states,
            order,
            Some(each(lengths(), |length, _| length.sqrt().recip())),
        ),
        // A token weighs as much as its place in the text.
        Pooling::WeightedMean => {
            let share = |length: f32, place: f32| 2.0 * (place + 1.0) / (length * (length + 1.0));
            bags(states, order, Some(each(lengths(), share)))
        }
    }
}

/// What each token weighs, of the tokens of its text and its place among them.
fn each(lengths: impl Iterator<Item = f32>, weight: impl Fn(f32, f32) -> f32) -> Vec<f32> {
    let mut weights = Vec::new();
    for length in lengths {
        weights.extend((0..length as usize).map(|place| weight(length, place as f32)));
    }
    weights
}

fn picked(states: &Tensor, rows: impl Iterator<Item = i64>) -> Result<Tensor, TchError> {
    let rows: Vec<i64> = rows.collect();
    let rows = Tensor::f_from_slice(&rows)?.f_to_device(states.device())?;
    states.f_index_select(0, &rows)?.f_to_kind(Kind::Float)
}

/// The tokens of each text together: the sum by their weights, or without weights the largest of each value.
fn bags(states: &Tensor, order: &Order, weights: Option<Vec<f32>>) -> Result<Tensor, TchError> {
    const SUM: i64 = 0;
    const MAX: i64 = 2;
    let device = states.device();
    let tokens = Tensor::f_arange(order.tokens(), (Kind::Int, device))?;
    let offsets = Tensor::f_from_slice(&order.offsets)?.f_to_device(device)?;
    let weights = weights.map(|weights| Tensor::f_from_slice(&weights)?.f_to_device(device));
    let weights = weights.transpose()?;
    let mode = if weights.is_some() { SUM } else { MAX };
    let states = states.f_to_kind(Kind::Float)?;
    Ok(Tensor::f_embedding_bag(
        &states,
        &tokens,
        &offsets,
        false,
        mode,
        false,
        weights.as_ref(),
        true,
    )?
    .0)
}
