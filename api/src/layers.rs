//! What happens around every request: address, correlation, deadline, one form of errors, headers, measures.
//!
//! Neither the log nor the measures hold a path, a query, a token or a text: only the route's template.

use std::any::Any;
use std::sync::Arc;
use std::time::Instant;

use axum::Router;
use axum::extract::{DefaultBodyLimit, MatchedPath, Request, State};
use axum::middleware::{Next, from_fn_with_state};
use axum::response::{IntoResponse, Response};
use http::header::{CONTENT_ENCODING, CONTENT_LENGTH, CONTENT_TYPE, HeaderName};
use http::{HeaderMap, HeaderValue, Method};
use tower_http::catch_panic::CatchPanicLayer;
use tracing::Instrument;
use uuid::Uuid;

use crate::address::ClientAddress;
use crate::rest::{drive, file};
use crate::{Problem, Settings};

pub(crate) const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// The id under which everything that a request causes is recorded and logged.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Correlation(pub Uuid);

/// Marks an answer that a bot's author wrote: it is sent as it is, whatever its status.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Authored;

const POLICY: &str = "default-src 'self'; script-src 'self'; style-src 'self'; img-src 'self' data: blob:; \
     connect-src 'self' ws: wss:; object-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'self'";

/// The policy of the page of GraphiQL. The one style that it writes into itself, which keeps the page still under its
/// menus, is named by its digest.
pub(crate) const GRAPHIQL_POLICY: HeaderValue = HeaderValue::from_static(
    "default-src 'self'; script-src 'self'; \
     style-src 'self' 'sha256-Y/huXlwoYkVyQlxwSVcCi1RCDGDCSVBzDt0hYP9qlTc='; img-src 'self' data:; \
     connect-src 'self' ws: wss:; object-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
);

/// Headers that every answer carries unless its handler said otherwise.
const HEADERS: &[(&str, &str)] = &[
    ("content-security-policy", POLICY),
    ("x-content-type-options", "nosniff"),
    ("referrer-policy", "no-referrer"),
    ("cross-origin-opener-policy", "same-origin"),
    ("cross-origin-resource-policy", "same-origin"),
    ("permissions-policy", "camera=(), geolocation=(), microphone=()"),
    ("cache-control", "no-store"),
];

/// The policy of a page that others than this server may frame. Origins that no header can hold let nobody in.
pub(crate) fn policy_framed_by(origins: &[String]) -> HeaderValue {
    let policy = origins
        .iter()
        .fold(POLICY.to_owned(), |policy, origin| policy + " " + origin);
    HeaderValue::try_from(policy).unwrap_or(HeaderValue::from_static(POLICY))
}

/// Puts the layers around a router's routes and its fallback.
pub(crate) fn dress(router: Router, settings: &Arc<Settings>) -> Router {
    router
        .layer(CatchPanicLayer::custom(panicked))
        .layer(DefaultBodyLimit::max(settings.limits.body_bytes_max))
        .layer(from_fn_with_state(settings.clone(), frame))
}

async fn frame(State(settings): State<Arc<Settings>>, mut request: Request, next: Next) -> Response {
    let started = Instant::now();
    let address = ClientAddress::of(request.extensions(), request.headers(), &settings.trusted_proxies);
    let correlation_id = correlation_of(request.headers());
    let method = method_label(request.method());
    let route = request.extensions().get::<MatchedPath>().cloned();
    let route = route.as_ref().map_or("unmatched", MatchedPath::as_str).to_owned();
    request.extensions_mut().insert(address);
    request.extensions_mut().insert(Correlation(correlation_id));

    let span = tracing::info_span!("request", http.method = method, http.route = route, correlation.id = %correlation_id);
    let within = if [file::UPLOAD, drive::UPLOAD].contains(&route.as_str()) {
        settings.limits.upload_within
    } else {
        settings.limits.answer_within
    };
    let answer = tokio::time::timeout(within, next.run(request))
        .instrument(span)
        .await;
    let response = answer.unwrap_or_else(|_| Problem::new("answer_timeout").retry_after(1).into_response());
    let mut response = uniform(response, correlation_id);
    add_headers(response.headers_mut(), &settings, correlation_id);

    let elapsed = started.elapsed();
    let status = response.status().as_str().to_owned();
    tracing::debug!(http.method = method, http.route = route, http.status = status,
        duration_ms = elapsed.as_millis(), correlation.id = %correlation_id, "request answered");
    metrics::histogram!("http_server_request_duration_seconds",
        "method" => method, "route" => route, "status" => status)
    .record(elapsed.as_secs_f64());
    response
}

