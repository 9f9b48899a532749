//! Forms of other dialects and languages whose meaning is clear.

use expect_test::expect;

use crate::transcript::{check, check_values};

#[test]
fn variables_are_computed_anew() {
    check(
        r#"total = 1
total += 2 * 3
total -= 1
total *= 2
total /= 4
TALK total
text = "a"
text += "b"
text &= 1
TALK text
row.count = 1
row.count += 1
row.count++
row.list = [1, 2]
i = 0
row.list[i + 1] += 5
total++
total--
i++
TALK row
TALK i"#,
        &[],
        expect![[r#"
            3
            ab1
            {"count": 3, "list": [1, 7]}
            1
        "#]],
    );
}

#[test]
fn names_of_texts_may_end_with_a_dollar_sign() {
    check(
        r#"name$ = LEFT$("Robert", 3)
TALK "Hello " & name$
TALK name"#,
        &[],
        expect![[r#"
            Hello Rob
            Rob
        "#]],
    );
}

#[test]
fn lines_may_have_numbers() {
    check(
        r#"10 REM counts
20 n = 0
30 n = n + 1
40 IF n < 3 THEN 30
50 IF n > 3 THEN TALK "many" ELSE 70
60 TALK "never"
70 TALK n : GOTO 90
80 TALK "never"
90 END"#,
        &[],
        expect![[r#"
            3
        "#]],
    );
}

#[test]
fn remarks_of_other_languages() {
    check(
        r#"```basic
# A heading
## Another
-- as SQL has them
/* over
   lines */
TALK "a" /* between */
TALK 1 - -1
```"#,
        &[],
        expect![[r#"
            a
            2
        "#]],
    );
}

#[test]
fn texts_in_the_quotes_of_word_processors_and_templates() {
    check(
        r#"TALK “It’s Ana”
TALK ‘x’ + “y”
n = 2
TALK `n is ${n + 1}`"#,
        &[],
        expect![[r#"
            It’s Ana
            xy
            n is 3
        "#]],
    );
}

#[test]
fn values_are_declared_with_types() {
    check(
        r#"Option_ = 1
DIM a AS INTEGER = 2, b AS STRING
LET c AS NUMBER = 3
CONST RATE AS DOUBLE = 0.5
DIM items(3) AS STRING
items(1) = "x"
TALK a + c + RATE
TALK items(1) & items(0)
b = NOTHING
IF b IS NOTHING THEN TALK "nothing"
o = CREATE OBJECT
o.x = 1
TALK o"#,
        &[],
        expect![[r#"
            5.5
            x
            nothing
            {"x": 1}
        "#]],
    );
}

#[test]
fn procedures_of_older_dialects() {
    check(
        r#"Public Sub Greet(ByVal name As String, ByRef times As Integer)
  Talk "Hello " & name & " " & times
End Sub
Private Function Band(mark)
  Band = "low"
  If mark > 5 Then Band = "high"
End Function
Greet "Ana", 2
Call Greet("Bo", 3)
band = Band(7)
TALK band
TALK Band(1)"#,
        &[],
        expect![[r#"
            Hello Ana 2
            Hello Bo 3
            high
            low
        "#]],
    );
}

#[test]
fn functions_behind_their_values() {
    check(
        r#"list = ["b", "a"]
list.push("c")
TALK list.len() & " " & list
TALK " x ".trim().ucase()
row.tags = [1]
row.tags.push(2)
TALK row.tags.count()
IF list.contains("a") THEN TALK "yes""#,
        &[],
        expect![[r#"
            3 ["b", "a", "c"]
            X
            2
            yes
        "#]],
    );
}

#[test]
fn comparisons_of_other_languages() {
    check_values(
        &["1 === 1", "1 !== 2", "NULL IS EMPTY"],
        expect![[r#"
        1 === 1 -> true
        1 !== 2 -> true
        NULL IS EMPTY -> true
    "#]],
    );
}

#[test]
fn functions_of_several_words_need_no_parentheses() {
    check(
        r#"x = UNIX_TIMESTAMP
IF x > 0 THEN TALK "moment"
APPEND found, "a"
TALK found
TALK FORMAT found AS JSON"#,
        &[],
        expect![[r#"
            moment
            ["a"]
            ["a"]
        "#]],
    );
}

#[test]
fn a_variable_may_stand_in_brackets_behind_hear() {
    check(
        "HEAR(answer)\nTALK answer",
        &["x"],
        expect![[r#"
        > x
        x
    "#]],
    );
}

#[test]
fn files_of_a_list_are_their_names_where_a_text_is_wanted() {
    check(
        r#"file = {name: "a.csv", path: "in/a.csv", size: 3, date: "2026-01-31", type: "text/csv"}
folder = {name: "old", path: "in/old", type: "folder"}
TALK file
TALK "in/" + file + " " + folder
TALK file.size & " " & INSTR(file, ".csv") & " " & UCASE(file)
IF file = "a.csv" THEN TALK JSON(file)
TALK [folder]
TALK {name: "Ana", type: "x", path: "y"}"#,
        &[],
        expect![[r#"
            a.csv
            in/a.csv old
            3 2 A.CSV
            {"name": "a.csv", "path": "in/a.csv", "size": 3, "date": "2026-01-31", "type": "text/csv"}
            [{"name": "old", "path": "in/old", "type": "folder"}]
            {"name": "Ana", "type": "x", "path": "y"}
        "#]],
    );
}

#[test]
fn words_that_other_dialects_have_for_characters() {
    check(
        "TALK \"a\" & vbCrLf & \"b\" & vbTab & \"c\"",
        &[],
        expect![[r#"
        a
        b	c
    "#]],
    );
}

#[test]
fn rounds_of_loops_are_skipped() {
    check(
        r#"FOR i = 1 TO 5
  IF i = 2 THEN CONTINUE
  FOR EACH c IN ["a", "b", "c"]
    IF c = "b" THEN CONTINUE FOR
    IF i = 4 THEN CONTINUE
    TALK i & c
  NEXT
NEXT
n = 0
WHILE n < 4
  n++
  DO
    IF n = 2 THEN CONTINUE WHILE
    IF n = 3 THEN CONTINUE DO
    TALK n
  LOOP WHILE FALSE
WEND
CONTINUE_ = 1"#,
        &[],
        expect![[r#"
            1a
            1c
            3a
            3c
            5a
            5c
            1
            4
        "#]],
    );
}

#[test]
fn fields_of_a_form_are_variables_that_nobody_sets() {
    let script = "ON FORM SUBMIT \"contact\"\nTALK name & fields.email";
    assert_eq!(basic::compile("form", script).diagnostics, []);
}
