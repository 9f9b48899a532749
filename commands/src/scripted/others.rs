//! Other sessions of the bot, and other bots of the organisation.
//!
//! Another bot is asked by running its script within the run that asks, on a machine of its own: what it asks for is
//! recorded with what the run asks for itself, so a repetition goes the same way. `delegate.bas` is given the message
//! as its first PARAM; where there is none, `start.bas` is run to its first question, which the message answers. What it says then is the
//! answer; it is not said to the person. Where it asks something, it ends; where it pauses, it has no answer.
//!
//! What it sets up and remembers for the session is its own, and gone with its answer. That it took too long is an answer
//! like others: a repetition of the turn looks at no clock for what was found before.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use basic::{Answer, Array, Input, Machine, ProgramHash, Refusal, Request, Value};
use chrono::Utc;
use domain::bot::Bot;
use domain::memory::MemoryScope;
use domain::run::RunStart;
use domain::session::Session;
use domain::{BotId, ReplyId, SessionId};
use serde::{Deserialize, Serialize};
use serde_json::json;
use uuid::Uuid;

use super::setup::bots_of;
use super::{Answered, Changed, Host, text};
use crate::dialogue::{Execution, ExecutionEnd, SCRIPT_TIME, execute_within, program_of};
use crate::tool::DELEGATE;
use crate::{CommandError, ConversationCommand};

/// How many bots may ask one another in a row.
const HOPS_MAX: u32 = 5;
/// What DELEGATE answers when its time is over.
const BOT_TIMEOUT: &str = "bot_timeout";
/// Bots that one BROADCAST reaches.
const BROADCAST_MAX: usize = 20;

/// Words that say something in another session.
pub(super) fn tells(request: &Request) -> bool {
    match request.word {
        "SEND TO SESSION" => true,
        "TALK TO" | "SEND TO" => text(request, 0).trim().to_lowercase().starts_with("web:"),
        _ => false,
    }
}

/// Words that ask other bots. They are carried out again when a turn is repeated, with what was recorded of them.
pub(super) fn asks_bots(request: &Request) -> bool {
    match request.word {
        "DELEGATE" => request.clause("to bot").is_some(),
        "BROADCAST" => request.has("to bots"),
        _ => false,
    }
}

/// A bot that can answer, and what it answers with.
#[derive(Serialize, Deserialize)]
struct Asked {
    bot_id: BotId,
    script: String,
    program: String,
    scripts: BTreeMap<String, String>,
}

