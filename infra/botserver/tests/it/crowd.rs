//! Many people who talk, whatever happens to what they talk to.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};
use tokio::sync::watch;
use uuid::Uuid;

use crate::chat::Visitor;
use crate::server::{DataFolder, PATIENCE, Server};

const SESSIONS: usize = 50;
/// Together 100 turns a second.
const PAUSE: Duration = Duration::from_millis(500);

/// The script of the bot that they talk to.
pub const ECHO: &str = "DO WHILE TRUE\n  HEAR said\n  TALK \"echo \" + said\nLOOP\n";

/// Chance of a test: `BOTSERVER_TEST_SEED` repeats it.
pub fn seed() -> u64 {
    let given = std::env::var("BOTSERVER_TEST_SEED")
        .ok()
        .and_then(|text| text.parse().ok());
    given.unwrap_or_else(rand::random)
}

/// People who talk until they are told to leave; each message is sent until it is acknowledged.
pub struct Crowd {
    address: watch::Sender<String>,
    leaving: Arc<AtomicBool>,
    people: Vec<tokio::task::JoinHandle<Visitor>>,
}

impl Crowd {
    pub async fn enter(entrance: &str, seed: u64) -> Crowd {
        let (address, current) = watch::channel(String::new());
        let leaving = Arc::new(AtomicBool::new(false));
        let mut people = Vec::new();
        for number in 0..SESSIONS {
            let visitor = Visitor::enter(entrance, "echo")
                .await
                .expect("a visitor is let in");
            let chance = StdRng::seed_from_u64(seed ^ number as u64);
            people.push(tokio::spawn(talk(
                visitor,
                current.clone(),
                leaving.clone(),
                chance,
            )));
        }
        Crowd {
            address,
            leaving,
            people,
        }
    }

    /// Talks to a server that ends itself at a place in the code, the `after`th time that it comes there.
    pub async fn until_the_crash(&self, data: &DataFolder, point: &str, after: u32) {
        let crash = [("CRASH_AT", point.to_owned()), ("CRASH_AFTER", after.to_string())];
        let mut server = Server::start_with(data, &crash);
        self.moved_to(&server.address);
        let until = tokio::time::Instant::now() + PATIENCE;
        while !server.ended() {
            assert!(
                tokio::time::Instant::now() < until,
                "the server never reached {point}"
            );
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    /// Talks to a server that is killed after a while.
    pub async fn until_killed(&self, data: &DataFolder, pause: Duration) {
        let mut server = Server::start(data);
        self.moved_to(&server.address);
        tokio::time::sleep(pause).await;
        server.kill();
    }

    pub fn moved_to(&self, address: &str) {
        self.address.send_replace(address.to_owned());
    }

    pub async fn leave(self) -> Vec<Visitor> {
        self.leaving.store(true, Ordering::Relaxed);
        let mut visitors = Vec::new();
        for person in self.people {
            let visitor = tokio::time::timeout(PATIENCE * 2, person)
                .await
                .expect("everybody is answered");
            visitors.push(visitor.expect("nobody broke down"));
        }
        visitors
    }
}

async fn talk(
    mut visitor: Visitor,
    address: watch::Receiver<String>,
    leaving: Arc<AtomicBool>,
    mut chance: StdRng,
) -> Visitor {
    let mut sent = 0;
    visitor.disconnect();
    while !leaving.load(Ordering::Relaxed) {
        let message = Uuid::new_v4();
        let text = format!("message {sent}");
        sent += 1;
        while !visitor.acknowledged.contains_key(&message) {
            let _ = deliver(&mut visitor, &address, message, &text).await;
        }
        let pause = PAUSE.mul_f64(chance.random_range(0.5..1.5));
        let until = tokio::time::Instant::now() + pause;
        while tokio::time::Instant::now() < until {
            if visitor.receive(pause / 10).await.is_err() {
                tokio::time::sleep(pause / 10).await;
            }
        }
    }
    // Stay until everything acknowledged is answered.
    let until = tokio::time::Instant::now() + PATIENCE;
    loop {
        let answered: BTreeSet<&String> = replies(&visitor).into_keys().collect();
        if visitor.acknowledged.values().all(|turn| answered.contains(turn)) {
            return visitor;
        }
        assert!(tokio::time::Instant::now() < until, "a turn was never answered");
        if visitor.receive(Duration::from_millis(200)).await.is_err() {
            let target = address.borrow().clone();
            let _ = visitor.connect(&target).await;
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }
}

async fn deliver(
    visitor: &mut Visitor,
    address: &watch::Receiver<String>,
    message: Uuid,
    text: &str,
) -> anyhow::Result<()> {
    let target = address.borrow().clone();
    if target.is_empty() {
        tokio::time::sleep(Duration::from_millis(20)).await;
        return Ok(());
    }
    let attempt = async {
        if visitor.send(message, text).await.is_err() {
            visitor.connect(&target).await?;
            visitor.send(message, text).await?;
        }
        for _ in 0..50 {
            visitor.receive(Duration::from_millis(100)).await?;
            if visitor.acknowledged.contains_key(&message) {
                return anyhow::Ok(());
            }
        }
        visitor.disconnect();
        Ok(())
    };
    let outcome = attempt.await;
    if outcome.is_err() {
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    outcome
}

/// How often each turn was answered.
fn replies(visitor: &Visitor) -> BTreeMap<&String, usize> {
    let mut replies = BTreeMap::new();
    for line in visitor.transcript.values().filter(|line| !line.from_visitor) {
        if let Some(turn) = &line.turn_id {
            *replies.entry(turn).or_default() += 1;
        }
    }
    replies
}

/// Whoever comes back finds every turn that was acknowledged once, and answered once.
pub async fn assert_everybody_was_answered(address: &str, visitors: Vec<Visitor>) {
    let mut turns = 0;
    for mut visitor in visitors {
        // What a page that is loaded anew would show.
        visitor.disconnect();
        visitor.transcript.clear();
        visitor.position = 0;
        visitor.connect(address).await.expect("the server answers");
        let acknowledged = visitor.acknowledged.clone();
        visitor
            .until("the whole history", |visitor| {
                let answered = replies(visitor);
                acknowledged.values().all(|turn| answered.contains_key(turn))
            })
            .await;
        assert_eq!(visitor.disorder, 0, "a frame came twice or out of order");
        let mut said = BTreeMap::<&String, usize>::new();
        for line in visitor.transcript.values().filter(|line| line.from_visitor) {
            *said
                .entry(line.turn_id.as_ref().expect("a turn has an id"))
                .or_default() += 1;
        }
        let answered = replies(&visitor);
        for turn in visitor.acknowledged.values() {
            assert_eq!(said.get(turn), Some(&1), "an acknowledged turn is there once");
            assert_eq!(
                answered.get(turn),
                Some(&1),
                "an acknowledged turn is answered once"
            );
        }
        assert!(said.values().chain(answered.values()).all(|count| *count == 1));
        turns += said.len();
    }
    println!("{turns} turns");
    assert!(turns > SESSIONS, "people did talk");
}
