//! Texts of the command line, of a file or of standard input: lines, or JSON lines.

use std::fs::File;
use std::io::{BufRead, BufReader, IsTerminal as _, Read as _, stdin};
use std::path::{Path, PathBuf};

use anyhow::{Context as _, bail};
use indicatif::{ProgressBar, ProgressStyle};
use serde::Deserialize;
use serde_json::Value;

/// A longer line is not a text but a mistake, and should not be read into memory.
const LINE_BYTES_MAX: u64 = 64 << 20;

#[derive(Debug, clap::Args)]
#[group(skip)]
pub struct Arguments {
    /// Texts; without any and without a file they are read from standard input
    #[arg(value_name = "TEXT")]
    texts: Vec<String>,
    /// Read a text from each line of a file ("-" is standard input)
    #[arg(short, long, value_name = "FILE", conflicts_with = "texts")]
    file: Option<PathBuf>,
    /// Each line is JSON: a text, or an object with "text" and perhaps "id" (as with files *.jsonl and *.ndjson)
    #[arg(long)]
    jsonl: bool,
}

/// One text, with the id that it came with.
#[derive(Debug, Clone, PartialEq)]
pub struct Text {
    pub text: String,
    pub id: Option<Value>,
}

/// An iterator over texts, and how far it is.
pub struct Texts {
    lines: Lines,
    jsonl: bool,
    number: usize,
    progress: ProgressBar,
}

enum Lines {
    Given(std::vec::IntoIter<String>),
    Read(Box<dyn BufRead + Send>),
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Line {
    Text(String),
    Object {
        text: String,
        #[serde(default)]
        id: Option<Value>,
    },
}

impl Arguments {
    /// The texts of a file whose lines are JSON, whatever it is called.
    pub fn of_file(path: PathBuf) -> Arguments {
        Arguments {
            texts: Vec::new(),
            file: Some(path),
            jsonl: true,
        }
    }

    pub fn open(&self) -> anyhow::Result<Texts> {
        let jsonl = self.jsonl || self.file.as_deref().is_some_and(is_jsonl);
        let (lines, length) = match &self.file {
            Some(path) if path.as_os_str() != "-" => {
                let file = File::open(path).with_context(|| format!("{} cannot be read", path.display()))?;
                let length = file.metadata().map_or(0, |metadata| metadata.len());
                (Lines::Read(Box::new(BufReader::new(file))), Some(length))
            }
            None if !self.texts.is_empty() => (Lines::Given(self.texts.clone().into_iter()), None),
            _ if stdin().is_terminal() => bail!("no texts: give some, or --file, or standard input"),
            _ => (Lines::Read(Box::new(BufReader::new(stdin()))), None),
        };
        Ok(Texts {
            progress: progress(length, matches!(lines, Lines::Given(_)))?,
            lines,
            // What stands on the command line is the text itself.
            jsonl: jsonl && self.texts.is_empty(),
            number: 0,
        })
    }
}

fn is_jsonl(path: &Path) -> bool {
    path.extension()
        .is_some_and(|extension| extension == "jsonl" || extension == "ndjson")
}

/// On standard error, where it is a terminal and there may be much to do.
fn progress(length: Option<u64>, short: bool) -> anyhow::Result<ProgressBar> {
    if short {
        return Ok(ProgressBar::hidden());
    }
    let (bar, template) = match length {
        Some(length) => (
            ProgressBar::new(length),
            "{msg} texts  {wide_bar} {percent} %  {eta} left",
        ),
        None => (ProgressBar::new_spinner(), "{spinner} {msg} texts  {elapsed}"),
    };
    Ok(bar.with_style(ProgressStyle::with_template(template)?))
}

impl Texts {
    pub fn progress(&self) -> ProgressBar {
        self.progress.clone()
    }

    /// The next texts, at most so many; none at the end.
    pub fn take(&mut self, count: usize) -> anyhow::Result<Vec<Text>> {
        let mut texts = Vec::with_capacity(count.min(1024));
        while texts.len() < count {
            match self.line()? {
                Some(line) => texts.push(self.text(line)?),
                None => break,
            }
        }
        Ok(texts)
    }

    fn line(&mut self) -> anyhow::Result<Option<String>> {
        self.number += 1;
        let reader = match &mut self.lines {
            Lines::Given(texts) => return Ok(texts.next()),
            Lines::Read(reader) => reader,
        };
        let mut line = String::new();
        let number = self.number;
        let read = reader.take(LINE_BYTES_MAX).read_line(&mut line);
        let length = read.with_context(|| format!("line {number} cannot be read"))?;
        if length as u64 == LINE_BYTES_MAX {
            bail!("line {number} is longer than {LINE_BYTES_MAX} bytes");
        }
        self.progress.inc(length as u64);
        let text = line.strip_suffix('\n').unwrap_or(&line);
        let text = text.strip_suffix('\r').unwrap_or(text);
        Ok((length > 0).then(|| text.to_owned()))
    }

    fn text(&self, line: String) -> anyhow::Result<Text> {
        if !self.jsonl {
            return Ok(Text { text: line, id: None });
        }
        let number = self.number;
        let line = serde_json::from_str(&line);
        match line.with_context(|| format!("line {number} is no JSON text and no object with \"text\""))? {
            Line::Text(text) => Ok(Text { text, id: None }),
            Line::Object { text, id } => Ok(Text { text, id }),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn texts(lines: &'static str, jsonl: bool) -> Texts {
        Texts {
            lines: Lines::Read(Box::new(lines.as_bytes())),
            jsonl,
            number: 0,
            progress: ProgressBar::hidden(),
        }
    }

    fn plain(text: &str) -> Text {
        Text {
            text: text.to_owned(),
            id: None,
        }
    }

    #[test]
    fn each_line_is_a_text() {
        let mut texts = texts("a\r\n\nlast", false);
        assert_eq!(texts.take(2).expect("lines"), [plain("a"), plain("")]);
        assert_eq!(texts.take(2).expect("lines"), [plain("last")]);
        assert!(texts.take(2).expect("lines").is_empty());
    }

    #[test]
    fn a_line_of_json_is_a_text_or_an_object_with_one() {
        let mut read = texts("\"a\\nb\"\n{\"id\": 7, \"text\": \"c\"}", true);
        let with_id = Text {
            text: "c".to_owned(),
            id: Some(7.into()),
        };
        assert_eq!(read.take(9).expect("lines"), [plain("a\nb"), with_id]);
        let told = texts("\"a\"\n{}", true).take(9).expect_err("no text");
        assert!(told.to_string().starts_with("line 2 "));
    }
}
