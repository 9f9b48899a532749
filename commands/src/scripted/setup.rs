//! What a session is set up with: contexts, switches, tools, folders of knowledge, how free text is answered.
//!
//! It is kept in the session's memory, under keys that scripts do not see, for whoever asks a language model.

mod shown;

use std::collections::BTreeMap;

use basic::{Refusal, Request, Value};
use domain::bot::Bot;
use domain::memory::MemoryScope;

use super::memory::listed;
use super::{Answered, Host, text};
use crate::CommandError;

pub use shown::{SetUp, Switcher};

const CONTEXT: &str = "setup.context.";
pub(crate) const ACTIVE: &str = "setup.active_context";
/// Ids of the switches that are on.
pub(crate) const ACTIVE_SWITCHERS: &str = "setup.active_switchers";
const SWITCHER: &str = "setup.switcher.";
const TOOL: &str = "setup.tool.";
const KNOWLEDGE: &str = "setup.knowledge.";
const WEBSITE: &str = "setup.website.";
const ACCOUNT: &str = "setup.account.";
const BOT: &str = "setup.bot.";
const BOT_PRIORITY: &str = "setup.bot_priority.";
const HEADER: &str = "setup.header.";
const SYSTEM_PROMPT: &str = "setup.system_prompt";
const ANSWER_MODE: &str = "setup.answer_mode";
const MODEL: &str = "setup.model";
const ROUTING: &str = "setup.model_routing";
const HISTORY: &str = "setup.history_from";
const THEME: &str = "setup.theme";
const LINES: &str = "setup.max_lines";

const ANSWER_MODES: [&str; 5] = ["direct", "document", "tool", "sql", "chart"];

/// Switches that the platform has a text for.
const SWITCHERS: [(&str, &str); 8] = [
    ("tables", "Put what can be compared into tables."),
    ("infographic", "Show figures as an infographic."),
    ("cards", "Answer in cards with a title and a short text each."),
    ("list", "Answer in lists."),
    ("comparison", "Compare side by side."),
    ("timeline", "Put what happened into the order of time."),
    ("markdown", "Format answers in Markdown."),
    ("chart", "Show figures as a chart."),
];

/// Words that ask what a session is set up with.
pub(super) fn knows(word: &str) -> bool {
    matches!(
        word,
        "LIST TOOLS" | "GET CURRENT MODEL" | "LIST BOTS" | "ALLOW ROLE"
    )
}

/// Words that set a session up.
pub(super) fn gathers(word: &str) -> bool {
    matches!(
        word,
        "SET CONTEXT"
            | "CLEAR CONTEXT"
            | "CLEAR HISTORY"
            | "ADD SWITCHER"
            | "CLEAR SWITCHERS"
            | "SET ANSWER MODE"
            | "SET MAX LINES"
            | "SET THEME"
            | "USE TOOL"
            | "REMOVE TOOL"
            | "CLEAR TOOLS"
            | "USE KB"
            | "CLEAR KB"
            | "USE WEBSITE"
            | "CLEAR WEBSITES"
            | "USE ACCOUNT"
            | "USE MODEL"
            | "SET MODEL ROUTING"
            | "ADD BOT"
            | "REMOVE BOT"
            | "SET BOT PRIORITY"
            | "SET HEADER"
            | "CLEAR HEADERS"
    )
}

/// Bots of a session, in order of their letters.
pub(super) fn bots_of(known: &BTreeMap<String, Value>) -> Value {
    listed(known, BOT)
}

