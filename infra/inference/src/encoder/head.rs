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
            let weight = weights.tensor("linear.weight", &[layer.outputs, layer.inputs])?;
            let bias = match layer.has_bias {
                true => Some(weights.tensor("linear.bias", &[layer.outputs])?),
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

fn pool(states: &Tensor, order: &Order, pooling: Pooling) -> Result<Tensor, TchError> {
    let mut pooled = Vec::with_capacity(order.groups.len());
    for group in &order.groups {
        let length = group.length;
        let tokens = states
            .f_narrow(0, group.begin, group.rows())?
            .f_view([group.texts, length, -1])?;
        pooled.push(match pooling {
            Pooling::Cls => tokens.f_select(1, 0)?.f_to_kind(Kind::Float)?,
            Pooling::LastToken => tokens.f_select(1, length - 1)?.f_to_kind(Kind::Float)?,
            Pooling::Max => tokens.f_amax([1], false)?.f_to_kind(Kind::Float)?,
            Pooling::Mean => sum(&tokens)?.f_div_scalar(length)?,
            Pooling::MeanSqrtLen => sum(&tokens)?.f_div_scalar((length as f64).sqrt())?,
            Pooling::WeightedMean => {
                // A token weighs as much as its place in the text.
                let places = Tensor::f_arange_start(1, length + 1, (Kind::Float, states.device()))?;
                let weighted = tokens
                    .f_to_kind(Kind::Float)?
                    .f_mul(&places.f_view([1, length, 1])?)?;
                sum(&weighted)?.f_div_scalar((length * (length + 1)) as f64 / 2.0)?
            }
        });
    }
    Tensor::f_cat(&pooled, 0)
}

fn sum(tokens: &Tensor) -> Result<Tensor, TchError> {
    tokens.f_sum_dim_intlist([1].as_slice(), false, Kind::Float)
}
