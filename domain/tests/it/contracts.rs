//! Committed contracts against the code. `BLESS=1` writes what is missing; a golden file that exists never changes.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use domain::access::{Access, AccessEvent};
use domain::bot::{Bot, BotEvent};
use domain::conversation::{Conversation, ConversationEvent};
use domain::drive::{Drive, DriveEvent};
use domain::file::{File, FileEvent};
use domain::memory::{Memory, MemoryEvent};
use domain::organisation::{Organisation, OrganisationEvent};
use domain::projection::{Projection, ProjectionEvent};
use domain::run::{Run, RunEvent};
use domain::schedule::{Schedule, ScheduleEvent};
use domain::schema::event_schemas;
use domain::session::{Session, SessionEvent};
use domain::token::{Token, TokenEvent};
use domain::user::{User, UserEvent};
use domain::{Aggregate, Event, decode, encode};
use serde_json::{Value, json};

use crate::examples;

#[test]
fn schemas_are_those_of_the_code() {
    for (noun, schema) in event_schemas() {
        let path = schemas().join("events").join(format!("{noun}.json"));
        let made = serde_json::to_string_pretty(&schema).expect("a schema is JSON") + "\n";
        if blessing() {
            fs::write(&path, &made).expect("the schema is written");
        }
        let committed = fs::read_to_string(&path).unwrap_or_default();
        assert!(
            committed == made,
            "{} is not what the code makes; run `make contracts`",
            path.display()
        );
    }
}

#[test]
fn every_event_has_a_golden_file() {
    for (event_type, version, payload) in examples::all() {
        let path = golden(&event_type, version);
        if blessing() && !path.exists() {
            let text = serde_json::to_string_pretty(&payload).expect("a payload is JSON") + "\n";
            fs::write(&path, text).expect("the golden file is written");
        }
        assert!(
            path.exists(),
            "{} is missing; run `make contracts`",
            path.display()
        );
    }
    let written: BTreeSet<_> = examples::all()
        .into_iter()
        .map(|(name, version, _)| (name, version))
        .collect();
    let declared: BTreeSet<_> = [
        OrganisationEvent::TYPES,
        UserEvent::TYPES,
        BotEvent::TYPES,
        SessionEvent::TYPES,
        DriveEvent::TYPES,
        FileEvent::TYPES,
        ConversationEvent::TYPES,
        MemoryEvent::TYPES,
        RunEvent::TYPES,
        ScheduleEvent::TYPES,
        TokenEvent::TYPES,
        ProjectionEvent::TYPES,
        AccessEvent::TYPES,
    ]
    .concat()
    .into_iter()
    .map(|(name, version)| (name.to_owned(), version))
    .collect();
    assert_eq!(written, declared, "every declared event needs an example");
}

#[test]
fn every_golden_file_is_still_read() {
    for entry in fs::read_dir(schemas().join("golden")).expect("golden files exist") {
        let path = entry.expect("an entry").path();
        let name = path
            .file_stem()
            .and_then(|stem| stem.to_str())
            .expect("a file name")
            .to_owned();
        let (event_type, version) = name.rsplit_once(".v").expect("type.vN.json");
        let version: u16 = version.parse().expect("a version");
        let payload: Value =
            serde_json::from_str(&fs::read_to_string(&path).expect("readable")).expect("golden JSON");
        assert!(
            readers().iter().any(|read| read(event_type, version, &payload)),
            "{} is read by no noun",
            path.display()
        );
    }
}

#[test]
fn every_example_fits_its_schema_and_comes_back_unchanged() {
    let validators: Vec<_> = event_schemas()
        .into_iter()
        .map(|(_, schema)| jsonschema::validator_for(schema.as_value()).expect("a valid schema"))
        .collect();
    for (event_type, _, payload) in examples::all() {
        let stored = json!({ "type": event_type, "data": payload });
        assert!(
            validators.iter().any(|validator| validator.is_valid(&stored)),
            "{stored:#} fits no schema"
        );
    }
}

