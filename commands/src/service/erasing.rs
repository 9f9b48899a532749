//! Erasing a person: what is theirs alone is deleted, and the keys of what was sealed for them destroyed.
//!
//! 1. First the person is marked as erased and their sessions are ended, so that nothing new comes.
//! 2. Then rows, memories and states of runs go, each with a record that says how many and nothing of what.
//! 3. Then the keys go, and last their login is free: until then everything can be done again, by id or by login, and a
//!    repetition after a crash does what was left.

use std::collections::BTreeSet;

use chrono::{DateTime, Utc};
use domain::drive::Drive;
use domain::file::File;
use domain::memory::{Memory, MemoryScope};
use domain::run::Run;
use domain::schedule::Schedule;
use domain::session::Session;
use domain::user::{ErasedRows, User, UserEvent};
use domain::{Aggregate as _, BotId, OrganisationId, Permission, RunId, SessionId, UserId};
use event_log::{Claim, Outcome};
use serde::Serialize;
use serde_json::Value;

use super::Commands;
use crate::executor::append_command;
use crate::memory::MemoryCommand;
use crate::scripted::memory_stream;
use crate::upload::prefix as uploads;
use crate::{Actor, CommandError, Context, RunCommand, ScheduleCommand, UserCommand};

/// What was erased of a person. What an earlier attempt erased is not in it.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct Erasure {
    /// Sessions that were still open.
    pub sessions_ended: u64,
    /// Runs that had not ended.
    pub runs_cancelled: u64,
    /// What their conversations had scripts start later.
    pub schedules_cleared: u64,
    /// Stored states and answers of runs.
    pub states_deleted: u64,
    /// Contents of files that they sent, or that were written in their conversations.
    pub contents_deleted: u64,
    /// Things that scripts remembered in their conversations.
    pub memories_erased: u64,
    pub rows_erased: Vec<ErasedRows>,
    /// None of the person's are left.
    pub keys_destroyed: u64,
}

impl Commands {
    /// Erases a person, for good. Repeated, it finishes what an earlier attempt left.
    ///
    /// Other processes read what was sealed for the person for a minute more at most. Only the operator may.
    pub async fn erase_person(
        &self,
        context: &Context,
        user: UserId,
        now: DateTime<Utc>,
    ) -> Result<Erasure, CommandError> {
        if !matches!(context.actor, Actor::System(_)) {
            return Err(CommandError::Denied(Permission::UserDeactivate));
        }
        let context = &Context {
            command: None,
            ..context.clone()
        };
        let tenant = context.tenant;
        let erase = UserCommand::Erase { at: now };
        self.run::<User>(context, user.0, erase, Value::Null).await?;
        let mut erasure = Erasure::default();
        let log = self.executor.log();
        let sessions = log
            .begun_for(tenant.0, Session::TYPE, "user_id", &user.to_string())
            .await?;
        let mut bots = BTreeSet::new();
        for (session, started) in &sessions {
            let session: SessionId = session.parse().map_err(CommandError::unexpected)?;
            bots.extend(
                started["bot_id"]
                    .as_str()
                    .and_then(|bot| bot.parse::<BotId>().ok()),
            );
            let known = self.executor.load_fresh::<Session>(tenant, session).await?;
            if matches!(known.state, Session::Open(_)) {
                self.end_session(context, session).await?;
                erasure.sessions_ended += 1;
            }
            let scope = MemoryScope::Session { session_id: session };
            erasure.memories_erased += self.forget_all(context, scope, user, now).await?;
        }
        let runs = log
            .begun_for(tenant.0, Run::TYPE, "user_id", &user.to_string())
            .await?;
        let mut of_person = BTreeSet::new();
        for (run, _) in &runs {
            let run: RunId = run.parse().map_err(CommandError::unexpected)?;
            let known = self.executor.load_fresh::<Run>(tenant, run).await?;
            if matches!(known.state, Run::Started { .. } | Run::Waiting { .. }) {
                self.run::<Run>(context, run.0, RunCommand::Cancel { at: now }, Value::Null)
                    .await?;
                erasure.runs_cancelled += 1;
            }
            of_person.insert(run);
        }
        erasure.schedules_cleared = self.clear_schedules(context, user, now).await?;
        erasure.states_deleted = self.dialogues.delete_states(tenant, &of_person).await?;
        let scope = MemoryScope::User { user_id: user };
        erasure.memories_erased += self.forget_all(context, scope, user, now).await?;
        erasure.contents_deleted = self.delete_contents(tenant, user, &bots).await?;
        for bot_id in bots {
            erasure.memories_erased += self.forget_of(context, bot_id, user, now).await?;
        }
        self.erase_rows(context, user, &mut erasure).await?;
        erasure.keys_destroyed = log
            .keyring()
            .erase_subject(tenant.0, user.0)
            .await
            .map_err(CommandError::unexpected)?;
        // What somebody else's script wrote about them meanwhile.
        self.erase_rows(context, user, &mut erasure).await?;
        self.release_login(context, user, now).await?;
        Ok(erasure)
    }

