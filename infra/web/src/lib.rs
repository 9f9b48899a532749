//! The web, as scripts ask it: GET, POST and their like, GraphQL, pages, feeds, SOAP, downloads.
//!
//! Scripts reach the public network and what an operator allows, nothing else: each address that a name leads to is checked
//! before it is connected to, after redirects too. Answers are cut off at a size and a time.

mod address;
mod pages;
mod reach;

use std::fmt;
use std::sync::Arc;
use std::time::{Duration, Instant};

use async_trait::async_trait;
use basic::{Object, Refusal, Request, Value};
use bytes::Bytes;
use commands::{Asking, Fetched, Plan, Services};
use documents::VALUES_MAX;
use futures::StreamExt as _;
use ipnet::IpNet;
use reqwest::header::{CONTENT_DISPOSITION, CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue, LOCATION};
use reqwest::{Method, Response, StatusCode};
use tokio::sync::Semaphore;
use url::Url;

pub use address::{Own, may_reach};
use address::{Refused, parsed};
use pages::well;
use reach::Reach;

/// The body of an answer.
const ANSWER_BYTES_MAX: usize = 10 << 20;
const ANSWER_WITHIN: Duration = Duration::from_secs(30);
const CONNECT_WITHIN: Duration = Duration::from_secs(10);
const REDIRECTS_MAX: usize = 5;
/// Larger answers are read where nobody waits for it.
const READ_AT_ONCE: usize = 64 << 10;
/// Addresses that are asked at the same time; further ones wait.
const AT_ONCE_MAX: usize = 64;

/// Asks the web for scripts.
pub struct Web {
    /// For addresses that scripts name.
    named: Reach,
    /// For addresses that somebody else names.
    public: Reach,
    at_once: Semaphore,
}

impl fmt::Debug for Web {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Web")
            .field("allowed", &self.named.allowed)
            .finish_non_exhaustive()
    }
}

impl Web {
    /// `allowed` are networks that are reached although they are not public; `own` is where this server answers, which
    /// scripts do not reach from behind.
    pub fn new(allowed: Vec<IpNet>, own: Own) -> Result<Web, reqwest::Error> {
        let own = Arc::new(own);
        Ok(Web {
            named: Reach::new(allowed, own.clone())?,
            public: Reach::new(Vec::new(), own)?,
            at_once: Semaphore::new(AT_ONCE_MAX),
        })
    }

    async fn asked(&self, asking: &Asking, request: &Request) -> Result<Value, Refusal> {
        let _turn = self.at_once.acquire().await.expect("is never closed");
        let refused =
            |refused: Refused| Refusal::mistake("address_refused", format!("the address {refused}"));
        let url = parsed(&text(request.argument(0))).map_err(refused)?;
        self.named.check(&url).await.map_err(refused)?;
        match request.word {
            "GET" => {
                let response = self.send(&self.named, Method::GET, url, asking, None).await?;
                body(well(response)?).await
            }
            "GRAPHQL" => {
                let variables = match request.argument(2) {
                    Value::Object(object) => Value::Object(object.clone()),
                    _ => Value::Object(Object::default()),
                };
                let query = [("query", request.argument(1).clone()), ("variables", variables)];
                let data = Value::Object(query.into_iter().collect());
                self.exchange(Method::POST, url, asking, Some(&data)).await
            }
            word if is_of_pages(word) => self.page(asking, request, url).await,
            word => {
                let method = match word {
                    "PUT" => Method::PUT,
                    "PATCH" => Method::PATCH,
                    "DELETE" | "DELETE HTTP" => Method::DELETE,
                    _ => Method::POST,
                };
                let data = request.clause("with").or(request.arguments.get(1));
                self.exchange(method, url, asking, data).await
            }
        }
    }

