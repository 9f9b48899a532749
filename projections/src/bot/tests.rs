use domain::bot::{Finding, Severity};

use super::*;
use crate::testing::{fold_all, folded, moment, recorded};

fn created() -> BotEvent {
    BotEvent::Created {
        name: "shop".to_owned(),
    }
}

fn package(severity: Severity) -> Package {
    let finding = Finding {
        code: "E1".to_owned(),
        severity,
        message: "here".to_owned(),
        line: 1,
        column: 2,
        help: None,
    };
    let script = Script {
        source: "ab".to_owned(),
        program: None,
        findings: vec![finding],
    };
    let scripts = BTreeMap::from([("start".to_owned(), script)]);
    Package {
        digest: "d1".to_owned(),
        scripts,
        profile: Profile::default(),
        findings: Vec::new(),
    }
}

#[test]
fn a_new_bot_is_active_and_has_no_package() {
    let row = folded::<Bots, Bot>(5, &[created()]).expect("it was created");
    assert_eq!(
        (row.state, row.package, row.broken),
        (BotState::Active, None, false)
    );
    assert_eq!((row.id, row.created_at), (BotId(Uuid::from_u128(5)), moment(1)));
}

#[test]
fn a_bot_is_broken_by_an_error_and_not_by_a_warning() {
    for (severity, broken) in [(Severity::Error, true), (Severity::Warning, false)] {
        let events = [created(), BotEvent::PackageLoaded(Box::new(package(severity)))];
        let row = folded::<Bots, Bot>(5, &events).expect("it was created");
        assert_eq!((row.broken, row.loaded_at), (broken, Some(moment(2))));
        assert_eq!(row.package, Some(package(severity)));
    }
}

#[test]
fn a_bot_is_paused_resumed_and_retired_for_good() {
    let retired = BotEvent::Retired {
        name: "shop".to_owned(),
    };
    let steps = [
        (BotEvent::Paused {}, BotState::Paused),
        (BotEvent::Resumed {}, BotState::Active),
        (retired, BotState::Retired),
        (BotEvent::Resumed {}, BotState::Retired),
    ];
    let mut events = vec![created()];
    for (event, state) in steps {
        events.push(event);
        assert_eq!(
            folded::<Bots, Bot>(5, &events).expect("it was created").state,
            state
        );
    }
}

#[test]
fn an_unknown_event_is_passed_over_and_a_malformed_one_is_not() {
    let mut unknown = recorded::<Bot>(2, 5, 5, &BotEvent::Paused {});
    unknown.event_type = "bot.promoted".to_owned();
    let row = fold_all::<Bots>(&[recorded::<Bot>(1, 5, 5, &created()), unknown]).expect("it is passed over");
    assert_eq!(row.row.map(|row| row.state), Some(BotState::Active));

    let mut malformed = recorded::<Bot>(1, 5, 5, &created());
    malformed.payload = serde_json::json!({ "name": 7 });
    let error = fold_all::<Bots>(&[malformed])
        .expect_err("a name is text")
        .to_string();
    assert_eq!(
        error,
        "event bot.created does not have the form this version reads"
    );
}

#[test]
fn an_event_before_the_first_of_its_row_is_refused() {
    let error = fold_all::<Bots>(&[recorded::<Bot>(1, 5, 5, &BotEvent::Paused {})]).expect_err("no bot");
    assert!(matches!(error, FoldError::Unbegun));
}
