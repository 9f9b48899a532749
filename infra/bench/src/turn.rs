//! A scripted turn: from when a person says something until the reply is there, over a real socket.
//!
//! Turns are due at even distances, whether or not those before were answered, and their time counts from when they
//! were due: a server that falls behind cannot make its questioners wait with asking.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use anyhow::Context as _;
use futures::SinkExt as _;
use futures::future::try_join_all;
use serde_json::json;
use tokio::time::{Instant, sleep_until, timeout};
use tokio_tungstenite::tungstenite::Message;
use uuid::Uuid;

use crate::distribution::Distribution;
use crate::served::Served;
use crate::visitor::{self, Receiver, Sender};

/// Conversations that take turns at taking turns.
const VISITORS: usize = 200;
/// For what is still to be answered at the end.
const PATIENCE: Duration = Duration::from_secs(20);

/// When each turn was due, by what was said, until it is answered.
type Due = Arc<Mutex<HashMap<String, Instant>>>;

/// So many turns a second for so long; how long each took, and how many were not answered.
pub async fn run(server: &Served, rate: u32, time: Duration) -> anyhow::Result<(Distribution, usize)> {
    let mut visitors = Vec::with_capacity(VISITORS);
    for number in 0..VISITORS {
        visitors.push(visitor::enter(&server.address, number).await?);
    }
    let start = Instant::now() + Duration::from_millis(200);
    let apart = Duration::from_secs(1) * u32::try_from(VISITORS)? / rate;
    let turns = (time.as_secs_f64() / apart.as_secs_f64()).ceil() as u32;
    let talks = visitors
        .into_iter()
        .enumerate()
        .map(|(number, (sender, receiver))| {
            let first = start + apart * u32::try_from(number).unwrap_or_default() / VISITORS as u32;
            let talk = tokio::spawn(talk(sender, receiver, first, apart, turns));
            async move { talk.await.context("a visitor broke down")? }
        });
    let talks = try_join_all(talks).await?;
    let unanswered = talks.iter().map(|(_, unanswered)| unanswered).sum();
    Ok((
        Distribution::of(talks.into_iter().flat_map(|(times, _)| times)),
        unanswered,
    ))
}

async fn talk(
    mut sender: Sender,
    mut receiver: Receiver,
    first: Instant,
    apart: Duration,
    turns: u32,
) -> anyhow::Result<(Vec<Duration>, usize)> {
    let due = Due::default();
    let asked = due.clone();
    let listening = tokio::spawn(async move {
        let mut times = Vec::new();
        while times.len() < turns as usize {
            let reply = visitor::until(&mut receiver, |frame| frame["message_type"] == 2);
            let Ok(Ok(frame)) = timeout(apart * 2 + PATIENCE, reply).await else {
                break;
            };
            let said = frame["content"]
                .as_str()
                .and_then(|text| text.strip_prefix("You said "));
            let due = said.and_then(|said| lock(&asked).remove(said));
            times.extend(due.map(|due| due.elapsed()));
        }
        times
    });
    for turn in 0..turns {
        let at = first + apart * turn;
        sleep_until(at).await;
        let (id, said) = (Uuid::now_v7(), format!("turn {turn}"));
        lock(&due).insert(said.clone(), at);
        let frame = json!({ "content": said, "message_type": 1, "message_id": id });
        sender.send(Message::text(frame.to_string())).await?;
    }
    let times = listening.await?;
    let unanswered = turns as usize - times.len();
    Ok((times, unanswered))
}

fn lock(due: &Due) -> std::sync::MutexGuard<'_, HashMap<String, Instant>> {
    due.lock().unwrap_or_else(PoisonError::into_inner)
}
