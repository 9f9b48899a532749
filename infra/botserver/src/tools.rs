//! `botserver tools`: what a language model is told of the tools of scripts and packages.

use std::io::Write;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, bail};
use serde_json::{Value, json};

use crate::packages;

const SCRIPT_BYTES_MAX: u64 = 2 << 20;

/// In which form tools are described.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum Shape {
    /// As the Model Context Protocol lists them.
    Mcp,
    /// As chat completions take functions.
    Openai,
}

/// Prints a list of `{ script, tool }`. An error, after the list, where a script has mistakes.
pub fn tools(paths: &[PathBuf], shape: Shape, out: &mut dyn Write) -> anyhow::Result<()> {
    let mut described: Vec<Value> = Vec::new();
    let mut broken = Vec::new();
    for path in paths {
        for (name, file) in scripts_of(path)? {
            let source = String::from_utf8(packages::read_limited(&file, SCRIPT_BYTES_MAX)?);
            let compiled = source.ok().map(|source| basic::compile(&name, &source));
            let Some((first, further)) =
                compiled.and_then(|compiled| Some((compiled.program?, compiled.tools)))
            else {
                broken.push(file.display().to_string());
                continue;
            };
            let tools = std::iter::once(first)
                .chain(further)
                .filter(basic::Program::is_tool);
            described.extend(tools.map(|tool| {
                let shown = match shape {
                    Shape::Mcp => tool.mcp_tool(),
                    Shape::Openai => tool.function_tool(),
                };
                json!({ "script": tool.name(), "tool": shown })
            }));
        }
    }
    serde_json::to_writer_pretty(&mut *out, &described).context("cannot write the list")?;
    writeln!(out)?;
    if !broken.is_empty() {
        bail!(
            "left out for their mistakes, which botserver check tells: {}",
            broken.join(", ")
        );
    }
    Ok(())
}

/// Scripts by the names under which they are called.
fn scripts_of(path: &Path) -> anyhow::Result<Vec<(String, PathBuf)>> {
    if !path.exists() {
        bail!("{} does not exist", path.display());
    }
    if path.is_file() {
        let stem = path
            .file_stem()
            .unwrap_or_default()
            .to_string_lossy()
            .to_lowercase();
        return Ok(vec![(stem, path.to_owned())]);
    }
    let found = match packages::package_folder(path) {
        Some(_) => vec![path.to_owned()],
        None => packages::find(path)?
            .into_iter()
            .map(|package| package.path)
            .collect(),
    };
    let mut scripts = Vec::new();
    for package in found {
        scripts.extend(packages::scripts(&package)?);
    }
    Ok(scripts)
}
