//! What each code of a diagnostic means, with a script that has it.

/// A code, what it means and how it is mended, and a script that has it.
#[derive(Clone, Copy, Debug)]
pub struct Explanation {
    pub code: &'static str,
    pub meaning: &'static str,
    /// Empty where no short script has it.
    pub example: &'static str,
}

const fn explained(code: &'static str, meaning: &'static str, example: &'static str) -> Explanation {
    Explanation {
        code,
        meaning,
        example,
    }
}

/// Every code of the compiler, in order.
pub const EXPLANATIONS: &[Explanation] = &[
    explained(
        "B0001",
        "The script is larger than is looked at. Split it into several that CALL each other.",
        "",
    ),
    explained(
        "B0002",
        "A text has no closing quotation mark on its line. Close it; for a text of several lines use BEGIN TALK, or \\n.",
        "TALK \"Good morning",
    ),
    explained(
        "B0003",
        "A character that means nothing in a script. Take it out, or put it into quotation marks.",
        "TALK 3 § 4",
    ),
    explained(
        "B0004",
        "A number that is too large to be counted with.",
        "TALK 1e999",
    ),
    explained(
        "B0005",
        "A bracket is opened and not closed.",
        "x = (1 + 2\nTALK x",
    ),
    explained(
        "B0006",
        "A block of text is not closed: END TALK, END MAIL, END SYSTEM PROMPT or END TABLE is missing.",
        "BEGIN TALK\nGood morning",
    ),
    explained("B0007", "A bracket is closed that was not opened.", "x = 1 + 2)"),
    explained(
        "B0101",
        "A line that begins with nothing the language knows. Usually a misspelt word, or a text without quotation marks.",
        "TALC \"Good morning\"",
    ),
    explained(
        "B0102",
        "Something is missing: the message says what, and what stands in its place.",
        "FOR i = 1\nNEXT",
    ),
    explained(
        "B0103",
        "A statement goes on after it is complete. Usually an operator or a comma is missing.",
        "TALK \"a\" \"b\"",
    ),
    explained(
        "B0104",
        "Blocks or brackets are nested deeper than anybody reads, or questions as in `a IN b IN c`. Use procedures, or variables for the parts.",
        "",
    ),
    explained(
        "B0105",
        "The script compiles to more than a program may be, or the tools of a file share more than is read for each of them.",
        "",
    ),
    explained(
        "B0201",
        "A block is not closed: the message names the word that is missing.",
        "IF TRUE THEN\n    TALK \"yes\"",
    ),
    explained(
        "B0202",
        "A word closes or continues a block that is not open.",
        "TALK \"yes\"\nEND IF",
    ),
    explained(
        "B0203",
        "EXIT FOR, EXIT WHILE or EXIT DO stands outside of such a loop.",
        "EXIT FOR",
    ),
    explained(
        "B0204",
        "NEXT names another variable than the loop that it closes.",
        "FOR i = 1 TO 3\nNEXT j",
    ),
    explained(
        "B0205",
        "ELSE comes last and once; this one has another before it.",
        "IF TRUE THEN\nELSE\nELSE\nEND IF",
    ),
    explained(
        "B0206",
        "A SUB or FUNCTION stands inside of another block. Move it out.",
        "IF TRUE THEN\nSUB a\nEND SUB\nEND IF",
    ),
    explained(
        "B0301",
        "There is no function or procedure of this name.",
        "TALK LENGHT(\"a\")",
    ),
    explained(
        "B0302",
        "A word is given fewer or more values than it takes.",
        "TALK LEFT(\"a\")",
    ),
    explained(
        "B0303",
        "What stands before `=` cannot be set: calls give values, and items of lists stand in [ ].",
        "LEN(\"a\") = 3",
    ),
    explained(
        "B0304",
        "HEAR … AS names a type of answer that there is not.",
        "HEAR n AS INTEGR",
    ),
    explained(
        "B0306",
        "A word of the language cannot be the name of a variable.",
        "SET next = 1",
    ),
    explained(
        "B0307",
        "Two procedures, parameters, tables or fields have the same name.",
        "SUB a\nEND SUB\nSUB a\nEND SUB",
    ),
    explained(
        "B0308",
        "GOTO leads to a label that is not in the same procedure or script.",
        "GOTO there",
    ),
    explained(
        "B0309",
        "A table or field is not declared as it should be.",
        "TABLE guests\n    na-me string\nEND TABLE",
    ),
    explained(
        "B0310",
        "A field has a type that there is not.",
        "TABLE guests\n    name strng\nEND TABLE",
    ),
    explained(
        "B0401",
        "A variable is read and never set, so it is empty. Often a misspelt name; settings `param-NAME` of the package set variables too.",
        "TALK nmae",
    ),
    explained(
        "B0402",
        "Nothing ever leads to this statement.",
        "RETURN 1\nTALK \"never\"",
    ),
    explained(
        "B0403",
        "A variable has the name of a function, which cannot be called by its name alone any more.",
        "now = 3\nTALK now",
    ),
    explained(
        "B0404",
        "A script has two descriptions; the first counts.",
        "DESCRIPTION \"a\"\nDESCRIPTION \"b\"",
    ),
    explained(
        "B0406",
        "A loop cannot end: its condition always holds, and nothing in it leaves it, waits or asks somebody. The script \
         is stopped when it has used up its steps. Add EXIT DO behind a condition, or a HEAR.",
        "n = 0\nDO\n  n = n + 1\nLOOP",
    ),
    explained(
        "B0407",
        "A line of a table says something of a field that is not understood. It is left out, with what follows it.",
        "TABLE guests\n  name string(50) requird\nEND TABLE",
    ),
    explained(
        "B0408",
        "What a field is set to names the field itself. UPDATE computes with the field where + - * / stand alone; within \
         functions, and in other statements, the name is an empty variable. Read the row first.",
        "UPDATE \"berths\" SET free = MAX(free, 1) WHERE id = 7",
    ),
    explained(
        "B0409",
        "A parameter has a type that seems misspelt. Types that are not known count as texts.",
        "PARAM nights AS INTEGR\nTALK nights",
    ),
    explained(
        "B0410",
        "The text of a condition is none: a comparison is missing, or something stands in it that conditions do not have. The \
         statement fails when it runs.",
        "rows = FIND \"berths\", \"length >\"",
    ),
    explained(
        "B0411",
        "EXIT SUB or EXIT FUNCTION stands outside of a procedure. It ends the script, as EXIT does.",
        "EXIT SUB",
    ),
    explained(
        "B0501",
        "USE TOOL or ADD TOOL names a script that the package does not have. The bot goes on without it.",
        "",
    ),
    explained(
        "B0502",
        "CALL names a script that the package does not have. It ends with R0209 when it gets there.",
        "",
    ),
    explained(
        "B0503",
        "A statement names a table that no script of the package declares.",
        "",
    ),
    explained(
        "B0504",
        "A statement names a field that the table does not have.",
        "",
    ),
];

