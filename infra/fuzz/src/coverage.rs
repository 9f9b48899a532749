//! Which places of the code an input reaches.
//!
//! LLVM's pass `sancov-module` gives each branch a byte that counts, and tells where these lie; `rustc` in the folder of this
//! crate switches it on. Without it there are none, and inputs are changed blindly.
#![expect(
    unsafe_code,
    reason = "the counters are memory that compiled code changes; their place comes through a C function"
)]

use std::sync::atomic::{AtomicUsize, Ordering};

static FROM: AtomicUsize = AtomicUsize::new(0);
static COUNT: AtomicUsize = AtomicUsize::new(0);

/// Called before `main` by each part of the program that counts, always with the same bounds.
///
/// SAFETY: nothing else has this name.
#[unsafe(no_mangle)]
extern "C" fn __sanitizer_cov_8bit_counters_init(from: *mut u8, to: *mut u8) {
    FROM.store(from.expose_provenance(), Ordering::Relaxed);
    COUNT.store(to.addr().saturating_sub(from.addr()), Ordering::Relaxed);
}

fn counters() -> &'static mut [u8] {
    let (from, count) = (FROM.load(Ordering::Relaxed), COUNT.load(Ordering::Relaxed));
    if count == 0 {
        return &mut [];
    }
    // SAFETY: the bounds are those of a section that lives as long as the program, and only one thread of a worker runs what
    // is counted, this one.
    unsafe { std::slice::from_raw_parts_mut(std::ptr::with_exposed_provenance_mut(from), count) }
}

/// What was reached so far, and about how often at once.
pub struct Coverage {
    /// For each place a bit for each order of magnitude.
    seen: Vec<u8>,
}

impl Coverage {
    pub fn new() -> Coverage {
        Coverage {
            seen: vec![0; counters().len()],
        }
    }

    /// Whether there is anything that counts.
    pub fn counts(&self) -> bool {
        !self.seen.is_empty()
    }

    /// Begins to count anew.
    pub fn begin(&self) {
        counters().fill(0);
    }

    /// How much of what was counted since is new; from now on it is not.
    pub fn take_new(&mut self) -> usize {
        let mut new = 0;
        for (counted, seen) in counters().chunks(8).zip(self.seen.chunks_mut(8)) {
            if counted.iter().all(|count| *count == 0) {
                continue;
            }
            for (count, seen) in counted.iter().zip(seen) {
                let magnitude = magnitude(*count);
                if magnitude & !*seen != 0 {
                    *seen |= magnitude;
                    new += 1;
                }
            }
        }
        new
    }

    /// Places that were reached, and how many there are.
    pub fn reached(&self) -> (usize, usize) {
        let reached = self.seen.iter().filter(|seen| **seen != 0).count();
        (reached, self.seen.len())
    }
}

fn magnitude(count: u8) -> u8 {
    match count {
        0 => 0,
        1 => 1,
        2 => 2,
        3..=4 => 4,
        5..=8 => 8,
        9..=16 => 16,
        17..=32 => 32,
        33..=128 => 64,
        _ => 128,
    }
}
