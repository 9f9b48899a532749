//! Making the conversation read model again: ours whole, with indexes and comparison, against a loop that writes each
//! event by one statement.

use std::time::{Duration, Instant};

use anyhow::Context as _;
use domain::conversation::ConversationEvent;
use event_log::{Position, RecordedEvent};
use projections::{Options, Projections, RebuildOptions};
use sqlx::PgPool;
use tokio::sync::watch;
use uuid::Uuid;

use crate::stage::Stage;
use crate::talk::Talk;

const READ_MODEL: &str = "conversation";
/// Exchanges in the log: a turn and a reply each, and a beginning for every twentieth.
const EXCHANGES: usize = 100_000;
const PAGE: i64 = 1_000;
const PATIENCE: Duration = Duration::from_secs(300);

/// A log of conversations that are in the read model.
pub struct Told {
    pub stage: Stage,
    pub projector: PgPool,
    events: i64,
}

impl Told {
    pub async fn tell() -> anyhow::Result<Told> {
        let stage = Stage::empty().await?;
        fill(&stage, EXCHANGES).await?;
        let events = stage.feed.head().await?.0;
        let projector = stage.pool("botserver_projector", 8);
        let (stop, stopped) = watch::channel(false);
        let options = Options::new(Uuid::now_v7());
        let (projections, tasks) = Projections::start(&projector, &stage.feed, &options, &stopped);
        projections
            .wait_for(&[READ_MODEL], Position(events), PATIENCE)
            .await?;
        stop.send_replace(true);
        tasks.join_all().await;
        sqlx::raw_sql(
            "create schema plain;
             create table plain.conversations (like read_conversation_a.conversations including all);
             create table plain.turns (like read_conversation_a.turns including all)",
        )
        .execute(&stage.owner)
        .await?;
        sqlx::raw_sql("vacuum analyze log.events, log.positions")
            .execute(&stage.owner)
            .await?;
        Ok(Told {
            stage,
            projector,
            events,
        })
    }

    /// Once, from nothing to the switch; returns how many events the log has.
    pub async fn rebuild(&self) -> anyhow::Result<u64> {
        let options = RebuildOptions {
            restart: true,
            ..RebuildOptions::new(Uuid::now_v7(), Duration::from_secs(10))
        };
        let rebuilt =
            projections::rebuild(&self.projector, &self.stage.feed, READ_MODEL, &options, |_| {}).await?;
        let certificate = rebuilt.certificate.context("a rebuild is compared")?;
        anyhow::ensure!(certificate.equal, "rows differ: {:?}", certificate.tables);
        Ok(u64::try_from(self.events)?)
    }

    /// From the beginning of the log for as long as told; returns how many events were written.
    pub async fn upserts(&self, time: Duration) -> anyhow::Result<u64> {
        sqlx::raw_sql("truncate plain.conversations, plain.turns")
            .execute(&self.stage.owner)
            .await?;
        let mut connection = self.stage.owner.acquire().await?;
        let until = Instant::now() + time;
        let (mut at, mut written) = (Position(0), 0);
        loop {
            let page = self.stage.feed.read(at, PAGE).await?;
            anyhow::ensure!(!page.is_empty(), "the log is too short for so long a time");
            for event in page {
                if Instant::now() >= until {
                    return Ok(written);
                }
                upsert(&mut connection, &event).await?;
                written += 1;
                at = event.position.unwrap_or_default();
            }
        }
    }
}

/// Stores exchanges of many visitors, and waits until all have their positions.
pub async fn fill(stage: &Stage, exchanges: usize) -> anyhow::Result<()> {
    let mut talks: Vec<Talk> = (0..256).map(|_| Talk::begin()).collect();
    let mut stored = 0;
    while stored < exchanges {
        let batch: Vec<_> = talks.iter_mut().map(Talk::exchange).collect();
        stored += batch.len();
        stage.log.append(batch).await?;
    }
    let appended: i64 = sqlx::query_scalar("select count(*) from log.events")
        .fetch_one(&stage.owner)
        .await?;
    stage.feed.wait_past(Position(appended - 1)).await;
    Ok(())
}

