//! Ratios and distances of turns that are made up.

use super::super::sides::{Product, Told};
use super::*;

fn turn(side: Side, seconds: &[f64]) -> Turn {
    let told = Told {
        texts: 2,
        tokens: 20,
        dimensions: 2,
        seconds: seconds.to_vec(),
        operations: Some(30e9),
        read_seconds: None,
        product: Some(Product {
            operations: 10e9,
            seconds: vec![0.5, 0.25, 9.0],
        }),
        versions: None,
    };
    Turn { side, told }
}

fn vectors(side: Side, values: &[f32]) -> Vectors {
    Vectors {
        side,
        dimensions: 2,
        values: values.to_vec(),
    }
}

fn round(ours: f64, plain: f64, fused: f64) -> Vec<Turn> {
    vec![
        turn(Side::Ours, &[ours]),
        turn(Side::SentenceTransformers, &[2.0 * ours]),
        turn(Side::Onnxruntime, &[plain]),
        turn(Side::OnnxruntimeFused, &[fused]),
    ]
}

#[test]
fn a_ratio_is_how_many_times_as_fast_ours_is() {
    let turns = [round(1.0, 3.0, 4.0), round(2.0, 3.0, 1.0), round(1.0, 1.5, 2.0)];
    let rows = rows_of(&turns).expect("two rows");
    assert_eq!(rows[0].ratios, [2.0, 2.0, 2.0]);
    assert_eq!(
        rows[0].to_string(),
        "embeddings, mixed lengths, float32, against sentence-transformers: 2.00 (2.00 to 2.00), goal 1.5; 1.00 s against 2.00"
    );
}

#[test]
fn the_better_way_of_onnxruntime_counts() {
    let turns = [round(1.0, 3.0, 1.5), round(1.0, 3.0, 2.0)];
    let row = &rows_of(&turns).expect("two rows")[1];
    assert_eq!(row.ratios, [1.5, 2.0]);
    assert!(
        row.beside
            .ends_with("against 1.75 by its own optimiser, 3.00 s the other way")
    );
}

#[test]
fn questions_are_told_by_the_time_of_each() {
    let round = vec![
        turn(Side::OursOneByOne, &[0.008]),
        turn(Side::SentenceTransformersOneByOne, &[0.032]),
        turn(Side::OnnxruntimeOneByOne, &[0.016]),
    ];
    let rows = questions(&[round]).expect("two rows");
    assert_eq!(
        rows[0].to_string(),
        "questions one by one, float32, against sentence-transformers: 4.00 (4.00 to 4.00); 4.0 ms against 16.0"
    );
    assert_eq!(rows[1].ratios, [2.0]);
}

#[test]
fn a_share_of_the_ceiling_is_that_of_the_median_product() {
    let turn = turn(Side::OursInBatches, &[2.0, 4.0]);
    // 10 GFLOP/s of 20.
    assert!((share(&turn).expect("a share") - 0.5).abs() < 1e-12);
}

#[test]
fn a_side_that_had_no_turn_is_told() {
    let told = rows_of(&[vec![turn(Side::Ours, &[1.0])]]).expect_err("one side only");
    assert_eq!(told.to_string(), "SentenceTransformers had no turn");
}

#[test]
fn sides_that_read_other_tokens_are_told() {
    let mut round = round(1.0, 1.0, 1.0);
    check_same_work(&round).expect("the same work");
    round[2].told.tokens += 1;
    assert!(check_same_work(&round).is_err());
}

#[test]
fn the_greatest_difference_of_a_value_counts() {
    let ours = vectors(Side::Ours, &[1.0, 0.0, 0.5, 0.5]);
    let near = vectors(Side::Onnxruntime, &[1.0, 0.25, 0.5, 0.0]);
    let broken = vectors(Side::Onnxruntime, &[1.0, f32::NAN, 0.5, 0.0]);
    assert!((difference(&ours, &near).expect("as many") - 0.5).abs() < 1e-6);
    assert!(difference(&ours, &broken).expect("as many").is_infinite());
    assert!(difference(&ours, &vectors(Side::Onnxruntime, &[1.0, 0.0])).is_err());
}

#[test]
fn a_cosine_does_not_depend_on_lengths() {
    let ours = vectors(Side::Ours, &[1.0, 0.0, 0.0, 2.0]);
    let theirs = vectors(Side::OursInt8, &[3.0, 0.0, 1.0, 1.0]);
    let expected = f64::midpoint(1.0, 0.5_f64.sqrt());
    assert!((mean_cosine(&ours, &theirs).expect("as many") - expected).abs() < 1e-6);
}

#[test]
fn a_row_that_was_not_measured_says_why() {
    let row = Finding {
        work: "embeddings on a GPU",
        against: "another",
        ratios: Vec::new(),
        goal: Some(10.0),
        beside: "not measured: no GPU was found".to_owned(),
    };
    assert_eq!(
        row.to_string(),
        "embeddings on a GPU, against another: not measured: no GPU was found"
    );
}
