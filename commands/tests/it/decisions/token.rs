//! API tokens and who may do what.

use std::collections::BTreeSet;

use commands::RefusalKind::{Conflict, Invalid, NotFound};
use commands::{Actor, CommandError, TokenCommand};
use domain::token::{Token, TokenEvent};
use domain::{Permission, SessionId, TokenId, UserId};

use super::{at, given, nothing, one, refused};

fn issue(name: &str, permissions: &[Permission], expires_minute: Option<i64>) -> TokenCommand {
    TokenCommand::Issue {
        name: name.to_owned(),
        permissions: permissions.iter().copied().collect(),
        secret_hash: "5e".to_owned(),
        expires_at: expires_minute.map(at),
        at: at(10),
    }
}

fn issued() -> TokenEvent {
    TokenEvent::Issued {
        name: "ci".to_owned(),
        permissions: BTreeSet::from([Permission::BotRead]),
        secret_hash: "5e".to_owned(),
        expires_at: None,
        issued_at: at(10),
    }
}

#[test]
fn a_token_carries_what_it_was_issued_with() {
    assert_eq!(
        one(&given::<Token>([]), issue("ci", &[Permission::BotRead], None)),
        issued()
    );
}

#[test]
fn a_token_needs_a_permission() {
    let refusal = refused(&given::<Token>([]), issue("ci", &[], None));
    assert_eq!(refusal, (Invalid, "token_without_permission"));
}

#[test]
fn a_token_needs_a_name() {
    for bad in ["", " \t", &"n".repeat(201)] {
        let refusal = refused(&given::<Token>([]), issue(bad, &[Permission::BotRead], None));
        assert_eq!(refusal, (Invalid, "token_name_invalid"));
    }
}

#[test]
fn a_token_expires_after_it_is_issued() {
    let none = given::<Token>([]);
    for minute in [9, 10] {
        let refusal = refused(&none, issue("ci", &[Permission::BotRead], Some(minute)));
        assert_eq!(refusal, (Invalid, "token_expiry_invalid"));
    }
    one(&none, issue("ci", &[Permission::BotRead], Some(11)));
}

#[test]
fn a_revoked_token_stays_revoked() {
    assert_eq!(
        one(&given::<Token>([issued()]), TokenCommand::Revoke),
        TokenEvent::Revoked {}
    );
    let revoked = given::<Token>([issued(), TokenEvent::Revoked {}]);
    nothing(&revoked, TokenCommand::Revoke);
    let again = issue("ci", &[Permission::BotRead], None);
    assert_eq!(refused(&revoked, again.clone()), (Conflict, "token_exists"));
    assert_eq!(
        refused(&given::<Token>([issued()]), again),
        (Conflict, "token_exists")
    );
}

#[test]
fn a_token_that_never_was_is_not_found() {
    let refusal = refused(&given::<Token>([]), TokenCommand::Revoke);
    assert_eq!(refusal, (NotFound, "token_not_found"));
}

#[test]
fn a_visitor_has_no_permission_at_all() {
    let visitor = Actor::Visitor {
        user: UserId::default(),
        session: SessionId::default(),
    };
    let reader = Actor::Token {
        id: TokenId::default(),
        permissions: BTreeSet::from([Permission::BotRead]),
    };
    for permission in Permission::ALL {
        assert!(
            matches!(visitor.require(*permission), Err(CommandError::Denied(denied)) if denied == *permission)
        );
        assert_eq!(
            reader.require(*permission).is_ok(),
            *permission == Permission::BotRead
        );
        assert!(Actor::System("test").require(*permission).is_ok());
    }
}
