//! The scenes: what is measured by how long it takes or how much it needs, not against something else.

use std::time::Duration;

use serde_json::{Value, json};

use crate::served::Served;
use crate::{
    data, fan_out, inference, machine, overload, packages, readers, rebuild, sockets, stream, turn, visible,
};

/// Appends a second beside which somebody reads or rebuilds: far from what is borne, so that nothing else queues.
const BESIDE_RATE: f64 = 500.0;
/// How often it is measured without and with.
const BESIDE_ROUNDS: u32 = 3;
/// How often both sides of a scene of the stream run.
const STREAM_ROUNDS: u32 = 5;
/// Events that a throttled rebuild looks through in a second.
const REBUILD_PACE: u32 = 10_000;

pub struct Scene {
    pub name: &'static str,
    pub shows: &'static str,
    pub goal: &'static str,
    what: What,
}

enum What {
    Visible,
    OldReader,
    RebuildBeside,
    Overload,
    /// So many turns a second.
    Turn(u32),
    /// So many sockets.
    Sockets(usize),
    Relay,
    StreamRead,
    Fed,
    CatchUp,
    FanOut,
    Machine,
    Merge,
    Find,
    Packages,
    Inference,
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
        name: "old-reader",
        shows: "commit to readable, without and with an old snapshot in the database and a long transaction in another one",
        goal: "p99 unchanged",
        what: What::OldReader,
    },
    Scene {
        name: "rebuild-beside",
        shows: "commit to readable, without and with a throttled rebuild of the same read model beside",
        goal: "p99 at most 1.5 times",
        what: What::RebuildBeside,
    },
    Scene {
        name: "overload",
        shows: "ten times the appends that are borne: what is refused, and the memory of the process",
        goal: "memory flat",
        what: What::Overload,
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
    Scene {
        name: "relay",
        shows: "the log into Kafka, against kafka-producer-perf-test: same broker, bytes, acks, idempotence, transactions",
        goal: "0.5 times",
        what: What::Relay,
    },
    Scene {
        name: "stream-read",
        shows: "commit to read by a consumer of Kafka, at half of the load that is borne",
        goal: "p99 250 ms",
        what: What::StreamRead,
    },
    Scene {
        name: "fed",
        shows: "all read models from nothing, fed from Kafka, against fed from the log; rows compared",
        goal: "0.7 times",
        what: What::Fed,
    },
    Scene {
        name: "catch-up",
        shows: "Kafka comes back after as many events as five minutes bring, while production goes on",
        goal: "5 times production",
        what: What::CatchUp,
    },
    Scene {
        name: "fan-out",
        shows: "a message in each of ten sessions to 10,000 sockets that two servers with a Valkey hold, until each has the reply",
        goal: "p99 300 ms",
        what: What::FanOut,
    },
    Scene {
        name: "machine",
        shows: "ten programs of the dialect, limits on, against Lua 5.4, yabasic and Rhai: geometric means of the medians",
        goal: "1.0 of Lua, 4 of yabasic, 20 of Rhai",
        what: What::Machine,
    },
    Scene {
        name: "merge",
        shows: "MERGE of 10,000 rows of which half are there, against one INSERT … ON CONFLICT DO UPDATE by hand",
        goal: "0.8 times",
        what: What::Merge,
    },
    Scene {
        name: "find",
        shows: "FIND of one row and of 300 among 1,000,000, against the same SELECT by hand into the same values",
        goal: "0.8 times",
        what: What::Find,
    },
    Scene {
        name: "packages",
        shows: "a package of 500 scripts from its folder to programs, and again after one of them changed, before anything is stored",
        goal: "2 s, then 50 ms",
        what: What::Packages,
    },
    Scene {
        name: "inference",
        shows: "the inference worker's vectors against sentence-transformers, onnxruntime and the machine's products; its overhead",
        goal: "with each row",
        what: What::Inference,
    },
];

/// The median of ratios, with the least and the greatest.
fn ratios(ratios: impl Iterator<Item = f64>) -> String {
    let mut ratios: Vec<f64> = ratios.collect();
    ratios.sort_by(f64::total_cmp);
    let (least, most) = (ratios.first(), ratios.last());
    format!(
        "{:.2} times ({:.2} to {:.2})",
        ratios.get(ratios.len() / 2).copied().unwrap_or_default(),
        least.copied().unwrap_or_default(),
        most.copied().unwrap_or_default()
    )
}

/// How many times as fast ours is, and the medians.
fn against(rounds: &[data::Pair]) -> String {
    let median = |of: fn(&data::Pair) -> f64| {
        let mut times: Vec<f64> = rounds.iter().map(of).collect();
        times.sort_by(f64::total_cmp);
        times.get(times.len() / 2).copied().unwrap_or_default()
    };
    format!(
        "{}, {:.1} ms against {:.1}",
        ratios(rounds.iter().map(data::Pair::ratio)),
        median(|pair| pair.ours),
        median(|pair| pair.by_hand)
    )
}

