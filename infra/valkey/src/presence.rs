//! Which sessions have sockets open: a hash for each process, which expires when it falls silent.

use std::collections::HashMap;
use std::fmt;
use std::time::Duration;

use api::{PresenceError, SharedPresence, Told};
use async_trait::async_trait;
use domain::SessionId;
use redis::aio::ConnectionManager;
use redis::{AsyncCommands as _, Pipeline, RedisError};
use uuid::Uuid;

use crate::Valkey;

/// How long the sockets of a process that is silent still count.
const PATIENCE: Duration = Duration::from_secs(5);

/// In each hash from the first word of its process to the last.
const ALIVE: &str = "alive";

/// What one process tells and asks.
pub struct Presences {
    valkey: Valkey,
    owner: Uuid,
}

impl fmt::Debug for Presences {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Presences").finish_non_exhaustive()
    }
}

/// It was not reached since the start.
#[derive(Debug, thiserror::Error)]
#[error("Valkey was not reached yet")]
struct NotReached;

impl Presences {
    /// `owner` is this process among the others.
    pub fn new(valkey: Valkey, owner: Uuid) -> Presences {
        Presences { valkey, owner }
    }

    fn connection(&self) -> Result<ConnectionManager, PresenceError> {
        self.valkey
            .connection()
            .ok_or_else(|| PresenceError::new(NotReached))
    }

    /// The set of processes.
    fn owners(&self) -> String {
        self.valkey.key("present")
    }

    fn sockets_of(&self, owner: &str) -> String {
        self.valkey.key(&format!("present:{owner}"))
    }

    /// Whether it was known before, and what it tells now.
    fn telling(&self, told: &Told) -> Pipeline {
        let owner = self.owner.to_string();
        let key = self.sockets_of(&owner);
        let mut pipeline = redis::pipe();
        pipeline.atomic().exists(&key);
        let sockets = match told {
            Told::All(sockets) => {
                pipeline.del(&key).ignore();
                sockets
            }
            Told::Changed(sockets) => sockets,
        };
        let (gone, there): (Vec<_>, Vec<_>) = sockets.iter().partition(|(_, count)| **count == 0);
        let gone: Vec<String> = gone.iter().map(|(session, _)| session.to_string()).collect();
        if !gone.is_empty() {
            pipeline.hdel(&key, gone).ignore();
        }
        let mut fields: Vec<(String, u32)> = vec![(ALIVE.to_owned(), 1)];
        fields.extend(
            there
                .iter()
                .map(|(session, count)| (session.to_string(), **count)),
        );
        pipeline.hset_multiple(&key, &fields).ignore();
        pipeline.pexpire(&key, PATIENCE.as_millis() as i64).ignore();
        pipeline.sadd(self.owners(), &owner).ignore();
        pipeline
    }

    async fn ask(&self, sessions: &[SessionId]) -> Result<HashMap<SessionId, u32>, PresenceError> {
        let mut counts = HashMap::new();
        let mut connection = self.connection()?;
        let mut owners: Vec<String> = connection
            .smembers(self.owners())
            .await
            .map_err(PresenceError::new)?;
        let me = self.owner.to_string();
        owners.retain(|owner| *owner != me);
        if owners.is_empty() || sessions.is_empty() {
            return Ok(counts);
        }
        let mut fields = vec![ALIVE.to_owned()];
        fields.extend(sessions.iter().map(SessionId::to_string));
        let mut pipeline = redis::pipe();
        for owner in &owners {
            pipeline.hget(self.sockets_of(owner), &fields);
        }
        let answers: Vec<Vec<Option<u32>>> = pipeline
            .query_async(&mut connection)
            .await
            .map_err(PresenceError::new)?;
        for (owner, answer) in owners.iter().zip(answers) {
            let Some((Some(_), sockets)) = answer.split_first() else {
                // Silent for too long; it adds itself again with its next word.
                let _: Result<(), RedisError> = connection.srem(self.owners(), owner).await;
                continue;
            };
            for (session, count) in sessions.iter().zip(sockets) {
                if let Some(count) = count {
                    *counts.entry(*session).or_default() += count;
                }
            }
        }
        Ok(counts)
    }
}

#[async_trait]
impl SharedPresence for Presences {
    async fn tell(&self, told: Told) -> Result<bool, PresenceError> {
        let mut connection = self.connection()?;
        let (known,): (bool,) = self
            .telling(&told)
            .query_async(&mut connection)
            .await
            .map_err(PresenceError::new)?;
        Ok(known || matches!(told, Told::All(_)))
    }

    async fn elsewhere(&self, sessions: &[SessionId]) -> Result<HashMap<SessionId, u32>, PresenceError> {
        self.ask(sessions).await
    }

    async fn leave(&self) -> Result<(), PresenceError> {
        let mut connection = self.connection()?;
        let owner = self.owner.to_string();
        redis::pipe()
            .atomic()
            .del(self.sockets_of(&owner))
            .srem(self.owners(), &owner)
            .exec_async(&mut connection)
            .await
            .map_err(PresenceError::new)
    }
}
