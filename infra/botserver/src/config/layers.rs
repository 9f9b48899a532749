//! Reading the layers: built-in defaults, a file, the environment.

use std::{
    collections::BTreeMap,
    env,
    ffi::{OsStr, OsString},
    fmt, fs, io,
    path::{Path, PathBuf},
};

use nix::unistd::Uid;
use toml::{
    Value,
    de::{DeTable, DeValue},
};

use super::{ConfigError, KEYS, Key, default_toml};

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
    /// The environment as a whole, or the command line: for what has no place of its own.
    Environment,
    CommandLine,
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Origin::Default => f.write_str("default.toml"),
            Origin::Derived(from) => f.write_str(from),
            Origin::File { path, line } => write!(f, "{}:{line}", path.display()),
            Origin::Variable(name) => f.write_str(name),
            Origin::Environment => f.write_str("the environment"),
            Origin::CommandLine => f.write_str("--config"),
        }
    }
}

/// What a configuration is read from, apart so that a test can give its own.
#[derive(Debug, Clone, Default)]
pub struct Sources {
    /// What `--config` says.
    pub file: Option<PathBuf>,
    pub environment: Vec<(OsString, OsString)>,
    pub working_dir: PathBuf,
    /// Run by root: a service of the system, not somebody's program.
    pub root: bool,
}

impl Sources {
    pub fn of_process(file: Option<&Path>) -> Result<Self, ConfigError> {
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
    fn file(&self) -> Option<(PathBuf, Option<Origin>)> {
        if let Some(path) = &self.file {
            return Some((self.working_dir.join(path), Some(Origin::CommandLine)));
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

/// The value of every setting that has one, checked.
pub(super) fn read(sources: &Sources) -> Result<Layered, ConfigError> {
    let mut layered = Layered::new();
    read_toml(default_toml(), |_| Origin::Default, &mut layered)?;
    if let Some((path, named_by)) = sources.file() {
        let text = read_file(&path, named_by.as_ref())?;
        read_toml(
            &text,
            |line| Origin::File {
                path: path.clone(),
                line,
            },
            &mut layered,
        )?;
    }
    read_environment(sources, &mut layered)?;

    if layered.contains_key("database.read_url") && !layered.contains_key("database.url") {
        let origin = &layered["database.read_url"].1;
        let expected = "database.url to be set too, for example database.url = \"postgres://name:password@db.example.org/botserver\"";
        return Err(ConfigError::new(
            "database.read_url",
            origin,
            "a replica without its database",
            expected,
        ));
    }
    derive(sources, &mut layered)?;
    Ok(layered)
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

pub(super) fn read_toml(
    text: &str,
    origin: impl Fn(usize) -> Origin,
    layered: &mut Layered,
) -> Result<(), ConfigError> {
    let line = |byte: usize| line_at(text.as_bytes(), byte);
    let broken = |error: &toml::de::Error| {
        let origin = origin(error.span().map_or(1, |span| line(span.start)));
        let problem = format!("not TOML ({})", error.message());
        ConfigError::new(
            "syntax",
            &origin,
            &problem,
            "lines such as [server] and port = 8080",
        )
    };
    // Parsed twice: one form knows the lines, the other has the values.
    let lines = DeTable::parse(text).map_err(|error| broken(&error))?;
    let values: toml::Table = text.parse().map_err(|error| broken(&error))?;

    let mut take = |name: &str, value: &Value, byte: usize| {
        let origin = origin(line(byte));
        let key = Key::find(name).ok_or_else(|| ConfigError::unknown(name, &origin))?;
        layered.insert(key.name, (checked(key, &origin, value.clone())?, origin));
        Ok(())
    };
    for (name, spanned) in lines.get_ref() {
        let Some(value) = values.get(name.get_ref().as_ref()) else {
            continue;
        };
        let (name, byte) = (name.get_ref().as_ref(), name.span().start);
        let is_section = KEYS.iter().any(|key| {
            key.name
                .split_once('.')
                .is_some_and(|(section, _)| section == name)
        });
        match (spanned.get_ref(), value) {
            (DeValue::Table(section), Value::Table(values)) if is_section => {
                for inner in section.keys() {
                    let Some(value) = values.get(inner.get_ref().as_ref()) else {
                        continue;
                    };
                    take(&format!("{name}.{}", inner.get_ref()), value, inner.span().start)?;
                }
            }
            _ if is_section => {
                let expected = format!("a section, for example [{name}]");
                return Err(ConfigError::new(name, &origin(line(byte)), "a value", &expected));
            }
            _ => take(name, value, byte)?,
        }
    }
    Ok(())
}

fn read_environment(sources: &Sources, layered: &mut Layered) -> Result<(), ConfigError> {
    for (name, value) in &sources.environment {
        if !name.as_encoded_bytes().starts_with(PREFIX.as_bytes()) || name == FILE_VARIABLE {
            continue;
        }
        let key = name
            .to_str()
            .and_then(|name| KEYS.iter().find(|key| key.variable() == name));
        let Some(key) = key else {
            return Err(ConfigError::unknown_variable(&name.to_string_lossy()));
        };
        let origin = Origin::Variable(key.variable());
        let Some(text) = value.to_str() else {
            return Err(ConfigError::new(
                key.name,
                &origin,
                "text that is not UTF-8",
                &key.expectation(),
            ));
        };
        // Compose files and units pass what is not set as empty.
        if text.is_empty() && key.optional {
            layered.remove(key.name);
            continue;
        }
        let value = checked(key, &origin, key.parse(text))?;
        layered.insert(key.name, (value, origin));
    }
    Ok(())
}

fn checked(key: &Key, origin: &Origin, value: Value) -> Result<Value, ConfigError> {
    if key.accepts(&value) {
        Ok(value)
    } else {
        Err(ConfigError::value(key, origin, &value))
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
    for (key, name) in [("keys.file", "master.key"), ("bots.dir", "bots")] {
        let path = Path::new(&data_dir).join(name).to_string_lossy().into_owned();
        layered
            .entry(key)
            .or_insert_with(|| (Value::String(path), Origin::Derived("data_dir")));
        absolute(sources, key, layered);
    }
    if let Some((Value::String(url), _)) = layered.get_mut("server.public_url") {
        url.truncate(url.trim_end_matches('/').len());
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
