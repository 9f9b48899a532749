//! The web chat's socket: a visitor's messages in, everything said in the session out.
//!
//! 1. What is sent with a position is sent once per socket and in order: the listener is there before the history
//!    is read, the history ends where the listener began.
//! 2. A message is confirmed (`received`) after it is durable; the same `message_id` again is the same message.
//! 3. Nothing waits without a bound: frames in, frames out, seats, the time to prove who one is.
//! 4. A socket that ends, however it ends, leaves nothing behind.
//! 5. Neither credentials nor texts are logged.

mod close;
mod connection;
mod handshake;
mod incoming;
mod outgoing;
mod receiving;
mod seats;
mod sending;
pub(crate) mod wire;

use axum::RequestExt;
use axum::extract::ws::WebSocketUpgrade;
use axum::extract::{Path, Query, Request, State};
use axum::response::{IntoResponse, Response};

use self::connection::{Connection, FRAME_BYTES_MAX};
use self::handshake::Asked;
pub(crate) use self::handshake::from_here;
pub(crate) use self::seats::{Seat, Seats};
use crate::visit::find_bot;
use crate::{Edge, Problem};

/// What people type fits into it. The library's own is 32 times as large, and each socket has one.
pub(crate) const READ_BUFFER_BYTES: usize = 4096;

/// `GET /ws/{bot}` and `GET /ws?bot_name=`: checks what can be checked before the upgrade.
pub(crate) async fn handle(
    State(edge): State<Edge>,
    path: Option<Path<String>>,
    mut request: Request,
) -> Result<Response, Problem> {
    let query = request.extract_parts::<Query<Asked>>().await;
    let Query(asked) = query.map_err(|_| Problem::new("query_invalid"))?;
    if !handshake::from_here(request.headers(), edge.settings.public_url.as_deref()) {
        return Err(Problem::new("forbidden").detail("this page may not open a socket here"));
    }
    let upgrade = match request.extract_parts::<WebSocketUpgrade>().await {
        Ok(upgrade) => upgrade,
        Err(rejection) => return Ok(rejection.into_response()),
    };
    let name = path.map(|Path(name)| name).or_else(|| asked.bot_name.clone());
    let (bot_id, bot) = find_bot(&edge, name.as_deref()).await?;
    let seat = edge
        .sockets
        .take()
        .ok_or_else(|| Problem::new("unavailable").retry_after(5))?;
    let connection = Connection::new(edge, seat, bot_id, bot.name, asked);
    // Twice the limit: what is a little too long is read and refused in words, what is much too long is cut off.
    Ok(upgrade
        .read_buffer_size(READ_BUFFER_BYTES)
        .max_frame_size(2 * FRAME_BYTES_MAX)
        .max_message_size(2 * FRAME_BYTES_MAX)
        .on_upgrade(move |socket| connection.serve(socket)))
}

impl Edge {
    /// How many sockets of the web chat are open in this process.
    pub fn sockets_open(&self) -> usize {
        self.sockets.open()
    }
}
