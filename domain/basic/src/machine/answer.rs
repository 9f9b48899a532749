//! What a host answered, as bytes: a run that is repeated is given the same answers.

use super::{Input, Refusal};
use crate::value::{Decoder, Encoder, Value};

/// An answer to a [`Request`](super::Request).
#[derive(Clone, Debug, PartialEq)]
pub enum Answer {
    Value(Value),
    Refused(Refusal),
}

impl From<Answer> for Input {
    fn from(answer: Answer) -> Input {
        match answer {
            Answer::Value(value) => Input::Value(value),
            Answer::Refused(refusal) => Input::Refused(refusal),
        }
    }
}

/// Opens the bytes; stored, so a new form gets a new number.
const FORM: u8 = 1;

impl Answer {
    /// Several answers as bytes.
    pub fn encode(answers: &[Answer]) -> Vec<u8> {
        let mut encoder = Encoder::default();
        encoder.bytes.push(FORM);
        for answer in answers {
            match answer {
                Answer::Value(value) => {
                    encoder.value(&Value::Bool(true));
                    encoder.value(value);
                }
                Answer::Refused(refusal) => {
                    encoder.value(&Value::Bool(false));
                    encoder.value(&Value::Bool(refusal.mistake));
                    encoder.value(&Value::text(refusal.code.as_str()));
                    encoder.value(&Value::text(refusal.message.as_str()));
                }
            }
        }
        encoder.bytes
    }

    /// The answers in these bytes; None where they are damaged, or hold more than so many logical bytes.
    pub fn decode(bytes: &[u8], memory_bytes: u64) -> Option<Vec<Answer>> {
        let (form, bytes) = bytes.split_first()?;
        (*form == FORM).then_some(())?;
        let mut decoder = Decoder::new(bytes, memory_bytes);
        let mut answers = Vec::new();
        while !decoder.is_at_end() {
            let text = |decoder: &mut Decoder<'_>| match decoder.value()? {
                Value::Text(text) => Some(text.to_string()),
                _ => None,
            };
            answers.push(match decoder.value()? {
                Value::Bool(true) => Answer::Value(decoder.value()?),
                Value::Bool(false) => Answer::Refused(Refusal {
                    mistake: decoder.value()? == Value::Bool(true),
                    code: text(&mut decoder)?,
                    message: text(&mut decoder)?,
                }),
                _ => return None,
            });
        }
        Some(answers)
    }
}
