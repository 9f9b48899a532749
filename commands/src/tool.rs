//! Tools: scripts of a package that say what they are for, which people and models may call.

use std::sync::Arc;

use basic::{Parameter, Program, ProgramHash, Value};
use domain::OrganisationId;
use domain::bot::Package;
use serde_json::{Map, Value as Json};

use crate::{CommandError, Programs, RefusalKind};

/// The script that answers other bots.
pub(crate) const DELEGATE: &str = "delegate";

/// A tool as a person asks for it.
#[derive(Clone, Default, PartialEq)]
pub struct NewInvocation {
    pub tool: String,
    /// Values by name of parameter. What is missing the script asks for itself.
    pub arguments: Map<String, Json>,
}

/// A tool that a package has.
pub(crate) struct Tool {
    /// As the package names its script.
    pub name: String,
    pub program: Arc<Program>,
}

/// The tool of this name: the script's whole name or, where only one ends so, what follows its folders.
pub(crate) async fn find(
    programs: &Programs,
    tenant: OrganisationId,
    package: &Package,
    name: &str,
) -> Result<Option<Tool>, CommandError> {
    let Some(name) = script_of(package, name) else {
        return Ok(None);
    };
    let Some(hash) = package.scripts[&name].program.as_deref() else {
        return Ok(None);
    };
    let hash: ProgramHash = hash.parse().map_err(CommandError::unexpected)?;
    let program = programs.load(tenant, hash).await?;
    // What another bot or an event starts may trust what it is given, which a person's call would give it.
    let for_people = name != DELEGATE && program.declared().triggers.is_empty();
    Ok((for_people && program.is_tool()).then_some(Tool { name, program }))
}

fn script_of(package: &Package, name: &str) -> Option<String> {
    let name = name.trim().to_lowercase();
    let name = name.strip_suffix(".bas").unwrap_or(&name);
    if package.scripts.contains_key(name) {
        return Some(name.to_owned());
    }
    let mut ending = package
        .scripts
        .keys()
        .filter(|script| script.rsplit_once('/').is_some_and(|(_, last)| last == name));
    let found = ending.next()?;
    ending.next().is_none().then(|| found.clone())
}

/// Arguments as the tool's parameters want them: `"7"` is a number where one is asked for.
///
/// Fails with `tool_arguments_invalid` for what is no parameter, of another kind, or not among the choices.
pub(crate) fn arguments(
    program: &Program,
    given: &Map<String, Json>,
) -> Result<Vec<(String, Value)>, CommandError> {
    let mut read = Vec::with_capacity(given.len());
    for (name, value) in given {
        let known = program
            .parameters()
            .iter()
            .find(|parameter| parameter.name.eq_ignore_ascii_case(name));
        let Some(parameter) = known else {
            return Err(invalid(format!("the tool has no parameter `{}`", shown(name))));
        };
        let Some(value) = argument(parameter, value) else {
            let Parameter { name, kind, .. } = parameter;
            return Err(invalid(format!(
                "`{name}` is not of the kind {kind}, or no choice"
            )));
        };
        read.push((parameter.name.clone(), value));
    }
    Ok(read)
}

/// The start of what somebody sent, to be said back to them.
fn shown(name: &str) -> String {
    name.chars().take(40).collect()
}

fn argument(parameter: &Parameter, given: &Json) -> Option<Value> {
    let text = match given {
        Json::String(text) => text.trim().to_owned(),
        other => other.to_string(),
    };
    let chosen = parameter.choices.is_empty()
        || parameter
            .choices
            .iter()
            .any(|choice| choice.trim().eq_ignore_ascii_case(&text));
    if !chosen {
        return None;
    }
    match (parameter.kind.as_str(), given) {
        (_, Json::Null) => Some(Value::Null),
        ("integer" | "int" | "number" | "long", _) => {
            let whole = text.parse::<i64>().ok().map(Value::Integer);
            whole.or_else(|| finite(&text).map(Value::Number))
        }
        ("float" | "double" | "decimal" | "money", _) => finite(&text).map(Value::Number),
        ("boolean" | "bool", _) => match text.to_lowercase().as_str() {
            "true" | "yes" | "1" => Some(Value::Bool(true)),
            "false" | "no" | "0" => Some(Value::Bool(false)),
            _ => None,
        },
        ("array" | "list", Json::Array(_)) | ("object" | "map", Json::Object(_)) => {
            Some(Value::from_json(given.clone()))
        }
        ("array" | "list" | "object" | "map", _) => None,
        (_, Json::String(text)) => Some(Value::text(text.as_str())),
        (_, Json::Number(_) | Json::Bool(_)) => Some(Value::text(text)),
        (_, Json::Array(_) | Json::Object(_)) => None,
    }
}

fn finite(text: &str) -> Option<f64> {
    text.parse::<f64>().ok().filter(|number| number.is_finite())
}

pub(crate) fn not_found() -> CommandError {
    CommandError::not_found("tool", "tool_not_found")
}

fn invalid(message: String) -> CommandError {
    CommandError::Refused {
        kind: RefusalKind::Invalid,
        code: "tool_arguments_invalid",
        message,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn program() -> Program {
        let source = "DESCRIPTION \"Books\"\nPARAM guests AS INTEGER LIKE 4 DESCRIPTION \"How many\"\n\
                      PARAM room AS STRING ENUM [\"sea\", \"land\"] DESCRIPTION \"Which\"\n\
                      PARAM late AS BOOLEAN DESCRIPTION \"Late\"\nTALK guests\n";
        let compiled = basic::compile("book", source);
        compiled
            .program
            .unwrap_or_else(|| panic!("{:?}", compiled.diagnostics))
    }

    fn read(given: Json) -> Result<Vec<(String, Value)>, &'static str> {
        let Json::Object(given) = given else {
            panic!("{given}")
        };
        arguments(&program(), &given).map_err(|error| match error {
            CommandError::Refused { code, .. } => code,
            other => panic!("{other}"),
        })
    }

    #[test]
    fn arguments_are_read_as_the_kind_that_is_asked_for() {
        let read = read(json!({ "GUESTS": "4", "room": "Sea", "late": "yes" })).expect("they fit");
        let named = |name: &str| {
            read.iter()
                .find(|(known, _)| known.eq_ignore_ascii_case(name))
                .map(|(_, value)| value.clone())
        };
        assert_eq!(named("guests"), Some(Value::Integer(4)));
        assert_eq!(named("room"), Some(Value::from("Sea")));
        assert_eq!(named("late"), Some(Value::Bool(true)));
    }

    #[test]
    fn what_does_not_fit_is_refused() {
        for given in [
            json!({ "user_id": "somebody" }),
            json!({ "guests": "many" }),
            json!({ "guests": [4] }),
            json!({ "room": "attic" }),
            json!({ "late": {} }),
        ] {
            assert_eq!(read(given.clone()), Err("tool_arguments_invalid"), "{given}");
        }
    }
}
