//! What a system keeps about a program: completions for its shells and pages of its manual.

use std::fs;
use std::io::Write;
use std::path::Path;

use anyhow::Context as _;
use clap::CommandFactory as _;
use clap_complete::Shell;

use crate::cli::Cli;

/// `botserver completions SHELL`.
pub fn completions(shell: Shell, out: &mut dyn Write) -> anyhow::Result<()> {
    // Into memory first: what writes completions panics where the reader went away.
    let mut text = Vec::new();
    clap_complete::generate(shell, &mut Cli::command(), "botserver", &mut text);
    Ok(out.write_all(&text)?)
}

/// `botserver man`: the page of the program; with a folder, a page for every verb in it.
pub fn man(folder: Option<&Path>, out: &mut dyn Write) -> anyhow::Result<()> {
    let Some(folder) = folder else {
        return Ok(clap_mangen::Man::new(Cli::command()).render(out)?);
    };
    fs::create_dir_all(folder).with_context(|| format!("cannot make {}", folder.display()))?;
    clap_mangen::generate_to(Cli::command(), folder)
        .with_context(|| format!("cannot write to {}", folder.display()))
}
