//! Fan-out: the process that gives events their positions tells the others how far the log is, so that replies reach
//! their sockets at once and not when they next look.

use std::time::Duration;

use event_log::Position;
use futures::StreamExt as _;
use redis::AsyncCommands as _;
use tokio::sync::watch;
use tokio::time::sleep;

use crate::Valkey;

const PAUSE: Duration = Duration::from_secs(1);

/// Tells the others what this process has heard first, and it what the others tell, until `stop` resolves.
///
/// Positions are only that something is there to be read; whoever hears one reads the log.
pub async fn share_positions(
    valkey: Valkey,
    placed: watch::Sender<Position>,
    stop: impl Future<Output = ()>,
) {
    let channel = valkey.key("placed");
    // The furthest that the others have told, which need not be told them.
    let told = watch::Sender::new(Position(0));
    tokio::select! {
        () = stop => {}
        () = tell(&valkey, &channel, placed.subscribe(), told.subscribe()) => {}
        () = hear(&valkey, &channel, &placed, &told) => {}
    }
}

async fn tell(
    valkey: &Valkey,
    channel: &str,
    mut placed: watch::Receiver<Position>,
    told: watch::Receiver<Position>,
) {
    while placed.changed().await.is_ok() {
        let position = *placed.borrow_and_update();
        if position <= *told.borrow() {
            continue;
        }
        let Some(mut connection) = valkey.connection() else {
            sleep(PAUSE).await;
            continue;
        };
        let published: Result<(), _> = connection.publish(channel, position.0).await;
        if let Err(error) = published {
            tracing::debug!(%error, "positions are not told");
            sleep(PAUSE).await;
        }
    }
}

async fn hear(
    valkey: &Valkey,
    channel: &str,
    placed: &watch::Sender<Position>,
    told: &watch::Sender<Position>,
) {
    loop {
        let subscribed = async {
            let mut subscription = valkey.client.get_async_pubsub().await?;
            subscription.subscribe(channel).await?;
            let mut messages = subscription.into_on_message();
            while let Some(message) = messages.next().await {
                let position = Position(message.get_payload()?);
                let further = |known: &mut Position| {
                    let further = position > *known;
                    *known = position.max(*known);
                    further
                };
                told.send_if_modified(further);
                placed.send_if_modified(further);
            }
            Ok::<(), redis::RedisError>(())
        };
        if let Err(error) = subscribed.await {
            tracing::debug!(%error, "positions of others are not heard");
        }
        sleep(PAUSE).await;
    }
}
