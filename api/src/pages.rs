//! The chat pages: `/` for the default bot, `/{bot}` for every other.

use axum::extract::{Path, State};
use axum::response::Response;
use http::header::ACCEPT;
use http::{HeaderMap, StatusCode};

use crate::assets::chat_page;
use crate::visit::find_bot;
use crate::{Edge, Problem};

/// The page of the default bot. Where there is none the page says so.
pub(crate) async fn home(headers: HeaderMap) -> Result<Response, Problem> {
    chat_page(StatusCode::OK, &headers)
}

/// The page of a bot. For an unknown one a browser gets the same page, which says so, and a program a problem.
pub(crate) async fn bot(
    State(edge): State<Edge>,
    Path(name): Path<String>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    match find_bot(&edge, Some(&name)).await {
        Ok(_) => chat_page(StatusCode::OK, &headers),
        Err(problem) if problem.status() == StatusCode::NOT_FOUND && wants_page(&headers) => {
            chat_page(StatusCode::NOT_FOUND, &headers)
        }
        Err(problem) => Err(problem),
    }
}

fn wants_page(headers: &HeaderMap) -> bool {
    headers
        .get_all(ACCEPT)
        .iter()
        .any(|accept| accept.as_bytes().windows(9).any(|part| part == b"text/html"))
}
