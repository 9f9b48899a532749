//! The schema itself: what it says of its fields, and that it is the one committed.

use super::*;

fn sdl() -> String {
    let options = async_graphql::SDLExportOptions::new().sorted_enum_items();
    builder().finish().sdl_with_options(options)
}

fn types() -> Vec<serde_json::Value> {
    let schema = builder().finish();
    let query = "{ __schema { types { name kind description
        fields(includeDeprecated: true) { name description args { name description } }
        inputFields { name description } enumValues(includeDeprecated: true) { name description } } } }";
    let response = futures::executor::block_on(schema.execute(query));
    assert!(response.errors.is_empty(), "{:?}", response.errors);
    let data = response.data.into_json().expect("introspection is JSON");
    data["__schema"]["types"].as_array().expect("is a list").clone()
}

fn described(value: &serde_json::Value) -> bool {
    value["description"]
        .as_str()
        .is_some_and(|text| !text.trim().is_empty())
}

/// A type, field, argument and enum value each say what they are.
#[test]
fn everything_has_a_description() {
    let mut bare = Vec::new();
    for of_type in types() {
        let type_name = of_type["name"].as_str().unwrap_or_default().to_owned();
        let standard = ["Boolean", "Float", "ID", "Int", "String"].contains(&type_name.as_str());
        if standard || type_name.starts_with("__") {
            continue;
        }
        if !described(&of_type) {
            bare.push(type_name.clone());
        }
        for kind in ["fields", "inputFields", "enumValues"] {
            for member in of_type[kind].as_array().into_iter().flatten() {
                let member_name = format!("{type_name}.{}", member["name"].as_str().unwrap_or_default());
                if !described(member) {
                    bare.push(member_name.clone());
                }
                for argument in member["args"]
                    .as_array()
                    .into_iter()
                    .flatten()
                    .filter(|arg| !described(arg))
                {
                    bare.push(format!(
                        "{member_name}({})",
                        argument["name"].as_str().unwrap_or_default()
                    ));
                }
            }
        }
    }
    assert_eq!(bare, Vec::<String>::new());
}

#[test]
fn enum_values_are_upper_snake() {
    for of_type in types() {
        for value in of_type["enumValues"].as_array().into_iter().flatten() {
            let name = value["name"].as_str().unwrap_or_default();
            let standard = of_type["name"].as_str().unwrap_or_default().starts_with("__");
            assert!(
                standard || name.bytes().all(|b| b.is_ascii_uppercase() || b == b'_'),
                "{name}"
            );
        }
    }
}

/// `BLESS=1` writes the file anew.
#[test]
fn the_schema_is_the_committed_one() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../schemas/graphql/schema.graphql");
    let current = sdl();
    if std::env::var_os("BLESS").is_some() {
        std::fs::create_dir_all(concat!(env!("CARGO_MANIFEST_DIR"), "/../schemas/graphql"))
            .expect("is writable");
        std::fs::write(path, &current).expect("is writable");
    }
    let committed = std::fs::read_to_string(path).unwrap_or_default();
    assert!(
        committed == current,
        "the schema has changed: look at it and run the tests with BLESS=1"
    );
}
