//! Scripts as tools: what a model is told of them, and files that hold several.

use std::sync::Arc;

use basic::{Compilation, Limits, Program};
use expect_test::{Expect, expect};

use crate::transcript::{Way, transcript};

/// All tools of a file, the first one first.
fn tools(script: &str) -> Vec<Program> {
    let compiled = basic::compile("file", script);
    let shown = |compiled: &Compilation| -> String {
        let diagnostics = compiled.diagnostics.iter();
        diagnostics
            .map(|diagnostic| diagnostic.render("file.bas", script))
            .collect()
    };
    assert!(compiled.diagnostics.is_empty(), "{}", shown(&compiled));
    compiled.program.into_iter().chain(compiled.tools).collect()
}

/// Checks what each tool of a file is called and does; a stored copy of it does the same.
#[track_caller]
fn check(script: &str, expected: Expect) {
    let mut out = String::new();
    for tool in tools(script) {
        let stored = Program::from_bytes(&tool.to_bytes()).expect("it loads");
        let parameters: Vec<&str> = tool
            .parameters()
            .iter()
            .map(|parameter| parameter.name.as_str())
            .collect();
        out += &format!("== {} ({})\n", tool.name(), parameters.join(", "));
        out += &transcript(&Arc::new(stored), &[], Limits::default(), Way::Through);
    }
    expected.assert_eq(&out);
}

