//! The chat pages: `/` for the default bot, `/{bot}` for every other; the script that puts them on others' pages;
//! and GraphiQL.
//!
//! The chat page alone may be framed by foreign pages, by those that the settings name.

use axum::extract::{Path, State};
use axum::response::Response;
use http::header::{ACCEPT, CONTENT_SECURITY_POLICY, HeaderName};
use http::{HeaderMap, HeaderValue, StatusCode};

use crate::assets::{chat_page, embed_script, graphiql_page};
use crate::layers::{GRAPHIQL_POLICY, policy_framed_by};
use crate::visit::find_bot;
use crate::{Edge, Problem};

const RESOURCE_POLICY: HeaderName = HeaderName::from_static("cross-origin-resource-policy");

/// The page of the default bot. Where there is none the page says so.
pub(crate) async fn home(State(edge): State<Edge>, headers: HeaderMap) -> Result<Response, Problem> {
    page(StatusCode::OK, &headers, &edge).await
}

/// `GET /embed.js`: the one script of this server that foreign pages load.
pub(crate) async fn embed(headers: HeaderMap) -> Result<Response, Problem> {
    let mut script = embed_script(&headers).await?;
    script
        .headers_mut()
        .insert(RESOURCE_POLICY, HeaderValue::from_static("cross-origin"));
    Ok(script)
}

/// `GET /graphiql`: a tool to try queries and subscriptions with. Nothing of it comes from other hosts.
pub(crate) async fn graphiql(headers: HeaderMap) -> Result<Response, Problem> {
    let mut page = graphiql_page(&headers).await?;
    page.headers_mut()
        .insert(CONTENT_SECURITY_POLICY, GRAPHIQL_POLICY);
    Ok(page)
}

/// The page of a bot. For an unknown one a browser gets the same page, which says so, and a program a problem.
pub(crate) async fn bot(
    State(edge): State<Edge>,
    Path(name): Path<String>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    match find_bot(&edge, Some(&name)).await {
        Ok(_) => page(StatusCode::OK, &headers, &edge).await,
        Err(problem) if problem.status() == StatusCode::NOT_FOUND && wants_page(&headers) => {
            page(StatusCode::NOT_FOUND, &headers, &edge).await
        }
        Err(problem) => Err(problem),
    }
}

async fn page(status: StatusCode, headers: &HeaderMap, edge: &Edge) -> Result<Response, Problem> {
    let mut page = chat_page(status, headers).await?;
    page.headers_mut().insert(
        CONTENT_SECURITY_POLICY,
        policy_framed_by(&edge.settings.embed_origins),
    );
    Ok(page)
}

fn wants_page(headers: &HeaderMap) -> bool {
    headers
        .get_all(ACCEPT)
        .iter()
        .any(|accept| accept.as_bytes().windows(9).any(|part| part == b"text/html"))
}
