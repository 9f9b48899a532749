//! `botserver check`: every mistake of scripts and packages, in one pass.

use std::collections::BTreeMap;
use std::io::Write;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, bail};
use basic::{Known, Severity};
use domain::bot::FileFinding;
use serde::Serialize;

use crate::drive::Packaged;
use crate::packages;

const SCRIPT_BYTES_MAX: u64 = 2 << 20;

/// How findings are printed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum Format {
    /// For people.
    Text,
    /// For programs: one document.
    Json,
}

#[derive(Serialize)]
struct Report {
    scripts: usize,
    scripts_with_errors: usize,
    findings: Vec<FoundInFile>,
}

#[derive(Serialize)]
struct FoundInFile {
    file: PathBuf,
    #[serde(flatten)]
    diagnostic: basic::Diagnostic,
}

/// Checks scripts, packages and folders of packages. True when no script has an error.
pub fn check(paths: &[PathBuf], format: Format, out: &mut dyn Write) -> anyhow::Result<bool> {
    let mut scripts = Vec::new();
    let mut packages = Vec::new();
    for path in paths {
        scripts.extend(scripts_of(path)?);
        packages.extend(packages_of(path)?);
    }
    let mut report = Report {
        scripts: scripts.len(),
        scripts_with_errors: 0,
        findings: Vec::new(),
    };
    let mut known = BTreeMap::new();
    for path in scripts {
        let package = known_around(&path, &mut known)?;
        let found = check_script(&path, &settings_around(&path)?, package, format, out)?;
        let broken = found
            .iter()
            .any(|found| found.diagnostic.severity == Severity::Error);
        report.scripts_with_errors += usize::from(broken);
        report.findings.extend(found);
    }
    for package in packages {
        report.findings.extend(check_settings(&package, format, out)?);
    }
    match format {
        Format::Text => {
            writeln!(
                out,
                "checked {} scripts, {} with errors",
                report.scripts, report.scripts_with_errors
            )?;
        }
        Format::Json => {
            serde_json::to_writer_pretty(&mut *out, &report)?;
            writeln!(out)?;
        }
    }
    Ok(report.scripts_with_errors == 0)
}

fn scripts_of(path: &Path) -> anyhow::Result<Vec<PathBuf>> {
    if !path.exists() {
        bail!("{} does not exist", path.display());
    }
    if path.is_file() {
        return Ok(vec![path.to_owned()]);
    }
    if packages::package_folder(path).is_some() {
        return Ok(packages::scripts(path)?.into_values().collect());
    }
    let mut scripts: Vec<PathBuf> = Vec::new();
    for package in packages::find(path)? {
        scripts.extend(packages::scripts(&package.path)?.into_values());
    }
    // A folder that is no package: what lies in it as in a dialog folder.
    scripts.extend(packages::loose_scripts(path)?);
    Ok(scripts)
}

fn packages_of(path: &Path) -> anyhow::Result<Vec<PathBuf>> {
    if let Some(package) = packages::package_folder(path) {
        return Ok(vec![package.path]);
    }
    if path.is_file() {
        return Ok(Vec::new());
    }
    let packages = packages::find(path)?;
    Ok(packages.into_iter().map(|package| package.path).collect())
}

fn check_settings(package: &Path, format: Format, out: &mut dyn Write) -> anyhow::Result<Vec<FoundInFile>> {
    let mut found = Vec::new();
    let settings = packages::read_settings(package)?
        .findings
        .into_iter()
        .map(|found| (found, true));
    let drive = Packaged::of(package)?
        .findings
        .into_iter()
        .map(|found| (found, false));
    for (FileFinding { file, finding }, is_text) in settings.chain(drive) {
        let file = package.join(file);
        // Of a file that is too large, or that is no text, no line is shown.
        let source = packages::read_limited(&file, SCRIPT_BYTES_MAX)
            .ok()
            .filter(|_| is_text)
            .unwrap_or_default();
        let source = String::from_utf8_lossy(&source);
        let before = source.split_inclusive('\n').take(finding.line as usize - 1);
        let start = before.map(str::len).sum::<usize>();
        let line = source[start..].lines().next().unwrap_or_default();
        let diagnostic = basic::Diagnostic {
            code: finding.code,
            severity: match finding.severity {
                domain::bot::Severity::Error => Severity::Error,
                domain::bot::Severity::Warning => Severity::Warning,
            },
            message: finding.message,
            line: finding.line,
            column: finding.column,
            start,
            end: start + line.len(),
            help: finding.help,
        };
        if format == Format::Text {
            let shown = diagnostic.render(&file.display().to_string(), &source);
            writeln!(out, "{shown}").context("cannot write the report")?;
        }
        found.push(FoundInFile { file, diagnostic });
    }
    Ok(found)
}

