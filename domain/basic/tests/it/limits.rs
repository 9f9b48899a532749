//! Scripts that would use too much.

use basic::Limits;
use expect_test::{Expect, expect};

use crate::transcript::{Way, program, transcript};

#[track_caller]
fn check_limited(script: &str, limits: Limits, expected: Expect) {
    let program = program(script);
    let said = transcript(&program, &[], limits, Way::Through);
    let end = said.lines().last().unwrap_or_default().to_owned();
    expected.assert_eq(&end);
}

#[test]
fn an_endless_loop_runs_out_of_steps() {
    check_limited(
        "WHILE TRUE\nWEND",
        Limits::default(),
        expect![
            "failed R0101 1:7 the script did not come to an end within 10000000 steps; is there an endless loop?"
        ],
    );
    check_limited(
        "DO\nLOOP",
        Limits::default(),
        expect![
            "failed R0101 1:1 the script did not come to an end within 10000000 steps; is there an endless loop?"
        ],
    );
    check_limited(
        "FOR i = 1 TO 2 STEP 0.0000000000000001\nNEXT",
        Limits::default(),
        expect![
            "failed R0101 1:1 the script did not come to an end within 10000000 steps; is there an endless loop?"
        ],
    );
}

#[test]
fn endless_talk_runs_out_of_output() {
    check_limited(
        "DO: TALK \"x\": LOOP",
        Limits::default(),
        expect!["failed R0105 1:5 the script sends more than 100 messages in one turn"],
    );
    check_limited(
        "s = \"x\"\nFOR i = 1 TO 12\ns = s + s\nNEXT\nDO\nPRINT s\nLOOP",
        Limits::default(),
        expect!["failed R0104 6:1 the script says more than 256 KiB in one turn"],
    );
    check_limited(
        "DO\nADD SUGGESTION \"x\"\nLOOP",
        Limits::default(),
        expect!["failed R0105 2:1 the script sends more than 100 messages in one turn"],
    );
}

#[test]
fn values_that_double_run_out_of_memory() {
    check_limited(
        "s = \"x\"\nDO\ns = s + s\nLOOP",
        Limits::default(),
        expect!["failed R0107 3:5 a text is longer than 10 MB"],
    );
    check_limited(
        "a = [1]\nDO\na = [a, a]\nLOOP",
        Limits::default(),
        expect!["failed R0102 3:5 the values of the script need more than 64 MiB"],
    );
    check_limited(
        "a = [\"0123456789\"]\nDO\na = a + a\nLOOP",
        Limits::default(),
        expect!["failed R0108 3:5 an array or object has more than 1000000 items"],
    );
    check_limited(
        "o = {}\nDO\no.l = o\no.r = o\nLOOP",
        Limits::default(),
        expect!["failed R0102 3:1 the values of the script need more than 64 MiB"],
    );
    check_limited(
        "s = REPLACE(REPLACE(JOIN(RANGE(1, 500000)), \"1\", \"22222222\"), \"2\", \"33333333\")",
        Limits::default(),
        expect!["failed R0107 1:5 a text is longer than 10 MB"],
    );
    check_limited(
        "a = [1]\nDO\na = [a]\nLOOP",
        Limits::default(),
        expect!["failed R0106 3:5 arrays and objects are nested more than 100 levels deep"],
    );
}

#[test]
fn lists_grow_in_place() {
    // Copying the list for every item would take more steps than a turn has.
    let script = "FOR i = 1 TO 200000\nPUSH a, i\nb = APPEND(b, i)\nNEXT\nTALK COUNT(a) + COUNT(b)";
    check_limited(script, Limits::default(), expect!["400000"]);
    check_limited(
        "FOR i = 1 TO 300000\ns = s + \"abc\" + i\nNEXT\nTALK LEN(s)",
        Limits::default(),
        expect!["2588895"],
    );
}

#[test]
fn copying_shared_lists_costs_steps() {
    let script = "a = RANGE(1, 100000)\nFOR i = 1 TO 100000\nb = a\nb[0] = i\nNEXT";
    check_limited(
        script,
        Limits::default(),
        expect![
            "failed R0101 4:1 the script did not come to an end within 10000000 steps; is there an endless loop?"
        ],
    );
}

#[test]
fn what_becomes_more_than_it_was_costs_steps() {
    let limits = Limits {
        steps_per_turn: 6_000,
        ..Limits::default()
    };
    let script = "FOR i = 1 TO 300\nPUSH a, {k: 1, v: i}\nNEXT\nTALK COUNT(JOIN(a, a, \"k\"))";
    check_limited(
        script,
        limits,
        expect![
            "failed R0101 4:12 the script did not come to an end within 6000 steps; is there an endless loop?"
        ],
    );
    check_limited(script, Limits::default(), expect!["90000"]);
}

