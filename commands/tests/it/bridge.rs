//! The bridge that makes any noun a `cqrs_es::Aggregate`, tried with that crate's own test framework.

use std::marker::PhantomData;

use commands::{BotCommand, BotError, Decide, OrganisationCommand, OrganisationError};
use cqrs_es::event_sink::EventSink;
use cqrs_es::test::TestFramework;
use cqrs_es::{Aggregate, DomainEvent};
use domain::bot::{Bot, BotEvent};
use domain::organisation::{Organisation, OrganisationEvent};
use domain::{Event, encode};
use serde::{Deserialize, Serialize};

/// A noun as cqrs-es sees it. Our states are not stored, so it stands for itself by its history.
#[derive(Clone, Serialize, Deserialize)]
#[serde(bound = "", from = "Vec<Fact<A::Event>>", into = "Vec<Fact<A::Event>>")]
struct Bridged<A: Decide> {
    state: A,
    history: Vec<Fact<A::Event>>,
}

/// An event as cqrs-es sees it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(bound = "", transparent)]
struct Fact<E: Event>(E);

impl<A: Decide> Aggregate for Bridged<A> {
    const TYPE: &'static str = A::TYPE;
    type Command = A::Command;
    type Event = Fact<A::Event>;
    type Error = A::Error;
    type Services = PhantomData<A>;

    async fn handle(
        &mut self,
        command: A::Command,
        _: &PhantomData<A>,
        sink: &EventSink<Self>,
    ) -> Result<(), A::Error> {
        for event in self.state.decide(command)? {
            sink.write(Fact(event), self).await;
        }
        Ok(())
    }

    fn apply(&mut self, event: Fact<A::Event>) {
        self.state.apply(&event.0);
        self.history.push(event);
    }
}

impl<E: Event> DomainEvent for Fact<E> {
    fn event_type(&self) -> String {
        encode(&self.0).expect("an event of ours has a form").0
    }

    fn event_version(&self) -> String {
        encode(&self.0)
            .expect("an event of ours has a form")
            .1
            .to_string()
    }
}

impl<A: Decide> Default for Bridged<A> {
    fn default() -> Self {
        Self {
            state: A::default(),
            history: Vec::new(),
        }
    }
}

impl<A: Decide> From<Vec<Fact<A::Event>>> for Bridged<A> {
    fn from(history: Vec<Fact<A::Event>>) -> Self {
        let mut bridged = Self::default();
        history.into_iter().for_each(|fact| bridged.apply(fact));
        bridged
    }
}

impl<A: Decide> From<Bridged<A>> for Vec<Fact<A::Event>> {
    fn from(bridged: Bridged<A>) -> Self {
        bridged.history
    }
}

fn named(name: &str) -> String {
    name.to_owned()
}

#[test]
fn a_bot_is_an_aggregate_of_cqrs_es() {
    let created = || Fact(BotEvent::Created { name: named("shop") });
    let bots = TestFramework::<Bridged<Bot>>::with;
    bots(PhantomData)
        .given_no_previous_events()
        .when(BotCommand::Create { name: named("Shop") })
        .then_expect_events(vec![created()]);
    bots(PhantomData)
        .given(vec![created()])
        .and(vec![Fact(BotEvent::Paused {})])
        .when(BotCommand::Pause)
        .then_expect_events(vec![]);
    bots(PhantomData)
        .given(vec![created(), Fact(BotEvent::Retired { name: named("shop") })])
        .when(BotCommand::Resume)
        .then_expect_error(BotError::Retired);
}

#[test]
fn an_organisation_is_an_aggregate_of_cqrs_es() {
    let created = || Fact(OrganisationEvent::Created { name: named("Acme") });
    let organisations = TestFramework::<Bridged<Organisation>>::with;
    organisations(PhantomData)
        .given(vec![created()])
        .when(OrganisationCommand::Rename {
            name: named("Acme & Co"),
        })
        .then_expect_events(vec![Fact(OrganisationEvent::Renamed {
            name: named("Acme & Co"),
        })]);
    organisations(PhantomData)
        .given_no_previous_events()
        .when(OrganisationCommand::Rename { name: named("Acme") })
        .then_expect_error(OrganisationError::NotFound);
}

#[test]
fn a_bridged_noun_survives_its_stored_form() {
    let mut bot = Bridged::<Bot>::default();
    bot.apply(Fact(BotEvent::Created { name: named("shop") }));
    bot.apply(Fact(BotEvent::Paused {}));
    let stored = serde_json::to_string(&bot).expect("it has a form");
    let again: Bridged<Bot> = serde_json::from_str(&stored).expect("it is the same form");
    assert_eq!(again.state, bot.state);
    assert_eq!(again.history[1].event_type(), "bot.paused");
    assert_eq!(again.history[1].event_version(), "1");
}
