//! Conversations and runs.

use chrono::TimeDelta;
use commands::RefusalKind::{Conflict, NotFound};
use commands::{ConversationCommand, RunCommand};
use domain::conversation::{Conversation, ConversationEnd, ConversationEvent, Turn};
use domain::run::{Run, RunEvent, RunOutcome, RunStart, StoredRun, Suspension};
use domain::{BotId, ConversationId, Personal, SessionId, TurnId, UserId};
use uuid::Uuid;

use super::{at, given, nothing, one, refused};

const SESSION: SessionId = SessionId(Uuid::from_u128(1));

fn start() -> ConversationCommand {
    ConversationCommand::Start {
        session_id: SESSION,
        bot_id: BotId::default(),
        user_id: UserId::default(),
        at: at(0),
    }
}

fn expire(minute: i64) -> ConversationCommand {
    ConversationCommand::Expire {
        idle: TimeDelta::minutes(30),
        at: at(minute),
    }
}

const END: ConversationCommand = ConversationCommand::End {
    reason: ConversationEnd::Requested,
};

fn started() -> ConversationEvent {
    one(&given::<Conversation>([]), start())
}

fn turn(minute: i64) -> ConversationEvent {
    ConversationEvent::TurnReceived(Turn {
        turn_id: TurnId::default(),
        session_id: SESSION,
        message_id: None,
        content: Personal::conversation(UserId::default(), "hi".to_owned()),
        files: None,
        invokes: None,
        received_at: at(minute),
    })
}

fn ended(reason: ConversationEnd) -> ConversationEvent {
    ConversationEvent::Ended {
        session_id: SESSION,
        reason,
    }
}

#[test]
fn a_conversation_is_started_once() {
    for events in [vec![started()], vec![started(), ended(ConversationEnd::Idle)]] {
        let refusal = refused(&given::<Conversation>(events), start());
        assert_eq!(refusal, (Conflict, "conversation_exists"));
    }
}

#[test]
fn a_conversation_expires_when_it_rested_longer_than_allowed() {
    let quiet = given::<Conversation>([started()]);
    nothing(&quiet, expire(30));
    assert_eq!(one(&quiet, expire(31)), ended(ConversationEnd::Idle));
}

#[test]
fn a_turn_keeps_a_conversation_awake() {
    let talking = given::<Conversation>([started(), turn(20)]);
    nothing(&talking, expire(50));
    assert_eq!(one(&talking, expire(51)), ended(ConversationEnd::Idle));
}

#[test]
fn an_ended_conversation_does_not_end_again() {
    assert_eq!(
        one(&given::<Conversation>([started()]), END),
        ended(ConversationEnd::Requested)
    );
    let over = given::<Conversation>([started(), ended(ConversationEnd::Requested), turn(1)]);
    nothing(&over, END);
    nothing(&over, expire(100));
}

#[test]
fn a_conversation_that_never_was_is_not_found() {
    for command in [END, expire(0)] {
        let refusal = refused(&given::<Conversation>([]), command);
        assert_eq!(refusal, (NotFound, "conversation_not_found"));
    }
}

fn run_started() -> RunEvent {
    RunEvent::Started(RunStart {
        scripts: std::collections::BTreeMap::new(),
        bot_id: BotId::default(),
        session_id: SESSION,
        conversation_id: ConversationId(Uuid::from_u128(2)),
        user_id: UserId::default(),
        script: "start".to_owned(),
        program: "00".to_owned(),
        invoked: false,
        seed: 1,
        started_at: at(0),
    })
}

fn suspended() -> RunEvent {
    RunEvent::Suspended(Suspension {
        pause: None,
        session_id: SESSION,
        turn_id: None,
        waits_for: "text".to_owned(),
        state: Personal::<StoredRun>::Erased {
            subject: UserId::default(),
            class: domain::Class::Conversation,
        },
        steps: 1,
        suspended_at: at(0),
    })
}

#[test]
fn a_run_is_cancelled_wherever_it_is_and_only_once() {
    let cancel = RunCommand::Cancel { at: at(5) };
    assert_eq!(
        refused(&given::<Run>([]), cancel.clone()),
        (NotFound, "run_not_found")
    );
    for events in [vec![run_started()], vec![run_started(), suspended()]] {
        let event = one(&given::<Run>(events.clone()), cancel.clone());
        assert!(matches!(
            &event,
            RunEvent::Ended { outcome: RunOutcome::Cancelled, ended_at, turn_id: None, .. } if *ended_at == at(5)
        ));
        let over = given::<Run>(events.into_iter().chain([event]));
        nothing(&over, cancel.clone());
    }
}
