//! What is read as an input, and what is refused.

use proptest::prelude::*;

use super::*;

fn input(json: &str) -> Result<Input, String> {
    let raw: &RawValue = serde_json::from_str(json).expect("it is JSON");
    Input::read(Some(raw)).map_err(|problem| problem.to_string())
}

fn texts(texts: &[&str]) -> Result<Input, String> {
    Ok(Input::Texts(
        texts.iter().map(|text| (*text).to_owned()).collect(),
    ))
}

#[test]
fn an_input_is_texts_or_token_ids() {
    assert_eq!(input("\"a\\u00e9\""), texts(&["a\u{e9}"]));
    assert_eq!(input("[\"a\", \" \"]"), texts(&["a", " "]));
    assert_eq!(
        input("[\"a\", \"\"]"),
        Err("empty_input: input: text 1 is empty".to_owned())
    );
    assert_eq!(input("[1, 2]"), Ok(Input::Ids(vec![vec![1, 2]])));
    assert_eq!(
        input("[[1], [], [2, 3]]"),
        Ok(Input::Ids(vec![vec![1], vec![], vec![2, 3]]))
    );
    for wrong in [
        "1",
        "true",
        "{}",
        "[null]",
        "[\"a\", 1]",
        "[1, \"a\"]",
        "[1, [2]]",
        "[-1]",
        "[1.5]",
        "[4294967296]",
        "[[\"a\"]]",
        "[[[1]]]",
        "[[-1]]",
        "[{}]",
    ] {
        let told = input(wrong).expect_err(wrong);
        assert!(told.starts_with("invalid_type: input: "), "{wrong}: {told}");
    }
}

#[test]
fn inputs_are_counted_beyond_the_most_that_are_taken() {
    let many = |item: &str, count| format!("[{}]", vec![item; count].join(","));
    assert!(input(&many("\"a\"", INPUTS_MAX)).is_ok());
    let told = input(&many("\"a\"", INPUTS_MAX + 2)).expect_err("too many");
    assert_eq!(told, "too_many_inputs: input has 2050 items, 2048 are taken");
    assert!(input(&many("[1]", INPUTS_MAX + 1)).is_err());
    assert!(
        input(&many("1", INPUTS_MAX + 1)).is_ok(),
        "one text of many tokens"
    );
    assert_eq!(input("[]").expect_err("none"), "empty_input: input is empty");
}

#[test]
fn documents_are_texts_or_objects_with_one() {
    let documents = |json: &str| {
        let raw: &RawValue = serde_json::from_str(json).expect("it is JSON");
        Documents::read(Some(raw)).map_err(|problem| problem.to_string())
    };
    let read = documents("[\"a\", {\"id\": [{}], \"text\": \"b\"}]");
    assert_eq!(read, Ok(vec!["a".to_owned(), "b".to_owned()]));
    assert!(documents("[{}]").is_err());
    assert!(documents("[[]]").is_err());
    assert!(documents("[]").is_err());
    let many = format!("[{}]", vec!["{\"text\":\"\"}"; INPUTS_MAX + 1].join(","));
    let told = documents(&many).expect_err("too many");
    assert_eq!(told, "too_many_inputs: documents has 2049 items, 2048 are taken");
}

#[derive(Debug, serde::Deserialize)]
struct Outline<'a> {
    #[serde(borrow)]
    input: Option<&'a RawValue>,
}

#[test]
fn a_body_that_is_no_object_is_told_with_line_and_column() {
    let told = |body: &[u8]| outline::<Outline<'_>>(body).expect_err("it is none").to_string();
    assert_eq!(
        told(b" "),
        "invalid_json: the body is empty; expected a JSON object"
    );
    assert!(told(b"[1]").contains("array"));
    assert!(told(b"{\n\"input\": ]").contains("line 2 column 10"));
    assert!(told(b"{\"input\":1,\"input\":2}").contains("duplicate field"));
    assert!(told(b"{\"input\": \"\xff\"}").contains("byte 11"));
}

#[test]
fn a_deep_body_is_gone_over_without_recursion() {
    let deep = format!("{{\"input\": {}", "[".repeat(2_000_000));
    assert!(outline::<Outline<'_>>(deep.as_bytes()).is_err());
    let closed = format!("{{\"input\": {}{}}}", "[".repeat(500_000), "]".repeat(500_000));
    let read: Outline<'_> = outline(closed.as_bytes()).expect("it is JSON");
    assert!(Input::read(read.input).is_err());
}

proptest! {
    #[test]
    fn whatever_comes_is_read_or_refused(body in proptest::collection::vec(any::<u8>(), 0..200)) {
        if let Ok(read) = outline::<Outline<'_>>(&body) {
            let _ = Input::read(read.input);
        }
    }
}
