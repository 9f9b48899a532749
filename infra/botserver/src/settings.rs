//! Settings of a package: `config.csv` in all the spellings that authors use, or a JSON description.
//!
//! Nothing that can be understood is refused; what was probably meant otherwise becomes a finding.

use std::collections::BTreeMap;

use domain::bot::{FileFinding, Finding, Severity};
use serde_json::Value;

/// Settings as read, and what is wrong with the files they come from.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Settings {
    /// Keys in lower case with `-` between words.
    pub settings: BTreeMap<String, String>,
    pub findings: Vec<FileFinding>,
}

impl Settings {
    /// Adds a table of two columns. Of a key that is there twice the last one counts.
    pub fn add_csv(&mut self, file: &str, bytes: &[u8]) {
        let mut report = Report {
            file,
            findings: &mut self.findings,
        };
        let text = text(bytes, &mut report);
        let mut lines: BTreeMap<String, u32> = BTreeMap::new();
        for row in rows(&text, &mut report) {
            let key = key(&row.key);
            let Some(value) = row.value else {
                report.warning(
                    "P0103",
                    row.line,
                    format!("the setting {key} has no value"),
                    "write the name, a comma and the value",
                );
                continue;
            };
            if row.first && matches!(key.as_str(), "name" | "key") && value.eq_ignore_ascii_case("value") {
                continue;
            }
            if let Some(earlier) = lines.insert(key.clone(), row.line) {
                report.warning(
                    "P0104",
                    row.line,
                    format!("the setting {key} is already on line {earlier}; this one counts"),
                    "remove one of them",
                );
            }
            self.settings.insert(key, value);
        }
    }

    /// Takes a whole file as the system prompt. It counts more than the setting of that name.
    pub fn add_prompt(&mut self, file: &str, bytes: &[u8]) {
        let mut report = Report {
            file,
            findings: &mut self.findings,
        };
        let prompt = text(bytes, &mut report);
        self.settings.insert("system-prompt".to_owned(), prompt);
    }

    /// Tells of a file that is not read.
    pub fn add_too_large(&mut self, file: &str, bytes_max: u64) {
        let mut report = Report {
            file,
            findings: &mut self.findings,
        };
        report.warning(
            "P0106",
            1,
            format!("the file is larger than {bytes_max} bytes and is left out"),
            "make it smaller",
        );
    }

    /// Adds name, description and the plain values of `settings` of a `config.json` or `package.json`.
    pub fn add_json(&mut self, file: &str, bytes: &[u8]) {
        let mut report = Report {
            file,
            findings: &mut self.findings,
        };
        let text = text(bytes, &mut report);
        let description: Value = match serde_json::from_str(&text) {
            Ok(description) => description,
            Err(error) => {
                let line = u32::try_from(error.line()).unwrap_or(1).max(1);
                report.warning(
                    "P0105",
                    line,
                    format!("the file is not JSON: {error}"),
                    "correct it or remove the file",
                );
                return;
            }
        };
        for (field, key) in [("name", "bot-name"), ("description", "bot-description")] {
            if let Some(value) = description[field].as_str() {
                self.settings.insert(key.to_owned(), value.to_owned());
            }
        }
        for (name, value) in description["settings"].as_object().into_iter().flatten() {
            let value = match value {
                Value::String(text) => text.clone(),
                Value::Bool(_) | Value::Number(_) => value.to_string(),
                Value::Null | Value::Array(_) | Value::Object(_) => continue,
            };
            self.settings.insert(key(name), value);
        }
    }
}

/// Findings of one file.
struct Report<'a> {
    file: &'a str,
    findings: &'a mut Vec<FileFinding>,
}

impl Report<'_> {
    fn warning(&mut self, code: &str, line: u32, message: String, help: &str) {
        self.findings.push(FileFinding {
            file: self.file.to_owned(),
            finding: Finding {
                code: code.to_owned(),
                severity: Severity::Warning,
                message,
                line,
                column: 1,
                help: Some(help.to_owned()),
            },
        });
    }
}

/// Keys are the same whatever their case and whatever joins their words.
fn key(text: &str) -> String {
    text.trim().to_lowercase().replace(['_', ' '], "-")
}

