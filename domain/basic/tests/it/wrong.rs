//! Whole scripts as authors get them wrong, and all that is said of each: every mistake once, and nothing that only follows
//! from one.

use std::fmt::Write;

use basic::{Known, Severity};
use expect_test::{Expect, expect};

/// What is said of a script of a package that has two tables, and one tool besides.
#[track_caller]
fn check(script: &str, expected: Expect) {
    let tables = basic::compile(
        "tables",
        "TABLE customers\n id integer key\n name string(50)\nEND TABLE\nTABLE orders\n id integer key\nEND TABLE",
    )
    .tables;
    let known = Known {
        scripts: vec!["start".to_owned(), "lead-score".to_owned()],
        tables,
    };
    let compiled = basic::compile("test", script);
    let mut found = compiled.diagnostics.clone();
    found.extend(compiled.unknown(script, &known));
    found.sort_by_key(|found| found.start);
    let mut out = String::new();
    for found in found {
        let severity = match found.severity {
            Severity::Error => "error",
            Severity::Warning => "warning",
        };
        let underlined = script.get(found.start..found.end).unwrap_or_default();
        let underlined = underlined.lines().next().unwrap_or_default();
        let (line, column, code, message) = (found.line, found.column, &found.code, &found.message);
        writeln!(out, "{line}:{column} {severity} {code} [{underlined}] {message}").unwrap();
        if let Some(help) = found.help {
            writeln!(out, "    {help}").unwrap();
        }
    }
    expected.assert_eq(&out);
}

