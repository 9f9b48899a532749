//! The words that texts of a kind are made of.

use std::collections::BTreeSet;
use std::sync::LazyLock;

use rand::Rng;
use rand::rngs::StdRng;

use super::pieces;
use crate::Kind;

pub struct Words {
    all: Vec<String>,
    /// What is put around lines.
    pub around: &'static [(&'static str, &'static str)],
    /// What is put around words, any number of times.
    pub brackets: &'static [(&'static str, &'static str)],
    pub numbers: &'static [&'static str],
}

impl Words {
    pub fn draw(&self, random: &mut StdRng) -> &str {
        &self.all[random.random_range(0..self.all.len())]
    }
}

const NUMBERS: &[&str] = &[
    "0",
    "1",
    "2",
    "-1",
    "3",
    "7",
    "0.5",
    "1.5",
    "16",
    "100",
    "255",
    "1000",
    "65536",
    "2147483648",
    "1000000",
    "9223372036854775807",
    "-9223372036854775808",
    "9223372036854775808",
    "1e308",
    "1e999",
    "0.1",
    "1e-320",
    "10000000",
];

/// The words of texts of this kind.
pub fn of(kind: Kind) -> &'static Words {
    static SCRIPT: LazyLock<Words> = LazyLock::new(|| Words {
        all: script_words(),
        around: &[
            ("IF x THEN", "END IF"),
            ("IF NOT x THEN\nELSE", "END IF"),
            ("FOR i = 1 TO 3", "NEXT"),
            ("FOR EACH e IN [1, { a: 2 }]", "NEXT"),
            ("WHILE x < 3\nx = x + 1", "WEND"),
            ("DO", "LOOP UNTIL x > 2"),
            ("SELECT CASE x\nCASE 1, 2", "CASE ELSE\nEND SELECT"),
            ("SWITCH x\nCASE 1", "DEFAULT\nEND SWITCH"),
            ("SUB p(a)", "END SUB\np 1"),
            ("FUNCTION f(a)", "RETURN a\nEND FUNCTION\nx = f(2)"),
            ("TRY", "CATCH\nTALK ERROR\nEND TRY"),
            ("WITH o", "END WITH"),
            ("BEGIN TALK", "END TALK"),
            ("BEGIN SYSTEM PROMPT", "END SYSTEM PROMPT"),
            ("ON ERROR RESUME NEXT", ""),
            ("ON ERROR GOTO l", "l:"),
        ],
        brackets: &[
            ("(", ")"),
            ("[", "]"),
            ("{ a: ", " }"),
            ("NOT ", ""),
            ("-", ""),
            ("x[", "]"),
            ("\"${", "}\""),
            ("", ".a"),
            ("", "[0]"),
            ("LEN(", ")"),
            ("f(", ")"),
        ],
        numbers: NUMBERS,
    });
    static CONDITION: LazyLock<Words> = LazyLock::new(|| Words {
        all: [
            "AND",
            "OR",
            "NOT",
            "LIKE",
            "CONTAINS",
            "IN",
            "IS",
            "NULL",
            "IS NOT NULL",
            "NOT IN",
            "=",
            "==",
            "<>",
            "!=",
            "<",
            "<=",
            ">",
            ">=",
            "&&",
            "||",
            "(",
            ")",
            ",",
            "'a'",
            "\"b\"",
            "'",
            "name",
            "price",
            "owner.name",
            "%",
            "_",
            "'%a_%'",
            "TRUE",
            "FALSE",
            "2026-03-01",
            "BETWEEN",
            "tags",
            "''",
            ".",
            "-",
        ]
        .map(str::to_owned)
        .to_vec(),
        around: &[("(", ")"), ("NOT (", ")"), ("", "AND a = 1"), ("a = 1 OR", "")],
        brackets: &[("(", ")"), ("NOT ", ""), ("NOT (", ")"), ("'", "'"), ("a.", "")],
        numbers: NUMBERS,
    });
    static JSON: LazyLock<Words> = LazyLock::new(|| Words {
        all: [
            "\"$personal\"",
            "\"$sealed\"",
            "\"$erased\"",
            "\"subject\"",
            "\"class\"",
            "\"value\"",
            "\"conversation\"",
            "\"identity\"",
            "\"v\"",
            "\"s\"",
            "\"c\"",
            "\"m\"",
            "\"k\"",
            "\"t\"",
            "\"e\"",
            "\"f\"",
            "\"n\"",
            "\"x\"",
            "\"00000000-0000-0000-0000-000000000001\"",
            "\"00000000-0000-0000-0000-000000000002\"",
            "null",
            "true",
            "false",
            "{}",
            "[]",
            "{",
            "}",
            "[",
            "]",
            ":",
            ",",
            "\"\"",
            "\"a~/b\"",
            "\"\\u0000\"",
            "\"\\ud800\"",
            "\"2026-03\"",
        ]
        .map(str::to_owned)
        .to_vec(),
        around: &[("[", "]"), ("{\"a\":", "}"), (PERSONAL_OPEN, "}}")],
        brackets: &[
            ("[", "]"),
            ("{\"a\":", "}"),
            (PERSONAL_OPEN, "}}"),
            ("{\"$sealed\":", "}"),
        ],
        numbers: NUMBERS,
    });
    match kind {
        Kind::Condition => &CONDITION,
        Kind::Json => &JSON,
        Kind::Script | Kind::Bytes => &SCRIPT,
    }
}

