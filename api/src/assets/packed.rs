//! Files in their smallest form: Brotli at its highest quality, too slow to be done for every answer, so done once.
//!
//! Below that quality Brotli is no smaller than gzip for files of this size, and the compressing layer has gzip.

use std::collections::HashMap;
use std::sync::{Arc, LazyLock, Mutex, PoisonError};

use axum::body::Bytes;
use brotli::enc::BrotliEncoderParams;
use http::HeaderMap;
use http::header::ACCEPT_ENCODING;
use rust_embed::EmbeddedFile;

type Digest = [u8; 32];

/// A file's compressed form, once it is made.
type Place = Arc<Mutex<Option<Bytes>>>;

/// By the file's digest: a debug build reads a file anew each time, and it may have changed.
static PACKED: LazyLock<Mutex<HashMap<Digest, Place>>> = LazyLock::new(Mutex::default);

/// The file compressed with Brotli. Whoever comes while it is being compressed waits for the same result.
pub(super) async fn packed(file: EmbeddedFile) -> Option<Bytes> {
    // Takes up to a tenth of a second, which is too long for the threads that answer.
    tokio::task::spawn_blocking(move || {
        let digest = file.metadata.sha256_hash();
        let place = {
            let mut places = PACKED.lock().unwrap_or_else(PoisonError::into_inner);
            Arc::clone(places.entry(digest).or_default())
        };
        let mut place = place.lock().unwrap_or_else(PoisonError::into_inner);
        if place.is_none() {
            *place = compressed(&file.data);
        }
        place.clone()
    })
    .await
    .ok()
    .flatten()
}

fn compressed(data: &[u8]) -> Option<Bytes> {
    let parameters = BrotliEncoderParams {
        quality: 11,
        size_hint: data.len(),
        ..BrotliEncoderParams::default()
    };
    let mut packed = Vec::new();
    brotli::BrotliCompress(&mut &data[..], &mut packed, &parameters).ok()?;
    Some(packed.into())
}

/// Whether the client reads Brotli: browsers say so over https and to their own machine.
pub(super) fn reads_brotli(headers: &HeaderMap) -> bool {
    headers
        .get_all(ACCEPT_ENCODING)
        .iter()
        .filter_map(|line| line.to_str().ok())
        .flat_map(|line| line.split(','))
        .any(is_wanted_brotli)
}

fn is_wanted_brotli(coding: &str) -> bool {
    let mut parts = coding.split(';').map(str::trim);
    let named = parts.next().is_some_and(|name| name.eq_ignore_ascii_case("br"));
    let weight = parts.find_map(|part| part.strip_prefix("q="));
    named && weight.is_none_or(|weight| weight.parse::<f32>().is_ok_and(|weight| weight > 0.0))
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    #[test]
    fn brotli_is_given_to_those_who_ask_for_it() {
        let reads = |line| {
            reads_brotli(&HeaderMap::from_iter([(
                ACCEPT_ENCODING,
                HeaderValue::from_static(line),
            )]))
        };
        assert!(reads("gzip, deflate, br, zstd") && reads("BR;q=0.5"));
        assert!(!reads("gzip") && !reads("br;q=0") && !reads("br;q=x") && !reads("*") && !reads("brotli"));
        assert!(!reads_brotli(&HeaderMap::new()));
    }

    #[test]
    fn what_is_compressed_is_smaller_and_can_be_read_again() {
        let data = b"a page repeats itself ".repeat(50);
        let packed = compressed(&data).expect("compressed");
        assert!(packed.len() < data.len() / 10);
        let mut read = Vec::new();
        brotli::BrotliDecompress(&mut &packed[..], &mut read).expect("readable");
        assert_eq!(read, data);
    }
}
