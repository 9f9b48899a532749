//! The fields of a body, read so that a mistake names the field.
//!
//! A body is gone over once for its outline, without copying: each field stays the text it was. Then each is read as
//! what it must be. So a wrong type has a `param`, and however deep a hostile body is, nothing recurses into it.

use std::fmt;

use serde::de::{self, Deserialize, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde_json::value::RawValue;

use super::code::Code;
use super::problem::Problem;

/// As OpenAI's service has it.
pub(super) const INPUTS_MAX: usize = 2_048;

/// What vectors are asked for.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Input {
    Texts(Vec<String>),
    /// Of clients that have a tokenizer of their own.
    Ids(Vec<Vec<u32>>),
}

/// Texts, and how many there were where it were too many to keep.
pub(super) struct Documents(Vec<String>, usize);

/// The body's outline: a struct of `Option<&RawValue>`.
pub(super) fn outline<'a, T: Deserialize<'a>>(body: &'a [u8]) -> Result<T, Problem> {
    let text = std::str::from_utf8(body).map_err(|error| {
        let byte = error.valid_up_to();
        Problem::new(Code::InvalidUtf8, format!("the body is not UTF-8 at byte {byte}"))
    })?;
    // A list would be taken for the fields in order.
    match text.trim_ascii_start().as_bytes().first() {
        None => {
            return Err(Problem::new(
                Code::InvalidJson,
                "the body is empty; expected a JSON object",
            ));
        }
        Some(b'[') => {
            return Err(Problem::new(
                Code::InvalidJson,
                "the body is a JSON array; expected an object",
            ));
        }
        Some(_) => {}
    }
    serde_json::from_str(text).map_err(|error| {
        Problem::new(
            Code::InvalidJson,
            format!("the body is not the JSON that is expected: {error}"),
        )
    })
}

/// A field that may be absent or null.
pub(super) fn optional<'a, T: Deserialize<'a>>(
    param: &str,
    field: Option<&'a RawValue>,
) -> Result<Option<T>, Problem> {
    field.map(|raw| read(param, raw)).transpose()
}

pub(super) fn required<'a, T: Deserialize<'a>>(
    param: &str,
    field: Option<&'a RawValue>,
) -> Result<T, Problem> {
    let raw =
        field.ok_or_else(|| Problem::new(Code::MissingParameter, format!("{param} is missing")).of(param))?;
    read(param, raw)
}

fn read<'a, T: Deserialize<'a>>(param: &str, raw: &'a RawValue) -> Result<T, Problem> {
    serde_json::from_str(raw.get()).map_err(|error| {
        let text = error.to_string();
        // The place is one within the field, which would mislead.
        let text = text
            .rsplit_once(" at line ")
            .map_or(text.as_str(), |(text, _)| text);
        Problem::new(Code::InvalidType, format!("{param}: {text}")).of(param)
    })
}

fn check_count(param: &str, count: usize) -> Result<(), Problem> {
    if count == 0 {
        return Err(Problem::new(Code::EmptyInput, format!("{param} is empty")).of(param));
    }
    if count > INPUTS_MAX {
        let message = format!("{param} has {count} items, {INPUTS_MAX} are taken");
        return Err(Problem::new(Code::TooManyInputs, message).of(param));
    }
    Ok(())
}

impl Input {
    pub fn read(field: Option<&RawValue>) -> Result<Input, Problem> {
        let Counted(input, count) = required("input", field)?;
        check_count("input", count)?;
        if let Input::Texts(texts) = &input
            && let Some(at) = texts.iter().position(String::is_empty)
        {
            let message = format!("input: text {at} is empty");
            return Err(Problem::new(Code::EmptyInput, message).of("input"));
        }
        Ok(input)
    }

    pub fn bytes(&self) -> usize {
        match self {
            Input::Texts(texts) => texts.iter().map(String::len).sum(),
            Input::Ids(lists) => lists.iter().map(Vec::len).sum(),
        }
    }
}

impl Documents {
    pub fn read(field: Option<&RawValue>) -> Result<Vec<String>, Problem> {
        let Documents(documents, count) = required("documents", field)?;
        check_count("documents", count)?;
        Ok(documents)
    }
}

/// An input, and how many items it had: beyond the most that are taken they are counted and not kept.
struct Counted(Input, usize);

impl<'de> Deserialize<'de> for Counted {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(InputVisitor)
    }
}

struct InputVisitor;

