//! The browser side, inside the program.

mod packed;

use axum::extract::Path;
use axum::response::{IntoResponse, Response};
use http::header::{CACHE_CONTROL, CONTENT_ENCODING, CONTENT_TYPE, ETAG, IF_NONE_MATCH, VARY};
use http::{HeaderMap, HeaderValue, StatusCode};
use rust_embed::{Embed, EmbeddedFile};
use std::fmt::Write;

use self::packed::{packed, reads_brotli};
use crate::Problem;

/// Files of `api/ui`; a debug build reads them from there when they are asked for.
#[derive(Embed)]
#[folder = "$CARGO_MANIFEST_DIR/ui/"]
#[include = "chat.html"]
#[include = "embed.js"]
#[include = "graphiql.html"]
#[include = "assets/*"]
#[exclude = "test/*"]
struct Files;

/// The names do not change with their contents, so a browser asks each time, and mostly hears 304.
const REVALIDATED: HeaderValue = HeaderValue::from_static("public, no-cache");

/// `GET /assets/{path}`.
pub(crate) async fn asset(Path(path): Path<String>, headers: HeaderMap) -> Result<Response, Problem> {
    let inside = path.split('/').all(|part| !matches!(part, "" | "." | "..")) && !path.contains(['\\', '\0']);
    let file = inside.then(|| Files::get(&format!("assets/{path}"))).flatten();
    let file = file.ok_or_else(|| Problem::new("not_found"))?;
    Ok(served(StatusCode::OK, file, media_type(&path), &headers).await)
}

/// The chat page, with a status that says whether there is a bot to chat with.
pub(crate) async fn chat_page(status: StatusCode, headers: &HeaderMap) -> Result<Response, Problem> {
    let page =
        Files::get("chat.html").ok_or_else(|| Problem::unexpected("the chat page is not in this program"))?;
    Ok(served(status, page, "text/html; charset=utf-8", headers).await)
}

/// The script that puts the chat on a page elsewhere.
pub(crate) async fn embed_script(headers: &HeaderMap) -> Result<Response, Problem> {
    let script = Files::get("embed.js")
        .ok_or_else(|| Problem::unexpected("the script for other pages is not in this program"))?;
    Ok(served(StatusCode::OK, script, media_type("embed.js"), headers).await)
}

/// The page of GraphiQL.
pub(crate) async fn graphiql_page(headers: &HeaderMap) -> Result<Response, Problem> {
    let page = Files::get("graphiql.html")
        .ok_or_else(|| Problem::unexpected("the page of GraphiQL is not in this program"))?;
    Ok(served(StatusCode::OK, page, media_type("graphiql.html"), headers).await)
}

async fn served(status: StatusCode, file: EmbeddedFile, kind: &'static str, headers: &HeaderMap) -> Response {
    // Weak: compression may change the bytes on the way.
    let mut tag = String::from("W/\"");
    for byte in &file.metadata.sha256_hash()[..16] {
        write!(tag, "{byte:02x}").expect("writing to a string succeeds");
    }
    tag.push('"');
    let known = status == StatusCode::OK && is_known(headers, &tag);
    let tag = HeaderValue::try_from(tag).expect("hexadecimal digits are a header's value");
    let cached = [(ETAG, tag), (CACHE_CONTROL, REVALIDATED)];
    if known {
        return (StatusCode::NOT_MODIFIED, cached).into_response();
    }
    let kind = [(CONTENT_TYPE, HeaderValue::from_static(kind))];
    if reads_brotli(headers)
        && let Some(packed) = packed(file.clone()).await
    {
        let coded = [
            (CONTENT_ENCODING, HeaderValue::from_static("br")),
            (VARY, HeaderValue::from_static("accept-encoding")),
        ];
        return (status, cached, kind, coded, packed).into_response();
    }
    (status, cached, kind, file.data.into_owned()).into_response()
}

fn is_known(headers: &HeaderMap, tag: &str) -> bool {
    let lines = headers
        .get_all(IF_NONE_MATCH)
        .iter()
        .filter_map(|line| line.to_str().ok());
    let opaque = |tag: &str| tag.trim().trim_start_matches("W/").to_owned();
    lines
        .flat_map(|line| line.split(','))
        .any(|known| known.trim() == "*" || opaque(known) == opaque(tag))
}

fn media_type(path: &str) -> &'static str {
    match path.rsplit('.').next().unwrap_or_default() {
        "css" => "text/css; charset=utf-8",
        "html" => "text/html; charset=utf-8",
        "ico" => "image/x-icon",
        "js" | "mjs" => "text/javascript; charset=utf-8",
        "json" | "map" => "application/json",
        "md" | "txt" => "text/plain; charset=utf-8",
        "png" => "image/png",
        "svg" => "image/svg+xml",
        "webmanifest" => "application/manifest+json",
        "webp" => "image/webp",
        "woff2" => "font/woff2",
        _ => "application/octet-stream",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tests_and_their_modules_stay_out() {
        let outside: Vec<_> = Files::iter()
            .filter(|name| !["chat.html", "embed.js", "graphiql.html"].contains(&name.as_ref()))
            .filter(|name| !name.starts_with("assets/"))
            .collect();
        assert!(outside.is_empty(), "{outside:?}");
        assert!(Files::get("test/package.json").is_none());
        assert!(
            Files::get("assets/js/texts/en.js").is_some(),
            "folders within folders are included"
        );
    }

    #[test]
    fn every_file_has_a_media_type() {
        for name in Files::iter() {
            assert_ne!(media_type(&name), "application/octet-stream", "{name}");
        }
    }

    #[test]
    fn a_known_tag_is_found_among_others() {
        let known = |line: &'static str| {
            is_known(
                &HeaderMap::from_iter([(IF_NONE_MATCH, HeaderValue::from_static(line))]),
                "W/\"ab\"",
            )
        };
        assert!(known("W/\"ab\"") && known("\"x\", \"ab\"") && known("*"));
        assert!(!known("\"abc\"") && !known(""));
    }
}
