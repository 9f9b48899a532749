//! Work of the CPU that a request needs before and after the engine: JSON, tokens.
//!
//! What is small is done where it is. What is large goes to threads of its own, so that it holds nobody else up; so
//! many at a time, and no longer than somebody waits for it.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use super::Service;
use super::problem::Problem;

/// Up to this many bytes are worked on at once: about half a millisecond of a tokenizer.
const SMALL_BYTES: usize = 4 << 10;

/// Told to work when nobody waits for it any more.
#[derive(Clone, Default)]
pub(super) struct Abandoned(Arc<AtomicBool>);

struct Waits(Abandoned);

impl Drop for Waits {
    fn drop(&mut self) {
        self.0.0.store(true, Ordering::Relaxed);
    }
}

impl Abandoned {
    /// To be asked between parts of the work. The error is read by nobody.
    pub fn check(&self) -> Result<(), Problem> {
        if self.0.load(Ordering::Relaxed) {
            return Err(Problem::deadline());
        }
        Ok(())
    }
}

/// Does work that takes time in proportion to these bytes.
pub(super) async fn work<T: Send + 'static>(
    service: &Service,
    bytes: usize,
    work: impl FnOnce(&Abandoned) -> Result<T, Problem> + Send + 'static,
) -> Result<T, Problem> {
    let abandoned = Abandoned::default();
    if bytes <= SMALL_BYTES {
        return work(&abandoned);
    }
    let turn = service.readers.clone().acquire_owned().await;
    let turn = turn.map_err(|_| Problem::stopping())?;
    let _waits = Waits(abandoned.clone());
    let done = tokio::task::spawn_blocking(move || {
        let _turn = turn;
        abandoned.check()?;
        work(&abandoned)
    });
    done.await
        .unwrap_or_else(|error| Err(Problem::internal(format!("a reader: {error}"))))
}
