//! The inputs that are changed further.

use rand::Rng;
use rand::rngs::StdRng;

/// Inputs in the order in which they came.
#[derive(Default)]
pub struct Pool {
    inputs: Vec<Vec<u8>>,
}

impl Pool {
    pub fn add(&mut self, input: Vec<u8>) {
        self.inputs.push(input);
    }

    pub fn len(&self) -> usize {
        self.inputs.len()
    }

    pub fn inputs(&self) -> &[Vec<u8>] {
        &self.inputs
    }

    /// One by chance, those that came late more often: what they reach is less explored.
    pub fn draw<'p>(&'p self, random: &mut StdRng) -> &'p [u8] {
        let Some(last) = self.inputs.len().checked_sub(1) else {
            return &[];
        };
        let mut at = random.random_range(0..=last);
        if random.random_bool(0.5) {
            at = at.max(random.random_range(0..=last));
        }
        &self.inputs[at]
    }
}
