//! Texts that are computed together: their tokens one after the other, without padding, those of equal length side by
//! side.

use tch::{Device, Kind, TchError, Tensor};

use super::layer::Place;
use crate::model::Tokens;
use crate::settings::Precision;

/// Texts of one length.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Group {
    /// Row of the first token.
    pub begin: i64,
    pub texts: i64,
    /// Tokens of each.
    pub length: i64,
}

impl Group {
    pub fn rows(&self) -> i64 {
        self.texts * self.length
    }
}

/// Which texts stand where.
#[derive(Debug, PartialEq, Eq)]
pub struct Order {
    /// Texts by length: the n-th that is computed is the `by_length[n]`-th that was given.
    pub by_length: Vec<usize>,
    /// Row of each text's first token, in this order, and the row behind the last token.
    pub offsets: Vec<i32>,
    /// Rows that are computed, of which the last ones may belong to no text.
    pub rows: i64,
    /// The same where each text has one row.
    text_rows: i64,
}

/// Rows that are computed for so many.
///
/// Products of oneDNN have kernels of their own for each count of rows, which are built when they are first needed: a few
/// milliseconds, and memory that stays. So counts are rounded up to a step that leaves a few dozen of them.
pub fn rounded(rows: i64, place: Place) -> i64 {
    if place.device != Device::Cpu || place.precision != Precision::Bfloat16 {
        return rows;
    }
    let step = match rows {
        ..=512 => 16,
        513..=2_048 => 64,
        _ => 256,
    };
    (rows + step - 1) / step * step
}

impl Order {
    /// Of texts with so many tokens each; none may be empty.
    pub fn of(lengths: &[usize], place: Place) -> Order {
        let mut by_length: Vec<usize> = (0..lengths.len()).collect();
        by_length.sort_by_key(|&text| lengths[text]);
        let mut offsets = Vec::with_capacity(lengths.len() + 1);
        let mut tokens = 0;
        for &text in &by_length {
            offsets.push(tokens as i32);
            tokens += lengths[text] as i64;
        }
        offsets.push(tokens as i32);
        Order {
            by_length,
            offsets,
            rows: rounded(tokens, place),
            text_rows: rounded(lengths.len() as i64, place),
        }
    }

    /// Tokens of each text, in this order.
    pub fn lengths(&self) -> impl Iterator<Item = i64> {
        self.offsets
            .array_windows()
            .map(|[begin, end]| i64::from(end - begin))
    }

    /// Tokens of the longest text.
    pub fn longest(&self) -> i64 {
        self.lengths().last().unwrap_or(1)
    }

    pub fn tokens(&self) -> i64 {
        self.offsets.last().map_or(0, |&end| i64::from(end))
    }

    /// Texts of equal length, which stand side by side.
    pub fn groups(&self) -> Vec<Group> {
        let mut groups: Vec<Group> = Vec::new();
        for (&begin, length) in self.offsets.iter().zip(self.lengths()) {
            match groups.last_mut() {
                Some(group) if group.length == length => group.texts += 1,
                _ => groups.push(Group {
                    begin: begin.into(),
                    texts: 1,
                    length,
                }),
            }
        }
        groups
    }

    /// Row of each text's first token.
    pub fn begins(&self) -> impl Iterator<Item = i64> {
        self.offsets[..self.by_length.len()].iter().map(|&row| row.into())
    }

    /// The same, and other rows until their count is round.
    pub fn first_rows(&self) -> Vec<i64> {
        let mut rows: Vec<i64> = self.begins().collect();
        rows.resize(self.text_rows as usize, 0);
        rows
    }
}

/// How a family counts the positions of a text's tokens.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Counting {
    FromZero,
    /// From behind the padding token's id. Where a text holds that token, it has its id as position and is not counted.
    FromPadding(u32),
}

impl Counting {
    fn count(self, ids: &[u32], positions: &mut Vec<i64>) {
        match self {
            Counting::FromZero => positions.extend(0..ids.len() as i64),
            Counting::FromPadding(padding) => {
                let mut last = i64::from(padding);
                positions.extend(ids.iter().map(|&id| {
                    if id == padding {
                        return i64::from(padding);
                    }
                    last += 1;
                    last
                }));
            }
        }
    }
}

/// Tokens on a device.
pub struct Batch {
    pub order: Order,
    pub ids: Tensor,
    /// None where the network has no token types.
    pub types: Option<Tensor>,
    pub positions: Tensor,
}

impl Batch {
    pub fn new(
        texts: &[&Tokens],
        counting: Counting,
        has_types: bool,
        place: Place,
    ) -> Result<Batch, TchError> {
        let lengths: Vec<usize> = texts.iter().map(|text| text.ids.len()).collect();
        let order = Order::of(&lengths, place);
        let rows = order.rows as usize;
        let mut ids: Vec<i64> = Vec::with_capacity(rows);
        let mut types: Vec<i64> = Vec::with_capacity(if has_types { rows } else { 0 });
        let mut positions: Vec<i64> = Vec::with_capacity(rows);
        for &text in &order.by_length {
            let text = texts[text];
            ids.extend(text.ids.iter().map(|&id| i64::from(id)));
            if has_types {
                types.extend(text.types.iter().map(|&kind| i64::from(kind)));
            }
            counting.count(&text.ids, &mut positions);
        }
        // Rows of no text: any token will do, nobody looks at them.
        ids.resize(rows, 0);
        positions.resize(rows, 0);
        if has_types {
            types.resize(rows, 0);
        }
        let placed = |values: &[i64]| on_device(values, place.device);
        Ok(Batch {
            ids: placed(&ids)?,
            types: has_types.then(|| placed(&types)).transpose()?,
            positions: placed(&positions)?,
            order,
        })
    }
}

/// From pinned memory where it goes to a GPU, so that the copy does not wait.
fn on_device(values: &[i64], device: Device) -> Result<Tensor, TchError> {
    let tensor = Tensor::f_from_slice(values)?;
    match device {
        Device::Cpu => Ok(tensor),
        device => tensor
            .f_pin_memory(device)?
            .f_to_device_(device, Kind::Int64, true, false),
    }
}
