//! What to write where something is missing.

/// What to write instead of a statement of another dialect, in capitals.
pub(super) fn instead(word: &str) -> Option<&'static str> {
    Some(match word {
        "GOSUB" => "write SUB name … END SUB, and CALL name where it is to run",
        "OPTION" => "take it out: variables need no declaration",
        "REDIM" => "take it out: arrays grow as they need to",
        "RANDOMIZE" => "take it out: RANDOM(1, 6) differs in each run",
        "FINALLY" => "write what is always done behind END TRY",
        "IMPORT" | "INCLUDE" | "#INCLUDE" | "REQUIRE" | "USING" => {
            "write CALL \"script.bas\" to run another script"
        }
        "FN" | "DEF" | "FUNC" => "write FUNCTION name(a, b) … END FUNCTION",
        "TYPE" | "CLASS" | "STRUCT" => "write value = { name: \"…\" }, or a TABLE for what is stored",
        "TRYCATCH" => "write TRY … CATCH problem … END TRY",
        _ => return None,
    })
}

/// An example of the form, by what was expected.
pub(super) fn mend(expected: &str) -> Option<&'static str> {
    Some(match expected {
        "a value" => "write a number, a \"text\", a variable or a call here",
        "THEN" => "write THEN after the condition: IF age > 17 THEN",
        "IN" | "IN after the variable" => "write FOR EACH item IN list",
        "TO" => "write FOR i = 1 TO 10",
        "`=`" => "write name = value; loops are FOR i = 1 TO 10 and FOR EACH item IN list",
        "`,` or `)`" => "put a comma between arguments and ) after the last",
        "`,` or `]`" => "put a comma between items and ] after the last",
        "`,` or `}`" => "put a comma between fields and } after the last",
        "`)`" => "add ) where the bracket ends, or a comma before the next value",
        "`]`" => "add ] after the index: list[0]",
        "`}`" => "add } where the expression ends: ${name}",
        "`:` after the name of the field" => "write { name: value }",
        "the name of a field" => "write { name: value }",
        "a name after `.`" => "write the name of the field: user.name",
        "the name of a variable" => {
            "write a name of letters, digits and _ that is no word of the language: HEAR answer WITH \"question\""
        }
        "NULL after IS" => "write IS NULL or IS NOT NULL; ISEMPTY(value) asks whether there is nothing in it",
        "AS after the name of the field" => "write RETURN WITH name AS value",
        "OBJECT or ARRAY after NEW" => "write NEW OBJECT or NEW ARRAY",
        _ => return None,
    })
}
