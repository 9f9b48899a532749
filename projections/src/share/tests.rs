//! Dividing: everything is in somebody's hands, nothing in two, and nobody has much more than others.

use proptest::prelude::*;

use super::*;

const A: Uuid = Uuid::from_u128(0xa);
const B: Uuid = Uuid::from_u128(0xb);
const C: Uuid = Uuid::from_u128(0xc);

fn all(owners: &[Uuid]) -> BTreeSet<Uuid> {
    owners.iter().copied().collect()
}

/// As the database gives new epochs.
fn written(mut shares: Vec<Share>, epoch: &mut i64) -> Vec<Share> {
    for share in shares.iter_mut().filter(|share| share.epoch == NEW_EPOCH) {
        *epoch += 1;
        share.epoch = *epoch;
    }
    shares
}

#[test]
fn who_is_alone_has_everything() {
    let shares = settled(&[Share::whole(Position(3), None)], A, &all(&[A]), true);
    assert_eq!(shares, [Share::whole(Position(3), Some(A))]);
    let shares = written(shares, &mut 0);
    assert_eq!(settled(&shares, A, &all(&[A]), false), shares);
}

#[test]
fn who_was_started_anew_fences_off_what_it_was() {
    let shares = written(vec![Share::whole(Position(3), Some(A))], &mut 0);
    assert_eq!(settled(&shares, A, &all(&[A]), true)[0].epoch, NEW_EPOCH);
}

#[test]
fn who_joins_takes_a_half_and_the_rest_is_fenced_too() {
    let shares = written(vec![Share::whole(Position(3), Some(A))], &mut 0);
    let shares = settled(&shares, B, &all(&[A, B]), true);
    assert_eq!((held(&shares, A), held(&shares, B)), (512, 512));
    assert!(shares.iter().all(|share| share.epoch == NEW_EPOCH));
    assert_eq!(settled(&shares, A, &all(&[A, B]), false), shares);
}

#[test]
fn a_third_takes_from_both() {
    let mut shares = vec![Share::whole(Position(0), Some(A))];
    for owner in [B, C] {
        shares = settled(&shares, owner, &all(&[A, B, C]), true);
    }
    assert_eq!([A, B, C].map(|owner| held(&shares, owner)), [342, 341, 341]);
}

#[test]
fn what_the_silent_had_goes_to_the_others() {
    let mut shares = vec![Share::whole(Position(0), Some(A))];
    shares = settled(&shares, B, &all(&[A, B]), true);
    shares = settled(&shares, B, &all(&[B]), false);
    assert_eq!(shares, [Share::whole(Position(0), Some(B))]);
}

#[test]
fn shares_that_are_not_as_far_stay_apart() {
    let mut shares = settled(&[Share::whole(Position(5), Some(A))], B, &all(&[A, B]), true);
    shares[0].position = Position(7);
    let shares = settled(&shares, B, &all(&[B]), false);
    assert_eq!(shares.len(), 2);
    assert!(shares.iter().all(|share| share.owner == Some(B)));
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    /// Processes come, go and look in any order, and their shares move on.
    #[test]
    fn whatever_comes_and_goes_all_slices_are_covered_once(
        steps in prop::collection::vec((0_u128..6, 0_u8..4, 0_i64..3), 1..60)
    ) {
        let mut shares = vec![Share::whole(Position(0), None)];
        let mut present = BTreeSet::new();
        let mut epoch = 0;
        for (who, what, moved) in steps {
            let who = Uuid::from_u128(who + 1);
            match what {
                0 => { present.remove(&who); }
                1 => for share in shares.iter_mut().filter(|share| share.owner == Some(who)) {
                    share.position.0 += moved;
                },
                _ => {
                    let fresh = present.insert(who);
                    let before = shares.clone();
                    shares = settled(&shares, who, &present, fresh);
                    // Whose range changed has another epoch, and so has whoever got it.
                    for share in shares.iter().filter(|share| share.epoch != NEW_EPOCH) {
                        let as_before = |old: &Share| {
                            old.slices == share.slices
                                && old.epoch == share.epoch
                                && (old.owner == share.owner || share.owner.is_none())
                        };
                        prop_assert!(before.iter().any(as_before));
                    }
                    shares = written(shares, &mut epoch);
                }
            }
            let mut next = 0;
            for share in &shares {
                prop_assert_eq!(share.slices.from, next);
                prop_assert!(share.slices.to > share.slices.from);
                next = share.slices.to;
            }
            prop_assert_eq!(next, SLICES);
        }
        // Once everybody has looked, it is fair and stays so.
        if !present.is_empty() {
            for _ in 0..3 {
                for who in &present {
                    shares = written(settled(&shares, *who, &present, false), &mut epoch);
                }
            }
            let count = u16::try_from(present.len()).unwrap_or(1);
            for who in &present {
                prop_assert!(held(&shares, *who) >= SLICES / count);
                prop_assert!(held(&shares, *who) < SLICES / count + count);
                prop_assert_eq!(settled(&shares, *who, &present, false), shares.clone());
            }
        }
    }
}

#[test]
fn what_a_source_assigns_is_exactly_mine() {
    let range = |from, to| Slices { from, to };
    let shares = written(vec![Share::whole(Position(3), Some(B))], &mut 0);
    let mine = [range(0, 256), range(512, 600)];
    let assigned = written(assigned(&shares, A, &mine, true), &mut 10);
    let slices: Vec<(Slices, Option<Uuid>)> =
        assigned.iter().map(|share| (share.slices, share.owner)).collect();
    let expected = [
        (range(0, 256), Some(A)),
        (range(256, 512), Some(B)),
        (range(512, 600), Some(A)),
        (range(600, SLICES), Some(B)),
    ];
    assert_eq!(slices, expected);
    assert!(
        assigned
            .iter()
            .all(|share| share.epoch > 10 && share.position == Position(3))
    );
    // Again it changes nothing; with less, the rest is nobody's.
    assert_eq!(super::assigned(&assigned, A, &mine, false), assigned);
    let less = super::assigned(&assigned, A, &mine[..1], false);
    assert_eq!(less[2].owner, None);
    assert_eq!(
        (less[0].epoch, less[1].epoch),
        (assigned[0].epoch, assigned[1].epoch)
    );
    // Started anew, it fences off what it was; parts of one range that were folded as far are one share.
    let anew = super::assigned(&assigned, A, &[range(0, SLICES)], true);
    assert_eq!(anew, [Share::whole(Position(3), Some(A))]);
}
