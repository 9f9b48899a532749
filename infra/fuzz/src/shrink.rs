//! Making an input smaller that shows the same fault.

use std::time::{Duration, Instant};

use crate::attempt::{Finding, attempt};
use crate::mutate::pieces;
use crate::{Kind, Target};

/// Nobody waits longer for a smaller one.
const TIME_MAX: Duration = Duration::from_secs(60);

/// The smallest input found that shows this fault.
pub fn shrunk(target: &Target, input: &[u8], finding: &Finding) -> Vec<u8> {
    let until = Instant::now() + TIME_MAX;
    let shows = |input: &[u8]| matches!(attempt(target, input), Err(found) if found.name == finding.name);
    let mut smallest = input.to_vec();
    if target.kind != Kind::Bytes {
        let lines = |input: &[u8]| {
            input
                .split_inclusive(|byte| *byte == b'\n')
                .map(<[u8]>::to_vec)
                .collect()
        };
        smallest = without_parts(smallest, lines, until, &shows);
        let words = |input: &[u8]| {
            let text = String::from_utf8_lossy(input);
            pieces(&text).map(|piece| piece.as_bytes().to_vec()).collect()
        };
        smallest = without_parts(smallest, words, until, &shows);
    }
    let bytes = |input: &[u8]| input.iter().map(|byte| vec![*byte]).collect();
    without_parts(smallest, bytes, until, &shows)
}

/// Leaves out ever smaller runs of parts.
fn without_parts(
    input: Vec<u8>,
    parts: impl Fn(&[u8]) -> Vec<Vec<u8>>,
    until: Instant,
    shows: &impl Fn(&[u8]) -> bool,
) -> Vec<u8> {
    let mut kept = parts(&input);
    // Taking apart may change what is no text.
    if kept.concat() != input && !shows(&kept.concat()) {
        return input;
    }
    let mut run = kept.len() / 2;
    while run > 0 {
        let mut at = 0;
        let mut smaller = false;
        while at < kept.len() {
            if Instant::now() > until {
                return kept.concat();
            }
            let end = (at + run).min(kept.len());
            let rest = [&kept[..at], &kept[end..]].concat();
            if shows(&rest.concat()) {
                kept = rest;
                smaller = true;
            } else {
                at += run;
            }
        }
        if !smaller {
            run /= 2;
        }
    }
    kept.concat()
}