const PERSONAL_OPEN: &str =
    "{\"$personal\":{\"subject\":\"00000000-0000-0000-0000-000000000001\",\"class\":\"identity\",\"value\":";

/// The words of the dialect, of its table, and those between them.
fn script_words() -> Vec<String> {
    let mut words: BTreeSet<String> = [
        "x",
        "y",
        "l",
        "o",
        "o.a",
        "l[0]",
        "i",
        "\"a\"",
        "\"\"",
        "\"${x}\"",
        "NULL",
        "TRUE",
        "FALSE",
        "=",
        "<>",
        "<",
        "<=",
        ">",
        ">=",
        "+",
        "-",
        "*",
        "/",
        "&",
        "AND",
        "OR",
        "NOT",
        "MOD",
        "^",
        "(",
        ")",
        "[",
        "]",
        "{",
        "}",
        ",",
        ":",
        ".",
        "[]",
        "{}",
        "[1, 2, 3]",
        "{ a: 1 }",
        "\n",
        "'",
        "REM ",
        "//",
        "GOTO l",
        "l:",
        "AS",
        "IN",
        "TO",
        "STEP",
        "WITH",
        "DEFAULT",
        "INTEGER",
        "EMAIL",
        "DATE",
        "MENU",
        "FILE",
        "PASSWORD",
        "OPTIONAL",
        "LIKE",
        "ENUM",
        "WHERE",
        "ORDER BY",
        "LIMIT",
        "\"a = 1\"",
        "\"name LIKE '%a' OR b > 2\"",
        "IS NULL",
        "IS NOT NULL",
        "END",
        "NEXT",
        "END IF",
        "ELSE",
        "RETURN",
        "TODAY",
        "NOW",
        "ERROR",
        "THROW 1",
        "_",
        "#",
    ]
    .map(str::to_owned)
    .into();
    for entry in basic::reference().iter().flat_map(|(_, entries)| entries) {
        words.insert(entry.name.to_owned());
        words.extend(entry.aliases.iter().map(|alias| (*alias).to_owned()));
        words.insert(entry.form.to_owned());
        let of_form = pieces(entry.form).filter(|piece| piece.chars().all(|c| c.is_ascii_uppercase()));
        words.extend(of_form.map(str::to_owned));
    }
    words.into_iter().collect()
}
