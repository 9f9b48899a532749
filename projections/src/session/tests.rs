use domain::session::SessionEnd;

use super::*;
use crate::testing::{folded, moment, recorded, sealed_text};

fn started() -> SessionEvent {
    SessionEvent::Started {
        bot_id: BotId(Uuid::from_u128(2)),
        user_id: UserId(Uuid::from_u128(3)),
        channel: Channel::Web,
        address: Some(sealed_text()),
        secret_hash: Some("hash".to_owned()),
        started_at: moment(0),
    }
}

#[test]
fn a_session_is_open_until_it_ends() {
    let open = folded::<Sessions, Session>(9, &[started()]).expect("it was started");
    assert_eq!(
        (open.state, open.started_at, open.ended_at),
        (SessionState::Open, moment(0), None)
    );
    assert_eq!(
        (open.bot_id.0, open.user_id.0),
        (Uuid::from_u128(2), Uuid::from_u128(3))
    );

    let ended = SessionEvent::Ended {
        reason: SessionEnd::Requested,
    };
    let row = folded::<Sessions, Session>(9, &[started(), ended]).expect("it was started");
    assert_eq!((row.state, row.ended_at), (SessionState::Ended, Some(moment(2))));
}

#[test]
fn a_stream_that_is_no_session_has_no_row_here() {
    let mut event = recorded::<Session>(1, 9, 9, &started());
    event.stream.aggregate_type = "lamp".to_owned();
    assert!(matches!(Sessions::key(&event), Ok(None)));
    event.stream = event_log::StreamId::new("session", "nine");
    assert!(matches!(Sessions::key(&event), Err(FoldError::StreamId)));
}