    /// Sends data and answers with status, headers and body; fields of the body are fields of the answer too.
    async fn exchange(
        &self,
        method: Method,
        url: Url,
        asking: &Asking,
        data: Option<&Value>,
    ) -> Result<Value, Refusal> {
        let response = self.send(&self.named, method, url, asking, data).await?;
        let status = response.status();
        let headers: Object = response
            .headers()
            .iter()
            .map(|(name, value)| {
                (
                    name.as_str().to_owned(),
                    Value::from(String::from_utf8_lossy(value.as_bytes()).as_ref()),
                )
            })
            .collect();
        let body = body(response).await?;
        let mut fields = vec![
            ("status".to_owned(), Value::from(i64::from(status.as_u16()))),
            (
                "statusText".to_owned(),
                Value::from(status.canonical_reason().unwrap_or_default()),
            ),
            ("headers".to_owned(), Value::Object(headers)),
        ];
        if let Value::Object(object) = &body {
            let own = ["status", "statusText", "headers", "data"];
            let further = object.iter().filter(|(name, _)| !own.contains(name));
            fields.extend(further.map(|(name, value)| (name.to_owned(), value.clone())));
        }
        fields.push(("data".to_owned(), body));
        Ok(Value::Object(fields.into_iter().collect()))
    }

    /// Asks, and goes where the answer leads. What a script sends along (headers, data) goes to no other site than the one
    /// that it named.
    async fn send(
        &self,
        reach: &Reach,
        mut method: Method,
        mut url: Url,
        asking: &Asking,
        data: Option<&Value>,
    ) -> Result<Response, Refusal> {
        let until = Instant::now() + ANSWER_WITHIN;
        let mut headers = headers(asking);
        let mut body = match data {
            None | Some(Value::Null) => None,
            Some(Value::Text(text)) => Some(text.to_string().into_bytes()),
            Some(data) => {
                let json = HeaderValue::from_static("application/json");
                headers.entry(CONTENT_TYPE).or_insert(json);
                Some(data.to_json().to_string().into_bytes())
            }
        };
        for _ in 0..=REDIRECTS_MAX {
            let mut request = reach
                .client
                .request(method.clone(), url.clone())
                .headers(headers.clone())
                .timeout(until.saturating_duration_since(Instant::now()));
            if let Some(body) = &body {
                request = request.body(body.clone());
            }
            let response = request.send().await.map_err(|error| failed(&error))?;
            let Some(next) = leads_to(&response, &url) else {
                return Ok(response);
            };
            let elsewhere = next.origin() != url.origin();
            let again = matches!(
                response.status(),
                StatusCode::TEMPORARY_REDIRECT | StatusCode::PERMANENT_REDIRECT
            );
            if again && elsewhere && method != Method::GET {
                return Ok(response);
            }
            if url.scheme() == "https" && next.scheme() != "https" || reach.check(&next).await.is_err() {
                return Err(Refusal::new(
                    "http_redirect",
                    "it leads to where scripts may not go",
                ));
            }
            if !again {
                method = Method::GET;
                body = None;
                headers.remove(CONTENT_TYPE);
            }
            if elsewhere {
                headers.clear();
            }
            url = next;
        }
        Err(Refusal::new("http_redirect", "it leads on and on"))
    }
}

/// Where an answer sends whoever asked.
fn leads_to(response: &Response, from: &Url) -> Option<Url> {
    let leads = matches!(response.status().as_u16(), 301 | 302 | 303 | 307 | 308);
    let location = response.headers().get(LOCATION)?.to_str().ok()?;
    leads.then(|| from.join(location).ok())?
}

/// What is not reached is told without what lies there.
fn failed(error: &reqwest::Error) -> Refusal {
    if error.is_timeout() {
        Refusal::new("http_timeout", "it did not answer in time")
    } else {
        Refusal::new("http_unreachable", "it cannot be reached")
    }
}

fn headers(asking: &Asking) -> HeaderMap {
    let mut headers = HeaderMap::new();
    for (name, value) in &asking.headers {
        // What is no header is left out: the script was told when it set it.
        if let (Ok(name), Ok(value)) = (HeaderName::try_from(name), HeaderValue::from_str(value)) {
            headers.insert(name, value);
        }
    }
    headers
}

/// The body as a value: JSON read, texts as they are.
async fn body(response: Response) -> Result<Value, Refusal> {
    let is_json = response
        .headers()
        .get(CONTENT_TYPE)
        .and_then(|kind| kind.to_str().ok())
        .is_some_and(|kind| kind.contains("json"));
    let bytes = gathered(response, ANSWER_BYTES_MAX).await?;
    if bytes.len() <= READ_AT_ONCE {
        return read(&bytes, is_json);
    }
    read_apart(move || read(&bytes, is_json)).await
}

