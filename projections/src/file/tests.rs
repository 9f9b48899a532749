use domain::{BotId, Personal};
use uuid::Uuid;

use super::*;
use crate::testing::{folded, moment, recorded, sealed_text};

const SESSION: SessionId = SessionId(Uuid::from_u128(4));
const TURN: TurnId = TurnId(Uuid::from_u128(5));

fn uploaded() -> FileEvent {
    FileEvent::Uploaded(Upload {
        session_id: SESSION,
        bot_id: BotId(Uuid::from_u128(2)),
        user_id: UserId(Uuid::from_u128(3)),
        name: sealed_text(),
        media_type: "image/png".to_owned(),
        bytes: 70,
        content: Personal::Sealed(serde_json::json!({ "v": 1 })),
        uploaded_at: moment(1),
    })
}

#[test]
fn a_file_waits_until_a_turn_takes_it_or_nobody_does() {
    let row = folded::<Files, File>(9, &[uploaded()]).expect("it is there");
    assert_eq!(
        (row.state, row.turn_id, row.bytes),
        (FileState::Uploaded, None, 70)
    );
    let attached = FileEvent::Attached {
        session_id: SESSION,
        turn_id: TURN,
    };
    let row = folded::<Files, File>(9, &[uploaded(), attached]).expect("it is there");
    assert_eq!((row.state, row.turn_id), (FileState::Attached, Some(TURN)));
    let discarded = FileEvent::Discarded { session_id: SESSION };
    let row = folded::<Files, File>(9, &[uploaded(), discarded]).expect("it is there");
    assert_eq!((row.state, row.turn_id), (FileState::Discarded, None));
}

#[test]
fn nothing_happens_to_a_file_before_it_is_uploaded() {
    let mut row = None;
    let discarded = recorded::<File>(1, 9, 9, &FileEvent::Discarded { session_id: SESSION });
    assert!(matches!(
        Files::apply(&mut row, &discarded),
        Err(FoldError::Unbegun)
    ));
}
