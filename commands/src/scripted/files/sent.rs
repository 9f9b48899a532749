//! SEND FILE: a file of the drive with a reply.
//!
//! The session gets a file of its own with the same content, so that it is read under the session's credential, and what
//! becomes of the drive's file is no matter to it.

use basic::{Answer, Object, Refusal, Request, Value};
use domain::conversation::ReplyContent;
use domain::drive::Drive;
use domain::file::{AttachedFile, File, Upload};
use domain::{FileId, Personal, TurnId};

use super::{Done, Handled, Host, Room};
use crate::drive::FILE_BYTES_MAX;
use crate::file::FileCommand;
use crate::upload::{file_address, prefix};

/// Files that one turn sends.
const SENT_MAX: usize = 10;

impl Host<'_> {
    /// `SEND FILE "tariff.pdf" CAPTION "Our prices"`
    pub(super) async fn send_file(&mut self, request: &Request, drive: &Drive) -> Handled<Done> {
        if self.said.len() >= SENT_MAX {
            let message = format!("a turn sends at most {SENT_MAX} files");
            return Err(Refusal::mistake("files_too_many", message).into());
        }
        let found = self.found(drive, request.argument(0)).await?;
        let file_id = FileId(self.repeatable_id("sent"));
        let (tenant, session_id, person) = (self.context.tenant, self.start.session_id, self.start.user_id);
        let executor = &self.shared.executor;
        let known = executor.load_fresh::<File>(tenant, file_id).await?.state;
        if known.upload().is_none() {
            let _room = Room::wait().await?;
            let bytes = self.bytes(&found.content, FILE_BYTES_MAX).await?;
            let folder = format!("{}/{file_id}", prefix(tenant));
            let content = self.shared.keep_content(&folder, bytes.into()).await?;
            let upload = Upload {
                session_id,
                bot_id: self.start.bot_id,
                user_id: person,
                name: Personal::conversation(person, found.name.clone()),
                media_type: found.media_type.clone(),
                bytes: found.content.bytes,
                content: Personal::conversation(person, content),
                uploaded_at: self.now,
            };
            let command = FileCommand::Upload(Box::new(upload));
            executor
                .execute::<File>(&self.context, file_id, command, serde_json::Value::Null)
                .await?;
        }
        // It is taken, so that nobody discards it: by the turn, or by the run that began without one.
        let turn_id = self.turn.unwrap_or(TurnId(self.run.0));
        let command = FileCommand::Attach { session_id, turn_id };
        executor
            .execute::<File>(&self.context, file_id, command, serde_json::Value::Null)
            .await?;
        let size = i64::try_from(found.content.bytes).unwrap_or(i64::MAX);
        let fields = [
            ("id", Value::from(file_id.to_string())),
            ("name", Value::from(found.name)),
            ("type", Value::from(found.media_type)),
            ("size", Value::Integer(size)),
            ("url", Value::from(file_address(session_id, file_id))),
            ("caption", request.clause("caption").cloned().unwrap_or_default()),
        ];
        let sent = fields
            .into_iter()
            .map(|(name, value)| (name.to_owned(), value))
            .collect();
        Ok(Done::Answer(Value::Object(sent)))
    }
}

/// The reply that carries the file which a script was answered with. Made from the answer, so that a repetition says it too.
pub(in crate::scripted) fn reply(request: &Request, answer: &Answer) -> Option<ReplyContent> {
    if !matches!(request.word, "SEND FILE" | "DOWNLOAD") {
        return None;
    }
    let Answer::Value(Value::Object(sent)) = answer else {
        return None;
    };
    let text = |name: &str| sent.get(name).map(Value::to_string);
    let file = AttachedFile {
        file_id: text("id")?.parse().ok()?,
        name: text("name")?,
        media_type: text("type")?,
        bytes: bytes(sent)?,
    };
    Some(ReplyContent {
        text: sent
            .get("caption")
            .filter(|said| **said != Value::Null)
            .map(Value::to_string)
            .unwrap_or_default(),
        files: vec![file],
        ..ReplyContent::default()
    })
}

fn bytes(sent: &Object) -> Option<u64> {
    match sent.get("size") {
        Some(Value::Integer(size)) => u64::try_from(*size).ok(),
        _ => None,
    }
}
