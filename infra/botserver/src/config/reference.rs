//! What each setting means: for `config explain`, for the flags, and for docs/configuration.md.
//!
//! The comments of `default.toml` are the one text; everything here is read from them.

use std::fmt::Write;

use serde_json::json;

use super::{Config, ConfigErrors, KEYS, Key, Origin, default_toml, key, layers, print};

/// Beginning of docs/configuration.md.
const HEAD: &str = "\
# Configuration

Nothing has to be set. Settings are read from, the later prevailing:

1. the defaults that are built in;
2. one file: `--config PATH`, else `BOTSERVER_CONFIG`, else `./botserver.toml`, else `botserver/botserver.toml` in
   `~/.config` (or `$XDG_CONFIG_HOME`; as root in `/etc`);
3. the environment: a variable that is empty unsets what may be absent;
4. the command line: a flag for common settings, `--set KEY=VALUE` for any.

`botserver config print` shows what is in force and where each value came from, `botserver config explain KEY` one
setting, `botserver config check` every mistake, a line each, with exit code 78. Passwords are shown as `***`.

A relative path is taken from the folder in which the program is started. Generated from
`infra/botserver/src/default.toml`.
";

impl Key {
    /// What the setting is for, in a sentence or some.
    pub fn meaning(&self) -> String {
        let comment = self.comment();
        match comment.split_once(" Default: ") {
            Some((meaning, _)) => meaning.to_owned(),
            None => comment,
        }
    }

    /// The first sentence of the meaning, without its full stop, for one line of help.
    pub fn summary(&self) -> String {
        let meaning = self.meaning();
        let first = meaning.split(". ").next().unwrap_or_default();
        first.trim_end_matches('.').to_owned()
    }

    /// What holds where nothing is set, as a value or in words; nothing where nothing does.
    pub fn default_text(&self) -> Option<String> {
        if let Some((value, _)) = layers::defaults().get(self.name) {
            return Some(value.to_string());
        }
        let comment = self.comment();
        let (_, words) = comment.split_once(" Default: ")?;
        Some(words.trim_end_matches('.').to_owned())
    }

    /// Stands for the value in help.
    pub(super) fn placeholder(&self) -> &'static str {
        let last = self.name.rsplit(['.', '_']).next().unwrap_or(self.name);
        match last {
            "dir" | "file" => "PATH",
            "port" => "PORT",
            "host" => "HOST",
            "url" | "endpoint" => "URL",
            "format" => "FORMAT",
            "filter" => "LEVEL",
            "roles" => "ROLES",
            "brokers" => "BROKERS",
            _ => "NAME",
        }
    }

    /// The comment above the setting, as one line of text.
    fn comment(&self) -> String {
        let mark = format!("# Environment: {}", self.variable());
        let lines: Vec<&str> = default_toml().lines().collect();
        let end = lines.iter().position(|line| *line == mark).unwrap_or_default();
        let start = lines[..end]
            .iter()
            .rposition(|line| !line.starts_with("# "))
            .map_or(0, |before| before + 1);
        let words: Vec<&str> = lines[start..end].iter().map(|line| &line[2..]).collect();
        words.join(" ")
    }

    /// Everything about the setting, for programs.
    fn describe(&self) -> serde_json::Value {
        json!({
            "key": self.name,
            "meaning": self.meaning(),
            "type": self.form(),
            "default": self.default_text(),
            "environment": self.variable(),
            "flag": self.flag.map(|flag| format!("--{flag}")),
            "example": self.example_line(),
            "secret": self.secret,
        })
    }
}

/// What `botserver config explain NAME` prints for a key or a section. The error is the line for an unknown name.
pub(super) fn explain(name: &str, config: &Result<Config, ConfigErrors>) -> Result<String, String> {
    if let Some(key) = Key::find(name) {
        return Ok(explain_key(key, config));
    }
    let section = name.trim_end_matches(".*").trim_end_matches('.');
    let keys: Vec<&Key> = KEYS.iter().filter(|key| key.section() == Some(section)).collect();
    if keys.is_empty() {
        return Err(format!(
            "{name}: unknown setting; the nearest is {}, and `botserver config print` lists all",
            key::nearest(name).name
        ));
    }
    let width = keys.iter().map(|key| key.name.len()).max().unwrap_or_default();
    let mut text = String::new();
    for key in keys {
        let _ = writeln!(text, "{:width$}  {}", key.name, key.summary());
    }
    Ok(text)
}

fn explain_key(key: &Key, config: &Result<Config, ConfigErrors>) -> String {
    let in_force = match config {
        Ok(config) => match config.read.0.get(key.name) {
            None => "not set".to_owned(),
            Some((value, Origin::Default)) => format!("{} (the default)", print::shown(key, value)),
            Some((value, origin)) => format!("{}, from {origin}", print::shown(key, value)),
        },
        Err(errors) => {
            let own = errors.iter().find(|error| error.key == key.name);
            match own.or_else(|| errors.iter().next()) {
                Some(error) => format!("none, the configuration is wrong: {error}"),
                None => "none".to_owned(),
            }
        }
    };
    let flag = key.flag.unwrap_or("set");
    let flag = match key.flag {
        Some(_) => format!("--{flag} {}", key.placeholder()),
        None => format!("--{flag} {}=…", key.name),
    };
    let rows = [
        ("type", key.form()),
        (
            "default",
            key.default_text().unwrap_or_else(|| "not set".to_owned()),
        ),
        ("environment", key.variable()),
        ("flag", flag),
        ("in force", in_force),
        ("example", key.example_line()),
    ];
    let mut text = format!("{}\n{}\n\n", key.name, wrapped(&key.meaning(), 78));
    for (name, value) in rows {
        let _ = writeln!(text, "  {name:<12} {value}");
    }
    text
}

/// Breaks a text into lines of at most `width` characters, each set in by two.
fn wrapped(text: &str, width: usize) -> String {
    let mut lines: Vec<String> = Vec::new();
    for word in text.split_whitespace() {
        match lines.last_mut() {
            Some(line) if line.chars().count() + 1 + word.chars().count() <= width => {
                line.push(' ');
                line.push_str(word);
            }
            _ => lines.push(format!("  {word}")),
        }
    }
    lines.join("\n")
}

/// Every setting with its meaning, for programs: `config print --default --format json`.
pub(super) fn reference_json() -> serde_json::Value {
    json!({ "settings": KEYS.iter().map(Key::describe).collect::<Vec<_>>() })
}

/// docs/configuration.md.
pub fn document() -> String {
    let mut text = HEAD.to_owned();
    let mut section = None;
    for (number, key) in KEYS.iter().enumerate() {
        if number == 0 || key.section() != section {
            section = key.section();
            let title = section.map_or_else(|| "Of no section".to_owned(), |section| format!("[{section}]"));
            let _ = write!(
                text,
                "\n## {title}\n\n| Key | Meaning | Type | Default | Environment | Flag |\n|---|---|---|---|---|---|\n"
            );
        }
        let _ = writeln!(
            text,
            "| `{}` | {} | {} | {} | `{}` | {} |",
            key.name,
            cell(&key.meaning()),
            cell(&key.form()),
            cell(&default_cell(key)),
            key.variable(),
            key.flag.map(|flag| format!("`--{flag}`")).unwrap_or_default(),
        );
    }
    text
}

fn default_cell(key: &Key) -> String {
    let is_value = layers::defaults().contains_key(key.name);
    match key.default_text() {
        Some(value) if is_value => format!("`{value}`"),
        Some(words) => words,
        None => "not set".to_owned(),
    }
}

fn cell(text: &str) -> String {
    text.replace('|', "\\|")
}
