//! What runs by itself: schedules, events, workflows.

use super::{Word, clause, request, value};
use crate::language::requests::Takes;

pub(super) const WORDS: &[Word] = &[
    request(
        "SCHEDULE",
        &["SET SCHEDULER"],
        "SET SCHEDULE \"0 9 * * *\", \"report.bas\"",
        "Runs another script again and again, or once at a time.",
        (1, 4),
        &[],
    )
    .loose()
    .named(),
    request(
        "PUBLISH EVENT",
        &[],
        "PUBLISH EVENT \"boat_arrived\", {berth: 7}",
        "Tells everybody who waits for an event.",
        (1, 2),
        &[clause("WITH", Takes::Fields)],
    ),
    request(
        "WAIT FOR EVENT",
        &[],
        "event = WAIT FOR EVENT \"boat_arrived\" TIMEOUT 60",
        "Waits until an event is published.",
        (1, 2),
        &[value("TIMEOUT")],
    ),
    request(
        "ORCHESTRATE WORKFLOW",
        &[],
        "ORCHESTRATE WORKFLOW \"arrival\"",
        "Begins a workflow, whose steps stand below.",
        (1, 2),
        &[],
    ),
    request(
        "STEP",
        &["BRANCH"],
        "STEP 1: BOT \"billing\" \"charge\"",
        "A step of a workflow.",
        (1, 20),
        &[],
    )
    .loose()
    .named(),
];
