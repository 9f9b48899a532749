//! Attention: every token looks at all of its own text and at nothing else.

use tch::{Device, Kind, TchError, Tensor};

use super::batch::{Batch, Group};
use super::linear::kind_of;
use crate::settings::Precision;
use crate::torch::kernels;

/// Positions further apart than this share a bucket (MPNet).
const DISTANCE_MAX: f64 = 128.0;

/// How the texts of a batch look at themselves, prepared once for all layers.
///
/// Its input `qkv` [rows, 3 × hidden] has queries, keys and values side by side.
pub struct Attention {
    heads: i64,
    /// Rows that are computed, of which the last ones may belong to no text.
    rows: i64,
    /// Rows of the texts' first tokens, and perhaps of others behind them.
    first_rows: Tensor,
    way: Way,
}

enum Way {
    /// On the CPU: all texts at once, whatever their lengths.
    Packed { offsets: Tensor, bias: Option<Tensor> },
    /// The same on a GPU.
    Fused { offsets: Tensor, longest: i64 },
    /// Texts of equal length together, by libtorch's usual function: on a GPU what the fused kernels do not take.
    Groups { groups: Vec<Group>, biases: Vec<Tensor> },
}

impl Attention {
    /// `relative` is MPNet's table [buckets, heads]. `fused` is whether a GPU's kernels take texts of unequal length.
    pub fn of(
        batch: &Batch,
        heads: i64,
        relative: Option<&Tensor>,
        precision: Precision,
        fused: bool,
    ) -> Result<Attention, TchError> {
        let (order, device) = (&batch.order, batch.ids.device());
        let offsets = || Tensor::f_from_slice(&order.offsets)?.f_to_device(device);
        let longest = order.longest();
        let bias = relative.map(|table| by_distance(table, longest)).transpose()?;
        let way = match (device, bias) {
            (Device::Cpu, bias) => Way::Packed {
                offsets: offsets()?,
                bias,
            },
            (_, None) if fused => Way::Fused {
                offsets: offsets()?,
                longest,
            },
            (_, bias) => {
                let groups = order.groups();
                let kind = kind_of(precision);
                let of = |bias: &Tensor| -> Result<Vec<Tensor>, TchError> {
                    let matrices = groups.iter().map(|group| matrix(bias, group.length, kind));
                    matrices.collect()
                };
                Way::Groups {
                    biases: bias.as_ref().map_or(Ok(Vec::new()), of)?,
                    groups,
                }
            }
        };
        Ok(Attention {
            heads,
            rows: order.rows,
            first_rows: Tensor::f_from_slice(&order.first_rows())?.f_to_device(device)?,
            way,
        })
    }

    /// Every token looks: [rows, hidden].
    pub fn all(&self, qkv: &Tensor) -> Result<Tensor, TchError> {
        match &self.way {
            Way::Packed { offsets, bias } => {
                kernels::attention(qkv, offsets, bias.as_ref(), self.heads, self.rows, false)
            }
            Way::Fused { offsets, longest } => {
                kernels::attention_gpu(qkv, offsets, None, self.heads, *longest)
            }
            Way::Groups { groups, biases } => by_groups(qkv, groups, biases, self.heads, self.rows, false),
        }
    }

    /// Only the first token of each text looks: [texts, hidden], with perhaps more rows behind them.
    pub fn first(&self, qkv: &Tensor) -> Result<Tensor, TchError> {
        let rows = self.first_rows.size()[0];
        match &self.way {
            Way::Packed { offsets, bias } => {
                kernels::attention(qkv, offsets, bias.as_ref(), self.heads, rows, true)
            }
            Way::Fused { offsets, longest } => {
                kernels::attention_gpu(qkv, offsets, Some(&self.first_rows), self.heads, *longest)
            }
            Way::Groups { groups, biases } => by_groups(qkv, groups, biases, self.heads, rows, true),
        }
    }

    /// Of `states` [rows, hidden] those to which [`Attention::first`] gives something.
    pub fn first_of(&self, states: &Tensor) -> Result<Tensor, TchError> {
        states.f_index_select(0, &self.first_rows)
    }
}