impl<'de> Visitor<'de> for InputVisitor {
    type Value = Counted;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a text, an array of texts, an array of token ids, or an array of such arrays")
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<Counted, E> {
        Ok(Counted(Input::Texts(vec![text.to_owned()]), 1))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Counted, A::Error> {
        match items.next_element()? {
            None => Ok(Counted(Input::Texts(Vec::new()), 0)),
            Some(Element::Text(first)) => {
                let (texts, count) = rest(first, &mut items, |element| match element {
                    Element::Text(text) => Some(text),
                    _ => None,
                })?;
                Ok(Counted(Input::Texts(texts), count))
            }
            Some(Element::Ids(first)) => {
                let (lists, count) = rest(first, &mut items, |element| match element {
                    Element::Ids(ids) => Some(ids),
                    _ => None,
                })?;
                Ok(Counted(Input::Ids(lists), count))
            }
            Some(Element::Id(first)) => {
                let mut ids = vec![first];
                while let Some(element) = items.next_element()? {
                    match element {
                        Element::Id(id) => ids.push(id),
                        _ => return Err(mixed()),
                    }
                }
                Ok(Counted(Input::Ids(vec![ids]), 1))
            }
        }
    }
}

fn mixed<E: de::Error>() -> E {
    E::custom("items of several kinds; expected all to be texts, or token ids, or arrays of token ids")
}

/// The items after the first, which are all of its kind; and how many there are with it.
fn rest<'de, A: SeqAccess<'de>, T>(
    first: T,
    items: &mut A,
    of_kind: impl Fn(Element) -> Option<T>,
) -> Result<(Vec<T>, usize), A::Error> {
    let mut kept = vec![first];
    while kept.len() < INPUTS_MAX {
        match items.next_element()? {
            None => {
                let count = kept.len();
                return Ok((kept, count));
            }
            Some(element) => kept.push(of_kind(element).ok_or_else(mixed)?),
        }
    }
    let mut count = kept.len();
    while items.next_element::<IgnoredAny>()?.is_some() {
        count += 1;
    }
    Ok((kept, count))
}

enum Element {
    Text(String),
    Id(u32),
    Ids(Vec<u32>),
}

impl<'de> Deserialize<'de> for Element {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(ElementVisitor)
    }
}

struct ElementVisitor;

impl<'de> Visitor<'de> for ElementVisitor {
    type Value = Element;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a text, a token id or an array of token ids")
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<Element, E> {
        Ok(Element::Text(text.to_owned()))
    }

    fn visit_u64<E: de::Error>(self, id: u64) -> Result<Element, E> {
        let id = u32::try_from(id).map_err(|_| E::custom(format_args!("{id} is no token id")))?;
        Ok(Element::Id(id))
    }

    fn visit_i64<E: de::Error>(self, id: i64) -> Result<Element, E> {
        Err(E::custom(format_args!("{id} is no token id")))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Element, A::Error> {
        let mut ids = Vec::new();
        while let Some(id) = items.next_element::<u32>()? {
            ids.push(id);
        }
        Ok(Element::Ids(ids))
    }
}

impl<'de> Deserialize<'de> for Documents {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_seq(DocumentsVisitor)
    }
}

struct DocumentsVisitor;

impl<'de> Visitor<'de> for DocumentsVisitor {
    type Value = Documents;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an array of texts, or of objects with a text")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Documents, A::Error> {
        let mut texts = Vec::new();
        while texts.len() < INPUTS_MAX {
            match items.next_element()? {
                None => break,
                Some(Document(text)) => texts.push(text),
            }
        }
        let mut count = texts.len();
        while count >= INPUTS_MAX && items.next_element::<IgnoredAny>()?.is_some() {
            count += 1;
        }
        Ok(Documents(texts, count))
    }
}

struct Document(String);

impl<'de> Deserialize<'de> for Document {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(DocumentVisitor)
    }
}

struct DocumentVisitor;

impl<'de> Visitor<'de> for DocumentVisitor {
    type Value = Document;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a text, or an object with a text")
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<Document, E> {
        Ok(Document(text.to_owned()))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut fields: A) -> Result<Document, A::Error> {
        let mut text = None;
        while let Some(name) = fields.next_key::<String>()? {
            if name == "text" {
                text = Some(fields.next_value()?);
            } else {
                fields.next_value::<IgnoredAny>()?;
            }
        }
        text.map(Document).ok_or_else(|| de::Error::missing_field("text"))
    }
}

#[cfg(test)]
mod tests;
