//! Reading conditions.
//!
//! ```text
//! either    = both { OR both }
//! both      = one { AND one }
//! one       = [NOT] "(" either ")" | field comparison
//! comparison = ("=" | "==" | "<>" | "!=" | "<" | "<=" | ">" | ">=" | [NOT] LIKE | CONTAINS) value
//!            | IS [NOT] NULL | [NOT] IN "(" value { "," value } ")"
//! value     = a quoted text | everything up to AND, OR, a bracket, a comma within IN, or the end
//! ```

use super::{Comparison, Condition, Room};
use crate::machine::Fault;
use crate::value::{Value, parse_number};

/// Groups in groups: as deep as anybody writes, and no deeper than the stack bears.
const DEPTH_MAX: usize = 32;

pub(super) fn parse(text: &str, values: &[Value], room: &mut Room) -> Result<Condition, Fault> {
    let mut parser = Parser {
        text,
        values,
        room,
        at: 0,
        depth: 0,
    };
    let condition = parser.either()?;
    parser.skip_space();
    if parser.rest().is_empty() {
        Ok(condition)
    } else {
        Err(parser.wrong("AND, OR or the end"))
    }
}

fn is_of_field(c: char) -> bool {
    c.is_alphanumeric() || matches!(c, '_' | '-' | '.')
}

/// The name of a field that a script has in a variable.
fn named(said: &str) -> Result<String, Fault> {
    let name = said.trim();
    if name.is_empty() || !name.chars().all(is_of_field) {
        return Err(Fault::argument("what is compared is the name of a field"));
    }
    Ok(name.to_owned())
}

struct Parser<'t, 'r> {
    text: &'t str,
    /// What belongs into the holes of the text.
    values: &'t [Value],
    room: &'r mut Room,
    at: usize,
    depth: usize,
}

const SYMBOLS: [(&str, Comparison); 8] = [
    ("==", Comparison::Equal),
    ("<>", Comparison::Unequal),
    ("!=", Comparison::Unequal),
    ("<=", Comparison::LessOrEqual),
    (">=", Comparison::GreaterOrEqual),
    ("=", Comparison::Equal),
    ("<", Comparison::Less),
    (">", Comparison::Greater),
];

