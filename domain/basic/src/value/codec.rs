//! Values as bytes, in the state of a machine that is put away.
//!
//! Arrays and objects that share storage are written once and referred to after that, so that state stays
//! small and the machine goes on exactly as if it had not been put away. Decoding accepts any bytes:
//! wrong ones are an error. Invariants it restores: depth within [`NESTING_MAX`], finite numbers,
//! weights that are right.

use std::collections::HashMap;

use chrono::{DateTime, NaiveDate};
use triomphe::Arc;

use super::{Array, HEADER_WEIGHT, NESTING_MAX, Object, Value};

// Stored: never renumber.
const NULL: u8 = 0;
const FALSE: u8 = 1;
const TRUE: u8 = 2;
const INTEGER: u8 = 3;
const NUMBER: u8 = 4;
const TEXT: u8 = 5;
const DATE: u8 = 6;
const MOMENT: u8 = 7;
const ARRAY: u8 = 8;
const OBJECT: u8 = 9;
const SHARED: u8 = 10;

/// From this length on a text that is shared stays shared. Changing a shorter one costs no step more for
/// being shared, so there it makes no difference.
pub(crate) const SHARED_FROM: usize = 1024;

#[derive(Default)]
pub(crate) struct Encoder {
    pub bytes: Vec<u8>,
    /// Address of each array, object and long text written so far, and its number.
    known: HashMap<usize, u64>,
}

impl Encoder {
    pub fn value(&mut self, value: &Value) {
        match value {
            Value::Null => self.bytes.push(NULL),
            Value::Bool(value) => self.bytes.push(if *value { TRUE } else { FALSE }),
            Value::Integer(value) => {
                self.bytes.push(INTEGER);
                // Zigzag, so that small negative numbers stay short.
                self.length(((*value << 1) ^ (*value >> 63)) as u64);
            }
            Value::Number(value) => {
                self.bytes.push(NUMBER);
                self.bytes.extend(value.to_le_bytes());
            }
            Value::Text(text) => {
                if text.len() < SHARED_FROM || self.is_new(Arc::as_ptr(text).addr()) {
                    self.bytes.push(TEXT);
                    self.text(text);
                }
            }
            Value::Date(date) => {
                self.bytes.push(DATE);
                self.bytes.extend(date.to_epoch_days().to_le_bytes());
            }
            Value::Moment(moment) => {
                self.bytes.push(MOMENT);
                self.bytes.extend(moment.timestamp().to_le_bytes());
                self.bytes.extend(moment.timestamp_subsec_nanos().to_le_bytes());
            }
            Value::Array(array) => {
                if self.begin(ARRAY, array.address(), array.depth(), array.len()) {
                    array.iter().for_each(|item| self.value(item));
                }
            }
            Value::Object(object) => {
                if self.begin(OBJECT, object.address(), object.depth(), object.len()) {
                    for (key, field) in object.iter() {
                        self.text(key);
                        self.value(field);
                    }
                }
            }
        }
    }

    /// Whether the content of this array or object has to be written.
    fn begin(&mut self, tag: u8, address: usize, depth: u8, length: usize) -> bool {
        let new = self.is_new(address);
        if new {
            self.bytes.extend([tag, depth]);
            self.length(length as u64);
        }
        new
    }

    /// Whether this storage is met for the first time; otherwise writes what refers to it.
    fn is_new(&mut self, address: usize) -> bool {
        if let Some(number) = self.known.get(&address).copied() {
            self.bytes.push(SHARED);
            self.length(number);
            return false;
        }
        self.known.insert(address, self.known.len() as u64);
        true
    }

    fn text(&mut self, text: &str) {
        self.length(text.len() as u64);
        self.bytes.extend(text.as_bytes());
    }

    fn length(&mut self, mut length: u64) {
        while length >= 0x80 {
            self.bytes.push(length as u8 | 0x80);
            length >>= 7;
        }
        self.bytes.push(length as u8);
    }
}

