//! The web, as scripts ask it: GET, POST and their like, GraphQL.
//!
//! Scripts reach the public network and what an operator allows, nothing else: each address that a name leads to is checked
//! before it is connected to, after redirects too. Answers are cut off at a size and a time.

mod address;

use std::fmt;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use basic::{Object, Refusal, Request, Value};
use commands::{Asking, Plan, Services};
use futures::StreamExt as _;
use ipnet::IpNet;
use reqwest::dns::{Addrs, Name, Resolve, Resolving};
use reqwest::header::{CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue};
use reqwest::{Client, Method, Response, redirect};
use url::Url;

use address::{check, checked, may_reach};

/// The body of an answer.
const ANSWER_BYTES_MAX: usize = 10 << 20;
const ANSWER_WITHIN: Duration = Duration::from_secs(30);
const CONNECT_WITHIN: Duration = Duration::from_secs(10);
const REDIRECTS_MAX: usize = 5;

/// Asks the web for scripts.
pub struct Web {
    client: Client,
    allowed: Arc<[IpNet]>,
}

impl fmt::Debug for Web {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Web")
            .field("allowed", &self.allowed)
            .finish_non_exhaustive()
    }
}

impl Web {
    /// `allowed` are networks that are reached although they are not public.
    pub fn new(allowed: Vec<IpNet>) -> Result<Web, reqwest::Error> {
        let allowed: Arc<[IpNet]> = allowed.into();
        let within = allowed.clone();
        let redirects = redirect::Policy::custom(move |attempt| {
            if attempt.previous().len() > REDIRECTS_MAX {
                attempt.error("it leads on and on")
            } else if check(attempt.url(), &within).is_err() {
                attempt.error("it leads to where scripts may not go")
            } else {
                attempt.follow()
            }
        });
        let client = Client::builder()
            .user_agent(concat!("botserver/", env!("CARGO_PKG_VERSION")))
            .timeout(ANSWER_WITHIN)
            .connect_timeout(CONNECT_WITHIN)
            .redirect(redirects)
            .no_proxy()
            .dns_resolver(Arc::new(Public {
                allowed: allowed.clone(),
            }))
            .build()?;
        Ok(Web { client, allowed })
    }

    async fn asked(&self, asking: &Asking, request: &Request) -> Result<Value, Refusal> {
        let url = checked(&text(request.argument(0)), &self.allowed)
            .map_err(|refused| Refusal::mistake("address_refused", format!("the address {refused}")))?;
        match request.word {
            "GET" => {
                let response = self.send(Method::GET, url, asking, None).await?;
                let status = response.status();
                let body = body(response).await?;
                if !status.is_success() {
                    return Err(Refusal::new("http_status", format!("it answered {status}")));
                }
                Ok(body)
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
        let response = self.send(method, url, asking, data).await?;
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

    async fn send(
        &self,
        method: Method,
        url: Url,
        asking: &Asking,
        data: Option<&Value>,
    ) -> Result<Response, Refusal> {
        let mut request = self.client.request(method, url).headers(headers(asking));
        match data {
            None | Some(Value::Null) => {}
            Some(Value::Text(text)) => request = request.body(text.to_string()),
            Some(data) => request = request.json(&data.to_json()),
        }
        request.send().await.map_err(|error| failed(&error))
    }
}

/// What is not reached is told without what lies there.
fn failed(error: &reqwest::Error) -> Refusal {
    if error.is_timeout() {
        Refusal::new("http_timeout", "it did not answer in time")
    } else if error.is_redirect() {
        Refusal::new("http_redirect", "it leads to where scripts may not go")
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
    let mut bytes = Vec::new();
    let mut parts = response.bytes_stream();
    while let Some(part) = parts.next().await {
        let part = part.map_err(|error| failed(&error))?;
        if bytes.len() + part.len() > ANSWER_BYTES_MAX {
            return Err(Refusal::new("http_too_large", "it answered more than 10 MiB"));
        }
        bytes.extend_from_slice(&part);
    }
    let text = String::from_utf8_lossy(&bytes);
    let looks_so = text.trim_start().starts_with(['{', '[']);
    if (is_json || looks_so)
        && let Ok(json) = serde_json::from_str(&text)
    {
        return Ok(Value::from_json(json));
    }
    Ok(Value::from(text.as_ref()))
}

fn text(value: &Value) -> String {
    value.to_string()
}

/// Looks names up, and refuses one as a whole if any of its addresses may not be reached.
struct Public {
    allowed: Arc<[IpNet]>,
}

impl Resolve for Public {
    fn resolve(&self, name: Name) -> Resolving {
        let allowed = self.allowed.clone();
        Box::pin(async move {
            let addresses: Vec<SocketAddr> = tokio::net::lookup_host((name.as_str(), 0)).await?.collect();
            if addresses.iter().any(|address| !may_reach(address.ip(), &allowed)) {
                tracing::debug!("a name leads to where scripts may not go");
                return Err("it leads to where scripts may not go".into());
            }
            let addresses: Addrs = Box::new(addresses.into_iter());
            Ok(addresses)
        })
    }
}

#[async_trait]
impl Services for Web {
    fn plan(&self, request: &Request) -> Plan {
        let first = text(request.argument(0));
        let is_address = first.contains("://");
        match request.word {
            "GET" if is_address => Plan::Reads,
            "POST" | "PUT" | "PATCH" | "DELETE" | "DELETE HTTP" | "GRAPHQL" if is_address => Plan::Changes,
            _ => Plan::not_configured(request),
        }
    }

    async fn ask(&self, asking: &Asking, request: &Request) -> Result<Value, Refusal> {
        self.asked(asking, request).await
    }
}