#[test]
fn no_limit_can_be_caught() {
    let limits = Limits {
        steps_per_turn: 200_000,
        memory_bytes: 1 << 20,
        ..Limits::default()
    };
    let offences = [
        "WHILE TRUE\nWEND",
        "a = [\"0123456789\"]\nDO\na = [a, a]\nLOOP",
        "again",
        "DO\nTALK \"x\"\nLOOP",
        "s = \"0123456789\"\nDO\ns = REPLACE(s, \"0\", s + s)\nLOOP",
        "a = [1]\nDO\na = [a]\nLOOP",
        "a = RANGE(1, 2000000)",
    ];
    let procedures = "\nSUB again\nagain\nEND SUB\nSUB offend\nOFFENCE\nEND SUB";
    let traps = [
        "ON ERROR RESUME NEXT\nOFFENCE\nTALK \"caught\"",
        "ON ERROR GOTO handler\nOFFENCE\nhandler:\nTALK \"caught\"",
        "TRY\nOFFENCE\nCATCH e\nTALK \"caught\"\nEND TRY",
        "ON ERROR RESUME NEXT\noffend\nTALK \"caught\"",
        "TRY\nON ERROR GOTO handler\noffend\nhandler:\nTALK \"caught\"\nCATCH e\nTALK \"caught\"\nEND TRY",
    ];
    let codes = offences.map(|offence| {
        let ends = traps.map(|trap| {
            let script = (trap.to_owned() + procedures).replace("OFFENCE", offence);
            let said = transcript(&program(&script), &[], limits.clone(), Way::Through);
            assert!(!said.contains("caught"), "{script}: {said}");
            let end = said.lines().last().unwrap_or_default();
            end.split(' ').take(2).collect::<Vec<_>>().join(" ")
        });
        assert!(ends.iter().all(|end| *end == ends[0]), "{offence}: {ends:?}");
        ends[0].clone()
    });
    expect![[r#"
        failed R0101
        failed R0102
        failed R0103
        failed R0105
        failed R0102
        failed R0106
        failed R0108
    "#]]
    .assert_eq(&(codes.join("\n") + "\n"));
}

#[test]
fn what_a_call_compares_costs_steps() {
    let limits = || Limits {
        steps_per_turn: 50_000,
        ..Limits::default()
    };
    let pattern = format!("s = \"{}\"\np = \"%\" & s & \"b\"", "a".repeat(2000));
    check_limited(
        &format!("{pattern}\nFOR i = 1 TO 3\nx = 1\nb = s LIKE p\nNEXT"),
        limits(),
        expect![
            "failed R0101 5:5 the script did not come to an end within 50000 steps; is there an endless loop?"
        ],
    );
    // An error that is caught is no way around it.
    let refused = "ON ERROR RESUME NEXT\nFOR i = 1 TO 100\nx = SORT(rows, name)\nNEXT";
    let name = ".x".repeat(20_000);
    check_limited(
        &format!("name = \"{name}\"\nrows = RANGE(1, 100000)\n{refused}"),
        Limits::default(),
        expect![
            "failed R0101 5:5 the script did not come to an end within 10000000 steps; is there an endless loop?"
        ],
    );
    let conditions = "none = [\"or\"]\nFOR i = 1 TO 2000\nPUSH none, [\"or\"]\nNEXT";
    check_limited(
        &format!("{conditions}\nx = COUNT(FILTER(RANGE(1, 2000), none))"),
        limits(),
        expect![
            "failed R0101 5:11 the script did not come to an end within 50000 steps; is there an endless loop?"
        ],
    );
}

#[test]
fn a_condition_has_room_for_so_much() {
    let said = vec!["a = 'x${big}'"; 20].join(" OR ");
    let script = |count: usize| {
        let big = "x".repeat(count);
        format!("big = \"{big}\"\nTALK COUNT(FILTER([{{a: big}}], \"{said}\"))")
    };
    check_limited(
        &script(1_000_000),
        Limits::default(),
        expect!["failed R0204 2:12 the condition is too long, with the values that are put into it"],
    );
    check_limited(&script(100_000), Limits::default(), expect!["0"]);
}

#[test]
fn json_that_holds_very_much_is_refused() {
    let script = |piece: &str| format!("TALK COUNT(JSON(\"[{}1]\"))", piece.repeat(300_000));
    let limits = || Limits {
        memory_bytes: 8 << 20,
        ..Limits::default()
    };
    check_limited(
        &script("[],"),
        limits(),
        expect!["failed R0102 1:12 the values of the script need more than 8 MiB"],
    );
    check_limited(&script("1,"), limits(), expect!["300001"]);
}
