//! Fifty mistakes that authors make: what they are told, and that doing as they are told mends the script.

use basic::Severity;
use expect_test::{Expect, expect};

/// Checks what is said about a mistake, and that the mended script has none.
#[track_caller]
fn check(mistake: &str, mended: &str, expected: Expect) {
    let compiled = basic::compile("test", mistake);
    let rendered: Vec<String> = compiled
        .diagnostics
        .iter()
        .map(|diagnostic| diagnostic.render("test.bas", mistake))
        .collect();
    expected.assert_eq(&rendered.concat());
    let first = compiled.diagnostics.first().expect("a mistake is told");
    assert!(
        first.help.is_some(),
        "what is told suggests no mend: {}",
        rendered.concat()
    );
    let compiled = basic::compile("test", mended);
    let left: Vec<String> = compiled
        .diagnostics
        .iter()
        .filter(|diagnostic| diagnostic.severity == Severity::Error)
        .map(|diagnostic| diagnostic.render("test.bas", mended))
        .collect();
    assert!(compiled.program.is_some(), "{}", left.concat());
}

#[test]
fn a_misspelt_statement() {
    check("TAKL \"hi\"", "TALK \"hi\"", expect![[r##""##]]);
}

#[test]
fn a_misspelt_phrase() {
    check(
        "ADD SUGESTION \"a\" AS \"b\"",
        "ADD SUGGESTION \"a\" AS \"b\"",
        expect![[r##""##]],
    );
}

#[test]
fn clear_without_s() {
    check("CLEAR SUGGESTION", "CLEAR SUGGESTIONS", expect![[r##""##]]);
}

#[test]
fn a_word_of_another_dialect() {
    check("ECHO \"hi\"", "TALK \"hi\"", expect![[r##""##]]);
}

#[test]
fn say_for_talk() {
    check("SAY \"hi\"", "TALK \"hi\"", expect![[r##""##]]);
}

#[test]
fn input_for_hear() {
    check("INPUT name", "HEAR name", expect![[r##""##]]);
}

#[test]
fn a_misspelt_function() {
    check("x = LEM(\"abc\")", "x = LEN(\"abc\")", expect![[r##""##]]);
}

#[test]
fn a_function_of_another_language() {
    check("x = STRLEN(\"abc\")", "x = LEN(\"abc\")", expect![[r##""##]]);
}

#[test]
fn a_misspelt_variable() {
    check(
        "total = 5\nTALK totl",
        "total = 5\nTALK total",
        expect![[r##""##]],
    );
}

#[test]
fn if_without_condition() {
    check(
        "IF THEN\nTALK \"a\"\nEND IF",
        "IF TRUE THEN\nTALK \"a\"\nEND IF",
        expect![[r##""##]],
    );
}

#[test]
fn then_is_misspelt() {
    check(
        "IF x = 1 THAN\nTALK \"a\"\nEND IF",
        "IF x = 1 THEN\nTALK \"a\"\nEND IF",
        expect![[r##""##]],
    );
}

#[test]
fn a_one_line_if_without_then() {
    check(
        "IF x = 1 TALK \"a\"",
        "IF x = 1 THEN TALK \"a\"",
        expect![[r##""##]],
    );
}

#[test]
fn no_end_if() {
    check(
        "IF x = 1 THEN\nTALK \"a\"",
        "IF x = 1 THEN\nTALK \"a\"\nEND IF",
        expect![[r##""##]],
    );
}

#[test]
fn end_if_alone() {
    check("TALK \"a\"\nEND IF", "TALK \"a\"", expect![[r##""##]]);
}

#[test]
fn no_next() {
    check(
        "FOR i = 1 TO 3\nTALK i",
        "FOR i = 1 TO 3\nTALK i\nNEXT",
        expect![[r##""##]],
    );
}

#[test]
fn the_wrong_closer() {
    check(
        "FOR i = 1 TO 3\nTALK i\nEND IF",
        "FOR i = 1 TO 3\nTALK i\nNEXT",
        expect![[r##""##]],
    );
}

#[test]
fn wend_for_next() {
    check(
        "FOR EACH i IN [1]\nTALK i\nWEND",
        "FOR EACH i IN [1]\nTALK i\nNEXT",
        expect![[r##""##]],
    );
}

#[test]
fn next_of_another_variable() {
    check(
        "FOR i = 1 TO 2\nFOR j = 1 TO 2\nTALK i\nNEXT i\nNEXT j",
        "FOR i = 1 TO 2\nFOR j = 1 TO 2\nTALK i\nNEXT j\nNEXT i",
        expect![[r##""##]],
    );
}

#[test]
fn else_if_misspelt() {
    check(
        "IF x THEN\nTALK 1\nELSIF y THEN\nTALK 2\nEND IF",
        "IF x THEN\nTALK 1\nELSE IF y THEN\nTALK 2\nEND IF",
        expect![[r##""##]],
    );
}

#[test]
fn elif() {
    check(
        "IF x THEN\nTALK 1\nELIF y THEN\nTALK 2\nEND IF",
        "IF x THEN\nTALK 1\nELSE IF y THEN\nTALK 2\nEND IF",
        expect![[r##""##]],
    );
}

#[test]
fn else_after_else() {
    check(
        "IF x THEN\nTALK 1\nELSE\nTALK 2\nELSE\nTALK 3\nEND IF",
        "IF x THEN\nTALK 1\nELSE\nTALK 3\nEND IF",
        expect![[r##""##]],
    );
}

#[test]
fn for_each_without_in() {
    check(
        "FOR EACH item list\nTALK item\nNEXT",
        "FOR EACH item IN list\nTALK item\nNEXT",
        expect![[r##""##]],
    );
}

#[test]
fn for_each_without_each() {
    check(
        "FOR item IN [1, 2]\nTALK item\nNEXT",
        "FOR EACH item IN [1, 2]\nTALK item\nNEXT",
        expect![[r##""##]],
    );
}

#[test]
fn for_without_to() {
    check(
        "FOR i = 1, 10\nTALK i\nNEXT",
        "FOR i = 1 TO 10\nTALK i\nNEXT",
        expect![[r##""##]],
    );
}

#[test]
fn for_without_a_start() {
    check(
        "FOR i TO 10\nTALK i\nNEXT",
        "FOR i = 1 TO 10\nTALK i\nNEXT",
        expect![[r##""##]],
    );
}

#[test]
fn no_wend() {
    check(
        "WHILE x < 3\nx = x + 1",
        "WHILE x < 3\nx = x + 1\nWEND",
        expect![[r##""##]],
    );
}

#[test]
fn no_loop() {
    check(
        "DO WHILE x < 3\nx = x + 1\nWEND",
        "DO WHILE x < 3\nx = x + 1\nLOOP",
        expect![[r##""##]],
    );
}

#[test]
fn no_end_select() {
    check(
        "SELECT CASE x\nCASE 1\nTALK 1",
        "SELECT CASE x\nCASE 1\nTALK 1\nEND SELECT",
        expect![[r##""##]],
    );
}

#[test]
fn case_without_select() {
    check(
        "CASE 1\nTALK 1",
        "SELECT CASE x\nCASE 1\nTALK 1\nEND SELECT",
        expect![[r##""##]],
    );
}

#[test]
fn exit_outside() {
    check("TALK 1\nEXIT FOR", "TALK 1\nEXIT", expect![[r##""##]]);
}

#[test]
fn a_missing_quote() {
    check("TALK \"hello", "TALK \"hello\"", expect![[r##""##]]);
}

#[test]
fn a_missing_quote_in_the_middle() {
    check("x = LEFT(\"abc, 2)", "x = LEFT(\"abc\", 2)", expect![[r##""##]]);
}

#[test]
fn smart_quotes() {
    check("TALK “hello”", "TALK \"hello\"", expect![[r##""##]]);
}

#[test]
fn a_missing_bracket() {
    check("x = LEN(\"abc\"", "x = LEN(\"abc\")", expect![[r##""##]]);
}

#[test]
fn a_bracket_too_many() {
    check("x = LEN(\"abc\"))", "x = LEN(\"abc\")", expect![[r##""##]]);
}

#[test]
fn an_open_array() {
    check("x = [1, 2\nTALK x", "x = [1, 2]\nTALK x", expect![[r##""##]]);
}

#[test]
fn the_wrong_bracket() {
    check("x = [1, 2)", "x = [1, 2]", expect![[r##""##]]);
}

#[test]
fn a_double_equals_to_set() {
    check("x == 5", "x = 5", expect![[r##""##]]);
}

#[test]
fn a_colon_equals() {
    check("x := 5", "x = 5", expect![[r##""##]]);
}

#[test]
fn plus_equals() {
    check("x = 1\nx += 5", "x = 1\nx = x + 5", expect![[r##""##]]);
}

#[test]
fn plus_plus() {
    check("x = 1\nx++", "x = 1\nx = x + 1", expect![[r##""##]]);
}

#[test]
fn too_few_arguments() {
    check("x = LEFT(\"abc\")", "x = LEFT(\"abc\", 2)", expect![[r##""##]]);
}

#[test]
fn too_many_arguments() {
    check("x = LEN(\"a\", \"b\")", "x = LEN(\"a\")", expect![[r##""##]]);
}

#[test]
fn a_missing_comma() {
    check("x = LEFT(\"abc\" 2)", "x = LEFT(\"abc\", 2)", expect![[r##""##]]);
}

#[test]
fn a_missing_comma_in_an_object() {
    check("x = { a: 1 b: 2 }", "x = { a: 1, b: 2 }", expect![[r##""##]]);
}

#[test]
fn a_field_without_colon() {
    check("x = { a 1 }", "x = { a: 1 }", expect![[r##""##]]);
}

#[test]
fn an_unknown_type() {
    check("HEAR x AS EMIAL", "HEAR x AS EMAIL", expect![[r##""##]]);
}

#[test]
fn a_type_that_is_none() {
    check("HEAR x AS ADDRESS", "HEAR x AS TEXT", expect![[r##""##]]);
}

#[test]
fn hear_with_a_question_only() {
    check(
        "HEAR \"your name?\"",
        "HEAR name WITH \"your name?\"",
        expect![[r##""##]],
    );
}

#[test]
fn setting_a_function() {
    check("LEN(\"a\") = 5", "length = 5", expect![[r##""##]]);
}

#[test]
fn setting_an_item_in_parentheses() {
    check("items(0) = 5", "items[0] = 5", expect![[r##""##]]);
}

#[test]
fn setting_a_reserved_word() {
    check("next = 5", "following = 5", expect![[r##""##]]);
}

#[test]
fn setting_a_constant() {
    check("TRUE = 5", "truth = 5", expect![[r##""##]]);
}

#[test]
fn talk_without_text() {
    check("TALK", "TALK \"hi\"", expect![[r##""##]]);
}

#[test]
fn text_without_quotes() {
    check("TALK Hello there", "TALK \"Hello there\"", expect![[r##""##]]);
}

#[test]
fn a_text_block_without_end() {
    check(
        "BEGIN TALK\nhello",
        "BEGIN TALK\nhello\nEND TALK",
        expect![[r##""##]],
    );
}

#[test]
fn begin_without_what() {
    check(
        "BEGIN\nTALK \"a\"\nEND",
        "BEGIN TALK\na\nEND TALK",
        expect![[r##""##]],
    );
}

#[test]
fn a_comment_of_another_language() {
    check("// hi\n# hello", "// hi\n' hello", expect![[r##""##]]);
}

#[test]
fn a_brace() {
    check(
        "IF x THEN {\nTALK 1\n}",
        "IF x THEN\nTALK 1\nEND IF",
        expect![[r##""##]],
    );
}

#[test]
fn a_lonely_value() {
    check("\"hello\"", "TALK \"hello\"", expect![[r##""##]]);
}

#[test]
fn a_statement_as_a_value() {
    check("x = TALK \"hi\"", "TALK \"hi\"", expect![[r##""##]]);
}

#[test]
fn and_without_a_right_side() {
    check(
        "IF x AND THEN\nTALK 1\nEND IF",
        "IF x AND y THEN\nTALK 1\nEND IF",
        expect![[r##""##]],
    );
}

#[test]
fn is_without_null() {
    check(
        "IF x IS EMPTY THEN\nTALK 1\nEND IF",
        "IF x IS NULL THEN\nTALK 1\nEND IF",
        expect![[r##""##]],
    );
}

#[test]
fn a_number_with_a_comma() {
    check("x = 1,5", "x = 1.5", expect![[r##""##]]);
}

#[test]
fn a_name_with_a_hyphen() {
    check("my-name = \"a\"", "my_name = \"a\"", expect![[r##""##]]);
}

#[test]
fn a_name_with_a_space() {
    check("my name = \"a\"", "my_name = \"a\"", expect![[r##""##]]);
}

#[test]
fn a_name_that_begins_with_a_digit() {
    check("2nd = \"a\"", "second = \"a\"", expect![[r##""##]]);
}

#[test]
fn return_with_without_as() {
    check("RETURN WITH a 1", "RETURN WITH a AS 1", expect![[r##""##]]);
}

#[test]
fn an_open_place_in_a_text() {
    check("TALK \"${1 + }\"", "TALK \"${1 + 1}\"", expect![[r##""##]]);
}

#[test]
fn ask_without_a_question() {
    check("x = ASK", "x = ASK \"Who?\"", expect![[r##""##]]);
}

#[test]
fn set_without_a_value() {
    check("SET x", "SET x = 1", expect![[r##""##]]);
}

#[test]
fn a_question_mark() {
    check("? \"hi\"", "TALK \"hi\"", expect![[r##""##]]);
}
