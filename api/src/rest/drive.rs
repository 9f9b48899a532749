//! Files of a bot's drive: listed, taken in, given out and removed.
//!
//! Whatever wrote them, they are given out to be saved and never to be shown: nothing in them runs in this server's name.

use axum::Json;
use axum::body::Body;
use axum::extract::rejection::QueryRejection;
use axum::extract::{Extension, Query, Request, State};
use axum::response::{IntoResponse, Response};
use chrono::{DateTime, Utc};
use commands::{Context, DriveUpload, KnownDriveFile};
use domain::{BotId, FileId};
use futures::StreamExt;
use http::HeaderValue;
use http::header::{CONTENT_DISPOSITION, CONTENT_LENGTH, CONTENT_SECURITY_POLICY, CONTENT_TYPE};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::file::{announced, content_type, disposition};
use crate::answer::{changed, created, text};
use crate::asked::{Asked, Id, Ids, Nothing, numbered};
use crate::{Edge, Problem};

/// Files that are listed at once: where nothing is said, and at most.
const LISTED: u32 = 25;
pub(crate) const LISTED_MAX: u32 = 100;

/// The route of uploads, which may take longer than others.
pub(crate) const UPLOAD: &str = "/api/v1/bots/{bot_id}/files";

#[derive(Deserialize)]
pub(crate) struct Listing {
    folder: Option<String>,
    first: Option<u32>,
    after: Option<String>,
}

#[derive(Deserialize)]
pub(crate) struct Place {
    path: String,
}

/// A file of the drive.
#[derive(Debug, Serialize, JsonSchema)]
pub(crate) struct DriveFile {
    file_id: FileId,
    /// Relative, with `/` between folders.
    path: String,
    /// What the content shows it to be.
    media_type: String,
    bytes: u64,
    written_at: DateTime<Utc>,
    /// Whether it is as the package has it.
    of_package: bool,
}

/// Files by path.
#[derive(Debug, Serialize, JsonSchema)]
pub(crate) struct DriveFiles {
    files: Vec<DriveFile>,
    /// For `after`, to read on. Null where there are no more.
    next: Option<String>,
}

/// A file that was written to the drive.
#[derive(Debug, Serialize, JsonSchema)]
pub(crate) struct WrittenDriveFile {
    #[serde(flatten)]
    file: DriveFile,
    /// For `waitFor`: a reader that has passed it sees the file.
    token: Option<String>,
}

impl From<KnownDriveFile> for DriveFile {
    fn from(file: KnownDriveFile) -> Self {
        Self {
            file_id: file.id,
            path: file.path,
            media_type: file.media_type,
            bytes: file.bytes,
            written_at: file.written_at,
            of_package: file.of_package,
        }
    }
}

pub(crate) async fn list(
    State(edge): State<Edge>,
    Id(bot): Id<BotId>,
    Extension(context): Extension<Context>,
    query: Result<Query<Listing>, QueryRejection>,
) -> Result<Response, Problem> {
    let Query(Listing { folder, first, after }) = query.map_err(|_| Problem::new("query_invalid"))?;
    let first = first.unwrap_or(LISTED);
    if !(1..=LISTED_MAX).contains(&first) {
        let detail = format!("`first` is a number from 1 to {LISTED_MAX}");
        return Err(Problem::new("query_invalid").detail(detail));
    }
    let folder = folder.unwrap_or_default();
    let mut files = edge.commands.drive_files(&context, bot, &folder).await?;
    if let Some(after) = after {
        files.retain(|file| file.path > after);
    }
    let more = files.len() > first as usize;
    files.truncate(first as usize);
    Ok(Json(DriveFiles {
        next: files.last().filter(|_| more).map(|file| file.path.clone()),
        files: files.into_iter().map(DriveFile::from).collect(),
    })
    .into_response())
}

pub(crate) async fn upload(
    State(edge): State<Edge>,
    Id(bot): Id<BotId>,
    Extension(context): Extension<Context>,
    query: Result<Query<Place>, QueryRejection>,
    request: Request,
) -> Result<Response, Problem> {
    let Query(Place { path }) =
        query.map_err(|_| Problem::new("query_invalid").detail("`path` is wanted"))?;
    let context = numbered(context, request.headers())?;
    let announced = announced(request.headers())?;
    if announced.is_some_and(|bytes| bytes > commands::FILE_BYTES_MAX) {
        return Err(Problem::new("drive_file_too_large"));
    }
    let _room = edge.gates.uploads.enter(bot.0).await?;
    let mut uploading = edge.commands.upload_to_drive(&context, bot, &path).await?;
    receive(&edge, request.into_body(), &mut uploading).await?;
    let (file, done) = uploading.finish(Utc::now()).await?;
    let location = format!("/api/v1/bots/{bot}/files/{}", file.id);
    let body = WrittenDriveFile {
        file: file.into(),
        token: text(done.token),
    };
    Ok(created(&location, &body, &done))
}

/// Takes the body piece by piece, for as long as pieces come.
async fn receive(edge: &Edge, body: Body, uploading: &mut DriveUpload) -> Result<(), Problem> {
    let mut pieces = body.into_data_stream();
    loop {
        match tokio::time::timeout(edge.settings.limits.body_within, pieces.next()).await {
            Ok(Some(Ok(piece))) => uploading.write(piece).await?,
            Ok(Some(Err(_))) => return Err(Problem::new("request_malformed").detail("the body broke off")),
            Ok(None) => return Ok(()),
            Err(_) => return Err(Problem::new("request_timeout")),
        }
    }
}

pub(crate) async fn download(
    State(edge): State<Edge>,
    Ids(bot, file): Ids<BotId, FileId>,
    Extension(context): Extension<Context>,
) -> Result<Response, Problem> {
    let found = edge.commands.drive_file(&context, bot, file).await?;
    let headers = [
        (CONTENT_TYPE, content_type(&found.media_type)),
        (CONTENT_LENGTH, HeaderValue::from(found.bytes)),
        (CONTENT_DISPOSITION, disposition("attachment", &found.name)),
        (
            CONTENT_SECURITY_POLICY,
            HeaderValue::from_static("default-src 'none'; sandbox"),
        ),
    ];
    // A change of the content cuts the answer off before its announced length.
    Ok((headers, Body::from_stream(found.content)).into_response())
}

pub(crate) async fn remove(
    State(edge): State<Edge>,
    Ids(bot, file): Ids<BotId, FileId>,
    Asked { context, .. }: Asked<Nothing>,
) -> Result<Response, Problem> {
    Ok(changed(
        &edge.commands.remove_drive_file(&context, bot, file).await?,
    ))
}
