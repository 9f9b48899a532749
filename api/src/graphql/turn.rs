//! Turns: what was said in a conversation, by either side.

use async_graphql::{Context, Enum, ID, Object, SimpleObject};
use chrono::{DateTime, Utc};
use domain::conversation::{Rating as DomainRating, Suggestion as DomainSuggestion, SuggestionAction};
use domain::{Permission, Personal};
use projections::conversation::{Said, TurnRow};

use super::error::AskError;
use super::guard::Needs;
use super::loaders::find;
use super::run::Run;
use super::scalar::Long;

pub(super) struct Turn(TurnRow);

impl From<TurnRow> for Turn {
    fn from(row: TurnRow) -> Self {
        Self(row)
    }
}

/// Who said something.
#[derive(Enum, Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Author {
    /// The person.
    Visitor,
    /// The bot.
    Bot,
    /// A person in the bot's place.
    Attendant,
}

/// One message of a conversation.
#[Object]
impl Turn {
    /// Identifies the message.
    async fn id(&self) -> ID {
        match &self.0.said {
            Said::ByVisitor { turn_id, .. } => turn_id.to_string().into(),
            Said::ByBot { reply_id, .. } => reply_id.to_string().into(),
        }
    }

    /// Who said it.
    async fn author(&self) -> Author {
        match &self.0.said {
            Said::ByVisitor { .. } => Author::Visitor,
            Said::ByBot {
                attendant: Some(_), ..
            } => Author::Attendant,
            Said::ByBot { attendant: None, .. } => Author::Bot,
        }
    }

    /// The name of the person who said it in the bot's place. Null where nobody did, or when it was erased.
    async fn attendant(&self) -> Option<&str> {
        match &self.0.said {
            Said::ByVisitor { .. } => None,
            Said::ByBot { attendant, .. } => attendant.as_ref()?.clear().map(String::as_str),
        }
    }

    /// What was said; Markdown when the bot said it. Null when it was erased or is masked.
    async fn content(&self) -> Option<&str> {
        match &self.0.said {
            Said::ByVisitor { content, .. } => content.as_ref()?.clear().map(String::as_str),
            Said::ByBot { content, .. } => content.clear().map(|content| content.text.as_str()),
        }
    }

    /// Whether it answered a question for a secret, as a password is: what it says is shown to nobody.
    async fn masked(&self) -> bool {
        matches!(&self.0.said, Said::ByVisitor { content: None, .. })
    }

    /// What came with it. Empty when nothing did, or when it was erased.
    async fn files(&self) -> Vec<File> {
        let attached = match &self.0.said {
            Said::ByVisitor { files, .. } => files.as_ref().and_then(Personal::clear),
            Said::ByBot { content, .. } => content.clear().map(|content| &content.files),
        };
        let session = self.0.session_id;
        attached
            .into_iter()
            .flatten()
            .map(|file| File {
                id: file.file_id.to_string().into(),
                name: file.name.clone(),
                media_type: file.media_type.clone(),
                bytes: Long(i64::try_from(file.bytes).unwrap_or(i64::MAX)),
                url: commands::file_address(session, file.file_id),
            })
            .collect()
    }

    /// What the person thinks of it. Null until they say so, and for what they say themselves.
    async fn rating(&self) -> Option<Rating> {
        match &self.0.said {
            Said::ByVisitor { .. } => None,
            Said::ByBot { rating, .. } => rating.map(Rating::from),
        }
    }

    /// Quick replies offered beside it.
    async fn suggestions(&self) -> Vec<Suggestion> {
        match &self.0.said {
            Said::ByVisitor { .. } => Vec::new(),
            Said::ByBot { content, .. } => content
                .clear()
                .map(|content| content.suggestions.iter().map(Suggestion::from).collect())
                .unwrap_or_default(),
        }
    }

    /// The message of the person that the bot answers. Null for what the person says, and for what the bot says
    /// unasked.
    async fn in_reply_to(&self) -> Option<ID> {
        match &self.0.said {
            Said::ByVisitor { .. } => None,
            Said::ByBot { in_reply_to, .. } => in_reply_to.map(|turn| turn.to_string().into()),
        }
    }

    /// The sender's own id of the message. Null when it had none.
    async fn message_id(&self) -> Option<ID> {
        match &self.0.said {
            Said::ByVisitor { message_id, .. } => message_id.map(|id| id.to_string().into()),
            Said::ByBot { .. } => None,
        }
    }

    /// The run of a script that said it. Null when it was none. Needs `run.read`.
    #[graphql(guard = "Needs(Permission::RunRead)")]
    async fn run(&self, ctx: &Context<'_>) -> Result<Option<Run>, AskError> {
        match &self.0.said {
            Said::ByBot {
                run_id: Some(run_id), ..
            } => find(ctx, *run_id).await,
            Said::ByBot { run_id: None, .. } | Said::ByVisitor { .. } => Ok(None),
        }
    }

    /// When it was said.
    async fn at(&self) -> DateTime<Utc> {
        self.0.at
    }

    /// Its place in the log, by which a conversation is ordered.
    async fn position(&self) -> Long {
        Long(self.0.position.0)
    }
}

/// What somebody thinks of a reply.
#[derive(Enum, Debug, Clone, Copy, PartialEq, Eq)]
#[graphql(remote = "DomainRating")]
pub(super) enum Rating {
    /// A thumb up.
    Good,
    /// A thumb down.
    Bad,
}

/// Something that was sent with a message.
#[derive(SimpleObject)]
pub(super) struct File {
    /// Identifies the file.
    id: ID,
    /// As the sender's device calls it.
    name: String,
    /// What its content shows it to be.
    media_type: String,
    /// Size of its content.
    bytes: Long,
    /// Where its content is, on this server; needs a token with `conversation.read`.
    url: String,
}

/// A quick reply offered beside a message.
#[derive(SimpleObject)]
pub(super) struct Suggestion {
    /// What stands on it.
    text: String,
    /// The context it belongs to. Null when it belongs to none.
    context: Option<String>,
    /// What choosing it does.
    action: SuggestionKind,
    /// With what: the message to send, the context to select, the tool to invoke.
    value: String,
}

/// What choosing a suggestion does.
#[derive(Enum, Debug, Clone, Copy, PartialEq, Eq)]
#[graphql(name = "SuggestionAction")]
pub(super) enum SuggestionKind {
    /// Sends a message.
    SendMessage,
    /// Selects a context.
    SelectContext,
    /// Invokes a tool.
    InvokeTool,
}

impl From<&DomainSuggestion> for Suggestion {
    fn from(suggestion: &DomainSuggestion) -> Self {
        let (action, value) = match &suggestion.action {
            SuggestionAction::SendMessage { message } => (SuggestionKind::SendMessage, message),
            SuggestionAction::SelectContext { context } => (SuggestionKind::SelectContext, context),
            SuggestionAction::InvokeTool { tool } => (SuggestionKind::InvokeTool, tool),
        };
        Self {
            text: suggestion.text.clone(),
            context: suggestion.context.clone(),
            action,
            value: value.clone(),
        }
    }
}