/// The body of an answer, of at most so many bytes.
async fn gathered(response: Response, bytes_max: usize) -> Result<Vec<u8>, Refusal> {
    let mut bytes = Vec::new();
    let mut parts = response.bytes_stream();
    while let Some(part) = parts.next().await {
        let part = part.map_err(|error| failed(&error))?;
        if bytes.len() + part.len() > bytes_max {
            let message = format!("it answered more than {} MiB", bytes_max >> 20);
            return Err(Refusal::new("http_too_large", message));
        }
        bytes.extend_from_slice(&part);
    }
    Ok(bytes)
}

/// Answers that are read at the same time: how long one takes is up to whoever wrote it.
static READ_TOGETHER: Semaphore = Semaphore::const_new(4);

/// Reads where nobody waits for it.
async fn read_apart<T: Send + 'static>(
    read: impl FnOnce() -> Result<T, Refusal> + Send + 'static,
) -> Result<T, Refusal> {
    let permit = READ_TOGETHER.acquire().await.expect("is never closed");
    let read = move || {
        // Whoever waits may go away; what was begun goes on.
        let _permit = permit;
        read()
    };
    tokio::task::spawn_blocking(read)
        .await
        .unwrap_or_else(|_| Err(Refusal::new("http_unreadable", "its answer cannot be read")))
}

fn read(bytes: &[u8], is_json: bool) -> Result<Value, Refusal> {
    let text = String::from_utf8_lossy(bytes);
    let looks_so = text.trim_start().starts_with(['{', '[']);
    if !is_json && !looks_so {
        return Ok(Value::from(text.as_ref()));
    }
    if documents::values(bytes) > VALUES_MAX {
        let message = format!("it answered more than {VALUES_MAX} values");
        return Err(Refusal::new("http_too_large", message));
    }
    Ok(match serde_json::from_str(&text) {
        Ok(json) => Value::from_json(json),
        Err(_) => Value::from(text.as_ref()),
    })
}

fn text(value: &Value) -> String {
    value.to_string()
}

#[async_trait]
impl Services for Web {
    fn plan(&self, request: &Request) -> Plan {
        let first = text(request.argument(0));
        let is_address = first.contains("://");
        match request.word {
            "GET" if is_address => Plan::Reads,
            // An operation of SOAP may change what it likes.
            "SOAP" if is_address => Plan::Changes,
            word if is_address && is_of_pages(word) => Plan::Reads,
            "POST" | "PUT" | "PATCH" | "DELETE" | "DELETE HTTP" | "GRAPHQL" if is_address => Plan::Changes,
            _ => Plan::not_configured(request),
        }
    }

    async fn ask(&self, asking: &Asking, request: &Request) -> Result<Value, Refusal> {
        self.asked(asking, request).await
    }

    async fn fetch(&self, asking: &Asking, address: &str, bytes_max: u64) -> Result<Fetched, Refusal> {
        let _turn = self.at_once.acquire().await.expect("is never closed");
        let refused =
            |refused: Refused| Refusal::mistake("address_refused", format!("the address {refused}"));
        let url = parsed(address).map_err(refused)?;
        self.named.check(&url).await.map_err(refused)?;
        let response = well(self.send(&self.named, Method::GET, url, asking, None).await?)?;
        let name = name_of(&response);
        let bytes_max = usize::try_from(bytes_max).unwrap_or(usize::MAX);
        let bytes = gathered(response, bytes_max).await?;
        Ok(Fetched {
            name,
            bytes: Bytes::from(bytes),
        })
    }
}

/// Words whose answers are looked into.
fn is_of_pages(word: &str) -> bool {
    matches!(
        word,
        "SCRAPE" | "SCRAPE ALL" | "SCRAPE TABLE" | "SCRAPE LINKS" | "SCRAPE IMAGES" | "RSS" | "SOAP"
    )
}

/// What a download is called: as its answer says, else as the last part of its address.
fn name_of(response: &Response) -> String {
    let said = response
        .headers()
        .get(CONTENT_DISPOSITION)
        .and_then(|said| said.to_str().ok())
        .and_then(|said| {
            let (_, name) = said.split_once("filename=")?;
            let name = name.split(';').next()?.trim().trim_matches('"');
            (!name.is_empty()).then(|| name.to_owned())
        });
    let last = || {
        let mut parts = response.url().path_segments()?;
        let last = parts.next_back().filter(|last| !last.is_empty())?;
        Some(
            percent_encoding::percent_decode_str(last)
                .decode_utf8_lossy()
                .into_owned(),
        )
    };
    said.or_else(last).unwrap_or_else(|| "download".to_owned())
}