impl Host<'_> {
    /// What BEGIN SYSTEM PROMPT says, as far as a memory takes it.
    pub fn set_system_prompt(&mut self, text: &str) {
        let session = MemoryScope::Session {
            session_id: self.start.session_id,
        };
        if let Err(refusal) = self.set(session, SYSTEM_PROMPT.to_owned(), &Value::from(text), None) {
            tracing::warn!(code = refusal.code, "a system prompt is not kept");
        }
    }

    pub(super) async fn set_up(&mut self, request: &Request) -> Result<Answered, CommandError> {
        let session = MemoryScope::Session {
            session_id: self.start.session_id,
        };
        let first = text(request, 0).trim().to_owned();
        let lower = first.to_lowercase();
        let script = lower.strip_suffix(".bas").unwrap_or(&lower).to_owned();
        let answered = match request.word {
            "SET CONTEXT" if request.arguments.len() == 2 => {
                self.set(session, format!("{CONTEXT}{first}"), request.argument(1), None)
            }
            "SET CONTEXT" => self.set(session, ACTIVE.to_owned(), &Value::from(first.as_str()), None),
            "CLEAR CONTEXT" => {
                self.forget(session, CONTEXT, &first).await?;
                self.forget(session, ACTIVE, "").await?;
                Ok(Value::Null)
            }
            "CLEAR HISTORY" => {
                let now = Value::from(self.now.to_rfc3339().as_str());
                self.set(session, HISTORY.to_owned(), &now, None)
            }
            "ADD SWITCHER" => {
                let label = match request.argument(1) {
                    Value::Null => first.clone(),
                    label => label.to_string(),
                };
                let known = SWITCHERS.iter().find(|(id, _)| *id == lower);
                let prompt = known.map_or(first.as_str(), |(_, prompt)| *prompt);
                let switcher = serde_json::json!({ "label": label, "prompt": prompt });
                self.set(
                    session,
                    format!("{SWITCHER}{first}"),
                    &Value::from_json(switcher),
                    None,
                )
            }
            "CLEAR SWITCHERS" => {
                self.forget(session, ACTIVE_SWITCHERS, "").await?;
                self.without(session, SWITCHER, "").await?
            }
            "SET ANSWER MODE" if !ANSWER_MODES.contains(&lower.as_str()) => Err(Refusal::mistake(
                "answer_mode",
                format!(
                    "`{first}` is no way to answer; there are {}",
                    ANSWER_MODES.join(", ")
                ),
            )),
            "SET ANSWER MODE" => self.set(
                session,
                ANSWER_MODE.to_owned(),
                &Value::from(lower.as_str()),
                None,
            ),
            "SET MAX LINES" => self.set(session, LINES.to_owned(), request.argument(0), None),
            "SET THEME" => self.set(session, THEME.to_owned(), request.argument(0), None),
            "USE TOOL" => {
                let mut offered = Ok(Value::Null);
                for tool in self.tools_of(&script).await? {
                    offered = self.set(session, format!("{TOOL}{tool}"), &Value::Bool(true), None);
                    if offered.is_err() {
                        break;
                    }
                }
                offered
            }
            "REMOVE TOOL" => {
                for tool in self.tools_of(&script).await? {
                    self.forget(session, TOOL, &tool).await?;
                }
                Ok(Value::Null)
            }
            "CLEAR TOOLS" => self.without(session, TOOL, "").await?,
            "LIST TOOLS" => Ok(listed(&self.known(session).await?, TOOL)),
            "USE KB" => self.set(session, format!("{KNOWLEDGE}{first}"), &Value::Bool(true), None),
            "CLEAR KB" => self.without(session, KNOWLEDGE, &first).await?,
            "USE WEBSITE" => {
                let refresh = match request.argument(1) {
                    Value::Null => Value::from("1d"),
                    refresh => refresh.clone(),
                };
                if !(lower.starts_with("https://") || lower.starts_with("http://")) {
                    return Ok(Err(Refusal::mistake(
                        "website_address",
                        format!("`{first}` is no web address"),
                    )));
                }
                self.set(session, format!("{WEBSITE}{first}"), &refresh, None)
            }
            "CLEAR WEBSITES" => self.without(session, WEBSITE, "").await?,
            "SET HEADER" => {
                let value = request.argument(1).to_string();
                if !is_header(&first, &value) {
                    return Ok(Err(Refusal::mistake(
                        "header_refused",
                        format!("`{first}` is no header"),
                    )));
                }
                self.set(
                    session,
                    format!("{HEADER}{lower}"),
                    &Value::from(value.as_str()),
                    None,
                )
            }
            "CLEAR HEADERS" => self.without(session, HEADER, &lower).await?,
            "USE ACCOUNT" => self.set(session, format!("{ACCOUNT}{lower}"), &Value::Bool(true), None),
            "USE MODEL" => self.set(session, MODEL.to_owned(), &Value::from(first.as_str()), None),
            "SET MODEL ROUTING" => self.set(session, ROUTING.to_owned(), &Value::from(lower.as_str()), None),
            "GET CURRENT MODEL" => {
                let known = self.known(session).await?;
                Ok(known.get(MODEL).cloned().unwrap_or_else(|| Value::from("auto")))
            }
            "ADD BOT" => {
                let bot = Value::Object(request.clauses.clone());
                self.set(session, format!("{BOT}{first}"), &bot, None)
            }
            "SET BOT PRIORITY" => {
                let key = format!("{BOT_PRIORITY}{first}");
                self.set(session, key, request.argument(1), None)
            }
            "REMOVE BOT" => {
                self.forget(session, BOT_PRIORITY, &first).await?;
                self.without(session, BOT, &first).await?
            }
            "LIST BOTS" => Ok(listed(&self.known(session).await?, BOT)),
            // Nobody who talks to a bot has a role beyond this one, as yet.
            _ => match request
                .arguments
                .iter()
                .any(|role| role.to_string().trim() == "user")
            {
                true => Ok(Value::Bool(true)),
                false => Err(Refusal::mistake(
                    "role_needed",
                    format!("this is for the role {first}"),
                )),
            },
        };
        Ok(answered)
    }

    /// All tools of a file that is named, or the one that is.
    async fn tools_of(&self, script: &str) -> Result<Vec<String>, CommandError> {
        let executor = &self.shared.executor;
        let bot = executor
            .load::<Bot>(self.context.tenant, self.start.bot_id)
            .await?;
        let of_file = |name: &&String| {
            let further = name.strip_prefix(script);
            further.is_some_and(|further| further.starts_with('#'))
        };
        let scripts = bot.state.mounted().map(|mounted| &mounted.package.scripts);
        let others = scripts
            .into_iter()
            .flat_map(|scripts| scripts.keys())
            .filter(of_file);
        Ok(std::iter::once(script.to_owned())
            .chain(others.cloned())
            .collect())
    }

    /// What SET HEADER set.
    pub(super) async fn headers(&self) -> Result<Vec<(String, String)>, CommandError> {
        let session = MemoryScope::Session {
            session_id: self.start.session_id,
        };
        let known = self.known(session).await?;
        let header =
            |(key, value): (&String, &Value)| Some((key.strip_prefix(HEADER)?.to_owned(), value.to_string()));
        Ok(known.iter().filter_map(header).collect())
    }

    async fn without(
        &mut self,
        scope: MemoryScope,
        prefix: &str,
        name: &str,
    ) -> Result<Answered, CommandError> {
        self.forget(scope, prefix, name).await?;
        Ok(Ok(Value::Null))
    }
}

/// Names are of a few characters, and values have no lines.
fn is_header(name: &str, value: &str) -> bool {
    let letters = |c: char| c.is_ascii_alphanumeric() || "!#$%&'*+-.^_`|~".contains(c);
    let own = ["host", "content-length", "transfer-encoding", "connection"];
    !name.is_empty()
        && name.chars().all(letters)
        && !own.contains(&name.to_ascii_lowercase().as_str())
        && value.chars().all(|c| c == '\t' || !c.is_control())
}