async fn upsert(connection: &mut sqlx::PgConnection, event: &RecordedEvent) -> anyhow::Result<()> {
    const BEGUN: &str =
        "insert into plain.conversations (id, tenant_id, session_id, bot_id, user_id, state, started_at, active_at,
                                          turn_count, reply_count, position)
         values ($1, $2, $3, $4, $5, 'open', $6, $6, 0, 0, $7) on conflict (id) do nothing";
    const SAID: &str =
        "with said as (
           insert into plain.turns (conversation_id, position, tenant_id, session_id, id, author, in_reply_to, content, at)
           values ($1, $2, $3, $4, $5, $6, $7, $8, $9) on conflict do nothing
         )
         insert into plain.conversations (id, tenant_id, session_id, bot_id, user_id, state, started_at, active_at,
                                          turn_count, reply_count, position)
         values ($1, $3, $4, $4, $4, 'open', $9, $9, 0, 0, $2)
         on conflict (id) do update
         set turn_count = conversations.turn_count + (case $6 when 'visitor' then 1 else 0 end),
             reply_count = conversations.reply_count + (case $6 when 'bot' then 1 else 0 end),
             active_at = excluded.active_at, position = excluded.position
         where conversations.position < excluded.position";
    let conversation: Uuid = event.stream.aggregate_id.parse()?;
    let position = event.position.unwrap_or_default().0;
    let decoded = domain::decode(&event.event_type, event.event_version, &event.payload)?;
    let (session, id, author, in_reply_to, content, at) = match decoded {
        ConversationEvent::Started {
            session_id,
            bot_id,
            user_id,
            started_at,
            ..
        } => {
            sqlx::query(BEGUN)
                .bind(conversation)
                .bind(event.tenant)
                .bind(session_id.0)
                .bind(bot_id.0)
                .bind(user_id.0)
                .bind(started_at)
                .bind(position)
                .execute(connection)
                .await?;
            return Ok(());
        }
        ConversationEvent::TurnReceived(turn) => (
            turn.session_id.0,
            turn.turn_id.0,
            "visitor",
            None,
            serde_json::to_value(&turn.content)?,
            turn.received_at,
        ),
        ConversationEvent::ReplyProduced(reply) => (
            reply.session_id.0,
            reply.reply_id.0,
            "bot",
            reply.in_reply_to.map(|turn| turn.0),
            serde_json::to_value(&reply.content)?,
            reply.produced_at,
        ),
        // What this log does not have.
        _ => return Ok(()),
    };
    sqlx::query(SAID)
        .bind(conversation)
        .bind(position)
        .bind(event.tenant)
        .bind(session)
        .bind(id)
        .bind(author)
        .bind(in_reply_to)
        .bind(content)
        .bind(at)
        .execute(connection)
        .await?;
    Ok(())
}

/// How soon events could be read without a rebuild beside and with one, in turns.
pub struct Beside {
    pub without: crate::distribution::Distribution,
    pub with: crate::distribution::Distribution,
    /// Events of the log that the rebuild looked through in a second.
    pub pace: u32,
    pub rate: f64,
}

/// A rebuild at a pace of so many events a second beside so many appends a second.
pub async fn beside(pace: u32, rate: f64, rounds: u32, time: Duration) -> anyhow::Result<Beside> {
    use crate::visible::followed;
    let stage = Stage::empty().await?;
    fill(&stage, EXCHANGES).await?;
    let projector = stage.pool("botserver_projector", 12);
    let (_stop, stopped) = watch::channel(false);
    let (projections, _tasks) =
        Projections::start(&projector, &stage.feed, &Options::new(Uuid::now_v7()), &stopped);
    let head = stage.feed.head().await?;
    projections.wait_for(&[READ_MODEL], head, PATIENCE).await?;
    let (mut without, mut with) = (Vec::new(), Vec::new());
    for _ in 0..rounds {
        without.push(followed(&stage, &projections, rate, time).await?);
        let options = RebuildOptions {
            restart: true,
            events_per_second: Some(pace),
            ..RebuildOptions::new(Uuid::now_v7(), Duration::from_secs(10))
        };
        let rebuilding = projections::rebuild(&projector, &stage.feed, READ_MODEL, &options, |_| {});
        tokio::select! {
            rebuilt = rebuilding => anyhow::bail!("the log was too short for so fast a rebuild: {rebuilt:?}"),
            followed = followed(&stage, &projections, rate, time) => with.push(followed?),
        }
    }
    Ok(Beside {
        without: without.into_iter().sum(),
        with: with.into_iter().sum(),
        pace,
        rate,
    })
}
