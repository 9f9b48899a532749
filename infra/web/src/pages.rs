//! SCRAPE, RSS, SOAP: answers that are read for what a script looks for in them.

use basic::{Refusal, Request, Value};
use commands::Asking;
use documents::xml::{self, Operation};
use documents::{feed, page};
use reqwest::header::{CONTENT_TYPE, HeaderValue};
use reqwest::{Method, Response};
use url::Url;

use crate::{ANSWER_BYTES_MAX, Web, gathered, read_apart, text};

/// Schemes of what a page links to that is told.
const LINKED: [&str; 4] = ["http", "https", "mailto", "tel"];

impl Web {
    pub(crate) async fn page(&self, asking: &Asking, request: &Request, url: Url) -> Result<Value, Refusal> {
        if request.word == "SOAP" {
            return self.soap(asking, request, url).await;
        }
        let (bytes, url) = self.answered(asking, url).await?;
        let request = request.clone();
        read_apart(move || {
            let wanted = text(request.argument(1));
            if request.word == "RSS" {
                let count = match request.argument(1) {
                    Value::Integer(count) => usize::try_from(*count).ok(),
                    _ => wanted.trim().parse().ok(),
                };
                return feed::entries(&bytes, count);
            }
            let said = documents::text(&bytes);
            let whole = |link: &str| {
                let whole = url.join(link.trim()).ok()?;
                LINKED.contains(&whole.scheme()).then(|| whole.to_string())
            };
            match request.word {
                "SCRAPE ALL" => page::all(&said, &wanted),
                "SCRAPE TABLE" if wanted.is_empty() => page::table(&said, "table"),
                "SCRAPE TABLE" => page::table(&said, &wanted),
                "SCRAPE LINKS" => page::links(&said, whole),
                "SCRAPE IMAGES" => page::images(&said, whole),
                _ if wanted.is_empty() => page::text(&said).map(Value::from),
                _ => page::first(&said, &wanted),
            }
        })
        .await
    }

    /// The body of an answer that says it went well, and where it came from in the end.
    async fn answered(&self, asking: &Asking, url: Url) -> Result<(Vec<u8>, Url), Refusal> {
        let response = well(self.send(&self.named, Method::GET, url, asking, None).await?)?;
        let url = response.url().clone();
        Ok((gathered(response, ANSWER_BYTES_MAX).await?, url))
    }

    /// Reads the description of a service, calls the operation, and answers what its envelope holds.
    async fn soap(&self, asking: &Asking, request: &Request, url: Url) -> Result<Value, Refusal> {
        let named = url.origin();
        let (description, from) = self.answered(asking, url).await?;
        let (name, parameters) = (text(request.argument(1)), request.argument(2).clone());
        let (operation, envelope) = read_apart(move || {
            let operation = Operation::of(&documents::text(&description), name.trim())?;
            let envelope = operation.envelope(&parameters)?;
            Ok((operation, envelope))
        })
        .await?;
        // The description may name any address.
        let address = from.join(&operation.address).map_err(|_| {
            Refusal::new(
                "document_unreadable",
                "the description of the service names no address",
            )
        })?;
        let mut asking = asking.clone();
        if address.origin() != named {
            // What a script sends along goes to the site that it named.
            asking.headers.clear();
        }
        // Networks that are open to scripts are not open to whoever answers them.
        let reach = match address.origin() == named || address.origin() == from.origin() {
            true => &self.named,
            false => &self.public,
        };
        if from.scheme() == "https" && address.scheme() != "https" {
            let message = "the address of the service begins with http:, its description with https:";
            return Err(Refusal::mistake("address_refused", message));
        }
        reach.check(&address).await.map_err(|refused| {
            Refusal::mistake("address_refused", format!("the address of the service {refused}"))
        })?;
        asking.headers.retain(|(name, _)| {
            !name.eq_ignore_ascii_case("soapaction") && !name.eq_ignore_ascii_case(CONTENT_TYPE.as_str())
        });
        asking
            .headers
            .push(("soapaction".to_owned(), format!("\"{}\"", operation.action)));
        asking
            .headers
            .push((CONTENT_TYPE.to_string(), "text/xml; charset=utf-8".to_owned()));
        let data = Value::from(envelope);
        let response = self
            .send(reach, Method::POST, address, &asking, Some(&data))
            .await?;
        // A fault comes with status 500, and says more.
        let (status, is_xml) = (response.status(), is_xml(&response));
        let body = gathered(response, ANSWER_BYTES_MAX).await?;
        if !status.is_success() && !is_xml {
            return Err(Refusal::new("http_status", format!("it answered {status}")));
        }
        read_apart(move || xml::answered(&documents::text(&body))).await
    }
}

fn is_xml(response: &Response) -> bool {
    let kind = response.headers().get(CONTENT_TYPE).map(HeaderValue::as_bytes);
    kind.is_some_and(|kind| kind.windows(3).any(|part| part.eq_ignore_ascii_case(b"xml")))
}

pub(crate) fn well(response: Response) -> Result<Response, Refusal> {
    let status = response.status();
    if !status.is_success() {
        return Err(Refusal::new("http_status", format!("it answered {status}")));
    }
    Ok(response)
}
