//! Templates: texts with `{{name}}` in them.
//!
//! `{{name}}` and `{{guest.name}}` are what a field holds, `{{#each items}} … {{/each}}` is repeated for each item, in which
//! `{{this}}` is the item itself, and `{{#if paid}} … {{else}} … {{/if}}` is there or not.

use basic::{Refusal, Value};

use crate::too_large;

/// What a filled template may come to, all its parts together.
const FILLED_BYTES_MAX: usize = 8 << 20;
/// Parts that are written and fields that are looked at, of which many may come to no text at all.
const STEPS_MAX: usize = 4_000_000;
/// Repetitions within repetitions.
const DEPTH_MAX: usize = 8;

/// What a value becomes within the text.
pub type Escape = fn(&str) -> String;

/// As it is.
pub fn plain(text: &str) -> String {
    text.to_owned()
}

/// For HTML and XML, within texts and within attributes.
pub fn markup(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            '\'' => escaped.push_str("&#39;"),
            // Neither HTML nor XML has them.
            c if c.is_control() && !matches!(c, '\n' | '\r' | '\t') => {}
            c => escaped.push(c),
        }
    }
    escaped
}

/// The template with what `data` holds. A field that is not there is nothing.
pub fn filled(template: &str, data: &Value, escape: Escape) -> Result<String, Refusal> {
    Filling::new(data, escape).filled(template)
}

/// Templates that are filled with the same data, and limited together.
pub(crate) struct Filling<'d> {
    data: &'d Value,
    escape: Escape,
    bytes: usize,
    steps: usize,
}

impl<'d> Filling<'d> {
    pub(crate) fn new(data: &'d Value, escape: Escape) -> Filling<'d> {
        Filling {
            data,
            escape,
            bytes: 0,
            steps: 0,
        }
    }

    pub(crate) fn filled(&mut self, template: &str) -> Result<String, Refusal> {
        let parts = Parts::of(template)?;
        let mut text = String::new();
        self.write(&parts.0, &[self.data], &mut text)?;
        Ok(text)
    }
}

struct Parts<'t>(Vec<Part<'t>>);

