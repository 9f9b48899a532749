//! Attention: every token looks at all of its own text and at nothing else.

use tch::{Device, Kind, TchError, Tensor};

use super::batch::{Group, Order, rounded};

/// Positions further apart than this share a bucket (MPNet).
const DISTANCE_MAX: f64 = 128.0;

/// Which tokens look.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Looking {
    All,
    /// The first one of each text; then there is one row for each text, and some more that make their count round.
    First,
}

/// `qkv` [rows, 3 × hidden] of packed texts: queries, keys and values side by side. Gives [rows, hidden].
///
/// `biases` has one for each group, [1, heads, length, length], where the network adds any.
pub fn attention(
    qkv: &Tensor,
    order: &Order,
    heads: i64,
    biases: &[Tensor],
    looking: Looking,
) -> Result<Tensor, TchError> {
    let mut parts = Vec::with_capacity(order.groups.len());
    for (at, group) in order.groups.iter().enumerate() {
        parts.push(of_group(qkv, *group, heads, biases.get(at), looking)?);
    }
    let empty = match looking {
        Looking::All => order.rows - order.tokens,
        Looking::First => {
            let texts = order.by_length.len() as i64;
            rounded(texts) - texts
        }
    };
    if empty > 0 {
        parts.push(Tensor::f_zeros(
            [empty, qkv.size()[1] / 3],
            (qkv.kind(), qkv.device()),
        )?);
    }
    match <[Tensor; 1]>::try_from(parts) {
        Ok([only]) => Ok(only),
        Err(parts) => Tensor::f_cat(&parts, 0),
    }
}

fn of_group(
    qkv: &Tensor,
    group: Group,
    heads: i64,
    bias: Option<&Tensor>,
    looking: Looking,
) -> Result<Tensor, TchError> {
    let hidden = qkv.size()[1] / 3;
    let (texts, length) = (group.texts, group.length);
    let parts = qkv
        .f_narrow(0, group.begin, group.rows())?
        .f_view([texts, length, 3, heads, hidden / heads])?
        .f_permute([2, 0, 3, 1, 4])?;
    let (queries, keys, values) = (parts.f_get(0)?, parts.f_get(1)?, parts.f_get(2)?);
    let looked = match looking {
        Looking::All => length,
        Looking::First => 1,
    };
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

/// What MPNet adds to the attention of a text of so many tokens, [1, heads, length, length], from its table [buckets,
/// heads].
pub fn relative_bias(table: &Tensor, length: i64) -> Result<Tensor, TchError> {
    let places = Tensor::f_arange(length, (Kind::Int64, Device::Cpu))?;
    let distances = places.f_unsqueeze(0)?.f_sub(&places.f_unsqueeze(1)?)?;
    let buckets = buckets(&distances, table.size()[0])?.f_view([-1])?;
    table
        .f_index_select(0, &buckets.f_to_device(table.device())?)?
        .f_view([length, length, -1])?
        .f_permute([2, 0, 1])?
        .f_unsqueeze(0)?
        .f_contiguous()
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

/// Biases for all groups of a batch, in the kind of the network.
pub fn relative_biases(table: &Tensor, order: &Order, kind: Kind) -> Result<Vec<Tensor>, TchError> {
    let of = |group: &Group| relative_bias(table, group.length)?.f_to_kind(kind);
    order.groups.iter().map(of).collect()
}
