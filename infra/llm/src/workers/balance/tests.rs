use rand::SeedableRng as _;
use rand::rngs::StdRng;

use super::*;

mod chance;

const MODEL: &str = "small";

/// A balance with a clock and dice of its own.
struct Scene {
    balance: Balance,
    now: Instant,
    dice: StdRng,
}

impl Scene {
    fn new(count: usize) -> Scene {
        Scene {
            balance: Balance::new(count),
            now: Instant::now(),
            dice: StdRng::seed_from_u64(7),
        }
    }

    fn pass(&mut self, ms: u64) {
        self.now += Duration::from_millis(ms);
    }

    fn choose(&mut self, model: &str, tried: &[usize]) -> Choice {
        let wanted = Wanted {
            model,
            weight: 100,
            tried,
        };
        self.balance.choose(wanted, self.now, &mut self.dice)
    }

    fn begin(&mut self, worker: usize) -> Begun {
        self.balance.begin(worker, 100, self.now)
    }

    fn end(&mut self, begun: &Begun, outcome: Outcome) -> Turn {
        self.balance.end(begun, MODEL, outcome, self.now)
    }

    /// A request of this worker that ends at once.
    fn once(&mut self, worker: usize, outcome: Outcome) -> Turn {
        let begun = self.begin(worker);
        self.end(&begun, outcome)
    }

    fn probed(&mut self, worker: usize, probe: Probe) -> Turn {
        self.balance.probed(worker, probe, self.now)
    }

    /// Whom a thousand dice choose.
    fn chosen(&mut self) -> Vec<usize> {
        let mut counts = vec![0; self.balance.workers().len()];
        for _ in 0..1_000 {
            if let Choice::Ask(worker) = self.choose(MODEL, &[]) {
                counts[worker] += 1;
            }
        }
        counts
    }
}

#[test]
fn workers_that_are_equal_are_chosen_by_chance() {
    let counts = Scene::new(4).chosen();
    assert!(counts.iter().all(|&count| count > 150), "{counts:?}");
}

#[test]
fn the_one_with_less_to_do_is_chosen() {
    let mut scene = Scene::new(3);
    for worker in [0, 0, 1] {
        scene.begin(worker);
    }
    assert_eq!(scene.chosen(), [0, 0, 1_000]);
}

#[test]
fn what_other_clients_have_there_counts_while_it_is_news() {
    let mut scene = Scene::new(2);
    let begun = scene.begin(0);
    scene.balance.queued(1, Some(1_000), scene.now);
    // What the queue holds of this client's own is not counted twice.
    scene.balance.queued(0, Some(25), scene.now);
    assert_eq!(scene.balance.workers()[0].load(scene.now), 100);
    assert_eq!(scene.chosen(), [1_000, 0]);
    scene.pass(3_000);
    assert_eq!(scene.chosen(), [0, 1_000]);
    scene.end(&begun, Outcome::Answered);
    scene.balance.queued(0, Some(u64::MAX), scene.now);
    assert_eq!(scene.chosen(), [0, 1_000]);
}

#[test]
fn a_faster_worker_gets_more_before_it_counts_as_loaded() {
    let mut scene = Scene::new(2);
    for (worker, ms) in [(0, 100), (1, 10)] {
        let begun = scene.begin(worker);
        scene.pass(ms);
        scene.end(&begun, Outcome::Answered);
    }
    let mut placed = [0, 0];
    for _ in 0..22 {
        let Choice::Ask(worker) = scene.choose(MODEL, &[]) else {
            panic!("both are well");
        };
        scene.begin(worker);
        placed[worker] += 1;
    }
    assert!(placed[1] >= 17, "{placed:?}");
}

#[test]
fn a_worker_that_was_slow_is_measured_again_after_a_while() {
    let mut scene = Scene::new(2);
    for (worker, ms) in [(0, 5_000), (1, 1)] {
        let begun = scene.begin(worker);
        scene.pass(ms);
        scene.end(&begun, Outcome::Answered);
    }
    assert_eq!(scene.chosen()[0], 0);
    scene.pass(30_000);
    assert!(scene.chosen()[0] > 0);
}

#[test]
fn a_worker_that_cannot_be_connected_to_is_left_out_at_once() {
    let mut scene = Scene::new(2);
    assert_eq!(scene.once(0, Outcome::Unreachable), Turn::Ejected);
    assert_eq!(scene.chosen(), [0, 1_000]);
}

#[test]
fn failures_in_a_row_eject_and_an_answer_between_them_does_not() {
    let mut scene = Scene::new(2);
    for outcome in [
        Outcome::Failed,
        Outcome::Failed,
        Outcome::Answered,
        Outcome::Failed,
    ] {
        assert_eq!(scene.once(0, outcome), Turn::Same);
    }
    scene.once(0, Outcome::Failed);
    assert_eq!(scene.once(0, Outcome::Failed), Turn::Ejected);
}

#[test]
fn an_ejection_doubles_until_the_trial_succeeds() {
    let mut scene = Scene::new(2);
    scene.once(0, Outcome::Unreachable);
    for seconds in [1, 2, 4, 8, 16, 32, 60, 60] {
        scene.pass(seconds * 1_000 - 1);
        assert!(!scene.balance.workers()[0].is_well(scene.now));
        scene.pass(1);
        assert!(scene.balance.workers()[0].is_well(scene.now));
        assert_eq!(scene.once(0, Outcome::Failed), Turn::Ejected);
    }
    scene.pass(60_000);
    assert_eq!(scene.once(0, Outcome::Answered), Turn::Back);
    scene.once(0, Outcome::Unreachable);
    scene.pass(1_000);
    assert!(scene.balance.workers()[0].is_well(scene.now));
}

