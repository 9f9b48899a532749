//! What an event of the log starts: rows that changed, events that scripts published.

use std::fmt::Display;

use basic::{RowOperation, Trigger};
use domain::drive::Drive;
use domain::run::{DataOperation, DataStatement, Publication, Recording, RowValues, Run, RunEvent};
use domain::trigger::TriggerCause;
use domain::{Aggregate, BotId, ConversationId, OrganisationId, decode};
use event_log::{RecordedEvent, StreamId};
use serde_json::{Map, Value, json};
use uuid::Uuid;

use super::changes::of_files;
use super::handlers::Handler;
use super::{DEPTH_MAX, Start};
use crate::CommandError;
use crate::dialogue::Dialogues;

impl Dialogues {
    /// The scripts that an event of the log starts. The same for each process that sees it.
    pub(crate) async fn started_by(&self, event: &RecordedEvent) -> Result<Vec<Start>, CommandError> {
        if event.event_type == "schedule.started" {
            return self.started_now(event).await;
        }
        let pointer = match event.event_type.as_str() {
            "run.recorded" => "/statement/bot_id",
            "event.published" => "/bot_id",
            "drive.file_written" | "drive.file_moved" | "drive.file_removed"
                if event.payload.get("change").is_some() =>
            {
                "/bot_id"
            }
            _ => return Ok(Vec::new()),
        };
        let bot = event.payload.pointer(pointer).and_then(Value::as_str);
        let Some(bot) = bot.and_then(|bot| bot.parse::<BotId>().ok()) else {
            return Ok(Vec::new());
        };
        let tenant = OrganisationId(event.tenant);
        let handlers = self.handlers(tenant, bot).await?;
        let text = |name: &str| event.payload.pointer(name).and_then(Value::as_str);
        let (table, name) = (text("/statement/table"), text("/name"));
        let concerned = |handler: &&Handler| match &handler.trigger {
            Trigger::Row { table: of, .. } => table.is_some_and(|table| same(of, table)),
            Trigger::Event { name: of } => name.is_some_and(|name| same(of, name)),
            // Which path it is, only the opened event tells.
            Trigger::Change { .. } => event.stream.aggregate_type == Drive::TYPE,
            _ => false,
        };
        let concerned: Vec<&Handler> = handlers.iter().filter(concerned).collect();
        if concerned.is_empty() {
            return Ok(Vec::new());
        }
        let starts = if event.stream.aggregate_type == Drive::TYPE {
            of_files(event.event_id, &self.opened::<Drive>(event).await?, &concerned)
        } else {
            match self.opened::<Run>(event).await? {
                RunEvent::Recorded(recording) => match &recording.statement {
                    Some(statement) => of_rows(event.event_id, bot, &recording, statement, &concerned),
                    None => Vec::new(),
                },
                RunEvent::EventPublished(publication) => {
                    of_publication(event.event_id, &publication, &concerned)
                }
                _ => Vec::new(),
            }
        };
        let (starts, too_deep): (Vec<Start>, Vec<Start>) =
            starts.into_iter().partition(|start| start.depth <= DEPTH_MAX);
        if let Some(start) = too_deep.first() {
            tracing::warn!(bot.id = %bot, script.name = start.script, "scripts start one another without end; this one is not started");
        }
        Ok(starts)
    }

    /// The event with its personal values, which the feed brings sealed.
    pub(super) async fn opened<A: Aggregate>(&self, event: &RecordedEvent) -> Result<A::Event, CommandError> {
        let stream = StreamId::new(A::TYPE, &event.stream.aggregate_id);
        let log = self.shared().executor.log();
        let events = log.load_few(event.tenant, &stream, event.sequence - 1, 1).await?;
        let event = events.first().unwrap_or(event);
        decode(&event.event_type, event.event_version, &event.payload).map_err(CommandError::unexpected)
    }
}

/// Names of tables and events are equal in upper and lower case.
fn same(one: &str, other: &str) -> bool {
    one.to_lowercase() == other.to_lowercase()
}

/// `of` tells apart what one event starts a script for: it names what there is to each, since how many handlers a package
/// has, and in which order, changes with the package.
pub(super) fn start(cause: Uuid, of: impl Display, bot: BotId, script: &str) -> Start {
    let name = format!("{script} {of}");
    Start {
        conversation: ConversationId(Uuid::new_v5(&cause, name.as_bytes())),
        bot,
        user: None,
        script: script.to_owned(),
        cause: TriggerCause::Event { name: String::new() },
        depth: 0,
        variables: Map::new(),
        row: None,
        path: None,
    }
}

