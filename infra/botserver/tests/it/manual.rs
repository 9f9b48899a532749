//! Help, completions and manual pages of every verb.

use std::fs;
use std::process::Command;

use botserver::cli::Cli;
use botserver::manual;
use clap::CommandFactory as _;
use clap_complete::Shell;

use crate::server::DataFolder;

/// Every command below `command` and itself, each with its whole name.
fn all(command: &clap::Command, name: &str) -> Vec<(String, clap::Command)> {
    let mut found = vec![(name.to_owned(), command.clone())];
    for verb in command.get_subcommands().filter(|verb| verb.get_name() != "help") {
        found.extend(all(verb, &format!("{name} {}", verb.get_name())));
    }
    found
}

fn verbs() -> Vec<(String, clap::Command)> {
    let mut program = Cli::command();
    program.build();
    all(&program, "botserver")
}

#[test]
fn the_help_of_every_verb_fits_into_80_columns_and_has_an_example() {
    let verbs = verbs();
    assert!(verbs.len() > 15, "{}", verbs.len());
    for (name, command) in &verbs {
        for help in [command.clone().render_help(), command.clone().render_long_help()] {
            let text = help.to_string();
            for line in text.lines() {
                assert!(line.chars().count() <= 80, "{name}: {line}");
            }
            let example = text.split_once("Example:\n").map(|(_, example)| example.trim());
            let example = example.unwrap_or_else(|| panic!("{name} has no example\n{text}"));
            assert!(example.contains("botserver"), "{name}\n{example}");
        }
    }
}

#[test]
fn every_example_is_understood() {
    for (name, command) in verbs() {
        let text = command.clone().render_help().to_string();
        let examples = text
            .split_once("Example:\n")
            .map(|(_, examples)| examples)
            .unwrap_or_default();
        for line in examples.lines().map(str::trim).filter(|line| !line.is_empty()) {
            let typed = &line[line.find("botserver").unwrap_or_else(|| panic!("{name}: {line}"))..];
            let typed = typed.split(['>', '|']).next().unwrap_or_default();
            let parsed = <Cli as clap::Parser>::try_parse_from(typed.split_whitespace());
            if let Err(error) = parsed {
                panic!("{name}: {line}\n{error}");
            }
        }
    }
}

#[test]
fn completions_name_every_verb_and_bash_understands_them() {
    let mut bash = Vec::new();
    for shell in [Shell::Bash, Shell::Zsh, Shell::Fish] {
        let mut text = Vec::new();
        manual::completions(shell, &mut text).expect("written");
        let words = String::from_utf8_lossy(&text).into_owned();
        for verb in ["serve", "doctor", "rebuild", "explain", "database-url"] {
            assert!(words.contains(verb), "{shell}: {verb}");
        }
        if shell == Shell::Bash {
            bash = text;
        }
    }
    let data = DataFolder::new();
    let path = data.path().join("completions.bash");
    fs::write(&path, bash).expect("written");
    let output = Command::new("bash")
        .arg("-n")
        .arg(&path)
        .output()
        .expect("bash runs");
    assert!(output.status.success() && output.stderr.is_empty(), "{output:?}");
}

#[test]
fn every_verb_has_a_page_of_the_manual() {
    let data = DataFolder::new();
    let (code, text) = data.run(&["man"]);
    assert_eq!(code, 0);
    assert!(text.contains(".TH botserver 1"), "{text}");
    let (code, text) = data.run(&["man", "pages"]);
    assert_eq!(code, 0, "{text}");
    for (name, _) in verbs() {
        let page = data.path().join(format!("pages/{}.1", name.replace(' ', "-")));
        let text = fs::read_to_string(&page).unwrap_or_else(|error| panic!("{}: {error}", page.display()));
        assert!(text.contains(".SH SYNOPSIS"), "{text}");
    }
}