/// The text of a file: UTF-8 or, as spreadsheets and old editors save, UTF-16 or Latin-1.
fn text(bytes: &[u8], report: &mut Report<'_>) -> String {
    let help = "save the file as UTF-8";
    let units = |of_bytes: fn([u8; 2]) -> u16| {
        let units: Vec<u16> = bytes[2..]
            .as_chunks::<2>()
            .0
            .iter()
            .copied()
            .map(of_bytes)
            .collect();
        String::from_utf16_lossy(&units)
    };
    let wide = match bytes {
        [0xff, 0xfe, ..] => Some(units(u16::from_le_bytes)),
        [0xfe, 0xff, ..] => Some(units(u16::from_be_bytes)),
        _ => None,
    };
    if let Some(text) = wide {
        report.warning(
            "P0101",
            1,
            "the file is UTF-16 and was read as such".to_owned(),
            help,
        );
        return text;
    }
    match std::str::from_utf8(bytes) {
        Ok(text) => text.trim_start_matches('\u{feff}').to_owned(),
        Err(error) => {
            let before = &bytes[..error.valid_up_to()];
            let line = before.iter().filter(|byte| **byte == b'\n').count() as u32 + 1;
            let message = "the file is not UTF-8 and was read as Latin-1".to_owned();
            report.warning("P0101", line, message, help);
            bytes.iter().map(|byte| char::from(*byte)).collect()
        }
    }
}

/// A line that says something.
struct Row {
    key: String,
    /// None without a comma.
    value: Option<String>,
    line: u32,
    /// True of the first row of a file, which may be a header.
    first: bool,
}

fn rows(text: &str, report: &mut Report<'_>) -> Vec<Row> {
    let text = text.replace("\r\n", "\n").replace('\r', "\n");
    let mut rest = text.as_str();
    let mut line = 1;
    let mut rows: Vec<Row> = Vec::new();
    while !rest.is_empty() {
        let here = line;
        let end = rest.find('\n').unwrap_or(rest.len());
        let trimmed = rest[..end].trim();
        if trimmed.starts_with('#') || trimmed.chars().all(|c| c == ',' || c.is_whitespace()) {
            rest = rest.get(end + 1..).unwrap_or_default();
            line += 1;
            continue;
        }
        let (key, after_key) = first_cell(&rest[..end]);
        let (value, length) = match after_key {
            None => (None, end),
            Some(start) => {
                let (value, length) = last_cell(&rest[start..], here, report);
                (Some(value), start + length)
            }
        };
        line += rest[..length].matches('\n').count() as u32 + 1;
        rest = rest.get(length + 1..).unwrap_or_default();
        let first = rows.is_empty();
        rows.push(Row {
            key,
            value,
            line: here,
            first,
        });
    }
    rows
}

/// The name in a line, and where what follows its comma starts.
fn first_cell(line: &str) -> (String, Option<usize>) {
    let unquoted = line.trim_start();
    if let Some(quoted) = unquoted.strip_prefix('"')
        && let Some((name, after)) = quoted.split_once('"')
    {
        let comma = after.find(',').map(|at| line.len() - after.len() + at + 1);
        return (name.to_owned(), comma);
    }
    match line.split_once(',') {
        Some((name, _)) => (name.to_owned(), Some(name.len() + 1)),
        None => (line.to_owned(), None),
    }
}

/// The value that `text` starts with, and how long it is in bytes: the rest of the line with the commas in it or, in
/// quotation marks, what is between them on however many lines.
fn last_cell(text: &str, line: u32, report: &mut Report<'_>) -> (String, usize) {
    let end = text.find('\n').unwrap_or(text.len());
    let bare = || {
        let value = text[..end]
            .trim()
            .trim_end_matches(|c: char| c == ',' || c.is_whitespace());
        (value.to_owned(), end)
    };
    let start = text.len() - text.trim_start_matches([' ', '\t']).len();
    if !text[start..].starts_with('"') {
        return bare();
    }
    let Some((value, after)) = quoted(&text[start + 1..]) else {
        report.warning(
            "P0102",
            line,
            "the quotation mark is never closed".to_owned(),
            "close it, or write the value without",
        );
        let (value, length) = bare();
        return (value.trim_start_matches('"').to_owned(), length);
    };
    let after = start + 1 + after;
    let end_after = text[after..].find('\n').map_or(text.len(), |at| after + at);
    let nothing_follows = text[after..end_after]
        .chars()
        .all(|c| c == ',' || c.is_whitespace());
    if nothing_follows {
        (value, end_after)
    } else {
        // The quotation mark belongs to the text: "Hello" said the bot.
        bare()
    }
}

