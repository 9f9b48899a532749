//! Reading the layers: built-in defaults, a file, the environment, the command line.
//!
//! Reading goes on after a mistake, so that an operator is told of all of them at once.

use std::{
    borrow::Cow,
    collections::BTreeMap,
    env,
    ffi::{OsStr, OsString},
    fmt, fs, io,
    os::unix::ffi::OsStrExt,
    path::{Path, PathBuf},
};

use nix::unistd::Uid;
use toml::{
    Value,
    de::{DeTable, DeValue},
};

use super::{ConfigError, ConfigErrors, Flags, KEYS, Key, default_toml};

const PREFIX: &str = "BOTSERVER_";
/// Names the file; the only variable that is no setting.
const FILE_VARIABLE: &str = "BOTSERVER_CONFIG";
/// A larger file is not a configuration but a mistake, and should not be read into memory.
const FILE_BYTES_MAX: u64 = 1 << 20;

/// Where a value was read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Origin {
    /// Built in.
    Default,
    /// Follows from another setting or from who runs the program.
    Derived(&'static str),
    File {
        path: PathBuf,
        line: usize,
    },
    Variable(String),
    /// Of the command line, with its dashes.
    Flag(String),
    /// The environment as a whole: for what has no place of its own.
    Environment,
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Origin::Default => f.write_str("default"),
            Origin::Derived(from) => f.write_str(from),
            Origin::File { path, line } => write!(f, "{}:{line}", path.display()),
            Origin::Variable(name) | Origin::Flag(name) => f.write_str(name),
            Origin::Environment => f.write_str("the environment"),
        }
    }
}

/// What a configuration is read from, apart so that a test can give its own.
#[derive(Debug, Clone, Default)]
pub struct Sources {
    /// What `--config` says.
    pub file: Option<PathBuf>,
    /// Settings of the command line.
    pub flags: Flags,
    pub environment: Vec<(OsString, OsString)>,
    pub working_dir: PathBuf,
    /// Run by root: a service of the system, not somebody's program.
    pub root: bool,
}

impl Sources {
    pub fn of_process(file: Option<&Path>, flags: &Flags) -> Result<Self, ConfigError> {
        let working_dir = env::current_dir().map_err(|error| {
            let problem = format!("cannot be found ({error})");
            ConfigError::new(
                "working folder",
                &Origin::Environment,
                &problem,
                "a folder that exists, for example `cd /`",
            )
        })?;
        let (file, root) = (file.map(Path::to_path_buf), Uid::effective().is_root());
        Ok(Sources {
            file,
            flags: flags.clone(),
            environment: env::vars_os().collect(),
            working_dir,
            root,
        })
    }

    fn variable(&self, name: &str) -> Option<&OsStr> {
        let found = self.environment.iter().find(|(found, _)| found == name)?;
        (!found.1.is_empty()).then_some(found.1.as_os_str())
    }

    /// A folder by the rules of freedesktop.org: of the variable if it is absolute, else under the home folder.
    fn folder(&self, variable: &str, under_home: &str) -> Option<PathBuf> {
        let stated = self
            .variable(variable)
            .map(PathBuf::from)
            .filter(|path| path.is_absolute());
        stated.or_else(|| Some(Path::new(self.variable("HOME")?).join(under_home)))
    }

    /// The file to read and who named it; the places after the first two need not exist.
    pub(super) fn file(&self) -> Option<(PathBuf, Option<Origin>)> {
        if let Some(path) = &self.file {
            return Some((
                self.working_dir.join(path),
                Some(Origin::Flag("--config".to_owned())),
            ));
        }
        if let Some(path) = self.variable(FILE_VARIABLE) {
            return Some((
                self.working_dir.join(path),
                Some(Origin::Variable(FILE_VARIABLE.to_owned())),
            ));
        }
        let folder = if self.root {
            Some("/etc".into())
        } else {
            self.folder("XDG_CONFIG_HOME", ".config")
        };
        let places = [
            Some(self.working_dir.clone()),
            folder.map(|folder| folder.join("botserver")),
        ];
        let mut files = places
            .into_iter()
            .flatten()
            .map(|folder| folder.join("botserver.toml"));
        // One that exists and cannot be read is an error later, not passed over.
        files
            .find(|path| !matches!(fs::metadata(path), Err(error) if error.kind() == io::ErrorKind::NotFound))
            .map(|path| (path, None))
    }
}

type Layered = BTreeMap<&'static str, (Value, Origin)>;

/// Layers laid over one another so far, and what was wrong with them.
#[derive(Default)]
pub(super) struct Reading {
    pub values: Layered,
    pub problems: Vec<ConfigError>,
}

impl Reading {
    fn take(&mut self, key: &'static Key, origin: Origin, value: Value) {
        if key.accepts(&value) {
            self.values.insert(key.name, (value, origin));
        } else {
            self.problems.push(ConfigError::value(key, &origin, &value));
        }
    }