enum Part<'t> {
    Text(&'t str),
    Field(&'t str),
    Each(&'t str, Vec<Part<'t>>),
    If(&'t str, Vec<Part<'t>>, Vec<Part<'t>>),
}

/// A block that is not closed yet.
struct Open<'t> {
    word: &'t str,
    field: &'t str,
    parts: Vec<Part<'t>>,
    otherwise: Option<Vec<Part<'t>>>,
}

impl<'t> Open<'t> {
    fn push(&mut self, part: Part<'t>) {
        self.otherwise.as_mut().unwrap_or(&mut self.parts).push(part);
    }
}

impl<'t> Parts<'t> {
    fn of(template: &'t str) -> Result<Parts<'t>, Refusal> {
        let wrong = |said: &str| {
            Refusal::mistake(
                "template_unclear",
                format!("`{{{{{said}}}}}` closes nothing, or is not closed"),
            )
        };
        let root = Open {
            word: "",
            field: "",
            parts: Vec::new(),
            otherwise: None,
        };
        let (mut open, mut rest) = (vec![root], template);
        while let Some((before, after)) = rest.split_once("{{") {
            let raw = after.starts_with('{');
            let Some((said, after)) = after.split_once("}}") else {
                break;
            };
            rest = after;
            let said = said.trim_matches(|c: char| c == '{' || c.is_whitespace());
            // A field in three brackets is one as well.
            if raw {
                rest = rest.strip_prefix('}').unwrap_or(rest);
            }
            let depth = open.len();
            let Some(inner) = open.last_mut() else { break };
            inner.push(Part::Text(before));
            let (word, field) = said.split_once(char::is_whitespace).unwrap_or((said, ""));
            match word {
                "#each" | "#if" => {
                    if depth > DEPTH_MAX {
                        return Err(Refusal::mistake(
                            "template_unclear",
                            "the template repeats within repetitions too deeply",
                        ));
                    }
                    open.push(Open {
                        word: &word[1..],
                        field: field.trim(),
                        parts: Vec::new(),
                        otherwise: None,
                    });
                }
                "else" if inner.word == "if" && inner.otherwise.is_none() => {
                    inner.otherwise = Some(Vec::new());
                }
                "/each" | "/if" if inner.word == &word[1..] => {
                    let Some(closed) = open.pop() else { break };
                    let part = match closed.word {
                        "each" => Part::Each(closed.field, closed.parts),
                        _ => Part::If(closed.field, closed.parts, closed.otherwise.unwrap_or_default()),
                    };
                    if let Some(outer) = open.last_mut() {
                        outer.push(part);
                    }
                }
                "/each" | "/if" => return Err(wrong(said)),
                _ => inner.push(Part::Field(said)),
            }
        }
        let Some(mut root) = open.pop() else {
            return Ok(Parts(Vec::new()));
        };
        if !open.is_empty() {
            return Err(wrong(&format!("#{}", root.word)));
        }
        root.push(Part::Text(rest));
        Ok(Parts(root.parts))
    }
}

impl Filling<'_> {
    /// `scopes`: what a field is looked for in, the innermost last.
    fn write(&mut self, parts: &[Part<'_>], scopes: &[&Value], text: &mut String) -> Result<(), Refusal> {
        for part in parts {
            self.step(1)?;
            match part {
                Part::Text(plain) => self.put(text, plain)?,
                Part::Field(field) => match self.found(scopes, field)? {
                    Value::Null => {}
                    value => self.put(text, &(self.escape)(&value.to_string()))?,
                },
                Part::Each(field, inner) => {
                    let value = self.found(scopes, field)?;
                    let items: Vec<&Value> = match &value {
                        Value::Array(items) => items.iter().collect(),
                        Value::Null => Vec::new(),
                        one => vec![one],
                    };
                    for item in items {
                        self.step(1)?;
                        let scopes: Vec<&Value> = scopes.iter().copied().chain([item]).collect();
                        self.write(inner, &scopes, text)?;
                    }
                }
                Part::If(field, then, otherwise) => {
                    let part = match self.found(scopes, field)?.is_truthy() {
                        true => then,
                        false => otherwise,
                    };
                    self.write(part, scopes, text)?;
                }
            }
        }
        Ok(())
    }

    fn put(&mut self, text: &mut String, more: &str) -> Result<(), Refusal> {
        self.bytes += more.len();
        if self.bytes > FILLED_BYTES_MAX {
            return Err(too_large("the filled template has more than 8 MiB"));
        }
        text.push_str(more);
        Ok(())
    }

    fn step(&mut self, steps: usize) -> Result<(), Refusal> {
        self.steps += steps;
        match self.steps > STEPS_MAX {
            true => Err(too_large("the template repeats too often")),
            false => Ok(()),
        }
    }

    fn found(&mut self, scopes: &[&Value], path: &str) -> Result<Value, Refusal> {
        if matches!(path, "this" | ".") {
            return Ok(scopes.last().map(|value| (*value).clone()).unwrap_or_default());
        }
        let path = path.strip_prefix("this.").unwrap_or(path);
        let mut names = path.split('.');
        let first = names.next().unwrap_or_default();
        let mut found = None;
        for scope in scopes.iter().rev() {
            found = self.member(scope, first)?;
            if found.is_some() {
                break;
            }
        }
        for name in names {
            found = match found {
                Some(value) => self.member(value, name)?,
                None => None,
            };
        }
        Ok(found.cloned().unwrap_or_default())
    }

    fn member<'v>(&mut self, value: &'v Value, name: &str) -> Result<Option<&'v Value>, Refusal> {
        Ok(match value {
            Value::Object(fields) => match fields.get(name) {
                Some(value) => Some(value),
                None => {
                    self.step(fields.len())?;
                    let mut all = fields.iter();
                    let found = all.find(|(known, _)| known.eq_ignore_ascii_case(name));
                    found.map(|(_, value)| value)
                }
            },
            Value::Array(items) => name.parse().ok().and_then(|at: usize| items.get(at)),
            _ => None,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fill(template: &str) -> Result<String, String> {
        let data = serde_json::json!({
            "name": "Ana <b>", "paid": true, "none": [], "guest": { "City": "Porto" },
            "items": [{ "what": "rope", "price": 12.5 }, { "what": "buoy" }], "tags": ["a", "b"],
        });
        filled(template, &Value::from_json(data), markup).map_err(|refusal| refusal.code)
    }

    #[test]
    fn fields_repetitions_and_conditions_are_filled() {
        for (template, expected) in [
            (
                "Dear {{name}} of {{ guest.city }}!",
                "Dear Ana &lt;b&gt; of Porto!",
            ),
            ("{{missing}}{{guest.missing.more}}.", "."),
            ("{{#each items}}{{what}} {{price}};{{/each}}", "rope 12.5;buoy ;"),
            (
                "{{#each tags}}{{this}}-{{name}} {{/each}}",
                "a-Ana &lt;b&gt; b-Ana &lt;b&gt; ",
            ),
            (
                "{{#if paid}}yes{{else}}no{{/if}} {{#if none}}yes{{else}}no{{/if}}",
                "yes no",
            ),
            ("{{items.1.what}}", "buoy"),
            ("a {{ b", "a {{ b"),
            ("{{{name}}}", "Ana &lt;b&gt;"),
        ] {
            assert_eq!(fill(template).as_deref(), Ok(expected), "{template}");
        }
        for wrong in ["{{#each items}}", "{{/if}}", "{{#if paid}}{{/each}}"] {
            assert_eq!(fill(wrong).expect_err(wrong), "template_unclear");
        }
        let deep = "{{#each items}}".repeat(20);
        assert_eq!(fill(&deep).expect_err("too deep"), "template_unclear");
    }

    #[test]
    fn what_repeats_endlessly_ends() {
        let many = Value::from_json(serde_json::json!({ "l": vec![0; 1000] }));
        let fields = (0..10_000).map(|n| (format!("f{n}"), Value::Null));
        let wide = Value::Object(fields.collect());
        let template = "{{#each l}}{{#each l}}{{#each l}}0123456789{{/each}}{{/each}}{{/each}}";
        let silent = "{{#each l}}".repeat(8) + &"{{/each}}".repeat(8);
        let missing = "{{missing}}".repeat(100_000);
        for (template, data) in [(template, &many), (&silent, &many), (&missing, &wide)] {
            let refused = filled(template, data, plain).expect_err("too much");
            assert_eq!(refused.code, "document_too_large", "{}", &template[..30]);
        }
    }
}
