//! Bots and the organisations they belong to.

use commands::RefusalKind::{Conflict, Invalid, NotFound};
use commands::{BotCommand, OrganisationCommand};
use domain::bot::{Bot, BotEvent, Package};
use domain::organisation::{Organisation, OrganisationEvent};
use domain::{Aggregate, Claim};

use super::{given, nothing, one, refused};

fn create(name: &str) -> BotCommand {
    BotCommand::Create {
        name: name.to_owned(),
    }
}

fn created() -> BotEvent {
    BotEvent::Created {
        name: "shop".to_owned(),
    }
}

fn retired() -> BotEvent {
    BotEvent::Retired {
        name: "shop".to_owned(),
    }
}

fn package(digest: &str) -> Package {
    Package {
        digest: digest.to_owned(),
        ..Package::default()
    }
}

#[test]
fn a_bot_is_created_under_its_name_in_lower_case() {
    assert_eq!(one(&given::<Bot>([]), create("Shop")), created());
}

#[test]
fn a_bot_is_created_once() {
    for events in [vec![created()], vec![created(), BotEvent::Paused {}]] {
        assert_eq!(
            refused(&given::<Bot>(events), create("shop")),
            (Conflict, "bot_exists")
        );
    }
}

#[test]
fn a_name_stands_in_an_address_as_it_is() {
    for good in ["a", "0", "shop-2", "a_b", &"x".repeat(64), "api2", "apis"] {
        let event = one(&given::<Bot>([]), create(good));
        assert_eq!(
            event,
            BotEvent::Created {
                name: good.to_owned()
            }
        );
    }
    for bad in [
        "",
        " ",
        "-a",
        "_a",
        "a b",
        "a/b",
        "a.b",
        "..",
        "shöp",
        "сайт",
        "ſhop",
        "a\0",
        "a\n b",
        "a%41",
        "🤖",
        &"x".repeat(65),
    ] {
        assert_eq!(
            refused(&given::<Bot>([]), create(bad)),
            (Invalid, "bot_name_invalid"),
            "{bad:?}"
        );
    }
}

#[test]
fn a_bot_cannot_have_the_name_of_a_page_of_the_server() {
    for reserved in [
        "api", "API", "ws", "graphql", "metrics", "readyz", "webhook", "assets",
    ] {
        let refusal = refused(&given::<Bot>([]), create(reserved));
        assert_eq!(refusal, (Invalid, "bot_name_reserved"), "{reserved}");
    }
}

#[test]
fn a_bot_is_paused_and_resumed() {
    let active = given::<Bot>([created()]);
    assert_eq!(one(&active, BotCommand::Pause), BotEvent::Paused {});
    let paused = given::<Bot>([created(), BotEvent::Paused {}]);
    assert_eq!(one(&paused, BotCommand::Resume), BotEvent::Resumed {});
}

#[test]
fn a_paused_bot_is_not_paused_again() {
    nothing(&given::<Bot>([created(), BotEvent::Paused {}]), BotCommand::Pause);
    nothing(&given::<Bot>([created()]), BotCommand::Resume);
    let resumed = [created(), BotEvent::Paused {}, BotEvent::Resumed {}];
    nothing(&given::<Bot>(resumed), BotCommand::Resume);
}

#[test]
fn the_same_package_is_not_loaded_twice() {
    let loaded = BotEvent::PackageLoaded(Box::new(package("1")));
    let bot = given::<Bot>([created(), loaded.clone()]);
    nothing(&bot, BotCommand::LoadPackage(Box::new(package("1"))));
    assert_eq!(
        one(&bot, BotCommand::LoadPackage(Box::new(package("2")))),
        BotEvent::PackageLoaded(Box::new(package("2")))
    );
    let paused = given::<Bot>([created(), BotEvent::Paused {}, loaded]);
    nothing(&paused, BotCommand::LoadPackage(Box::new(package("1"))));
    nothing(&paused, BotCommand::Pause);
}

#[test]
fn a_retired_bot_frees_its_name_and_never_comes_back() {
    for events in [vec![created()], vec![created(), BotEvent::Paused {}]] {
        assert_eq!(one(&given::<Bot>(events), BotCommand::Retire), retired());
    }
    assert_eq!(
        Bot::claims("b", &retired()),
        [Claim::Release {
            kind: "bot_name",
            key: "shop".to_owned(),
            owner: "b".to_owned(),
        }]
    );
    let gone = given::<Bot>([created(), retired()]);
    nothing(&gone, BotCommand::Retire);
    for command in [
        create("shop"),
        BotCommand::Pause,
        BotCommand::Resume,
        BotCommand::LoadPackage(Box::new(package("1"))),
    ] {
        assert_eq!(refused(&gone, command), (Conflict, "bot_retired"));
    }
}

#[test]
fn a_bot_that_never_was_is_not_found() {
    for command in [
        BotCommand::Pause,
        BotCommand::Resume,
        BotCommand::Retire,
        BotCommand::LoadPackage(Box::new(package("1"))),
    ] {
        assert_eq!(refused(&given::<Bot>([]), command), (NotFound, "bot_not_found"));
    }
}

#[test]
fn an_organisation_is_founded_once_and_renamed() {
    let name = |name: &str| name.to_owned();
    let create = |text: &str| OrganisationCommand::Create { name: name(text) };
    let rename = |text: &str| OrganisationCommand::Rename { name: name(text) };
    let none = given::<Organisation>([]);
    let founded = OrganisationEvent::Created { name: name("Acme") };
    assert_eq!(one(&none, create("Acme")), founded);
    assert_eq!(
        refused(&none, rename("Acme")),
        (NotFound, "organisation_not_found")
    );
    let acme = given::<Organisation>([founded]);
    assert_eq!(refused(&acme, create("Acme")), (Conflict, "organisation_exists"));
    nothing(&acme, rename("Acme"));
    assert_eq!(
        one(&acme, rename("Ünïted")),
        OrganisationEvent::Renamed {
            name: name("Ünïted")
        }
    );
    for bad in ["", "  ", &"ü".repeat(201)] {
        assert_eq!(
            refused(&acme, rename(bad)),
            (Invalid, "organisation_name_invalid")
        );
        assert_eq!(
            refused(&none, create(bad)),
            (Invalid, "organisation_name_invalid")
        );
    }
    one(&acme, rename(&"ü".repeat(200)));
}
