//! `inference-worker doctor`: what stands in the way of the worker, and how to mend it. It changes nothing.

mod machine;
mod settings;

use std::io::Write;

use self::machine::{descriptors, devices, gpus, libtorch, processor, threads};
use self::settings::{certificate, folders, keys, port};
use crate::config::{Config, Sources};

/// How bad a finding is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Ok,
    /// The worker works, but not as well as it could.
    Warn,
    /// The worker does not start, or does not do what is configured.
    Fail,
}

/// What one check found, in a line.
struct Finding {
    check: &'static str,
    state: State,
    text: String,
    /// What to do about it.
    mend: Option<String>,
}

fn ok(check: &'static str, text: impl Into<String>) -> Finding {
    Finding {
        check,
        state: State::Ok,
        text: text.into(),
        mend: None,
    }
}

fn bad(check: &'static str, state: State, text: impl Into<String>, mend: impl Into<String>) -> Finding {
    Finding {
        check,
        state,
        text: text.into(),
        mend: Some(mend.into()),
    }
}

use State::{Fail, Warn};

/// Makes every check; whether there is no problem.
pub fn run(sources: &Sources, out: &mut impl Write) -> anyhow::Result<bool> {
    let mut findings = vec![libtorch(), processor()];
    match Config::load(sources) {
        Ok(config) => findings.extend(of_config(&config, sources)),
        Err(error) => {
            let mend = "see `inference-worker config` for every setting";
            findings.extend(
                error
                    .0
                    .into_iter()
                    .map(|line| bad("configuration", Fail, line, mend)),
            );
        }
    }
    for finding in &findings {
        let state = match finding.state {
            State::Ok => "ok",
            State::Warn => "warn",
            State::Fail => "fail",
        };
        writeln!(out, "{state:4}  {:14}  {}", finding.check, finding.text)?;
        if let Some(mend) = &finding.mend {
            writeln!(out, "{:4}  {:14}  → {mend}", "", "")?;
        }
    }
    let count = |state| findings.iter().filter(|finding| finding.state == state).count();
    let (problems, warnings) = (count(Fail), count(Warn));
    writeln!(out, "\n{warnings} to look at, {problems} to mend")?;
    Ok(problems == 0)
}

fn of_config(config: &Config, sources: &Sources) -> Vec<Finding> {
    let mut findings = vec![
        match sources.path() {
            Some(path) => ok(
                "configuration",
                format!("nothing is wrong with {}", path.display()),
            ),
            None => bad(
                "configuration",
                Warn,
                "there is no file",
                "inference-worker config > inference.toml",
            ),
        },
        threads(config),
        devices(config),
    ];
    findings.extend(gpus());
    findings.extend(folders(config));
    findings.extend([port(config), descriptors(config), keys(config)]);
    findings.extend(certificate(config));
    findings
}
