//! Counts the memory that an input takes.
#![expect(
    unsafe_code,
    reason = "an allocator is unsafe by its interface; this one only counts and passes on"
)]

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;

/// More at once is refused, which ends the process: its supervisor takes the input for a finding.
const AT_ONCE_MAX: usize = 1 << 30;

struct Counting;

#[global_allocator]
static ALLOCATOR: Counting = Counting;

thread_local! {
    /// Bytes that this thread has taken and not given back, since it was asked last; and the most of it.
    static HELD: Cell<isize> = const { Cell::new(0) };
    static MOST: Cell<isize> = const { Cell::new(0) };
}

fn count(change: isize) {
    HELD.with(|held| {
        held.set(held.get() + change);
        MOST.with(|most| most.set(most.get().max(held.get())));
    });
}

// SAFETY: memory comes from the system's allocator and goes back to it, with the layouts that callers give.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        if layout.size() > AT_ONCE_MAX {
            return std::ptr::null_mut();
        }
        count(layout.size() as isize);
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, place: *mut u8, layout: Layout) {
        count(-(layout.size() as isize));
        unsafe { System.dealloc(place, layout) }
    }

    unsafe fn realloc(&self, place: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        if size > AT_ONCE_MAX {
            return std::ptr::null_mut();
        }
        count(size as isize - layout.size() as isize);
        unsafe { System.realloc(place, layout, size) }
    }
}

/// The most bytes that this thread held at once while it did something, beyond what it held before.
pub fn most_during<T>(act: impl FnOnce() -> T) -> (T, usize) {
    HELD.set(0);
    MOST.set(0);
    let done = act();
    (done, usize::try_from(MOST.get()).unwrap_or(0))
}

#[cfg(test)]
mod tests {
    use super::most_during;

    #[test]
    fn what_is_held_at_once_is_counted() {
        let ((), most) = most_during(|| {
            for _ in 0..10 {
                drop(std::hint::black_box(vec![1_u8; 1 << 20]));
            }
        });
        assert!((1 << 20..2 << 20).contains(&most), "{most}");
    }
}