impl Host<'_> {
    pub(super) async fn tell_session(&mut self, request: &Request) -> Result<Answered, CommandError> {
        let (first, words) = (text(request, 0), text(request, 1));
        let session = match request.word {
            "SEND TO SESSION" => first.as_str(),
            _ => first.trim().get(4..).unwrap_or_default(),
        };
        self.tell(session, &words).await
    }

    pub(super) async fn ask_bots(&mut self, request: &Request) -> Result<Answered, CommandError> {
        let message = text(request, 0);
        match request.clause("to bot") {
            Some(bot) => {
                let within = match request.clause("timeout") {
                    Some(Value::Integer(seconds)) => {
                        Duration::from_secs((*seconds).clamp(1, 3_600).unsigned_abs())
                    }
                    _ => self.shared.options.script_time_max,
                };
                let own = self.deadline;
                self.deadline = own.min(Instant::now() + within);
                let answered = self.delegate(&bot.to_string(), &message).await;
                self.deadline = own;
                answered
            }
            None => self.broadcast(&message).await,
        }
    }

    /// Says something in another session of this bot, now; a conversation begins there if none goes on.
    async fn tell(&mut self, session: &str, words: &str) -> Result<Answered, CommandError> {
        let unknown = || Refusal::new("session_not_found", "there is no such session of this bot");
        let Ok(session_id) = session.trim().parse::<SessionId>() else {
            return Ok(Err(unknown()));
        };
        let dialogues = self.dialogues();
        let words = match dialogues.checked_text(words) {
            Ok(words) => words,
            Err(error) => return Ok(Err(Refusal::new("message_invalid", error.to_string()))),
        };
        let (executor, tenant) = (&self.shared.executor, self.context.tenant);
        let open = match executor.load_fresh::<Session>(tenant, session_id).await?.state {
            Session::Open(open) if open.bot_id == self.start.bot_id => open,
            _ => return Ok(Err(unknown())),
        };
        let conversation = dialogues
            .ensure_conversation(tenant, session_id, &open, Utc::now())
            .await?;
        let context = self.begin_change().await?;
        let tell = ConversationCommand::Tell {
            reply_id: ReplyId(context.derived_id("told")),
            text: words,
            at: Utc::now(),
        };
        let told = self.carry_out(&context, Changed::of(conversation), tell).await?;
        Ok(told.map(|_| Value::from_json(json!({ "success": true, "session_id": session_id }))))
    }

    /// What every bot of the session says to a message.
    async fn broadcast(&mut self, message: &str) -> Result<Answered, CommandError> {
        let names = match self.recalled() {
            Some(answer) => answer,
            None => {
                let session_id = self.start.session_id;
                let known = self.known(MemoryScope::Session { session_id }).await?;
                self.note(Answer::Value(bots_of(&known)))
            }
        };
        let Answer::Value(Value::Array(names)) = names else {
            return Ok(Ok(Value::Array(Array::default())));
        };
        let mut answers = Vec::new();
        for name in names.iter().take(BROADCAST_MAX).map(Value::to_string) {
            let answer = match self.delegate(&name, message).await? {
                Ok(answer) => json!({ "bot": name, "success": true, "answer": answer.to_json() }),
                Err(refusal) => {
                    json!({ "bot": name, "success": false, "code": refusal.code, "error": refusal.message })
                }
            };
            answers.push(Value::from_json(answer));
        }
        Ok(Ok(Value::Array(answers.into_iter().collect::<Array>())))
    }

    /// What another bot says to a message.
    async fn delegate(&mut self, name: &str, message: &str) -> Result<Answered, CommandError> {
        if self.hops >= HOPS_MAX {
            let message = format!("bots ask one another at most {HOPS_MAX} times in a row");
            return Ok(Err(Refusal::new("too_many_hops", message)));
        }
        // Which script answers is recorded, so that a repetition asks the same.
        let asked = match self.recalled() {
            Some(answer) => answer,
            None => {
                let found = self.find_bot(name).await?;
                self.note(super::answer(found))
            }
        };
        let asked = match asked {
            Answer::Value(value) => serde_json::from_value::<Asked>(value.to_json()),
            Answer::Refused(refusal) => return Ok(Err(refusal)),
        };
        self.ask_bot(asked.map_err(CommandError::unexpected)?, message)
            .await
    }

    async fn find_bot(&self, name: &str) -> Result<Answered, CommandError> {
        let bot_id = match self.other_bot(&name.trim().to_lowercase()).await? {
            Ok(bot_id) => bot_id,
            Err(refusal) => return Ok(Err(refusal)),
        };
        let executor = &self.shared.executor;
        let bot = executor
            .load_fresh::<Bot>(self.context.tenant, bot_id)
            .await?
            .state;
        let Bot::Active(mounted) = bot else {
            let message = format!("the bot `{name}` does not answer now");
            return Ok(Err(Refusal::new("bot_paused", message)));
        };
        let package = &mounted.package;
        let script = [DELEGATE, "start"]
            .into_iter()
            .find_map(|script| Some((script, program_of(package, script)?)));
        let Some((script, program)) = script else {
            let message = format!("the bot `{name}` has no script that could answer");
            return Ok(Err(Refusal::new("bot_without_script", message)));
        };
        let asked = Asked {
            bot_id,
            script: script.to_owned(),
            program: program.to_owned(),
            scripts: self
                .shared
                .callable(self.context.tenant, package, program)
                .await?,
        };
        let asked = serde_json::to_value(asked).map_err(CommandError::unexpected)?;
        Ok(Ok(Value::from_json(asked)))
    }

    async fn ask_bot(&mut self, asked: Asked, message: &str) -> Result<Answered, CommandError> {
        let delegates = asked.script == DELEGATE;
        let hash: ProgramHash = asked.program.parse().map_err(CommandError::unexpected)?;
        let start = RunStart {
            bot_id: asked.bot_id,
            script: asked.script,
            program: asked.program,
            scripts: asked.scripts,
            ..self.start.clone()
        };
        let program = self.shared.programs.load(self.context.tenant, hash).await?;
        let mut variables = self.shared.variables(self.context.tenant, &start).await?;
        if delegates {
            let given = program.parameters().first();
            variables.extend(given.map(|parameter| (parameter.name.clone(), Value::text(message))));
        }
        let seed = Uuid::new_v5(&self.run.0, format!("{} {}", start.bot_id, self.asked).as_bytes());
        let machine = Machine::start(
            program,
            basic::Start {
                seed: seed.as_u64_pair().1,
                variables,
                limits: self.shared.options.script.clone(),
            },
        );
        let own = std::mem::replace(&mut self.start, start);
        let aside = std::mem::take(&mut self.aside);
        self.hops += 1;
        let said = self.hear(machine, message, delegates).await;
        self.hops -= 1;
        (self.start, self.aside) = (own, aside);
        said
    }

    /// Whether the script has been at work for too long.
    pub(crate) fn is_late(&mut self) -> bool {
        let late = Instant::now() > self.deadline;
        // The turn as a whole fails then, and nothing of it is told to anybody.
        if self.hops == 0 {
            return late;
        }
        match self.replayed.front() {
            Some(Answer::Refused(refusal)) if refusal.code == BOT_TIMEOUT => {
                self.recalled();
                true
            }
            // It was not, or something else would come next.
            Some(_) => false,
            None if late => {
                self.asked += 1;
                self.note(Answer::Refused(out_of_time()));
                true
            }
            None => false,
        }
    }

    /// What was recorded in this place of the turn.
    fn recalled(&mut self) -> Option<Answer> {
        self.asked += 1;
        self.replayed.pop_front()
    }

    /// Runs another bot's script to its answer.
    async fn hear(
        &mut self,
        mut machine: Machine,
        message: &str,
        delegates: bool,
    ) -> Result<Answered, CommandError> {
        let mut execution = Box::pin(execute_within(&mut machine, self, Input::Start, Vec::new())).await?;
        if !delegates && execution.waits() {
            let input = Input::Answer {
                text: message.to_owned(),
                files: Vec::new(),
            };
            execution = Box::pin(execute_within(&mut machine, self, input, Vec::new())).await?;
        }
        Ok(match &execution.end {
            ExecutionEnd::Failed(error) if error.code == SCRIPT_TIME => Err(out_of_time()),
            ExecutionEnd::Failed(error) => Err(Refusal::new("bot_failed", error.message.clone())),
            ExecutionEnd::Pausing { .. } => {
                let message = "the bot pauses, and whoever asks it does not wait";
                Err(Refusal::new("bot_pauses", message))
            }
            ExecutionEnd::Waiting(_) | ExecutionEnd::Completed(_) => {
                execution.say_what_is_returned();
                Ok(Value::text(all_that_is_said(&execution)))
            }
        })
    }
}

fn out_of_time() -> Refusal {
    Refusal::new(BOT_TIMEOUT, "the bot did not answer in time")
}

fn all_that_is_said(execution: &Execution) -> String {
    let said = execution.replies.iter().map(|reply| reply.text.as_str());
    said.filter(|text| !text.trim().is_empty())
        .collect::<Vec<_>>()
        .join("\n")
}