/// Gives every error the one form: a problem learns which request it belongs to; what a library refused with plain
/// text, or with nothing, becomes a problem. Errors that are JSON or a page already have a form of their own.
fn uniform(response: Response, correlation_id: Uuid) -> Response {
    let problem = match response.extensions().get::<Problem>() {
        Some(problem) => problem.clone(),
        None if response.extensions().get::<Authored>().is_some() => return response,
        None if !foreign_error(&response) => return response,
        None => Problem::of_status(response.status()),
    };
    problem.log(correlation_id);
    let mut uniform = problem.into_response_for(Some(correlation_id));
    for (name, value) in response.headers() {
        // What described the body that is replaced does not describe the problem: neither its kind nor its coding.
        let of_body = [CONTENT_TYPE, CONTENT_LENGTH, CONTENT_ENCODING].contains(name);
        if !of_body && !uniform.headers().contains_key(name) {
            uniform.headers_mut().append(name, value.clone());
        }
    }
    uniform
}

fn foreign_error(response: &Response) -> bool {
    let status = response.status();
    let kind = response
        .headers()
        .get(CONTENT_TYPE)
        .map_or(&b""[..], HeaderValue::as_bytes);
    (status.is_client_error() || status.is_server_error())
        && (kind.is_empty() || kind.starts_with(b"text/plain"))
}

fn add_headers(headers: &mut HeaderMap, settings: &Settings, correlation_id: Uuid) {
    for (name, value) in HEADERS {
        headers.entry(*name).or_insert(HeaderValue::from_static(value));
    }
    if settings
        .public_url
        .as_deref()
        .is_some_and(|url| url.starts_with("https://"))
    {
        headers.insert(
            "strict-transport-security",
            HeaderValue::from_static("max-age=31536000"),
        );
    }
    let id = HeaderValue::try_from(correlation_id.to_string()).expect("a uuid is a header's value");
    headers.insert(REQUEST_ID, id);
}

fn panicked(cause: Box<dyn Any + Send + 'static>) -> Response {
    let text = match cause.downcast::<String>() {
        Ok(text) => *text,
        Err(cause) => cause
            .downcast::<&str>()
            .map_or_else(|_| "of no text".to_owned(), |text| text.to_string()),
    };
    Problem::unexpected(format!("panic: {text}")).into_response()
}

/// The trace that the caller belongs to, else the caller's own id of the request, else a new one.
fn correlation_of(headers: &HeaderMap) -> Uuid {
    let text = |name| {
        headers
            .get(name)
            .and_then(|value: &HeaderValue| value.to_str().ok())
    };
    let trace = text("traceparent").and_then(trace_id);
    let request = || {
        text("x-request-id")
            .and_then(|id| Uuid::try_parse(id).ok())
            .filter(|id| !id.is_nil())
    };
    trace.or_else(request).unwrap_or_else(Uuid::now_v7)
}

/// `00-<trace>-<parent>-<flags>` of W3C Trace Context; a later version may have more parts.
fn trace_id(text: &str) -> Option<Uuid> {
    let mut parts = text.split('-');
    let (version, trace, parent, flags) = (parts.next()?, parts.next()?, parts.next()?, parts.next()?);
    let hexadecimal = |text: &str| {
        text.bytes()
            .all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(&b))
    };
    let fits = [(version, 2), (trace, 32), (parent, 16), (flags, 2)]
        .iter()
        .all(|(part, length)| part.len() == *length && hexadecimal(part));
    let known = version != "ff" && (version != "00" || parts.next().is_none());
    let id = Uuid::try_parse(trace).ok()?;
    (fits && known && !id.is_nil() && parent != "0000000000000000").then_some(id)
}

/// The method, from a closed set: whoever invents methods must not invent series.
fn method_label(method: &Method) -> &'static str {
    const KNOWN: &[&str] = &[
        "GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "CONNECT",
    ];
    KNOWN
        .iter()
        .find(|known| **known == method.as_str())
        .copied()
        .unwrap_or("OTHER")
}

#[cfg(test)]
mod tests;
