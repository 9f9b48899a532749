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

/// As long as a script of a package may be.
const SCRIPT_BYTES_MAX: usize = 1 << 20;

/// `piece` between `before` and `after`, as often as a script has room for it.
fn filled(before: &str, piece: &str, after: &str) -> String {
    let count = (SCRIPT_BYTES_MAX - before.len() - after.len()) / piece.len();
    format!("{before}{}{after}", piece.repeat(count))
}

/// Lines made from their numbers, at most `most` and no more than a script has room for.
fn numbered(before: &str, most: usize, line: impl Fn(usize) -> String, after: &str) -> String {
    let mut source = before.to_owned();
    for line in (0..most).map(line) {
        if source.len() + line.len() + after.len() > SCRIPT_BYTES_MAX {
            break;
        }
        source.push_str(&line);
    }
    source + after
}

/// Scripts that are put together to take long, much memory or a deep stack.
fn hostile() -> Vec<(&'static str, String)> {
    let many = usize::MAX;
    let half = SCRIPT_BYTES_MAX / 2;
    let brackets = "(".repeat(half);
    let asked = format!("{})", " IN a".repeat(100)).repeat(100);
    let operators = "a OR 1 AND 1 = 1 & 1 + 1 * (".repeat(118);
    let fields = numbered(
        "TABLE t\n",
        1000,
        |number| format!("field_number_{number} string\n"),
        "",
    );
    let variables = numbered("", 45_000, |number| format!("v{number}=1\n"), "");
    let names = numbered("", 20_000, |number| format!("name_{number} = 1\n"), "");
    let procedures = "SUB a\nEND SUB\n".repeat(half / 14);
    let two = "DESCRIPTION \"a\"\nTALK 1\nDESCRIPTION \"b\"\na";
    vec![
        (
            "ELSEIF in a line",
            filled("IF a THEN b = 1", " ELSEIF a THEN b = 1", ""),
        ),
        ("IN", filled("x = a", " IN a", "")),
        ("NOT LIKE", filled("x = a", " NOT LIKE a", "")),
        ("CONTAINS", filled("x = a", " CONTAINS a", "")),
        ("IS NULL", filled("x = a", " IS NULL = a", "")),
        ("IN in brackets", format!("x = {}a{asked}", "(".repeat(100))),
        (
            "operators in brackets",
            format!("x = {operators}1{}", ")".repeat(118)),
        ),
        ("a sum", filled("x = 1", "+1", "")),
        ("signs", filled("x = ", "-", "1")),
        ("brackets that close nothing", filled(&brackets, "]", "")),
        ("brackets of two kinds", filled(&brackets, "[]", "")),
        ("interpolations", filled("TALK \"", "${${}", "\"")),
        ("a table in a line", filled("TABLE t\n", "a:", "\nEND TABLE")),
        (
            "words of a table",
            filled("TABLE t\nid string CHECK (", "a ", ")\nEND TABLE"),
        ),
        (
            "lines in a bracket",
            filled("TABLE t\nid string CHECK (\n", "a\n", ")\nEND TABLE"),
        ),
        (
            "fields that are not there",
            filled(
                &format!("{fields}PRIMARY KEY ("),
                "field_of_another, ",
                "x)\nEND TABLE",
            ),
        ),
        (
            "a name of many parts",
            filled("TABLE a", ".a", "\nid string\nEND TABLE"),
        ),
        (
            "tables",
            numbered(
                "",
                many,
                |number| format!("TABLE t{number}\nid string\nEND TABLE\n"),
                "",
            ),
        ),
        ("blocks that others close", filled("", "WHILE a\nEND SUB\n", "")),
        ("what closes others", filled("WHILE a\n", "END SUB\n", "")),
        (
            "tools that share a text",
            filled(
                &format!("label = \"{}\"\n", "x".repeat(half)),
                "DESCRIPTION \"a\"\nTALK 1\n",
                "",
            ),
        ),
        (
            "procedures of one name",
            filled(&format!("{procedures}{two}"), ": a", "\n"),
        ),
        (
            "variables of a query",
            numbered(
                &format!("{variables}rows = SELECT "),
                many,
                |number| format!("v{number},"),
                " x FROM y",
            ),
        ),
        (
            "names that are never set",
            numbered(&names, 20_000, |number| format!("a = names_{number}_\n"), ""),
        ),
        ("blanks before a statement", filled("a = 1\n", " ", "TALK a")),
        ("blanks behind a number", filled("a = 1\n10", " ", "TALK a")),
        ("empty lines", filled("a = 1\n", "\n \n", "TALK a")),
    ]
}

/// Packages are compiled on threads of this size, for all organisations together.
#[test]
fn hostile_scripts_are_refused_or_compiled() {
    let compiled = std::thread::Builder::new().stack_size(2 << 20).spawn(|| {
        let told = hostile().into_iter().map(|(name, source)| {
            assert!(source.len() <= SCRIPT_BYTES_MAX, "{name} is too long");
            let compiled = basic::compile("hostile", &source);
            let first = compiled
                .diagnostics
                .first()
                .filter(|_| compiled.program.is_none());
            format!(
                "{name}: {}\n",
                first.map_or("compiles", |first| first.code.as_str())
            )
        });
        told.collect::<String>()
    });
    let told = compiled
        .expect("a thread begins")
        .join()
        .expect("nothing overflows");
    expect![[r#"
        ELSEIF in a line: compiles
        IN: B0104
        NOT LIKE: B0104
        CONTAINS: B0104
        IS NULL: B0104
        IN in brackets: B0104
        operators in brackets: compiles
        a sum: compiles
        signs: B0104
        brackets that close nothing: B0007
        brackets of two kinds: B0005
        interpolations: compiles
        a table in a line: B0310
        words of a table: compiles
        lines in a bracket: compiles
        fields that are not there: B0309
        a name of many parts: compiles
        tables: compiles
        blocks that others close: B0202
        what closes others: B0202
        tools that share a text: B0105
        procedures of one name: B0307
        variables of a query: compiles
        names that are never set: compiles
        blanks before a statement: compiles
        blanks behind a number: compiles
        empty lines: compiles
    "#]]
    .assert_eq(&told);
}
