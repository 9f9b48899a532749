//! One layer: attention, then two products with an activation between; what goes in is added to what comes out, and
//! normalised.

use tch::{Device, Kind, TchError, Tensor};

use super::attention::Attention;
use super::linear::{Linear, kind_of};
use super::names::Names;
use crate::folder::FolderError;
use crate::folder::shape::Shape;
use crate::folder::weights::Weights;
use crate::settings::Precision;
use crate::torch::kernels::Follows;

/// Where and in what a network computes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Place {
    pub device: Device,
    pub precision: Precision,
}

/// A normalisation over a token's values.
pub struct Norm {
    weight: Tensor,
    bias: Tensor,
    epsilon: f64,
}

pub struct Layer {
    qkv: Linear,
    attended: Linear,
    attended_norm: Norm,
    wide: Linear,
    narrow: Linear,
    norm: Norm,
    activation: Follows,
}

impl Norm {
    pub fn read(weights: &Weights, name: &str, shape: &Shape, place: Place) -> Result<Norm, FolderError> {
        // Files of the first years have names of TensorFlow.
        let [weight, bias] = match weights.has(&format!("{name}.gamma")) {
            true => ["gamma", "beta"],
            false => ["weight", "bias"],
        };
        let read = |part: &str| -> Result<Tensor, FolderError> {
            let name = format!("{name}.{part}");
            placed(weights, &name, &[shape.hidden], place)
        };
        Ok(Norm {
            weight: read(weight)?,
            bias: read(bias)?,
            epsilon: shape.epsilon,
        })
    }

    pub fn forward(&self, input: &Tensor) -> Result<Tensor, TchError> {
        let width = self.weight.size();
        input.f_layer_norm(width, Some(&self.weight), Some(&self.bias), self.epsilon, false)
    }
}

/// A tensor in the kind and on the device of the network.
pub fn placed(weights: &Weights, name: &str, shape: &[i64], place: Place) -> Result<Tensor, FolderError> {
    let tensor = weights.tensor(name, shape, kind_of(place.precision))?;
    tensor
        .f_to_device(place.device)
        .map_err(|error| FolderError::new(name, error.to_string()))
}

impl Layer {
    pub fn read(
        weights: &Weights,
        names: &Names,
        at: i64,
        shape: &Shape,
        place: Place,
    ) -> Result<Layer, FolderError> {
        let names = names.layer(at);
        let (hidden, intermediate) = (shape.hidden, shape.intermediate);
        let linear = |name: &str, inputs, outputs| read_linear(weights, name, inputs, outputs, place);
        Ok(Layer {
            qkv: read_qkv(weights, &names.queries_keys_values, hidden, place)?,
            attended: linear(&names.attended, hidden, hidden)?,
            attended_norm: Norm::read(weights, &names.attended_norm, shape, place)?,
            wide: linear(&names.wide, hidden, intermediate)?,
            narrow: linear(&names.narrow, intermediate, hidden)?,
            norm: Norm::read(weights, &names.norm, shape, place)?,
            activation: shape.activation,
        })
    }

    /// `input` [rows, hidden] of packed texts.
    pub fn forward(&self, input: &Tensor, attention: &Attention) -> Result<Tensor, TchError> {
        let seen = attention.all(&self.qkv.forward(input, Follows::Nothing)?)?;
        self.after_attention(&seen, input)
    }

    /// The same for the first token of each text only: [texts, hidden], with perhaps more rows behind them.
    pub fn forward_first(&self, input: &Tensor, attention: &Attention) -> Result<Tensor, TchError> {
        let seen = attention.first(&self.qkv.forward(input, Follows::Nothing)?)?;
        self.after_attention(&seen, &attention.first_of(input)?)
    }

    fn after_attention(&self, seen: &Tensor, input: &Tensor) -> Result<Tensor, TchError> {
        let mut attended = self.attended.forward(seen, Follows::Nothing)?;
        let attended = self.attended_norm.forward(&attended.f_add_(input)?)?;
        let wide = self.wide.forward(&attended, self.activation)?;
        let mut narrow = self.narrow.forward(&wide, Follows::Nothing)?;
        self.norm.forward(&narrow.f_add_(&attended)?)
    }
}

/// A product with a bias.
pub fn read_linear(
    weights: &Weights,
    name: &str,
    inputs: i64,
    outputs: i64,
    place: Place,
) -> Result<Linear, FolderError> {
    let weight = weights.tensor(&format!("{name}.weight"), &[outputs, inputs], Kind::Float)?;
    let bias = weights.tensor(&format!("{name}.bias"), &[outputs], Kind::Float)?;
    ready(name, &weight, Some(&bias), place)
}

/// Three products as one: they have the same input.
fn read_qkv(
    weights: &Weights,
    names: &[String; 3],
    hidden: i64,
    place: Place,
) -> Result<Linear, FolderError> {
    let mut all = Vec::new();
    let mut biases = Vec::new();
    for name in names {
        all.push(weights.tensor(&format!("{name}.weight"), &[hidden, hidden], Kind::Float)?);
        biases.push(weights.tensor(&format!("{name}.bias"), &[hidden], Kind::Float)?);
    }
    let refused = |error: TchError| FolderError::new(&names[0], error.to_string());
    let weight = Tensor::f_cat(&all, 0).map_err(refused)?;
    drop(all);
    let bias = Tensor::f_cat(&biases, 0).map_err(refused)?;
    ready(&names[0], &weight, Some(&bias), place)
}

pub fn ready(
    name: &str,
    weight: &Tensor,
    bias: Option<&Tensor>,
    place: Place,
) -> Result<Linear, FolderError> {
    Linear::new(weight, bias, place.device, place.precision)
        .map_err(|error| FolderError::new(name, error.to_string()))
}
