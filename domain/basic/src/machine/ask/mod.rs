//! HEAR: waiting for an answer, understanding it, asking again.

mod dates;
mod kinds;

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

/// What kind of answer a HEAR accepts. Stored in programs: append only.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum HearKind {
    /// Anything, as it came.
    Text,
    /// A person's name.
    Name,
    /// A whole number.
    Integer,
    /// A number, with decimals or without.
    Number,
    /// Yes or no.
    Boolean,
    Email,
    Date,
    /// One of the options; anything else too when `open`.
    Menu {
        open: bool,
    },
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
            _ => match kinds::understand(&hear, answer, now) {
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
            text: kinds::expected(hear),
        };
        self.meter.output(&effect)?;
        self.status = Status::Retrying;
        Ok(Step::Effect(effect))
    }
}

impl HearKind {
    /// What stands in events for a question of this kind. A name keeps its meaning for ever.
    pub fn name(self) -> &'static str {
        match self {
            HearKind::Text => "text",
            HearKind::Name => "name",
            HearKind::Integer => "integer",
            HearKind::Number => "number",
            HearKind::Boolean => "boolean",
            HearKind::Email => "email",
            HearKind::Date => "date",
            HearKind::Menu { .. } => "menu",
        }
    }

    /// The kind that HEAR … AS calls by this name, in capitals.
    pub(crate) fn named(name: &str) -> Option<HearKind> {
        KINDS
            .iter()
            .find(|(known, _)| *known == name)
            .and_then(|(_, kind)| *kind)
    }

    /// Whether the dialect has this type, in capitals, be it available or not.
    pub(crate) fn is_known(name: &str) -> bool {
        KINDS.iter().any(|(known, _)| *known == name)
    }

    /// Names of the types that are available.
    pub(crate) fn names() -> impl Iterator<Item = &'static str> {
        KINDS
            .iter()
            .filter(|(_, kind)| kind.is_some())
            .map(|(name, _)| *name)
    }
}

/// Types by name; without a kind where this version does not have them.
const KINDS: &[(&str, Option<HearKind>)] = &[
    ("TEXT", Some(HearKind::Text)),
    ("STRING", Some(HearKind::Text)),
    ("NAME", Some(HearKind::Name)),
    ("INTEGER", Some(HearKind::Integer)),
    ("INT", Some(HearKind::Integer)),
    ("NUMBER", Some(HearKind::Integer)),
    ("FLOAT", Some(HearKind::Number)),
    ("DECIMAL", Some(HearKind::Number)),
    ("DOUBLE", Some(HearKind::Number)),
    ("BOOLEAN", Some(HearKind::Boolean)),
    ("BOOL", Some(HearKind::Boolean)),
    ("EMAIL", Some(HearKind::Email)),
    ("DATE", Some(HearKind::Date)),
    ("MENU", Some(HearKind::Menu { open: false })),
    ("HOUR", None),
    ("TIME", None),
    ("MONEY", None),
    ("MOBILE", None),
    ("PHONE", None),
    ("TELEPHONE", None),
    ("ZIPCODE", None),
    ("CEP", None),
    ("LANGUAGE", None),
    ("CPF", None),
    ("CNPJ", None),
    ("QRCODE", None),
    ("LOGIN", None),
    ("FILE", None),
    ("IMAGE", None),
    ("PHOTO", None),
    ("AUDIO", None),
    ("VOICE", None),
    ("VIDEO", None),
    ("DOCUMENT", None),
    ("PDF", None),
    ("URL", None),
    ("LINK", None),
    ("UUID", None),
    ("GUID", None),
    ("COLOR", None),
    ("HEX", None),
    ("CREDITCARD", None),
    ("CARD", None),
    ("PASSWORD", None),
    ("SECRET", None),
];
