//! Packages: from the files of a `.gbai` folder to what a bot runs. Pure; reading files is the caller's.

mod triggers;

use std::collections::BTreeMap;

use crate::automation::when;
use domain::bot::{FileFinding, Finding, Package, Profile, Script, Severity};
use sha2::{Digest, Sha256};

use crate::Attendant;

/// The largest script that is compiled; a longer one is reported as broken.
const SCRIPT_BYTES_MAX: usize = 1 << 20;

/// A longer prompt is cut off here.
const PROMPT_CHARACTERS_MAX: usize = 64 << 10;

const NO_ANSWER: &str = "I have no answer to that yet.";

/// Settings that name the zone whose clock schedules follow.
const TIMEZONE: [&str; 3] = ["timezone", "time-zone", "schedule-timezone"];

/// The finding that a variable is never set. Parameters are set from outside.
const NEVER_SET: &str = "B0401";

/// What was found in a package's folder.
#[derive(Debug, Clone, Default)]
pub struct PackageFiles {
    /// By script name: relative path without `.bas`, lower case.
    pub scripts: BTreeMap<String, Vec<u8>>,
    /// From `config.csv`; keys in lower case with `-` between words.
    pub settings: BTreeMap<String, String>,
    /// From `attendant.csv`.
    pub attendants: Vec<Attendant>,
    /// What is wrong with files that are no scripts.
    pub findings: Vec<FileFinding>,
}

/// A package ready to be loaded, and the programs it needs.
#[derive(Debug, Clone)]
pub struct Assembled {
    pub package: Package,
    /// With the source each was compiled from; of a file of several tools the first has it.
    pub programs: Vec<(basic::Program, String)>,
}

/// Compiles what changed. A broken script keeps the program of `previous`, the last good one. The further tools of a
/// file are scripts of their own, `file#words-of-its-description`; what is wrong with the file stands at the first.
pub fn assemble(bot_name: &str, previous: &Package, files: &PackageFiles) -> Assembled {
    let mut programs = Vec::new();
    let mut scripts = BTreeMap::new();
    for (name, bytes) in &files.scripts {
        let source_hash = hex::encode(Sha256::digest(bytes));
        let before = previous.scripts.get(name);
        // A parameter that is new may be what the script was waiting for.
        let unset = |script: &&Script| script.findings.iter().any(|finding| finding.code == NEVER_SET);
        let tools_before = || {
            previous
                .scripts
                .range(format!("{name}#")..)
                .take_while(|(tool, _)| tool.starts_with(&format!("{name}#")))
                .filter(|(tool, _)| !files.scripts.contains_key(*tool))
                .map(|(tool, script)| (tool.clone(), script.clone()))
        };
        if let Some(same) = before.filter(|script| script.source == source_hash && !unset(script)) {
            scripts.insert(name.clone(), same.clone());
            scripts.extend(tools_before());
            continue;
        }
        let compiled = compile(name, bytes, &files.settings, &mut programs);
        match compiled.program {
            Some(_) => {
                let tools = compiled.tools.into_iter().map(|(tool, hash)| {
                    let script = Script {
                        source: source_hash.clone(),
                        program: Some(hash),
                        findings: Vec::new(),
                    };
                    (tool, script)
                });
                scripts.extend(tools.filter(|(tool, _)| !files.scripts.contains_key(tool)));
            }
            None => scripts.extend(tools_before()),
        }
        let program = compiled
            .program
            .or_else(|| before.and_then(|script| script.program.clone()));
        scripts.insert(
            name.clone(),
            Script {
                source: source_hash,
                program,
                findings: compiled.findings,
            },
        );
    }
    let profile = profile(bot_name, &files.settings);
    let digest = digest(&scripts, &profile, &files.findings);
    Assembled {
        package: Package {
            digest,
            scripts,
            profile,
            findings: files.findings.clone(),
        },
        programs,
    }
}

/// Puts what was found now beside the files in the place of what was found of that kind before. A package with other
/// findings is another one.
pub fn replace_findings(package: &mut Package, is_replaced: impl Fn(&str) -> bool, found: Vec<FileFinding>) {
    package.findings.retain(|known| !is_replaced(&known.finding.code));
    package.findings.extend(found);
    package.digest = digest(&package.scripts, &package.profile, &package.findings);
}

