//! Files of a session: taken in as they arrive, and given out as they are.
//!
//! What people upload is hostile until somebody has looked at it. So its type is what its content shows, it never runs
//! anything in this server's name (`sandbox`, `nosniff`), and what a browser would not merely show is saved instead.

use std::fmt::Write;

use axum::body::Body;
use axum::extract::rejection::QueryRejection;
use axum::extract::{Extension, Query, Request, State};
use axum::response::{IntoResponse, Response};
use chrono::Utc;
use commands::{Context, Uploading, file_address};
use domain::{FileId, SessionId};
use futures::StreamExt;
use http::header::{
    CONTENT_DISPOSITION, CONTENT_ENCODING, CONTENT_LENGTH, CONTENT_SECURITY_POLICY, CONTENT_TYPE,
};
use http::{HeaderMap, HeaderValue};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::answer::{created, text};
use crate::asked::{Id, Ids, numbered};
use crate::{Edge, Problem};

/// The route of uploads, which may take longer than others.
pub(crate) const UPLOAD: &str = "/api/v1/sessions/{session_id}/files";

#[derive(Deserialize)]
pub(crate) struct Name {
    name: Option<String>,
}

/// A file that is kept, and can be sent with a message.
#[derive(Debug, Serialize, JsonSchema)]
pub(crate) struct UploadedFile {
    file_id: FileId,
    /// As it was given, without folders and without characters that deceive.
    name: String,
    /// What the content shows it to be.
    media_type: String,
    bytes: u64,
    /// For `waitFor`: a reader that has passed it sees the file.
    token: Option<String>,
}

pub(crate) async fn upload(
    State(edge): State<Edge>,
    Id(session): Id<SessionId>,
    Extension(context): Extension<Context>,
    query: Result<Query<Name>, QueryRejection>,
    request: Request,
) -> Result<Response, Problem> {
    let Query(Name { name }) = query.map_err(|_| Problem::new("query_invalid"))?;
    let context = numbered(context, request.headers())?;
    let announced = announced(request.headers())?;
    let limits = &edge.settings.limits;
    if announced.is_some_and(|bytes| bytes > limits.file_bytes_max) {
        return Err(too_large(limits.file_bytes_max));
    }
    let _room = edge.gates.uploads.enter(session.0).await?;
    let name = name.unwrap_or_default();
    let mut uploading = edge.commands.upload(&context, session, &name).await?;
    let reads = edge.reader.tenant(context.tenant).await?;
    let held = reads.session_file_bytes(session).await?;
    // Lets go of the connection, which an upload must not hold.
    drop(reads);
    let left = limits.session_file_bytes_max.saturating_sub(held);
    if announced.unwrap_or(1) > left {
        return Err(no_room(left));
    }
    receive(&edge, request.into_body(), &mut uploading, left).await?;
    let file = uploading.finish(Utc::now()).await?;
    let location = file_address(session, file.file_id);
    let body = UploadedFile {
        file_id: file.file_id,
        name: file.name,
        media_type: file.media_type,
        bytes: file.bytes,
        token: text(file.done.token),
    };
    Ok(created(&location, &body, &file.done))
}

/// Takes the body piece by piece, for as long as pieces come and there is room for them.
async fn receive(edge: &Edge, body: Body, uploading: &mut Uploading, left: u64) -> Result<(), Problem> {
    let limits = &edge.settings.limits;
    let mut pieces = body.into_data_stream();
    loop {
        let piece = match tokio::time::timeout(limits.body_within, pieces.next()).await {
            Ok(Some(Ok(piece))) => piece,
            Ok(Some(Err(_))) => return Err(Problem::new("request_malformed").detail("the body broke off")),
            Ok(None) => return Ok(()),
            Err(_) => return Err(Problem::new("request_timeout")),
        };
        let bytes = uploading.bytes() + piece.len() as u64;
        if bytes > limits.file_bytes_max {
            return Err(too_large(limits.file_bytes_max));
        }
        if bytes > left {
            return Err(no_room(left));
        }
        uploading.write(piece).await?;
    }
}

