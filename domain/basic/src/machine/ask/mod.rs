//! HEAR: waiting for an answer, understanding it, asking again.

mod codes;
mod dates;
mod files;
mod kind;
mod language;
mod numbers;
mod registrations;
mod texts;
mod times;
mod understand;

pub use kind::HearKind;
pub(crate) use language::Language;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use super::{Effect, Fault, File, Machine, Status, Step};
use crate::program::Instruction;

/// A question that waits for its answer.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Hear {
    pub kind: HearKind,
    /// What a menu offers, in order; empty for other kinds.
    pub options: Vec<String>,
}

impl Machine {
    /// The question at which the machine waits.
    pub(super) fn question(&self) -> Result<Hear, Fault> {
        let Instruction::Hear {
            kind, base, count, ..
        } = self.waiting_at()?
        else {
            return Err(Fault::program());
        };
        let labels = (base..base + count).map(|register| self.peek(register));
        let options = labels.map(|label| label.to_text()).collect::<Result<_, _>>()?;
        Ok(Hear { kind, options })
    }

    /// Takes an answer: goes on with its value, or says what was expected and waits again.
    pub(super) fn answer(
        &mut self,
        answer: &str,
        files: &[File],
        now: DateTime<Utc>,
    ) -> Result<Option<Step>, Fault> {
        let Instruction::Hear {
            to,
            base,
            count,
            otherwise,
            ..
        } = self.waiting_at()?
        else {
            return Err(Fault::program());
        };
        let hear = self.question()?;
        let value = match otherwise {
            Some(register) if answer.trim().is_empty() && files.is_empty() => self.peek(register).clone(),
            _ => match understand::understand(&hear, answer, files, now)? {
                Some(value) => value,
                None => return self.ask_again(&hear).map(Some),
            },
        };
        for register in (base..base + count).chain(otherwise) {
            self.take(register);
        }
        self.frame.next += 1;
        self.status = Status::Ready;
        self.write(to, value)?;
        Ok(None)
    }

    fn ask_again(&mut self, hear: &Hear) -> Result<Step, Fault> {
        let effect = Effect::Talk {
            text: texts::expected(self.language, hear),
        };
        self.meter.output(&effect)?;
        self.status = Status::Retrying;
        Ok(Step::Effect(effect))
    }
}
