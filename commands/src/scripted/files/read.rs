//! READ, GET, LIST, IMPORT.

use std::collections::BTreeMap;

use basic::{Object, Refusal, Request, Value};
use documents::tables::{Format, Table};
use domain::drive::{Drive, DriveFile};
use domain::memory::SET_UP;

use super::content::Found;
use super::path::{self, below, folder, matches};
use super::{Done, Handled, Host, Room, text};
use crate::CommandError;
use crate::drive::drive_path;

/// A file that is read as text.
pub(super) const TEXT_BYTES_MAX: u64 = documents::TEXT_BYTES_MAX as u64;
/// A text that waits for no room.
const TEXT_BYTES_AT_ONCE: u64 = 64 << 10;
/// A file that is read as a table.
pub(super) const TABLE_BYTES_MAX: u64 = 16 << 20;
/// A document whose text is found.
pub(super) const DOCUMENT_BYTES_MAX: u64 = 32 << 20;

/// How a file is read or written.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Shape {
    Text,
    Table,
    Lines,
}

impl Shape {
    /// What stands behind AS.
    pub(super) fn of(request: &Request) -> Handled<Shape> {
        let Some(said) = request.clause("as") else {
            return Ok(Shape::Text);
        };
        match said.to_string().trim().to_uppercase().as_str() {
            "TEXT" => Ok(Shape::Text),
            "TABLE" => Ok(Shape::Table),
            "LINES" => Ok(Shape::Lines),
            other => {
                let message =
                    format!("files are read and written AS TABLE, AS LINES or AS TEXT, not AS {other}");
                Err(Refusal::mistake("file_shape", message).into())
            }
        }
    }
}

impl Host<'_> {
    pub(super) async fn read(&self, request: &Request, drive: &Drive) -> Handled<Done> {
        let found = self.found(drive, request.argument(0)).await?;
        let value = match Shape::of(request)? {
            Shape::Text => Value::from(self.text_of(&found).await?),
            Shape::Table => Value::Array(self.table_of(&Room::wait().await?, &found).await?.values()),
            Shape::Lines => {
                let text = self.text_of(&found).await?;
                Value::Array(text.lines().map(Value::from).collect())
            }
        };
        Ok(Done::Answer(value))
    }

    /// `GET "rules.txt"` reads a file; `GET "session.user_id"` tells of the session.
    pub(super) async fn get_file(&self, request: &Request, drive: &Drive) -> Handled<Done> {
        let name = text(request, 0);
        let at = drive_path(&name).ok().filter(|path| drive.at(path).is_some());
        if at.is_some() || matches!(request.argument(0), Value::Object(_)) {
            let found = self.found(drive, request.argument(0)).await?;
            return Ok(Done::Answer(Value::from(self.text_of(&found).await?)));
        }
        if let Some(field) = name.trim().to_lowercase().strip_prefix("session.") {
            return Ok(Done::Answer(self.of_session(field).await?));
        }
        if name.contains('/') || Format::of(&name).is_some() || !name.contains('.') {
            // Says what is wrong with the path, or that nothing is there.
            self.found(drive, request.argument(0)).await?;
        }
        Ok(Done::Elsewhere)
    }

    async fn of_session(&self, field: &str) -> Result<Value, CommandError> {
        Ok(match field {
            "id" | "session_id" => Value::from(self.start.session_id.to_string()),
            "user_id" => Value::from(self.start.user_id.to_string()),
            "bot_id" => Value::from(self.start.bot_id.to_string()),
            field => {
                let scope = domain::memory::MemoryScope::Session {
                    session_id: self.start.session_id,
                };
                let known = self.known(scope).await?;
                let mut named = known.into_iter().filter(|(key, _)| !key.starts_with(SET_UP));
                let found = named.find(|(key, _)| key.eq_ignore_ascii_case(field));
                found.map(|(_, value)| value).unwrap_or_default()
            }
        })
    }

    /// The rows of a file; with INTO they are added to a table of the bot, or change the rows of the same keys there.
    pub(super) async fn import(&mut self, request: &Request, drive: &Drive) -> Handled<Done> {
        let found = self.found(drive, request.argument(0)).await?;
        let rows = Value::Array(self.table_of(&Room::wait().await?, &found).await?.values());
        let Some(table) = request.clause("into").or(request.clause("to")) else {
            return Ok(Done::Answer(rows));
        };
        let merge = Request {
            word: "MERGE",
            arguments: vec![table.clone()],
            clauses: [("with".to_owned(), rows)].into_iter().collect(),
            condition: None,
        };
        match self.ask_tables(&merge).await? {
            Some(answer) => Ok(Done::Noted(answer)),
            None => Err(super::super::tables::unknown(&merge).into()),
        }
    }

    /// What a file says.
    pub(super) async fn text_of(&self, found: &Found) -> Handled<String> {
        let media = found.media_type.as_str();
        if media == "application/pdf" {
            let Some(pdf) = self.shared.options.drive.pdf.clone() else {
                return Err(Refusal::new("not_configured", "reading PDF is not configured here").into());
            };
            let _room = Room::wait().await?;
            let bytes = self.bytes(&found.content, DOCUMENT_BYTES_MAX).await?;
            return Ok(pdf.text(bytes).await?);
        }
        if Format::of(&found.name) == Some(Format::Xlsx) {
            let room = Room::wait().await?;
            let table = self.table_of(&room, found).await?;
            return self
                .worked_on(&room, move || {
                    let rows = Table::of(&Value::Array(table.values()))?;
                    Ok(documents::text(&rows.write(Format::Csv)?))
                })
                .await;
        }
        let is_document =
            found.name.to_lowercase().ends_with(".docx") || media.ends_with("wordprocessingml.document");
        if is_document {
            let room = Room::wait().await?;
            let bytes = self.bytes(&found.content, DOCUMENT_BYTES_MAX).await?;
            return self.worked_on(&room, move || documents::docx::text(&bytes)).await;
        }
        let _room = match found.content.bytes > TEXT_BYTES_AT_ONCE {
            true => Some(Room::wait().await?),
            false => None,
        };
        let bytes = self.bytes(&found.content, TEXT_BYTES_MAX).await?;
        if bytes.contains(&0) && media == "application/octet-stream" && !bytes.starts_with(&[0xFF, 0xFE]) {
            let message = format!("`{}` is no text", found.name);
            return Err(Refusal::new("document_unreadable", message).into());
        }
        Ok(documents::text(&bytes))
    }

    /// The rows of a file. What has no ending that says otherwise is read as CSV.
    pub(super) async fn table_of(&self, room: &Room, found: &Found) -> Handled<Table> {
        let format = Format::of(&found.name).unwrap_or(Format::Csv);
        let bytes = self.bytes(&found.content, TABLE_BYTES_MAX).await?;
        self.worked_on(room, move || Table::read(format, &bytes)).await
    }
}