pub(crate) async fn download(
    State(edge): State<Edge>,
    Ids(session, file): Ids<SessionId, FileId>,
    Extension(context): Extension<Context>,
) -> Result<Response, Problem> {
    let found = edge.commands.file(&context, session, file).await?;
    let headers = [
        (CONTENT_TYPE, content_type(&found.media_type)),
        (CONTENT_LENGTH, HeaderValue::from(found.bytes)),
        (
            CONTENT_DISPOSITION,
            disposition(shown_how(&found.media_type), &found.name),
        ),
        (
            CONTENT_SECURITY_POLICY,
            HeaderValue::from_static("default-src 'none'; sandbox"),
        ),
    ];
    // A change of the content cuts the answer off before its announced length.
    Ok((headers, Body::from_stream(found.content)).into_response())
}

/// How long the body says it is. A form is not a file, and a compressed file is not what it will be.
pub(super) fn announced(headers: &HeaderMap) -> Result<Option<u64>, Problem> {
    let form = headers
        .get(CONTENT_TYPE)
        .is_some_and(|kind| kind.as_bytes().to_ascii_lowercase().starts_with(b"multipart/"));
    let coded = headers
        .get(CONTENT_ENCODING)
        .is_some_and(|coding| !coding.as_bytes().eq_ignore_ascii_case(b"identity"));
    if form || coded {
        return Err(Problem::new("media_type_unsupported").detail("send the file itself as the body"));
    }
    let length = headers.get(CONTENT_LENGTH).map(HeaderValue::to_str);
    Ok(length.and_then(Result::ok).and_then(|text| text.parse().ok()))
}

fn too_large(bytes_max: u64) -> Problem {
    Problem::new("file_too_large").detail(format!("a file has at most {bytes_max} bytes"))
}

fn no_room(left: u64) -> Problem {
    Problem::new("session_files_too_large").detail(format!("there is room for {left} bytes"))
}

pub(super) fn content_type(media_type: &str) -> HeaderValue {
    let charset = if media_type.starts_with("text/") {
        "; charset=utf-8"
    } else {
        ""
    };
    HeaderValue::try_from(format!("{media_type}{charset}"))
        .unwrap_or(HeaderValue::from_static("application/octet-stream"))
}

/// RFC 6266: a name of ASCII for whoever knows no other, and the name itself.
pub(super) fn disposition(how: &str, name: &str) -> HeaderValue {
    let plain = |c: char| {
        if c.is_ascii_graphic() && !matches!(c, '"' | '\\' | '%') || c == ' ' {
            c
        } else {
            '_'
        }
    };
    let plain: String = name.chars().map(plain).collect();
    let mut encoded = String::new();
    for byte in name.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            encoded.push(char::from(byte));
        } else {
            let _ = write!(encoded, "%{byte:02X}");
        }
    }
    HeaderValue::try_from(format!("{how}; filename=\"{plain}\"; filename*=UTF-8''{encoded}"))
        .unwrap_or(HeaderValue::from_static("attachment"))
}

fn shown_how(media_type: &str) -> &'static str {
    if shown(media_type) { "inline" } else { "attachment" }
}

/// What a browser shows and does not execute. SVG is a document with scripts.
fn shown(media_type: &str) -> bool {
    let (kind, subtype) = media_type.split_once('/').unwrap_or_default();
    match kind {
        "image" => subtype != "svg+xml",
        "audio" | "video" => true,
        _ => matches!(media_type, "application/pdf" | "text/plain"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_goes_into_the_header_and_not_beyond() {
        for (name, media_type, expected) in [
            (
                "cat.png",
                "image/png",
                "inline; filename=\"cat.png\"; filename*=UTF-8''cat.png",
            ),
            (
                "é \"x\".svg",
                "image/svg+xml",
                "attachment; filename=\"_ _x_.svg\"; filename*=UTF-8''%C3%A9%20%22x%22.svg",
            ),
            (
                "a;b%41\\.html",
                "text/html",
                "attachment; filename=\"a;b_41_.html\"; filename*=UTF-8''a%3Bb%2541%5C.html",
            ),
        ] {
            assert_eq!(disposition(shown_how(media_type), name), expected, "{name}");
        }
    }
}