    /// Takes what a variable or a flag says.
    fn take_text(&mut self, key: &'static Key, origin: Origin, text: &OsStr) {
        match text.to_str() {
            // Compose files and units pass what is not set as empty.
            Some("") if key.optional => drop(self.values.remove(key.name)),
            Some(text) => self.take(key, origin, key.parse(text)),
            None => {
                let problem = "text that is not UTF-8";
                let expected = key.expectation();
                self.problems
                    .push(ConfigError::new(key.name, &origin, problem, &expected));
            }
        }
    }
}

/// The value of every setting that has one, checked.
pub(super) fn read(sources: &Sources) -> Result<Layered, ConfigErrors> {
    let mut reading = Reading::default();
    read_toml(default_toml(), |_| Origin::Default, &mut reading);
    if let Some((path, named_by)) = sources.file() {
        match read_file(&path, named_by.as_ref()) {
            Ok(text) => {
                let origin = |line| Origin::File {
                    path: path.clone(),
                    line,
                };
                read_toml(&text, origin, &mut reading);
            }
            Err(error) => reading.problems.push(error),
        }
    }
    read_environment(sources, &mut reading);
    read_flags(&sources.flags, &mut reading);
    // What follows from a wrong setting would be told as a second mistake.
    if let Some(errors) = ConfigErrors::of(reading.problems) {
        return Err(errors);
    }
    let mut layered = reading.values;
    if let Some((_, origin)) = layered.get("database.read_url")
        && !layered.contains_key("database.url")
    {
        let expected = "database.url to be set too, for example database.url = \"postgres://name:password@db.example.org/botserver\"";
        let problem = "a replica without its database";
        return Err(ConfigError::new("database.read_url", origin, problem, expected).into());
    }
    derive(sources, &mut layered)?;
    Ok(layered)
}

/// The built-in values.
pub(super) fn defaults() -> Layered {
    let mut reading = Reading::default();
    read_toml(default_toml(), |_| Origin::Default, &mut reading);
    reading.values
}

fn read_file(path: &Path, named_by: Option<&Origin>) -> Result<String, ConfigError> {
    let refuse = |problem: String| {
        let origin = named_by.cloned().unwrap_or_else(|| Origin::File {
            path: path.to_path_buf(),
            line: 1,
        });
        let expected = "a readable TOML file, for example the output of `botserver config print --default`";
        ConfigError::new(&path.display().to_string(), &origin, &problem, expected)
    };
    let found = fs::metadata(path).map_err(|error| refuse(format!("cannot be read ({error})")))?;
    // A pipe may be given; it has no length.
    if found.is_dir() {
        return Err(refuse("is a folder".to_owned()));
    }
    if found.len() > FILE_BYTES_MAX {
        return Err(refuse(format!("is longer than {FILE_BYTES_MAX} bytes")));
    }
    let bytes = fs::read(path).map_err(|error| refuse(format!("cannot be read ({error})")))?;
    String::from_utf8(bytes).map_err(|error| {
        let line = line_at(error.as_bytes(), error.utf8_error().valid_up_to());
        refuse(format!("is not UTF-8 from line {line} on"))
    })
}

pub(super) fn read_toml(text: &str, origin: impl Fn(usize) -> Origin, reading: &mut Reading) {
    let line = |byte: usize| line_at(text.as_bytes(), byte);
    // Parsed twice: one form knows the lines, the other has the values.
    let (lines, values) = match (DeTable::parse(text), text.parse::<toml::Table>()) {
        (Ok(lines), Ok(values)) => (lines, values),
        (Err(error), _) | (_, Err(error)) => {
            let byte = error.span().map_or(0, |span| span.start);
            let problem = format!(
                "not TOML at column {} ({})",
                column_at(text, byte),
                error.message()
            );
            let expected = "lines such as [server] and port = 8080";
            let error = ConfigError::new("syntax", &origin(line(byte)), &problem, expected);
            reading.problems.push(error);
            return;
        }
    };
    let take = |name: &str, value: &Value, byte: usize, reading: &mut Reading| {
        let origin = origin(line(byte));
        match Key::find(name) {
            Some(key) => reading.take(key, origin, value.clone()),
            None => reading.problems.push(ConfigError::unknown(name, &origin)),
        }
    };
    for (name, spanned) in lines.get_ref() {
        let Some(value) = values.get(name.get_ref().as_ref()) else {
            continue;
        };
        let (name, byte) = (name.get_ref().as_ref(), name.span().start);
        let is_section = KEYS.iter().any(|key| key.section() == Some(name));
        match (spanned.get_ref(), value) {
            (DeValue::Table(section), Value::Table(values)) if is_section => {
                for inner in section.keys() {
                    if let Some(value) = values.get(inner.get_ref().as_ref()) {
                        let name = format!("{name}.{}", inner.get_ref());
                        take(&name, value, inner.span().start, reading);
                    }
                }
            }
            _ if is_section => {
                let expected = format!("a section, for example [{name}]");
                let error = ConfigError::new(name, &origin(line(byte)), "a value", &expected);
                reading.problems.push(error);
            }
            (DeValue::Table(_), _) if Key::find(name).is_none() => {
                let error = ConfigError::unknown_section(name, &origin(line(byte)));
                reading.problems.push(error);
            }
            _ => take(name, value, byte, reading),
        }
    }
}

