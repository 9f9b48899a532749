//! Whatever order things happen in.

use proptest::prelude::*;

use super::*;

#[derive(Clone, Debug)]
enum Step {
    Ask {
        tried: Vec<usize>,
        weight: u64,
    },
    End {
        which: prop::sample::Index,
        outcome: Outcome,
    },
    Probe {
        worker: usize,
        probe: Probe,
    },
    Pass {
        ms: u64,
    },
}

const WORKERS: usize = 4;

fn outcome() -> impl Strategy<Value = Outcome> {
    prop_oneof![
        4 => Just(Outcome::Answered),
        1 => Just(Outcome::Refused),
        1 => Just(Outcome::Unauthorized),
        1 => Just(Outcome::Missing),
        1 => (0u64..5_000).prop_map(|ms| Outcome::Busy(Duration::from_millis(ms))),
        1 => Just(Outcome::Unreachable),
        2 => Just(Outcome::Failed),
        1 => Just(Outcome::Late),
        1 => Just(Outcome::Cancelled),
    ]
}

fn probe() -> impl Strategy<Value = Probe> {
    prop_oneof![
        Just(Probe::Ready),
        Just(Probe::Unready),
        Just(Probe::Unreachable),
        Just(Probe::Silent)
    ]
}

fn step() -> impl Strategy<Value = Step> {
    let tried = prop::collection::vec(0..WORKERS, 0..3);
    prop_oneof![
        4 => (tried, 0u64..1_000_000).prop_map(|(tried, weight)| Step::Ask { tried, weight }),
        4 => (any::<prop::sample::Index>(), outcome()).prop_map(|(which, outcome)| Step::End { which, outcome }),
        1 => (0..WORKERS, probe()).prop_map(|(worker, probe)| Step::Probe { worker, probe }),
        2 => (0u64..3_000).prop_map(|ms| Step::Pass { ms }),
    ]
}

/// Chooses, and checks that no ill worker was preferred to one that is well.
fn ask(scene: &mut Scene, tried: &[usize], weight: u64) -> Option<Begun> {
    let wanted = Wanted {
        model: MODEL,
        weight,
        tried,
    };
    let choice = scene.balance.choose(wanted, scene.now, &mut scene.dice);
    let now = scene.now;
    let workers = scene.balance.workers();
    let all_lack = workers.iter().all(|state| state.lacks(MODEL, now));
    let could = |at: &usize| !tried.contains(at) && (all_lack || !workers[*at].lacks(MODEL, now));
    let could: Vec<usize> = (0..WORKERS).filter(could).collect();
    let well = could.iter().any(|&at| workers[at].is_well(now));
    match choice {
        Choice::Ask(worker) => {
            assert!(could.contains(&worker));
            assert!(workers[worker].busy_until.is_none_or(|until| until <= now));
            assert!(
                workers[worker].is_well(now) || !well,
                "{worker} is ill, another one is well"
            );
            Some(scene.balance.begin(worker, weight, now))
        }
        Choice::Wait(until) => {
            assert!(until > now && until <= now + BUSY_MAX);
            None
        }
        Choice::Nobody => {
            assert!(could.is_empty());
            None
        }
    }
}

proptest! {
    #[test]
    fn whatever_happens_the_well_are_preferred_and_no_load_is_left_behind(
        steps in prop::collection::vec(step(), 0..300),
        rest in outcome(),
    ) {
        let mut scene = Scene::new(WORKERS);
        let mut under_way = Vec::new();
        for step in steps {
            match step {
                Step::Ask { tried, weight } => under_way.extend(ask(&mut scene, &tried, weight)),
                Step::End { which, outcome } if !under_way.is_empty() => {
                    let begun = under_way.swap_remove(which.index(under_way.len()));
                    scene.end(&begun, outcome);
                }
                Step::End { .. } => {}
                Step::Probe { worker, probe } => {
                    scene.probed(worker, probe);
                }
                Step::Pass { ms } => scene.pass(ms),
            }
        }
        for begun in under_way {
            scene.end(&begun, rest);
        }
        for state in scene.balance.workers() {
            prop_assert_eq!((state.weight, state.requests, state.trial), (0, 0, false));
        }
    }

    #[test]
    fn a_worker_that_answers_again_is_asked_again_within_a_minute(
        outcomes in prop::collection::vec(outcome(), 0..50),
    ) {
        let mut scene = Scene::new(1);
        for outcome in outcomes {
            scene.once(0, outcome);
        }
        scene.pass(60_000);
        prop_assert_eq!(scene.choose(MODEL, &[]), Choice::Ask(0));
        scene.once(0, Outcome::Answered);
        prop_assert!(scene.balance.workers()[0].is_well(scene.now));
    }
}