fn of_publication(event: Uuid, publication: &Publication, handlers: &[&Handler]) -> Vec<Start> {
    let data = publication.data.clear().map_or("null", String::as_str);
    let data: Value = serde_json::from_str(data).unwrap_or_default();
    let user = publication.data.subject();
    let handled = handlers.iter().map(|handler| Start {
        user,
        cause: TriggerCause::Event {
            name: publication.name.clone(),
        },
        depth: publication.depth.saturating_add(1),
        variables: variables([
            // As the script writes it: its `ON EVENT … DO` compares with that.
            ("trigger_event", json!(event_name(handler))),
            ("trigger_data", data.clone()),
            ("trigger_timestamp", json!(publication.published_at)),
            ("trigger_user", json!(user)),
        ]),
        ..start(event, event_name(handler), publication.bot_id, &handler.script)
    });
    handled.collect()
}

fn event_name(handler: &Handler) -> &str {
    match &handler.trigger {
        Trigger::Event { name } => name,
        _ => "",
    }
}

/// One start for each row that the statement names, or one for all where it names none.
fn of_rows(
    event: Uuid,
    bot: BotId,
    recording: &Recording,
    statement: &DataStatement,
    handlers: &[&Handler],
) -> Vec<Start> {
    let keys = statement.keys.as_ref().and_then(|keys| keys.clear());
    let mut starts = Vec::new();
    for handler in handlers {
        let Trigger::Row { operation, .. } = &handler.trigger else {
            continue;
        };
        let rows = rows_of(statement, *operation);
        if rows == 0 {
            continue;
        }
        // Values follow the keys: of the added, the changed, the deleted rows.
        let keyed = keys.map(|keys| match operation {
            RowOperation::Insert => (&keys.added, 0),
            RowOperation::Update => (&keys.changed, keys.added.len()),
            RowOperation::Delete => (&keys.deleted, keys.added.len() + keys.changed.len()),
        });
        let one_by_one: Vec<(Option<&str>, Option<&RowValues>)> = match keyed {
            Some((keys, first)) if !keys.is_empty() => keys
                .iter()
                .enumerate()
                .map(|(at, key)| (Some(key.as_str()), statement.values.get(first + at)))
                .collect(),
            _ => vec![(None, None)],
        };
        for (key, values) in one_by_one {
            starts.push(Start {
                user: recording.answers.subject(),
                cause: TriggerCause::Rows {
                    table: statement.table.clone(),
                },
                depth: recording.depth.saturating_add(1),
                variables: variables([
                    ("trigger_row_id", json!(key)),
                    ("trigger_rows", json!(if key.is_some() { 1 } else { rows })),
                    ("trigger_operation", json!(named(*operation))),
                    ("trigger_table", json!(statement.table)),
                    ("trigger_timestamp", json!(recording.recorded_at)),
                    ("trigger_user", json!(recording.answers.subject())),
                ]),
                // Where nothing is known of a row, there was something that is not told.
                row: Some(values.cloned().unwrap_or(RowValues {
                    omitted: true,
                    ..RowValues::default()
                })),
                ..start(
                    event,
                    format_args!("{} {}", named(*operation), key.unwrap_or_default()),
                    bot,
                    &handler.script,
                )
            });
        }
    }
    starts
}

fn named(operation: RowOperation) -> &'static str {
    match operation {
        RowOperation::Insert => "INSERT",
        RowOperation::Update => "UPDATE",
        RowOperation::Delete => "DELETE",
    }
}

/// How many rows a statement added, changed or deleted.
fn rows_of(statement: &DataStatement, operation: RowOperation) -> u64 {
    let added = statement.added.unwrap_or(match statement.operation {
        DataOperation::Insert => statement.rows,
        DataOperation::Update | DataOperation::Delete | DataOperation::Merge => 0,
    });
    match (operation, statement.operation) {
        (RowOperation::Delete, DataOperation::Delete) => statement.rows,
        (RowOperation::Delete, _) | (_, DataOperation::Delete) => 0,
        (RowOperation::Insert, _) => added,
        (RowOperation::Update, _) => statement.rows.saturating_sub(added),
    }
}

pub(super) fn variables<const N: usize>(variables: [(&str, Value); N]) -> Map<String, Value> {
    variables
        .into_iter()
        .map(|(name, value)| (name.to_owned(), value))
        .collect()
}