/// What lies in a folder: files with name, path, size and date, and the folders in it; RECURSIVE instead all files below.
pub(super) fn list(request: &Request, drive: &Drive) -> Handled<Done> {
    let said = text(request, 0);
    // `LIST "invoices/*.pdf"` says which files as FILTER does.
    let (within, mut pattern) = match said.rsplit_once('/') {
        Some((within, last)) if last.contains(['*', '?']) => (format!("{within}/"), Some(last.to_owned())),
        None if said.contains(['*', '?']) => (String::new(), Some(said.clone())),
        _ => (said, None),
    };
    if let Some(filter) = request.clause("filter") {
        pattern = Some(filter.to_string());
    }
    let folder = folder(&within)?;
    let recursive = request.has("recursive");
    let mut files: Vec<Value> = Vec::new();
    let mut folders: BTreeMap<&str, ()> = BTreeMap::new();
    for (path, file) in drive.by_path() {
        let rest = match folder.as_str() {
            "" => path,
            folder => match path.strip_prefix(folder).and_then(|rest| rest.strip_prefix('/')) {
                Some(rest) => rest,
                None => continue,
            },
        };
        match rest.split_once('/') {
            Some((name, _)) if !recursive => {
                folders.insert(name, ());
            }
            _ => {
                let name = path::name_of(path);
                if pattern.as_ref().is_none_or(|pattern| matches(name, pattern)) {
                    files.push(entry(name, path, file));
                }
            }
        }
    }
    if pattern.is_none() {
        files.extend(folders.into_keys().map(|name| {
            let fields = [
                ("name", name.to_owned()),
                ("path", below(&folder, name)),
                ("type", "folder".to_owned()),
            ];
            Value::Object(
                fields
                    .into_iter()
                    .map(|(name, value)| (name.to_owned(), Value::from(value)))
                    .collect(),
            )
        }));
    }
    Ok(Done::Answer(Value::Array(files.into_iter().collect())))
}

/// A file as scripts are told of it.
fn entry(name: &str, path: &str, file: &DriveFile) -> Value {
    let fields = [
        ("name", Value::from(name)),
        ("path", Value::from(path)),
        (
            "size",
            Value::Integer(i64::try_from(file.bytes).unwrap_or(i64::MAX)),
        ),
        ("date", Value::Moment(file.written_at)),
        ("type", Value::from(file.media_type.as_str())),
    ];
    Value::Object(
        fields
            .into_iter()
            .map(|(name, value)| (name.to_owned(), value))
            .collect::<Object>(),
    )
}
