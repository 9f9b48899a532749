//! Words that change how the machine itself speaks.

use super::{Word, function};
use crate::machine::Language;
use crate::value::Value;

pub(super) const WORDS: &[Word] = &[function(
    "SET LANGUAGE",
    &[],
    "SET LANGUAGE \"pt\"",
    "Decides in which language answers are asked for again and months and days are named: en, pt or es.",
    (1, 1),
    |context, values| {
        *context.language = Language::named(&values[0].to_text()?);
        Ok(Value::Null)
    },
)];
