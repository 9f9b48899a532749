//! Who is computed next: callers in turn, by tokens, so that a large request of one does not hold up the others.
//!
//! Deficit round robin (Shreedhar and Varghese 1995): at its turn a caller is granted so many tokens, and what it does
//! not use it keeps while it has something to ask.

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;

/// Tokens that a caller is granted at its turn: about one text.
const GRANT: i64 = 512;

/// What waits for one model. `T` is whatever is to be computed, with a cost in tokens.
#[derive(Debug)]
pub struct Queue<T> {
    lanes: HashMap<Arc<str>, Lane<T>>,
    /// Callers that have something waiting, the next one first.
    turns: VecDeque<Arc<str>>,
    tokens: u64,
}

#[derive(Debug)]
struct Lane<T> {
    items: VecDeque<(u64, T)>,
    /// Less than nothing for a caller whose turn was cut off by a full batch: its next one is the rest of it.
    granted: i64,
    tokens: u64,
}

impl<T> Default for Queue<T> {
    fn default() -> Queue<T> {
        Queue {
            lanes: HashMap::new(),
            turns: VecDeque::new(),
            tokens: 0,
        }
    }
}

impl<T> Queue<T> {
    /// Tokens of all that waits.
    pub fn tokens(&self) -> u64 {
        self.tokens
    }

    /// Tokens of what waits for one caller.
    pub fn tokens_of(&self, caller: &str) -> u64 {
        self.lanes.get(caller).map_or(0, |lane| lane.tokens)
    }

    pub fn is_empty(&self) -> bool {
        self.turns.is_empty()
    }

    pub fn push(&mut self, caller: &Arc<str>, cost: u64, item: T) {
        let lane = self.lanes.entry(caller.clone()).or_insert_with(|| {
            self.turns.push_back(caller.clone());
            Lane {
                items: VecDeque::new(),
                granted: 0,
                tokens: 0,
            }
        });
        lane.items.push_back((cost, item));
        lane.tokens += cost;
        self.tokens += cost;
    }

    /// The next items of at most so many tokens together; one at least, whatever its cost.
    pub fn take(&mut self, tokens_max: u64) -> Vec<T> {
        let mut taken = Vec::new();
        let mut left = tokens_max;
        while let Some(caller) = self.turns.front().cloned() {
            let Some(lane) = self.lanes.get_mut(&caller) else {
                self.turns.pop_front();
                continue;
            };
            lane.granted += GRANT;
            let is_full = loop {
                let Some(&(cost, _)) = lane.items.front() else {
                    break false;
                };
                if cost > left && !taken.is_empty() {
                    break true;
                }
                if cost as i64 > lane.granted {
                    break false;
                }
                let Some((_, item)) = lane.items.pop_front() else {
                    break false;
                };
                lane.granted -= cost as i64;
                lane.tokens -= cost;
                self.tokens -= cost;
                left = left.saturating_sub(cost);
                taken.push(item);
            };
            if lane.items.is_empty() {
                self.lanes.remove(&caller);
                self.turns.pop_front();
            } else if is_full {
                lane.granted -= GRANT;
            } else {
                self.turns.rotate_left(1);
            }
            if is_full || left == 0 {
                break;
            }
        }
        taken
    }

    /// Takes back what a caller no longer wants.
    pub fn withdraw(&mut self, caller: &str, is_unwanted: impl Fn(&T) -> bool) {
        let Some(lane) = self.lanes.get_mut(caller) else {
            return;
        };
        lane.items.retain(|(cost, item)| {
            let unwanted = is_unwanted(item);
            if unwanted {
                lane.tokens -= cost;
                self.tokens -= cost;
            }
            !unwanted
        });
        if lane.items.is_empty() {
            self.lanes.remove(caller);
            self.turns.retain(|other| **other != *caller);
        }
    }

    /// Takes everything back.
    pub fn clear(&mut self) -> Vec<T> {
        self.turns.clear();
        self.tokens = 0;
        let lanes = self.lanes.drain();
        lanes
            .flat_map(|(_, lane)| lane.items)
            .map(|(_, item)| item)
            .collect()
    }
}
