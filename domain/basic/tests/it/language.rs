//! Lexical rules, expressions and control flow.

use expect_test::expect;

use crate::transcript::{check, check_value};

#[test]
fn capitalisation_does_not_matter() {
    check(
        r#"Talk "a"
NAME = "x"
talk Name + nAmE
If name = "x" Then tAlK "y""#,
        &[],
        expect![[r#"
            a
            xx
            y
        "#]],
    );
}

#[test]
fn comments_in_three_ways() {
    check(
        r#"' first
REM second
// third
TALK "a" ' don't
TALK "b" // x
TALK 'single' ' comment
x = 'it' ' it's
TALK "http://x.y/z""#,
        &[],
        expect![[r#"
            a
            b
            single
            http://x.y/z
        "#]],
    );
}

#[test]
fn lines_go_on_over_brackets_and_commas() {
    check(
        r#"x = {
  "a": 1,
  b: [1,
      2],
  'c': #{d: "e"}
}
TALK x
TALK MAX(1,
  2)
y = 1 + _
  2
TALK y"#,
        &[],
        expect![[r#"
            {"a": 1, "b": [1, 2], "c": {"d": "e"}}
            2
            3
        "#]],
    );
}

#[test]
fn statements_can_share_a_line() {
    check(
        r#"a = 1 : TALK a : IF a = 1 THEN TALK "x" : TALK "y" ELSE TALK "z"
TALK "end"; TALK "really""#,
        &[],
        expect![[r#"
            1
            x
            y
            end
            really
        "#]],
    );
}

#[test]
fn texts_have_escapes_and_values() {
    check_value(
        r#""a\nb\t\"c\" ""d"" \u00e9 \d C:\\x""#,
        expect![[r#"
        a
        b	"c" "d" é \d C:\x
    "#]],
    );
    check_value(
        r#""${1 + 1} ${UCASE("x")} ${user.name} $5 ${}""#,
        expect![[r#"
        2 X Ana $5 ${}
    "#]],
    );
    check_value(
        r#""${user["name"]}""#,
        expect![[r#"
        Ana
    "#]],
    );
    check_value(
        r#"'${1}'"#,
        expect![[r#"
        1
    "#]],
    );
}

#[test]
fn arithmetic() {
    check_value(
        r#"7 / 2"#,
        expect![[r#"
        3.5
    "#]],
    );
    check_value(
        r#"6 / 2"#,
        expect![[r#"
        3
    "#]],
    );
    check_value(
        r#"7 MOD 3"#,
        expect![[r#"
        1
    "#]],
    );
    check_value(
        r#"2 ^ 3 ^ 2"#,
        expect![[r#"
        512
    "#]],
    );
    check_value(
        r#"-2 ^ 2"#,
        expect![[r#"
        -4
    "#]],
    );
    check_value(
        r#"1 + 2 * 3 - 4"#,
        expect![[r#"
        3
    "#]],
    );
    check_value(
        r#"0.1 + 0.2"#,
        expect![[r#"
        0.3
    "#]],
    );
    check_value(
        r#"9223372036854775807 + 1"#,
        expect![[r#"
        9223372036854780000
    "#]],
    );
    check_value(
        r#"1 / 0"#,
        expect![[r#"
        failed R0202 1:6 division by zero
    "#]],
    );
    check_value(
        r#"1e300 * 1e300"#,
        expect![[r#"
        failed R0205 1:6 the result is too large for a number
    "#]],
    );
    check_value(
        r#"7 % 4"#,
        expect![[r#"
        3
    "#]],
    );
    check_value(
        r#"-7 MOD 3"#,
        expect![[r#"
        -1
    "#]],
    );
    check_value(
        r#""5" - 3"#,
        expect![[r#"
        2
    "#]],
    );
    check_value(
        r#""5" + 3"#,
        expect![[r#"
        53
    "#]],
    );
    check_value(
        r#"1 - "x""#,
        expect![[r#"
            failed R0201 1:6 - needs two numbers, not the number 1 and the text "x"
        "#]],
    );
    check_value(
        r#"1e15 * 1000000"#,
        expect![[r#"
        1e21
    "#]],
    );
    check_value(
        r#"NULL + 1"#,
        expect![[r#"
        1
    "#]],
    );
    check_value(
        r#"NULL + "x""#,
        expect![[r#"
        x
    "#]],
    );
    check_value(
        r#"[1] + [2]"#,
        expect![[r#"
        [1, 2]
    "#]],
    );
    check_value(
        r#"1 & 2"#,
        expect![[r#"
        12
    "#]],
    );
    check_value(
        r#""a" & 1 + 1"#,
        expect![[r#"
        a2
    "#]],
    );
}

#[test]
fn comparisons() {
    check_value(
        r#"1 = 1.0"#,
        expect![[r#"
        true
    "#]],
    );
    check_value(
        r#""a" <> "b""#,
        expect![[r#"
        true
    "#]],
    );
    check_value(
        r#"1 != 2"#,
        expect![[r#"
        true
    "#]],
    );
    check_value(
        r#"2 == 2"#,
        expect![[r#"
        true
    "#]],
    );
    check_value(
        r#""10" > 9"#,
        expect![[r#"
        true
    "#]],
    );
    check_value(
        r#""b" > "a""#,
        expect![[r#"
        true
    "#]],
    );
    check_value(
        r#"NULL = """#,
        expect![[r#"
        true
    "#]],
    );
    check_value(
        r#"NULL = 0"#,
        expect![[r#"
        false
    "#]],
    );
    check_value(
        r#"user.missing IS NULL"#,
        expect![[r#"
        true
    "#]],
    );
    check_value(
        r#"user.name IS NOT NULL"#,
        expect![[r#"
        true
    "#]],
    );
    check_value(
        r#"NOT 1 = 2"#,
        expect![[r#"
        true
    "#]],
    );
    check_value(
        r#"TRUE AND FALSE OR TRUE"#,
        expect![[r#"
        true
    "#]],
    );
    check_value(
        r#"1 < 2 && 2 < 3"#,
        expect![[r#"
        true
    "#]],
    );
    check_value(
        r#"FALSE || 0"#,
        expect![[r#"
        false
    "#]],
    );
    check_value(
        r#""2026-01-02" > TODAY"#,
        expect![[r#"
        false
    "#]],
    );
    check_value(
        r#"TODAY = "2026-03-01""#,
        expect![[r#"
        true
    "#]],
    );
    check_value(
        r#"TRUE = "true""#,
        expect![[r#"
        true
    "#]],
    );
    check_value(
        r#"[1, 2] = [1, 2]"#,
        expect![[r#"
        true
    "#]],
    );
    check_value(
        r#"!FALSE"#,
        expect![[r#"
        true
    "#]],
    );
    check_value(
        r#"NOT user.missing"#,
        expect![[r#"
        true
    "#]],
    );
}

#[test]
fn null_and_missing_parts() {
    check_value(
        r#"user.x.y.z IS NULL"#,
        expect![[r#"
        true
    "#]],
    );
    check_value(
        r#"[1, 2][5] IS NULL"#,
        expect![[r#"
        true
    "#]],
    );
    check_value(
        r#"[1, 2][-1] IS NULL"#,
        expect![[r#"
        true
    "#]],
    );
    check_value(
        r#""abc"[1]"#,
        expect![[r#"
        b
    "#]],
    );
    check_value(
        r#"[{a: 1}].a"#,
        expect![[r#"
        1
    "#]],
    );
    check_value(
        r#"{A: 1}.a"#,
        expect![[r#"
        1
    "#]],
    );
    check_value(
        r#"{a: 1}["A"] IS NULL"#,
        expect![[r#"
        true
    "#]],
    );
    check_value(
        r#"{a: {b: [10, 20]}}.a.b[1]"#,
        expect![[r#"
        20
    "#]],
    );
    check_value(
        r#"NOW.year"#,
        expect![[r#"
        2026
    "#]],
    );
    check_value(
        r#""abc".length"#,
        expect![[r#"
        3
    "#]],
    );
}

#[test]
fn parts_are_set_in_copies() {
    check(
        r#"a = { x: { y: 1 } }
b = a
b.x.y = 2
b.list[2] = 5
b["new key"] = NEW ARRAY
TALK a
TALK b
LET c = [1, 2]
d = c
d[0] = 9
d[3] = 7
TALK c + " " + d
o = NEW OBJECT
SET o.first.second = "deep"
TALK o
n.x = 1
TALK n
s = "text"
s.x = 1"#,
        &[],
        expect![[r#"
            {"x": {"y": 1}}
            {"x": {"y": 2}, "list": [null, null, 5], "new key": []}
            [1, 2] [9, 2, null, 7]
            {"first": {"second": "deep"}}
            {"x": 1}
            failed R0203 19:1 the text "text" has no parts that could be set
        "#]],
    );
}

#[test]
fn choosing_with_if() {
    check(
        r#"FOR i = 1 TO 5
IF i = 1 THEN
  TALK "one"
ELSE IF i = 2 THEN
  TALK "two"
ELSEIF i = 3
  TALK "three"
ELSE
  IF i = 4 THEN TALK "four" ELSE TALK "many"
END IF
NEXT i
IF user.name
 TALK "set"
ENDIF"#,
        &[],
        expect![[r#"
            one
            two
            three
            four
            many
            set
        "#]],
    );
}

#[test]
fn counting_loops() {
    check(
        r#"FOR i = 1 TO 3
 TALK i
NEXT
FOR i = 5 TO 1 STEP -2
 TALK i
END FOR
FOR x = 0 TO 1 STEP 0.5
 TALK x
NEXT x
FOR i = 2 TO 1
 TALK "never"
NEXT
FOR i = 1 TO 10
 IF i = 2 THEN EXIT FOR
NEXT
TALK i
FOR i = 1 TO 3 STEP 0
NEXT"#,
        &[],
        expect![[r#"
            1
            2
            3
            5
            3
            1
            0
            0.5
            1
            2
            failed R0206 17:1 STEP is 0, so the loop would never end
        "#]],
    );
}

#[test]
fn loops_over_lists() {
    check(
        r#"FOR EACH x IN [1, "b", { c: 3 }]
 TALK x
NEXT x
FOR EACH x IN NULL
 TALK "never"
END FOR
list = [1, 2]
FOR EACH x IN list DO
 PUSH list, x
 FOR EACH y IN list
  IF y = 2 THEN EXIT FOR
  TALK x + "-" + y
 NEXT
NEXT
TALK list
FOR EACH record IN user
 TALK record.name
NEXT"#,
        &[],
        expect![[r#"
            1
            b
            {"c": 3}
            1-1
            2-1
            [1, 2, 1, 2]
            Ana
        "#]],
    );
}

#[test]
fn conditional_loops() {
    check(
        r#"i = 0
WHILE i < 2
 i = i + 1
 TALK "w" + i
WEND
WHILE i < 3 DO
 i = i + 1
END WHILE
DO WHILE i < 5
 i = i + 1
 IF i = 4 THEN EXIT DO
LOOP
TALK i
DO UNTIL i >= 6
 i = i + 1
LOOP
DO
 i = i + 1
LOOP WHILE i < 8
DO
 i = i + 1
LOOP UNTIL i > 9
TALK i
DO
 WHILE TRUE
  EXIT DO
 WEND
LOOP
TALK "out""#,
        &[],
        expect![[r#"
            w1
            w2
            4
            10
            out
        "#]],
    );
}

#[test]
fn choosing_by_value() {
    check(
        r#"FOR EACH x IN [1, "b", 7, 20, "zz", 3]
SELECT CASE x
CASE 1, 2
 TALK "low"
CASE "b"
 TALK "letter"
CASE 5 TO 9
 TALK "middle"
CASE IS > 10
 TALK "high"
CASE ELSE
 TALK "other"
END SELECT
NEXT
SWITCH "pay"
CASE "pay"
 TALK "paid"
CASE "pay"
 TALK "twice"
DEFAULT
 TALK "default"
END SWITCH"#,
        &[],
        expect![[r#"
            low
            letter
            middle
            high
            other
            other
            paid
        "#]],
    );
}

#[test]
fn a_script_ends_with_a_result() {
    check(
        r#"RETURN 5"#,
        &[],
        expect![[r#"
        ended 5
    "#]],
    );
    check(r#"RETURN"#, &[], expect![""]);
    check(
        r#"TALK 1
EXIT"#,
        &[],
        expect![[r#"
            1
        "#]],
    );
    check(
        r#"RETURN WITH a AS 1, b AS [2]"#,
        &[],
        expect![[r#"
        ended {"a":1,"b":[2]}
    "#]],
    );
    check(
        r#"IF TRUE THEN END
TALK 2"#,
        &[],
        expect![""],
    );
    check(
        r#"RETURN TODAY"#,
        &[],
        expect![[r#"
        ended "2026-03-01"
    "#]],
    );
    check(r#"STOP"#, &[], expect![""]);
}

#[test]
fn names_may_be_those_of_functions() {
    check(
        r#"count = 1
count = count + 1
TALK count
now = NOW
TALK now
first = FIRST([4, 5])
TALK first
list = [1, 2]
TALK list[1]
set = 3
TALK set"#,
        &[],
        expect![[r#"
            2
            2026-03-01 09:05:07
            4
            2
            3
        "#]],
    );
}

#[test]
fn functions_without_parentheses() {
    check(
        r#"x = FORMAT 1234.5, "N2"
TALK x
TALK FORMAT 0.5 AS "0%"
IF LEN user.name > 2 THEN TALK "long"
TALK FIRST "hello world"
PUSH list, 1
APPEND list, 2, 3
last = POP(list)
TALK list + " " + last
o.items = [1]
PUSH o.items, 2
TALK o"#,
        &[],
        expect![[r#"
            1,234.50
            50%
            long
            hello
            [1, 2] 3
            {"items": [1, 2]}
        "#]],
    );
}

#[test]
fn random_numbers_come_again() {
    check(
        r#"TALK RANDOM(1, 6) + " " + RANDOM(10) + " " + RND() + " " + RND
HEAR x
TALK RANDOM(1, 1000000)"#,
        &["a"],
        expect![[r#"
            3 0 0.900760680606883 0.582930293028078
            > a
            452442
        "#]],
    );
}

#[test]
fn dim_and_const_are_accepted() {
    check(
        r#"DIM a, b AS INTEGER, c(10)
CONST limit = 5
LET d = 1
c[0] = limit
TALK a IS NULL
TALK c"#,
        &[],
        expect![[r#"
            true
            [5]
        "#]],
    );
}

#[test]
fn statements_go_on_where_a_line_begins_with_a_clause_or_an_operator() {
    check(
        r#"a = 1
x = FIND "t"
    WHERE a = 1
      AND b = 2
    ORDER BY a DESC
    LIMIT 5
UPDATE "t"
   SET a = 1,
       b = 2
   WHERE id = 7
INSERT INTO "t" (a, b)
VALUES (1, 2)
rows = SELECT a, SUM(b) AS total
  FROM t
  LEFT JOIN u ON u.id = t.id
  WHERE a > 5
  GROUP BY a
  HAVING SUM(b) > 3
  ORDER BY total DESC
  LIMIT 10
IF a = 1
   AND x <> ""
   OR a = 2
THEN
   TALK "yes " 
     + "and more"
END IF
IF a = 1 AND
   a < 2 THEN
  TALK "ok"
END IF
limit = 5
from = "x"
TALK limit
SEND TEMPLATE "x" TO "y"
  WITH { a: 1 }
WITH o
  .a = 1
END WITH
TALK o
"#,
        &[],
        expect![[r#"
            ? FIND "t" order by=[["a",true]] limit=5 | (a Equal 1 and b Equal 2)
            ? UPDATE "t" set={"a":1,"b":2} | id Equal 7
            ? INSERT "t" with={"a":1,"b":2}
            ? SELECT "SELECT a, SUM(b) AS total\n  FROM t\n  LEFT JOIN u ON u.id = t.id\n  WHERE a > 5\n  GROUP BY a\n  HAVING SUM(b) > 3\n  ORDER BY total DESC\n  LIMIT 10" variables={"a":1}
            yes and more
            ok
            5
            ? SEND TEMPLATE "x" to="y" with={"a":1}
            {"a": 1}
        "#]],
    );
}

#[test]
fn single_quotes_are_texts_where_a_value_stands_and_comments_elsewhere() {
    check(
        r#"x = FIND 'customers', 'id = 5'
SEND MAIL 'a@b', 'x', 'y'
SAVE 'x.csv', x
rows = SELECT name FROM t WHERE city LIKE 'P%' ORDER BY name
rows = SELECT name FROM t WHERE a = 'b' AND d BETWEEN '2026-01-01' AND '2026-12-31' GROUP BY name
r = FIND "t" WHERE name = 'O''Neil' LIMIT 3
IF x = 'a' THEN TALK 'yes' ELSE TALK 'no' ' comment
IF x = "a" THEN ' it's the 'first' case
  TALK "1" ' don't say 'two'
ELSE ' the 'other'
  TALK "2"
END IF ' it's
SEND MAIL "a@b", ' the customer's address
   "x",
   "y"
y = [ ' the list's items
  1, 2
]
n = NOW ' it's now
TALK n
CASE_SENSITIVE = 'x' ' y'
ADD SUGGESTION 'a' AS 'b'
SET BOT MEMORY 'k', 'v'
CLEAR SUGGESTIONS ' the 'old' ones
"#,
        &[],
        expect![[r#"
            ? FIND "customers" "id = 5" | id Equal 5
            ? SEND MAIL "a@b" "x" "y"
            ? SAVE "x.csv" {"code":"not_configured","error":"FIND is not configured","success":false} names=[null,"x"]
            ? SELECT "SELECT name FROM t WHERE city LIKE 'P%' ORDER BY name" variables={}
            ? SELECT "SELECT name FROM t WHERE a = 'b' AND d BETWEEN '2026-01-01' AND '2026-12-31' GROUP BY name" variables={}
            ? FIND "t" limit=3 | name Equal "O'Neil"
            no
            2
            ? SEND MAIL "a@b" "x" "y"
            2026-03-01 09:05:07
            [b: context a]
            ? SET BOT MEMORY "k" "v"
            [no suggestions]
        "#]],
    );
}

#[test]
fn lists_and_objects_that_are_written_out_are_arguments() {
    check(
        r#"z = COMPRESS ["a"], "z.zip"
n = SUM [1, 2]
TALK n
list = [5]
TALK list [0]
m = MAX [1, 2]
TALK m
SEND TEMPLATE "x" TO "y" WITH {a: 1}
s = SCORE LEAD { email: "a" }
x = LLM { a: 1 }
f = FIRST [7, 8]
TALK f
CREATE SITE "x" WITH TEMPLATE "t" USING PROMPT "p"
"#,
        &[],
        expect![[r#"
            ? COMPRESS ["a"] "z.zip"
            3
            5
            2
            ? SEND TEMPLATE "x" to="y" with={"a":1}
            ? SCORE LEAD {"email":"a"}
            ? LLM {"a":1}
            7
            ? CREATE SITE "x" with template="t" using prompt="p"
        "#]],
    );
}

#[test]
fn cases_compare_with_and_without_is() {
    check(
        r#"FOR n = 1 TO 4
SELECT CASE n
CASE IS < 2
    TALK "little"
CASE >= 4, = 2
    TALK "two or much"
CASE ELSE
    TALK "else"
END SELECT
NEXT"#,
        &[],
        expect![[r#"
            little
            two or much
            else
            two or much
        "#]],
    );
}

#[test]
fn statements_go_on_where_a_line_begins_with_a_text_or_ends_with_a_clause() {
    check(
        r#"SEND MAIL
    "ana@example.org",
    "Your berth",
    "Berth 7 " +
    "is yours."
INSERT INTO "t" WITH
    a = 1,
    b = 2
UPDATE "t" SET
    a = 1
  WHERE
    id = 5
WITH o
    .a = 1
END WITH
TALK o REM a remark
rows = SORT([{n: 2}, {n: 1}], "n") REM
TALK rows
TALK SORT_DESC(rows, "n")
remark = 1
TALK remark"#,
        &[],
        expect![[r#"
            ? SEND MAIL "ana@example.org" "Your berth" "Berth 7 is yours."
            ? INSERT "t" with={"a":1,"b":2}
            ? UPDATE "t" set={"a":1} | id Equal 5
            {"a": 1}
            [{"n": 1}, {"n": 2}]
            [{"n": 2}, {"n": 1}]
            1
        "#]],
    );
}
