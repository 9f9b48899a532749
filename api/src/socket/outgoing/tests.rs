//! What frames look like on the wire.

use chrono::TimeZone;
use domain::session::{Channel, OpenSession};
use domain::{BotId, ConversationId, FileId, OrganisationId, SessionId, UserId};
use event_log::Position;

use super::*;

fn parties() -> Parties {
    Parties::from(&VisitorSession {
        tenant: OrganisationId(Uuid::from_u128(1)),
        session_id: SessionId(Uuid::from_u128(2)),
        open: OpenSession {
            bot_id: BotId(Uuid::from_u128(3)),
            user_id: UserId(Uuid::from_u128(4)),
            channel: Channel::Web,
            secret_hash: None,
        },
    })
}

fn row(said: Said) -> TurnRow {
    TurnRow {
        conversation_id: ConversationId(Uuid::from_u128(5)),
        session_id: SessionId(Uuid::from_u128(2)),
        position: Position(42),
        at: Utc
            .with_ymd_and_hms(2026, 11, 22, 10, 0, 0)
            .single()
            .expect("a moment"),
        said,
    }
}

fn parsed(frame: &str) -> Value {
    serde_json::from_str(frame).expect("a frame is JSON")
}

#[test]
fn a_turn_shows_who_said_what_and_where_it_stands() {
    let said = Said::ByVisitor {
        turn_id: TurnId(Uuid::from_u128(6)),
        message_id: Some(Uuid::from_u128(7)),
        files: None,
        content: Some(Personal::conversation(
            UserId(Uuid::from_u128(4)),
            "hello".to_owned(),
        )),
    };
    let frame = parsed(&of_row(&parties(), &row(said), &SetUp::default()));
    assert_eq!(
        frame,
        json!({
            "bot_id": Uuid::from_u128(3), "user_id": Uuid::from_u128(4), "session_id": Uuid::from_u128(2),
            "channel": "web", "content": "hello", "message_type": 1, "is_complete": true, "position": 42,
            "message_id": Uuid::from_u128(7), "turn_id": Uuid::from_u128(6), "at": "2026-11-22T10:00:00.000Z",
        })
    );
}

#[test]
fn a_reply_carries_its_suggestions_and_what_it_answers() {
    let action = SuggestionAction::SendMessage {
        message: "yes please".to_owned(),
    };
    let content = ReplyContent {
        text: "Sure?".to_owned(),
        suggestions: vec![Suggestion {
            text: "Yes".to_owned(),
            context: None,
            action,
        }],
        files: vec![AttachedFile {
            file_id: FileId(Uuid::from_u128(9)),
            name: "receipt.pdf".to_owned(),
            media_type: "application/pdf".to_owned(),
            bytes: 70,
        }],
        ..ReplyContent::default()
    };
    let said = Said::ByBot {
        reply_id: ReplyId(Uuid::from_u128(8)),
        in_reply_to: Some(TurnId(Uuid::from_u128(6))),
        run_id: None,
        content: Personal::conversation(UserId(Uuid::from_u128(4)), content),
        attendant: None,
        rating: Some(Rating::Good),
    };
    let frame = parsed(&of_row(&parties(), &row(said), &SetUp::default()));
    assert_eq!(
        frame["suggestions"],
        json!([{ "text": "Yes", "action": { "type": "send_message", "message": "yes please" } }])
    );
    assert_eq!(frame["files"][0]["name"], "receipt.pdf");
    assert_eq!(frame["message_type"], 2);
    assert_eq!(frame["in_reply_to"], json!(Uuid::from_u128(6)));
    assert_eq!(frame["turn_id"], frame["in_reply_to"]);
    assert_eq!(frame["reply_id"], json!(Uuid::from_u128(8)));
    assert!(frame.get("event").is_none() && frame.get("type").is_none());
}

#[test]
fn what_was_erased_is_an_empty_text_that_says_so() {
    let content = Personal::Erased {
        subject: UserId::default(),
        class: domain::Class::Conversation,
    };
    let said = Said::ByVisitor {
        turn_id: TurnId::default(),
        message_id: None,
        content: Some(content),
        files: None,
    };
    let frame = parsed(&of_row(&parties(), &row(said), &SetUp::default()));
    assert_eq!((&frame["content"], &frame["erased"]), (&json!(""), &json!(true)));
}

#[test]
fn a_secret_answer_is_an_empty_text_that_says_so() {
    let said = Said::ByVisitor {
        turn_id: TurnId::default(),
        message_id: None,
        content: None,
        files: None,
    };
    let frame = parsed(&of_row(&parties(), &row(said), &SetUp::default()));
    assert_eq!((&frame["content"], &frame["masked"]), (&json!(""), &json!(true)));
    assert_eq!(frame.get("erased"), None);
}

#[test]
fn an_error_names_the_message_where_it_can() {
    let frame = parsed(&command_error(&CommandError::Contended, Some(Uuid::from_u128(7))));
    assert_eq!(frame["event"], "error");
    assert_eq!(frame["data"]["code"], "contended");
    assert_eq!(frame["data"]["retryable"], true);
    assert_eq!(frame["data"]["message_id"], json!(Uuid::from_u128(7)));
    assert!(
        parsed(&frame_error(&FrameError::bad("no")))["data"]
            .get("message_id")
            .is_none()
    );
}

#[test]
fn an_unexpected_cause_is_not_shown() {
    let frame = command_error(&CommandError::Unexpected("select * from secrets".into()), None);
    assert!(!frame.contains("secrets"), "{frame}");
}

#[test]
fn the_first_frame_shows_the_session_but_not_its_secret() {
    let frame = parsed(&connected(&parties(), "support"));
    assert_eq!(frame["type"], "connected");
    assert_eq!(frame["session_id"], json!(Uuid::from_u128(2)));
    assert_eq!(
        (&frame["bot_name"], &frame["tools"]),
        (&json!("support"), &json!([]))
    );
}
