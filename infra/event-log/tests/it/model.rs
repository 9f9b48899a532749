//! Random histories, compared with a model that a page of code can hold.
//!
//! A failure names its seed; `EVENT_LOG_SEED` repeats it.

use std::collections::BTreeMap;
use std::time::{SystemTime, UNIX_EPOCH};

use event_log::{AppendCommand, Claim, Outcome};
use futures::future::join_all;
use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};
use uuid::Uuid;

use crate::fixture::{With, events, fixture, stream, tenant, to};

/// What the log promises, without a database.
#[derive(Default)]
struct Model {
    heads: BTreeMap<String, (Uuid, i64, i64)>,
    receipts: BTreeMap<(Uuid, Uuid), ([u8; 32], i64, i64)>,
    claims: BTreeMap<(Uuid, String), String>,
}

#[derive(Debug, PartialEq)]
enum Answer {
    Stored(i64, i64),
    Duplicate(i64, i64),
    Conflict(i64),
    Fenced(i64),
    Mismatch,
    Taken(String),
}

impl Model {
    fn append(&mut self, command: &AppendCommand) -> Answer {
        let tenant = command.tenant;
        if let Some((digest, first, last)) =
            command.command_id.and_then(|id| self.receipts.get(&(tenant, id)))
        {
            return if *digest == command.digest {
                Answer::Duplicate(*first, *last)
            } else {
                Answer::Mismatch
            };
        }
        let released = |key: &str| {
            command.claims.iter().find_map(|claim| match claim {
                Claim::Release {
                    key: released, owner, ..
                } if released == key => Some(owner.clone()),
                _ => None,
            })
        };
        let mut taken: Vec<(&String, &String)> = vec![];
        for claim in &command.claims {
            if let Claim::Take { key, owner, .. } = claim {
                let holder = self.claims.get(&(tenant, key.clone()));
                if let Some(holder) = holder.filter(|h| *h != owner && released(key).as_ref() != Some(*h)) {
                    taken.push((key, holder));
                }
            }
        }
        if let [(_, holder)] = taken.as_slice() {
            return Answer::Taken((*holder).clone());
        }
        let id = &command.stream.aggregate_id;
        let (owner, version, lease) = self.heads.get(id).copied().unwrap_or((tenant, 0, 0));
        if owner != tenant {
            return Answer::Conflict(0);
        }
        if command.lease_epoch.is_some_and(|epoch| epoch < lease) {
            return Answer::Fenced(lease);
        }
        if command
            .expected_version
            .is_some_and(|expected| expected != version)
        {
            return Answer::Conflict(version);
        }
        let last = version + command.events.len() as i64;
        if last > 0 {
            self.heads.insert(
                id.clone(),
                (tenant, last, command.lease_epoch.unwrap_or(0).max(lease)),
            );
        }
        if let Some(id) = command.command_id {
            self.receipts
                .insert((tenant, id), (command.digest, version + 1, last));
        }
        for claim in &command.claims {
            if let Claim::Release { key, owner, .. } = claim
                && self.claims.get(&(tenant, key.clone())) == Some(owner)
            {
                self.claims.remove(&(tenant, key.clone()));
            }
        }
        for claim in &command.claims {
            if let Claim::Take { key, owner, .. } = claim {
                self.claims.insert((tenant, key.clone()), owner.clone());
            }
        }
        Answer::Stored(version + 1, last)
    }
}

fn answer(outcome: &Outcome) -> Answer {
    match outcome {
        Outcome::Stored(s) => Answer::Stored(s.first_sequence, s.last_sequence),
        Outcome::Duplicate(s) => Answer::Duplicate(s.first_sequence, s.last_sequence),
        Outcome::Conflict { version } => Answer::Conflict(*version),
        Outcome::Fenced { lease_epoch } => Answer::Fenced(*lease_epoch),
        Outcome::Mismatch => Answer::Mismatch,
        Outcome::Taken { owner, .. } => Answer::Taken(owner.clone()),
    }
}

/// `part` keeps writers apart that run at the same time, so that each has a history of its own to be compared with.
fn random_command(rng: &mut StdRng, part: usize, heads: &Model) -> AppendCommand {
    let name = format!("p{part}s{}", rng.random_range(0..5));
    let version = heads.heads.get(&name).map_or(0, |head| head.1);
    let mut command = to(&name)
        .of(tenant(rng.random_range(1..=10) / 10 + 1))
        .with(events(rng.random_range(0..4)));
    if rng.random_bool(0.5) {
        command = command.expecting((version + rng.random_range(-1..=1) / rng.random_range(1..=3)).max(0));
    }
    if rng.random_bool(0.3) {
        command = command.leased(rng.random_range(0..4));
    }
    if rng.random_bool(0.6) {
        command = command.id(part as u128 * 1_000 + rng.random_range(0..60));
        command.digest = [rng.random_range(0..8) / 7; 32];
    }
    // One contested claim at most: of several, which one is named first is nobody's business.
    if rng.random_bool(0.4) && !command.events.is_empty() {
        let owner = |rng: &mut StdRng| format!("o{}", rng.random_range(0..3));
        let key = format!("p{part}k{}", rng.random_range(0..4));
        let leaver = owner(rng);
        let taker = owner(rng);
        command = match rng.random_range(0..3) {
            0 => command.taking(&key, &taker),
            1 => command.releasing(&key, &leaver),
            _ => command.releasing(&key, &leaver).taking(&key, &taker),
        };
    }
    command
}

#[tokio::test]
async fn random_histories_answer_as_the_model_does() {
    let seed = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_nanos() as u64;
    let seed = std::env::var("EVENT_LOG_SEED")
        .ok()
        .and_then(|text| text.parse().ok())
        .unwrap_or(seed);
    let f = fixture().await;
    let models = join_all((0..6).map(|part| {
        let log = f.log.clone();
        async move {
            let mut rng = StdRng::seed_from_u64(seed.wrapping_add(part as u64));
            let mut model = Model::default();
            for _ in 0..40 {
                let size = rng.random_range(1..9);
                let batch: Vec<_> = (0..size)
                    .map(|_| random_command(&mut rng, part, &model))
                    .collect();
                let outcomes = log.append(batch.clone()).await.expect("append answers");
                for (command, outcome) in batch.iter().zip(&outcomes) {
                    assert_eq!(answer(outcome), model.append(command), "seed {seed}: {command:?}");
                }
            }
            model
        }
    }))
    .await;
    for model in models {
        for (name, (tenant, version, _)) in &model.heads {
            let loaded = f.log.load(*tenant, &stream(name), 0).await.unwrap();
            assert_eq!(loaded.len() as i64, *version, "seed {seed}: {name}");
        }
        for ((tenant, key), owner) in &model.claims {
            assert_eq!(
                f.log.claim_owner(*tenant, "login", key).await.unwrap().as_ref(),
                Some(owner),
                "seed {seed}"
            );
        }
    }
    f.assert_sound().await;
}