/// What a code of a run that ended means.
pub const RUNTIME: &[(&str, &str)] = &[
    (
        "R0101",
        "The script took more steps in one turn than it may. Usually an endless loop; what a call compares, as LIKE with a long pattern, counts as steps too.",
    ),
    (
        "R0102",
        "The values of the script need more memory than they may.",
    ),
    (
        "R0103",
        "Procedures call each other too deeply. Usually one calls itself for ever.",
    ),
    ("R0104", "The script says more in one turn than it may."),
    ("R0105", "The script sends more messages in one turn than it may."),
    ("R0106", "Lists and objects are nested too deeply."),
    ("R0107", "A text became longer than 10 MB."),
    ("R0108", "A list or an object got more than a million items."),
    ("R0201", "An operator was given values that it does not take."),
    ("R0202", "Division by zero."),
    ("R0203", "A part of a value was set that it does not have."),
    (
        "R0204",
        "A function was given what it does not take; the message says what it wants.",
    ),
    ("R0205", "A number became too large."),
    ("R0206", "STEP of a FOR loop is 0."),
    ("R0207", "A FOR loop counts with something that is no number."),
    ("R0208", "The script raised the error itself, by THROW or ASSERT."),
    ("R0209", "CALL names a script that the bot does not have."),
    (
        "R0210",
        "A script was called with more values than it has parameters.",
    ),
    (
        "R0211",
        "The platform or a service refused what the script asked for; the code stands in brackets.",
    ),
    ("R0901", "The stored program is damaged."),
    (
        "R0902",
        "The machine was given something that it did not wait for.",
    ),
];
