//! The bots: whether their packages can be read and their scripts compile.

use std::path::Path;

use basic::Severity;
use domain::bot::FileFinding;

use super::Finding;
use crate::config::Config;
use crate::packages;

const CHECK: &str = "packages";
const SCRIPT_BYTES_MAX: u64 = 2 << 20;
/// More than these are counted, not shown; `botserver check` shows all.
const SHOWN_MAX: usize = 20;

pub(super) fn examine(config: &Config) -> Vec<Finding> {
    let in_data_dir = config.data_dir.join("bots");
    let folder = config.bots.dir.as_deref().unwrap_or(&in_data_dir);
    if !folder.exists() {
        let text = format!("{} is made at the first start, with samples", folder.display());
        return vec![Finding::ok(CHECK, text)];
    }
    let found = match packages::find(folder) {
        Ok(found) => found,
        Err(error) => {
            let mend = "let this user read it, or set bots.dir to another folder";
            return vec![Finding::problem(CHECK, format!("{error:#}"), mend)];
        }
    };
    let mut findings = Vec::new();
    let mut scripts = 0;
    for package in &found {
        match packages::scripts(&package.path) {
            Ok(paths) => {
                scripts += paths.len();
                findings.extend(paths.values().filter_map(|path| script(path)));
            }
            Err(error) => findings.push(Finding::problem(
                CHECK,
                format!("{error:#}"),
                "let this user read the package",
            )),
        }
        findings.extend(settings(&package.path));
    }
    for package in packages::shadowed(folder).unwrap_or_default() {
        findings.push(Finding::problem(
            CHECK,
            format!(
                "{} is no bot: another package has its name",
                package.path.display()
            ),
            "give one of them another name",
        ));
    }
    if findings.is_empty() {
        let text = format!("{} packages, {scripts} scripts, none broken", found.len());
        findings.push(Finding::ok(CHECK, text));
    }
    if findings.len() > SHOWN_MAX {
        let text = format!("{} more of them", findings.len() - SHOWN_MAX);
        findings.truncate(SHOWN_MAX);
        findings.push(Finding::problem(
            CHECK,
            text,
            format!("botserver check {}", folder.display()),
        ));
    }
    if let Some(default) = &config.bots.default
        && !found.iter().any(|package| package.name == default.to_lowercase())
    {
        findings.push(Finding::problem(
            "default bot",
            format!("{default:?} is no bot in {}", folder.display()),
            format!("set bots.default to a bot that is there, or make {default}.gbai"),
        ));
    }
    findings
}

/// What is wrong with a package's settings.
fn settings(package: &Path) -> Vec<Finding> {
    // What cannot be read at all was told with the scripts.
    let found = packages::read_settings(package).unwrap_or_default().findings;
    let told = |FileFinding { file, finding }: FileFinding| {
        let place = package.join(file);
        let text = format!(
            "{}:{}: {} ({})",
            place.display(),
            finding.line,
            finding.message,
            finding.code
        );
        Finding::warning(CHECK, text, finding.help.unwrap_or_default())
    };
    found.into_iter().map(told).collect()
}

/// What is wrong with a script; nothing where it compiles.
fn script(path: &Path) -> Option<Finding> {
    let shown = path.display();
    let source = match packages::read_limited(path, SCRIPT_BYTES_MAX) {
        Ok(bytes) => match String::from_utf8(bytes) {
            Ok(source) => source,
            Err(_) => {
                let text = format!("{shown} is not UTF-8");
                return Some(Finding::problem(CHECK, text, "save the script as UTF-8"));
            }
        },
        Err(error) => {
            let mend = "let this user read the script";
            return Some(Finding::problem(CHECK, format!("{error:#}"), mend));
        }
    };
    let name = path
        .file_stem()
        .map(|stem| stem.to_string_lossy().to_lowercase())
        .unwrap_or_default();
    let diagnostics = basic::compile(&name, &source).diagnostics;
    let error = diagnostics
        .iter()
        .find(|diagnostic| diagnostic.severity == Severity::Error)?;
    let text = format!("{shown}:{}:{}: {}", error.line, error.column, error.message);
    let mend = match &error.help {
        Some(help) => help.clone(),
        None => format!("botserver check {shown} shows the place; until then the last good version runs"),
    };
    Some(Finding::problem(CHECK, text, mend))
}