/// The settings of the package that a script is in, if it is in one.
fn settings_around(script: &Path) -> anyhow::Result<BTreeMap<String, String>> {
    let package = script.ancestors().find_map(packages::package_folder);
    let settings = package.map(|package| packages::read_settings(&package.path));
    Ok(settings.transpose()?.unwrap_or_default().settings)
}

/// What there is in the package that a script is in, if it is in one: read once for all of its scripts.
fn known_around<'k>(
    script: &Path,
    packages: &'k mut BTreeMap<PathBuf, Known>,
) -> anyhow::Result<Option<&'k Known>> {
    let Some(package) = script.ancestors().find_map(packages::package_folder) else {
        return Ok(None);
    };
    if !packages.contains_key(&package.path) {
        let mut known = Known::default();
        for (name, path) in packages::scripts(&package.path)? {
            if let Ok(source) = String::from_utf8(packages::read_limited(&path, SCRIPT_BYTES_MAX)?) {
                let compiled = basic::compile(&name, &source);
                known.tables.extend(compiled.tables);
                let tools = compiled.tools.iter().map(|tool| tool.name().to_owned());
                known.scripts.extend(tools);
            }
            known.scripts.push(name);
        }
        packages.insert(package.path.clone(), known);
    }
    Ok(packages.get(&package.path))
}

fn check_script(
    path: &Path,
    settings: &BTreeMap<String, String>,
    package: Option<&Known>,
    format: Format,
    out: &mut dyn Write,
) -> anyhow::Result<Vec<FoundInFile>> {
    let bytes = packages::read_limited(path, SCRIPT_BYTES_MAX)?;
    let file = path.display().to_string();
    let name = path
        .file_stem()
        .map(|stem| stem.to_string_lossy().to_lowercase())
        .unwrap_or_default();
    let (source, diagnostics) = match String::from_utf8(bytes) {
        Ok(source) => {
            let compiled = commands::compile_script(&name, &source, settings);
            let unknown = package.map(|package| compiled.unknown(&source, package));
            let mut diagnostics = compiled.diagnostics;
            diagnostics.extend(unknown.unwrap_or_default());
            diagnostics.sort_by_key(|diagnostic| diagnostic.start);
            (source, diagnostics)
        }
        Err(error) => not_text(&error),
    };
    let mut found = Vec::new();
    for diagnostic in diagnostics {
        if format == Format::Text {
            writeln!(out, "{}", diagnostic.render(&file, &source)).context("cannot write the report")?;
        }
        found.push(FoundInFile {
            file: path.to_owned(),
            diagnostic,
        });
    }
    Ok(found)
}

fn not_text(error: &std::string::FromUtf8Error) -> (String, Vec<basic::Diagnostic>) {
    let valid = error.utf8_error().valid_up_to();
    let source = String::from_utf8_lossy(error.as_bytes()).into_owned();
    let before = &source[..valid];
    let line = before.matches('\n').count() as u32 + 1;
    let column = before.rsplit('\n').next().unwrap_or_default().chars().count() as u32 + 1;
    let diagnostic = basic::Diagnostic {
        code: "P0001".into(),
        severity: Severity::Error,
        message: format!("the file is not UTF-8 at byte {valid}"),
        line,
        column,
        start: valid,
        end: valid + '\u{fffd}'.len_utf8(),
        help: Some("save the script as UTF-8".to_owned()),
    };
    (source, vec![diagnostic])
}
