//! Changing bytes that are no text.

use rand::Rng;
use rand::rngs::StdRng;

/// Bytes at which decoders decide: zero, signs, the ends of ranges and of variable-length numbers.
const TELLING: [u8; 10] = [0, 1, 2, 5, 0x7f, 0x80, 0x81, 0xc0, 0xfe, 0xff];

/// One change; `other` is another input, parts of which may come in.
pub fn change(mut input: Vec<u8>, other: &[u8], random: &mut StdRng) -> Vec<u8> {
    let at = random.random_range(0..=input.len());
    let end = (at + 1 + random.random_range(0_usize..8)).min(input.len());
    match random.random_range(0..10) {
        0 => {
            if let Some(byte) = input.get_mut(at) {
                *byte ^= 1 << random.random_range(0..8);
            }
        }
        1 => {
            if let Some(byte) = input.get_mut(at) {
                *byte = random.random();
            }
        }
        2 => {
            if let Some(byte) = input.get_mut(at) {
                *byte = TELLING[random.random_range(0..TELLING.len())];
            }
        }
        3 => {
            if let Some(byte) = input.get_mut(at) {
                *byte = byte.wrapping_add(random.random_range(0..9_u8)).wrapping_sub(4);
            }
        }
        4 => drop(input.drain(at..end)),
        5 => {
            let part = input[at..end].to_vec();
            input.splice(at..at, part);
        }
        6 => input.insert(at, TELLING[random.random_range(0..TELLING.len())]),
        7 => {
            // A number of many bytes, as long as it gets.
            input.splice(at..end, [0xff; 9]);
        }
        8 => input.truncate(at),
        _ => {
            let from = random.random_range(0..=other.len());
            let to = random.random_range(from..=other.len().min(from + 64));
            let end = random.random_range(at..=input.len());
            input.splice(at..end, other[from..to].iter().copied());
        }
    }
    input
}
