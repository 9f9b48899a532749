//! One worker, as it is reached: a connection pool, its key, and answers that end at a size.

use std::time::{Duration, SystemTime};

use bytes::Bytes;
use reqwest::header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE, HeaderMap, HeaderValue, RETRY_AFTER};
use reqwest::{Certificate, Client, Method, StatusCode, redirect};
use tokio::sync::watch;
use url::Url;

use super::settings::{Key, SettingsError, WorkerSettings, WorkersSettings};

/// How long a client waits; the worker does not begin what nobody will wait for.
const TIMEOUT_HEADER: &str = "x-request-timeout-ms";
/// Tokens that wait at the worker, of all its clients.
const QUEUED_HEADER: &str = "x-queued-tokens";
/// The body of an answer that says why there is none.
const ERROR_BYTES_MAX: usize = 64 << 10;

/// Callers add it to clocks.
const RETRY_AFTER_MAX: Duration = Duration::from_secs(3_600);

pub(crate) struct Peer {
    /// For people: host, port, and path if it has one.
    pub name: String,
    url: Url,
    client: Client,
    key: Option<HeaderValue>,
    /// Counts how often the worker was found not to answer any more.
    pub gone: watch::Sender<u64>,
}

#[derive(Debug)]
pub(crate) struct Answer {
    pub status: StatusCode,
    /// As the header says.
    pub retry_after: Option<Duration>,
    /// Tokens that wait there; only a worker says so.
    pub queued: Option<u64>,
    pub body: Bytes,
}

#[derive(Debug)]
pub(crate) enum Trouble {
    Transport(reqwest::Error),
    TooLarge { max: usize },
}

impl Peer {
    pub fn new(worker: &WorkerSettings, all: &WorkersSettings, url: Url) -> Result<Peer, SettingsError> {
        let mut builder = Client::builder()
            .user_agent(concat!("botserver/", env!("CARGO_PKG_VERSION")))
            .connect_timeout(Duration::from_millis(all.connect_timeout_ms))
            .tcp_keepalive(Duration::from_secs(15))
            // Shorter than the patience of proxies: a connection that closes as it is used looks like a failure.
            .pool_idle_timeout(Duration::from_secs(15))
            // A key goes to the worker that it is for, and nowhere that this one points to.
            .redirect(redirect::Policy::none())
            .referer(false)
            .no_proxy()
            // Numbers hardly become smaller, and what is not unpacked cannot grow.
            .no_gzip()
            .no_brotli();
        if let Some(path) = &worker.ca_file {
            let failed = |source: Box<dyn std::error::Error + Send + Sync>| SettingsError::CaFile {
                path: path.clone(),
                source,
            };
            let pem = std::fs::read(path).map_err(|error| failed(error.into()))?;
            let certificates = Certificate::from_pem_bundle(&pem).map_err(|error| failed(error.into()))?;
            if certificates.is_empty() {
                return Err(failed("it holds no certificate".into()));
            }
            builder = builder.tls_built_in_root_certs(false);
            for certificate in certificates {
                builder = builder.add_root_certificate(certificate);
            }
        }
        let name = name(&url);
        if worker.key.is_some() && url.scheme() == "http" {
            tracing::warn!(worker = %name, "the key of a worker is sent without TLS");
        }
        Ok(Peer {
            name,
            url,
            client: builder.build().map_err(SettingsError::Client)?,
            key: worker.key.as_ref().map(bearer).transpose()?,
            gone: watch::Sender::new(0),
        })
    }