    /// Lets go of an erased person's login, which nobody can read any more: it is found by whose it is.
    async fn release_login(
        &self,
        context: &Context,
        user: UserId,
        now: DateTime<Utc>,
    ) -> Result<(), CommandError> {
        let log = self.executor.log();
        let (tenant, id) = (context.tenant, user.to_string());
        let claims: Vec<Claim> = log
            .claims_of(tenant.0, "login", &id)
            .await?
            .into_iter()
            .map(|hash| Claim::Leave {
                kind: "login",
                hash,
                owner: id.clone(),
            })
            .collect();
        if claims.is_empty() {
            return Ok(());
        }
        let events = [UserEvent::LoginReleased { released_at: now }];
        let mut append = append_command::<User>(context, &id, None, id.clone(), &events, Value::Null)?;
        append.claims = claims;
        match log.append(vec![append]).await?.as_slice() {
            [Outcome::Stored(stored)] => {
                self.executor
                    .update_memory::<User>(tenant, &id, &events, stored.last_sequence);
                Ok(())
            }
            _ => Err(CommandError::Contended),
        }
    }

    /// Deletes the contents of what the person sent, and of what was written to drives in their conversations. That nobody could
    /// read them without the keys is not enough: they take room.
    async fn delete_contents(
        &self,
        tenant: OrganisationId,
        user: UserId,
        bots: &BTreeSet<BotId>,
    ) -> Result<u64, CommandError> {
        let blobs = self.dialogues.blobs();
        let mut keys = BTreeSet::new();
        let sent = self
            .executor
            .log()
            .begun_for(tenant.0, File::TYPE, "user_id", &user.to_string())
            .await?;
        for (file, _) in sent {
            let found = blobs.list(&format!("{}/{file}", uploads(tenant))).await?;
            keys.extend(found.into_iter().map(|(key, _)| key));
        }
        for bot in bots {
            let drive = self.executor.load_fresh::<Drive>(tenant, *bot).await?.state;
            // A copy is of the person whose file it is of, so nobody else's has the same content.
            let of_person = drive
                .files()
                .values()
                .filter(|file| file.file.subject() == Some(user));
            let contents = of_person.filter_map(|file| file.file.clear());
            keys.extend(contents.map(|named| named.content.key.clone()));
        }
        let mut deleted = 0;
        for key in keys {
            blobs.delete(&key).await?;
            deleted += 1;
        }
        Ok(deleted)
    }

    /// Clears what scripts set in conversations with the person.
    async fn clear_schedules(
        &self,
        context: &Context,
        user: UserId,
        now: DateTime<Utc>,
    ) -> Result<u64, CommandError> {
        let log = self.executor.log();
        let set = log
            .begun_for(context.tenant.0, Schedule::TYPE, "user_id", &user.to_string())
            .await?;
        let mut cleared = 0;
        for (schedule, _) in set {
            let known = self
                .executor
                .load_fresh::<Schedule>(context.tenant, &schedule)
                .await?;
            if matches!(known.state, Schedule::Active { .. }) {
                let id = schedule.parse().map_err(CommandError::unexpected)?;
                self.run::<Schedule>(context, id, ScheduleCommand::Clear { at: now }, Value::Null)
                    .await?;
                cleared += 1;
            }
        }
        Ok(cleared)
    }

    async fn erase_rows(
        &self,
        context: &Context,
        user: UserId,
        erasure: &mut Erasure,
    ) -> Result<(), CommandError> {
        let tables = self.dialogues.tables();
        let erased = tables.erase_person(self.executor(), context, user).await?;
        erasure.rows_erased.extend(erased);
        Ok(())
    }

    /// Forgets a memory that is the person's alone; answers how many things it held.
    async fn forget_all(
        &self,
        context: &Context,
        scope: MemoryScope,
        person: UserId,
        now: DateTime<Utc>,
    ) -> Result<u64, CommandError> {
        let known = self
            .executor
            .load_fresh::<Memory>(context.tenant, memory_stream(scope))
            .await?;
        let count = known.state.entries(now).len() as u64;
        if known.state.length() > 0 {
            let clear = MemoryCommand::Clear {
                scope,
                person,
                keys: None,
            };
            self.executor
                .execute::<Memory>(context, memory_stream(scope), clear, Value::Null)
                .await?;
        }
        Ok(count)
    }

    /// Forgets what a bot remembers of conversations with the person.
    async fn forget_of(
        &self,
        context: &Context,
        bot_id: BotId,
        person: UserId,
        now: DateTime<Utc>,
    ) -> Result<u64, CommandError> {
        let scope = MemoryScope::Bot { bot_id };
        let known = self
            .executor
            .load_fresh::<Memory>(context.tenant, memory_stream(scope))
            .await?;
        let of_person = known
            .state
            .entries_of(now)
            .into_values()
            .filter(|(of, _)| *of == person);
        let count = of_person.count() as u64;
        let erase = MemoryCommand::Erase {
            scope,
            person,
            at: now,
        };
        self.executor
            .execute::<Memory>(context, memory_stream(scope), erase, Value::Null)
            .await?;
        Ok(count)
    }
}
