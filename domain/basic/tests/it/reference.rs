//! The reference of the dialect, made from the table that the compiler uses. Every example is run.

use std::fmt::Write as _;
use std::path::Path;

use basic::{Entry, EntryKind, Limits};

use crate::transcript::{Way, program, transcript};

const INTRODUCTION: &str = "# The language of bots

Bots are written in a BASIC dialect: one statement a line, words in any capitalisation, `_` for the spaces in words of
several (`USE_KB` is `USE KB`), parentheses where you like them. This page is made from the table that the compiler
works from; each example below is run as a test, and what it says stands under it: `>` is what somebody answers, `?`
what the script asks the platform for.

- **Texts** stand in `\"…\"` or `'…'`, with `\\n` for a new line and `${value}` for a value. `+` and `&` put them together.
- **Numbers** are whole or not; `TRUE`, `FALSE`, `NULL`. Lists are `[1, 2]` and count from 0, objects `{ name: \"Ana\" }`.
- What is missing is null: `x.data[0].name` is never an error, and `IF x.data THEN` asks whether it is there. Empty texts,
  lists and objects, 0, FALSE and NULL do not hold.
- A list of rows answers for its first: `row = FIND \"guests\", \"id=7\"`, then `row.name`.
- Comments begin with `'`, `REM` or `//`, at the beginning of a line with `#` or `--` too, or stand between `/*` and `*/`.
- **What other dialects write** is understood where its meaning is clear: `total += 5`, `count++`, `name$`, numbers of lines
  and `GOTO 120`, `list.push(x)` for `PUSH list, x`, `list(0)` for `list[0]`, `CONST RATE AS NUMBER = 2`, `“…”` and
  `` `…` `` around texts. Blocks in braces are not.
- What the platform or a service **refuses** is a value: `IS_ERROR(x)` asks, `x.error` and `x.code` say why, and `ERROR` is
  set. Under `ON ERROR GOTO` and in `TRY` it is caught like an error. What the script itself does wrong ends it, unless it
  catches errors.
- **Conditions** on fields are written after `WHERE`, where names are fields and values may be variables, or as a text:
  `\"status='open' AND total>\" + limit`. What is put into such a text is always a value, never part of the condition.
- Limits of a turn: 10 million steps, among them what calls compare; 64 MiB of values, 100 messages of 256 KiB together, 30 s;
  texts up to 10 MB, lists up to a million items.
";

#[test]
fn the_reference_is_that_of_the_code_and_its_examples_run() {
    let mut page = INTRODUCTION.to_owned();
    for (title, entries) in basic::reference() {
        write!(page, "\n## {title}\n").unwrap();
        for entry in &entries {
            write!(page, "\n### {}\n\n{}\n", entry.name, entry.help).unwrap();
            if !entry.aliases.is_empty() {
                write!(page, "\nAlso `{}`.\n", entry.aliases.join("`, `")).unwrap();
            }
            if entry.form != entry.example {
                write!(page, "\n`{}`\n", entry.form).unwrap();
            }
            let said = run(entry);
            write!(page, "\n```basic\n{}\n```\n", entry.example).unwrap();
            if !said.is_empty() {
                write!(page, "\n```text\n{}\n```\n", said.trim_end()).unwrap();
            }
        }
    }
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/language.md");
    if std::env::var_os("BLESS").is_some() {
        std::fs::write(&path, &page).expect("the page is written");
    }
    let committed = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(
        committed == page,
        "docs/language.md is not what the code makes; run `make contracts`"
    );
}

/// What the example says, which must use the word.
fn run(entry: &Entry) -> String {
    assert!(!entry.example.is_empty(), "{} has no example", entry.name);
    assert!(!entry.help.is_empty() && !entry.form.is_empty(), "{}", entry.name);
    let answers: &[&str] = match entry.name {
        "HEAR" | "SET LANGUAGE" => &["2"],
        "CONFIRM" => &["yes"],
        "ASK" | "WAIT FOR RESPONSE" => &["Ana"],
        _ => &[],
    };
    let program = program(entry.example);
    let said = transcript(&program, answers, Limits::default(), Way::Through);
    assert!(!said.contains("failed R"), "{}: {said}", entry.name);
    if entry.kind == EntryKind::Request && !LOCAL.contains(&entry.name) {
        assert!(
            said.contains(&format!("? {}", entry.name)),
            "{}: {said}",
            entry.name
        );
    }
    let declared = program.declared();
    let declares = !declared.tables.is_empty() || !declared.triggers.is_empty();
    let silent = SILENT.contains(&entry.name) || program.description().is_some();
    assert!(
        !said.is_empty() || declares || silent,
        "{} says nothing: {said}",
        entry.name
    );
    said
}

/// Requests whose examples the machine answers by itself, or that are part of another word.
const LOCAL: &[&str] = &[
    "PIVOT",
    "GROUP BY",
    "MAIL",
    "FILL FILE",
    "SET TABLE",
    "SCHEDULE",
    "CALL SERVICE",
    "STEP",
];

/// Examples that say nothing.
const SILENT: &[&str] = &["CLEAR SUGGESTIONS"];

#[test]
fn every_word_stands_in_the_reference_once() {
    let names: Vec<&str> = basic::reference()
        .into_iter()
        .flat_map(|(_, entries)| entries.into_iter().map(|entry| entry.name))
        .collect();
    let mut sorted = names.clone();
    sorted.sort_unstable();
    sorted.dedup();
    assert_eq!(sorted.len(), names.len(), "a name stands twice");
    assert!(names.len() > 350, "{}", names.len());
}

#[test]
fn every_code_has_its_place_in_the_docs_and_an_example_that_has_it() {
    let mut page = "# What `botserver check` says\n\nEvery mistake of a script has a code that keeps its meaning. `B…` are found \
                    before a script runs (`B04…` are warnings), `R…` while it runs. `P…` and `T…` are about packages: see \
                    packages.md.\n"
        .to_owned();
    for explanation in basic::EXPLANATIONS {
        let code = explanation.code;
        write!(page, "\n## {code}\n\n{}\n", explanation.meaning).unwrap();
        if explanation.example.is_empty() {
            continue;
        }
        let found = basic::compile("example", explanation.example).diagnostics;
        let own = found.iter().find(|diagnostic| diagnostic.code == code);
        let own = own.unwrap_or_else(|| panic!("{code}: {found:?}"));
        let rendered = own.render("example.bas", explanation.example);
        write!(page, "\n```text\n{}\n```\n", rendered.trim_end()).unwrap();
    }
    page.push_str("\n## While a script runs\n\n| code | meaning |\n|---|---|\n");
    for (code, meaning) in basic::RUNTIME {
        writeln!(page, "| `{code}` | {meaning} |").unwrap();
    }
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/diagnostics.md");
    if std::env::var_os("BLESS").is_some() {
        std::fs::write(&path, &page).expect("the page is written");
    }
    let committed = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(
        committed == page,
        "docs/diagnostics.md is not what the code makes; run `make contracts`"
    );
    // Whatever code the sources name is explained.
    let sources = [
        include_str!("../../src/diagnostic/codes.rs"),
        include_str!("../../src/machine/fault.rs"),
    ];
    for source in sources {
        for code in source.split('"').filter(|word| is_code(word)) {
            let explained = basic::EXPLANATIONS.iter().any(|known| known.code == code)
                || basic::RUNTIME.iter().any(|(known, _)| *known == code);
            assert!(explained, "{code} is not explained");
        }
    }
}

fn is_code(word: &str) -> bool {
    word.len() == 5 && word.starts_with(['B', 'R']) && word[1..].chars().all(|c| c.is_ascii_digit())
}
