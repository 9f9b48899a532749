//! Inputs to begin with: what is written as it is meant to be.

use std::path::Path;
use std::sync::Arc;

use basic::{Answer, Input, Machine, Program, Refusal, Step, Value};
use rand::SeedableRng as _;
use rand::rngs::StdRng;
use serde_json::json;

use super::host::{now, start, value};
use super::sealed;

/// Every example of the reference and of the diagnostics, and the scripts of the samples and of tests.
pub fn scripts() -> Vec<Vec<u8>> {
    let chapters = basic::reference();
    let entries = chapters.iter().flat_map(|(_, entries)| entries);
    let mut scripts: Vec<Vec<u8>> = entries
        .flat_map(|entry| [entry.example, entry.form])
        .chain(basic::EXPLANATIONS.iter().map(|explanation| explanation.example))
        .chain(WHOLE)
        .map(|script| script.as_bytes().to_vec())
        .collect();
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    for folder in [
        "infra/botserver/samples",
        "infra/bench/src/machine",
        "domain/basic/tests/golden",
    ] {
        gather(&root.join(folder), &mut scripts);
    }
    scripts.sort();
    scripts.dedup();
    scripts
}

fn gather(folder: &Path, scripts: &mut Vec<Vec<u8>>) {
    let entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
    let mut paths: Vec<_> = entries.map(|entry| entry.path()).collect();
    paths.sort();
    for path in paths {
        if path.is_dir() {
            gather(&path, scripts);
        } else if path.extension().is_some_and(|extension| extension == "bas") {
            scripts.extend(std::fs::read(&path));
        }
    }
}

/// What the examples of single words do not put together.
const WHOLE: [&str; 6] = [
    "FUNCTION fib(n)\n  IF n < 2 THEN RETURN n\n  RETURN fib(n - 1) + fib(n - 2)\nEND FUNCTION\nTALK fib(9)",
    "l = [1, { a: 2 }]\nFOR EACH e IN l\n  FOR i = 1 TO 3\n    o.p[i] = e\n    l[0] = o\n  NEXT\nNEXT\nTALK l\nHEAR y AS \"a\", \"b\", *\n\
     PUSH l, y + i\nTALK \"${l} ${o.p[0]}\"\nRETURN -i",
    "SUB note(what)\n  own = what\n  IF own = 7 THEN EXIT SUB\n  HEAR m AS INTEGER\n  TALK own + m\n  all = all + m\nEND SUB\n\
     ON ERROR GOTO l\nFOR n = 1 TO 9\n  note n\nNEXT\nTHROW \"x\"\nl:\nTALK ERROR + all",
    "t = \"\"\nFOR i = 1 TO 100\n  t = t + \"item \" + i + \";\"\n  u = t\n  d[\"k\" + (i MOD 7)] = d[\"k\" + (i MOD 7)] + 1\nNEXT\nTALK LEN(t) + d",
    "x = 0.5\nWHILE x < 1000 AND NOT x = 7\n  x = x * 1.5 - 2 / 3 + x MOD 2\n  IF x > 10 THEN x = x - 1 ELSE x = x + 1\n  n = n + 1\nWEND\nTALK n",
    "r = FIND \"guests\", \"age>\" + x\nFOR EACH g IN r\n  g.name = UCASE(g.name)\n  s = s + g.price * 2\nNEXT\nCALL \"fuzzed\", s\nTALK r.name + s\nTRY\n  \
     SAVE \"guests\", r\nCATCH\n  TALK ERROR\nEND TRY",
];

pub fn programs() -> Vec<Vec<u8>> {
    scripts()
        .iter()
        .filter(|script| script.len() < 700)
        .filter_map(|script| basic::compile("f", std::str::from_utf8(script).ok()?).program)
        .map(|program| program.to_bytes())
        .collect()
}

/// Programs, and states in which they are after so many slices.
pub fn waiting() -> Vec<(Arc<Program>, Vec<u8>)> {
    let mut states = Vec::new();
    for script in WHOLE {
        let Some(program) = basic::compile("f", script).program.map(Arc::new) else {
            continue;
        };
        let mut machine = Machine::start(Arc::clone(&program), start(1));
        let mut input = Input::Start;
        for _ in 0..12 {
            let step = machine.run(input, now(), 23);
            states.push((Arc::clone(&program), machine.suspend()));
            input = match step {
                Step::Waiting(_) => Input::text("3"),
                Step::Request(_) => Input::Value(Value::from_json(json!([{"name": "Ana", "price": 2}]))),
                Step::Script { .. } => Input::Program(None),
                Step::Ended(_) | Step::Failed(_) => break,
                _ => Input::Continue,
            };
        }
    }
    states
}