fn read_environment(sources: &Sources, reading: &mut Reading) {
    for (name, value) in &sources.environment {
        if !name.as_encoded_bytes().starts_with(PREFIX.as_bytes()) || name == FILE_VARIABLE {
            continue;
        }
        let key = name
            .to_str()
            .and_then(|name| KEYS.iter().find(|key| key.variable() == name));
        match key {
            Some(key) => reading.take_text(key, Origin::Variable(key.variable()), value),
            None => reading
                .problems
                .push(ConfigError::unknown_variable(&name.to_string_lossy())),
        }
    }
}

fn read_flags(flags: &Flags, reading: &mut Reading) {
    for (key, flag, value) in flags.named() {
        reading.take_text(key, Origin::Flag(format!("--{flag}")), value);
    }
    for text in flags.set() {
        let origin = Origin::Flag("--set".to_owned());
        // Both sides of the first `=`; a value need not be UTF-8 to be told as such.
        let bytes = text.as_encoded_bytes();
        let parts = bytes.iter().position(|&byte| byte == b'=').and_then(|at| {
            let name = std::str::from_utf8(&bytes[..at]).ok()?;
            Some((name.trim(), OsStr::from_bytes(&bytes[at + 1..])))
        });
        let Some((name, value)) = parts else {
            // Not shown: it may be a password.
            let expected = "KEY=VALUE, for example --set server.port=8080";
            let error = ConfigError::new("--set", &origin, "a text without a key", expected);
            reading.problems.push(error);
            continue;
        };
        match Key::find(name) {
            Some(key) => reading.take_text(key, origin, &unquoted(value)),
            None => reading.problems.push(ConfigError::unknown(name, &origin)),
        }
    }
}

/// A value as it stands in a file: a text may have its quotes.
fn unquoted(value: &OsStr) -> Cow<'_, OsStr> {
    let text = value
        .to_str()
        .map(str::trim)
        .filter(|text| text.starts_with(['"', '\'']));
    let read = text.and_then(|text| format!("value = {text}").parse::<toml::Table>().ok());
    match read.as_ref().and_then(|table| table.get("value")?.as_str()) {
        Some(text) => Cow::Owned(text.into()),
        None => Cow::Borrowed(value),
    }
}

/// Fills in what follows from the rest, and makes paths absolute.
fn derive(sources: &Sources, layered: &mut Layered) -> Result<(), ConfigError> {
    if !layered.contains_key("data_dir") {
        let found = match sources.root {
            true => Some((
                PathBuf::from("/var/lib/botserver"),
                Origin::Derived("run as root"),
            )),
            false => sources
                .folder("XDG_DATA_HOME", ".local/share")
                .map(|folder| (folder.join("botserver"), Origin::Derived("the home folder"))),
        };
        let value = found.and_then(|(path, origin)| Some((Value::String(path.to_str()?.to_owned()), origin)));
        let Some(value) = value else {
            let expected = "HOME to be set, or a path, for example data_dir = \"/var/lib/botserver\"";
            return Err(ConfigError::new(
                "data_dir",
                &Origin::Environment,
                "no home folder (in UTF-8)",
                expected,
            ));
        };
        layered.insert("data_dir", value);
    }
    absolute(sources, "data_dir", layered);
    let data_dir = layered["data_dir"].0.as_str().unwrap_or_default().to_owned();
    for (key, name) in [
        ("keys.file", "master.key"),
        ("bots.dir", "bots"),
        ("blobs.dir", "blobs"),
    ] {
        let path = Path::new(&data_dir).join(name).to_string_lossy().into_owned();
        layered
            .entry(key)
            .or_insert_with(|| (Value::String(path), Origin::Derived("data_dir")));
        absolute(sources, key, layered);
    }
    if layered.contains_key("kafka.ca_file") {
        absolute(sources, "kafka.ca_file", layered);
    }
    for key in ["server.public_url", "telemetry.endpoint"] {
        if let Some((Value::String(url), _)) = layered.get_mut(key) {
            url.truncate(url.trim_end_matches('/').len());
        }
    }
    Ok(())
}

fn absolute(sources: &Sources, key: &str, layered: &mut Layered) {
    if let Some((Value::String(path), _)) = layered.get_mut(key)
        && let Some(whole) = sources.working_dir.join(&*path).to_str()
    {
        *path = whole.to_owned();
    }
}

/// The line, counted from 1, in which a byte lies.
fn line_at(text: &[u8], byte: usize) -> usize {
    1 + text.iter().take(byte).filter(|&&b| b == b'\n').count()
}

/// The column, counted from 1 in characters, at which a byte lies in its line.
fn column_at(text: &str, byte: usize) -> usize {
    let before = &text[..text.floor_char_boundary(byte)];
    1 + before.rsplit('\n').next().unwrap_or_default().chars().count()
}
