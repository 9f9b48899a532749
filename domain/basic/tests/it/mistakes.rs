//! Mistakes that authors make: what they are told, and that doing as they are told mends the script.

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
    check(
        "TAKL \"hi\"",
        "TALK \"hi\"",
        expect![[r#"
        error[B0101]: `TAKL` is not a statement
         --> test.bas:1:1
          |
        1 | TAKL "hi"
          | ^^^^
          = help: did you mean TALK?
    "#]],
    );
}

#[test]
fn a_misspelt_phrase() {
    check(
        "ADD SUGESTION \"a\" AS \"b\"",
        "ADD SUGGESTION \"a\" AS \"b\"",
        expect![[r#"
            error[B0101]: `ADD` is not a statement
             --> test.bas:1:1
              |
            1 | ADD SUGESTION "a" AS "b"
              | ^^^
              = help: did you mean ADD SUGGESTION?
        "#]],
    );
}

#[test]
fn clear_without_s() {
    check(
        "CLEAR SUGGESTION",
        "CLEAR SUGGESTIONS",
        expect![[r#"
        error[B0101]: `CLEAR` is not a statement
         --> test.bas:1:1
          |
        1 | CLEAR SUGGESTION
          | ^^^^^
          = help: did you mean CLEAR SUGGESTIONS?
    "#]],
    );
}

#[test]
fn a_word_of_another_dialect() {
    check(
        "ECHO \"hi\"",
        "TALK \"hi\"",
        expect![[r#"
        error[B0101]: `ECHO` is not a statement
         --> test.bas:1:1
          |
        1 | ECHO "hi"
          | ^^^^
          = help: did you mean TALK?
    "#]],
    );
}

#[test]
fn say_for_talk() {
    check(
        "SAY \"hi\"",
        "TALK \"hi\"",
        expect![[r#"
        error[B0101]: `SAY` is not a statement
         --> test.bas:1:1
          |
        1 | SAY "hi"
          | ^^^
          = help: did you mean TALK?
    "#]],
    );
}

#[test]
fn input_for_hear() {
    check(
        "INPUT name",
        "HEAR name",
        expect![[r#"
        error[B0101]: `INPUT` is not a statement
         --> test.bas:1:1
          |
        1 | INPUT name
          | ^^^^^
          = help: did you mean HEAR?
    "#]],
    );
}

#[test]
fn a_misspelt_function() {
    check(
        "x = LEM(\"abc\")",
        "x = LEN(\"abc\")",
        expect![[r#"
        error[B0301]: there is no function `LEM`
         --> test.bas:1:5
          |
        1 | x = LEM("abc")
          |     ^^^
          = help: did you mean LEN?
    "#]],
    );
}

#[test]
fn a_function_of_another_language() {
    check(
        "x = STRLEN(\"abc\")",
        "x = LEN(\"abc\")",
        expect![[r#"
        error[B0301]: there is no function `STRLEN`
         --> test.bas:1:5
          |
        1 | x = STRLEN("abc")
          |     ^^^^^^
          = help: did you mean LEN?
    "#]],
    );
}

#[test]
fn a_misspelt_variable() {
    check(
        "total = 5\nTALK totl",
        "total = 5\nTALK total",
        expect![[r#"
            warning[B0401]: `totl` is never set, so it is empty
             --> test.bas:2:6
              |
            2 | TALK totl
              |      ^^^^
              = help: did you mean `total`?
        "#]],
    );
}

#[test]
fn if_without_condition() {
    check(
        "IF THEN\nTALK \"a\"\nEND IF",
        "IF TRUE THEN\nTALK \"a\"\nEND IF",
        expect![[r#"
            error[B0102]: expected a value, found `THEN`
             --> test.bas:1:4
              |
            1 | IF THEN
              |    ^^^^
              = help: write a number, a "text", a variable or a call here
            error[B0202]: END IF without a block that it could close
             --> test.bas:3:1
              |
            3 | END IF
              | ^^^^^^
              = help: take it out, or begin the block before it: IF … THEN, FOR …, WHILE …, DO … or SELECT CASE …
        "#]],
    );
}

#[test]
fn then_is_misspelt() {
    check(
        "IF x = 1 THAN\nTALK \"a\"\nEND IF",
        "IF x = 1 THEN\nTALK \"a\"\nEND IF",
        expect![[r#"
            warning[B0401]: `x` is never set, so it is empty
             --> test.bas:1:4
              |
            1 | IF x = 1 THAN
              |    ^
              = help: set it first, or give it to the script as param-x in config.csv
            error[B0102]: expected THEN, found `THAN`
             --> test.bas:1:10
              |
            1 | IF x = 1 THAN
              |          ^^^^
              = help: write THEN after the condition: IF age > 17 THEN
            error[B0202]: END IF without a block that it could close
             --> test.bas:3:1
              |
            3 | END IF
              | ^^^^^^
              = help: take it out, or begin the block before it: IF … THEN, FOR …, WHILE …, DO … or SELECT CASE …
        "#]],
    );
}

#[test]
fn a_one_line_if_without_then() {
    check(
        "IF x = 1 TALK \"a\"",
        "IF x = 1 THEN TALK \"a\"",
        expect![[r#"
            warning[B0401]: `x` is never set, so it is empty
             --> test.bas:1:4
              |
            1 | IF x = 1 TALK "a"
              |    ^
              = help: set it first, or give it to the script as param-x in config.csv
            error[B0102]: expected THEN, found `TALK`
             --> test.bas:1:10
              |
            1 | IF x = 1 TALK "a"
              |          ^^^^
              = help: write THEN after the condition: IF age > 17 THEN
        "#]],
    );
}

#[test]
fn no_end_if() {
    check(
        "IF x = 1 THEN\nTALK \"a\"",
        "IF x = 1 THEN\nTALK \"a\"\nEND IF",
        expect![[r#"
            error[B0201]: this IF has no END IF
             --> test.bas:1:1
              |
            1 | IF x = 1 THEN
              | ^^
              = help: add END IF where the block that begins on line 1 ends
            warning[B0401]: `x` is never set, so it is empty
             --> test.bas:1:4
              |
            1 | IF x = 1 THEN
              |    ^
              = help: set it first, or give it to the script as param-x in config.csv
        "#]],
    );
}

#[test]
fn end_if_alone() {
    check(
        "TALK \"a\"\nEND IF",
        "TALK \"a\"",
        expect![[r#"
        error[B0202]: END IF without a block that it could close
         --> test.bas:2:1
          |
        2 | END IF
          | ^^^^^^
          = help: take it out, or begin the block before it: IF … THEN, FOR …, WHILE …, DO … or SELECT CASE …
    "#]],
    );
}

#[test]
fn no_next() {
    check(
        "FOR i = 1 TO 3\nTALK i",
        "FOR i = 1 TO 3\nTALK i\nNEXT",
        expect![[r#"
            error[B0201]: this FOR has no NEXT
             --> test.bas:1:1
              |
            1 | FOR i = 1 TO 3
              | ^^^
              = help: add NEXT where the block that begins on line 1 ends
        "#]],
    );
}

#[test]
fn the_wrong_closer() {
    check(
        "FOR i = 1 TO 3\nTALK i\nEND IF",
        "FOR i = 1 TO 3\nTALK i\nNEXT",
        expect![[r#"
            error[B0202]: END IF does not close the FOR of line 1
             --> test.bas:3:1
              |
            3 | END IF
              | ^^^^^^
              = help: write NEXT
        "#]],
    );
}

#[test]
fn wend_for_next() {
    check(
        "FOR EACH i IN [1]\nTALK i\nWEND",
        "FOR EACH i IN [1]\nTALK i\nNEXT",
        expect![[r#"
            error[B0202]: WEND does not close the FOR of line 1
             --> test.bas:3:1
              |
            3 | WEND
              | ^^^^
              = help: write NEXT
        "#]],
    );
}

#[test]
fn next_of_another_variable() {
    check(
        "FOR i = 1 TO 2\nFOR j = 1 TO 2\nTALK i\nNEXT i\nNEXT j",
        "FOR i = 1 TO 2\nFOR j = 1 TO 2\nTALK i\nNEXT j\nNEXT i",
        expect![[r#"
            error[B0204]: `i` is not the variable of the innermost loop, which begins on line 2
             --> test.bas:4:6
              |
            4 | NEXT i
              |      ^
              = help: write NEXT without a name, or close the inner loop first
            error[B0204]: `j` is not the variable of the innermost loop, which begins on line 1
             --> test.bas:5:6
              |
            5 | NEXT j
              |      ^
              = help: write NEXT without a name, or close the inner loop first
        "#]],
    );
}

#[test]
fn else_if_misspelt() {
    check(
        "IF x THEN\nTALK 1\nELSIF y THEN\nTALK 2\nEND IF",
        "IF x THEN\nTALK 1\nELSE IF y THEN\nTALK 2\nEND IF",
        expect![[r#"
            warning[B0401]: `x` is never set, so it is empty
             --> test.bas:1:4
              |
            1 | IF x THEN
              |    ^
              = help: set it first, or give it to the script as param-x in config.csv
            error[B0101]: `ELSIF` is not a statement
             --> test.bas:3:1
              |
            3 | ELSIF y THEN
              | ^^^^^
              = help: did you mean ELSE IF?
        "#]],
    );
}

#[test]
fn elif() {
    check(
        "IF x THEN\nTALK 1\nELIF y THEN\nTALK 2\nEND IF",
        "IF x THEN\nTALK 1\nELSE IF y THEN\nTALK 2\nEND IF",
        expect![[r#"
            warning[B0401]: `x` is never set, so it is empty
             --> test.bas:1:4
              |
            1 | IF x THEN
              |    ^
              = help: set it first, or give it to the script as param-x in config.csv
            error[B0101]: `ELIF` is not a statement
             --> test.bas:3:1
              |
            3 | ELIF y THEN
              | ^^^^
              = help: did you mean ELSE IF?
        "#]],
    );
}

#[test]
fn else_after_else() {
    check(
        "IF x THEN\nTALK 1\nELSE\nTALK 2\nELSE\nTALK 3\nEND IF",
        "IF x THEN\nTALK 1\nELSE\nTALK 3\nEND IF",
        expect![[r#"
            warning[B0401]: `x` is never set, so it is empty
             --> test.bas:1:4
              |
            1 | IF x THEN
              |    ^
              = help: set it first, or give it to the script as param-x in config.csv
            error[B0205]: this IF already has its ELSE
             --> test.bas:5:1
              |
            5 | ELSE
              | ^^^^
              = help: ELSE comes last and once: write ELSE IF condition THEN before it
        "#]],
    );
}

#[test]
fn for_each_without_in() {
    check(
        "FOR EACH item list\nTALK item\nNEXT",
        "FOR EACH item IN list\nTALK item\nNEXT",
        expect![[r#"
            error[B0102]: expected IN, found `list`
             --> test.bas:1:15
              |
            1 | FOR EACH item list
              |               ^^^^
              = help: write FOR EACH item IN list
        "#]],
    );
}

#[test]
fn for_each_without_each() {
    check(
        "FOR item OF [1, 2]\nTALK item\nNEXT",
        "FOR EACH item IN [1, 2]\nTALK item\nNEXT",
        expect![[r#"
            error[B0102]: expected `=`, found `OF`
             --> test.bas:1:10
              |
            1 | FOR item OF [1, 2]
              |          ^^
              = help: write name = value; loops are FOR i = 1 TO 10 and FOR EACH item IN list
        "#]],
    );
}

#[test]
fn for_without_to() {
    check(
        "FOR i = 1, 10\nTALK i\nNEXT",
        "FOR i = 1 TO 10\nTALK i\nNEXT",
        expect![[r#"
            error[B0102]: expected TO, found `,`
             --> test.bas:1:10
              |
            1 | FOR i = 1, 10
              |          ^
              = help: write FOR i = 1 TO 10
        "#]],
    );
}

#[test]
fn for_without_a_start() {
    check(
        "FOR i TO 10\nTALK i\nNEXT",
        "FOR i = 1 TO 10\nTALK i\nNEXT",
        expect![[r#"
            error[B0102]: expected `=`, found `TO`
             --> test.bas:1:7
              |
            1 | FOR i TO 10
              |       ^^
              = help: write name = value; loops are FOR i = 1 TO 10 and FOR EACH item IN list
        "#]],
    );
}

#[test]
fn no_wend() {
    check(
        "WHILE x < 3\nx = x + 1",
        "WHILE x < 3\nx = x + 1\nWEND",
        expect![[r#"
            error[B0201]: this WHILE has no WEND
             --> test.bas:1:1
              |
            1 | WHILE x < 3
              | ^^^^^
              = help: add WEND where the block that begins on line 1 ends
        "#]],
    );
}

#[test]
fn no_loop() {
    check(
        "DO WHILE x < 3\nx = x + 1\nWEND",
        "DO WHILE x < 3\nx = x + 1\nLOOP",
        expect![[r#"
            error[B0202]: WEND does not close the DO of line 1
             --> test.bas:3:1
              |
            3 | WEND
              | ^^^^
              = help: write LOOP
        "#]],
    );
}

#[test]
fn no_end_select() {
    check(
        "SELECT CASE x\nCASE 1\nTALK 1",
        "SELECT CASE x\nCASE 1\nTALK 1\nEND SELECT",
        expect![[r#"
            error[B0201]: this SELECT CASE has no END SELECT
             --> test.bas:1:1
              |
            1 | SELECT CASE x
              | ^^^^^^^^^^^
              = help: add END SELECT where the block that begins on line 1 ends
            warning[B0401]: `x` is never set, so it is empty
             --> test.bas:1:13
              |
            1 | SELECT CASE x
              |             ^
              = help: set it first, or give it to the script as param-x in config.csv
        "#]],
    );
}

#[test]
fn case_without_select() {
    check(
        "CASE 1\nTALK 1",
        "SELECT CASE x\nCASE 1\nTALK 1\nEND SELECT",
        expect![[r#"
            error[B0202]: CASE without a block that it could close
             --> test.bas:1:1
              |
            1 | CASE 1
              | ^^^^
              = help: take it out, or begin the block before it: IF … THEN, FOR …, WHILE …, DO … or SELECT CASE …
        "#]],
    );
}

#[test]
fn exit_outside() {
    check(
        "TALK 1\nEXIT FOR",
        "TALK 1\nEXIT",
        expect![[r#"
        error[B0203]: EXIT FOR stands outside of a FOR loop
         --> test.bas:2:1
          |
        2 | EXIT FOR
          | ^^^^^^^^
          = help: take it out, or write EXIT to end the script
    "#]],
    );
}

#[test]
fn a_missing_quote() {
    check(
        "TALK \"hello",
        "TALK \"hello\"",
        expect![[r#"
        error[B0002]: this text has no closing quote
         --> test.bas:1:6
          |
        1 | TALK "hello
          |      ^^^^^^
          = help: put " at its end; for several lines use BEGIN TALK … END TALK or \n
    "#]],
    );
}

#[test]
fn a_missing_quote_in_the_middle() {
    check(
        "x = LEFT(\"abc, 2)",
        "x = LEFT(\"abc\", 2)",
        expect![[r#"
        error[B0005]: `(` is never closed
         --> test.bas:1:9
          |
        1 | x = LEFT("abc, 2)
          |         ^
          = help: add the bracket that closes it: ( with ), [ with ], { with }
        error[B0002]: this text has no closing quote
         --> test.bas:1:10
          |
        1 | x = LEFT("abc, 2)
          |          ^^^^^^^^
          = help: put " at its end; for several lines use BEGIN TALK … END TALK or \n
    "#]],
    );
}

#[test]
fn a_missing_bracket() {
    check(
        "x = LEN(\"abc\"",
        "x = LEN(\"abc\")",
        expect![[r#"
        error[B0005]: `(` is never closed
         --> test.bas:1:8
          |
        1 | x = LEN("abc"
          |        ^
          = help: add the bracket that closes it: ( with ), [ with ], { with }
    "#]],
    );
}

#[test]
fn a_bracket_too_many() {
    check(
        "x = LEN(\"abc\"))",
        "x = LEN(\"abc\")",
        expect![[r#"
        error[B0007]: `)` closes nothing
         --> test.bas:1:15
          |
        1 | x = LEN("abc"))
          |               ^
          = help: take it out, or add the bracket that opens before it
    "#]],
    );
}

#[test]
fn an_open_array() {
    check(
        "x = [1, 2\nTALK x",
        "x = [1, 2]\nTALK x",
        expect![[r#"
        error[B0005]: `[` is never closed
         --> test.bas:1:5
          |
        1 | x = [1, 2
          |     ^
          = help: add the bracket that closes it: ( with ), [ with ], { with }
    "#]],
    );
}

#[test]
fn the_wrong_bracket() {
    check(
        "x = [1, 2)",
        "x = [1, 2]",
        expect![[r#"
        error[B0005]: `[` is never closed
         --> test.bas:1:5
          |
        1 | x = [1, 2)
          |     ^
          = help: add the bracket that closes it: ( with ), [ with ], { with }
        error[B0007]: `)` closes nothing
         --> test.bas:1:10
          |
        1 | x = [1, 2)
          |          ^
          = help: take it out, or add the bracket that opens before it
    "#]],
    );
}

#[test]
fn a_double_equals_to_set() {
    check(
        "x == 5",
        "x = 5",
        expect![[r#"
        error[B0101]: `x` is not a statement
         --> test.bas:1:1
          |
        1 | x == 5
          | ^
          = help: one = sets a variable: x = value
    "#]],
    );
}

#[test]
fn a_colon_equals() {
    check(
        "x := 5",
        "x = 5",
        expect![[r#"
        error[B0101]: `x` is not a statement
         --> test.bas:1:1
          |
        1 | x := 5
          | ^
          = help: = alone sets a variable: x = value
        error[B0101]: no statement begins with `=`
         --> test.bas:1:4
          |
        1 | x := 5
          |    ^
          = help: a statement begins with a keyword such as TALK, or sets a variable: name = value
    "#]],
    );
}

#[test]
fn too_few_arguments() {
    check(
        "x = LEFT(\"abc\")",
        "x = LEFT(\"abc\", 2)",
        expect![[r#"
        error[B0302]: LEFT takes 2 arguments, not 1
         --> test.bas:1:5
          |
        1 | x = LEFT("abc")
          |     ^^^^
          = help: LEFT(text, count): The first characters.
    "#]],
    );
}

#[test]
fn too_many_arguments() {
    check(
        "x = LEN(\"a\", \"b\")",
        "x = LEN(\"a\")",
        expect![[r#"
        error[B0302]: LEN takes 1 argument, not 2
         --> test.bas:1:5
          |
        1 | x = LEN("a", "b")
          |     ^^^
          = help: LEN(text): Characters of a text, items of an array.
    "#]],
    );
}

#[test]
fn a_missing_comma() {
    check(
        "x = LEFT(\"abc\" 2)",
        "x = LEFT(\"abc\", 2)",
        expect![[r#"
        error[B0102]: expected `,` or `)`, found `2`
         --> test.bas:1:16
          |
        1 | x = LEFT("abc" 2)
          |                ^
          = help: put a comma between arguments and ) after the last
    "#]],
    );
}

#[test]
fn a_missing_comma_in_an_object() {
    check(
        "x = { a: 1 b: 2 }",
        "x = { a: 1, b: 2 }",
        expect![[r#"
        error[B0102]: expected `,` or `}`, found `b`
         --> test.bas:1:12
          |
        1 | x = { a: 1 b: 2 }
          |            ^
          = help: put a comma between fields and } after the last
        error[B0101]: no statement begins with `2`
         --> test.bas:1:15
          |
        1 | x = { a: 1 b: 2 }
          |               ^
          = help: a statement begins with a keyword such as TALK, or sets a variable: name = value
    "#]],
    );
}

#[test]
fn a_field_without_colon() {
    check(
        "x = { a 1 }",
        "x = { a: 1 }",
        expect![[r#"
        error[B0102]: expected `:` after the name of the field, found `1`
         --> test.bas:1:9
          |
        1 | x = { a 1 }
          |         ^
          = help: write { name: value }
    "#]],
    );
}

#[test]
fn an_unknown_type() {
    check(
        "HEAR x AS EMIAL",
        "HEAR x AS EMAIL",
        expect![[r#"
        error[B0304]: `EMIAL` is not a type of answer
         --> test.bas:1:11
          |
        1 | HEAR x AS EMIAL
          |           ^^^^^
          = help: did you mean EMAIL?
    "#]],
    );
}

#[test]
fn a_type_that_is_none() {
    check(
        "HEAR x AS ADDRESS",
        "HEAR x AS TEXT",
        expect![[r#"
        error[B0304]: `ADDRESS` is not a type of answer
         --> test.bas:1:11
          |
        1 | HEAR x AS ADDRESS
          |           ^^^^^^^
          = help: types are TEXT, NAME, INTEGER, DECIMAL, MONEY, BOOLEAN, EMAIL, PHONE, DATE, TIME, URL, FILE, IMAGE, AUDIO, VIDEO, DOCUMENT and others; the options of a menu stand in quotes: HEAR color AS "red", "blue"
    "#]],
    );
}

#[test]
fn hear_with_a_question_only() {
    check(
        "HEAR \"your name?\"",
        "HEAR name WITH \"your name?\"",
        expect![[r#"
            error[B0102]: expected the name of a variable, found `"your name?"`
             --> test.bas:1:6
              |
            1 | HEAR "your name?"
              |      ^^^^^^^^^^^^
              = help: write a name of letters, digits and _ that is no word of the language: HEAR answer WITH "question"
        "#]],
    );
}

#[test]
fn setting_a_function() {
    check(
        "LEN(\"a\") = 5",
        "length = 5",
        expect![[r#"
        error[B0303]: LEN(…) is a call and cannot be set; items of arrays stand in [ ]
         --> test.bas:1:1
          |
        1 | LEN("a") = 5
          | ^^^
          = help: write name = value, or list[0] = value for an item of a list
    "#]],
    );
}

#[test]
fn setting_an_item_in_parentheses() {
    check(
        "items(0) = 5",
        "items[0] = 5",
        expect![[r#"
            error[B0301]: there is no function `items`
             --> test.bas:1:1
              |
            1 | items(0) = 5
              | ^^^^^
              = help: is it misspelt? LEN(text) and ROUND(number, 2) are functions; items of a list stand in [ ]
        "#]],
    );
}

#[test]
fn setting_a_reserved_word() {
    check(
        "next = 5",
        "following = 5",
        expect![[r#"
        error[B0306]: NEXT is a word of the language and cannot be a variable
         --> test.bas:1:1
          |
        1 | next = 5
          | ^^^^
          = help: choose another name, for example with a word before it: my_name
    "#]],
    );
}

#[test]
fn setting_a_constant() {
    check(
        "TRUE = 5",
        "truth = 5",
        expect![[r#"
        error[B0306]: TRUE is a word of the language and cannot be a variable
         --> test.bas:1:1
          |
        1 | TRUE = 5
          | ^^^^
          = help: choose another name, for example with a word before it: my_name
    "#]],
    );
}

#[test]
fn talk_without_text() {
    check(
        "TALK",
        "TALK \"hi\"",
        expect![[r#"
        error[B0302]: TALK takes 1 argument, not 0
         --> test.bas:1:1
          |
        1 | TALK
          | ^^^^
          = help: TALK value: Says something to the user.
    "#]],
    );
}

#[test]
fn text_without_quotes() {
    check(
        "TALK Hello there",
        "TALK \"Hello there\"",
        expect![[r#"
        warning[B0401]: `Hello` is never set, so it is empty
         --> test.bas:1:6
          |
        1 | TALK Hello there
          |      ^^^^^
          = help: set it first, or give it to the script as param-hello in config.csv
        error[B0103]: `there` does not belong to this statement
         --> test.bas:1:12
          |
        1 | TALK Hello there
          |            ^^^^^
          = help: texts stand in quotes, values are separated by commas, and each statement has its own line
    "#]],
    );
}

#[test]
fn a_text_block_without_end() {
    check(
        "BEGIN TALK\nhello",
        "BEGIN TALK\nhello\nEND TALK",
        expect![[r#"
            error[B0006]: there is no END TALK for this
             --> test.bas:1:1
              |
            1 | BEGIN TALK
              | ^^^^^^^^^^
              = help: add a line END TALK
        "#]],
    );
}

#[test]
fn begin_without_what() {
    check(
        "BEGIN\nTALK \"a\"\nEND",
        "BEGIN TALK\na\nEND TALK",
        expect![[r#"
            error[B0101]: `BEGIN` is not a statement
             --> test.bas:1:1
              |
            1 | BEGIN
              | ^^^^^
              = help: did you mean BEGIN TALK?
        "#]],
    );
}

#[test]
fn a_comment_of_another_language() {
    check(
        "// hi\n#hello",
        "// hi\n' hello",
        expect![[r#"
            error[B0003]: a line cannot begin with #
             --> test.bas:2:1
              |
            2 | #hello
              | ^^^^^^
              = help: comments begin with ' or REM
        "#]],
    );
}

#[test]
fn a_brace() {
    check(
        "IF x THEN {\nTALK 1\n}",
        "IF x THEN\nTALK 1\nEND IF",
        expect![[r#"
            error[B0003]: blocks are not written in braces
             --> test.bas:1:11
              |
            1 | IF x THEN {
              |           ^
              = help: write IF condition THEN … ELSE IF condition THEN … ELSE … END IF
        "#]],
    );
}

#[test]
fn a_lonely_value() {
    check(
        "\"hello\"",
        "TALK \"hello\"",
        expect![[r#"
        error[B0101]: no statement begins with `"hello"`
         --> test.bas:1:1
          |
        1 | "hello"
          | ^^^^^^^
          = help: a statement begins with a keyword such as TALK, or sets a variable: name = value
    "#]],
    );
}

#[test]
fn a_statement_as_a_value() {
    check(
        "x = TALK \"hi\"",
        "TALK \"hi\"",
        expect![[r#"
            error[B0101]: TALK is a statement and gives no value
             --> test.bas:1:5
              |
            1 | x = TALK "hi"
              |     ^^^^
              = help: write it on a line of its own: TALK value
        "#]],
    );
}

#[test]
fn and_without_a_right_side() {
    check(
        "IF x AND THEN\nTALK 1\nEND IF",
        "IF x AND y THEN\nTALK 1\nEND IF",
        expect![[r#"
            error[B0102]: expected a value, found `THEN`
             --> test.bas:1:10
              |
            1 | IF x AND THEN
              |          ^^^^
              = help: write a number, a "text", a variable or a call here
            error[B0202]: END IF without a block that it could close
             --> test.bas:3:1
              |
            3 | END IF
              | ^^^^^^
              = help: take it out, or begin the block before it: IF … THEN, FOR …, WHILE …, DO … or SELECT CASE …
        "#]],
    );
}

#[test]
fn is_without_null() {
    check(
        "IF x IS BLANK THEN\nTALK 1\nEND IF",
        "IF x IS NULL THEN\nTALK 1\nEND IF",
        expect![[r#"
            error[B0102]: expected NULL after IS, found `BLANK`
             --> test.bas:1:9
              |
            1 | IF x IS BLANK THEN
              |         ^^^^^
              = help: write IS NULL or IS NOT NULL; ISEMPTY(value) asks whether there is nothing in it
            error[B0202]: END IF without a block that it could close
             --> test.bas:3:1
              |
            3 | END IF
              | ^^^^^^
              = help: take it out, or begin the block before it: IF … THEN, FOR …, WHILE …, DO … or SELECT CASE …
        "#]],
    );
}

#[test]
fn a_number_with_a_comma() {
    check(
        "x = 1,5",
        "x = 1.5",
        expect![[r#"
        error[B0103]: `,` does not belong to this statement
         --> test.bas:1:6
          |
        1 | x = 1,5
          |      ^
          = help: texts stand in quotes, values are separated by commas, and each statement has its own line
    "#]],
    );
}

#[test]
fn a_name_with_a_hyphen() {
    check(
        "my-name = \"a\"",
        "my_name = \"a\"",
        expect![[r#"
        error[B0101]: `my` is not a statement
         --> test.bas:1:1
          |
        1 | my-name = "a"
          | ^^
          = help: names are joined by _: my_name = value
    "#]],
    );
}

#[test]
fn a_name_with_a_space() {
    check(
        "my name = \"a\"",
        "my_name = \"a\"",
        expect![[r#"
        error[B0101]: `my` is not a statement
         --> test.bas:1:1
          |
        1 | my name = "a"
          | ^^
          = help: a name is one word: my_name = value
    "#]],
    );
}

#[test]
fn a_name_that_begins_with_a_digit() {
    check(
        "2nd = \"a\"",
        "second = \"a\"",
        expect![[r#"
        error[B0101]: no statement begins with `2`
         --> test.bas:1:1
          |
        1 | 2nd = "a"
          | ^
          = help: a statement begins with a keyword such as TALK, or sets a variable: name = value
    "#]],
    );
}

#[test]
fn return_with_without_as() {
    check(
        "RETURN WITH a 1",
        "RETURN WITH a AS 1",
        expect![[r#"
        error[B0102]: expected AS after the name of the field, found `1`
         --> test.bas:1:15
          |
        1 | RETURN WITH a 1
          |               ^
          = help: write RETURN WITH name AS value
    "#]],
    );
}

#[test]
fn an_open_place_in_a_text() {
    check(
        "TALK \"${1 + }\"",
        "TALK \"${1 + 1}\"",
        expect![[r#"
        error[B0102]: expected a value, found the end of the line
         --> test.bas:1:13
          |
        1 | TALK "${1 + }"
          |             ^
          = help: write a number, a "text", a variable or a call here
    "#]],
    );
}

#[test]
fn ask_without_a_question() {
    check(
        "x = ASK",
        "x = ASK \"Who?\"",
        expect![[r#"
        error[B0102]: ASK needs the question
         --> test.bas:1:1
          |
        1 | x = ASK
          | ^
          = help: write name = ASK "What is your name?"
    "#]],
    );
}

#[test]
fn set_without_a_value() {
    check(
        "SET x",
        "SET x = 1",
        expect![[r#"
        error[B0102]: expected `=`, found the end of the line
         --> test.bas:1:6
          |
        1 | SET x
          |      ^
          = help: write name = value; loops are FOR i = 1 TO 10 and FOR EACH item IN list
    "#]],
    );
}

#[test]
fn a_question_mark() {
    check(
        "? \"hi\"",
        "TALK \"hi\"",
        expect![[r#"
            error[B0003]: the character `?` has no meaning here
             --> test.bas:1:1
              |
            1 | ? "hi"
              | ^
              = help: write TALK "…"
        "#]],
    );
}

#[test]
fn a_parameter_without_as() {
    check(
        "PARAM name STRING\nTALK name",
        "PARAM name AS STRING\nTALK name",
        expect![[r#"
            error[B0102]: AS stands between the name of a parameter and its type
             --> test.bas:1:12
              |
            1 | PARAM name STRING
              |            ^^^^^^
              = help: write PARAM name AS STRING
        "#]],
    );
}

#[test]
fn a_misspelt_type_of_parameter() {
    check(
        "PARAM nights AS INTEGR\nTALK nights",
        "PARAM nights AS INTEGER\nTALK nights",
        expect![[r#"
            warning[B0409]: `INTEGR` is not a type of parameter, so it is a text
             --> test.bas:1:17
              |
            1 | PARAM nights AS INTEGR
              |                 ^^^^^^
              = help: did you mean INTEGER?
        "#]],
    );
}

#[test]
fn a_misspelt_clause() {
    check(
        "x = FIND \"t\" WERE id = 5",
        "x = FIND \"t\" WHERE id = 5",
        expect![[r#"
            error[B0103]: `WERE` does not belong to this statement
             --> test.bas:1:14
              |
            1 | x = FIND "t" WERE id = 5
              |              ^^^^
              = help: did you mean WHERE?
        "#]],
    );
}

#[test]
fn a_misspelt_clause_of_two_words() {
    check(
        "x = FIND \"t\" ORDR BY id",
        "x = FIND \"t\" ORDER BY id",
        expect![[r#"
            error[B0103]: `ORDR` does not belong to this statement
             --> test.bas:1:14
              |
            1 | x = FIND "t" ORDR BY id
              |              ^^^^
              = help: did you mean ORDER BY?
        "#]],
    );
}

#[test]
fn a_misspelt_end() {
    check(
        "SELECT CASE 1\nCASE 1\nTALK 1\nEND CASE",
        "SELECT CASE 1\nCASE 1\nTALK 1\nEND SELECT",
        expect![[r#"
            error[B0202]: END CASE does not close the SELECT CASE of line 1
             --> test.bas:4:1
              |
            4 | END CASE
              | ^^^^^^^^
              = help: write END SELECT
        "#]],
    );
}

#[test]
fn an_open_bracket_before_an_assignment() {
    check(
        "y = (1 + 2\nz = 3\nTALK y + z",
        "y = (1 + 2)\nz = 3\nTALK y + z",
        expect![[r#"
            error[B0005]: `(` is never closed
             --> test.bas:1:5
              |
            1 | y = (1 + 2
              |     ^
              = help: add the bracket that closes it: ( with ), [ with ], { with }
        "#]],
    );
}

#[test]
fn a_procedure_in_a_block_that_is_open() {
    check(
        "TRY\nTALK f(1)\nCATCH e\nTALK e\nFUNCTION f(x)\nRETURN x\nEND FUNCTION",
        "TRY\nTALK f(1)\nCATCH e\nTALK e\nEND TRY\nFUNCTION f(x)\nRETURN x\nEND FUNCTION",
        expect![[r#"
            error[B0201]: this TRY has no END TRY
             --> test.bas:1:1
              |
            1 | TRY
              | ^^^
              = help: add END TRY where the block that begins on line 1 ends
            error[B0206]: a procedure cannot stand inside of another block
             --> test.bas:5:1
              |
            5 | FUNCTION f(x)
              | ^^^^^^^^
        "#]],
    );
}

#[test]
fn a_misspelt_end_of_a_table() {
    check(
        "TABLE t\n id integer\nEND TBALE\nTALK \"x\"",
        "TABLE t\n id integer\nEND TABLE\nTALK \"x\"",
        expect![[r#"
            error[B0006]: there is no END TABLE for this
             --> test.bas:1:1
              |
            1 | TABLE t
              | ^^^^^
              = help: add a line END TABLE
        "#]],
    );
}

#[test]
fn portuguese() {
    check(
        "SE 1 = 1 THEN\n  TALK 1\nEND IF",
        "IF 1 = 1 THEN\n  TALK 1\nEND IF",
        expect![[r#"
            error[B0101]: `SE` is not a statement
             --> test.bas:1:1
              |
            1 | SE 1 = 1 THEN
              | ^^
              = help: did you mean IF?
            error[B0202]: END IF without a block that it could close
             --> test.bas:3:1
              |
            3 | END IF
              | ^^^^^^
              = help: take it out, or begin the block before it: IF … THEN, FOR …, WHILE …, DO … or SELECT CASE …
        "#]],
    );
}

#[test]
fn two_texts_side_by_side() {
    check(
        "TALK \"Total: \" 5",
        "TALK \"Total: \" + 5",
        expect![[r#"
            error[B0103]: `5` does not belong to this statement
             --> test.bas:1:16
              |
            1 | TALK "Total: " 5
              |                ^
              = help: texts are joined by +, and arguments are separated by commas
        "#]],
    );
}

#[test]
fn jumps_that_go_round_for_ever() {
    check(
        "again:\nTALK 1\nGOTO again",
        "again:\nTALK 1\nHEAR x\nIF x <> \"stop\" THEN GOTO again",
        expect![[r#"
            warning[B0406]: from here the script goes round for ever
             --> test.bas:3:6
              |
            3 | GOTO again
              |      ^^^^^
              = help: ask something with HEAR on the way, or leave with IF condition THEN GOTO
        "#]],
    );
}

#[test]
fn a_subroutine_of_line_numbers() {
    check(
        "10 GOSUB 30\n20 END\n30 TALK 1",
        "CALL Say\nEND\nSUB Say\nTALK 1\nEND SUB",
        expect![[r#"
            error[B0101]: `GOSUB` is not a statement
             --> test.bas:1:4
              |
            1 | 10 GOSUB 30
              |    ^^^^^
              = help: write SUB name … END SUB, and CALL name where it is to run
            warning[B0402]: this is never reached
             --> test.bas:3:4
              |
            3 | 30 TALK 1
              |    ^^^^^^
        "#]],
    );
}

#[test]
fn braces_around_a_procedure() {
    check(
        "function add(a, b) {\n  return a + b;\n}",
        "FUNCTION add(a, b)\n  RETURN a + b\nEND FUNCTION",
        expect![[r#"
            error[B0003]: blocks are not written in braces
             --> test.bas:1:20
              |
            1 | function add(a, b) {
              |                    ^
              = help: write FUNCTION name(a, b) … END FUNCTION, or SUB name(a, b) … END SUB
        "#]],
    );
}

#[test]
fn a_ternary() {
    check(
        "x = 1 > 2 ? 3 : 4",
        "x = IIF(1 > 2, 3, 4)",
        expect![[r#"
        error[B0003]: the character `?` has no meaning here
         --> test.bas:1:11
          |
        1 | x = 1 > 2 ? 3 : 4
          |           ^
          = help: write IIF(condition, value, otherwise)
    "#]],
    );
}

#[test]
fn a_library_of_javascript() {
    check(
        "x = Math.round(1.5)",
        "x = ROUND(1.5)",
        expect![[r#"
        error[B0301]: there is no function `round` of values
         --> test.bas:1:10
          |
        1 | x = Math.round(1.5)
          |          ^^^^^
          = help: write ROUND(value)
    "#]],
    );
}

#[test]
fn a_method_that_nothing_has() {
    check(
        "x = \"a\".toUpperCase()",
        "x = UCASE(\"a\")",
        expect![[r#"
        error[B0301]: there is no function `toUpperCase` of values
         --> test.bas:1:9
          |
        1 | x = "a".toUpperCase()
          |         ^^^^^^^^^^^
          = help: write UCASE("a")
    "#]],
    );
}

#[test]
fn a_value_alone() {
    check(
        "r = 1\nTALK \"is \"; r",
        "r = 1\nTALK \"is \" & r",
        expect![[r#"
        error[B0101]: `r` is not a statement
         --> test.bas:2:13
          |
        2 | TALK "is "; r
          |             ^
          = help: a value alone does nothing; write TALK r to say it
    "#]],
    );
}

#[test]
fn continue_without_a_loop() {
    check(
        "x = 1\nIF x = 1 THEN CONTINUE",
        "x = 1\nIF x = 1 THEN EXIT",
        expect![[r#"
            error[B0203]: CONTINUE stands outside of the loop that it means
             --> test.bas:2:15
              |
            2 | IF x = 1 THEN CONTINUE
              |               ^^^^^^^^
              = help: take it out, or write EXIT to end the script
        "#]],
    );
}