#[test]
fn a_file_of_several_tools() {
    check(
        r#"' Facts
base = "https://api.example.org/"

DESCRIPTION "Get a random cat fact"
data = GET base + "cats"
IF data.error THEN
    TALK "No cats."
    RETURN NULL
END IF
RETURN data

' Weather
PARAM city AS STRING LIKE "Porto" DESCRIPTION "The city"
PARAM days AS INTEGER LIKE 3 OPTIONAL
DESCRIPTION "Previsão do tempo: weather for a city"
Show GET(base + "weather")

DESCRIPTION Get a random cat fact
PARAM n AS INTEGER DEFAULT 2
FOR i = 1 TO n
    Show i
NEXT
RETURN n

SUB Show(what)
    TALK "Here: " + Short(what)
END SUB

FUNCTION Short(text)
    RETURN LEFT(text, 10)
END FUNCTION
"#,
        expect![[r#"
            == file ()
            ? GET "https://api.example.org/cats"
            No cats.
            == file#previsao-do-tempo-weather-for-a-city (city, days)
            ? GET "https://api.example.org/weather"
            Here: {"success"
            == file#get-a-random-cat-fact (n)
            Here: 1
            Here: 2
            ended 2
        "#]],
    );
}

#[test]
fn a_script_with_code_above_its_parameters_is_one_tool() {
    check(
        r#"now_is = "now"
PARAM a AS STRING
x = 1
PARAM b AS STRING
DESCRIPTION "One tool"
TALK now_is
description = "no declaration"
TALK description
"#,
        expect![[r#"
            == file (a, b)
            now
            no declaration
        "#]],
    );
}

#[test]
fn tools_share_no_variables_and_mistakes_are_told_once() {
    let script = r#"SET SCHEDULE "0 9 * * *"
DESCRIPTION "One"
city = "Porto"
TALK city
Shout

DESCRIPTION "Two"
TALK city
Shout
GOTO nowhere

DESCRIPTION ""
WEBHOOK "three"
TALK LNE("x")
Shout

SUB Shout
    TALK volume
END SUB
"#;
    let compiled = basic::compile("file", script);
    assert!(compiled.program.is_none() && compiled.tools.is_empty());
    let shown: String = compiled
        .diagnostics
        .iter()
        .map(|diagnostic| {
            format!(
                "{}:{} {}\n",
                diagnostic.line, diagnostic.column, diagnostic.message
            )
        })
        .collect();
    expect![[r#"
        8:6 `city` is never set, so it is empty
        10:6 there is no label `nowhere` in this procedure or script
        14:6 there is no function `LNE`
        18:10 `volume` is never set, so it is empty
    "#]]
    .assert_eq(&shown);
    let mended = script.replace("GOTO nowhere", "").replace("LNE", "LEN");
    let compiled = basic::compile("file", &mended);
    let declared: Vec<String> = compiled
        .program
        .iter()
        .chain(&compiled.tools)
        .map(|tool| format!("{} {:?}", tool.name(), tool.declared().triggers))
        .collect();
    expect![[r#"
        file [Schedule { when: "0 9 * * *" }]
        file#two []
        file#3 [Webhook { endpoint: "three" }]"#]]
    .assert_eq(&declared.join("\n"));
}

#[test]
fn what_a_model_is_told() {
    let script = r#"PARAM name AS STRING LIKE "Ana" DESCRIPTION "Full name"
PARAM email AS EMAIL
PARAM nights AS INTEGER LIKE 3 DEFAULT 1
PARAM price AS MONEY LIKE 12.5 OPTIONAL
PARAM board AS STRING ENUM ["none", "half", "full"] OPTIONAL
PARAM smoker AS BOOLEAN LIKE TRUE
PARAM arrival AS DATE LIKE "2026-03-01"
PARAM extras AS ARRAY OPTIONAL
PARAM floor AS INTEGER ENUM [1, 2]
DESCRIPTION "Books a room"
RETURN name
"#;
    let tool = &tools(script)[0];
    assert!(tool.is_tool());
    let shown = serde_json::to_string_pretty(&tool.mcp_tool()).unwrap();
    expect![[r#"
        {
          "description": "Books a room",
          "inputSchema": {
            "properties": {
              "arrival": {
                "examples": [
                  "2026-03-01"
                ],
                "format": "date",
                "type": "string"
              },
              "board": {
                "enum": [
                  "none",
                  "half",
                  "full"
                ],
                "type": "string"
              },
              "email": {
                "format": "email",
                "type": "string"
              },
              "extras": {
                "items": {},
                "type": "array"
              },
              "floor": {
                "enum": [
                  1,
                  2
                ],
                "type": "integer"
              },
              "name": {
                "description": "Full name",
                "examples": [
                  "Ana"
                ],
                "type": "string"
              },
              "nights": {
                "examples": [
                  3
                ],
                "type": "integer"
              },
              "price": {
                "examples": [
                  12.5
                ],
                "type": "number"
              },
              "smoker": {
                "examples": [
                  true
                ],
                "type": "boolean"
              }
            },
            "required": [
              "name",
              "email",
              "smoker",
              "arrival",
              "floor"
            ],
            "type": "object"
          },
          "name": "file"
        }"#]]
    .assert_eq(&shown);
    assert_eq!(
        tool.function_tool()["function"]["parameters"],
        tool.input_schema()
    );
    assert_eq!(tool.function_tool()["type"], "function");
    assert!(!tools("TALK 1")[0].is_tool());
}

#[test]
fn names_that_models_take() {
    let name = |name: &str| {
        basic::compile(name, "TALK 1")
            .program
            .expect("it compiles")
            .tool_name()
    };
    assert_eq!(name("campaigns/welcome mail#hi"), "campaigns_welcome_mail_hi");
    let long = name(&"ação-".repeat(30));
    assert_eq!(long.len(), 64);
    assert!(long.starts_with("a__o-a__o-"));
    assert_ne!(long, name(&"ação-".repeat(31)));
}

#[test]
fn a_file_of_very_many_tools_is_refused() {
    let script = "DESCRIPTION \"x\"\nTALK 1\n".repeat(501);
    let compiled = basic::compile("file", &script);
    assert_eq!(compiled.diagnostics[0].code, "B0105");
    let script = "DESCRIPTION \"x\"\nTALK 1\n".repeat(187);
    let compiled = basic::compile("file", &script);
    assert_eq!(compiled.tools.len(), 186);
    assert_eq!(compiled.tools[0].name(), "file#x");
    assert_eq!(compiled.tools[185].name(), "file#x-187");
}
