//! One example of every event, as this version writes it: sealed values as the log stores them.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use domain::access::{AccessEvent, Denial};
use domain::bot::{BotEvent, Finding, Package, Profile, Script, Severity};
use domain::conversation::{
    ChangedBy, Control, ControlChange, ConversationEnd, ConversationEvent, Invocation, Note, Priority,
    Rating, Reply, Turn,
};
use domain::drive::{DriveEvent, FileOrigin, WrittenFile};
use domain::file::{FileEvent, Upload};
use domain::memory::{MemoryEvent, MemoryScope};
use domain::organisation::OrganisationEvent;
use domain::projection::ProjectionEvent;
use domain::run::{
    DataOperation, DataStatement, Publication, Recording, RunEvent, RunOutcome, RunStart, Suspension,
};
use domain::schedule::{ScheduleEvent, Timetable, When};
use domain::session::{Channel, SessionEnd, SessionEvent};
use domain::token::TokenEvent;
use domain::trigger::{Trigger, TriggerCause};
use domain::user::{ErasedRows, UserEvent};
use domain::{Permission, Personal, encode};
use serde_json::{Value, json};
use uuid::Uuid;

/// Event type, version and payload.
pub fn all() -> Vec<(String, u16, Value)> {
    let mut written = Vec::new();
    written.extend(organisation().iter().map(|event| encode(event).expect("encodes")));
    written.extend(user().iter().map(|event| encode(event).expect("encodes")));
    written.extend(bot().iter().map(|event| encode(event).expect("encodes")));
    written.extend(session().iter().map(|event| encode(event).expect("encodes")));
    written.extend(drive().iter().map(|event| encode(event).expect("encodes")));
    written.extend(file().iter().map(|event| encode(event).expect("encodes")));
    written.extend(conversation().iter().map(|event| encode(event).expect("encodes")));
    written.extend(memory().iter().map(|event| encode(event).expect("encodes")));
    written.extend(run().iter().map(|event| encode(event).expect("encodes")));
    written.extend(schedule().iter().map(|event| encode(event).expect("encodes")));
    written.extend(token().iter().map(|event| encode(event).expect("encodes")));
    written.extend(projection().iter().map(|event| encode(event).expect("encodes")));
    written.extend(access().iter().map(|event| encode(event).expect("encodes")));
    written
}

pub fn organisation() -> Vec<OrganisationEvent> {
    vec![
        OrganisationEvent::Created {
            name: "Harbour".into(),
        },
        OrganisationEvent::Renamed {
            name: "Harbour North".into(),
        },
    ]
}

pub fn user() -> Vec<UserEvent> {
    vec![
        UserEvent::Admitted {},
        UserEvent::Registered {
            login: sealed("identity"),
            name: sealed("identity"),
        },
        UserEvent::Renamed {
            name: sealed("identity"),
        },
        UserEvent::Deactivated {},
        UserEvent::Reactivated {},
        UserEvent::RowsErased(ErasedRows {
            bot_id: id(3).into(),
            table: "guests".into(),
            rows: 2,
            digest: "d1".repeat(32),
            erased_at: at(),
        }),
        UserEvent::Erased {
            login: Some(sealed("identity")),
            erased_at: at(),
        },
        UserEvent::LoginReleased { released_at: at() },
    ]
}

pub fn bot() -> Vec<BotEvent> {
    let script = Script {
        source: "5e".repeat(32),
        program: Some("c0".repeat(32)),
        findings: vec![Finding {
            code: "B0101".into(),
            severity: Severity::Error,
            message: "the string is not closed".into(),
            line: 3,
            column: 6,
            help: None,
        }],
    };
    let profile = Profile {
        title: "Harbour desk".into(),
        description: String::new(),
        color1: Some("#0b7285".into()),
        color2: None,
        no_answer: "I have no answer to that yet.".into(),
        system_prompt: Some("You answer for the harbour office.".into()),
        timezone: None,
    };
    let scripts = BTreeMap::from([("start".to_owned(), script)]);
    vec![
        BotEvent::Created {
            name: "harbour".into(),
        },
        BotEvent::PackageLoaded(Box::new(Package {
            digest: "d1".repeat(32),
            scripts,
            profile,
            findings: Vec::new(),
        })),
        BotEvent::Paused {},
        BotEvent::Resumed {},
        BotEvent::Retired {
            name: "harbour".into(),
        },
    ]
}

pub fn session() -> Vec<SessionEvent> {
    vec![
        SessionEvent::Started {
            bot_id: id(3).into(),
            user_id: id(2).into(),
            channel: Channel::Web,
            address: Some(sealed("identity")),
            secret_hash: Some("5a".repeat(32)),
            started_at: at(),
        },
        SessionEvent::Ended {
            reason: SessionEnd::Requested,
        },
    ]
}