/// What the settings `param-…` give to every script: variables by name. A value that reads as a number or as true or
/// false is one.
pub fn parameters(settings: &BTreeMap<String, String>) -> Vec<(String, basic::Value)> {
    settings
        .iter()
        .filter_map(|(key, value)| Some((key.strip_prefix("param-")?, value)))
        .filter(|(name, _)| !name.is_empty())
        .map(|(name, value)| {
            (
                name.to_lowercase().replace(['-', ' '], "_"),
                parameter(value.trim()),
            )
        })
        .collect()
}

fn parameter(text: &str) -> basic::Value {
    if let Ok(truth) = text.to_lowercase().parse::<bool>() {
        return truth.into();
    }
    // A telephone number or an article's number is no number: it would lose its zeros, or its plus sign.
    let digits = text.strip_prefix('-').unwrap_or(text);
    let numeric = digits.starts_with(|c: char| c.is_ascii_digit())
        && (digits == "0" || digits.starts_with("0.") || !digits.starts_with('0'));
    if let Some(whole) = text.parse::<i64>().ok().filter(|_| numeric) {
        return whole.into();
    }
    match text.parse::<f64>() {
        Ok(number) if numeric && number.is_finite() => basic::Value::Number(number),
        _ => text.into(),
    }
}

/// Compiles a script that finds the parameters of these settings set.
pub fn compile_script(name: &str, source: &str, settings: &BTreeMap<String, String>) -> basic::Compilation {
    let mut compilation = basic::compile(name, source);
    let given = parameters(settings);
    compilation.diagnostics.retain(|diagnostic| {
        let name = source.get(diagnostic.start..diagnostic.end).unwrap_or_default();
        diagnostic.code != NEVER_SET || !given.iter().any(|(given, _)| given.eq_ignore_ascii_case(name))
    });
    if let Some(program) = &compilation.program {
        compilation
            .diagnostics
            .extend(triggers::diagnostics(program, source));
    }
    compilation
}

/// What a file was compiled to: hashes of programs.
#[derive(Default)]
struct Compiled {
    program: Option<String>,
    /// With their names.
    tools: Vec<(String, String)>,
    findings: Vec<Finding>,
}

fn compile(
    name: &str,
    bytes: &[u8],
    settings: &BTreeMap<String, String>,
    programs: &mut Vec<(basic::Program, String)>,
) -> Compiled {
    let unread = |finding| Compiled {
        findings: vec![finding],
        ..Compiled::default()
    };
    if bytes.len() > SCRIPT_BYTES_MAX {
        let message = format!(
            "the script has {} bytes; at most {SCRIPT_BYTES_MAX} are read",
            bytes.len()
        );
        return unread(whole_file("P0002", message, "split it into several scripts"));
    }
    let source = match std::str::from_utf8(bytes) {
        Ok(source) => source,
        Err(error) => {
            let line = bytes[..error.valid_up_to()]
                .iter()
                .filter(|byte| **byte == b'\n')
                .count() as u32
                + 1;
            let message = format!("the file is not UTF-8 at byte {}", error.valid_up_to());
            return unread(Finding {
                line,
                ..whole_file("P0001", message, "save the script as UTF-8")
            });
        }
    };
    let compilation = compile_script(name, source, settings);
    let mut kept = |program: basic::Program, source: &str| {
        let hash = program.hash().to_string();
        programs.push((program, source.to_owned()));
        hash
    };
    let program = compilation.program.map(|program| kept(program, source));
    let named = |program: basic::Program| (program.name().to_owned(), kept(program, ""));
    Compiled {
        program,
        tools: compilation.tools.into_iter().map(named).collect(),
        findings: compilation.diagnostics.into_iter().map(finding).collect(),
    }
}

fn whole_file(code: &str, message: String, help: &str) -> Finding {
    Finding {
        code: code.to_owned(),
        severity: Severity::Error,
        message,
        line: 1,
        column: 1,
        help: Some(help.to_owned()),
    }
}

