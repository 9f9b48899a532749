//! Changing inputs: as bytes, and as texts made of words.

mod bytes;
mod text;
mod words;

use rand::Rng;
use rand::rngs::StdRng;

use crate::pool::Pool;
use crate::{Kind, Target};

pub use text::pieces;

/// Most changes made at once.
const CHANGES_MAX: u32 = 4;
/// How many inputs are made long: one takes as much time as hundreds of others.
const REPEATED: f64 = 0.005;

/// Another input made from one of the pool.
pub fn changed(target: &Target, pool: &Pool, random: &mut StdRng) -> Vec<u8> {
    let mut input = pool.draw(random).to_vec();
    for _ in 0..1 << random.random_range(0..=CHANGES_MAX) {
        let other = pool.draw(random);
        input = match target.kind {
            Kind::Bytes => bytes::change(input, other, random),
            kind if random.random_bool(0.95) => {
                let (text, other) = (String::from_utf8_lossy(&input), String::from_utf8_lossy(other));
                text::change(words::of(kind), &text, &other, random).into_bytes()
            }
            _ => bytes::change(input, other, random),
        };
        if random.random_bool(0.3) {
            break;
        }
    }
    input.truncate(target.bytes_max);
    if target.repeated_max > 0 && random.random_bool(REPEATED) {
        let text = String::from_utf8_lossy(&input);
        input = text::repeated(&text, target.repeated_max, random).into_bytes();
    }
    input
}
