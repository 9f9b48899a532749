//! Scripts for the properties: soups of words, and scripts that hold together.

use proptest::prelude::*;
use proptest::sample::select;

/// Pieces from which soup is made: words, signs and things that upset lexers.
pub const PIECES: &[&str] = &[
    "TALK",
    "HEAR",
    "IF",
    "THEN",
    "ELSE",
    "ELSE IF",
    "END IF",
    "FOR",
    "EACH",
    "IN",
    "TO",
    "STEP",
    "NEXT",
    "WHILE",
    "WEND",
    "DO",
    "LOOP",
    "UNTIL",
    "SELECT CASE",
    "CASE",
    "END SELECT",
    "EXIT FOR",
    "RETURN",
    "WITH",
    "AS",
    "INTEGER",
    "MENU",
    "BEGIN TALK",
    "END TALK",
    "SUB",
    "END SUB",
    "ADD SUGGESTION",
    "CLEAR",
    "PARAM",
    "DESCRIPTION",
    "LET",
    "SET",
    "DIM",
    "NEW",
    "OBJECT",
    "AND",
    "OR",
    "NOT",
    "IS",
    "NULL",
    "MOD",
    "x",
    "y",
    "list",
    "LEN",
    "POP",
    "PUSH",
    "NOW",
    "(",
    ")",
    "[",
    "]",
    "{",
    "#{",
    "}",
    ",",
    ":",
    ".",
    "=",
    "==",
    "<>",
    "<",
    ">=",
    "+",
    "-",
    "*",
    "/",
    "%",
    "^",
    "&",
    "&&",
    "||",
    "!",
    "\"",
    "'",
    "\"a\"",
    "\"${x}\"",
    "\"${",
    "}\"",
    "1",
    "2.5",
    "1e9",
    "99999999999999999999",
    "\n",
    "\n",
    "\n",
    "\r\n",
    " ",
    "\t",
    "_",
    "REM",
    "//",
    "é",
    "😀",
    "\0",
    "\u{feff}",
    "\\",
    "“",
    "#",
    ";",
    "ON ERROR",
    "ON ERROR RESUME NEXT",
    "ON ERROR GOTO",
    "GOTO",
    "TRY",
    "CATCH",
    "END TRY",
    "THROW",
    "ASSERT",
    "SWITCH",
    "DEFAULT",
    "END SWITCH",
    "FUNCTION",
    "END FUNCTION",
    "EXIT SUB",
    "CALL",
    "END WITH",
    "ASK",
    "WAIT",
    "WAIT FOR RESPONSE AS",
    "FILTER",
    "FIND",
    "label",
    "label:",
];

/// Values over the variables a to e. Some are mistakes for some values of those.
const VALUES: &[&str] = &[
    "a",
    "b + a",
    "c",
    "NULL",
    "\"t\" + a",
    "\"<${a}>\"",
    "[a, b]",
    "{ k: a, l: [b] }",
    "b.k",
    "b.l[0]",
    "c[1]",
    "c[a]",
    "-b",
    "10 / a",
    "LEN(b) MOD 3",
    "RANDOM(1, 9)",
    "COUNT(c) = 2",
    "a IS NULL OR NOT b",
    "a < 5 AND b <> 1",
    "twice(c)",
    "down(3) + a",
    "CALL \"other\", a",
    "CALL \"other\", { with: b, none: 1 }",
    "CALL \"missing\"",
    "FILTER([{ k: a }], \"k > 1\")",
    "MAP([{ k: a }], \"k -> l\")",
    "FORMAT(NOW, \"dddd\")",
    "ERROR MESSAGE",
    "IIF(a, POP(d), ERR)",
];

/// What HEAR may be told after its variable.
const QUESTIONS: &[&str] = &[
    "",
    " AS TEXT",
    " AS INTEGER",
    " AS FLOAT WITH \"How much?\"",
    " AS BOOLEAN",
    " AS DATE DEFAULT TODAY",
    " AS EMAIL",
    " AS NAME \"Who?\"",
    " AS MENU \"x\", a",
    " AS \"x\", \"y\", *",
    " AS LANGUAGE DEFAULT \"pt\"",
    " AS FILE",
    " AS PASSWORD",
    " WITH \"Well, ${a}?\" DEFAULT a",
];

/// Statements of one line or few that need nothing around them but procedures and a label `handler`.
const STATEMENTS: &[&str] = &[
    "d = POP(d)",
    "PRINT e",
    "a = ASK \"well?\"",
    "b = HEAR AS NUMBER",
    "WAIT FOR RESPONSE AS e.answer",
    "BEGIN TALK\nSo ${a},\n  ${b}\nEND TALK",
    "ADD SUGGESTION \"context\" AS a",
    "CLEAR SUGGESTIONS",
    "SET LANGUAGE \"es\"",
    "DIM v AS INTEGER, w(3)\nw[1] = v\nv = a\nTALK w",
    "IF a THEN TALK 1 ELSE TALK 2",
    "ON ERROR RESUME NEXT",
    "ON ERROR GOTO handler",
    "ON ERROR GOTO 0",
    "TALK ERR\nCLEAR ERROR",
    "WAIT 1",
    "deep",
    "RETURN a",
    "EXIT",
];

fn value() -> impl Strategy<Value = String> + Clone {
    prop_oneof![
        4 => select(VALUES).prop_map(str::to_owned),
        1 => (0..20_i32).prop_map(|number| number.to_string()),
    ]
}

fn target() -> impl Strategy<Value = &'static str> + Clone {
    select(&["a", "b", "c", "e.f[2]", "c[0]"][..])
}