/// A state that is kept must be read as what it meant: another shape or meaning is another `FORM`.
#[test]
fn kept_states_are_those_of_their_form() {
    keeps::<Organisation>(&examples::organisation());
    keeps::<User>(&examples::user());
    keeps::<Bot>(&examples::bot());
    keeps::<Session>(&examples::session());
    keeps::<Drive>(&examples::drive());
    keeps::<File>(&examples::file());
    keeps::<Conversation>(&examples::conversation());
    keeps::<Memory>(&examples::memory());
    keeps::<Run>(&examples::run());
    keeps::<Schedule>(&examples::schedule());
    keeps::<Token>(&examples::token());
    keeps::<Projection>(&examples::projection());
    keeps::<Access>(&examples::access());
}

/// The states after each of the examples, as a golden file that never changes.
fn keeps<A: Aggregate>(events: &[A::Event]) {
    let mut state = A::default();
    let states: Vec<A> = events
        .iter()
        .map(|event| {
            state.apply(event);
            state.clone()
        })
        .collect();
    let made = serde_json::to_string_pretty(&states).expect("a state is JSON") + "\n";
    let folder = schemas().join("states");
    let path = folder.join(format!("{}.{}.json", A::TYPE, A::FORM));
    if blessing() && !path.exists() {
        fs::create_dir_all(&folder).expect("the folder is made");
        fs::write(&path, &made).expect("the golden file is written");
    }
    let committed = fs::read_to_string(&path).unwrap_or_default();
    assert!(
        committed == made,
        "{} is not what the code keeps; raise FORM of {}, and run `make contracts`",
        path.display(),
        A::TYPE
    );
}

#[test]
fn every_event_folds_into_every_state() {
    folds::<Organisation>(&examples::organisation());
    folds::<User>(&examples::user());
    folds::<Bot>(&examples::bot());
    folds::<Session>(&examples::session());
    folds::<Drive>(&examples::drive());
    folds::<File>(&examples::file());
    folds::<Conversation>(&examples::conversation());
    folds::<Memory>(&examples::memory());
    folds::<Run>(&examples::run());
    folds::<Schedule>(&examples::schedule());
    folds::<Token>(&examples::token());
    folds::<Projection>(&examples::projection());
    folds::<Access>(&examples::access());
}

/// Erased history must stay foldable, in any order a damaged or partial history could have.
fn folds<A: Aggregate>(events: &[A::Event]) {
    for first in events {
        for second in events {
            let mut state = A::default();
            state.apply(first);
            state.apply(second);
            state.apply(&erased(first));
        }
    }
}

/// The event as it is read once its person was erased.
pub fn erased<E: Event>(event: &E) -> E {
    let (name, version, payload) = encode(event).expect("encodes");
    decode(&name, version, &erase(payload)).expect("an erased event decodes")
}

fn erase(value: Value) -> Value {
    match value {
        Value::Object(fields) if fields.contains_key("$sealed") => {
            json!({ "$erased": { "subject": fields["$sealed"]["s"], "class": fields["$sealed"]["c"] } })
        }
        Value::Object(fields) => fields
            .into_iter()
            .map(|(name, field)| (name, erase(field)))
            .collect(),
        Value::Array(items) => items.into_iter().map(erase).collect(),
        other => other,
    }
}

type Reader = fn(&str, u16, &Value) -> bool;

fn readers() -> Vec<Reader> {
    vec![
        reads::<OrganisationEvent>,
        reads::<UserEvent>,
        reads::<BotEvent>,
        reads::<SessionEvent>,
        reads::<DriveEvent>,
        reads::<FileEvent>,
        reads::<ConversationEvent>,
        reads::<MemoryEvent>,
        reads::<RunEvent>,
        reads::<ScheduleEvent>,
        reads::<TokenEvent>,
        reads::<ProjectionEvent>,
        reads::<AccessEvent>,
    ]
}

/// Reads it, writes it in today's form, and reads that again to the same fact.
fn reads<E: Event>(event_type: &str, version: u16, payload: &Value) -> bool {
    let Ok(event) = decode::<E>(event_type, version, payload) else {
        return false;
    };
    let (name, version, payload) = encode(&event).expect("encodes");
    decode::<E>(&name, version, &payload).expect("today's form is read") == event
}

fn golden(event_type: &str, version: u16) -> PathBuf {
    schemas()
        .join("golden")
        .join(format!("{event_type}.v{version}.json"))
}

fn schemas() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../schemas")
}

fn blessing() -> bool {
    std::env::var_os("BLESS").is_some()
}