impl Scene {
    /// `time` is a side's time in a row; what has to settle first takes several times as long. `rounds` is for those
    /// that have as many as rows.
    pub async fn show(&self, time: Duration, rounds: u32) -> anyhow::Result<Shown> {
        match self.what {
            What::Visible => {
                let found = visible::run(time * 2).await?;
                let (borne, rate) = (found.borne, found.rate);
                Ok(Shown {
                    line: format!("{} at {rate:.0} appends a second of {borne:.0}", found.times),
                    samples: json!({ "borne": borne, "rate": rate, "milliseconds": found.times }),
                })
            }
            What::OldReader => {
                let found = readers::run(BESIDE_RATE, BESIDE_ROUNDS, time).await?;
                Ok(Shown {
                    line: format!(
                        "without: {}; with: {}; at {} appends a second",
                        found.without, found.with, found.rate
                    ),
                    samples: json!({ "rate": found.rate, "without": found.without, "with": found.with }),
                })
            }
            What::RebuildBeside => {
                let found = rebuild::beside(REBUILD_PACE, BESIDE_RATE, BESIDE_ROUNDS, time).await?;
                Ok(Shown {
                    line: format!(
                        "without: {}; with: {}; at {} appends a second, the rebuild at {} events a second",
                        found.without, found.with, found.rate, found.pace
                    ),
                    samples: json!({
                        "rate": found.rate, "pace": found.pace, "without": found.without, "with": found.with,
                    }),
                })
            }
            What::Overload => {
                let found = overload::run(time).await?;
                let offered = |one: overload::Offered| {
                    format!(
                        "{:.0} a second offered, {:.0} stored, {:.0} refused, {:.0} MB, then {:.0}",
                        one.offered,
                        one.stored,
                        one.refused,
                        one.memory[0] as f64 / 1e6,
                        one.memory[1] as f64 / 1e6
                    )
                };
                let sample = |one: overload::Offered| {
                    json!({
                        "offered": one.offered, "stored": one.stored, "refused": one.refused, "memory": one.memory,
                    })
                };
                Ok(Shown {
                    line: format!("{}; tenfold: {}", offered(found.once), offered(found.tenfold)),
                    samples: json!({
                        "borne": found.borne, "once": sample(found.once), "tenfold": sample(found.tenfold),
                    }),
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
            What::Relay => {
                let rounds = stream::relay(STREAM_ROUNDS).await?;
                let last = rounds.last().copied();
                Ok(Shown {
                    line: format!(
                        "{}; {:.0} records of {} bytes a second against {:.0}",
                        ratios(rounds.iter().map(|round| round.ours / round.theirs)),
                        last.map_or(0.0, |round| round.ours),
                        last.map_or(0, |round| round.record_bytes),
                        last.map_or(0.0, |round| round.theirs),
                    ),
                    samples: json!(rounds),
                })
            }
            What::StreamRead => {
                let found = stream::read(time * 2).await?;
                Ok(Shown {
                    line: format!(
                        "{} at {:.0} appends a second of {:.0}",
                        found.times, found.rate, found.borne
                    ),
                    samples: json!({ "borne": found.borne, "rate": found.rate, "milliseconds": found.times }),
                })
            }
            What::Fed => {
                let rounds = stream::fed(STREAM_ROUNDS).await?;
                let last = rounds.last().copied();
                Ok(Shown {
                    line: format!(
                        "{}, rows equal; {:.0} events a second against {:.0}",
                        ratios(rounds.iter().map(|round| round.by_kafka / round.by_log)),
                        last.map_or(0.0, |round| round.by_kafka),
                        last.map_or(0.0, |round| round.by_log),
                    ),
                    samples: json!(rounds),
                })
            }
            What::CatchUp => {
                let found = stream::catch_up().await?;
                Ok(Shown {
                    line: format!(
                        "{:.1} times: {} events in {:.1} s, {:.0} a second",
                        found.rate / found.production,
                        found.events,
                        found.seconds,
                        found.rate
                    ),
                    samples: json!(found),
                })
            }
            What::Machine => {
                let found = machine::run()?;
                Ok(Shown {
                    line: found.line(),
                    samples: json!(found),
                })
            }
            What::Packages => {
                let found = packages::run()?;
                Ok(Shown {
                    line: format!(
                        "{} scripts of {} kB, {} kB as programs: {}; one that changed: {}",
                        found.scripts,
                        found.bytes / 1000,
                        found.program_bytes / 1000,
                        found.load,
                        found.reload
                    ),
                    samples: json!(found),
                })
            }
            What::Inference => {
                let found = inference::run(rounds).await?;
                Ok(Shown {
                    line: found.line(),
                    samples: json!(found),
                })
            }
            What::FanOut => {
                let times = fan_out::run().await?;
                Ok(Shown {
                    line: times.to_string(),
                    samples: json!({ "milliseconds": times }),
                })
            }
            What::Merge => {
                let rounds = data::merge().await?;
                Ok(Shown {
                    line: against(&rounds),
                    samples: json!(rounds),
                })
            }
            What::Find => {
                let found = data::find().await?;
                let bare = |pairs: &[data::Pair], bare: &[f64]| {
                    ratios(pairs.iter().zip(bare).map(|(pair, bare)| bare / pair.ours))
                };
                Ok(Shown {
                    line: format!(
                        "one row: {}; 300 rows: {}; against a connection that says once whose it is, one row: {}; 300 rows: {}",
                        against(&found.equal),
                        against(&found.range),
                        bare(&found.equal, &found.equal_bare),
                        bare(&found.range, &found.range_bare),
                    ),
                    samples: json!(found),
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
