//! Taking a turn in: checked, numbered, stored, handed over.

use std::borrow::Cow;

use chrono::{DateTime, Utc};
use domain::bot::Bot;
use domain::conversation::{Conversation, ConversationEvent, Invocation, Turn};
use domain::session::OpenSession;
use domain::user::User;
use domain::{BotId, ConversationId, OrganisationId, Personal, SessionId, TurnId, UserId};
use event_log::{Outcome, Stored};
use serde_json::json;
use tracing::Instrument as _;
use uuid::Uuid;

use super::Dialogues;
use super::attaching::check_files;
use super::worker::Wake;
use crate::executor::append_command;
use crate::{BotError, CommandError, Context, NewTurn, ReceivedTurn, RefusalKind, UserError, tool};

/// How often a turn looks for another conversation because the one it found was just ended.
const ATTEMPTS_MAX: u32 = 8;

impl Dialogues {
    /// Stores a turn and hands it over.
    pub(crate) async fn receive(
        &self,
        context: &Context,
        session_id: SessionId,
        open: &OpenSession,
        new: NewTurn,
        now: DateTime<Utc>,
    ) -> Result<ReceivedTurn, CommandError> {
        let turn_id = Self::turn_id(session_id, &new);
        let span = tracing::info_span!(
            target: "trace",
            "turn.receive",
            trace.id = %turn_id,
            trace.first = true,
            session.id = %session_id,
        );
        self.take(context, session_id, open, new, turn_id, now)
            .instrument(span)
            .await
    }

    async fn take(
        &self,
        context: &Context,
        session_id: SessionId,
        open: &OpenSession,
        new: NewTurn,
        turn_id: TurnId,
        now: DateTime<Utc>,
    ) -> Result<ReceivedTurn, CommandError> {
        let context = self.numbered(context, turn_id, &new);
        let content = checked(&new, self.shared.options.message_bytes_max)?;
        let admitted = match self.answering(context.tenant, open.bot_id).await {
            Ok(()) => self.admitting(context.tenant, open.user_id).await,
            Err(refusal) => Err(refusal),
        };
        let invokes = match admitted {
            Ok(()) => self.invoked(&context, open, &new).await,
            Err(refusal) => Err(refusal),
        };
        let invokes = match invokes {
            Ok(invokes) => invokes,
            // A repetition is answered as the first time, whatever holds now.
            Err(refusal) => return self.received_before(&context, turn_id).await?.ok_or(refusal),
        };
        let files = if new.files.is_empty() {
            None
        } else {
            // Taking files comes before storing the turn: a repetition must not take others.
            if let Some(received) = self.received_before(&context, turn_id).await? {
                return Ok(received);
            }
            let files = self.attach(&context, session_id, turn_id, &new.files).await?;
            Some(Personal::conversation(open.user_id, files))
        };
        let turn = Turn {
            turn_id,
            session_id,
            message_id: new.message_id,
            content: Personal::conversation(open.user_id, content),
            files,
            invokes,
            received_at: now,
        };
        event_log::crash_point("before-append");
        for _ in 0..ATTEMPTS_MAX {
            let known = self.current_conversation(&context, session_id, now).await?;
            let (conversation, events, expected) = match known {
                Some(id) => (id, vec![ConversationEvent::TurnReceived(turn.clone())], None),
                None => {
                    let started = ConversationEvent::Started {
                        session_id,
                        bot_id: open.bot_id,
                        user_id: open.user_id,
                        started_at: now,
                        trigger: None,
                    };
                    let turn = ConversationEvent::TurnReceived(turn.clone());
                    (ConversationId(Uuid::now_v7()), vec![started, turn], Some(0))
                }
            };
            let id = conversation.to_string();
            let answer = json!({ "turn_id": turn_id, "conversation_id": conversation });
            let append =
                append_command::<Conversation>(&context, &id, expected, id.clone(), &events, answer)?;
            match self.shared.executor.append(append).await? {
                Outcome::Stored(stored) => {
                    self.remember_open(session_id, conversation);
                    let received = received(&stored, turn_id, conversation, false);
                    self.shared.executor.update_memory::<Conversation>(
                        context.tenant,
                        &id,
                        &events,
                        stored.last_sequence,
                    );
                    self.wake(
                        context.tenant,
                        conversation,
                        Wake::Turn(stored.last_sequence, Box::new(turn)),
                    );
                    return Ok(received);
                }
                Outcome::Duplicate(stored) => {
                    return Ok(received(&stored, turn_id, conversation, true));
                }
                Outcome::Mismatch => return Err(CommandError::Mismatch),
                Outcome::Taken { owner, .. } => match owner.parse() {
                    Ok(owner) => self.remember_open(session_id, owner),
                    Err(error) => return Err(CommandError::unexpected(error)),
                },
                Outcome::Conflict { .. } | Outcome::Fenced { .. } => self.forget_open(session_id),
            }
        }
        Err(CommandError::Contended)
    }

    /// The tool that a message calls, if the bot has it and it takes these arguments.
    async fn invoked(
        &self,
        context: &Context,
        open: &OpenSession,
        new: &NewTurn,
    ) -> Result<Option<Invocation>, CommandError> {
        let Some(asked) = &new.invokes else {
            return Ok(None);
        };
        let (executor, programs) = (&self.shared.executor, &self.shared.programs);
        let bot = executor.load::<Bot>(context.tenant, open.bot_id).await?.state;
        let package = &bot.mounted().ok_or_else(tool::not_found)?.package;
        let found = tool::find(programs, context.tenant, package, &asked.tool).await?;
        let found = found.ok_or_else(tool::not_found)?;
        tool::arguments(&found.program, &asked.arguments)?;
        let arguments = serde_json::Value::Object(asked.arguments.clone()).to_string();
        Ok(Some(Invocation {
            tool: found.name,
            arguments: Personal::conversation(open.user_id, arguments),
        }))
    }