#[test]
fn a_text_and_a_block_that_are_never_closed() {
    check(
        r#"TALK "Hello
HEAR name
IF name = "x" THEN
  TALK "a"
TALK "end"
"#,
        expect![[r#"
            1:6 error B0002 ["Hello] this text has no closing quote
                put " at its end; for several lines use BEGIN TALK … END TALK or \n
            3:1 error B0201 [IF] this IF has no END IF
                add END IF where the block that begins on line 3 ends
        "#]],
    );
}

#[test]
fn a_loop_closed_by_another_word() {
    check(
        r#"FOR EACH x IN list
  TALK x.name
END IF
TALK "done"
"#,
        expect![[r#"
            1:15 warning B0401 [list] `list` is never set, so it is empty
                set it first, or give it to the script as param-list in config.csv
            3:1 error B0202 [END IF] END IF does not close the FOR of line 1
                write NEXT
        "#]],
    );
}

#[test]
fn two_loops_that_cross() {
    check(
        r#"FOR i = 1 TO 10
  WHILE i < 5
    TALK i
  NEXT
WEND
"#,
        expect![[r#"
            2:3 error B0201 [WHILE] this WHILE has no WEND
                add WEND where the block that begins on line 2 ends
            5:1 error B0202 [WEND] WEND without a block that it could close
                take it out, or begin the block before it: IF … THEN, FOR …, WHILE …, DO … or SELECT CASE …
        "#]],
    );
}

#[test]
fn conditions_and_clauses() {
    check(
        r#"x = FIND "customers" WERE id = 5
y = FIND "customers" WHERE id == 5 ORDR BY name
z = FIND customers, "id = "
"#,
        expect![[r#"
            1:22 error B0103 [WERE] `WERE` does not belong to this statement
                did you mean WHERE?
            2:36 error B0103 [ORDR] `ORDR` does not belong to this statement
                did you mean ORDER BY?
            3:21 warning B0410 ["id = "] the condition needs a value at its end
                write it as in "status = 'open' AND total > 10"
        "#]],
    );
}

#[test]
fn an_object_that_is_never_closed() {
    check(
        r#"SAVE "orders", { id: 1, total: 5
TALK "saved"
SET BOT MEMORY "x"
"#,
        expect![[r#"
            1:16 error B0005 [{] `{` is never closed
                add the bracket that closes it: ( with ), [ with ], { with }
            3:1 error B0302 [SET BOT MEMORY] SET BOT MEMORY takes 2 arguments, not 1
                SET BOT MEMORY "opening", "9 to 17": Remembers something for the bot, whoever talks to it.
        "#]],
    );
}

#[test]
fn another_language() {
    check(
        r#"def main():
    print("hi")
if (x == 1) {
  talk("a");
} else {
  talk("b");
}
"#,
        expect![[r#"
            3:13 error B0003 [{] blocks are not written in braces
                write IF condition THEN … ELSE IF condition THEN … ELSE … END IF
        "#]],
    );
}

#[test]
fn procedures_that_do_not_fit() {
    check(
        r#"SUB doit(a, b)
  TALK a
END SUB
doit 1
CALL doit(1, 2, 3)
CALL dont(1)
x = doit2(5)
"#,
        expect![[r#"
            4:1 error B0302 [doit 1] `doit` takes 2 arguments, not 1
            5:6 error B0302 [doit(1, 2, 3)] `doit` takes 2 arguments, not 3
            6:6 error B0301 [dont] there is no procedure `dont`
                did you mean doit?
            7:5 error B0301 [doit2] there is no function `doit2`
                is it misspelt? LEN(text) and ROUND(number, 2) are functions; items of a list stand in [ ]
        "#]],
    );
}

#[test]
fn blocks_of_text() {
    check(
        r#"BEGIN TALK
Hello ${name
${UCASE(}
END TALK
BEGIN SYSTEM PROMPT
never closed
TALK "x"
"#,
        expect![[r#"
            3:8 error B0005 [(] `(` is never closed
                add the bracket that closes it: ( with ), [ with ], { with }
            5:1 error B0006 [BEGIN SYSTEM PROMPT] there is no END SYSTEM PROMPT for this
                add a line END SYSTEM PROMPT
        "#]],
    );
}

#[test]
fn javascript() {
    check(
        r#"let total = 0;
total += 5;
total++;
let msg = `hello ${total}`;
TALK msg;
"#,
        expect![""],
    );
}

#[test]
fn operators_without_values() {
    check(
        r#"TALK "Total: " total
TALK "a" + 
TALK + "b"
x = 
y = (1 + 2
z = 1 + * 2
"#,
        expect![[r#"
            1:16 error B0103 [total] `total` does not belong to this statement
                texts are joined by +, and arguments are separated by commas
            3:1 warning B0401 [TALK] `TALK` is never set, so it is empty
                set it first, or give it to the script as param-talk in config.csv
            4:5 error B0102 [] expected a value, found the end of the line
                write a number, a "text", a variable or a call here
            5:5 error B0005 [(] `(` is never closed
                add the bracket that closes it: ( with ), [ with ], { with }
            6:9 error B0102 [*] expected a value, found `*`
                write a number, a "text", a variable or a call here
        "#]],
    );
}

#[test]
fn cases() {
    check(
        r#"SELECT CASE x
  TALK "before"
  CASE 1
    TALK "1"
  CASE
    TALK "2"
END CASE
"#,
        expect![[r#"
            1:13 warning B0401 [x] `x` is never set, so it is empty
                set it first, or give it to the script as param-x in config.csv
            2:3 error B0102 [TALK "before"] expected CASE before the first statement
            5:7 error B0102 [] expected a value, found the end of the line
                write a number, a "text", a variable or a call here
            7:1 error B0202 [END CASE] END CASE does not close the SELECT CASE of line 1
                write END SELECT
        "#]],
    );
}

#[test]
fn a_function_in_a_block() {
    check(
        r#"TRY
  x = 1/0
CATCH
  TALK "err"
END
FUNCTION f(x)
  RETURN x
TALK f(1)
"#,
        expect![[r#"
            1:1 error B0201 [TRY] this TRY has no END TRY
                add END TRY where the block that begins on line 1 ends
            6:1 error B0206 [FUNCTION] a procedure cannot stand inside of another block
            8:1 warning B0402 [TALK f(1)] this is never reached
        "#]],
    );
}

#[test]
fn a_table_that_is_never_closed() {
    check(
        r#"TABLE customers
  id integer key
  name strng(50)
  email string 50
  total nubmer(10,2)
END TBALE
TALK "x"
"#,
        expect![[r#"
            1:1 error B0006 [TABLE] there is no END TABLE for this
                add a line END TABLE
            3:8 error B0310 [strng] `strng` is not a type of field
                did you mean string?
            4:16 warning B0407 [50] `50` says nothing of a field, and is left out with what follows it
                behind a type stand KEY, PRIMARY KEY, REQUIRED, NOT NULL, UNIQUE, SUBJECT, REFERENCES, DEFAULT, READ BY, WRITE BY, CHECK
            5:9 error B0310 [nubmer] `nubmer` is not a type of field
                did you mean number?
        "#]],
    );
}

#[test]
fn tables_and_fields_that_are_not_there() {
    check(
        r#"customer = FIND "custmers", "id=1"
TALK custmer.name
UPDATE "customers" SET nmae = "x" WHERE idd = 5
INSERT INTO "customers" VALUES { "foo": 1 }
DELETE FROM "customers" WHERE bar = 1
"#,
        expect![[r#"
            1:17 warning B0503 ["custmers"] no script of the package declares a table `custmers`
                did you mean `customers`?
            2:6 warning B0401 [custmer] `custmer` is never set, so it is empty
                did you mean `customer`?
            3:24 warning B0504 [nmae = "x"] the table `customers` has no field `nmae`
                did you mean `name`?
            3:41 warning B0504 [idd] the table `customers` has no field `idd`
                did you mean `id`?
            4:32 warning B0504 [{ "foo": 1 }] the table `customers` has no field `foo`
            5:31 warning B0504 [bar] the table `customers` has no field `bar`
        "#]],
    );
}

#[test]
fn tools_and_scripts_that_are_not_there() {
    check(
        r#"USE TOOL "lead-scroe"
ADD TOOL "05.bas"
CALL "misssing.bas"
SET SCHEDULE "0 9 * * *" "nofile.bas" "x"
"#,
        expect![[r#"
            1:10 warning B0501 ["lead-scroe"] there is no script `lead-scroe` that could be a tool
                did you mean `lead-score`?
            2:10 warning B0501 ["05.bas"] there is no script `05` that could be a tool
            3:6 warning B0502 ["misssing.bas"] the package has no script `misssing`
            4:26 warning B0502 ["nofile.bas"] the package has no script `nofile`
        "#]],
    );
}

#[test]
fn exits_and_ends_without_a_block() {
    check(
        r#"DO
  x = x + 1
  IF x > 5 THEN
    EXIT FOR
  END IF
LOOP
EXIT SUB
NEXT
END SUB
"#,
        expect![[r#"
            4:5 error B0203 [EXIT FOR] EXIT FOR stands outside of a FOR loop
                take it out, or write EXIT to end the script
            7:1 warning B0411 [EXIT SUB] this stands outside of a procedure, where it ends the script
                write EXIT, which says so
            8:1 error B0202 [NEXT] NEXT without a block that it could close
                take it out, or begin the block before it: IF … THEN, FOR …, WHILE …, DO … or SELECT CASE …
            9:1 error B0202 [END SUB] END SUB without a block that it could close
                take it out, or begin the block before it: IF … THEN, FOR …, WHILE …, DO … or SELECT CASE …
        "#]],
    );
}

#[test]
fn portuguese() {
    check(
        r#"SE nome = "x" ENTÃO
  FALAR "oi"
FIM SE
MENSAGEM "oi"
ESCREVA "oi"
PARA i = 1 ATÉ 10
PRÓXIMO
"#,
        expect![[r#"
            1:1 error B0101 [SE] `SE` is not a statement
                did you mean IF?
            2:3 error B0101 [FALAR] `FALAR` is not a statement
                did you mean TALK?
            3:1 error B0101 [FIM] `FIM` is not a statement
                did you mean END IF?
            4:1 error B0101 [MENSAGEM] `MENSAGEM` is not a statement
                did you mean TALK?
            5:1 error B0101 [ESCREVA] `ESCREVA` is not a statement
                did you mean TALK?
            6:1 error B0101 [PARA] `PARA` is not a statement
                did you mean FOR?
            7:1 error B0101 [PRÓXIMO] `PRÓXIMO` is not a statement
                did you mean NEXT?
        "#]],
    );
}

#[test]
fn lower_case() {
    check(
        r#"if name == null
talk 'missing'
endif
for x in list
  talk x
end for
foreach y in list
next
while x
end
"#,
        expect![[r#"
            1:4 warning B0401 [name] `name` is never set, so it is empty
                set it first, or give it to the script as param-name in config.csv
            4:10 warning B0401 [list] `list` is never set, so it is empty
                set it first, or give it to the script as param-list in config.csv
            9:1 error B0201 [while] this WHILE has no WEND
                add WEND where the block that begins on line 9 ends
        "#]],
    );
}

#[test]
fn signs_of_a_word_processor() {
    check(
        r#"TALK “Hello”
TALK ‘x’
name = “Ana”
TALK "a" – "b"
TALK "a" … 
x = 5 × 2
"#,
        expect![[r#"
            4:10 error B0003 [–] the character `–` has no meaning here
                take it out, or put it into quotes if it belongs to a text
            5:10 error B0003 […] the character `…` has no meaning here
                take it out, or put it into quotes if it belongs to a text
            6:7 error B0003 [×] the character `×` has no meaning here
                take it out, or put it into quotes if it belongs to a text
        "#]],
    );
}

#[test]
fn words_of_other_dialects() {
    check(
        r#"PRINT "a", "b"
LOG "x"
CONSOLE.LOG("x")
MSGBOX "x"
INPUT "name", n
SLEEP 5
RETURN x, y
"#,
        expect![[r#"
            3:1 error B0101 [CONSOLE.LOG] `CONSOLE.LOG` is not a statement
                write PRINT value
            4:1 error B0101 [MSGBOX] `MSGBOX` is not a statement
                did you mean TALK?
            5:1 error B0101 [INPUT] `INPUT` is not a statement
                did you mean HEAR?
            6:1 error B0101 [SLEEP] `SLEEP` is not a statement
                did you mean WAIT?
            7:8 warning B0401 [x] `x` is never set, so it is empty
                set it first, or give it to the script as param-x in config.csv
            7:9 error B0103 [,] `,` does not belong to this statement
                texts stand in quotes, values are separated by commas, and each statement has its own line
        "#]],
    );
}

#[test]
fn too_few_arguments() {
    check(
        r#"x = DATEADD(NOW(), 5)
y = LEFT("abc")
z = FORMAT()
w = INSTR("a")
q = REPLCE("a", "b", "c")
n = LEN "abc", 5
"#,
        expect![[r#"
            2:5 error B0302 [LEFT] LEFT takes 2 arguments, not 1
                LEFT(text, count): The first characters.
            3:5 error B0302 [FORMAT] FORMAT takes 1 or 2 arguments, not 0
                FORMAT(value, pattern): A number, date or text by a pattern such as #,##0.00, N2, C2, 0%, dd/MM/yyyy or @@@-@@@.
            4:5 error B0302 [INSTR] INSTR takes 2 or 3 arguments, not 1
                INSTR(text, part): Where a part begins, from 1; 0 if nowhere.
            5:5 error B0301 [REPLCE] there is no function `REPLCE`
                did you mean REPLACE?
            6:14 error B0103 [,] `,` does not belong to this statement
                texts stand in quotes, values are separated by commas, and each statement has its own line
        "#]],
    );
}
