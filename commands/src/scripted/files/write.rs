//! WRITE, CREATE FILE, EXPORT, COPY, MOVE, DELETE FILE, UPLOAD, DOWNLOAD.

use basic::{Refusal, Request, Value};
use documents::tables::{Format, Table};
use domain::FileId;
use domain::drive::Drive;
use uuid::Uuid;

use super::content::{Fetched, Unkept};
use super::path::{self, target};
use super::read::{Shape, TABLE_BYTES_MAX};
use super::{Done, Handled, Host, Room, text};
use crate::drive::{DriveCommand, FILE_BYTES_MAX, drive_path};

/// Where DOWNLOAD puts what it is given no path for.
const DOWNLOADS: &str = "downloads";

impl Host<'_> {
    /// `WRITE "a.txt", data`, `WRITE data TO "a.txt" APPEND AS LINES`, `CREATE FILE "a.txt" WITH data`, `EXPORT "a.csv", rows`
    pub(super) async fn write(&self, request: &Request, drive: &Drive) -> Handled<Done> {
        let (path, data) = match request.clause("to") {
            Some(path) => (path, request.argument(0)),
            None => (
                request.argument(0),
                request.clause("with").unwrap_or(request.argument(1)),
            ),
        };
        let path = path::file(path)?;
        if request.word == "CREATE FILE" && drive.at(&path).is_some() {
            let message = format!("there is a file `{path}` already; WRITE replaces it");
            return Err(Refusal::new("drive_file_exists", message).into());
        }
        let (format, data) = (Format::of(&path), data.clone());
        let shape = match request.word {
            "EXPORT" => Shape::Table,
            _ => Shape::of(request)?,
        };
        // Rows that are written to a file of rows are a table of it.
        let rows = matches!(&data, Value::Array(_) | Value::Object(_));
        let is_table = shape == Shape::Table
            || shape == Shape::Text
                && (format == Some(Format::Xlsx) || rows && format.is_some_and(|f| f != Format::Json));
        let room = Room::wait().await?;
        let before = match request.has("append") {
            true => {
                let bytes_max = if is_table { TABLE_BYTES_MAX } else { FILE_BYTES_MAX };
                self.bytes_at(drive, &path, bytes_max).await?.unwrap_or_default()
            }
            false => Vec::new(),
        };
        let bytes = if is_table {
            let format = format.unwrap_or(Format::Csv);
            self.worked_on(&room, move || {
                let mut table = Table::read(format, &before)?;
                match &data {
                    Value::Array(rows) => rows.iter().try_for_each(|row| table.add(row))?,
                    Value::Null => {}
                    row => table.add(row)?,
                }
                table.write(format)
            })
            .await?
        } else {
            self.worked_on(&room, move || Ok(said(before, &data, shape)))
                .await?
        };
        let answer = described(&path, bytes.len());
        Ok(Done::Write(vec![Unkept::of(path, bytes, room)], answer))
    }

    /// `COPY a TO b`, `MOVE a, b`; into a folder where b ends with `/`.
    pub(super) fn moved(&self, request: &Request) -> Handled<Done> {
        let from = path::file(request.argument(0))?;
        let to = target(&text(request, 1), path::name_of(&from))?;
        let answer = Value::from(to.as_str());
        let command = DriveCommand::Copy {
            bot: self.start.bot_id,
            from,
            to,
            moves: request.word == "MOVE",
            file_id: FileId(Uuid::now_v7()),
            bytes_max: self.shared.options.drive.bytes_max,
            change: Some(self.drive_change()),
            at: self.now,
        };
        Ok(Done::Change(command, answer))
    }

    pub(super) fn delete(&self, path: &str) -> Handled<Done> {
        let command = DriveCommand::Remove {
            bot: self.start.bot_id,
            path: path.to_owned(),
            change: Some(self.drive_change()),
            at: self.now,
        };
        Ok(Done::Change(command, Value::Bool(true)))
    }

    /// `UPLOAD photo, "photos/boat.png"`, `UPLOAD photo TO "photos/" AS "boat.png"`: what a person sent, what an address
    /// gives, or a file of the drive.
    pub(super) async fn upload(
        &self,
        request: &Request,
        drive: &Drive,
        fetched: Option<&Fetched>,
    ) -> Handled<Done> {
        let (name, bytes, room) = match fetched {
            Some(fetched) => (fetched.name.clone(), fetched.bytes.clone(), None),
            None => {
                let found = self.found(drive, request.argument(0)).await?;
                let room = Room::wait().await?;
                let bytes = self.bytes(&found.content, FILE_BYTES_MAX).await?;
                (found.name, bytes.into(), Some(room))
            }
        };
        let to = match request.clause("to") {
            Some(to) => to.to_string(),
            None => text(request, 1),
        };
        let path = match request.clause("as") {
            Some(name) => {
                let folder = path::folder(&to)?;
                drive_path(&path::below(&folder, &name.to_string()))?
            }
            None => target(&to, &name)?,
        };
        let answer = described(&path, bytes.len());
        Ok(Done::Write(vec![Unkept { path, bytes, room }], answer))
    }

    /// Fetches into the drive and answers the path. Without one each download has a folder of its own: what one person has
    /// fetched is not what another finds.
    pub(super) async fn download(
        &mut self,
        request: &Request,
        drive: &Drive,
        fetched: Option<&Fetched>,
    ) -> Handled<Done> {
        let Some(fetched) = fetched else {
            // `DOWNLOAD "tariff.pdf"` gives a file of the drive to the person.
            return self.send_file(request, drive).await;
        };
        let given = match request.clause("to") {
            Some(to) => to.to_string(),
            None => text(request, 1),
        };
        let path = match given.trim() {
            "" => {
                let folder = Uuid::new_v4().simple().to_string();
                drive_path(&format!("{DOWNLOADS}/{}/{}", &folder[..8], fetched.name))?
            }
            given => target(given, &fetched.name)?,
        };
        let (answer, bytes) = (Value::from(path.as_str()), fetched.bytes.clone());
        let file = Unkept {
            path,
            bytes,
            room: None,
        };
        Ok(Done::Write(vec![file], answer))
    }
}

/// A file as whoever wrote it is told of it.
pub(super) fn described(path: &str, size: usize) -> Value {
    let fields = [
        ("path", Value::from(path)),
        ("name", Value::from(path::name_of(path))),
        ("size", Value::Integer(i64::try_from(size).unwrap_or(i64::MAX))),
    ];
    Value::Object(
        fields
            .into_iter()
            .map(|(name, value)| (name.to_owned(), value))
            .collect(),
    )
}

/// What a file holds once a value is written to it.
fn said(mut before: Vec<u8>, data: &Value, shape: Shape) -> Vec<u8> {
    match (shape, data) {
        (Shape::Lines, Value::Array(lines)) => {
            for line in lines.iter() {
                before.extend_from_slice(as_text(line).as_bytes());
                before.push(b'\n');
            }
        }
        (Shape::Lines, line) => {
            before.extend_from_slice(as_text(line).as_bytes());
            before.push(b'\n');
        }
        (_, data) => before.extend_from_slice(as_text(data).as_bytes()),
    }
    before
}

/// Texts as they are, other values as JSON.
fn as_text(value: &Value) -> String {
    match value {
        Value::Null => String::new(),
        Value::Array(_) | Value::Object(_) => {
            serde_json::to_string_pretty(&value.to_json()).unwrap_or_default()
        }
        value => value.to_string(),
    }
}