fn by_groups(
    qkv: &Tensor,
    groups: &[Group],
    biases: &[Tensor],
    heads: i64,
    rows: i64,
    first_only: bool,
) -> Result<Tensor, TchError> {
    let mut parts = Vec::with_capacity(groups.len() + 1);
    for (at, group) in groups.iter().enumerate() {
        parts.push(of_group(qkv, *group, heads, biases.get(at), first_only)?);
    }
    let filled: i64 = parts.iter().map(|part| part.size()[0]).sum();
    let hidden = qkv.size()[1] / 3;
    let empty = Tensor::f_zeros([rows - filled, hidden], (qkv.kind(), qkv.device()))?;
    parts.push(empty);
    Tensor::f_cat(&parts, 0)
}

fn of_group(
    qkv: &Tensor,
    group: Group,
    heads: i64,
    bias: Option<&Tensor>,
    first_only: bool,
) -> Result<Tensor, TchError> {
    let hidden = qkv.size()[1] / 3;
    let (texts, length) = (group.texts, group.length);
    let parts = qkv
        .f_narrow(0, group.begin, group.rows())?
        .f_view([texts, length, 3, heads, hidden / heads])?
        .f_permute([2, 0, 3, 1, 4])?;
    let (queries, keys, values) = (parts.f_get(0)?, parts.f_get(1)?, parts.f_get(2)?);
    let looked = if first_only { 1 } else { length };
    let queries = queries.f_narrow(2, 0, looked)?;
    let bias = bias.map(|bias| bias.f_narrow(2, 0, looked)).transpose()?;
    let seen = Tensor::f_scaled_dot_product_attention(
        &queries,
        &keys,
        &values,
        bias.as_ref(),
        0.0,
        false,
        None,
        false,
    )?;
    seen.f_transpose(1, 2)?.f_reshape([texts * looked, hidden])
}

/// What MPNet adds to the attention by how far a key stands behind a query, [heads, 2 × longest - 1] in float32, from its
/// table [buckets, heads].
fn by_distance(table: &Tensor, longest: i64) -> Result<Tensor, TchError> {
    let distances = Tensor::f_arange_start(1 - longest, longest, (Kind::Int64, Device::Cpu))?;
    let buckets = buckets(&distances, table.size()[0])?.f_to_device(table.device())?;
    table
        .f_index_select(0, &buckets)?
        .f_to_kind(Kind::Float)?
        .f_transpose(0, 1)?
        .f_contiguous()
}

/// The same for each query and key of texts with so many tokens, [1, heads, length, length].
fn matrix(by_distance: &Tensor, length: i64, kind: Kind) -> Result<Tensor, TchError> {
    let zero = by_distance.size()[1] / 2;
    let places = Tensor::f_arange(length, (Kind::Int64, by_distance.device()))?;
    let distances = places.f_unsqueeze(0)?.f_sub(&places.f_unsqueeze(1)?)?;
    by_distance
        .f_index_select(1, &distances.f_add_scalar(zero)?.f_view([-1])?)?
        .f_view([1, -1, length, length])?
        .f_to_kind(kind)
}

/// The bucket of each distance from a query to a key, as Raffel et al. 2020 describe them for T5: half of the buckets
/// for each direction, of them half for single distances and half for ranges that grow logarithmically.
///
/// Computed as the tables were trained, in float32: at the border of two ranges the last bit decides.
fn buckets(distances: &Tensor, buckets: i64) -> Result<Tensor, TchError> {
    let half = buckets / 2;
    let single = half / 2;
    let side = distances.f_gt(0)?.f_to_kind(Kind::Int64)?.f_mul_scalar(half)?;
    let distances = distances.f_abs()?;
    let ranges = distances
        .f_to_kind(Kind::Float)?
        .f_div_scalar(single)?
        .f_log()?
        .f_div_scalar((DISTANCE_MAX / single as f64).ln())?
        .f_mul_scalar(half - single)?
        .f_to_kind(Kind::Int64)?
        .f_add_scalar(single)?
        .f_clamp_max(half - 1)?;
    side.f_add(&distances.f_where_self(&distances.f_lt(single)?, &ranges)?)
}

#[cfg(test)]
mod tests;