/// What is before the closing quotation mark, and where it ends. Two of them stand for one.
fn quoted(text: &str) -> Option<(String, usize)> {
    let mut value = String::new();
    let mut characters = text.char_indices().peekable();
    while let Some((at, character)) = characters.next() {
        if character != '"' {
            value.push(character);
        } else if characters.next_if(|(_, next)| *next == '"').is_some() {
            value.push('"');
        } else {
            return Some((value, at + 1));
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(bytes: &[u8]) -> Settings {
        let mut read = Settings::default();
        read.add_csv("a.gbot/config.csv", bytes);
        read
    }

    /// Settings and findings on one line each.
    fn shown(bytes: &[u8]) -> Vec<String> {
        let read = read(bytes);
        let settings = read.settings.iter().map(|(key, value)| format!("{key}={value}"));
        let findings = read
            .findings
            .iter()
            .map(|found| format!("{}:{}", found.finding.code, found.finding.line));
        settings.chain(findings).collect()
    }

    #[test]
    fn settings_are_read_in_all_their_spellings() {
        let cases: &[(&str, &[u8], &[&str])] = &[
            ("a header", b"name,value\na,1\n", &["a=1"]),
            ("the other header", b"Key , Value\na,1\n", &["a=1"]),
            ("no header", b"a,1\nb,2", &["a=1", "b=2"]),
            ("name is a key too", b"a,1\nname,value\n", &["a=1", "name=value"]),
            ("nothing", b"", &[]),
            ("blank lines and lone commas", b"\n,\n , ,\na,1\n\n", &["a=1"]),
            ("comments", b"# a,1\n  # b,2\nc,#fff\n", &["c=#fff"]),
            ("spaces", b"  a , 1 2  \n", &["a=1 2"]),
            ("commas", b"a,x, y,z\n", &["a=x, y,z"]),
            ("empty columns", b"a,1,,\n", &["a=1"]),
            ("an empty value", b"a,\n", &["a="]),
            ("quoted commas", b"a,\"x, y\"\n", &["a=x, y"]),
            (
                "quoted names",
                b"\"Answer Mode\",direct\n",
                &["answer-mode=direct"],
            ),
            (
                "quotation marks",
                b"a,\"say \"\"hi\"\"\",\nb,2\n",
                &["a=say \"hi\"", "b=2"],
            ),
            ("several lines", b"a,\"x\ny\"\nb\n", &["a=x\ny", "P0103:3"]),
            ("quoted words", b"a,\"x\" or y\n", &["a=\"x\" or y"]),
            ("an open quotation", b"a,\"x\nb,2\n", &["a=x", "b=2", "P0102:1"]),
            (
                "spellings",
                b"Server_Host,1\nserver port,2\n",
                &["server-host=1", "server-port=2"],
            ),
            ("twice", b"a b,1\nA_B,2\n", &["a-b=2", "P0104:2"]),
            ("no comma", b"a\nb,2\n", &["b=2", "P0103:1"]),
            (
                "byte order mark",
                b"\xef\xbb\xbfname,value\na,\xc3\xb8\n",
                &["a=ø"],
            ),
            ("Windows line ends", b"name,value\r\na,1\r\n", &["a=1"]),
            ("old Macintosh line ends", b"a,1\rb,2\r", &["a=1", "b=2"]),
            ("UTF-16", b"\xff\xfea\0,\0\xf8\0\n\0", &["a=ø", "P0101:1"]),
            (
                "UTF-16 the other way round",
                b"\xfe\xff\0a\0,\0\xf8",
                &["a=ø", "P0101:1"],
            ),
            ("Latin-1", b"a,1\nb,\xf8\n", &["a=1", "b=ø", "P0101:2"]),
        ];
        for (what, bytes, expected) in cases {
            assert_eq!(shown(bytes), *expected, "{what}");
        }
    }

    #[test]
    fn what_is_no_json_is_a_finding_with_its_line() {
        let mut read = Settings::default();
        read.add_json("config.json", b"{\n  name: 1\n}");
        assert_eq!(read.findings[0].finding.line, 2);
        assert_eq!(read.findings[0].file, "config.json");
        assert!(read.settings.is_empty());
    }
}
