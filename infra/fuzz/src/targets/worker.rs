//! What the inference worker is given: files of weights, and bodies of requests.

use inference::folder::weights::{HEADER_BYTES_MAX, header};
use inference::http::embeddings::texts_asked;
use inference::http::rerank::documents_asked;

use crate::{Violation, Worth};

/// Of one request.
const INPUTS_MAX: usize = 2_048;

pub fn weights(input: &[u8]) -> Result<Worth, Violation> {
    let length = input.len() as u64;
    let Ok((begin, metadata)) = header(input, length) else {
        return Ok(Worth::Perhaps);
    };
    let broken = |detail: String| Err(Violation::new("what a header names lies in the file", detail));
    if begin > length || begin > 8 + HEADER_BYTES_MAX as u64 {
        return broken(format!("data begins at {begin} of {length}"));
    }
    let mut places: Vec<(usize, usize)> = Vec::new();
    for (name, tensor) in metadata.tensors() {
        let (from, to) = tensor.data_offsets;
        let values: Option<usize> = tensor
            .shape
            .iter()
            .try_fold(1_usize, |values, &length| values.checked_mul(length));
        let bits = values.and_then(|values| values.checked_mul(tensor.dtype.bitsize()));
        if from > to || to as u64 > length - begin || bits != Some((to - from) * 8) {
            return broken(format!("{name}: {from} to {to}, shape {:?}", tensor.shape));
        }
        places.push((from, to));
    }
    places.sort_unstable();
    match places.windows(2).find(|pair| pair[0].1 > pair[1].0) {
        Some(pair) => broken(format!("{pair:?} overlap")),
        None => Ok(Worth::Perhaps),
    }
}

pub fn requests(input: &[u8]) -> Result<Worth, Violation> {
    for asked in [texts_asked(input), documents_asked(input)] {
        match asked {
            Ok(count) if count == 0 || count > INPUTS_MAX => {
                let detail = format!("{count} of {INPUTS_MAX}");
                return Err(Violation::new("what is taken is within the limits", detail));
            }
            Err(problem) if !(400..500).contains(&problem.code.status()) => {
                let detail = problem.to_string();
                return Err(Violation::new("what is refused is the client's mistake", detail));
            }
            Ok(_) | Err(_) => {}
        }
    }
    Ok(Worth::Perhaps)
}
