//! How much a script may use, and the counting of it.

use super::{Effect, Fault};

/// How much a script may use in one turn: from one input of the user to the next question or the end.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Limits {
    pub steps_per_turn: u64,
    /// Logical bytes of all values: what is shared counts each time.
    pub memory_bytes: u64,
    /// Procedures inside of procedures.
    pub depth: u32,
    pub output_bytes_per_turn: u64,
    /// Messages and suggestions. Lines of the log count only by their bytes.
    pub outputs_per_turn: u32,
}

impl Default for Limits {
    fn default() -> Limits {
        Limits {
            steps_per_turn: 10_000_000,
            memory_bytes: 64 << 20,
            depth: 200,
            output_bytes_per_turn: 256 << 10,
            outputs_per_turn: 100,
        }
    }
}

/// Counts what a turn has used.
#[derive(Clone, Debug)]
pub(super) struct Meter {
    pub limits: Limits,
    pub steps: u64,
    pub output_bytes: u64,
    pub outputs: u32,
}

impl Meter {
    pub fn new(limits: Limits) -> Meter {
        Meter {
            limits,
            steps: 0,
            output_bytes: 0,
            outputs: 0,
        }
    }

    pub fn begin_turn(&mut self) {
        (self.steps, self.output_bytes, self.outputs) = (0, 0, 0);
    }

    pub fn step(&mut self, count: u64) -> Result<(), Fault> {
        self.steps = self.steps.saturating_add(count);
        if self.steps > self.limits.steps_per_turn {
            Err(Fault::steps(self.limits.steps_per_turn))
        } else {
            Ok(())
        }
    }

    pub fn output(&mut self, effect: &Effect) -> Result<(), Fault> {
        let (bytes, count) = match effect {
            Effect::Talk { text } => (text.len(), 1),
            Effect::AddSuggestion(suggestion) => (suggestion.text.len(), 1),
            Effect::SystemPrompt { text } | Effect::Log { text, .. } => (text.len(), 0),
            Effect::ClearSuggestions => (0, 0),
        };
        self.output_bytes = self.output_bytes.saturating_add(bytes as u64);
        self.outputs = self.outputs.saturating_add(count);
        if self.outputs > self.limits.outputs_per_turn {
            return Err(Fault::outputs(self.limits.outputs_per_turn));
        }
        if self.output_bytes > self.limits.output_bytes_per_turn {
            return Err(Fault::output_bytes(self.limits.output_bytes_per_turn));
        }
        Ok(())
    }
}