#[test]
fn one_request_at_a_time_tries_whether_a_worker_is_well_again() {
    let mut scene = Scene::new(2);
    scene.once(0, Outcome::Unreachable);
    scene.pass(1_000);
    let trial = scene.begin(0);
    scene.begin(1);
    assert_eq!(scene.chosen(), [0, 1_000]);
    // The caller left: whoever comes next tries.
    scene.end(&trial, Outcome::Cancelled);
    assert_eq!(scene.chosen(), [1_000, 0]);
}

#[test]
fn a_probe_that_succeeds_ends_the_ejection_of_one_that_was_not_reached() {
    let mut scene = Scene::new(2);
    scene.once(0, Outcome::Unreachable);
    scene.once(1, Outcome::Unauthorized);
    scene.probed(0, Probe::Ready);
    scene.probed(1, Probe::Ready);
    assert_eq!(scene.chosen(), [1_000, 0]);
}

#[test]
fn a_worker_that_is_not_ready_is_asked_only_where_no_other_is_left() {
    let mut scene = Scene::new(2);
    scene.probed(0, Probe::Unready);
    assert_eq!(scene.chosen(), [0, 1_000]);
    assert_eq!(scene.choose(MODEL, &[1]), Choice::Ask(0));
    scene.probed(0, Probe::Ready);
    assert!(scene.chosen()[0] > 0);
}

#[test]
fn a_worker_is_gone_after_probes_that_nobody_answers() {
    let mut scene = Scene::new(2);
    assert_eq!(scene.probed(0, Probe::Silent), Turn::Same);
    assert_eq!(scene.probed(0, Probe::Silent), Turn::Same);
    assert_eq!(scene.probed(0, Probe::Silent), Turn::Gone);
    assert_eq!(scene.chosen(), [0, 1_000]);
    scene.probed(0, Probe::Ready);
    assert_eq!(scene.probed(0, Probe::Silent), Turn::Same);
}

#[test]
fn one_that_is_busy_is_waited_for_and_not_one_that_is_ill_asked() {
    let mut scene = Scene::new(3);
    scene.once(0, Outcome::Busy(Duration::from_secs(5)));
    scene.once(1, Outcome::Busy(Duration::from_secs(2)));
    scene.once(2, Outcome::Unreachable);
    let until = scene.now + Duration::from_secs(2);
    assert_eq!(scene.choose(MODEL, &[]), Choice::Wait(until));
    scene.pass(2_000);
    scene.once(2, Outcome::Unreachable);
    assert_eq!(scene.choose(MODEL, &[]), Choice::Ask(1));
    assert_eq!(scene.choose(MODEL, &[0, 1, 2]), Choice::Nobody);
}

#[test]
fn no_worker_makes_others_wait_for_more_than_a_minute() {
    let mut scene = Scene::new(1);
    scene.once(0, Outcome::Busy(Duration::MAX));
    let until = scene.now + BUSY_MAX;
    assert_eq!(scene.choose(MODEL, &[]), Choice::Wait(until));
}

#[test]
fn a_worker_without_the_model_is_not_asked_for_it_for_a_while() {
    let mut scene = Scene::new(2);
    scene.once(0, Outcome::Missing);
    assert_eq!(scene.chosen(), [0, 1_000]);
    assert_eq!(scene.choose("another", &[1]), Choice::Ask(0));
    assert_eq!(scene.choose(MODEL, &[1]), Choice::Nobody);
    scene.pass(15_000);
    assert_eq!(scene.choose(MODEL, &[1]), Choice::Ask(0));
    scene.once(0, Outcome::Missing);
    scene.balance.lists(0, MODEL);
    assert_eq!(scene.choose(MODEL, &[1]), Choice::Ask(0));
}

#[test]
fn a_model_that_all_lack_is_asked_for_all_the_same() {
    let mut scene = Scene::new(2);
    scene.once(0, Outcome::Missing);
    scene.once(1, Outcome::Missing);
    assert!(matches!(scene.choose(MODEL, &[]), Choice::Ask(_)));
}

#[test]
fn names_that_callers_invent_do_not_fill_the_memory() {
    let mut scene = Scene::new(1);
    for number in 0..1_000 {
        let begun = scene.begin(0);
        let name = format!("{number}{}", "x".repeat(number));
        scene.balance.end(&begun, &name, Outcome::Missing, scene.now);
    }
    let now = scene.now;
    let state = &scene.balance.workers()[0];
    let remembered =
        (0..1_000).filter(|number| state.lacks(&format!("{number}{}", "x".repeat(*number)), now));
    assert_eq!(remembered.count(), 64);
}

#[test]
fn a_caller_in_a_hurry_does_not_eject_a_worker() {
    let mut scene = Scene::new(1);
    for _ in 0..100 {
        let begun = scene.begin(0);
        scene.pass(10);
        assert_eq!(scene.end(&begun, Outcome::Late), Turn::Same);
    }
    let mut turns = Vec::new();
    for _ in 0..3 {
        let begun = scene.begin(0);
        scene.pass(1_000);
        turns.push(scene.end(&begun, Outcome::Late));
    }
    assert_eq!(turns, [Turn::Same, Turn::Same, Turn::Ejected]);
}
