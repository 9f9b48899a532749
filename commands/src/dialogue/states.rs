//! States of waiting runs: small ones stand in their event, large ones in a sealed blob that the event names.
//!
//! A blob is written before the event that names it and deleted after the one that no longer does. What a crash
//! between the two leaves over is swept up at the next start.

use std::collections::{BTreeMap, BTreeSet};

use base64::Engine;
use base64::engine::general_purpose::STANDARD as BASE64;
use basic::Answer;
use chrono::{DateTime, TimeDelta, Utc};
use domain::BlobReference;
use domain::conversation::{Conversation, Suggestion};
use domain::run::{Recording, Run, StoredRun};
use domain::{ConversationId, FileId, OrganisationId, RunId};
use uuid::Uuid;

use super::{Dialogues, Shared, inconsistent};
use crate::CommandError;
use crate::blobs::{fetch, keep};

/// The largest state that stands in its event.
const EVENT_BYTES_MAX: usize = 16 << 10;

/// A blob that no event names may be one whose event is being appended; an hour later it is not.
const SWEPT_AFTER: TimeDelta = TimeDelta::hours(1);

/// Memory for what one record of answers holds. The script's own limit counts when it is given them, one by one.
const ANSWERS_BYTES_MAX: u64 = 1 << 30;

impl Shared {
    /// What the event of a suspension says of a machine's state.
    pub(super) async fn keep_state(
        &self,
        tenant: OrganisationId,
        run: RunId,
        machine: &[u8],
        suggestions: Vec<Suggestion>,
    ) -> Result<StoredRun, CommandError> {
        if machine.len() <= EVENT_BYTES_MAX {
            return Ok(StoredRun {
                machine: BASE64.encode(machine),
                blob: None,
                suggestions,
            });
        }
        let blob = self.keep_blob(tenant, run, machine).await?;
        Ok(StoredRun {
            machine: String::new(),
            blob: Some(blob),
            suggestions,
        })
    }

    /// Keeps what is too large for an event of the run.
    pub(crate) async fn keep_blob(
        &self,
        tenant: OrganisationId,
        run: RunId,
        bytes: &[u8],
    ) -> Result<BlobReference, CommandError> {
        let key = format!("{}/{run}/{}", prefix(tenant), Uuid::now_v7());
        keep(&*self.blobs, key, bytes)
            .await
            .map_err(CommandError::unexpected)
    }

    /// Keeps what is too large for the event with which a trigger begins a conversation.
    pub(crate) async fn keep_given(
        &self,
        tenant: OrganisationId,
        conversation: ConversationId,
        bytes: &[u8],
    ) -> Result<BlobReference, CommandError> {
        let key = format!("{}/{conversation}/{}", prefix_of_given(tenant), Uuid::now_v7());
        keep(&*self.blobs, key, bytes)
            .await
            .map_err(CommandError::unexpected)
    }

    /// Answers that a run got before it was interrupted; None when they are lost, or erased.
    pub(super) async fn recorded_answers(
        &self,
        run: RunId,
        recorded: &[Recording],
    ) -> Result<Option<Vec<Answer>>, CommandError> {
        let mut answers = Vec::new();
        for recording in recorded {
            let Some(stored) = recording.answers.clear() else {
                return Ok(None);
            };
            let Some(bytes) = self.bytes(run, &stored.answers, stored.blob.as_ref()).await? else {
                return Ok(None);
            };
            if recording.replaces_last {
                answers.pop();
            }
            answers.extend(
                Answer::decode(&bytes, ANSWERS_BYTES_MAX).ok_or_else(|| inconsistent("damaged answers"))?,
            );
        }
        Ok(Some(answers))
    }

    /// The machine's state; None when it is lost for good.
    pub(super) async fn state_bytes(
        &self,
        run: RunId,
        stored: &StoredRun,
    ) -> Result<Option<Vec<u8>>, CommandError> {
        self.bytes(run, &stored.machine, stored.blob.as_ref()).await
    }

    /// What an event or the blob that it names holds; None when it is lost for good.
    pub(crate) async fn bytes(
        &self,
        run: RunId,
        text: &str,
        blob: Option<&BlobReference>,
    ) -> Result<Option<Vec<u8>>, CommandError> {
        let Some(blob) = blob else {
            return BASE64.decode(text).map(Some).map_err(CommandError::unexpected);
        };
        match fetch(&*self.blobs, blob).await {
            Ok(bytes) => Ok(Some(bytes)),
            Err(error) if error.lost() => {
                tracing::error!(run.id = %run, error = %error, "the state of a waiting run is lost");
                Ok(None)
            }
            Err(error) => Err(CommandError::unexpected(error)),
        }
    }

    /// Deletes the content of a file that no event names. A failure is no harm: the sweeper comes by.
    pub(crate) async fn forget_content(&self, file: FileId, key: &str) {
        if let Err(error) = self.blobs.delete(key).await {
            tracing::warn!(file.id = %file, error = %error, "the content of a file is left to the sweeper");
        }
    }

