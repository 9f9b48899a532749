use uuid::Uuid;

use super::*;
use crate::fold::FoldError;
use crate::testing::{folded, sealed_text};

fn registered() -> UserEvent {
    UserEvent::Registered {
        login: sealed_text(),
        name: sealed_text(),
    }
}

#[test]
fn a_visitor_who_registers_has_an_account_that_is_switched_off_and_on() {
    let row = folded::<Users, User>(3, &[UserEvent::Admitted {}]).expect("they came");
    assert_eq!((row.kind(), row.account), (UserKind::Visitor, None));
    let mut events = vec![UserEvent::Admitted {}, registered(), UserEvent::Deactivated {}];
    let row = folded::<Users, User>(3, &events).expect("they came");
    assert_eq!(
        (row.kind(), row.account.map(|account| account.active)),
        (UserKind::Member, Some(false))
    );
    events.push(UserEvent::Reactivated {});
    let row = folded::<Users, User>(3, &events).expect("they came");
    assert_eq!(row.account.map(|account| account.active), Some(true));
}

#[test]
fn somebody_may_register_without_having_visited() {
    let events = [registered(), UserEvent::Renamed { name: sealed_text() }];
    let row = folded::<Users, User>(3, &events).expect("they came");
    assert_eq!(row.id, UserId(Uuid::from_u128(3)));
    assert!(row.account.is_some_and(|account| account.active));
}

#[test]
fn nobody_is_renamed_who_has_no_account() {
    let mut row = None;
    let renamed = crate::testing::recorded::<User>(1, 3, 3, &UserEvent::Renamed { name: sealed_text() });
    assert!(matches!(
        Users::apply(&mut row, &renamed),
        Err(FoldError::Unbegun)
    ));
}
