//! One operation of a socket: from its request to the last frame under its id.

use axum::extract::ws::Message;
use futures::StreamExt;
use tokio::sync::mpsc;

use super::super::outcome::is_request_error;
use super::super::parameters::Parameters;
use super::super::{Caller, Opened};
use super::frame;
use crate::Edge;

/// What was asked under an id.
pub(super) struct Operation {
    pub id: String,
    pub asked: Parameters,
}

/// The frames that are told apart once an operation is over.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum End {
    /// `complete` is due.
    Completed,
    /// `error` was sent: nothing more is.
    Failed,
    /// There is nobody to tell.
    Gone,
}

impl Operation {
    /// Answers it until it is over.
    pub async fn run(self, edge: &Edge, caller: Caller, outbox: &mpsc::Sender<Message>) -> End {
        let tell = async |frame: String| outbox.send(Message::text(frame)).await.is_ok();
        let (mut answers, order, asking) = match edge.graphql.open(self.asked, edge, caller).await {
            Opened::Once(answer) if is_request_error(&answer) => {
                return failed(tell(frame::error(&self.id, &answer)).await);
            }
            Opened::Once(answer) => {
                return if tell(frame::next(&self.id, &answer)).await {
                    End::Completed
                } else {
                    End::Gone
                };
            }
            Opened::Stream {
                answers,
                order,
                asking,
            } => (answers, order, asking),
        };
        while let Some(mut answer) = answers.next().await {
            asking.rest();
            if is_request_error(&answer) {
                return failed(tell(frame::error(&self.id, &answer)).await);
            }
            order.arrange(&mut answer.data);
            if !tell(frame::next(&self.id, &answer)).await {
                return End::Gone;
            }
        }
        End::Completed
    }
}

fn failed(told: bool) -> End {
    if told { End::Failed } else { End::Gone }
}
