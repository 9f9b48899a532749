//! Who is computed next, and how much at once.

use std::sync::Arc;
use std::time::Duration;

use inference::encoder::Place;
use inference::encoder::batch::{Group, Order};
use inference::scheduler::pace::Pace;
use inference::scheduler::queue::Queue;
use inference::settings::Precision;
use proptest::prelude::*;
use tch::Device;

fn caller(name: &str) -> Arc<str> {
    name.into()
}

#[test]
fn a_large_request_does_not_hold_up_a_small_one() {
    let mut queue = Queue::default();
    for text in 0..1_000 {
        queue.push(&caller("large"), 100, ("large", text));
    }
    queue.push(&caller("small"), 100, ("small", 0));
    let first = queue.take(2_000);
    assert!(first.contains(&("small", 0)), "{first:?}");
}

#[test]
fn callers_have_equal_shares_of_tokens_whatever_their_texts_are() {
    let mut queue = Queue::default();
    for _ in 0..10_000 {
        queue.push(&caller("short"), 5, 5_u64);
    }
    for _ in 0..200 {
        queue.push(&caller("long"), 500, 500_u64);
    }
    let (mut short, mut long) = (0, 0);
    for _ in 0..20 {
        for cost in queue.take(2_000) {
            match cost {
                5 => short += cost,
                _ => long += cost,
            }
        }
    }
    assert!(short.abs_diff(long) <= 2_000, "{short} and {long}");
}

#[test]
fn one_item_is_taken_whatever_it_costs() {
    let mut queue = Queue::default();
    queue.push(&caller("one"), 100_000, "huge");
    queue.push(&caller("one"), 1, "tiny");
    assert_eq!(queue.take(10), ["huge"]);
    assert_eq!(queue.take(10), ["tiny"]);
    assert!(queue.is_empty());
    assert_eq!(queue.take(10), Vec::<&str>::new());
}

#[test]
fn what_is_withdrawn_is_not_taken() {
    let mut queue = Queue::default();
    for at in 0..10 {
        queue.push(&caller("one"), 10, at);
    }
    queue.withdraw("one", |at| at % 2 == 0);
    assert_eq!(queue.tokens(), 50);
    assert_eq!(queue.take(1_000), [1, 3, 5, 7, 9]);
    queue.withdraw("one", |_| true);
    queue.push(&caller("one"), 10, 10);
    queue.withdraw("one", |_| true);
    assert!(queue.is_empty());
}

proptest! {
    /// Nothing is lost, nothing comes twice, each caller's items stay in order, and the tokens are counted.
    #[test]
    fn all_is_taken_once_and_in_order(
        items in proptest::collection::vec((0_usize..4, 1_u64..2_000), 0..200),
        budgets in proptest::collection::vec(1_u64..5_000, 1..20),
    ) {
        let mut queue = Queue::default();
        let names = ["a", "b", "c", "d"].map(caller);
        for (at, &(who, cost)) in items.iter().enumerate() {
            queue.push(&names[who], cost, (who, at, cost));
        }
        let mut taken = Vec::new();
        for &budget in budgets.iter().cycle() {
            let before = queue.tokens();
            let batch = queue.take(budget);
            let cost: u64 = batch.iter().map(|(_, _, cost)| cost).sum();
            prop_assert_eq!(queue.tokens(), before - cost);
            prop_assert!(batch.len() <= 1 || cost <= budget);
            if batch.is_empty() {
                break;
            }
            taken.extend(batch);
        }
        prop_assert!(queue.is_empty());
        for who in 0..4 {
            let of = |all: &[(usize, usize, u64)]| -> Vec<usize> {
                all.iter().filter(|item| item.0 == who).map(|item| item.1).collect()
            };
            let pushed: Vec<_> = items.iter().enumerate().map(|(at, &(who, cost))| (who, at, cost)).collect();
            prop_assert_eq!(of(&taken), of(&pushed));
        }
    }

    /// Every token has one row, and texts of one length stand together.
    #[test]
    fn texts_of_one_length_stand_together(lengths in proptest::collection::vec(1_usize..40, 1..60)) {
        let place = Place { device: Device::Cpu, precision: Precision::Bfloat16 };
        let order = Order::of(&lengths, place);
        let tokens = order.tokens();
        prop_assert_eq!(tokens as usize, lengths.iter().sum::<usize>());
        prop_assert!(order.rows >= tokens && order.rows <= tokens + tokens / 8 + 16);
        prop_assert_eq!(order.longest() as usize, lengths.iter().copied().max().unwrap());
        let mut row = 0;
        let mut texts = order.by_length.iter();
        let mut last = 0;
        for Group { begin, texts: count, length } in order.groups() {
            prop_assert_eq!(begin, row);
            prop_assert!(length > last);
            last = length;
            for _ in 0..count {
                prop_assert_eq!(lengths[*texts.next().unwrap()] as i64, length);
            }
            row += count * length;
        }
        prop_assert!(texts.next().is_none());
    }
}

#[test]
fn a_pace_is_learnt_from_batches_that_tell_of_it() {
    let mut pace = Pace::default();
    assert_eq!(pace.batch(Duration::from_millis(100), 5_000), 5_000);
    assert_eq!(pace.wait(1_000, 1), None);
    pace.saw(10_000, Duration::from_secs(1));
    assert_eq!(pace.batch(Duration::from_millis(100), 5_000), 1_000);
    assert_eq!(pace.wait(20_000, 2), Some(Duration::from_secs(1)));
    // A single short text says nothing of how fast many are computed.
    pace.saw(10, Duration::from_millis(10));
    assert_eq!(pace.batch(Duration::from_millis(100), 5_000), 1_000);
    pace.saw(20_000, Duration::from_secs(1));
    assert_eq!(pace.batch(Duration::from_millis(100), 5_000), 1_200);
    assert_eq!(pace.batch(Duration::ZERO, 5_000), 1);
}
