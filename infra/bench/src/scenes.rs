//! The scenes: what is measured by how long it takes or how much it needs, not against something else.

use std::time::Duration;

use serde_json::{Value, json};

use crate::served::Served;
use crate::{sockets, turn, visible};

pub struct Scene {
    pub name: &'static str,
    pub shows: &'static str,
    pub goal: &'static str,
    what: What,
}

enum What {
    Visible,
    /// So many turns a second.
    Turn(u32),
    /// So many sockets.
    Sockets(usize),
}

/// What a scene showed: a line for people, and the samples.
pub struct Shown {
    pub line: String,
    pub samples: Value,
}

pub const SCENES: &[Scene] = &[
    Scene {
        name: "visible",
        shows: "commit to readable in the conversation read model, at half of the load that is borne",
        goal: "p99 50 ms",
        what: What::Visible,
    },
    Scene {
        name: "turn-100",
        shows: "100 scripted turns a second over real sockets, from when they are due to the reply",
        goal: "–",
        what: What::Turn(100),
    },
    Scene {
        name: "turn-500",
        shows: "500 scripted turns a second over real sockets, from when they are due to the reply",
        goal: "p50 8 ms, p99 40 ms",
        what: What::Turn(500),
    },
    Scene {
        name: "sockets",
        shows: "10,000 authenticated sockets that nobody uses, above the idle server",
        goal: "10 kB each",
        what: What::Sockets(10_000),
    },
];

impl Scene {
    /// `time` is a side's time in a row; what has to settle first takes several times as long.
    pub async fn show(&self, time: Duration) -> anyhow::Result<Shown> {
        match self.what {
            What::Visible => {
                let found = visible::run(time * 2).await?;
                let (borne, rate) = (found.borne, found.rate);
                Ok(Shown {
                    line: format!("{} at {rate:.0} appends a second of {borne:.0}", found.times),
                    samples: json!({ "borne": borne, "rate": rate, "milliseconds": found.times }),
                })
            }
            What::Turn(rate) => {
                let server = Served::start().await?;
                let (times, unanswered) = turn::run(&server, rate, time * 4).await?;
                server.stop().await?;
                Ok(Shown {
                    line: format!("{times}, {unanswered} not answered"),
                    samples: json!({ "rate": rate, "unanswered": unanswered, "milliseconds": times }),
                })
            }
            What::Sockets(count) => {
                let plain = sockets::plain(count).await?;
                let server = Served::start().await?;
                let ours = sockets::ours(&server, count).await?;
                server.stop().await?;
                Ok(Shown {
                    line: format!(
                        "{:.1} kB each, {:.1} kB once idle; axum as it comes {:.1} kB",
                        ours.fresh_bytes / 1e3,
                        ours.idle_bytes / 1e3,
                        plain.idle_bytes / 1e3
                    ),
                    samples: json!({ "ours": ours, "plain": plain }),
                })
            }
        }
    }
}
