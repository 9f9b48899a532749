//! What people who work on conversations remarked of them: read only by whoever asks for it.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use domain::{ConversationId, Personal};
use serde_json::Value;
use uuid::Uuid;

use crate::reader::{ReadError, Reads, personal};

/// A remark of people who work on a conversation.
#[derive(Debug, Clone, PartialEq)]
pub struct NoteRow {
    pub text: Personal<String>,
    pub at: DateTime<Utc>,
}

impl Reads {
    /// The remarks of conversations, oldest first. Those of which there are none are left out.
    pub async fn notes_by_ids(
        &self,
        ids: &[ConversationId],
    ) -> Result<BTreeMap<ConversationId, Vec<NoteRow>>, ReadError> {
        let ids: Vec<Uuid> = ids.iter().map(|id| id.0).collect();
        let rows: Vec<(Uuid, Value, DateTime<Utc>)> = sqlx::query_as(
            "select conversation_id, text, at from notes where conversation_id = any($1) order by conversation_id, position",
        )
        .bind(&ids)
        .fetch_all(&mut *self.connection().await)
        .await?;
        let mut places = Vec::with_capacity(rows.len());
        let mut sealed = Vec::with_capacity(rows.len());
        for (id, text, at) in rows {
            places.push((ConversationId(id), at));
            sealed.push(text);
        }
        let mut notes: BTreeMap<ConversationId, Vec<NoteRow>> = BTreeMap::new();
        for ((id, at), text) in places.into_iter().zip(self.open(sealed).await?) {
            let text = personal(text)?;
            notes.entry(id).or_default().push(NoteRow { text, at });
        }
        Ok(notes)
    }
}
