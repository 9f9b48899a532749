//! Schemas of events against every version that they ever had: what a consumer relied on is still so.

use std::collections::BTreeSet;
use std::path::Path;
use std::process::Command;

use serde_json::Value;

/// What git says, run where the contracts are; None where this is no checkout.
fn git(arguments: &[&str]) -> Option<String> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../schemas");
    let output = Command::new("git")
        .current_dir(folder)
        .args(arguments)
        .output()
        .ok()?;
    output
        .status
        .success()
        .then(|| String::from_utf8_lossy(&output.stdout).into_owned())
}

#[test]
fn schemas_change_by_additions_only() {
    let Some(commits) = git(&["log", "--format=%H", "--", "events"]) else {
        println!("no history here: NOT CHECKED");
        return;
    };
    let mut checked = 0;
    for commit in commits.lines() {
        let listed = git(&["ls-tree", "--name-only", commit, "events/"]).expect("the commit is there");
        for file in listed.lines() {
            let before = git(&["show", &format!("{commit}:./{file}")]).expect("the file was there");
            let before: Value = serde_json::from_str(&before).expect("a schema");
            let path = Path::new(env!("CARGO_MANIFEST_DIR"))
                .join("../schemas")
                .join(file);
            let now = std::fs::read_to_string(path).expect("a noun's schema is never taken away");
            let now: Value = serde_json::from_str(&now).expect("a schema");
            let mut lost = Vec::new();
            Comparison {
                before: &before,
                now: &now,
            }
            .compare(&before, &now, "", &mut lost);
            assert!(lost.is_empty(), "{file} since {commit}:\n{}", lost.join("\n"));
            checked += 1;
        }
    }
    println!("{checked} schemas of {} commits", commits.lines().count());
}

/// Two versions of one file, which references lead back to.
struct Comparison<'a> {
    before: &'a Value,
    now: &'a Value,
}

impl Comparison<'_> {
    /// Collects what the earlier schema promised and the later does not.
    fn compare(&self, before: &Value, now: &Value, at: &str, lost: &mut Vec<String>) {
        let (before, now) = (resolved(self.before, before), resolved(self.now, now));
        if at.matches('/').count() > 40 {
            return; // a schema that contains itself
        }
        let types = |schema: &Value| -> BTreeSet<String> {
            match &schema["type"] {
                Value::String(one) => BTreeSet::from([one.clone()]),
                Value::Array(several) => several
                    .iter()
                    .filter_map(Value::as_str)
                    .map(str::to_owned)
                    .collect(),
                _ => BTreeSet::new(),
            }
        };
        if types(before) != types(now) {
            lost.push(format!("{at}: was {:?}, is {:?}", types(before), types(now)));
        }
        for word in ["const", "format"] {
            if before[word] != now[word] {
                lost.push(format!("{at}: {word} was {}, is {}", before[word], now[word]));
            }
        }
        for value in before["enum"].as_array().into_iter().flatten() {
            let values = now["enum"].as_array();
            if !values.is_some_and(|values| values.contains(value)) {
                lost.push(format!("{at}: {value} is gone"));
            }
        }
        for (name, property) in before["properties"].as_object().into_iter().flatten() {
            match now["properties"].get(name) {
                None => lost.push(format!("{at}/{name} is gone")),
                Some(now) => self.compare(property, now, &format!("{at}/{name}"), lost),
            }
        }
        let required = |schema: &Value| -> BTreeSet<String> {
            let names = schema["required"].as_array().into_iter().flatten();
            names.filter_map(Value::as_str).map(str::to_owned).collect()
        };
        for name in required(before).difference(&required(now)) {
            lost.push(format!("{at}/{name} may be missing"));
        }
        if before["properties"].is_object() {
            for name in required(now).difference(&required(before)) {
                lost.push(format!(
                    "{at}/{name} is required, and earlier events do not have it"
                ));
            }
        }
        if before["items"].is_object() {
            self.compare(&before["items"], &now["items"], &format!("{at}/[]"), lost);
        }
        for choice in ["oneOf", "anyOf"] {
            let later: Vec<&Value> = now[choice].as_array().into_iter().flatten().collect();
            for (nth, variant) in before[choice].as_array().into_iter().flatten().enumerate() {
                let name = variant_name(variant);
                let found = match &name {
                    Some(name) => later
                        .iter()
                        .find(|later| variant_name(later).as_ref() == Some(name)),
                    None => later.get(nth),
                };
                let at = format!("{at}/{}", name.clone().unwrap_or_else(|| nth.to_string()));
                match found {
                    None => lost.push(format!("{at} is gone")),
                    Some(found) => self.compare(variant, found, &at, lost),
                }
            }
        }
    }
}

fn resolved<'a>(root: &'a Value, schema: &'a Value) -> &'a Value {
    let pointer = schema["$ref"]
        .as_str()
        .and_then(|reference| reference.strip_prefix('#'));
    pointer
        .and_then(|pointer| root.pointer(pointer))
        .unwrap_or(schema)
}

/// What tells a variant from the others: the constant of its `type`, `kind` or the like.
fn variant_name(variant: &Value) -> Option<String> {
    let of = |schema: &Value| schema["const"].as_str().map(str::to_owned);
    of(variant).or_else(|| {
        let properties = variant["properties"].as_object()?;
        properties.values().find_map(of).or_else(|| {
            (properties.len() == 1)
                .then(|| properties.keys().next().cloned())
                .flatten()
        })
    })
}

#[test]
fn what_is_no_addition_is_found() {
    let before: Value = serde_json::json!({
        "type": "object",
        "properties": {"a": {"type": "string"}, "b": {"enum": ["x", "y"]}},
        "required": ["a"],
    });
    let changed = |change: fn(&mut Value)| {
        let mut now = before.clone();
        change(&mut now);
        let mut lost = Vec::new();
        Comparison {
            before: &before,
            now: &now,
        }
        .compare(&before, &now, "", &mut lost);
        lost.join("; ")
    };
    assert_eq!(changed(|_| {}), "");
    assert_eq!(
        changed(|now| now["properties"]["c"] = serde_json::json!({"type": "string"})),
        ""
    );
    assert_eq!(
        changed(|now| now["properties"]["b"]["enum"] = serde_json::json!(["x", "y", "z"])),
        ""
    );
    assert_eq!(
        changed(|now| now["properties"]["b"]["enum"] = serde_json::json!(["x"])),
        "/b: \"y\" is gone"
    );
    assert_eq!(
        changed(|now| now["properties"]["a"]["type"] = "integer".into()),
        "/a: was {\"string\"}, is {\"integer\"}"
    );
    assert_eq!(
        changed(|now| now["required"] = serde_json::json!([])),
        "/a may be missing"
    );
    assert_eq!(
        changed(|now| now["required"] = serde_json::json!(["a", "b"])),
        "/b is required, and earlier events do not have it"
    );
    assert_eq!(
        changed(|now| drop(now["properties"].as_object_mut().and_then(|all| all.remove("b")))),
        "/b is gone"
    );
}
