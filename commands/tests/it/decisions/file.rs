//! Files.

use commands::FileCommand;
use commands::RefusalKind::{Conflict, NotFound};
use domain::file::{File, FileEvent, Upload};
use domain::{BlobReference, BotId, Personal, SessionId, TurnId, UserId};
use uuid::Uuid;

use super::{at, given, nothing, one, refused};

const SESSION: SessionId = SessionId(Uuid::from_u128(1));
const OTHER_SESSION: SessionId = SessionId(Uuid::from_u128(2));
const TURN: TurnId = TurnId(Uuid::from_u128(3));
const OTHER_TURN: TurnId = TurnId(Uuid::from_u128(4));

fn upload() -> Upload {
    let reference = BlobReference {
        key: "a/files/1/2".to_owned(),
        secret: String::new(),
        bytes: 5,
    };
    Upload {
        session_id: SESSION,
        bot_id: BotId::default(),
        user_id: UserId::default(),
        name: Personal::conversation(UserId::default(), "a.txt".to_owned()),
        media_type: "text/plain".to_owned(),
        bytes: 5,
        content: Personal::conversation(UserId::default(), reference),
        uploaded_at: at(0),
    }
}

fn uploaded() -> FileEvent {
    FileEvent::Uploaded(upload())
}

fn attach(session_id: SessionId, turn_id: TurnId) -> FileCommand {
    FileCommand::Attach { session_id, turn_id }
}

fn attached() -> FileEvent {
    FileEvent::Attached {
        session_id: SESSION,
        turn_id: TURN,
    }
}

const DISCARDED: FileEvent = FileEvent::Discarded { session_id: SESSION };

#[test]
fn a_file_is_uploaded_once() {
    let upload = || FileCommand::Upload(Box::new(upload()));
    assert_eq!(one(&given::<File>([]), upload()), uploaded());
    assert_eq!(
        refused(&given::<File>([uploaded()]), upload()),
        (Conflict, "file_exists")
    );
}

#[test]
fn one_turn_of_its_session_takes_a_file() {
    let file = given::<File>([uploaded()]);
    assert_eq!(one(&file, attach(SESSION, TURN)), attached());
    assert_eq!(
        refused(&file, attach(OTHER_SESSION, TURN)),
        (NotFound, "file_not_found")
    );
    let taken = given::<File>([uploaded(), attached()]);
    nothing(&taken, attach(SESSION, TURN));
    assert_eq!(
        refused(&taken, attach(SESSION, OTHER_TURN)),
        (Conflict, "file_attached")
    );
    assert_eq!(
        refused(&taken, attach(OTHER_SESSION, TURN)),
        (NotFound, "file_not_found")
    );
}

#[test]
fn only_a_file_that_no_turn_has_is_discarded() {
    assert_eq!(one(&given::<File>([uploaded()]), FileCommand::Discard), DISCARDED);
    let taken = given::<File>([uploaded(), attached()]);
    assert_eq!(refused(&taken, FileCommand::Discard), (Conflict, "file_attached"));
    let gone = given::<File>([uploaded(), DISCARDED]);
    nothing(&gone, FileCommand::Discard);
    assert_eq!(
        refused(&gone, attach(SESSION, TURN)),
        (NotFound, "file_not_found")
    );
    assert_eq!(
        refused(&given::<File>([]), FileCommand::Discard),
        (NotFound, "file_not_found")
    );
}
