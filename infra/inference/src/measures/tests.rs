//! The table, the document and the code say the same.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use super::*;
use crate::config::DEFAULT_TOML;
use crate::http::code::CODES;

fn document() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/inference.md")
}

/// Compares what stands between two marks of the document; BLESS writes it.
fn check(mark: &str, expected: &str) {
    let text = fs::read_to_string(document()).expect("docs/inference.md is there");
    let (begin, end) = (format!("<!-- {mark} -->\n"), format!("<!-- /{mark} -->"));
    let (before, rest) = text.split_once(&begin).expect("the mark");
    let (found, after) = rest.split_once(&end).expect("the mark of the end");
    if std::env::var_os("BLESS").is_some() {
        fs::write(document(), format!("{before}{begin}{expected}{end}{after}")).expect("it is written");
    } else {
        assert_eq!(found, expected, "docs/inference.md; run `make contracts`");
    }
}

/// One test, so that nobody else writes the document meanwhile. `make contracts` writes it.
#[test]
fn the_document_of_contracts_is_what_the_code_says() {
    check("metrics", &table());
    let mut codes = "| code | status | meaning |\n|---|---|---|\n".to_owned();
    for (_, status, name, meaning) in CODES {
        codes.push_str(&format!("| `{name}` | {status} | {meaning} |\n"));
    }
    check("errors", &codes);
    check("settings", &format!("```toml\n{DEFAULT_TOML}```\n"));
}

#[test]
fn names_are_in_order_and_say_their_units() {
    assert!(MEASURES.windows(2).all(|pair| pair[0].name < pair[1].name));
    for measure in MEASURES {
        let name = measure.name;
        assert_eq!(name.ends_with("_total"), measure.kind == Counter, "{name}");
        assert_eq!(name.ends_with("_seconds"), measure.unit == Seconds, "{name}");
        assert_eq!(name.ends_with("_bytes"), measure.unit == Bytes, "{name}");
    }
}

#[test]
fn what_the_code_records_is_what_the_table_says() {
    let mut recorded = BTreeSet::new();
    look(&Path::new(env!("CARGO_MANIFEST_DIR")).join("src"), &mut recorded);
    let listed: BTreeSet<String> = MEASURES.iter().map(|measure| measure.name.to_owned()).collect();
    assert_eq!(recorded, listed);
}

/// Finds the names that the macros of `metrics` are called with.
fn look(folder: &Path, found: &mut BTreeSet<String>) {
    for entry in fs::read_dir(folder).expect("the folder is there").flatten() {
        let path = entry.path();
        if path.is_dir() {
            look(&path, found);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            let source = fs::read_to_string(&path).expect("it is text");
            for kind in ["counter", "gauge", "histogram"] {
                for call in source.split(&format!("metrics::{kind}!(")).skip(1) {
                    let name = call
                        .trim_start()
                        .strip_prefix('"')
                        .and_then(|rest| rest.split('"').next());
                    found.extend(name.map(str::to_owned));
                }
            }
        }
    }
}
