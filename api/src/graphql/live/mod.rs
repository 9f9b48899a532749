//! GraphQL over a socket: the protocol graphql-transport-ws.
//!
//! 1. Whose socket it is, the `Authorization` header of the upgrade says or, for browsers, which cannot send it, the
//!    member `Authorization` of the first frame's payload. Nothing is answered before.
//! 2. A token that is revoked or expires ends its sockets.
//! 3. Operations are independent: one that is slow or fails does not hold up another. Each is bounded by the
//!    socket's outbox, not by what happens.
//! 4. What is sent under an id is in order; after `complete` or `error` nothing follows.

mod close;
mod connection;
mod frame;
mod operation;

use axum::RequestExt;
use axum::extract::Request;
use axum::extract::ws::WebSocketUpgrade;
use axum::response::{IntoResponse, Response};
use uuid::Uuid;

use self::connection::{Connection, Credential};
use crate::address::ClientAddress;
use crate::guard::{bearer, extension};
use crate::layers::Correlation;
use crate::socket::{READ_BUFFER_BYTES, from_here};
use crate::{Edge, Problem};

const SUBPROTOCOL: &str = "graphql-transport-ws";

/// Opens a socket. Without the right subprotocol it is closed at once, which a browser can see, unlike a refusal.
pub(super) async fn open(edge: Edge, mut request: Request) -> Response {
    if !from_here(request.headers(), edge.settings.public_url.as_deref()) {
        return Problem::new("forbidden")
            .detail("this page may not open a socket here")
            .into_response();
    }
    let context = request.extensions().get::<commands::Context>().cloned();
    let credential = bearer(request.headers())
        .zip(context)
        .map(|(text, context)| Credential {
            text: text.to_owned(),
            context,
        });
    let address = extension(&request).unwrap_or(ClientAddress::UNKNOWN);
    let correlation = extension(&request).unwrap_or(Correlation(Uuid::now_v7()));
    let upgrade = match request.extract_parts::<WebSocketUpgrade>().await {
        Ok(upgrade) => upgrade,
        // Half an upgrade is a request like any other.
        Err(_) if credential.is_none() => return Problem::new("unauthenticated").into_response(),
        Err(rejection) => return rejection.into_response(),
    };
    let Some(seat) = edge.sockets.take() else {
        return Problem::new("unavailable").retry_after(5).into_response();
    };
    let frame_bytes_max = edge.settings.limits.body_bytes_max;
    let connection = Connection {
        edge,
        seat,
        address,
        correlation,
    };
    upgrade
        .protocols([SUBPROTOCOL])
        .read_buffer_size(READ_BUFFER_BYTES)
        .max_frame_size(frame_bytes_max)
        .max_message_size(frame_bytes_max)
        .on_upgrade(move |socket| connection.serve(socket, credential))
}
