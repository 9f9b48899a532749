//! How long a large package takes from its folder to programs, and again when one of its scripts changed.
//!
//! This is what the mount does before it stores anything: look at the files, read them, compile what is new, gather what
//! was found. The scripts are those of the samples, over and over, each with a line of its own so that none is another's.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Instant;

use anyhow::{Context as _, ensure};
use botserver::packages;
use commands::{Assembled, assemble};
use domain::bot::Package;
use serde::Serialize;

use crate::distribution::Distribution;

/// Scripts of the package.
const SCRIPTS: usize = 500;
/// How often all are loaded, and how often one is changed.
const LOADS: usize = 9;
const RELOADS: usize = 51;

#[derive(Debug, Serialize)]
pub struct Found {
    pub scripts: usize,
    pub bytes: usize,
    /// Milliseconds for all of the package.
    pub load: Distribution,
    /// Milliseconds after one script changed.
    pub reload: Distribution,
    /// Bytes of all programs as they are stored.
    pub program_bytes: usize,
}

pub fn run() -> anyhow::Result<Found> {
    let folder = tempfile::Builder::new().suffix(".gbai").tempdir()?;
    let (names, bytes) = fill(folder.path())?;
    let mut loads = Vec::new();
    let mut loaded = None;
    for _ in 0..LOADS {
        let began = Instant::now();
        let assembled = load(folder.path(), &Package::default())?;
        loads.push(began.elapsed());
        ensure!(assembled.programs.len() == SCRIPTS, "every script compiles");
        loaded = Some(assembled);
    }
    let Assembled {
        mut package,
        programs,
    } = loaded.context("it was loaded")?;
    let mut reloads = Vec::new();
    for number in 0..RELOADS {
        let path = &names[number * 7 % names.len()];
        let mut source = fs::read_to_string(path)?;
        source.push_str(&format!("\n' changed for the time {number}\n"));
        fs::write(path, source)?;
        let began = Instant::now();
        let assembled = load(folder.path(), &package)?;
        reloads.push(began.elapsed());
        // Those that use what is never set are compiled again, too: a new parameter may be what they wait for.
        ensure!(!assembled.programs.is_empty(), "one script changed");
        ensure!(
            assembled.package.digest != package.digest,
            "the package is another one"
        );
        package = assembled.package;
    }
    Ok(Found {
        scripts: SCRIPTS,
        bytes,
        load: Distribution::of(loads),
        reload: Distribution::of(reloads),
        program_bytes: programs.iter().map(|(program, _)| program.to_bytes().len()).sum(),
    })
}

/// As the mount does when it is told that the package changed.
fn load(folder: &Path, before: &Package) -> anyhow::Result<Assembled> {
    packages::fingerprint(folder)?;
    let files = packages::read(folder)?;
    Ok(assemble("large", before, &files))
}

/// Writes the scripts; their paths, and how many bytes they are together.
fn fill(folder: &Path) -> anyhow::Result<(Vec<PathBuf>, usize)> {
    let dialog = folder.join("large.gbdialog");
    fs::create_dir_all(&dialog)?;
    let sources = samples()?;
    let mut paths = Vec::new();
    let mut bytes = 0;
    for (number, source) in sources.iter().cycle().take(SCRIPTS).enumerate() {
        let path = dialog.join(format!("script-{number}.bas"));
        let source = format!("{source}\n' script {number} of {SCRIPTS}\n");
        bytes += source.len();
        fs::write(&path, source)?;
        paths.push(path);
    }
    Ok((paths, bytes))
}

/// The scripts of the samples that compile by themselves.
fn samples() -> anyhow::Result<Vec<String>> {
    let samples = Path::new(env!("CARGO_MANIFEST_DIR")).join("../botserver/samples");
    let mut sources = Vec::new();
    for package in packages::find(&samples)? {
        for path in packages::scripts(&package.path)?.into_values() {
            let source = fs::read_to_string(&path)?;
            if basic::compile("sample", &source).program.is_some() {
                sources.push(source);
            }
        }
    }
    ensure!(!sources.is_empty(), "there are samples");
    Ok(sources)
}
