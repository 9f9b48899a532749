use std::io::Write as _;

use super::*;
use crate::encoder::batch::{Counting, Order};
use crate::encoder::layer::Place;
use crate::model::Tokens;

const HEADS: i64 = 3;
/// Where counts of rows are rounded up, so that some belong to no text.
const PLACE: Place = Place {
    device: Device::Cpu,
    precision: Precision::Bfloat16,
};

/// Queries, keys and values of texts with so many tokens, and what is prepared for them in both ways.
fn prepared(lengths: &[usize], size: i64, relative: bool, kind: Kind) -> (Tensor, Attention, Attention) {
    tch::manual_seed(7);
    let texts: Vec<Tokens> = lengths.iter().copied().map(text).collect();
    let texts: Vec<&Tokens> = texts.iter().collect();
    let batch = Batch::new(&texts, Counting::FromZero, false, PLACE).expect("a batch");
    let table = Tensor::randn([32, HEADS], (Kind::Float, Device::Cpu));
    let table = relative.then_some(&table);
    let packed = Attention::of(&batch, HEADS, table, Precision::Float32, true).expect("packed");
    let mut grouped = Attention::of(&batch, HEADS, table, Precision::Float32, true).expect("packed");
    grouped.way = groups(&batch.order, &packed, kind);
    let qkv = Tensor::randn([batch.order.rows, 3 * HEADS * size], (Kind::Float, Device::Cpu)) * 1.5;
    (qkv.to_kind(kind), packed, grouped)
}

fn text(length: usize) -> Tokens {
    Tokens {
        ids: vec![1; length],
        types: vec![0; length],
    }
}

fn groups(order: &Order, packed: &Attention, kind: Kind) -> Way {
    let Way::Packed { bias, .. } = &packed.way else {
        panic!("the CPU has one way");
    };
    let groups = order.groups();
    let biases = bias.iter().flat_map(|bias| {
        let matrix = |group: &Group| matrix(bias, group.length, kind).expect("a matrix");
        groups.iter().map(matrix).collect::<Vec<_>>()
    });
    Way::Groups {
        biases: biases.collect(),
        groups,
    }
}

/// Of large values as a share of them, as they have fewer digits behind the point.
fn largest_difference(one: &Tensor, other: &Tensor) -> f64 {
    assert_eq!(one.size(), other.size());
    let (one, other) = (one.to_kind(Kind::Float), other.to_kind(Kind::Float));
    let apart = (&one - &other).abs() / other.abs().clamp_min(1.0);
    apart.max().double_value(&[])
}

#[test]
fn texts_of_any_lengths_see_what_libtorchs_function_lets_each_see() {
    for lanes in [4, 8, 16] {
        let _limit = kernels::limit_lanes(lanes);
        check_texts();
    }
}

fn check_texts() {
    let _without_gradients = tch::no_grad_guard();
    for (kind, allowed) in [(Kind::Float, 1e-5), (Kind::BFloat16, 2e-2)] {
        for size in [8, 26, 32, 64, 80] {
            for relative in [false, true] {
                let lengths = [1, 2, 500, 31, 32, 33, 7, 7, 193, 1];
                let (qkv, packed, grouped) = prepared(&lengths, size, relative, kind);
                let case = format!("{kind:?}, {size} values of a head, relative {relative}");
                let all = |attention: &Attention| attention.all(&qkv).expect("a result");
                let first = |attention: &Attention| attention.first(&qkv).expect("a result");
                let apart = largest_difference(&all(&packed), &all(&grouped));
                assert!(apart < allowed, "{case}: {apart}");
                let apart = largest_difference(&first(&packed), &first(&grouped));
                assert!(apart < allowed, "first tokens, {case}: {apart}");
            }
        }
    }
}

