//! GENERATE PDF, MERGE PDF, FILL … TO.

use basic::{Refusal, Request, Value};
use documents::{docx, pdf, template};
use domain::drive::Drive;

use super::content::{Unkept, found_at};
use super::path;
use super::read::{DOCUMENT_BYTES_MAX, TEXT_BYTES_MAX};
use super::{Done, Handled, Host, Room};

/// Files that are put together.
const PARTS_MAX: usize = 100;

impl Host<'_> {
    /// `GENERATE PDF "invoice.html", data, "invoices/7.pdf"`, `GENERATE PDF "7.pdf" WITH TEMPLATE "invoice.html" DATA data`
    pub(super) async fn generate(&self, request: &Request, drive: &Drive) -> Handled<Done> {
        let data = request.clause("data").or(request.clause("with data"));
        let (form, data, target) = match request.clause("with template") {
            Some(form) => (form, data.unwrap_or(&Value::Null), request.argument(0)),
            None => (
                request.argument(0),
                data.unwrap_or(request.argument(1)),
                request.argument(2),
            ),
        };
        let found = self.found(drive, form).await?;
        let target = match target {
            // Beside the template, under its name.
            Value::Null => format!(
                "{}.pdf",
                path::file(form)?
                    .trim_end_matches(".html")
                    .trim_end_matches(".md")
            ),
            given => path::file(given)?,
        };
        let target = match target.to_lowercase().ends_with(".pdf") {
            true => target,
            false => format!("{target}.pdf"),
        };
        let room = Room::wait().await?;
        let bytes = self.bytes(&found.content, TEXT_BYTES_MAX).await?;
        let data = data.clone();
        let made = self
            .worked_on(&room, move || {
                let text = documents::text(&bytes);
                let escape = if pdf::is_html(&text) {
                    template::markup
                } else {
                    template::plain
                };
                pdf::made(&template::filled(&text, &data, escape)?)
            })
            .await?;
        Ok(answered_as_file(target, made, room))
    }

    /// `MERGE PDF files, "all.pdf"`
    pub(super) async fn merge_pdf(&self, request: &Request, drive: &Drive) -> Handled<Done> {
        let parts: Vec<&Value> = match request.argument(0) {
            Value::Array(parts) => parts.iter().collect(),
            one => vec![one],
        };
        if parts.is_empty() || parts.len() > PARTS_MAX {
            let message = format!("1 to {PARTS_MAX} files are put together at a time");
            return Err(Refusal::mistake("parts_refused", message).into());
        }
        let target = path::file(request.argument(1))?;
        let Some(isolated) = self.shared.options.drive.pdf.clone() else {
            return Err(Refusal::new("not_configured", "putting PDF together is not configured here").into());
        };
        let room = Room::wait().await?;
        let (mut files, mut left) = (Vec::new(), DOCUMENT_BYTES_MAX);
        for part in parts {
            let found = self.found(drive, part).await?;
            let bytes = self.bytes(&found.content, left).await?;
            left -= bytes.len() as u64;
            files.push(bytes);
        }
        let made = isolated.merged(files).await?;
        Ok(answered_as_file(target, made, room))
    }

    /// `FILL "offer.docx", data TO "offers/7.docx"`, or the data first.
    pub(super) async fn fill(&self, request: &Request, drive: &Drive) -> Handled<Done> {
        let (form, data) = match (request.argument(0), request.argument(1)) {
            (form @ Value::Text(_), data) => (form, data),
            (data, form) => (form, data),
        };
        let target = path::file(request.argument(2))?;
        let found = found_at(drive, &path::file(form)?)?;
        let room = Room::wait().await?;
        let bytes = self.bytes(&found.content, DOCUMENT_BYTES_MAX).await?;
        let data = data.clone();
        let made = self
            .worked_on(&room, move || {
                if docx::is_docx(&bytes) {
                    return docx::fill(&bytes, &data);
                }
                let is_markup = found.media_type == "text/html" || found.media_type.ends_with("xml");
                let escape = if is_markup {
                    template::markup
                } else {
                    template::plain
                };
                template::filled(&documents::text(&bytes), &data, escape).map(String::into_bytes)
            })
            .await?;
        Ok(answered_as_file(target, made, room))
    }
}

/// A file that was made, as its maker is told of it: `url` and `localName` are its path.
fn answered_as_file(path: String, bytes: Vec<u8>, room: Room) -> Done {
    let fields = [
        ("url", Value::from(path.as_str())),
        ("localName", Value::from(path.as_str())),
        ("path", Value::from(path.as_str())),
        (
            "size",
            Value::Integer(i64::try_from(bytes.len()).unwrap_or(i64::MAX)),
        ),
    ];
    let answer = fields
        .into_iter()
        .map(|(name, value)| (name.to_owned(), value))
        .collect();
    Done::Write(vec![Unkept::of(path, bytes, room)], Value::Object(answer))
}
