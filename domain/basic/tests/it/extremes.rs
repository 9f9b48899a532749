//! Sources that are larger or deeper than any that somebody wrote.

use expect_test::{Expect, expect};

#[track_caller]
fn check_first(source: &str, expected: Expect) {
    let compiled = basic::compile("extreme", source);
    let first = compiled.diagnostics.first();
    let count = compiled.diagnostics.len();
    expected.assert_eq(&first.map_or("fine".to_owned(), |first| {
        format!(
            "{} {}:{} {} ({count} in all)",
            first.code, first.line, first.column, first.message
        )
    }));
}

const DEEP: usize = 100_000;

#[test]
fn deep_nesting_is_told_once() {
    check_first(
        &format!("x = {}1{}", "(".repeat(DEEP), ")".repeat(DEEP)),
        expect!["B0104 1:124 blocks and brackets are nested more than 120 levels deep (1 in all)"],
    );
    check_first(
        &format!("x = {}", "[".repeat(DEEP)),
        expect!["B0005 1:5 `[` is never closed (100 in all)"],
    );
    check_first(
        &format!("x = {}", "{a:".repeat(DEEP)),
        expect!["B0005 1:5 `{` is never closed (100 in all)"],
    );
    check_first(
        &format!("x = {}1", "-".repeat(DEEP)),
        expect!["B0104 1:124 blocks and brackets are nested more than 120 levels deep (1 in all)"],
    );
    check_first(
        &format!("x = {}1", "NOT ".repeat(DEEP)),
        expect!["B0104 1:481 blocks and brackets are nested more than 120 levels deep (1 in all)"],
    );
    check_first(
        &format!("x = 1{}", " ^ 1".repeat(DEEP)),
        expect!["B0104 1:481 blocks and brackets are nested more than 120 levels deep (1 in all)"],
    );
    check_first(
        &"IF TRUE THEN\n".repeat(DEEP),
        expect!["B0104 120:4 blocks and brackets are nested more than 120 levels deep (1 in all)"],
    );
    check_first(
        &"IF TRUE THEN ".repeat(DEEP),
        expect!["B0104 1:1551 blocks and brackets are nested more than 120 levels deep (1 in all)"],
    );
    check_first(
        &"FOR i = 1 TO 2\n".repeat(DEEP),
        expect!["B0104 120:9 blocks and brackets are nested more than 120 levels deep (1 in all)"],
    );
    check_first(
        &format!("x = {}", "\"${".repeat(DEEP)),
        expect!["B0003 1:9 the character `$` has no meaning here (100 in all)"],
    );
    check_first(
        &format!("x = {}1", "FIRST ".repeat(DEEP)),
        expect!["B0104 1:719 blocks and brackets are nested more than 120 levels deep (1 in all)"],
    );
    check_first(
        &format!("x = a{}", " IS NULL".repeat(DEEP)),
        expect!["B0102 1:5 whether something IS NULL is never null itself (1 in all)"],
    );
}

#[test]
fn long_chains_are_fine() {
    check_first(&format!("x = 1{}", " + 1".repeat(DEEP)), expect!["fine"]);
    check_first(&format!("x = TRUE{}", " AND TRUE".repeat(DEEP)), expect!["fine"]);
    check_first(&format!("a = 1\nx = a{}", ".b".repeat(DEEP)), expect!["fine"]);
    check_first(&format!("x = [{}1]", "1, ".repeat(DEEP)), expect!["fine"]);
    check_first(
        &format!("IF 1 THEN\n{}END IF", "ELSEIF 2 THEN\n".repeat(DEEP)),
        expect!["fine"],
    );
    check_first(
        &format!("x = CONCAT(1{})", ", 1".repeat(DEEP)),
        expect!["B0105 1:5 this expression has too many parts (1 in all)"],
    );
}

#[test]
fn many_variables_are_too_many() {
    let source: String = (0..DEEP).map(|number| format!("v{number} = 1\n")).collect();
    check_first(
        &source,
        expect!["B0105 50001:1 the script has more than 50000 variables and loops (1 in all)"],
    );
}

#[test]
fn ten_megabytes_are_compiled() {
    check_first(&"TALK \"hello\" + 1\n".repeat(600_000), expect!["fine"]);
    check_first(&"TALK 1: ".repeat(1_300_000), expect!["fine"]);
    check_first(
        &"é".repeat(5_000_000),
        expect!["B0101 1:1 `éééééééééééééééééééééééééééééééééééééééé` is not a statement (1 in all)"],
    );
    check_first(
        &"\"".repeat(10_000_000),
        expect![[
            r#"B0101 1:1 no statement begins with `""""""""""""""""""""""""""""""""""""""""` (1 in all)"#
        ]],
    );
    check_first(
        &"(\n".repeat(3_000_000),
        expect!["B0005 1:1 `(` is never closed (100 in all)"],
    );
    check_first(
        &"${".repeat(5_000_000),
        expect!["B0003 1:1 the character `$` has no meaning here (100 in all)"],
    );
    check_first(&format!("TALK \"{}\"", "${".repeat(2_000_000)), expect!["fine"]);
    check_first(
        &"x\n".repeat(5_000_000),
        expect!["B0101 1:1 `x` is not a statement (100 in all)"],
    );
}
