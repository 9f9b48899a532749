//! The desk: where people answer. TRANSFER TO HUMAN, the queue, and what is noted of conversations.
//!
//! Who answers is a fact of the conversation; the queue is a question about it. What a script changes here it changes
//! once, under an id that a repetition of its turn finds taken.

mod queue;
mod transfer;

use basic::{Refusal, Request, Value};
use chrono::Utc;
use domain::conversation::{ChangedBy, Control, Conversation, OpenConversation};
use domain::memory::MemoryScope;
use domain::{ConversationId, SessionId};
use serde_json::json;

use queue::item;
pub use queue::{AtDesk, Attendant, Desk, NoDesk, Queued};
use transfer::priority;

use super::{Answered, Changed, Host, text};
use crate::{CommandError, ConversationCommand, NewControl};

/// Key of an attendant's status in the bot's memory.
const STATUS: &str = "setup.attendant.";
const STATUSES: [&str; 4] = ["online", "busy", "away", "offline"];
/// Conversations that a script is told of.
const QUEUE_MAX: u32 = 100;
/// Conversations among which those of one attendant are counted: names are sealed, so the database cannot.
const COUNTED_MAX: u32 = 1_000;
/// How many that wait are tried for somebody who takes the next: others take them at the same time.
const TAKES_MAX: u32 = 10;

/// Words of the desk.
pub(super) fn knows(word: &str) -> bool {
    matches!(
        word,
        "TRANSFER TO HUMAN"
            | "GET QUEUE"
            | "NEXT IN QUEUE"
            | "ASSIGN CONVERSATION"
            | "RESOLVE CONVERSATION"
            | "SET PRIORITY"
            | "TAG CONVERSATION"
            | "ADD NOTE"
            | "NOTIFY AGENT"
            | "GET ATTENDANTS"
            | "GET ATTENDANT STATS"
    )
}

/// Words whose effect is gathered.
pub(super) fn gathers(word: &str) -> bool {
    word == "SET ATTENDANT STATUS"
}