pub(crate) struct Decoder<'b> {
    bytes: &'b [u8],
    /// Finished arrays, objects and long texts by number; those that are still being read are absent.
    known: Vec<Option<Value>>,
    /// Logical bytes that may still be made: shared parts count each time.
    budget: u64,
}

impl<'b> Decoder<'b> {
    pub fn new(bytes: &'b [u8], budget: u64) -> Decoder<'b> {
        Decoder {
            bytes,
            known: Vec::new(),
            budget,
        }
    }

    pub fn is_at_end(&self) -> bool {
        self.bytes.is_empty()
    }

    /// Absent when the bytes are not a value.
    pub fn value(&mut self) -> Option<Value> {
        self.nested(NESTING_MAX)
    }

    fn nested(&mut self, levels: u8) -> Option<Value> {
        let [tag] = self.take()?;
        let value = match tag {
            NULL => Value::Null,
            FALSE => Value::Bool(false),
            TRUE => Value::Bool(true),
            INTEGER => {
                let zigzag = self.length()?;
                Value::Integer((zigzag >> 1) as i64 ^ -((zigzag & 1) as i64))
            }
            NUMBER => {
                Value::Number(Some(f64::from_le_bytes(self.take()?)).filter(|number| number.is_finite())?)
            }
            TEXT => {
                let text = Value::text(self.text()?);
                if text.weight() >= SHARED_FROM as u64 + HEADER_WEIGHT {
                    self.known.push(Some(text.clone()));
                }
                text
            }
            DATE => Value::Date(NaiveDate::from_epoch_days(i32::from_le_bytes(self.take()?))?),
            MOMENT => {
                let seconds = i64::from_le_bytes(self.take()?);
                Value::Moment(DateTime::from_timestamp(
                    seconds,
                    u32::from_le_bytes(self.take()?),
                )?)
            }
            ARRAY | OBJECT => return self.container(tag, levels.checked_sub(1)?),
            SHARED => {
                let number = usize::try_from(self.length()?).ok()?;
                let value = self.known.get(number)?.clone()?;
                // The copy hangs at another level than the first.
                (value.depth() <= levels).then_some(value)?
            }
            _ => return None,
        };
        self.spend(value.weight())?;
        Some(value)
    }

    fn container(&mut self, tag: u8, levels: u8) -> Option<Value> {
        let [depth] = self.take()?;
        let length = usize::try_from(self.length()?).ok()?;
        let number = self.known.len();
        self.known.push(None);
        let value = if tag == ARRAY {
            let mut array = Array::default();
            for _ in 0..length {
                array.push(self.nested(levels)?).ok()?;
                self.spend(16)?;
            }
            array.raise_depth(depth);
            Value::Array(array)
        } else {
            let mut object = Object::default();
            for at in 0..length {
                let key = self.text()?;
                let field = self.nested(levels)?;
                object.set(&key, field).ok()?;
                // A key written twice would make the object shorter than it says.
                (object.len() == at + 1).then_some(())?;
                self.spend(48 + key.len() as u64)?;
            }
            object.raise_depth(depth);
            Value::Object(object)
        };
        (value.depth() <= levels + 1).then_some(())?;
        self.known[number] = Some(value.clone());
        Some(value)
    }

    fn text(&mut self) -> Option<String> {
        let length = usize::try_from(self.length()?).ok()?;
        let (text, rest) = self.bytes.split_at_checked(length)?;
        self.bytes = rest;
        Some(std::str::from_utf8(text).ok()?.to_owned())
    }

    fn length(&mut self) -> Option<u64> {
        let mut length = 0_u64;
        for shift in (0..64).step_by(7) {
            let [byte] = self.take()?;
            length |= u64::from(byte & 0x7f) << shift;
            if byte < 0x80 {
                return Some(length);
            }
        }
        None
    }

    fn take<const N: usize>(&mut self) -> Option<[u8; N]> {
        let (taken, rest) = self.bytes.split_first_chunk::<N>()?;
        self.bytes = rest;
        Some(*taken)
    }

    fn spend(&mut self, bytes: u64) -> Option<()> {
        self.budget = self.budget.checked_sub(bytes)?;
        Some(())
    }
}
