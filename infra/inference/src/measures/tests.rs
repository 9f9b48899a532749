//! The table, the document and the code say the same.

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
    check("metrics", &telemetry::measures::table(MEASURES));
    let mut codes = "| code | status | meaning |\n|---|---|---|\n".to_owned();
    for (_, status, name, meaning) in CODES {
        codes.push_str(&format!("| `{name}` | {status} | {meaning} |\n"));
    }
    check("errors", &codes);
    check("settings", &format!("```toml\n{DEFAULT_TOML}```\n"));
}

#[test]
fn the_table_is_in_order_and_what_the_code_records() {
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    telemetry::test::check_measures(MEASURES, &[&source]);
}