impl Host<'_> {
    pub(super) async fn ask_desk(&mut self, request: &Request) -> Result<Answered, CommandError> {
        match request.word {
            "TRANSFER TO HUMAN" => self.transfer_to_human(request).await,
            "GET QUEUE" => self.queue(&text(request, 0)).await,
            "NEXT IN QUEUE" => self.next_in_queue().await,
            "GET ATTENDANTS" => self.attendants(request).await,
            "GET ATTENDANT STATS" => self.attendant_stats(&text(request, 0)).await,
            "NOTIFY AGENT" => self.notify_agent(request).await,
            _ => self.change_conversation(request).await,
        }
    }

    fn by(&self) -> ChangedBy {
        ChangedBy::Script { run_id: self.run }
    }

    fn attendant(&self, name: &str) -> Option<Attendant> {
        let known = self.shared.attendants(self.start.bot_id);
        known.iter().find(|attendant| attendant.is_called(name)).cloned()
    }

    /// Conversations at the desk, in the order in which they should be taken.
    async fn queued(&self, which: &AtDesk, limit: u32) -> Result<Vec<Queued>, CommandError> {
        let (desk, bot) = (&self.shared.options.desk, self.start.bot_id);
        desk.conversations(self.context.tenant, bot, which, limit).await
    }

    async fn queue(&self, filter: &str) -> Result<Answered, CommandError> {
        let which = match filter.trim().to_lowercase().as_str() {
            "all" => AtDesk::default(),
            "" | "waiting" => AtDesk::controlled(Control::WaitingForHuman),
            "assigned" => AtDesk::waiting(true),
            "active" | "human" => AtDesk::controlled(Control::Human),
            "paused" => AtDesk::controlled(Control::Paused),
            department => AtDesk {
                department: Some(department.to_owned()),
                ..AtDesk::default()
            },
        };
        let queued = self.queued(&which, QUEUE_MAX).await?;
        let items: Vec<_> = queued.iter().map(|queued| item(queued, self.now)).collect();
        Ok(Ok(Value::from_json(json!({
            "success": true,
            "count": items.len(),
            "items": items,
        }))))
    }

    async fn next_in_queue(&mut self) -> Result<Answered, CommandError> {
        let context = self.begin_change().await?;
        // What was taken before is told again; what else waits by now is not asked.
        if let Some(stored) = self.shared.executor.first_answer(&context).await? {
            return self.taken(Changed::kept(stored.answer, self.conversation)).await;
        }
        let attendant = self.whoever_talks().await?;
        for queued in self.queued(&AtDesk::waiting(false), TAKES_MAX).await? {
            let changed = Changed {
                since: Some(queued.since),
                ..Changed::of(queued.conversation_id)
            };
            let take = ConversationCommand::Take {
                attendant: attendant.clone(),
                by: self.by(),
                at: Utc::now(),
            };
            if let Ok(changed) = self.carry_out(&context, changed, take).await? {
                return self.taken(changed).await;
            }
        }
        Ok(Err(Refusal::new("queue_empty", "nobody waits for a person")))
    }

    /// What a script is told of the conversation that it took.
    async fn taken(&self, changed: Changed) -> Result<Answered, CommandError> {
        let Changed {
            conversation_id,
            since,
        } = changed;
        let mut answer = match self.open(conversation_id).await? {
            Some(open) => item(&Queued::of(conversation_id, &open, since), self.now),
            // It ended meanwhile.
            None => json!({ "conversation_id": conversation_id }),
        };
        answer["success"] = true.into();
        Ok(Ok(Value::from_json(answer)))
    }

    async fn open(&self, conversation: ConversationId) -> Result<Option<OpenConversation>, CommandError> {
        let executor = &self.shared.executor;
        let known = executor
            .load_fresh::<Conversation>(self.context.tenant, conversation)
            .await?;
        Ok(match known.state {
            Conversation::Open(open) => Some(*open),
            Conversation::Absent | Conversation::Ended { .. } => None,
        })
    }

    /// What people are told of whoever talks to this script: the attendant or member that they are.
    async fn whoever_talks(&self) -> Result<String, CommandError> {
        let user = self
            .shared
            .executor
            .load_fresh::<domain::user::User>(self.context.tenant, self.start.user_id)
            .await?
            .state;
        let name = match user {
            domain::user::User::Member { name, .. } => name.clear().cloned(),
            _ => None,
        };
        let name = name.filter(|name| !name.trim().is_empty());
        let known = name.as_deref().and_then(|name| self.attendant(name));
        Ok(known
            .map(|attendant| attendant.name)
            .or(name)
            .unwrap_or_else(|| "Desk".to_owned()))
    }

    /// Words that name a conversation, by its session or by itself, and change it.
    async fn change_conversation(&mut self, request: &Request) -> Result<Answered, CommandError> {
        let (first, second) = (text(request, 0), text(request, 1));
        // A note comes first, unless it is written like the others.
        let is_id = |text: &str| text.trim().parse::<uuid::Uuid>().is_ok();
        let (named, said) = match request.word {
            "ADD NOTE" if !is_id(&first) || is_id(&second) => (second, first),
            _ => (first, second),
        };
        let conversation = match self.conversation_of(named.trim()).await? {
            Ok(conversation) => conversation,
            Err(refusal) => return Ok(Err(refusal)),
        };
        let (by, at) = (self.by(), Utc::now());
        let mut answer = json!({ "success": true, "conversation_id": conversation });
        let command = match request.word {
            "ASSIGN CONVERSATION" => {
                let attendant = self.attendant(&said).map_or(said, |known| known.name);
                answer["attendant_name"] = attendant.as_str().into();
                ConversationCommand::Assign { attendant, by, at }
            }
            "RESOLVE CONVERSATION" => ConversationCommand::Control {
                to: NewControl {
                    reason: Some(said).filter(|reason| !reason.is_empty()),
                    ..NewControl::default()
                },
                by,
                at,
            },
            "SET PRIORITY" => match priority(request.argument(1)) {
                Ok(priority) => {
                    answer["priority"] = priority.as_str().into();
                    ConversationCommand::SetPriority { priority, by }
                }
                Err(refusal) => return Ok(Err(refusal)),
            },
            "TAG CONVERSATION" => ConversationCommand::Tag { tag: said, by },
            _ => ConversationCommand::AddNote { text: said, by, at },
        };
        let changed = self.command_once(conversation, command).await?;
        Ok(changed.map(|_| Value::from_json(answer)))
    }

    /// Leaves a note for somebody at the desk in the conversation that goes on.
    async fn notify_agent(&mut self, request: &Request) -> Result<Answered, CommandError> {
        if let Err(refusal) = self.own_conversation() {
            return Ok(Err(refusal));
        }
        let (name, words) = (text(request, 0), text(request, 1));
        let Some(attendant) = self.attendant(&name) else {
            return Ok(Err(no_attendant(&name)));
        };
        let answer = json!({
            "success": true,
            "attendant_id": attendant.id,
            "attendant_name": attendant.name,
        });
        let note = ConversationCommand::AddNote {
            text: format!("@{}: {words}", attendant.name),
            by: self.by(),
            at: Utc::now(),
        };
        let noted = self.command_once(self.conversation, note).await?;
        Ok(noted.map(|_| Value::from_json(answer)))
    }

    /// Refuses a bot that another one asks: the conversation is with that one, and so is its desk.
    fn own_conversation(&self) -> Result<(), Refusal> {
        if self.hops == 0 {
            return Ok(());
        }
        let message = "the conversation is with the bot that asks this one, which alone can hand it over";
        Err(Refusal::new("not_own_conversation", message))
    }

    /// The conversation of this bot that an id means: its own, or that of its session.
    pub(super) async fn conversation_of(
        &self,
        id: &str,
    ) -> Result<Result<ConversationId, Refusal>, CommandError> {
        let unknown = || Refusal::new("conversation_not_found", "this bot has no such conversation");
        let (executor, tenant) = (&self.shared.executor, self.context.tenant);
        let Ok(given) = id.parse::<uuid::Uuid>() else {
            return Ok(Err(unknown()));
        };
        let key = SessionId(given).to_string();
        let owner = executor
            .log()
            .claim_owner(tenant.0, "open_conversation", &key)
            .await?;
        let named = owner.and_then(|owner| owner.parse().ok());
        let conversation = named.unwrap_or(ConversationId(given));
        Ok(
            match executor.load::<Conversation>(tenant, conversation).await?.state {
                Conversation::Open(open) if open.bot_id == self.start.bot_id => Ok(conversation),
                _ => Err(unknown()),
            },
        )
    }

    async fn attendants(&self, request: &Request) -> Result<Answered, CommandError> {
        let asked = request.clause("with status").unwrap_or(request.argument(0));
        let wanted = match asked {
            Value::Null => None,
            status => match status_of(&status.to_string()) {
                Ok(status) => Some(status),
                Err(refusal) => return Ok(Err(refusal)),
            },
        };
        let statuses = self.statuses().await?;
        let known = self.shared.attendants(self.start.bot_id);
        let items: Vec<_> = known
            .iter()
            .map(|attendant| (attendant, statuses(&attendant.id)))
            .filter(|(_, status)| wanted.is_none_or(|wanted| wanted == status))
            .map(|(attendant, status)| {
                json!({
                    "id": attendant.id,
                    "name": attendant.name,
                    "department": attendant.department,
                    "aliases": attendant.aliases,
                    "status": status,
                })
            })
            .collect();
        Ok(Ok(Value::from_json(json!({
            "success": true,
            "count": items.len(),
            "items": items,
        }))))
    }

    async fn attendant_stats(&self, name: &str) -> Result<Answered, CommandError> {
        let Some(attendant) = self.attendant(name) else {
            return Ok(Err(no_attendant(name)));
        };
        let statuses = self.statuses().await?;
        let waiting = self.queued(&AtDesk::waiting(true), COUNTED_MAX).await?;
        let active = self
            .queued(&AtDesk::controlled(Control::Human), COUNTED_MAX)
            .await?;
        let theirs = |queued: &[Queued]| {
            let of = |one: &&Queued| one.attendant.as_ref() == Some(&attendant.name);
            queued.iter().filter(of).count()
        };
        Ok(Ok(Value::from_json(json!({
            "success": true,
            "attendant_id": attendant.id,
            "attendant_name": attendant.name,
            "status": statuses(&attendant.id),
            "waiting": theirs(&waiting),
            "active": theirs(&active),
        }))))
    }

    pub(super) fn set_attendant_status(&mut self, request: &Request) -> Answered {
        let name = text(request, 0);
        let attendant = self.attendant(&name).ok_or_else(|| no_attendant(&name))?;
        let status = status_of(&text(request, 1))?;
        let bot = MemoryScope::Bot {
            bot_id: self.start.bot_id,
        };
        let key = format!("{STATUS}{}", attendant.id);
        self.set(bot, key, &Value::from(status), None)?;
        Ok(Value::from_json(json!({
            "success": true,
            "attendant_id": attendant.id,
            "status": status,
        })))
    }

    /// How somebody at the desk is said to be: online, unless something else is known.
    async fn statuses(&self) -> Result<impl Fn(&str) -> String + use<>, CommandError> {
        let bot = MemoryScope::Bot {
            bot_id: self.start.bot_id,
        };
        let known = self.known(bot).await?;
        Ok(move |id: &str| {
            let status = known.get(&format!("{STATUS}{id}"));
            status.map_or_else(|| "online".to_owned(), Value::to_string)
        })
    }
}

fn status_of(said: &str) -> Result<&'static str, Refusal> {
    let said = said.trim().to_lowercase();
    STATUSES
        .into_iter()
        .find(|status| *status == said)
        .ok_or_else(|| {
            let message = format!("`{said}` is no status; there are {}", STATUSES.join(", "));
            Refusal::mistake("attendant_status", message)
        })
}

fn no_attendant(name: &str) -> Refusal {
    Refusal::new(
        "attendant_not_found",
        format!("nobody at the desk is called `{name}`"),
    )
}