    /// The answer to a GET, or to a POST of `body`.
    pub async fn ask(
        &self,
        path: &str,
        body: Option<Bytes>,
        timeout: Duration,
        answer_max: usize,
    ) -> Result<Answer, Trouble> {
        let url = self.url.join(path).expect("paths are ours, and relative");
        let method = if body.is_some() { Method::POST } else { Method::GET };
        let mut request = self
            .client
            .request(method, url)
            .header(ACCEPT, "application/json");
        if let Some(body) = body {
            request = request.header(CONTENT_TYPE, "application/json").body(body);
        }
        if let Some(key) = &self.key {
            request = request.header(AUTHORIZATION, key.clone());
        }
        let timeout_ms = u64::try_from(timeout.as_millis()).unwrap_or(u64::MAX).max(1);
        let response = request
            .header(TIMEOUT_HEADER, timeout_ms)
            .send()
            .await
            .map_err(Trouble::transport)?;
        let status = response.status();
        let (retry_after, queued) = (
            retry_after(response.headers()),
            number(response.headers(), QUEUED_HEADER),
        );
        let body = match status.is_success() {
            true => gathered(response, answer_max).await?,
            // What the status says stands without a reason too.
            false => gathered(response, ERROR_BYTES_MAX).await.unwrap_or_default(),
        };
        Ok(Answer {
            status,
            retry_after,
            queued,
            body,
        })
    }
}

impl Trouble {
    /// Without the address, which people configure and logs need not repeat.
    fn transport(error: reqwest::Error) -> Trouble {
        Trouble::Transport(error.without_url())
    }
}

fn name(url: &Url) -> String {
    let host = url.host_str().unwrap_or_default();
    let port = url.port_or_known_default().unwrap_or_default();
    format!("{host}:{port}{}", url.path().trim_end_matches('/'))
}

fn bearer(key: &Key) -> Result<HeaderValue, SettingsError> {
    let mut value =
        HeaderValue::from_str(&format!("Bearer {}", key.expose())).map_err(|_| SettingsError::Key)?;
    value.set_sensitive(true);
    Ok(value)
}

/// Seconds, as workers have them, or a date, as a proxy before them may; one that is past says: at once.
fn retry_after(headers: &HeaderMap) -> Option<Duration> {
    let wait = match number(headers, RETRY_AFTER.as_str()) {
        Some(seconds) => Duration::from_secs(seconds),
        None => {
            let at = httpdate::parse_http_date(headers.get(RETRY_AFTER)?.to_str().ok()?).ok()?;
            at.duration_since(SystemTime::now()).unwrap_or_default()
        }
    };
    Some(wait.min(RETRY_AFTER_MAX))
}

fn number(headers: &HeaderMap, name: &str) -> Option<u64> {
    headers.get(name)?.to_str().ok()?.trim().parse().ok()
}

async fn gathered(mut response: reqwest::Response, max: usize) -> Result<Bytes, Trouble> {
    let too_large = Trouble::TooLarge { max };
    let announced = response.content_length().unwrap_or(0);
    if announced > max as u64 {
        return Err(too_large);
    }
    let mut body = Vec::with_capacity(usize::try_from(announced).unwrap_or(0));
    while let Some(chunk) = response.chunk().await.map_err(Trouble::transport)? {
        if body.len() + chunk.len() > max {
            return Err(too_large);
        }
        body.extend_from_slice(&chunk);
    }
    Ok(body.into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_wait_is_told_in_seconds_or_by_a_date() {
        let wait = |value: &str| {
            let mut headers = HeaderMap::new();
            headers.insert(RETRY_AFTER, HeaderValue::from_str(value).expect("a header"));
            retry_after(&headers)
        };
        assert_eq!(wait("7"), Some(Duration::from_secs(7)));
        assert_eq!(wait("1000000"), Some(RETRY_AFTER_MAX));
        assert_eq!(wait("Wed, 21 Oct 2015 07:28:00 GMT"), Some(Duration::ZERO));
        let soon = wait(&httpdate::fmt_http_date(
            SystemTime::now() + Duration::from_secs(90),
        ));
        assert!(
            soon.is_some_and(|soon| (80..=90).contains(&soon.as_secs())),
            "{soon:?}"
        );
        assert_eq!(wait("soon"), None);
        assert_eq!(retry_after(&HeaderMap::new()), None);
    }
}
