use proptest::prelude::*;

use super::*;

fn encoded(numbers: &[f32]) -> String {
    let bytes: Vec<u8> = numbers.iter().flat_map(|number| number.to_le_bytes()).collect();
    STANDARD.encode(bytes)
}

fn answer(vectors: &[(usize, String)]) -> Vec<u8> {
    let data: Vec<_> = vectors
        .iter()
        .map(|(index, text)| serde_json::json!({"object": "embedding", "index": index, "embedding": text}))
        .collect();
    serde_json::json!({"object": "list", "data": data, "usage": {"prompt_tokens": 9, "total_tokens": 9}})
        .to_string()
        .into_bytes()
}

#[test]
fn vectors_stand_in_the_order_of_the_inputs() {
    let body = answer(&[(1, encoded(&[3.0, 4.0])), (0, encoded(&[1.0, -2.5]))]);
    let (found, tokens) = vectors(&body, 2, None).unwrap();
    assert_eq!((found, tokens), (vec![vec![1.0, -2.5], vec![3.0, 4.0]], 9));
}

#[test]
fn a_slash_may_be_escaped() {
    let numbers = vec![f32::from_le_bytes([0xff, 0xff, 0x3f, 0x3f])];
    let escaped = encoded(&numbers).replace('/', "\\/");
    let body = format!(r#"{{"data":[{{"index":0,"embedding":"{escaped}"}}]}}"#);
    assert_eq!(vectors(body.as_bytes(), 1, Some(1)).unwrap().0, [numbers]);
}

#[test]
fn what_is_no_answer_is_told_by_what_is_wrong() {
    let (one, two) = (encoded(&[1.0]), encoded(&[1.0, 2.0]));
    let check = |vectors_of: &[(usize, String)], dimensions: Option<u32>, expected: Lie| {
        let body = answer(vectors_of);
        assert_eq!(vectors(&body, 2, dimensions).unwrap_err(), expected);
    };
    check(&[(0, one.clone())], None, Lie::Count { asked: 2, found: 1 });
    check(
        &[(0, one.clone()), (0, one.clone())],
        None,
        Lie::Index { index: 0 },
    );
    check(
        &[(0, one.clone()), (2, one.clone())],
        None,
        Lie::Index { index: 2 },
    );
    check(
        &[(0, one.clone()), (1, "???".to_owned())],
        None,
        Lie::Encoding { index: 1 },
    );
    check(
        &[(0, one.clone()), (1, "AAAA".to_owned())],
        None,
        Lie::Encoding { index: 1 },
    );
    for number in [f32::NAN, f32::INFINITY, f32::NEG_INFINITY] {
        check(
            &[(0, encoded(&[number])), (1, one.clone())],
            None,
            Lie::NotFinite { index: 0 },
        );
    }
    let lengths = |index, found, expected| Lie::Dimensions {
        index,
        found,
        expected,
    };
    check(&[(0, one.clone()), (1, two)], None, lengths(1, 2, 1));
    check(&[(0, one.clone()), (1, one)], Some(8), lengths(0, 1, 8));
    check(&[(0, String::new()), (1, String::new())], None, lengths(0, 0, 0));
}

#[test]
fn scores_are_for_the_documents_that_were_sent() {
    let check = |results: &str, top_n: Option<usize>| {
        let body = format!(r#"{{"results":[{results}],"usage":{{}}}}"#);
        scores(body.as_bytes(), 2, top_n)
    };
    let one = r#"{"index":1,"relevance_score":0.5}"#;
    assert_eq!(check(one, Some(1)).unwrap(), [Ranked { index: 1, score: 0.5 }]);
    assert_eq!(check(one, None).unwrap_err(), Lie::Count { asked: 2, found: 1 });
    assert_eq!(
        check(&format!("{one},{one}"), None).unwrap_err(),
        Lie::Index { index: 1 }
    );
    let far = r#"{"index":2,"relevance_score":0.5}"#;
    assert_eq!(check(far, Some(1)).unwrap_err(), Lie::Index { index: 2 });
    let endless = r#"{"index":0,"relevance_score":1e39}"#;
    assert!(check(endless, Some(1)).is_err());
}

#[test]
fn what_a_worker_says_fits_one_line() {
    let long = "a\nb".repeat(500);
    let body = serde_json::json!({"error": {"message": long, "code": "no spaces please"}}).to_string();
    let found = said(body.as_bytes());
    let message = found.message.unwrap();
    assert!(message.chars().count() == 300 && !message.contains('\n'));
    assert_eq!(found.code, None);
    let body = r#"{"error":{"message":"x","type":"t","param":null,"code":"model_not_found"}}"#;
    assert_eq!(said(body.as_bytes()).code.as_deref(), Some("model_not_found"));
    assert_eq!(said(b"<html>"), Said::default());
}

#[test]
fn the_bound_of_an_answer_holds_what_a_worker_writes() {
    for (count, dimensions) in [(1, 1), (256, 384), (256, 16_384)] {
        let vector = encoded(&vec![0.123_456; dimensions]);
        let each: Vec<_> = (0..count).map(|index| (index, vector.clone())).collect();
        let dimensions = u32::try_from(dimensions).unwrap();
        assert!(answer(&each).len() <= vectors_bytes_max(count, Some(dimensions)));
    }
}

proptest! {
    #[test]
    fn no_answer_is_too_strange_to_be_read(
        body in prop::collection::vec(any::<u8>(), 0..200),
        text in r#"\{"(data|results|error|object)": ?[\[\{]("|index|embedding|:|,|\{|\}|\[|\]|[0-9]|-|e|NaN| ){0,40}"#,
    ) {
        for body in [body.as_slice(), text.as_bytes()] {
            let _ = vectors(body, 3, None);
            let _ = scores(body, 3, Some(2));
            let _ = models(body);
            let _ = said(body);
        }
    }

    #[test]
    fn vectors_come_back_as_they_were(numbers in prop::collection::vec(-1e6f32..1e6, 1..400)) {
        let body = answer(&[(0, encoded(&numbers))]);
        let dimensions = u32::try_from(numbers.len()).unwrap();
        prop_assert_eq!(vectors(&body, 1, Some(dimensions)).unwrap().0, vec![numbers]);
    }
}