#[test]
fn what_is_no_number_stays_so_in_its_own_text() {
    let (qkv, packed, _) = prepared(&[5, 40], 16, false, Kind::Float);
    // A key of the first text.
    let _ = qkv.get(2).get(HEADS * 16).fill_(f64::NAN);
    let seen = packed.all(&qkv).expect("a result");
    let is_number = seen.isfinite();
    assert!(is_number.narrow(0, 5, 40).all().int64_value(&[]) == 1);
    assert!(is_number.narrow(0, 0, 5).narrow(1, 0, 16).any().int64_value(&[]) == 0);
}

#[test]
fn large_scores_do_not_overflow() {
    let (qkv, packed, grouped) = prepared(&[50, 3], 32, false, Kind::Float);
    let qkv = qkv * 100.0;
    let apart = largest_difference(
        &packed.all(&qkv).expect("a result"),
        &grouped.all(&qkv).expect("a result"),
    );
    assert!(apart < 1e-2, "{apart}");
}

#[test]
fn rows_that_do_not_fit_are_refused() {
    let qkv = Tensor::zeros([4, 12], (Kind::Float, Device::Cpu));
    let attend = |qkv: &Tensor, offsets: &[i32], heads, rows| {
        kernels::attention(qkv, &Tensor::from_slice(offsets), None, heads, rows, false)
            .map(|seen| seen.size())
    };
    assert_eq!(attend(&qkv, &[0, 3], 2, 4).expect("a result"), [4, 4]);
    for offsets in [&[0, 5][..], &[0, 2, 2], &[0, 3, 1], &[1, 3], &[]] {
        assert!(attend(&qkv, offsets, 2, 4).is_err(), "{offsets:?}");
    }
    assert!(attend(&qkv, &[0, 3], 3, 4).is_err());
    assert!(attend(&qkv, &[0, 3], 2, 2).is_err());
    assert!(attend(&qkv.to_kind(Kind::Double), &[0, 3], 2, 4).is_err());
}

/// Without a GPU only that the kernels are there, and that they are called as they want to be.
#[test]
fn the_kernels_of_gpus_are_asked_in_their_own_words() {
    if tch::Cuda::is_available() {
        return;
    }
    let offsets = Tensor::from_slice(&[0, 2, 4]);
    for kind in [Kind::Float, Kind::BFloat16] {
        let qkv = Tensor::zeros([4, 3 * 16], (kind, Device::Cpu));
        let refused = kernels::attention_gpu(&qkv, &offsets, None, 2, 2).expect_err("no GPU");
        assert!(refused.to_string().contains("'CPU' backend"), "{refused}");
    }
}

#[test]
fn the_kernels_of_gpus_see_what_libtorchs_function_lets_each_see() {
    if !tch::Cuda::is_available() {
        // Past the harness, which shows nothing of a test that ends well.
        let _ = writeln!(
            std::io::stderr(),
            "skipped, there is no GPU: the_kernels_of_gpus_see_what_libtorchs_function_lets_each_see"
        );
        return;
    }
    let _without_gradients = tch::no_grad_guard();
    let texts = [1, 2, 500, 31, 32, 33, 7, 7, 193, 1].map(text);
    let texts: Vec<&Tokens> = texts.iter().collect();
    for (precision, allowed) in [(Precision::Float32, 1e-4), (Precision::Bfloat16, 2e-2)] {
        let place = Place {
            device: Device::Cuda(0),
            precision,
        };
        let batch = Batch::new(&texts, Counting::FromZero, false, place).expect("a batch");
        let way = |fused| Attention::of(&batch, HEADS, None, precision, fused).expect("prepared");
        let (fused, grouped) = (way(true), way(false));
        let qkv = Tensor::randn([batch.order.rows, 3 * HEADS * 32], (Kind::Float, place.device));
        let qkv = qkv.to_kind(kind_of(precision));
        let apart = largest_difference(
            &fused.all(&qkv).expect("fused"),
            &grouped.all(&qkv).expect("grouped"),
        );
        assert!(apart < allowed, "{precision:?}: {apart}");
        let apart = largest_difference(
            &fused.first(&qkv).expect("fused"),
            &grouped.first(&qkv).expect("grouped"),
        );
        assert!(apart < allowed, "first tokens, {precision:?}: {apart}");
    }
}
