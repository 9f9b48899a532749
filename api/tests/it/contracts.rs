//! What is generated equals what is committed. `BLESS=1` writes it anew.

use std::collections::BTreeSet;
use std::path::Path;

use api::{document, error_table, routes};
use serde_json::Value;

#[track_caller]
pub fn compare(path: &str, generated: &str) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("..").join(path);
    if std::env::var_os("BLESS").is_some() {
        std::fs::create_dir_all(path.parent().expect("a file is in a folder"))
            .expect("the folder can be made");
        std::fs::write(&path, generated).expect("the contract can be written");
    }
    let committed = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(
        committed == generated,
        "{} is out of date: run the test with BLESS=1",
        path.display()
    );
}

#[test]
fn the_openapi_document_is_up_to_date() {
    let text = serde_json::to_string_pretty(&document()).expect("a document is JSON");
    compare("schemas/openapi/openapi.json", &format!("{text}\n"));
}

#[test]
fn the_list_of_errors_is_up_to_date() {
    compare("docs/errors.md", &error_table());
}

#[test]
fn every_operation_has_its_own_name_and_address() {
    let routes = routes();
    let names: BTreeSet<_> = routes.iter().map(|route| route.operation).collect();
    let addresses: BTreeSet<_> = routes
        .iter()
        .map(|route| (route.path, route.method.as_str()))
        .collect();
    assert_eq!((names.len(), addresses.len()), (routes.len(), routes.len()));
}

#[test]
fn every_reference_of_the_document_leads_somewhere() {
    fn check(value: &Value, document: &Value) {
        match value {
            Value::Object(members) => {
                if let Some(Value::String(reference)) = members.get("$ref") {
                    let pointer = reference.strip_prefix('#').expect("references stay within");
                    assert!(document.pointer(pointer).is_some(), "{reference}");
                }
                members.values().for_each(|value| check(value, document));
            }
            Value::Array(elements) => elements.iter().for_each(|value| check(value, document)),
            _ => {}
        }
    }
    let document = document();
    check(&document, &document);
}