fn finding(diagnostic: basic::Diagnostic) -> Finding {
    Finding {
        code: diagnostic.code.to_string(),
        severity: match diagnostic.severity {
            basic::Severity::Error => Severity::Error,
            basic::Severity::Warning => Severity::Warning,
        },
        message: diagnostic.message,
        line: diagnostic.line,
        column: diagnostic.column,
        help: diagnostic.help,
    }
}

fn profile(bot_name: &str, settings: &BTreeMap<String, String>) -> Profile {
    let text = |keys: &[&str]| {
        keys.iter()
            .filter_map(|key| settings.get(*key))
            .map(|value| value.trim())
            .find(|value| !value.is_empty())
    };
    let limited = |value: &str, characters: usize| value.chars().take(characters).collect::<String>();
    Profile {
        title: limited(text(&["theme-title", "bot-name"]).unwrap_or(bot_name), 100),
        description: limited(text(&["bot-description"]).unwrap_or_default(), 1_000),
        color1: text(&["theme-color1"]).and_then(colour),
        color2: text(&["theme-color2"]).and_then(colour),
        no_answer: limited(text(&["no-answer"]).unwrap_or(NO_ANSWER), 2_000),
        system_prompt: text(&["system-prompt", "bot-system-prompt"])
            .map(|prompt| limited(prompt, PROMPT_CHARACTERS_MAX)),
        timezone: text(&TIMEZONE)
            .filter(|name| when::zone(name).is_some())
            .map(str::to_owned),
    }
}

/// A CSS colour in hexadecimal or by name; anything else could carry more than a colour into a page.
fn colour(text: &str) -> Option<String> {
    let hexadecimal = text
        .strip_prefix('#')
        .is_some_and(|digits| matches!(digits.len(), 3 | 6) && digits.chars().all(|c| c.is_ascii_hexdigit()));
    let name = text.len() <= 20 && text.chars().all(|c| c.is_ascii_alphabetic());
    (hexadecimal || name).then(|| text.to_lowercase())
}

