//! How the inputs of a call become requests of bounded size, and enough of them that every worker has some.

use std::ops::Range;

/// What a request costs besides its texts, in bytes of text that take as long.
const REQUEST_WEIGHT: u64 = 512;
/// The same for an input.
const INPUT_WEIGHT: u64 = 32;
/// Calls are not divided into less for the sake of an idle worker: so many inputs are computed at once anyway.
const WORTH_DIVIDING: usize = 32;

#[derive(Clone, Copy, Debug)]
pub(crate) struct Bounds {
    pub inputs_max: usize,
    pub bytes_max: usize,
    pub workers: usize,
}

/// The inputs of one request, by their places in the call.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Part {
    pub places: Range<usize>,
    pub weight: u64,
}

/// Divides inputs of these lengths in bytes, in order. `shared` are bytes that come with each of them, as a query does.
pub(crate) fn divide(lengths: &[usize], shared: usize, bounds: Bounds) -> Vec<Part> {
    let each = lengths.len().div_ceil(bounds.workers.max(1)).max(WORTH_DIVIDING);
    let inputs_max = bounds.inputs_max.min(each);
    let bytes_max = bounds.bytes_max.saturating_sub(shared);
    let mut parts = Vec::new();
    let (mut from, mut bytes) = (0, 0usize);
    for (at, &length) in lengths.iter().enumerate() {
        let full = at - from == inputs_max || bytes.saturating_add(length) > bytes_max;
        if full && at > from {
            parts.push(part(from..at, bytes, shared));
            (from, bytes) = (at, 0);
        }
        bytes = bytes.saturating_add(length);
    }
    if from < lengths.len() {
        parts.push(part(from..lengths.len(), bytes, shared));
    }
    parts
}

fn part(places: Range<usize>, bytes: usize, shared: usize) -> Part {
    // A query is computed anew with each document.
    let each = INPUT_WEIGHT + shared as u64;
    let inputs = (places.len() as u64).saturating_mul(each);
    Part {
        weight: (bytes as u64)
            .saturating_add(inputs)
            .saturating_add(REQUEST_WEIGHT),
        places,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn places(lengths: &[usize], inputs_max: usize, bytes_max: usize, workers: usize) -> Vec<Range<usize>> {
        let bounds = Bounds {
            inputs_max,
            bytes_max,
            workers,
        };
        divide(lengths, 0, bounds)
            .into_iter()
            .map(|part| part.places)
            .collect()
    }

    #[test]
    fn a_small_call_is_one_request() {
        assert_eq!(places(&[3; 20], 256, 1_000, 4), vec![0..20; 1]);
        assert_eq!(places(&[], 256, 1_000, 4), []);
    }

    #[test]
    fn each_worker_gets_its_share_of_a_call_that_is_worth_it() {
        assert_eq!(places(&[3; 100], 256, 10_000, 2), [0..50, 50..100]);
        assert_eq!(
            places(&[3; 100], 256, 10_000, 50),
            [0..32, 32..64, 64..96, 96..100]
        );
    }

    #[test]
    fn a_text_that_is_too_long_for_any_request_goes_alone() {
        assert_eq!(places(&[1, 2_000, 1, 1], 256, 1_000, 1), [0..1, 1..2, 2..4]);
    }

    proptest! {
        #[test]
        fn every_input_is_in_one_part_and_every_part_within_its_bounds(
            lengths in prop::collection::vec(0usize..3_000, 0..600),
            shared in 0usize..5_000,
            inputs_max in 1usize..300,
            workers in 0usize..9,
        ) {
            let bounds = Bounds { inputs_max, bytes_max: 4_000, workers };
            let mut next = 0;
            for part in divide(&lengths, shared, bounds) {
                prop_assert_eq!(part.places.start, next);
                prop_assert!(!part.places.is_empty() && part.places.len() <= inputs_max);
                let bytes: usize = lengths[part.places.clone()].iter().sum();
                prop_assert!(part.places.len() == 1 || bytes + shared <= 4_000);
                prop_assert!(part.weight >= bytes as u64);
                next = part.places.end;
            }
            prop_assert_eq!(next, lengths.len());
        }
    }
}
