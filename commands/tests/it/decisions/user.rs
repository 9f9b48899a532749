//! Users and their sessions.

use commands::RefusalKind::{Conflict, Invalid, NotFound};
use commands::{SessionCommand, UserCommand};
use domain::session::{Channel, Session, SessionEnd, SessionEvent};
use domain::user::{User, UserEvent};
use domain::{Aggregate, BotId, Claim, Personal, UserId};

use super::{at, given, nothing, one, refused};

const USER: UserId = UserId(uuid::Uuid::from_u128(7));

fn register(login: &str, name: &str) -> UserCommand {
    UserCommand::Register {
        user: USER,
        login: login.to_owned(),
        name: name.to_owned(),
    }
}

fn rename(name: &str) -> UserCommand {
    UserCommand::Rename {
        user: USER,
        name: name.to_owned(),
    }
}

fn registered() -> UserEvent {
    UserEvent::Registered {
        login: Personal::identity(USER, "ann@example.org".to_owned()),
        name: Personal::identity(USER, "Ann".to_owned()),
    }
}

#[test]
fn a_visitor_is_admitted_once() {
    assert_eq!(
        one(&given::<User>([]), UserCommand::Admit),
        UserEvent::Admitted {}
    );
    nothing(&given::<User>([UserEvent::Admitted {}]), UserCommand::Admit);
    nothing(&given::<User>([registered()]), UserCommand::Admit);
}

#[test]
fn a_login_is_registered_in_lower_case() {
    for before in [vec![], vec![UserEvent::Admitted {}]] {
        let event = one(&given::<User>(before), register("Ann@Example.ORG", "Ann"));
        assert_eq!(event, registered());
    }
}

#[test]
fn a_login_has_no_spaces_and_a_name_is_not_blank() {
    let none = given::<User>([]);
    for bad in [
        "",
        "ab",
        "a b c",
        " ann",
        "a\tbc",
        "an\u{1}na",
        "an\u{a0}na",
        &"x".repeat(255),
    ] {
        assert_eq!(
            refused(&none, register(bad, "Ann")),
            (Invalid, "user_login_invalid"),
            "{bad:?}"
        );
    }
    for bad in ["", "  ", &"Ä".repeat(201)] {
        assert_eq!(
            refused(&none, register("ann", bad)),
            (Invalid, "user_name_invalid")
        );
        assert_eq!(
            refused(&given::<User>([registered()]), rename(bad)),
            (Invalid, "user_name_invalid")
        );
    }
    one(&none, register(&"x".repeat(254), &"Ä".repeat(200)));
}

#[test]
fn a_member_is_not_registered_again() {
    let refusal = refused(&given::<User>([registered()]), register("bob", "Bob"));
    assert_eq!(refusal, (Conflict, "user_registered"));
}

#[test]
fn a_member_is_renamed_unless_it_is_their_name() {
    let member = given::<User>([registered()]);
    nothing(&member, rename("Ann"));
    let UserEvent::Renamed { name } = one(&member, rename("Anna")) else {
        panic!("renamed");
    };
    assert_eq!(name.clear().map(String::as_str), Some("Anna"));
}

#[test]
fn a_member_whose_name_was_erased_can_be_named_again() {
    let erased = UserEvent::Registered {
        login: Personal::Erased {
            subject: USER,
            class: domain::Class::Identity,
        },
        name: Personal::Erased {
            subject: USER,
            class: domain::Class::Identity,
        },
    };
    assert_eq!(User::claims("u", &erased), []);
    one(&given::<User>([erased]), rename("Ann"));
}

#[test]
fn a_member_is_switched_off_and_on() {
    let active = given::<User>([registered()]);
    assert_eq!(one(&active, UserCommand::Deactivate), UserEvent::Deactivated {});
    nothing(&active, UserCommand::Reactivate);
    let inactive = given::<User>([registered(), UserEvent::Deactivated {}]);
    nothing(&inactive, UserCommand::Deactivate);
    assert_eq!(one(&inactive, UserCommand::Reactivate), UserEvent::Reactivated {});
}

#[test]
fn a_visitor_has_no_account_to_change() {
    let visitor = given::<User>([UserEvent::Admitted {}]);
    for command in [rename("Ann"), UserCommand::Deactivate, UserCommand::Reactivate] {
        assert_eq!(refused(&visitor, command.clone()), (Conflict, "user_is_visitor"));
        assert_eq!(refused(&given::<User>([]), command), (NotFound, "user_not_found"));
    }
}

fn start(address: Option<&str>) -> SessionCommand {
    SessionCommand::Start {
        bot_id: BotId(uuid::Uuid::from_u128(1)),
        user_id: USER,
        channel: Channel::Web,
        address: address.map(str::to_owned),
        secret_hash: None,
        at: at(0),
    }
}

const END: SessionCommand = SessionCommand::End {
    reason: SessionEnd::Requested,
};

#[test]
fn a_session_is_started_once_and_ended_once() {
    let none = given::<Session>([]);
    assert_eq!(refused(&none, END), (NotFound, "session_not_found"));
    let started = one(&none, start(None));
    let open = given::<Session>([started.clone()]);
    assert_eq!(refused(&open, start(None)), (Conflict, "session_exists"));
    let ended = one(&open, END);
    assert_eq!(
        ended,
        SessionEvent::Ended {
            reason: SessionEnd::Requested
        }
    );
    let over = given::<Session>([started, ended]);
    nothing(&over, END);
    assert_eq!(refused(&over, start(None)), (Conflict, "session_ended"));
}

#[test]
fn a_session_with_an_address_claims_it() {
    let started = one(&given::<Session>([]), start(Some("+49 1")));
    let claims = Session::claims("s", &started);
    assert!(
        matches!(&claims[..], [Claim::Take { kind: "session_address", key, .. }] if key.ends_with("/+49 1"))
    );
    let anonymous = one(&given::<Session>([]), start(None));
    assert_eq!(Session::claims("s", &anonymous), []);
}