    /// What a turn was answered when it was received the first time. For turns that would be refused now.
    pub(crate) async fn repeated(
        &self,
        context: &Context,
        session_id: SessionId,
        new: &NewTurn,
    ) -> Result<Option<ReceivedTurn>, CommandError> {
        let turn_id = Self::turn_id(session_id, new);
        self.received_before(&self.numbered(context, turn_id, new), turn_id)
            .await
    }

    /// Refuses while the bot does not take visitors.
    pub(crate) async fn answering(&self, tenant: OrganisationId, bot: BotId) -> Result<(), CommandError> {
        let executor = &self.shared.executor;
        let remembered = executor.load::<Bot>(tenant, bot).await?;
        if matches!(remembered.state, Bot::Active(_)) {
            return Ok(());
        }
        // Memory may be behind: a refusal is confirmed against the log.
        match executor.load_fresh::<Bot>(tenant, bot).await?.state {
            Bot::Active(_) => Ok(()),
            Bot::Paused(_) => Err(CommandError::Refused {
                kind: RefusalKind::Conflict,
                code: "bot_paused",
                message: "the bot is paused".to_owned(),
            }),
            Bot::Absent => Err(BotError::NotFound.into()),
            Bot::Retired => Err(BotError::Retired.into()),
        }
    }

    /// Refuses somebody whose account is switched off.
    pub(crate) async fn admitting(&self, tenant: OrganisationId, user: UserId) -> Result<(), CommandError> {
        let executor = &self.shared.executor;
        let off = |user: &User| match user {
            User::Member { active: false, .. } => Some(UserError::Deactivated),
            User::Erased => Some(UserError::Erased),
            User::Absent | User::Visitor | User::Member { .. } => None,
        };
        if off(&executor.load::<User>(tenant, user).await?.state).is_none() {
            return Ok(());
        }
        // Memory may be behind: a refusal is confirmed against the log.
        match off(&executor.load_fresh::<User>(tenant, user).await?.state) {
            Some(refusal) => Err(refusal.into()),
            None => Ok(()),
        }
    }

    /// A message with an id is the same command however often it is sent; the turn is named after it.
    fn turn_id(session_id: SessionId, new: &NewTurn) -> TurnId {
        TurnId(match new.message_id {
            Some(message_id) => Uuid::new_v5(&session_id.0, message_id.as_bytes()),
            None => Uuid::now_v7(),
        })
    }

    fn numbered(&self, context: &Context, turn_id: TurnId, new: &NewTurn) -> Context {
        let keyring = self.shared.executor.log().keyring();
        let said: Cow<'_, str> = if let Some(asked) = &new.invokes {
            let arguments = serde_json::Value::Object(asked.arguments.clone());
            Cow::Owned(format!("{}\0\0{}\0{arguments}", new.content, asked.tool))
        } else if new.files.is_empty() {
            Cow::Borrowed(&new.content)
        } else {
            // No text has this character, so no text is taken for one with files.
            let files = new.files.iter().map(|file| format!("\0{file}"));
            Cow::Owned(new.content.clone() + &files.collect::<String>())
        };
        let digest = keyring.hash(context.tenant.0, "turn", &said);
        Context {
            correlation_id: turn_id.0,
            ..context.with_command(turn_id.0, digest)
        }
    }

    async fn received_before(
        &self,
        context: &Context,
        turn_id: TurnId,
    ) -> Result<Option<ReceivedTurn>, CommandError> {
        let stored = self.shared.executor.first_answer(context).await?;
        Ok(stored.map(|stored| received(&stored, turn_id, ConversationId::default(), true)))
    }
}

fn received(stored: &Stored, turn_id: TurnId, conversation: ConversationId, repeated: bool) -> ReceivedTurn {
    let first = stored
        .answer
        .get("conversation_id")
        .and_then(|id| id.as_str())
        .and_then(|id| id.parse().ok());
    ReceivedTurn {
        turn_id,
        conversation_id: first.unwrap_or(conversation),
        token: stored.token,
        repeated,
    }
}

impl Dialogues {
    /// What may be said in a conversation by others than its bot; fails like a message that may not.
    pub(crate) fn checked_text(&self, text: &str) -> Result<String, CommandError> {
        let new = NewTurn {
            content: text.to_owned(),
            ..NewTurn::default()
        };
        checked(&new, self.shared.options.message_bytes_max)
    }
}

fn checked(new: &NewTurn, bytes_max: usize) -> Result<String, CommandError> {
    let content = &new.content;
    let invalid = |message: String| {
        Err(CommandError::Invalid {
            field: "content",
            message,
        })
    };
    check_files(&new.files)?;
    if let Some(asked) = &new.invokes {
        let arguments = serde_json::Value::Object(asked.arguments.clone()).to_string();
        // What a tool is given is said, too: the same limit holds. PostgreSQL's JSON cannot hold U+0000, escaped or not.
        if arguments.len() > bytes_max || arguments.contains("\\u0000") {
            return Err(CommandError::Invalid {
                field: "arguments",
                message: format!("arguments have at most {bytes_max} bytes and no U+0000"),
            });
        }
    }
    if content.trim().is_empty() && new.files.is_empty() {
        return invalid("a message cannot be empty".to_owned());
    }
    if content.len() > bytes_max {
        return invalid(format!("a message has at most {bytes_max} bytes"));
    }
    // PostgreSQL's JSON cannot hold it.
    if content.contains('\0') {
        return invalid("a message cannot contain the character U+0000".to_owned());
    }
    Ok(content.clone())
}
