//! Matrix products with weights that stay: by libtorch's named function on a GPU, by weights laid out beforehand on the
//! CPU, in float32 and 8 bits by kernels of our own, in bfloat16 by oneDNN's.

use tch::{Device, Kind, TchError, Tensor};

use crate::settings::Precision;
use crate::torch::kernels::{self, Follows};

/// A weight [outputs, inputs] and its bias, ready to compute.
pub enum Linear {
    Named {
        weight: Tensor,
        bias: Option<Tensor>,
    },
    Panels {
        weight: Tensor,
        outputs: i64,
        bias: Option<Tensor>,
    },
    Packed {
        weight: Tensor,
        bias: Option<Tensor>,
    },
    /// What a byte is worth is said for each row of inputs and each output, so that a text's vector does not depend on
    /// what is computed beside it.
    Bytes {
        weight: Tensor,
        worth: Tensor,
        bias: Option<Tensor>,
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
        match precision {
            Precision::Int8 => Linear::bytes(weight, bias),
            Precision::Bfloat16 => Ok(Linear::Packed {
                weight: kernels::pack(&weight.f_to_kind(kind)?)?,
                bias: bias.map(|bias| bias.f_to_kind(kind)).transpose()?,
            }),
            Precision::Float32 => Ok(Linear::Panels {
                weight: kernels::pack_panels(weight)?,
                outputs: weight.size()[0],
                bias: bias.map(Tensor::shallow_clone),
            }),
        }
    }

    fn bytes(weight: &Tensor, bias: Option<&Tensor>) -> Result<Linear, TchError> {
        let outputs = weight.size()[0];
        let largest = weight.f_abs()?.f_amax([1], true)?;
        // A row of zeros stays one.
        let worth = largest.f_clamp_min(1e-30)?.f_div_scalar(127.0)?;
        let bytes = weight
            .f_div(&worth)?
            .f_round_()?
            .f_clamp_(-127.0, 127.0)?
            .f_to_kind(Kind::Int8)?;
        Ok(Linear::Bytes {
            weight: kernels::pack_bytes(&bytes)?,
            worth: worth.f_view([outputs])?,
            bias: bias.map(Tensor::shallow_clone),
        })
    }