pub fn states() -> Vec<Vec<u8>> {
    waiting().into_iter().map(|(_, state)| state).collect()
}

pub fn answers() -> Vec<Vec<u8>> {
    let mut random = StdRng::seed_from_u64(5);
    let mut answers = vec![Answer::Refused(Refusal::mistake("code", "message"))];
    let mut seeds = Vec::new();
    for _ in 0..20 {
        answers.push(Answer::Value(value(&mut random, 3)));
        seeds.push(Answer::encode(&answers[answers.len().saturating_sub(3)..]));
    }
    // What is shared is written once.
    let shared = Value::from_json(json!([[1, {"a": [2]}], "x"]));
    seeds.push(Answer::encode(&[
        Answer::Value(shared.clone()),
        Answer::Value(shared),
    ]));
    seeds
}

pub fn conditions() -> Vec<Vec<u8>> {
    [
        "status='open' AND total>10",
        "name LIKE '%a_' OR NOT (price <= 3.5 AND owner.name <> \"x\")",
        "tags CONTAINS 'a' && name IS NOT NULL",
        "name IN ('Ana', 'Rui', 7) || price NOT IN (1)",
        "day >= 2026-03-01",
        "a == b != c",
        "(((name = 'x')))",
        "",
    ]
    .map(|text| text.as_bytes().to_vec())
    .to_vec()
}

pub fn payloads() -> Vec<Vec<u8>> {
    const PERSONAL: &str = r#"{"$personal":{"subject":"00000000-0000-0000-0000-000000000001","class":"conversation","value":"hello"}}"#;
    [
        r#"{"text":"hello","n":[1,2.5,null,true]}"#.to_owned(),
        format!(r#"{{"text":{PERSONAL},"also":[{PERSONAL},{{"a/b~c":{PERSONAL}}}]}}"#),
        PERSONAL.replace("\"hello\"", PERSONAL),
        PERSONAL.replace("\"hello\"", r#"{"$sealed":{"v":1},"$erased":1}"#),
        PERSONAL.replace("\"hello\"", r#""{\"$sealed\":{\"v\":1}}""#),
        r#"{"$erased":{"subject":"00000000-0000-0000-0000-000000000001","class":"identity"}}"#.to_owned(),
        r#"{"$sealed":{"v":1,"s":"00000000-0000-0000-0000-000000000001","c":"identity","m":"2026-03","k":1,"t":"00000000-0000-0000-0000-000000000001","e":"00000000-0000-0000-0000-000000000002","f":"/text","n":"AAAA","x":"AAAA"}}"#.to_owned(),
    ]
    .map(String::into_bytes)
    .to_vec()
}

pub fn envelopes() -> Vec<Vec<u8>> {
    sealed::envelopes()
        .iter()
        .map(|envelope| envelope.to_string().into_bytes())
        .chain(payloads())
        .collect()
}

/// Headers of files of weights, with as many bytes as they tell of.
pub fn weights() -> Vec<Vec<u8>> {
    let headers = [
        (json!({}), 0),
        (json!({"__metadata__": {"format": "pt"}}), 0),
        (
            json!({"a": {"dtype": "F32", "shape": [2, 3], "data_offsets": [0, 24]}}),
            24,
        ),
        (
            json!({"a": {"dtype": "BF16", "shape": [], "data_offsets": [0, 2]},
                "b.weight": {"dtype": "I64", "shape": [1, 2], "data_offsets": [2, 18]},
                "c": {"dtype": "F16", "shape": [0], "data_offsets": [18, 18]}}),
            18,
        ),
    ];
    let file = |(header, data): (serde_json::Value, usize)| {
        let header = header.to_string();
        let mut bytes = (header.len() as u64).to_le_bytes().to_vec();
        bytes.extend(header.as_bytes());
        bytes.extend(vec![0; data]);
        bytes
    };
    headers.into_iter().map(file).collect()
}

/// Bodies that the inference worker is sent.
pub fn requests() -> Vec<Vec<u8>> {
    let bodies = [
        json!({"model": "m", "input": "a text"}),
        json!({"model": "m", "input": ["a", "b"], "dimensions": 3, "encoding_format": "base64", "user": "u"}),
        json!({"model": "m", "input": [1, 2, 3], "truncate": true, "encoding_format": "float"}),
        json!({"model": "m", "input": [[1], [2, 3]], "prompt_name": "query"}),
        json!({"model": "m", "query": "q", "documents": ["a", {"text": "b"}], "top_n": 1, "return_documents": true}),
        json!({"model": "m", "query": "q", "documents": [], "truncate": false}),
    ];
    bodies
        .into_iter()
        .map(|body| body.to_string().into_bytes())
        .collect()
}
