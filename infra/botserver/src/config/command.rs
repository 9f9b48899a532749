//! `botserver config`: print, check, explain.

use std::io::Write;
use std::path::Path;

use super::{Config, ConfigErrors, default_toml, reference};
use crate::check::Format;
use crate::cli::ConfigCommand;

/// The configuration is wrong: `EX_CONFIG` of sysexits.h, as supervisors know it.
pub const EXIT_CONFIG: u8 = 78;

/// Runs one of the verbs; `file` is what `--config` says. The exit code comes back.
pub fn run(
    command: &ConfigCommand,
    file: Option<&Path>,
    out: &mut dyn Write,
    errors: &mut dyn Write,
) -> anyhow::Result<u8> {
    match command {
        ConfigCommand::Print {
            default: true,
            format: Format::Text,
            ..
        } => {
            out.write_all(default_toml().as_bytes())?;
            Ok(0)
        }
        ConfigCommand::Print {
            default: true,
            format: Format::Json,
            ..
        } => {
            writeln!(out, "{:#}", reference::reference_json())?;
            Ok(0)
        }
        ConfigCommand::Print { format, flags, .. } => match Config::load(file, flags) {
            Ok(config) => {
                match format {
                    Format::Text => out.write_all(config.print().as_bytes())?,
                    Format::Json => writeln!(out, "{:#}", config.print_json())?,
                }
                Ok(0)
            }
            Err(wrong) => refuse(&wrong, errors),
        },
        ConfigCommand::Check { path, flags } => match Config::load(path.as_deref().or(file), flags) {
            Ok(_) => {
                writeln!(out, "configuration is good")?;
                Ok(0)
            }
            Err(wrong) => refuse(&wrong, errors),
        },
        ConfigCommand::Explain { key, flags } => match reference::explain(key, &Config::load(file, flags)) {
            Ok(text) => {
                out.write_all(text.as_bytes())?;
                Ok(0)
            }
            Err(unknown) => {
                writeln!(errors, "botserver: {unknown}")?;
                Ok(1)
            }
        },
    }
}

/// Tells every mistake, a line each.
fn refuse(wrong: &ConfigErrors, errors: &mut dyn Write) -> anyhow::Result<u8> {
    for error in wrong.iter() {
        writeln!(errors, "botserver: {error}")?;
    }
    Ok(EXIT_CONFIG)
}
