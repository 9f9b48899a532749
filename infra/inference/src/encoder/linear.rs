//! Matrix products with weights that stay: by libtorch's named function on a GPU, by weights laid out beforehand on the
//! CPU, in float32, bfloat16 or 8 bits.

use tch::{Device, Kind, TchError, Tensor};

use crate::settings::Precision;
use crate::torch::kernels::{self, Follows};

/// A weight [outputs, inputs] and its bias, ready to compute.
pub enum Linear {
    Named {
        weight: Tensor,
        bias: Option<Tensor>,
    },
    Packed {
        weight: Tensor,
        bias: Option<Tensor>,
    },
    /// Each row of inputs and each output have a step of their own, so that a text's vector does not depend on what
    /// is computed beside it.
    Bytes {
        weight: Tensor,
        steps: Tensor,
        zeros: Tensor,
        bias: Tensor,
    },
}

impl Linear {
    /// Of a weight and bias in float32.
    pub fn new(
        weight: &Tensor,
        bias: Option<&Tensor>,
        device: Device,
        precision: Precision,
    ) -> Result<Linear, TchError> {
        let kind = kind_of(precision);
        if device != Device::Cpu {
            let moved = |tensor: &Tensor| tensor.f_to_device(device)?.f_to_kind(kind);
            return Ok(Linear::Named {
                weight: moved(weight)?,
                bias: bias.map(moved).transpose()?,
            });
        }
        if precision == Precision::Int8 {
            return Linear::bytes(weight, bias);
        }
        Ok(Linear::Packed {
            weight: kernels::pack(&weight.f_to_kind(kind)?)?,
            bias: bias.map(|bias| bias.f_to_kind(kind)).transpose()?,
        })
    }

    fn bytes(weight: &Tensor, bias: Option<&Tensor>) -> Result<Linear, TchError> {
        let outputs = weight.size()[0];
        let largest = weight.f_abs()?.f_amax([1], true)?;
        // A row of zeros stays one.
        let steps = largest.f_clamp_min(1e-30)?.f_div_scalar(127.0)?;
        let bytes = weight
            .f_div(&steps)?
            .f_round_()?
            .f_clamp_(-127.0, 127.0)?
            .f_to_kind(Kind::Int8)?;
        let zeros = Tensor::f_zeros([outputs], (Kind::Int, Device::Cpu))?;
        let none = || Tensor::f_zeros([outputs], (Kind::Float, Device::Cpu));
        Ok(Linear::Bytes {
            weight: kernels::pack_int8(&bytes)?,
            steps: steps.f_view([outputs])?,
            zeros,
            bias: bias.map_or_else(none, |bias| Ok(bias.shallow_clone()))?,
        })
    }

    /// Of `input` [rows, inputs], with what follows.
    pub fn forward(&self, input: &Tensor, follows: Follows) -> Result<Tensor, TchError> {
        match self {
            Linear::Named { weight, bias } => follows.apply(input.f_linear(weight, bias.as_ref())?),
            Linear::Packed { weight, bias } => kernels::linear(input, weight, bias.as_ref(), follows),
            Linear::Bytes {
                weight,
                steps,
                zeros,
                bias,
            } => {
                let (bytes, worth) = kernels::quantize(input)?;
                let product = kernels::linear_int8(&bytes, weight, steps, zeros)?;
                kernels::finish(product, &worth, bias, follows)
            }
        }
    }
}

/// What vectors between the products are kept in.
pub fn kind_of(precision: Precision) -> Kind {
    match precision {
        Precision::Float32 | Precision::Int8 => Kind::Float,
        Precision::Bfloat16 => Kind::BFloat16,
    }
}
