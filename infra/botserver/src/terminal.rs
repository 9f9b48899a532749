//! `botserver run`: a script, talking in the terminal.

use std::io::{BufRead, IsTerminal, Write};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, bail};
use basic::{Called, Effect, Input, Limits, Machine, Program, Refusal, Start, Step};
use chrono::Utc;

use crate::packages;

const SCRIPT_BYTES_MAX: u64 = 2 << 20;

/// Steps between two looks at whether the script still runs.
const SLICE_STEPS: u64 = 1_000_000;

/// Runs a script; its questions are answered by lines of `input`. False when it broke or does not compile.
pub fn run(
    path: &Path,
    seed: u64,
    input: &mut dyn BufRead,
    out: &mut dyn Write,
    errors: &mut dyn Write,
) -> anyhow::Result<bool> {
    let Some(program) = compile(path, errors)? else {
        return Ok(false);
    };
    let start = Start {
        seed,
        variables: Vec::new(),
        limits: Limits::default(),
    };
    let machine = Machine::start(Arc::new(program), start);
    let folder = path.parent().unwrap_or(Path::new("."));
    converse(machine, folder, input, out, errors)
}

/// The script in a file; absent when it does not compile.
fn compile(path: &Path, errors: &mut dyn Write) -> anyhow::Result<Option<Program>> {
    let bytes = packages::read_limited(path, SCRIPT_BYTES_MAX)?;
    let Ok(source) = String::from_utf8(bytes) else {
        bail!("{} is not UTF-8; save the script as UTF-8", path.display());
    };
    let name = path
        .file_stem()
        .map(|stem| stem.to_string_lossy().to_lowercase())
        .unwrap_or_default();
    let compilation = basic::compile(&name, &source);
    for diagnostic in &compilation.diagnostics {
        writeln!(
            errors,
            "{}",
            diagnostic.render(&path.display().to_string(), &source)
        )?;
    }
    Ok(compilation.program)
}

/// The script of this name beside the one that calls it, in any capitalisation.
fn beside(folder: &Path, name: &str, errors: &mut dyn Write) -> anyhow::Result<Option<Arc<Program>>> {
    let folder = if folder.as_os_str().is_empty() {
        Path::new(".")
    } else {
        folder
    };
    for entry in folder
        .read_dir()
        .context("cannot read the folder of the script")?
    {
        let path = entry?.path();
        let is_script = path
            .extension()
            .is_some_and(|kind| kind.eq_ignore_ascii_case("bas"));
        let is_named = path
            .file_stem()
            .is_some_and(|stem| stem.to_string_lossy().to_lowercase() == name);
        if is_script && is_named {
            return Ok(compile(&path, errors)?.map(Arc::new));
        }
    }
    Ok(None)
}

fn converse(
    mut machine: Machine,
    folder: &Path,
    input: &mut dyn BufRead,
    out: &mut dyn Write,
    errors: &mut dyn Write,
) -> anyhow::Result<bool> {
    let prompt = std::io::stdin().is_terminal();
    let mut chips: Vec<String> = Vec::new();
    let mut next = Input::Start;
    loop {
        match machine.run(next, Utc::now(), SLICE_STEPS) {
            Step::Yielded => {}
            Step::Effect(effect) => perform(effect, &mut chips, out, errors)?,
            Step::Waiting(hear) => {
                let offered: Vec<&String> = hear.options.iter().chain(&chips).collect();
                if !offered.is_empty() {
                    let labels: Vec<String> = offered.iter().map(|label| format!("[{label}]")).collect();
                    writeln!(out, "{}", labels.join(" "))?;
                }
                if prompt {
                    write!(out, "> ")?;
                }
                out.flush()?;
                let mut line = String::new();
                if input.read_line(&mut line).context("cannot read the answer")? == 0 {
                    return Ok(true);
                }
                next = Input::text(line.trim_end_matches(['\n', '\r']));
                continue;
            }
            Step::Script { name } => {
                let called = |program| Called {
                    program,
                    variables: Vec::new(),
                };
                next = Input::Program(beside(folder, &name, errors)?.map(called));
                continue;
            }
            Step::Request(request) => {
                let message = format!("{} is answered by a server, and this is none", request.word);
                next = Input::Refused(Refusal::new("not_configured", message));
                continue;
            }
            Step::Sleeping { seconds } => {
                out.flush()?;
                std::thread::sleep(Duration::from_secs_f64(seconds));
            }
            Step::Ended(_) => return Ok(true),
            Step::Failed(error) => {
                let (line, column) = (error.line, error.column);
                writeln!(
                    errors,
                    "error[{}] at line {line}, column {column}: {}",
                    error.code, error.message
                )?;
                return Ok(false);
            }
        }
        next = Input::Continue;
    }
}

fn perform(
    effect: Effect,
    chips: &mut Vec<String>,
    out: &mut dyn Write,
    errors: &mut dyn Write,
) -> anyhow::Result<()> {
    match effect {
        Effect::Talk { text } => writeln!(out, "{text}")?,
        Effect::AddSuggestion(suggestion) => chips.push(suggestion.text),
        Effect::ClearSuggestions => chips.clear(),
        Effect::Log { text, .. } => writeln!(errors, "{text}")?,
        Effect::SystemPrompt { .. } => {}
    }
    Ok(())
}
