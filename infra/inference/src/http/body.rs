//! A request's body: its kind, its size, its pace, and what all of them together take.

use std::sync::Arc;

use axum::body::{Body, Bytes};
use axum::extract::Request;
use futures::StreamExt as _;
use http::HeaderMap;
use http::header::{CONTENT_ENCODING, CONTENT_LENGTH, CONTENT_TYPE};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::Service;
use super::code::Code;
use super::problem::Problem;

/// Of a body that is too large so much is read and thrown away, so that its sender hears why and does not only see a
/// broken connection.
const DISCARDED_MAX: u64 = 64 << 20;

/// A body, whose share of what all bodies may take is given back when it is dropped.
pub(super) struct Held {
    pub bytes: Vec<u8>,
    share: Option<OwnedSemaphorePermit>,
}

pub(super) async fn read(service: &Service, request: Request) -> Result<Held, Problem> {
    check_kind(request.headers())?;
    let length_max = u64::from(service.settings.body_bytes_max);
    let declared = declared_length(request.headers());
    let within = service.settings.body_within();
    let read = collect(request.into_body(), declared, length_max, &service.bodies);
    tokio::time::timeout(within, read).await.unwrap_or_else(|_| {
        let millis = within.as_millis();
        Err(Problem::new(
            Code::BodyTimeout,
            format!("the body did not come within {millis} ms"),
        ))
    })
}

async fn collect(
    body: Body,
    declared: Option<u64>,
    length_max: u64,
    bodies: &Arc<Semaphore>,
) -> Result<Held, Problem> {
    let mut chunks = body.into_data_stream();
    let too_large = || {
        Problem::new(
            Code::BodyTooLarge,
            format!("the body is larger than {length_max} bytes; send fewer texts at once"),
        )
    };
    if let Some(declared) = declared.filter(|declared| *declared > length_max) {
        if declared <= DISCARDED_MAX {
            while let Some(Ok(_)) = chunks.next().await {}
        }
        return Err(too_large());
    }
    let mut held = Held {
        bytes: Vec::with_capacity(declared.unwrap_or(0).min(64 << 10) as usize),
        share: None,
    };
    while let Some(chunk) = chunks.next().await {
        // The client went away: nobody reads this answer.
        let chunk =
            chunk.map_err(|_| Problem::new(Code::InvalidJson, "the body ended before it was complete"))?;
        if (held.bytes.len() + chunk.len()) as u64 > length_max {
            drop(held);
            discard(&mut chunks).await;
            return Err(too_large());
        }
        held.take(&chunk, bodies)?;
    }
    Ok(held)
}

async fn discard(chunks: &mut axum::body::BodyDataStream) {
    let mut read = 0;
    while let Some(Ok(chunk)) = chunks.next().await {
        read += chunk.len() as u64;
        if read > DISCARDED_MAX {
            return;
        }
    }
}

impl Held {
    fn take(&mut self, chunk: &Bytes, bodies: &Arc<Semaphore>) -> Result<(), Problem> {
        let needed = (self.bytes.len() + chunk.len()).div_ceil(1024);
        let has = self.share.as_ref().map_or(0, OwnedSemaphorePermit::num_permits);
        if let Some(more) = u32::try_from(needed.saturating_sub(has))
            .ok()
            .filter(|more| *more > 0)
        {
            let more = bodies.clone().try_acquire_many_owned(more).map_err(|_| {
                Problem::new(
                    Code::Busy,
                    "too many large requests are being read; come back later",
                )
                .retry_after(1)
            })?;
            match &mut self.share {
                Some(share) => share.merge(more),
                none => *none = Some(more),
            }
        }
        self.bytes.extend_from_slice(chunk);
        Ok(())
    }
}

fn check_kind(headers: &HeaderMap) -> Result<(), Problem> {
    if let Some(coding) = headers.get(CONTENT_ENCODING)
        && !coding.as_bytes().eq_ignore_ascii_case(b"identity")
    {
        return Err(Problem::new(
            Code::MediaType,
            "compressed bodies are not taken; send the JSON as it is",
        ));
    }
    let Some(kind) = headers.get(CONTENT_TYPE) else {
        return Ok(());
    };
    let kind = kind.to_str().unwrap_or_default();
    let essence = kind
        .split(';')
        .next()
        .unwrap_or_default()
        .trim()
        .to_ascii_lowercase();
    if essence == "application/json" || (essence.starts_with("application/") && essence.ends_with("+json")) {
        return Ok(());
    }
    Err(Problem::new(
        Code::MediaType,
        "the body must be JSON, with the header Content-Type: application/json",
    ))
}

fn declared_length(headers: &HeaderMap) -> Option<u64> {
    headers.get(CONTENT_LENGTH)?.to_str().ok()?.parse().ok()
}