fn digest(scripts: &BTreeMap<String, Script>, profile: &Profile, findings: &[FileFinding]) -> String {
    let parts = serde_json::json!([scripts, profile, findings]).to_string();
    hex::encode(Sha256::digest(parts))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn files(scripts: &[(&str, &[u8])]) -> PackageFiles {
        let scripts = scripts
            .iter()
            .map(|(name, source)| ((*name).to_owned(), source.to_vec()))
            .collect();
        PackageFiles {
            scripts,
            ..PackageFiles::default()
        }
    }

    #[test]
    fn the_tools_of_a_file_are_scripts_of_their_own() {
        let two = b"DESCRIPTION \"First\"\nTALK 1\nDESCRIPTION \"The second one\"\nTALK 2";
        let both = assemble("quay", &Package::default(), &files(&[("apis", two)]));
        let names: Vec<&str> = both.package.scripts.keys().map(String::as_str).collect();
        assert_eq!(names, ["apis", "apis#the-second-one"]);
        let sources: Vec<&str> = both.programs.iter().map(|(_, source)| source.as_str()).collect();
        assert_eq!(sources, [str::from_utf8(two).expect("it is UTF-8"), ""]);

        let again = assemble("quay", &both.package, &files(&[("apis", two)]));
        assert_eq!(again.package.scripts, both.package.scripts);
        assert!(again.programs.is_empty());

        let broken = assemble("quay", &both.package, &files(&[("apis", b"TALK (")]));
        assert_eq!(
            broken.package.scripts["apis#the-second-one"],
            both.package.scripts["apis#the-second-one"]
        );

        let one = assemble("quay", &both.package, &files(&[("apis", b"TALK 1")]));
        assert!(!one.package.scripts.contains_key("apis#the-second-one"));
        let none = assemble("quay", &both.package, &files(&[]));
        assert!(none.package.scripts.is_empty());
    }

    #[test]
    fn a_broken_script_keeps_its_last_good_program() {
        let good = assemble("shop", &Package::default(), &files(&[("start", b"TALK \"hi\"")]));
        let program = good.package.scripts["start"].program.clone();
        assert!(program.is_some());

        let broken = assemble("shop", &good.package, &files(&[("start", b"TALK \"hi")]));
        let script = &broken.package.scripts["start"];
        assert!(script.broken());
        assert_eq!(script.program, program);
        assert_ne!(broken.package.digest, good.package.digest);
    }

    #[test]
    fn an_unchanged_script_is_not_compiled_again() {
        let first = assemble("shop", &Package::default(), &files(&[("start", b"TALK 1")]));
        let second = assemble("shop", &first.package, &files(&[("start", b"TALK 1")]));
        assert_eq!(second.package, first.package);
        assert!(second.programs.is_empty());
    }

    #[test]
    fn a_parameter_is_no_variable_that_is_never_set() {
        let mut files = files(&[("start", b"TALK Most + other")]);
        let before = assemble("shop", &Package::default(), &files).package;
        assert_eq!(before.scripts["start"].findings.len(), 2);
        files.settings.insert("param-most".to_owned(), "7".to_owned());
        let after = assemble("shop", &before, &files).package;
        assert_eq!(after.scripts["start"].findings.len(), 1);
    }

    #[test]
    fn parameters_become_variables_of_the_kind_they_read_as() {
        let settings = [
            ("param-limit", "100"),
            ("param-rate", "0.5"),
            ("param-free-of-charge", "TRUE"),
            ("param-phone", "004930"),
            ("param-size", "1e999"),
            ("param-host", " example.org "),
            ("param-", "1"),
            ("limit", "7"),
        ];
        let settings = settings
            .map(|(key, value)| (key.to_owned(), value.to_owned()))
            .into();
        let expected: [(&str, basic::Value); 6] = [
            ("free_of_charge", true.into()),
            ("host", "example.org".into()),
            ("limit", 100.into()),
            ("phone", "004930".into()),
            ("rate", basic::Value::Number(0.5)),
            ("size", "1e999".into()),
        ];
        assert_eq!(
            parameters(&settings),
            expected.map(|(name, value)| (name.to_owned(), value))
        );
    }

    #[test]
    fn a_file_that_is_not_text_is_named_with_its_line() {
        let assembled = assemble(
            "shop",
            &Package::default(),
            &files(&[("start", b"TALK 1\nTALK \"\xff\"")]),
        );
        let finding = &assembled.package.scripts["start"].findings[0];
        assert_eq!((finding.code.as_str(), finding.line), ("P0001", 2));
    }

    #[test]
    fn a_schedule_that_nobody_understands_is_named() {
        let source = b"' tells\nTALK 1\nSET SCHEDULE \"every day at 9am\"\nSET SCHEDULE \"every banana\"\n";
        let assembled = assemble("shop", &Package::default(), &files(&[("tell", source)]));
        let script = &assembled.package.scripts["tell"];
        assert!(script.program.is_some());
        let found: Vec<_> = script
            .findings
            .iter()
            .map(|f| (f.code.as_str(), f.line, f.column))
            .collect();
        assert_eq!(found, [("P0003", 4, 15)]);
    }

    #[test]
    fn what_never_starts_a_script_is_named_and_the_script_compiles() {
        let source = b"ON CHANGE \"in/\" EVENTS \"create\"\nON CHANGE \"gdrive://in\"\nON EMAIL \"office@example.org\"\nTALK 1\n";
        let assembled = assemble("shop", &Package::default(), &files(&[("tell", source)]));
        let script = &assembled.package.scripts["tell"];
        assert!(script.program.is_some());
        let found: Vec<_> = script
            .findings
            .iter()
            .map(|f| (f.code.as_str(), f.line, f.message.as_str()))
            .collect();
        assert_eq!(
            found,
            [
                (
                    "P0004",
                    2,
                    "nothing starts this: gdrive:// needs a connected Google Drive, and this server has none"
                ),
                (
                    "P0004",
                    3,
                    "nothing starts this: ON EMAIL needs a connected mailbox, and this server has none"
                ),
            ]
        );
    }

    #[test]
    fn only_a_colour_becomes_a_colour() {
        assert_eq!(colour("#1A2b3c"), Some("#1a2b3c".to_owned()));
        assert_eq!(colour("Teal"), Some("teal".to_owned()));
        assert_eq!(colour("red;background:url(//x)"), None);
    }
}
