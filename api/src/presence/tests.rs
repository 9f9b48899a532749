use std::sync::atomic::{AtomicBool, Ordering};

use tokio::sync::mpsc;
use uuid::Uuid;

use super::*;

/// Keeps what it was told, forgets it when told to, and is away when told to.
#[derive(Debug)]
struct Others {
    told: mpsc::UnboundedSender<Told>,
    forgets: AtomicBool,
    away: AtomicBool,
}

#[async_trait]
impl SharedPresence for Others {
    async fn tell(&self, told: Told) -> Result<bool, PresenceError> {
        if self.away.load(Ordering::SeqCst) {
            return Err(PresenceError::new(std::io::Error::other("away")));
        }
        let known = matches!(told, Told::All(_)) || !self.forgets.swap(false, Ordering::SeqCst);
        let _ = self.told.send(told);
        Ok(known)
    }

    async fn elsewhere(&self, sessions: &[SessionId]) -> Result<HashMap<SessionId, u32>, PresenceError> {
        Ok(sessions.iter().map(|session| (*session, 3)).collect())
    }

    async fn leave(&self) -> Result<(), PresenceError> {
        let _ = self.told.send(Told::All(HashMap::new()));
        Ok(())
    }
}

fn session(number: u128) -> SessionId {
    SessionId(Uuid::from_u128(number))
}

fn counts<const N: usize>(counts: [(u128, u32); N]) -> HashMap<SessionId, u32> {
    counts.map(|(number, count)| (session(number), count)).into()
}

#[tokio::test(start_paused = true)]
async fn others_are_told_what_changed_and_everything_when_they_forgot() {
    let (sender, mut told) = mpsc::unbounded_channel();
    let others = Arc::new(Others {
        told: sender,
        forgets: AtomicBool::new(false),
        away: AtomicBool::new(false),
    });
    let shared: Arc<dyn SharedPresence> = others.clone();
    let presence = Presence::new(&Some(shared));
    let first = presence.enter(session(1), 8).expect("there is room");
    let (stop, stopped) = tokio::sync::oneshot::channel::<()>();
    let kept = tokio::spawn(presence.clone().keep(async {
        let _ = stopped.await;
    }));
    assert_eq!(told.recv().await, Some(Told::All(counts([(1, 1)]))));

    let second = presence.enter(session(1), 8).expect("there is room");
    let other = presence.enter(session(2), 8).expect("there is room");
    assert_eq!(told.recv().await, Some(Told::Changed(counts([(1, 2), (2, 1)]))));
    drop(other);
    assert_eq!(told.recv().await, Some(Told::Changed(counts([(2, 0)]))));
    // A word without news.
    assert_eq!(told.recv().await, Some(Told::Changed(counts([]))));

    others.forgets.store(true, Ordering::SeqCst);
    drop(first);
    assert_eq!(told.recv().await, Some(Told::Changed(counts([(1, 1)]))));
    assert_eq!(told.recv().await, Some(Told::All(counts([(1, 1)]))));

    others.away.store(true, Ordering::SeqCst);
    let third = presence.enter(session(3), 8).expect("there is room");
    sleep(BEAT_EVERY * 3).await;
    others.away.store(false, Ordering::SeqCst);
    assert_eq!(told.recv().await, Some(Told::All(counts([(1, 1), (3, 1)]))));

    let sockets = presence
        .sockets(&[session(1), session(4)])
        .await
        .expect("they answer");
    assert_eq!(sockets, counts([(1, 4), (4, 3)]), "here and elsewhere");
    stop.send(()).expect("it is kept");
    kept.await.expect("it ends");
    drop((second, third));
    let mut last = None;
    while let Ok(word) = told.try_recv() {
        last = Some(word);
    }
    assert_eq!(last, Some(Told::All(counts([]))), "what was told is taken back");
}

#[test]
fn a_session_has_no_more_than_it_may() {
    let presence = Presence::new(&None);
    let held: Vec<_> = (0..3).map(|_| presence.enter(session(1), 2)).collect();
    assert_eq!(held.iter().flatten().count(), 2);
    drop(held);
    assert!(presence.enter(session(1), 1).is_some());
    assert!(presence.here.lock().by_session.is_empty());
    assert!(presence.here.lock().changed.is_empty(), "nobody is told");
}
