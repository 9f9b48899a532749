use domain::conversation::ReplyContent;
use domain::{Personal, ReplyId, RunId, TurnId};

use super::*;
use crate::testing::{erased_text, fold_all, moment, recorded, sealed_text};

const CONVERSATION: u128 = 10;
const RUN: u128 = 20;

fn session() -> SessionId {
    SessionId(Uuid::from_u128(4))
}

fn started() -> RecordedEvent {
    let event = ConversationEvent::Started {
        session_id: session(),
        bot_id: BotId(Uuid::from_u128(2)),
        user_id: UserId(Uuid::from_u128(3)),
        started_at: moment(0),
        trigger: None,
    };
    recorded::<Conversation>(1, CONVERSATION, CONVERSATION, &event)
}

fn turn(position: i64, content: Personal<String>) -> RecordedEvent {
    let turn = Turn {
        turn_id: TurnId(Uuid::from_u128(30)),
        session_id: session(),
        message_id: Some(Uuid::from_u128(31)),
        content,
        files: None,
        invokes: None,
        received_at: moment(position),
    };
    recorded::<Conversation>(
        position,
        CONVERSATION,
        CONVERSATION,
        &ConversationEvent::TurnReceived(turn),
    )
}

fn reply(content: Personal<ReplyContent>) -> Reply {
    let reply_id = ReplyId(Uuid::from_u128(40));
    let in_reply_to = Some(TurnId(Uuid::from_u128(30)));
    Reply {
        reply_id,
        session_id: session(),
        in_reply_to,
        content,
        attendant: None,
        produced_at: moment(7),
    }
}

fn run_said(position: i64, ordering_key: u128) -> RecordedEvent {
    recorded::<Run>(
        position,
        RUN,
        ordering_key,
        &RunEvent::ReplyProduced(reply(sealed_text())),
    )
}

#[test]
fn turns_and_replies_are_counted_wherever_they_were_recorded() {
    let bot_said = ConversationEvent::ReplyProduced(reply(sealed_text()));
    let bot_said = recorded::<Conversation>(6, CONVERSATION, CONVERSATION, &bot_said);
    let events = [
        started(),
        turn(4, sealed_text()),
        run_said(5, CONVERSATION),
        bot_said,
    ];
    let Fold { row, turns, .. } = fold_all::<Conversations>(&events)
        .expect("it folds")
        .row
        .expect("it started");
    assert_eq!(
        (row.turn_count, row.reply_count, row.active_at),
        (1, 2, moment(4))
    );
    let said: Vec<_> = turns
        .iter()
        .map(|turn| (turn.position.0, turn.author, turn.run_id))
        .collect();
    let run = Some(RunId(Uuid::from_u128(RUN)).0);
    assert_eq!(
        said,
        [
            (4, Author::Visitor, None),
            (5, Author::Bot, run),
            (6, Author::Bot, None)
        ]
    );
}

#[test]
fn an_event_is_folded_once_however_often_it_is_seen() {
    let events = [started(), turn(4, sealed_text()), run_said(5, CONVERSATION)];
    let once = fold_all::<Conversations>(&events).expect("it folds");
    let again = [&events[..], &events[..], &events[1..2]].concat();
    assert_eq!(fold_all::<Conversations>(&again).expect("it folds"), once);
    let row = once.row.expect("it started").row;
    assert_eq!((row.turn_count, row.reply_count), (1, 1));
}

#[test]
fn what_a_run_says_belongs_to_the_conversation_it_orders_by() {
    let conversation = ConversationId(Uuid::from_u128(CONVERSATION));
    assert!(matches!(Conversations::key(&run_said(5, CONVERSATION)), Ok(Some(id)) if id == conversation));
    assert!(matches!(Conversations::key(&run_said(5, RUN)), Ok(None)));
}

#[test]
fn an_ended_conversation_says_why_and_when() {
    let end = ConversationEvent::Ended {
        session_id: session(),
        reason: ConversationEnd::Idle,
    };
    let end = recorded::<Conversation>(9, CONVERSATION, CONVERSATION, &end);
    let Fold { row, .. } = fold_all::<Conversations>(&[started(), end])
        .expect("it folds")
        .row
        .expect("it started");
    assert_eq!(
        (row.state, row.end),
        (ConversationState::Ended, Some(ConversationEnd::Idle))
    );
    assert_eq!(row.ended_at, Some(moment(9)));
}

#[test]
fn sealed_and_erased_content_is_kept_as_it_is_and_clear_content_refused() {
    for content in [sealed_text(), erased_text()] {
        let marker = serde_json::to_value(&content).expect("a marker is JSON");
        let folded = fold_all::<Conversations>(&[started(), turn(2, content)]).expect("it folds");
        assert_eq!(folded.row.expect("it started").turns[0].content, marker);
    }
    let clear = Personal::conversation(UserId::default(), "hello".to_owned());
    let error = fold_all::<Conversations>(&[started(), turn(2, clear)]).expect_err("it is clear");
    assert!(matches!(error, FoldError::Unsealed));
}
