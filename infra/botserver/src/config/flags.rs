//! Settings on the command line: a flag for each common one, `--set` for any.
//!
//! Values are taken as they are typed and checked with those of the other layers, so that a mistake in one reads
//! the same wherever it was made.

use std::ffi::{OsStr, OsString};

use clap::builder::ValueParser;
use clap::{Arg, ArgAction, ArgMatches, Args, Command, FromArgMatches};

use super::{KEYS, Key};

const SET: &str = "set";

/// What the command line sets.
#[derive(Debug, Clone, Default)]
pub struct Flags {
    named: Vec<(&'static Key, OsString)>,
    set: Vec<OsString>,
}

impl Flags {
    /// Common settings: key, name of the flag, value.
    pub fn named(&self) -> impl Iterator<Item = (&'static Key, &'static str, &OsStr)> {
        self.named
            .iter()
            .filter_map(|(key, value)| Some((*key, key.flag?, value.as_os_str())))
    }

    /// What `--set` says, each `KEY=VALUE` if it is well formed.
    pub fn set(&self) -> impl Iterator<Item = &OsStr> {
        self.set.iter().map(OsString::as_os_str)
    }
}

impl Args for Flags {
    fn augment_args(command: Command) -> Command {
        let named = KEYS.iter().filter_map(|key| Some(argument(key, key.flag?)));
        let set = Arg::new(SET)
            .long(SET)
            .value_name("KEY=VALUE")
            .help("Any setting by its key; may be repeated")
            .action(ArgAction::Append)
            .value_parser(ValueParser::os_string());
        command
            .next_help_heading("Settings")
            .args(named)
            .arg(set)
            .next_help_heading(None::<&str>)
    }

    fn augment_args_for_update(command: Command) -> Command {
        Self::augment_args(command)
    }
}

impl FromArgMatches for Flags {
    fn from_arg_matches(matches: &ArgMatches) -> Result<Self, clap::Error> {
        let named = KEYS.iter().filter_map(|key| {
            let value = matches.get_one::<OsString>(key.flag?)?;
            Some((key, value.clone()))
        });
        let set = matches.get_many::<OsString>(SET).unwrap_or_default();
        Ok(Flags {
            named: named.collect(),
            set: set.cloned().collect(),
        })
    }

    fn update_from_arg_matches(&mut self, matches: &ArgMatches) -> Result<(), clap::Error> {
        *self = Self::from_arg_matches(matches)?;
        Ok(())
    }
}

fn argument(key: &'static Key, flag: &'static str) -> Arg {
    let argument = Arg::new(flag)
        .long(flag)
        .value_name(key.placeholder())
        .help(key.summary())
        .value_parser(ValueParser::os_string())
        .allow_negative_numbers(true);
    // A password in the list of processes is there for everybody: better in the environment.
    if key.secret {
        argument.help(format!("{}; safer as {}", key.summary(), key.variable()))
    } else {
        argument
    }
}