impl<'t> Parser<'t, '_> {
    fn either(&mut self) -> Result<Condition, Fault> {
        let mut conditions = vec![self.both()?];
        while self.take_word("OR") || self.take("||") {
            conditions.push(self.both()?);
        }
        Ok(only_or(conditions, Condition::Either))
    }

    fn both(&mut self) -> Result<Condition, Fault> {
        let mut conditions = vec![self.one()?];
        while self.take_word("AND") || self.take("&&") {
            conditions.push(self.one()?);
        }
        Ok(only_or(conditions, Condition::Both))
    }

    fn one(&mut self) -> Result<Condition, Fault> {
        if self.take_word("NOT") {
            self.deeper()?;
            let negated = Condition::Not(Box::new(self.one()?));
            self.depth -= 1;
            return Ok(negated);
        }
        if self.take("(") {
            self.deeper()?;
            let group = self.either()?;
            self.depth -= 1;
            return if self.take(")") {
                Ok(group)
            } else {
                Err(self.wrong("`)`"))
            };
        }
        if let Some(value) = self.hole_here() {
            self.at += self.rest().chars().next().map_or(0, char::len_utf8);
            self.room.take_text(value)?;
            let said = value.to_text()?;
            if self.is_compared() {
                return self.compared(named(&said)?);
            }
            // A whole condition that the script has in a variable.
            return parse(&said, &[], self.room);
        }
        let field = self.field()?;
        self.compared(field)
    }

    /// Whether what stands before this is the field of a comparison.
    fn is_compared(&mut self) -> bool {
        let at = self.at;
        let words = ["IS", "NOT", "IN", "LIKE", "CONTAINS"];
        let found = words.iter().any(|word| self.take_word(word))
            || SYMBOLS.iter().any(|(symbol, _)| self.take(symbol));
        self.at = at;
        found
    }

    /// The value of the hole that stands here.
    fn hole_here(&mut self) -> Option<&'t Value> {
        self.skip_space();
        self.rest().chars().next().and_then(|c| self.filling(c))
    }

    /// The value that a character stands for.
    fn filling(&self, c: char) -> Option<&'t Value> {
        let number = u32::from(c).checked_sub(super::FIRST_HOLE)?;
        self.values.get(number as usize)
    }

    /// A text with its holes filled; one that is a hole alone is the value itself.
    fn filled(&mut self, text: &str) -> Result<Option<Value>, Fault> {
        let mut characters = text.chars();
        if let (Some(c), None) = (characters.next(), characters.next())
            && let Some(value) = self.filling(c)
        {
            return Ok(Some(value.clone()));
        }
        if !text.chars().any(|c| self.filling(c).is_some()) {
            return Ok(None);
        }
        let mut filled = String::new();
        for c in text.chars() {
            match self.filling(c) {
                Some(value) => {
                    self.room.take_text(value)?;
                    value.write_to(&mut filled)?;
                }
                None => filled.push(c),
            }
        }
        Ok(Some(Value::text(filled)))
    }

    fn deeper(&mut self) -> Result<(), Fault> {
        self.depth += 1;
        if self.depth > DEPTH_MAX {
            return Err(Fault::argument("the condition is nested too deeply"));
        }
        Ok(())
    }

    fn compared(&mut self, field: String) -> Result<Condition, Fault> {
        self.room.take(size_of::<Condition>() + field.len())?;
        if self.take_word("IS") {
            let negated = self.take_word("NOT");
            if !self.take_word("NULL") {
                return Err(self.wrong("NULL"));
            }
            let null = Condition::Compared {
                field,
                comparison: Comparison::IsNull,
                value: Value::Null,
            };
            return Ok(negated_if(negated, null));
        }
        let negated = self.take_word("NOT");
        if self.take_word("IN") {
            return Ok(negated_if(negated, self.one_of(field)?));
        }
        let symbol = SYMBOLS.iter().find(|(symbol, _)| self.take(symbol));
        let comparison = match symbol {
            Some((_, comparison)) if !negated => *comparison,
            _ if self.take_word("LIKE") => Comparison::Like,
            _ if self.take_word("CONTAINS") => Comparison::Contains,
            _ => return Err(self.wrong("a comparison such as =, <> or LIKE")),
        };
        let value = self.value(false)?;
        Ok(negated_if(
            negated,
            Condition::Compared {
                field,
                comparison,
                value,
            },
        ))
    }

    fn one_of(&mut self, field: String) -> Result<Condition, Fault> {
        if !self.take("(") {
            return Err(self.wrong("`(`"));
        }
        let mut values = vec![self.value(true)?];
        while self.take(",") {
            values.push(self.value(true)?);
        }
        if self.take(")") {
            Ok(Condition::OneOf { field, values })
        } else {
            Err(self.wrong("`,` or `)`"))
        }
    }

    /// Letters of any script, digits, `_`, `-` within, and `.` for a field of a field.
    fn field(&mut self) -> Result<String, Fault> {
        self.skip_space();
        let rest = self.rest();
        let end = rest.find(|c| !is_of_field(c)).unwrap_or(rest.len());
        if end == 0 {
            return Err(self.wrong("the name of a field"));
        }
        self.at += end;
        Ok(rest[..end].to_owned())
    }

    fn value(&mut self, in_list: bool) -> Result<Value, Fault> {
        self.room.take(size_of::<Value>())?;
        self.skip_space();
        let rest = self.rest();
        if let Some(quote) = rest.chars().next().filter(|c| matches!(c, '\'' | '"')) {
            return self.quoted(quote);
        }
        let end = rest
            .char_indices()
            .find(|(at, c)| *c == ')' || in_list && *c == ',' || begins_next(&rest[*at..]))
            .map_or(rest.len(), |(at, _)| at);
        let word = rest[..end].trim();
        if word.is_empty() {
            return Err(self.wrong("a value"));
        }
        self.at += end;
        if let Some(value) = self.filled(word)? {
            return Ok(value);
        }
        Ok(match word.to_ascii_lowercase().as_str() {
            "true" => Value::Bool(true),
            "false" => Value::Bool(false),
            "null" => Value::Null,
            _ => parse_number(word).unwrap_or_else(|| Value::text(word)),
        })
    }

    /// A quotation mark within is written twice.
    fn quoted(&mut self, quote: char) -> Result<Value, Fault> {
        let mut text = String::new();
        let mut characters = self.rest().char_indices().skip(1).peekable();
        while let Some((at, c)) = characters.next() {
            if c != quote {
                text.push(c);
            } else if characters.next_if(|(_, next)| *next == quote).is_some() {
                text.push(quote);
            } else {
                self.at += at + 1;
                return Ok(self.filled(&text)?.unwrap_or_else(|| Value::text(text)));
            }
        }
        Err(self.wrong("a quotation mark that is closed"))
    }

    fn rest(&self) -> &'t str {
        &self.text[self.at..]
    }

    fn skip_space(&mut self) {
        self.at = self.text.len() - self.rest().trim_start().len();
    }

    fn take(&mut self, symbol: &str) -> bool {
        self.skip_space();
        let found = self.rest().starts_with(symbol);
        self.at += if found { symbol.len() } else { 0 };
        found
    }

    fn take_word(&mut self, word: &str) -> bool {
        self.skip_space();
        let found = starts_with_word(self.rest(), word);
        self.at += if found { word.len() } else { 0 };
        found
    }

    fn wrong(&self, wanted: &str) -> Fault {
        let rest: String = self.rest().chars().take(30).collect();
        let place = if rest.is_empty() {
            "at its end".to_owned()
        } else {
            format!("at `{rest}`")
        };
        Fault::argument(format!("the condition needs {wanted} {place}"))
    }
}

/// Whether AND or OR begins here, after one space: looking past several at each of them would take long.
fn begins_next(text: &str) -> bool {
    if text.starts_with("&&") || text.starts_with("||") {
        return true;
    }
    let after_space = text.strip_prefix(char::is_whitespace);
    after_space.is_some_and(|rest| ["AND", "OR"].iter().any(|word| starts_with_word(rest, word)))
}

fn starts_with_word(text: &str, word: &str) -> bool {
    let begins = text
        .get(..word.len())
        .is_some_and(|start| start.eq_ignore_ascii_case(word));
    begins && !text[word.len()..].starts_with(|c: char| c.is_alphanumeric() || c == '_')
}

fn only_or(mut conditions: Vec<Condition>, several: fn(Vec<Condition>) -> Condition) -> Condition {
    if conditions.len() == 1 {
        conditions.remove(0)
    } else {
        several(conditions)
    }
}

fn negated_if(negated: bool, condition: Condition) -> Condition {
    if negated {
        Condition::Not(Box::new(condition))
    } else {
        condition
    }
}
