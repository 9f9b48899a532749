use domain::run::Suspension;
use domain::{ReplyId, TurnId, conversation::Reply};
use uuid::Uuid;

use super::*;
use crate::testing::{folded, moment, sealed_text};

fn session() -> SessionId {
    SessionId(Uuid::from_u128(4))
}

fn started() -> RunEvent {
    RunEvent::Started(RunStart {
        scripts: std::collections::BTreeMap::new(),
        bot_id: BotId(Uuid::from_u128(2)),
        session_id: session(),
        conversation_id: ConversationId(Uuid::from_u128(10)),
        user_id: UserId(Uuid::from_u128(3)),
        script: "start".to_owned(),
        program: "ab".to_owned(),
        invoked: false,
        seed: 1,
        started_at: moment(0),
    })
}

fn suspended(steps: u64, second: i64) -> RunEvent {
    RunEvent::Suspended(Suspension {
        pause: None,
        session_id: session(),
        turn_id: None,
        waits_for: "text".to_owned(),
        state: sealed_text(),
        steps,
        suspended_at: moment(second),
    })
}

fn replied() -> RunEvent {
    RunEvent::ReplyProduced(Reply {
        reply_id: ReplyId(Uuid::from_u128(40)),
        session_id: session(),
        in_reply_to: None,
        content: sealed_text(),
        attendant: None,
        produced_at: moment(1),
    })
}

fn ended(outcome: RunOutcome) -> RunEvent {
    let conversation_id = ConversationId(Uuid::from_u128(10));
    let turn_id = Some(TurnId(Uuid::from_u128(30)));
    RunEvent::Ended {
        session_id: session(),
        conversation_id,
        turn_id,
        outcome,
        ended_at: moment(9),
        returned: None,
    }
}

#[test]
fn a_run_adds_up_its_steps_and_replies_while_it_waits() {
    let events = [started(), replied(), suspended(5, 1), replied(), suspended(7, 2)];
    let row = folded::<Runs, Run>(20, &events).expect("it was started");
    assert_eq!(
        (row.state, row.waits_for.as_deref()),
        (RunState::Waiting, Some("text"))
    );
    assert_eq!((row.steps, row.reply_count, row.updated_at), (12, 2, moment(2)));
}

#[test]
fn an_ended_run_waits_for_nothing() {
    let cases = [
        (RunOutcome::Completed, Outcome::Completed),
        (RunOutcome::Cancelled, Outcome::Cancelled),
    ];
    for (outcome, expected) in cases {
        let events = [started(), suspended(5, 1), ended(outcome)];
        let row = folded::<Runs, Run>(20, &events).expect("it was started");
        assert_eq!(
            (row.state, row.outcome, row.waits_for),
            (RunState::Ended, Some(expected), None)
        );
        assert_eq!((row.ended_at, row.failure), (Some(moment(9)), None));
    }
}

#[test]
fn a_failed_run_says_where_and_keeps_the_message_sealed() {
    let failed = RunOutcome::Failed {
        code: "E9".to_owned(),
        message: sealed_text(),
        line: 3,
        column: 4,
    };
    let row = folded::<Runs, Run>(20, &[started(), ended(failed)]).expect("it was started");
    let failure = row.failure.expect("it failed");
    assert_eq!(
        (failure.code.as_str(), failure.line, failure.column),
        ("E9", 3, 4)
    );
    assert_eq!(failure.message, sealed_text());
}