    /// Deletes a state that no event names any more. A failure is no harm: the next start sweeps.
    pub(crate) async fn forget_state(&self, run: RunId, blob: &BlobReference) {
        if let Err(error) = self.blobs.delete(&blob.key).await {
            tracing::warn!(run.id = %run, error = %error, "an old state of a run stays for now");
        }
    }
}

impl Dialogues {
    /// Deletes the states that no waiting run names. Returns how many.
    pub async fn sweep_states(
        &self,
        tenant: OrganisationId,
        now: DateTime<Utc>,
    ) -> Result<u64, CommandError> {
        let executor = &self.shared.executor;
        let mut swept = 0;
        for (run, keys) in self.old_blobs::<RunId>(&prefix(tenant), now).await? {
            let known = executor.load_fresh::<Run>(tenant, run).await?.state;
            let mut named = named(&known);
            if matches!(known, Run::Ended) {
                let returned = self
                    .ended_with(tenant, run)
                    .await?
                    .and_then(|ended| ended.returned);
                let blob = returned.and_then(|returned| returned.clear()?.blob.clone());
                named.extend(blob.map(|blob| blob.key));
            }
            swept += self.delete_all_but(keys, &named).await?;
        }
        for (conversation, keys) in self
            .old_blobs::<ConversationId>(&prefix_of_given(tenant), now)
            .await?
        {
            let known = executor
                .load_fresh::<Conversation>(tenant, conversation)
                .await?
                .state;
            let given = match &known {
                Conversation::Open(open) => open.trigger.as_ref().and_then(|trigger| trigger.given.clear()),
                Conversation::Absent | Conversation::Ended { .. } => None,
            };
            let blob = given.and_then(|given| given.blob.as_ref());
            let named: Vec<String> = blob.map(|blob| blob.key.clone()).into_iter().collect();
            swept += self.delete_all_but(keys, &named).await?;
        }
        Ok(swept)
    }

    /// The keys below a prefix that were written long enough ago, by the part that says whose they are.
    async fn old_blobs<I: std::str::FromStr + Ord>(
        &self,
        prefix: &str,
        now: DateTime<Utc>,
    ) -> Result<BTreeMap<I, Vec<String>>, CommandError> {
        let found = self.shared.blobs.list(prefix).await;
        let mut old: BTreeMap<I, Vec<String>> = BTreeMap::new();
        for (key, written_at) in found.map_err(CommandError::unexpected)? {
            let of = key.rsplit('/').nth(1).and_then(|of| of.parse().ok());
            if let Some(of) = of.filter(|_| now - written_at > SWEPT_AFTER) {
                old.entry(of).or_default().push(key);
            }
        }
        Ok(old)
    }

    async fn delete_all_but(&self, keys: Vec<String>, named: &[String]) -> Result<u64, CommandError> {
        let mut deleted = 0;
        for key in keys.into_iter().filter(|key| !named.contains(key)) {
            self.shared
                .blobs
                .delete(&key)
                .await
                .map_err(CommandError::unexpected)?;
            deleted += 1;
        }
        Ok(deleted)
    }
}

impl Dialogues {
    /// Deletes all that is kept for these runs, which have ended. Returns how many blobs.
    pub(crate) async fn delete_states(
        &self,
        tenant: OrganisationId,
        runs: &BTreeSet<RunId>,
    ) -> Result<u64, CommandError> {
        if runs.is_empty() {
            return Ok(0);
        }
        let blobs = &self.shared.blobs;
        let mut deleted = 0;
        for (key, _) in blobs
            .list(&prefix(tenant))
            .await
            .map_err(CommandError::unexpected)?
        {
            let run = key.rsplit('/').nth(1).and_then(|run| run.parse::<RunId>().ok());
            if run.is_some_and(|run| runs.contains(&run)) {
                blobs.delete(&key).await.map_err(CommandError::unexpected)?;
                deleted += 1;
            }
        }
        Ok(deleted)
    }
}

/// The keys of the blobs that a run needs.
fn named(run: &Run) -> Vec<String> {
    let (state, recorded) = match run {
        Run::Waiting {
            suspension, recorded, ..
        } => (suspension.state.clear(), recorded.as_slice()),
        Run::Started { recorded, .. } => (None, recorded.as_slice()),
        Run::Absent | Run::Ended => (None, Default::default()),
    };
    let answers = recorded
        .iter()
        .filter_map(|recording| recording.answers.clear()?.blob.as_ref());
    let state = state.and_then(|state| state.blob.as_ref());
    state
        .into_iter()
        .chain(answers)
        .map(|blob| blob.key.clone())
        .collect()
}

/// Below it lies what triggers gave scripts.
fn prefix_of_given(tenant: OrganisationId) -> String {
    format!("{tenant}/starts")
}

fn prefix(tenant: OrganisationId) -> String {
    format!("{tenant}/runs")
}