    /// Of `input` [rows, inputs], with what follows.
    pub fn forward(&self, input: &Tensor, follows: Follows) -> Result<Tensor, TchError> {
        match self {
            Linear::Named { weight, bias } => follows.apply(input.f_linear(weight, bias.as_ref())?),
            Linear::Panels {
                weight,
                outputs,
                bias,
            } => kernels::product(input, weight, *outputs, bias.as_ref(), follows),
            Linear::Packed { weight, bias } => kernels::linear(input, weight, bias.as_ref(), follows),
            Linear::Bytes { weight, worth, bias } => {
                kernels::product_bytes(input, weight, worth, bias.as_ref(), follows)
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

#[cfg(test)]
mod tests {
    use super::*;

    fn random(shape: &[i64]) -> Tensor {
        Tensor::randn(shape, (Kind::Float, Device::Cpu))
    }

    #[test]
    fn products_of_any_shape_equal_those_of_libtorch() {
        for lanes in [4, 8, 16] {
            let _limit = kernels::limit_lanes(lanes);
            check_products();
        }
    }

    fn check_products() {
        tch::manual_seed(11);
        let _without_gradients = tch::no_grad_guard();
        for (inputs, outputs) in [(1, 1), (48, 96), (7, 33), (384, 1000), (65, 31)] {
            let (weight, bias) = (random(&[outputs, inputs]), random(&[outputs]));
            for rows in (1..=26).chain([95, 96, 97, 300]) {
                let input = random(&[rows, inputs]);
                for (bias, follows) in [
                    (None, Follows::Nothing),
                    (Some(&bias), Follows::Gelu),
                    (Some(&bias), Follows::Tanh),
                ] {
                    let ours =
                        Linear::new(&weight, bias, Device::Cpu, Precision::Float32).expect("a product");
                    let ours = ours.forward(&input, follows).expect("a result");
                    let theirs = follows.apply(input.linear(&weight, bias)).expect("a result");
                    let apart = (ours - theirs).abs().max().double_value(&[]);
                    assert!(
                        apart < 1e-4,
                        "{rows} × {inputs} by {outputs}, {follows:?}: {apart}"
                    );
                }
            }
        }
    }

    #[test]
    fn products_of_bytes_are_exact_on_every_machine() {
        for lanes in [4, 8, 16] {
            let _limit = kernels::limit_lanes(lanes);
            check_bytes();
        }
    }

    fn check_bytes() {
        tch::manual_seed(12);
        let _without_gradients = tch::no_grad_guard();
        let input_most = kernels::largest_byte();
        // With the largest byte among them, one is worth one.
        let whole = |shape: [i64; 2], most: i32| {
            let most = i64::from(most);
            let values = Tensor::randint_low(-most, most + 1, shape, (Kind::Float, Device::Cpu));
            let _ = values.narrow(1, 0, 1).fill_(most);
            values
        };
        let all =
            |shape: [i64; 2], byte: i32| Tensor::full(shape, f64::from(byte), (Kind::Float, Device::Cpu));
        for (inputs, outputs) in [(1, 1), (48, 96), (7, 33), (384, 100), (1537, 31)] {
            let bias = random(&[outputs]);
            for rows in (1..=13).chain([26, 95, 97]) {
                for (weight, input) in [
                    (whole([outputs, inputs], 127), whole([rows, inputs], input_most)),
                    (all([outputs, inputs], 127), all([rows, inputs], -input_most)),
                    (all([outputs, inputs], -127), all([rows, inputs], input_most)),
                ] {
                    for bias in [None, Some(&bias)] {
                        let ours =
                            Linear::new(&weight, bias, Device::Cpu, Precision::Int8).expect("a product");
                        let ours = ours.forward(&input, Follows::Nothing).expect("a result");
                        let double = |tensor: &Tensor| tensor.to_kind(Kind::Double);
                        let theirs = double(&input).linear(&double(&weight), bias.map(double).as_ref());
                        let apart = ((ours - &theirs).abs() / (theirs.abs() + 1.0)).max();
                        let apart = apart.double_value(&[]);
                        assert!(apart < 1e-6, "{rows} × {inputs} by {outputs}: {apart}");
                    }
                }
            }
        }
    }

    #[test]
    fn a_row_has_the_same_result_whatever_is_beside_it() {
        for lanes in [4, 8, 16] {
            let _limit = kernels::limit_lanes(lanes);
            check_rows(Precision::Float32);
            check_rows(Precision::Int8);
        }
    }

    fn check_rows(precision: Precision) {
        let _without_gradients = tch::no_grad_guard();
        let (weight, input) = (random(&[70, 50]), random(&[40, 50]));
        let product = Linear::new(&weight, None, Device::Cpu, precision).expect("a product");
        let all = product.forward(&input, Follows::Gelu).expect("a result");
        for row in 0..40 {
            let alone = product
                .forward(&input.narrow(0, row, 1), Follows::Gelu)
                .expect("a result");
            assert!(alone.equal(&all.narrow(0, row, 1)), "row {row}");
        }
    }

    #[test]
    fn what_is_no_number_stays_so_in_its_own_row() {
        for lanes in [4, 8, 16] {
            let _limit = kernels::limit_lanes(lanes);
            check_odd();
        }
    }

    fn check_odd() {
        let _without_gradients = tch::no_grad_guard();
        for precision in [Precision::Float32, Precision::Int8] {
            for odd in [f64::NAN, f64::INFINITY] {
                let input = random(&[3, 50]);
                let _ = input.narrow(0, 1, 1).narrow(1, 7, 1).fill_(odd);
                let product =
                    Linear::new(&random(&[40, 50]), None, Device::Cpu, precision).expect("a product");
                let result = product.forward(&input, Follows::Gelu).expect("a result");
                let finite = |row| result.narrow(0, row, 1).isfinite().all().int64_value(&[]) == 1;
                assert_eq!(
                    [0, 1, 2].map(finite),
                    [true, false, true],
                    "{odd} in {precision:?}"
                );
            }
        }
    }

    #[test]
    fn gelu_is_that_of_the_error_function() {
        let values = Tensor::arange_start_step(-12.0, 12.0, 0.01, (Kind::Float, Device::Cpu)).view([-1, 1]);
        let one = Linear::new(
            &Tensor::ones([1, 1], (Kind::Float, Device::Cpu)),
            None,
            Device::Cpu,
            Precision::Float32,
        );
        let ours = one
            .expect("a product")
            .forward(&values, Follows::Gelu)
            .expect("a result");
        let apart = (ours - values.gelu("none")).abs().max().double_value(&[]);
        assert!(apart < 1e-6, "{apart}");
    }

    #[test]
    fn what_does_not_fit_is_refused() {
        let panels = kernels::pack_panels(&random(&[40, 8])).expect("panels");
        let product = |input: &Tensor, outputs, bias: Option<&Tensor>| {
            kernels::product(input, &panels, outputs, bias, Follows::Nothing).map(|result| result.size())
        };
        assert_eq!(product(&random(&[3, 8]), 40, None).expect("a result"), [3, 40]);
        assert_eq!(product(&random(&[0, 8]), 40, None).expect("nothing"), [0, 40]);
        assert!(product(&random(&[3, 9]), 40, None).is_err());
        assert!(product(&random(&[3, 8]), 32, None).is_err());
        assert!(product(&random(&[3, 8]), 40, Some(&random(&[39]))).is_err());
        assert!(product(&random(&[8, 3]).tr(), 40, None).is_err());
        assert!(product(&random(&[3, 8]).to_kind(Kind::BFloat16), 40, None).is_err());
        assert!(kernels::pack_panels(&random(&[8])).is_err());

        let whole = |shape: &[i64]| Tensor::ones(shape, (Kind::Int8, Device::Cpu));
        let bytes = kernels::pack_bytes(&whole(&[40, 6])).expect("panels");
        let product = |input: &Tensor, worth: &Tensor, bias: Option<&Tensor>| {
            kernels::product_bytes(input, &bytes, worth, bias, Follows::Nothing).map(|result| result.size())
        };
        let worth = random(&[40]);
        assert_eq!(
            product(&random(&[3, 6]), &worth, None).expect("a result"),
            [3, 40]
        );
        assert_eq!(product(&random(&[0, 6]), &worth, None).expect("nothing"), [0, 40]);
        assert!(product(&random(&[3, 9]), &worth, None).is_err());
        assert!(product(&random(&[3, 6]), &random(&[32]), None).is_err());
        assert!(product(&random(&[3, 6]), &worth, Some(&random(&[39]))).is_err());
        assert!(product(&random(&[6, 3]).tr(), &worth, None).is_err());
        assert!(product(&random(&[3, 6]).to_kind(Kind::BFloat16), &worth, None).is_err());
        assert!(kernels::pack_bytes(&random(&[8, 8])).is_err());
        assert!(kernels::pack_bytes(&whole(&[1, 65_537])).is_err());
    }
}