pub fn drive() -> Vec<DriveEvent> {
    vec![
        DriveEvent::FileWritten(WrittenFile {
            bot_id: id(3).into(),
            file_id: id(14).into(),
            file: sealed("identity"),
            media_type: "text/csv".into(),
            bytes: 210,
            origin: FileOrigin::Package {
                path: "prices.csv".into(),
                digest: "f1".repeat(32),
            },
            change: None,
            written_at: at(),
        }),
        DriveEvent::FileMoved {
            bot_id: id(3).into(),
            file_id: id(14).into(),
            from: None,
            change: None,
            file: sealed("conversation"),
            moved_at: at(),
        },
        DriveEvent::FileRemoved {
            bot_id: id(3).into(),
            file_id: id(14).into(),
            path: None,
            change: None,
            removed_at: at(),
        },
        DriveEvent::FileUnmounted {
            bot_id: id(3).into(),
            path: "prices.csv".into(),
        },
    ]
}

pub fn file() -> Vec<FileEvent> {
    vec![
        FileEvent::Uploaded(Upload {
            session_id: id(4).into(),
            bot_id: id(3).into(),
            user_id: id(2).into(),
            name: sealed("conversation"),
            media_type: "image/png".into(),
            bytes: 70,
            content: sealed("conversation"),
            uploaded_at: at(),
        }),
        FileEvent::Attached {
            session_id: id(4).into(),
            turn_id: id(12).into(),
        },
        FileEvent::Discarded {
            session_id: id(4).into(),
        },
    ]
}

pub fn conversation() -> Vec<ConversationEvent> {
    vec![
        ConversationEvent::Started {
            session_id: id(4).into(),
            bot_id: id(3).into(),
            user_id: id(2).into(),
            started_at: at(),
            trigger: None,
        },
        ConversationEvent::TurnReceived(Turn {
            turn_id: id(6).into(),
            session_id: id(4).into(),
            message_id: Some(id(7)),
            content: sealed("conversation"),
            files: None,
            invokes: None,
            received_at: at(),
        }),
        ConversationEvent::TurnReceived(Turn {
            turn_id: id(12).into(),
            session_id: id(4).into(),
            message_id: Some(id(13)),
            content: sealed("conversation"),
            files: Some(sealed("conversation")),
            invokes: Some(Invocation {
                tool: "book".into(),
                arguments: sealed("conversation"),
            }),
            received_at: at(),
        }),
        ConversationEvent::ReplyProduced(reply()),
        ConversationEvent::ReplyRated {
            session_id: id(4).into(),
            reply_id: id(8).into(),
            rating: Some(Rating::Good),
            rated_at: at(),
        },
        ConversationEvent::ControlChanged(ControlChange {
            session_id: id(4).into(),
            control: Control::WaitingForHuman,
            by: ChangedBy::Script {
                run_id: id(10).into(),
            },
            attendant: Some(sealed("conversation")),
            reason: Some(sealed("conversation")),
            department: Some("support".into()),
            priority: Priority::High,
            changed_at: at(),
        }),
        ConversationEvent::TurnLeftToHuman {
            session_id: id(4).into(),
            turn_id: id(12).into(),
        },
        ConversationEvent::PrioritySet {
            session_id: id(4).into(),
            priority: Priority::Urgent,
            by: ChangedBy::Token {
                token_id: id(14).into(),
            },
        },
        ConversationEvent::Tagged {
            session_id: id(4).into(),
            tag: "refund".into(),
            by: ChangedBy::Server,
        },
        ConversationEvent::Noted(Note {
            session_id: id(4).into(),
            by: ChangedBy::Token {
                token_id: id(14).into(),
            },
            text: sealed("conversation"),
            noted_at: at(),
        }),
        ConversationEvent::Ended {
            session_id: id(4).into(),
            reason: ConversationEnd::Idle,
        },
        ConversationEvent::Started {
            session_id: id(4).into(),
            bot_id: id(3).into(),
            user_id: id(2).into(),
            started_at: at(),
            trigger: Some(Box::new(Trigger {
                script: "report".into(),
                cause: TriggerCause::Schedule {
                    schedule_id: id(14).into(),
                    due_at: at(),
                },
                depth: 0,
                given: sealed("conversation"),
                row: None,
                path: None,
            })),
        },
        ConversationEvent::Ended {
            session_id: id(4).into(),
            reason: ConversationEnd::Completed,
        },
    ]
}

