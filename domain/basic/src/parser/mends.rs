//! What to write where something is missing.

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
