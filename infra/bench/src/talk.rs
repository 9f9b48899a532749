//! Visitors who talk: the commands of conversations as the product appends them.

use domain::conversation::{ConversationEvent, Reply, ReplyContent, Turn};
use domain::{BotId, ConversationId, Personal, ReplyId, SessionId, TurnId, UserId, encode};
use event_log::{AppendCommand, Metadata, NewEvent, StreamId};
use serde_json::Value;
use uuid::Uuid;

/// Turns after which a visitor begins another conversation.
const TURNS: usize = 20;

/// A visitor who talks on and on.
pub struct Talk {
    session: SessionId,
    bot: BotId,
    user: UserId,
    conversation: ConversationId,
    turns: usize,
}

impl Talk {
    pub fn begin() -> Talk {
        Talk {
            session: SessionId(Uuid::now_v7()),
            bot: BotId(Uuid::now_v7()),
            user: UserId(Uuid::now_v7()),
            conversation: ConversationId(Uuid::now_v7()),
            turns: 0,
        }
    }

    /// A turn; of a new conversation with its beginning.
    pub fn next(&mut self) -> AppendCommand {
        self.command(false)
    }

    /// A turn and its reply, likewise.
    pub fn exchange(&mut self) -> AppendCommand {
        self.command(true)
    }

    fn command(&mut self, replied: bool) -> AppendCommand {
        if self.turns == TURNS {
            self.conversation = ConversationId(Uuid::now_v7());
            self.turns = 0;
        }
        let now = chrono::Utc::now();
        let turn_id = TurnId(Uuid::now_v7());
        let turn = ConversationEvent::TurnReceived(Turn {
            turn_id,
            session_id: self.session,
            message_id: Some(turn_id.0),
            content: Personal::conversation(self.user, "Is there anything on Thursday afternoon?".to_owned()),
            files: None,
            invokes: None,
            received_at: now,
        });
        let started = ConversationEvent::Started {
            session_id: self.session,
            bot_id: self.bot,
            user_id: self.user,
            started_at: now,
        };
        let reply = ConversationEvent::ReplyProduced(Reply {
            reply_id: ReplyId(Uuid::now_v7()),
            session_id: self.session,
            in_reply_to: Some(turn_id),
            content: Personal::conversation(
                self.user,
                ReplyContent {
                    text: "There is: at three, at four and at half past five. Which one suits you?"
                        .to_owned(),
                    ..ReplyContent::default()
                },
            ),
            attendant: None,
            produced_at: now,
        });
        let begins = self.turns == 0;
        self.turns += 1;
        let events = [started, turn, reply]
            .into_iter()
            .skip(usize::from(!begins))
            .take(usize::from(begins) + 1 + usize::from(replied))
            .map(|event| {
                let (event_type, event_version, payload) = encode(&event).expect("it has a form");
                NewEvent {
                    event_type,
                    event_version,
                    payload,
                }
            })
            .collect();
        AppendCommand {
            tenant: Uuid::from_u128(0xbe_7c4),
            stream: StreamId::new("conversation", self.conversation),
            expected_version: None,
            lease_epoch: None,
            command_id: Some(turn_id.0),
            digest: [1; 32],
            ordering_key: self.conversation.to_string(),
            metadata: Metadata {
                actor: format!("user/{}", self.user),
                correlation_id: turn_id.0,
                causation_id: None,
                origin: None,
            },
            events,
            claims: vec![],
            answer: Value::Null,
        }
    }
}