pub fn schedule() -> Vec<ScheduleEvent> {
    let timetable = Timetable {
        bot_id: id(3).into(),
        script: "report".into(),
        when: When::Again {
            cron: "0 9 * * 1-5".into(),
        },
        timezone: "Europe/Lisbon".into(),
        job: None,
        from: Some(at()),
        user_id: None,
        set_at: at(),
    };
    let once = Timetable {
        when: When::Once { at: at() },
        job: Some(sealed("conversation")),
        from: None,
        user_id: Some(id(2).into()),
        ..timetable.clone()
    };
    let fired = ScheduleEvent::Fired {
        due_at: at(),
        fired_at: at(),
    };
    vec![
        ScheduleEvent::Set(timetable),
        fired.clone(),
        ScheduleEvent::Paused { paused_at: at() },
        ScheduleEvent::Resumed { resumed_at: at() },
        ScheduleEvent::Started { started_at: at() },
        ScheduleEvent::Cleared { cleared_at: at() },
        ScheduleEvent::Set(once),
        fired,
    ]
}

pub fn memory() -> Vec<MemoryEvent> {
    let scope = MemoryScope::Bot { bot_id: id(3).into() };
    vec![
        MemoryEvent::Set {
            scope,
            entries: sealed("conversation"),
            others: Vec::new(),
            set_at: at(),
        },
        MemoryEvent::Cleared {
            scope: MemoryScope::User {
                user_id: id(2).into(),
            },
            keys: Some(sealed("conversation")),
        },
        MemoryEvent::Set {
            scope: MemoryScope::Session {
                session_id: id(4).into(),
            },
            entries: sealed("conversation"),
            others: Vec::new(),
            set_at: at(),
        },
        MemoryEvent::Cleared { scope, keys: None },
    ]
}

pub fn run() -> Vec<RunEvent> {
    vec![
        RunEvent::Started(RunStart {
            scripts: BTreeMap::new(),
            bot_id: id(3).into(),
            session_id: id(4).into(),
            conversation_id: id(5).into(),
            user_id: id(2).into(),
            script: "start".into(),
            program: "c0".repeat(32),
            invoked: false,
            seed: 42,
            started_at: at(),
        }),
        RunEvent::ReplyProduced(reply()),
        RunEvent::AnswerMasked {
            session_id: id(4).into(),
            turn_id: id(6).into(),
        },
        RunEvent::Recorded(Recording {
            session_id: id(4).into(),
            turn_id: Some(id(6).into()),
            answers: sealed("conversation"),
            statement: Some(DataStatement {
                table: "guests".into(),
                operation: DataOperation::Insert,
                rows: 1,
                digest: "d1".repeat(32),
                bot_id: None,
                added: None,
                keys: None,
                values: Vec::new(),
            }),
            replaces_last: false,
            depth: 0,
            recorded_at: at(),
        }),
        RunEvent::EventPublished(Publication {
            session_id: id(4).into(),
            bot_id: id(3).into(),
            name: "boat_arrived".into(),
            data: sealed("conversation"),
            depth: 1,
            published_at: at(),
        }),
        RunEvent::Suspended(Suspension {
            pause: None,
            session_id: id(4).into(),
            turn_id: None,
            waits_for: "text".into(),
            state: sealed("conversation"),
            steps: 17,
            suspended_at: at(),
        }),
        RunEvent::Ended {
            session_id: id(4).into(),
            conversation_id: id(5).into(),
            turn_id: Some(id(6).into()),
            outcome: RunOutcome::Failed {
                code: "R0101".into(),
                message: sealed("conversation"),
                line: 9,
                column: 1,
            },
            ended_at: at(),
            returned: Some(sealed("conversation")),
        },
    ]
}

pub fn token() -> Vec<TokenEvent> {
    vec![
        TokenEvent::Issued {
            name: "dashboards".into(),
            permissions: [Permission::BotRead, Permission::RunRead].into(),
            secret_hash: "5a".repeat(32),
            expires_at: Some(at()),
            issued_at: at(),
        },
        TokenEvent::Revoked {},
    ]
}

pub fn projection() -> Vec<ProjectionEvent> {
    vec![ProjectionEvent::EventSkipped {
        projection: "conversation".into(),
        position: 4_711,
        event_id: Uuid::from_u128(11),
        event_type: "turn.received".into(),
        reason: "written by a version that was taken back".into(),
    }]
}

pub fn access() -> Vec<AccessEvent> {
    vec![AccessEvent::Denied {
        reason: Denial::Unauthenticated,
        address_hash: "a0".repeat(32),
        count: 12,
        minute: at(),
    }]
}

fn reply() -> Reply {
    Reply {
        reply_id: id(8).into(),
        session_id: id(4).into(),
        in_reply_to: Some(id(6).into()),
        content: sealed("conversation"),
        attendant: None,
        produced_at: at(),
    }
}

fn sealed<T>(class: &str) -> Personal<T> {
    Personal::Sealed(json!({
        "v": 1, "s": id(2), "c": class, "m": "2026-11", "k": 1, "t": id(1), "e": id(9), "f": "/content",
        "n": "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA", "x": "c2VhbGVk"
    }))
}

fn id(number: u128) -> Uuid {
    Uuid::from_u128(number)
}

fn at() -> DateTime<Utc> {
    DateTime::from_timestamp(1_795_000_000, 0).expect("a valid moment")
}
