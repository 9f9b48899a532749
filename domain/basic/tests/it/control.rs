//! Procedures, jumps, errors and calls of other scripts.

use expect_test::expect;

use basic::{Called, Input, Limits, Machine, Step, Value};

use crate::transcript::{check, check_diagnostics, now, program, start};

#[test]
fn procedures_see_the_script_and_keep_their_parameters() {
    check(
        "x = 1\nFUNCTION Fact(n)\nIF n < 2 THEN RETURN 1\nRETURN n * Fact(n - 1)\nEND FUNCTION\nSUB Show(a, b)\nx = x + a\nTALK a + \" \" + b\nHEAR answer\nEXIT SUB\nEND SUB\nFUNCTION Twice(v)\nTwice = v * 2\nEND FUNCTION\nTALK Fact(5)\nShow 1, \"b\"\nCALL Show(2, answer)\nTALK x + Twice(10)",
        &["yes", "no"],
        expect![[r#"
            120
            1 b
            > yes
            2 yes
            > no
            24
        "#]],
    );
}

#[test]
fn endless_recursion_is_stopped_and_cannot_be_caught() {
    check(
        "ON ERROR RESUME NEXT\nSUB again\nagain\nEND SUB\nagain\nTALK \"on\"",
        &[],
        expect![[r#"
            failed R0103 3:1 procedures call each other more than 200 levels deep; does one call itself for ever?
        "#]],
    );
}

#[test]
fn errors_are_caught() {
    check(
        "SUB broken\nTHROW \"broken\"\nEND SUB\nTRY\nbroken\nTALK 1\nCATCH e\nTALK e\nEND TRY\nON ERROR RESUME NEXT\nx = 1 / 0\nIF ERROR THEN\nTALK ERROR MESSAGE\nEND IF\nTALK ERR\nCLEAR ERROR\nTALK ERR_NUMBER\nON ERROR GOTO failed\nASSERT 1 = 2, \"no\"\nTALK 2\nfailed:\nTALK ERR_DESCRIPTION\nON ERROR GOTO 0\nRAISE \"last\"",
        &[],
        expect![[r#"
            broken
            division by zero
            202
            0
            no
            failed R0208 24:1 last
        "#]],
    );
}

#[test]
fn jumps_and_with_blocks() {
    check(
        "again:\ni = i + 1\nIF i < 3 THEN GOTO again\nTALK i\nWITH o\n.a = 1\nb = .a + 1\nEND WITH\nRETURN o",
        &[],
        expect![[r#"
            3
            ended {"a":1,"b":2}
        "#]],
    );
}

#[test]
fn mistakes_of_control_flow_are_told() {
    check_diagnostics(
        &[
            "SUB a\nEND SUB\nSUB a\nEND SUB",
            "GOTO there\nthree:\nthree:",
            "IF x THEN\nSUB a\nEND SUB\nEND IF",
            "SUB a(b)\nEND SUB\na 1, 2",
            "CALL nothing",
            "CALL \"/api/x\", {}",
            "SUB a",
            "EXIT SUB",
        ],
        expect![[r#"
            error[B0307]: there is a procedure `a` already
             --> test.bas:3:5
              |
            3 | SUB a
              |     ^
            ----
            error[B0308]: there is no label `there` in this procedure or script
             --> test.bas:1:6
              |
            1 | GOTO there
              |      ^^^^^
              = help: did you mean three?
            error[B0307]: there is a label `three` already
             --> test.bas:3:1
              |
            3 | three:
              | ^^^^^
            ----
            warning[B0401]: `x` is never set, so it is empty
             --> test.bas:1:4
              |
            1 | IF x THEN
              |    ^
              = help: set it first, or give it to the script as param-x in config.csv
            error[B0206]: a procedure cannot stand inside of another block
             --> test.bas:2:1
              |
            2 | SUB a
              | ^^^
            ----
            error[B0302]: `a` takes 1 argument, not 2
             --> test.bas:3:1
              |
            3 | a 1, 2
              | ^^^^^^
            ----
            error[B0301]: there is no procedure `nothing`
             --> test.bas:1:6
              |
            1 | CALL nothing
              |      ^^^^^^^
              = help: is it misspelt? LEN(text) and ROUND(number, 2) are functions; items of a list stand in [ ]
            ----
            ----
            error[B0201]: this SUB has no END SUB
             --> test.bas:1:1
              |
            1 | SUB a
              | ^^^
              = help: add END SUB where the block that begins on line 1 ends
            ----
            warning[B0411]: this stands outside of a procedure, where it ends the script
             --> test.bas:1:1
              |
            1 | EXIT SUB
              | ^^^^^^^^
              = help: write EXIT, which says so
            ----
        "#]],
    );
}

#[test]
fn a_script_calls_another_one_and_pauses() {
    let outer = program("WAIT 1000\nx = CALL \"Inner.bas\", 2, 3\nRETURN x + 1");
    let inner = program(
        "PARAM a AS INTEGER\nPARAM b AS INTEGER\nHEAR c\nRETURN a * b * factor + TOINT(c)"
            .replace("TOINT", "INT")
            .as_str(),
    );
    assert_eq!(outer.calls(), ["inner"]);
    let mut machine = Machine::start(outer.clone(), start(Limits::default()));
    let programs = [inner.clone(), outer];
    let mut input = Input::Start;
    loop {
        let step = machine.run(input, now(), 3);
        let state = machine.suspend();
        let needed = Machine::suspended_programs(&state).unwrap();
        machine = Machine::restore(&state, &programs, Limits::default()).unwrap();
        input = match step {
            Step::Request(request) => panic!("{} is asked for", request.word),
            Step::Sleeping { seconds } => {
                assert_eq!(seconds, 300.0);
                Input::Continue
            }
            Step::Script { name } => {
                assert_eq!(name, "inner");
                Input::Program(Some(Called {
                    program: inner.clone(),
                    variables: vec![("factor".to_owned(), Value::Integer(10))],
                }))
            }
            Step::Waiting(_) => {
                assert_eq!(needed.len(), 2);
                Input::text("4")
            }
            Step::Ended(value) => return assert_eq!(value, Value::Integer(65)),
            Step::Yielded => Input::Continue,
            other => panic!("{other:?}"),
        };
    }
}

#[test]
fn a_script_that_resumes_leaves_what_cannot_be_told() {
    // Conditions above and below, broken at once and later; lists, counters and choices.
    check(
        "ON ERROR RESUME NEXT\nWHILE 1 / 0 > 0\nTALK \"in\"\nWEND\nTALK 1\nd = 1\nWHILE 1 / d > 0\nd = d - 1\nTALK \"once\"\nWEND\nTALK 2\n\
         DO\nTALK \"once more\"\nLOOP UNTIL 1 / 0\nTALK 3\nDO\nd = 0\nTALK \"and again\"\nLOOP WHILE 1 / d\nTALK 4\n\
         FOR i = 1 TO 1 / 0\nTALK \"in\"\nNEXT\nTALK 5\nFOR i = 1 TO 3\ni = [1]\nNEXT\nTALK 6\n\
         FOR EACH x IN 1 / 0\nTALK \"in\"\nNEXT\nTALK 7\nIF 1 / 0 THEN\nTALK \"yes\"\nELSE\nTALK \"no\"\nEND IF\nTALK 8\n\
         IF d = 9 THEN\nTALK 9\nELSEIF 1 / 0 THEN\nTALK \"yes\"\nELSE\nTALK \"no\"\nEND IF\nTALK 9\n\
         SELECT CASE 1 / 0\nCASE ELSE\nTALK \"any\"\nEND SELECT\nTALK 10",
        &[],
        expect![[r#"
            1
            once
            2
            once more
            3
            and again
            4
            5
            6
            7
            8
            9
            10
        "#]],
    );
}

#[test]
fn jumps_lead_into_and_out_of_loops() {
    check(
        "GOTO inside\nFOR i = 1 TO 3\nTALK \"from the top\"\ninside:\nTALK \"inside \" + i\nIF i = 2 THEN GOTO outside\nNEXT\nTALK \"after\"\n\
         outside:\nTALK \"outside \" + i",
        &[],
        expect![[r#"
            inside 
            after
            outside 
        "#]],
    );
    check(
        "GOTO inside\nFOR EACH x IN [1, 2]\ninside:\nTALK \"x \" + x\nNEXT\nTALK \"after\"\nn = 0\nGOTO within\nWHILE n < 2\nTALK \"top\"\nwithin:\nn = n + 1\n\
         WEND\nTALK n\nFOR i = 1 TO 2\nFOR j = 1 TO 2\nIF j = 2 THEN GOTO away\nTALK j\nNEXT\nNEXT\naway:\nTALK i + \" \" + j",
        &[],
        expect![[r#"
            x 
            after
            top
            2
            1
            1 2
        "#]],
    );
}

#[test]
fn names_are_of_the_script_or_of_their_procedure() {
    check(
        "DIM a AS INTEGER\nTALK a\na = 1\nSUB change(p)\nDIM b\nb = p\na = b + 1\nc = 5\np = 9\nEND SUB\nq = 3\nchange q\nTALK a\nTALK q\nTALK b IS NULL\nTALK c\nlast = [1]\nlast[0] = 7\nTALK last[0]\nTRY\nTHROW [1, 2]\nCATCH e\nTALK e\nEND TRY\n\
         FUNCTION depth(n)\nIF n = 0 THEN RETURN 0\nlocal = n\nrest = depth(n - 1)\nRETURN n + rest\nEND FUNCTION\nTALK depth(3)",
        &[],
        expect![[r#"

            4
            3
            true
            5
            7
            [1, 2]
            6
        "#]],
    );
}
