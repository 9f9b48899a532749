//! Calls of other scripts: how arguments reach parameters, and what comes back.

use basic::{Called, Input, Limits, Machine, Step};
use expect_test::{Expect, expect};

use crate::transcript::{now, program, start};

/// Checks what each of these calls of a script gives.
#[track_caller]
fn check_calls(called: &str, calls: &[&str], expected: Expect) {
    let called = program(called);
    let lines = calls.iter().map(|call| {
        let caller = program(&format!("RETURN CALL {call}"));
        let mut machine = Machine::start(caller, start(Limits::default()));
        let mut input = Input::Start;
        loop {
            input = match machine.run(input, now(), 1000) {
                Step::Script { .. } => Input::Program(Some(Called {
                    program: called.clone(),
                    variables: Vec::new(),
                })),
                Step::Ended(value) => return format!("CALL {call} -> {}\n", value.to_json()),
                Step::Failed(error) => return format!("CALL {call} -> {error}\n"),
                _ => Input::Continue,
            };
        }
    });
    expected.assert_eq(&lines.collect::<String>());
}

#[test]
fn arguments_are_given_in_order_or_by_name() {
    check_calls(
        "PARAM a AS INTEGER\nPARAM b AS INTEGER DEFAULT 7\nRETURN [a, b]",
        &[
            r#""c.bas""#,
            r#""c.bas", 1"#,
            r#""c.bas", 1, 2"#,
            r#""c.bas", 1, NULL"#,
            r#"("c.bas", 1, 2)"#,
            r#""c.bas", { b: 2, A: 1, other: 9 }"#,
            r#""c.bas", { a: 1 }"#,
            r#""c.bas", {}"#,
            r#""c.bas", { other: 9 }"#,
            r#""c.bas", { a: 1 }, 2"#,
            r#""c.bas", [1, 2]"#,
            r#""c.bas", 1, 2, 3"#,
        ],
        expect![[r#"
            CALL "c.bas" -> [null,7]
            CALL "c.bas", 1 -> [1,7]
            CALL "c.bas", 1, 2 -> [1,2]
            CALL "c.bas", 1, NULL -> [1,7]
            CALL ("c.bas", 1, 2) -> [1,2]
            CALL "c.bas", { b: 2, A: 1, other: 9 } -> [1,2]
            CALL "c.bas", { a: 1 } -> [1,7]
            CALL "c.bas", {} -> [null,7]
            CALL "c.bas", { other: 9 } -> [null,7]
            CALL "c.bas", { a: 1 }, 2 -> [{"a":1},2]
            CALL "c.bas", [1, 2] -> [[1,2],7]
            CALL "c.bas", 1, 2, 3 -> the script `test` has no more than 2 parameters (line 1, R0210)
        "#]],
    );
}

#[test]
fn a_single_parameter_takes_an_object_whole_unless_it_names_the_parameter() {
    check_calls(
        "PARAM order AS OBJECT\nRETURN order",
        &[
            r#""c.bas", { id: 1 }"#,
            r#""c.bas", { Order: { id: 1 } }"#,
            r#""c.bas", { order: NULL, id: 1 }"#,
            r#""c.bas", {}"#,
            r#""c.bas", 5"#,
            r#""c.bas", 5, 6"#,
        ],
        expect![[r#"
            CALL "c.bas", { id: 1 } -> {"id":1}
            CALL "c.bas", { Order: { id: 1 } } -> {"id":1}
            CALL "c.bas", { order: NULL, id: 1 } -> null
            CALL "c.bas", {} -> {}
            CALL "c.bas", 5 -> 5
            CALL "c.bas", 5, 6 -> the script `test` has no more than 1 parameter (line 1, R0210)
        "#]],
    );
}

#[test]
fn a_script_without_parameters_takes_no_arguments_but_an_object() {
    check_calls(
        "RETURN id",
        &[r#""c""#, r#""c", { id: 1 }"#, r#""c", 1"#],
        expect![[r#"
            CALL "c" -> null
            CALL "c", { id: 1 } -> null
            CALL "c", 1 -> the script `test` has no parameters (line 1, R0210)
        "#]],
    );
}

#[test]
fn nothing_but_arguments_and_the_result_passes_between_scripts() {
    let caller = program("x = 1\nlist = [1]\ny = CALL \"called\", list\nRETURN [x, list, y, z IS NULL]");
    let called = program("PARAM list AS ARRAY\nx = 2\nz = 3\nPUSH list, 4\nRETURN list");
    let mut machine = Machine::start(caller, start(Limits::default()));
    assert!(matches!(
        machine.run(Input::Start, now(), 1000),
        Step::Script { .. }
    ));
    let given = Input::Program(Some(Called {
        program: called,
        variables: Vec::new(),
    }));
    let Step::Ended(value) = machine.run(given, now(), 1000) else {
        panic!("it should end")
    };
    assert_eq!(value.to_json(), serde_json::json!([1, [1], [1, 4], true]));
}

#[test]
fn an_error_of_a_called_script_is_caught_by_its_caller() {
    let traps = [
        "ON ERROR RESUME NEXT\nx = CALL \"called\"\nRETURN ERROR MESSAGE",
        "TRY\nx = CALL \"called\"\nCATCH e\nRETURN e\nEND TRY",
        "ON ERROR GOTO failed\nx = CALL \"called\"\nfailed:\nRETURN ERROR MESSAGE",
    ];
    for trap in traps {
        let called = program("SUB deeper\nTHROW \"no\"\nEND SUB\ndeeper");
        let mut machine = Machine::start(program(trap), start(Limits::default()));
        machine.run(Input::Start, now(), 1000);
        let given = Input::Program(Some(Called {
            program: called,
            variables: Vec::new(),
        }));
        let step = machine.run(given, now(), 1000);
        let Step::Ended(value) = &step else {
            panic!("{trap}: {step:?}")
        };
        assert_eq!(value.to_json(), "in script `test`: no", "{trap}");
    }
}
