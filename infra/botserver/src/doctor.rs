//! `botserver doctor`: what stands in the way of the server, and how to mend it.
//!
//! It looks and changes nothing: no database is started or migrated, no file stays. A database of our own that does
//! not run is therefore not looked at, and that is said.

mod database;
mod files;
mod follow;
mod machine;
mod packages;
mod services;

use std::io::Write;

use chrono::Utc;
use serde::Serialize;

use crate::check::Format;
use crate::config::Config;

/// How bad a finding is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum State {
    Ok,
    /// The server works, but not for long or not as well as it could.
    Warning,
    /// The server does not start, or breaks a promise.
    Problem,
}

/// What one check found, in a line.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Finding {
    pub check: &'static str,
    pub state: State,
    pub text: String,
    /// What to do about it; absent where all is well.
    pub mend: Option<String>,
}

impl Finding {
    fn ok(check: &'static str, text: impl AsRef<str>) -> Self {
        Self::new(check, State::Ok, text.as_ref(), None)
    }

    fn warning(check: &'static str, text: impl AsRef<str>, mend: impl AsRef<str>) -> Self {
        Self::new(check, State::Warning, text.as_ref(), Some(mend.as_ref()))
    }

    fn problem(check: &'static str, text: impl AsRef<str>, mend: impl AsRef<str>) -> Self {
        Self::new(check, State::Problem, text.as_ref(), Some(mend.as_ref()))
    }

    fn new(check: &'static str, state: State, text: &str, mend: Option<&str>) -> Self {
        Finding {
            check,
            state,
            text: one_line(text),
            mend: mend.map(one_line),
        }
    }
}

/// Makes every check. The configuration is good already, or there would be none.
pub async fn examine(config: &Config) -> Vec<Finding> {
    let read_from = config.file().map_or_else(
        || "nothing is wrong with it".to_owned(),
        |file| format!("nothing is wrong with {}", file.display()),
    );
    let mut findings = vec![
        Finding::ok("configuration", read_from),
        files::data_folder(&config.data_dir),
        files::disk(&config.data_dir),
        files::key_file(config),
        machine::clock(Utc::now()),
        machine::file_descriptors(config),
        machine::port(config),
    ];
    findings.extend(database::examine(config).await);
    findings.extend(services::examine(config).await);
    findings.extend(packages::examine(config));
    findings
}

/// Whether no finding is a problem.
pub fn well(findings: &[Finding]) -> bool {
    count(findings, State::Problem) == 0
}

pub fn print(findings: &[Finding], format: Format, out: &mut dyn Write) -> anyhow::Result<()> {
    let (problems, warnings) = (count(findings, State::Problem), count(findings, State::Warning));
    if format == Format::Json {
        let report = serde_json::json!({
            "problems": problems, "warnings": warnings, "findings": findings,
        });
        return Ok(writeln!(out, "{report:#}")?);
    }
    let width = findings
        .iter()
        .map(|finding| finding.check.len())
        .max()
        .unwrap_or_default();
    for finding in findings {
        let state = match finding.state {
            State::Ok => "ok",
            State::Warning => "warning",
            State::Problem => "problem",
        };
        writeln!(out, "{state:<8}  {:<width$}  {}", finding.check, finding.text)?;
        if let Some(mend) = &finding.mend {
            writeln!(out, "{:<8}  {:<width$}  mend: {mend}", "", "")?;
        }
    }
    writeln!(out)?;
    let good = findings.len() - problems - warnings;
    writeln!(out, "{good} good, {warnings} to look at, {problems} to mend")?;
    Ok(())
}

fn count(findings: &[Finding], state: State) -> usize {
    findings.iter().filter(|finding| finding.state == state).count()
}

/// What others say may have several lines; a finding has one.
fn one_line(text: &str) -> String {
    let words: Vec<&str> = text.split_whitespace().collect();
    words.join(" ").replace(char::is_control, "\u{fffd}")
}
