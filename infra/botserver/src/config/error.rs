//! A wrong setting, in one line; a wrong configuration, in a line for each.

use std::fmt;

use super::{Key, Origin, key};

/// One wrong setting. Its text is a single line: the setting, what is wrong and where, what was expected.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConfigError {
    /// The setting, or the file or variable where no setting is meant.
    pub key: String,
    /// Where it was read: `file:line`, the name of a variable, or a word such as `default`.
    pub at: String,
    pub problem: String,
    pub expected: String,
}

impl fmt::Display for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{}: {} in {}; expected {}",
            self.key, self.problem, self.at, self.expected
        )
    }
}

impl std::error::Error for ConfigError {}

/// Everything that is wrong with a configuration: at least one setting, a line each.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConfigErrors(Vec<ConfigError>);

impl ConfigErrors {
    /// Nothing where nothing is wrong.
    pub(super) fn of(errors: Vec<ConfigError>) -> Option<Self> {
        (!errors.is_empty()).then_some(ConfigErrors(errors))
    }

    pub fn iter(&self) -> impl Iterator<Item = &ConfigError> {
        self.0.iter()
    }
}

impl From<ConfigError> for ConfigErrors {
    fn from(error: ConfigError) -> Self {
        ConfigErrors(vec![error])
    }
}

impl fmt::Display for ConfigErrors {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (number, error) in self.0.iter().enumerate() {
            let between = if number == 0 { "" } else { "\n" };
            write!(f, "{between}{error}")?;
        }
        Ok(())
    }
}

impl std::error::Error for ConfigErrors {}

impl ConfigError {
    pub(super) fn value(key: &Key, origin: &Origin, value: &toml::Value) -> Self {
        // What a secret was, even a mistyped one, is not for the terminal.
        let problem = if key.secret {
            "a value that cannot be used".to_owned()
        } else {
            shown(value)
        };
        ConfigError::new(key.name, origin, &problem, &key.expectation())
    }

    pub(super) fn new(key: &str, origin: &Origin, problem: &str, expected: &str) -> Self {
        let at = one_line(&origin.to_string());
        ConfigError {
            key: one_line(key),
            at,
            problem: one_line(problem),
            expected: one_line(expected),
        }
    }

    pub(super) fn unknown(name: &str, origin: &Origin) -> Self {
        let nearest = key::nearest(name);
        let expected = format!("a setting such as {}", nearest.example_line());
        ConfigError::new(name, origin, "unknown setting", &expected)
    }

    pub(super) fn unknown_section(name: &str, origin: &Origin) -> Self {
        let expected = format!("a section such as [{}]", key::nearest_section(name));
        ConfigError::new(name, origin, "unknown section", &expected)
    }

    pub(super) fn unknown_variable(name: &str) -> Self {
        let nearest = key::nearest_variable(name);
        let expected = format!("a setting such as {}={}", nearest.variable(), nearest.example);
        ConfigError::new(name, &Origin::Environment, "unknown setting", &expected)
    }

    /// The table of keys and the struct disagree: a mistake of ours, which a test would show.
    pub(super) fn unexpected(error: &dyn fmt::Display) -> Self {
        ConfigError::new(
            "configuration",
            &Origin::Default,
            &error.to_string(),
            "the settings of `botserver config print --default`",
        )
    }
}

/// A value as it would be written, shortened.
fn shown(value: &toml::Value) -> String {
    const CHARS_MAX: usize = 60;
    let text = one_line(&value.to_string());
    if text.chars().count() <= CHARS_MAX {
        return text;
    }
    text.chars().take(CHARS_MAX).chain("…".chars()).collect()
}

/// Escapes what would break the line or steer the terminal.
fn one_line(text: &str) -> String {
    text.chars()
        .flat_map(|c| {
            if c.is_control() {
                c.escape_default().collect::<Vec<_>>()
            } else {
                vec![c]
            }
        })
        .collect()
}