fn simple() -> impl Strategy<Value = String> {
    prop_oneof![
        3 => value().prop_map(|value| format!("TALK {value}")),
        3 => (target(), value()).prop_map(|(target, value)| format!("{target} = {value}")),
        2 => (target(), select(QUESTIONS)).prop_map(|(target, question)| format!("HEAR {target}{question}")),
        3 => select(STATEMENTS).prop_map(str::to_owned),
        1 => value().prop_map(|value| format!("PUSH d, {value}")),
        1 => value().prop_map(|value| format!("note {value}")),
        1 => value().prop_map(|value| format!("CALL note({value})")),
        1 => value().prop_map(|value| format!("THROW {value}")),
        1 => value().prop_map(|value| format!("ASSERT {value}, \"no\"")),
    ]
}

/// A statement with blocks inside of blocks.
fn statement() -> impl Strategy<Value = String> {
    simple().prop_recursive(3, 24, 4, |inner| {
        let body = prop::collection::vec(inner, 1..4).prop_map(|lines| lines.join("\n"));
        // Labels and counters that no other block has, or hardly ever.
        let block = (any::<u32>(), value(), body.clone(), body);
        let kind = 0..16_usize;
        (kind, block).prop_map(|(kind, (own, value, one, two))| match kind {
            0 => format!("IF {value} THEN\n{one}\nELSE\n{two}\nEND IF"),
            1 => format!("IF {value} THEN\n{one}\nELSE IF a THEN\n{two}\nELSEIF b\nTALK 3\nEND IF"),
            2 => format!("FOR i = 1 TO 3\n{one}\nNEXT"),
            3 => format!("FOR j = {value} TO 1 STEP -1\n{one}\nIF b THEN EXIT FOR\nEND FOR"),
            4 => format!("FOR EACH x IN {value}\n{one}\nTALK x\nNEXT x"),
            5 => format!("FOR EACH x IN {value}\nIF a THEN GOTO l{own}\n{one}\nNEXT\nl{own}:\n{two}"),
            6 => format!("n{own} = 0\nWHILE n{own} < 3\nn{own} = n{own} + 1\n{one}\nIF a THEN EXIT WHILE\nWEND"),
            7 => format!("n{own} = 0\nDO WHILE n{own} < 3 AND {value}\nn{own} = n{own} + 1\n{one}\nIF b THEN EXIT DO\nLOOP"),
            8 => format!("n{own} = 0\nDO\nn{own} = n{own} + 1\n{one}\nLOOP UNTIL n{own} > 2 OR {value}"),
            9 => format!("SELECT CASE {value}\nCASE 1, 2\n{one}\nCASE \"t\" TO \"u\"\nTALK 1\nCASE ELSE\n{two}\nEND SELECT"),
            10 => format!("SWITCH {value}\nCASE 1 TO 3, IS > 9\n{one}\nCASE 1 / a\nTALK 1\nDEFAULT\n{two}\nEND SWITCH"),
            11 => format!("TRY\n{one}\nCATCH e\n{two}\nEND TRY"),
            12 => format!("WITH o\n.p = {value}\n{one}\nq = .p\nEND WITH"),
            13 => format!("n{own} = 0\nl{own}:\nn{own} = n{own} + 1\n{one}\nIF n{own} < 3 THEN GOTO l{own}"),
            14 => format!("IF a THEN GOTO l{own}\nFOR i = 1 TO 2\n{one}\nl{own}:\n{two}\nNEXT"),
            _ => format!("ON ERROR RESUME NEXT\n{one}\nON ERROR GOTO l{own}\n{two}\nl{own}:\nTALK ERROR"),
        })
    })
}

/// Statements and the place to which their mistakes may lead.
fn body(length: std::ops::Range<usize>) -> impl Strategy<Value = String> {
    let lines = prop::collection::vec(statement(), length);
    lines.prop_map(|lines| lines.join("\n") + "\nhandler:\nTALK ERROR\nCLEAR ERROR\n")
}

/// A script that compiles, with procedures that ask, fail, call themselves and call each other. Half of
/// them begin by going on after every mistake, so that they come further.
pub fn script() -> impl Strategy<Value = String> {
    (any::<bool>(), body(1..6), body(0..3), body(0..3)).prop_map(|(resumes, main, note, down)| {
        let first = if resumes { "ON ERROR RESUME NEXT\n" } else { "" };
        format!(
            "{first}{main}END\n\
             SUB note(what)\nIF what = 7 THEN EXIT SUB\nHEAR m\nTALK what + m\n{note}END SUB\n\
             FUNCTION twice(what)\ntwice = COUNT(what) * 2\nEND FUNCTION\n\
             FUNCTION down(count)\nDIM own\nown = count\nIF count < 1 THEN RETURN 0\n\
             own = own + down(count - 1)\n{down}RETURN own\nEND FUNCTION\n\
             SUB deep\nON ERROR GOTO handler\nTHROW down(2)\nhandler:\nEND SUB\n"
        )
    })
}

/// A script that others call.
pub fn called() -> impl Strategy<Value = String> {
    script().prop_map(|script| format!("PARAM with AS STRING DEFAULT 5\na = with\n{script}"))
}

/// A script in which a line is missing, stands twice, or has changed its place with another.
pub fn broken() -> impl Strategy<Value = String> {
    let index = any::<prop::sample::Index>;
    (script(), 0..3_u8, index(), index()).prop_map(|(script, change, one, two)| {
        let mut lines: Vec<&str> = script.lines().collect();
        let (one, two) = (one.index(lines.len()), two.index(lines.len()));
        match change {
            0 => drop(lines.remove(one)),
            1 => lines.insert(two, lines[one]),
            _ => lines.swap(one, two),
        }
        lines.join("\n")
    })
}
