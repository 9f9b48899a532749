//! The dialect's machine against Lua 5.4, yabasic and Rhai: the same ten programs in each, one after the other in each round.
//!
//! Ours runs with its limits on. Lua and yabasic are Debian's programs; Lua tells the time of the chunk itself, of yabasic
//! the time of an empty program is taken off. Times are those of the processor, so that others on the machine make nobody
//! slower than the rest. Each answer is compared with ours.

use std::process::Command;
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context as _, ensure};
use basic::{Input, Limits, Machine, Program, Start, Step, Value};
use chrono::Utc;
use nix::sys::resource::{UsageWho, getrusage};
use nix::sys::time::{TimeVal, TimeValLike as _};
use nix::time::{ClockId, clock_gettime};
use serde::Serialize;

/// Rounds of which the median counts.
const ROUNDS: usize = 7;
/// Between two looks at the clock, as the server has it.
const SLICE_STEPS: u64 = 20_000;

struct Task {
    name: &'static str,
    ours: &'static str,
    lua: &'static str,
    /// None where the language has nothing of the kind.
    yabasic: Option<&'static str>,
    rhai: &'static str,
}

macro_rules! task {
    ($name:literal, $yabasic:expr) => {
        Task {
            name: $name,
            ours: include_str!(concat!("machine/", $name, ".bas")),
            lua: include_str!(concat!("machine/", $name, ".lua")),
            yabasic: $yabasic,
            rhai: include_str!(concat!("machine/", $name, ".rhai")),
        }
    };
}

const TASKS: [Task; 10] = [
    task!("loop", Some(include_str!("machine/loop.yab"))),
    task!("fib", Some(include_str!("machine/fib.yab"))),
    task!("sieve", Some(include_str!("machine/sieve.yab"))),
    task!("mandelbrot", Some(include_str!("machine/mandelbrot.yab"))),
    task!("strings", Some(include_str!("machine/strings.yab"))),
    task!("sort", None),
    task!("dictionary", None),
    task!("walk", None),
    task!("records", None),
    task!("host", None),
];

/// Milliseconds of one task, round by round.
#[derive(Debug, Default, Serialize)]
pub struct Times {
    name: &'static str,
    ours: Vec<f64>,
    lua: Vec<f64>,
    yabasic: Vec<f64>,
    rhai: Vec<f64>,
}

#[derive(Debug, Serialize)]
pub struct Found {
    tasks: Vec<Times>,
    /// Microseconds to begin a script that says one thing.
    start_us: f64,
    waiting: Waiting,
}

/// A sample's dialog in the midst of it, with something in the cart.
#[derive(Debug, Serialize)]
struct Waiting {
    /// Of the stored state.
    bytes: usize,
    /// Microseconds to read it again, take the answer and come to the next effect.
    resume_us: f64,
}

impl Found {
    pub fn line(&self) -> String {
        let mut text = String::new();
        for task in &self.tasks {
            let ours = median(&task.ours);
            text.push_str(&format!("\n  {:<11} {ours:8.2} ms", task.name));
            for (name, times) in [
                ("Lua", &task.lua),
                ("yabasic", &task.yabasic),
                ("Rhai", &task.rhai),
            ] {
                if !times.is_empty() {
                    text.push_str(&format!(
                        "   {name} {:8.2} ms ({:.2})",
                        median(times),
                        median(times) / ours
                    ));
                }
            }
        }
        let mean = |of: fn(&Times) -> &Vec<f64>| {
            let ratios: Vec<f64> = self
                .tasks
                .iter()
                .filter(|task| !of(task).is_empty())
                .map(|task| (median(of(task)) / median(&task.ours)).ln())
                .collect();
            (ratios.iter().sum::<f64>() / ratios.len().max(1) as f64).exp()
        };
        format!(
            "{:.2} times as fast as Lua, {:.1} times as yabasic, {:.1} times as Rhai; a script starts in {:.1} µs; \
             one that waits is {} bytes and resumes in {:.1} µs{text}",
            mean(|task| &task.lua),
            mean(|task| &task.yabasic),
            mean(|task| &task.rhai),
            self.start_us,
            self.waiting.bytes,
            self.waiting.resume_us,
        )
    }
}

pub fn run() -> anyhow::Result<Found> {
    let folder = tempfile::tempdir()?;
    let empty = folder.path().join("empty.yab");
    std::fs::write(&empty, "print 1\n")?;
    let mut tasks = Vec::new();
    for task in &TASKS {
        let program = compiled(task.name, task.ours)?;
        let mut engine = rhai::Engine::new();
        engine.set_max_expr_depths(0, 0);
        engine.register_fn("host", |n: i64| n);
        let rhai = engine.compile(task.rhai).with_context(|| task.name.to_owned())?;
        let lua = folder.path().join("task.lua");
        std::fs::write(&lua, lua_harness(task.lua))?;
        let yabasic = folder.path().join("task.yab");
        if let Some(source) = task.yabasic {
            std::fs::write(&yabasic, source)?;
        }
        let mut times = Times {
            name: task.name,
            ..Times::default()
        };
        for _ in 0..ROUNDS {
            let (ours, answer) = run_ours(&program)?;
            times.ours.push(milliseconds(ours));

            let said = output(Command::new("lua5.4").arg(&lua)).context("lua5.4 is needed")?;
            let (time, theirs) = said.split_once(' ').context("Lua tells time and answer")?;
            times.lua.push(time.parse::<f64>()?);
            ensure!(
                theirs.trim() == answer,
                "{}: Lua says {theirs}, not {answer}",
                task.name
            );

            if task.yabasic.is_some() {
                let began = children_time()?;
                output(Command::new("yabasic").arg(&empty)).context("yabasic is needed")?;
                let nothing = children_time()?.saturating_sub(began);
                let began = children_time()?;
                let theirs = output(Command::new("yabasic").arg(&yabasic))?;
                let taken = children_time()?.saturating_sub(began);
                times.yabasic.push(milliseconds(taken.saturating_sub(nothing)));
                ensure!(
                    theirs.trim() == answer,
                    "{}: yabasic says {theirs}, not {answer}",
                    task.name
                );
            }

            let began = thread_time()?;
            let theirs: rhai::Dynamic = engine
                .eval_ast(&rhai)
                .map_err(|error| anyhow::anyhow!("{}: {error}", task.name))?;
            let taken = thread_time()?.saturating_sub(began);
            times.rhai.push(milliseconds(taken));
            ensure!(
                theirs.to_string() == answer,
                "{}: Rhai says {theirs}, not {answer}",
                task.name
            );
        }
        tasks.push(times);
    }
    Ok(Found {
        tasks,
        start_us: start_time()?,
        waiting: waiting()?,
    })
}

fn compiled(name: &str, source: &str) -> anyhow::Result<Arc<Program>> {
    let compiled = basic::compile(name, source);
    let program = compiled
        .program
        .with_context(|| format!("{name}: {:?}", compiled.diagnostics))?;
    Ok(Arc::new(program))
}

/// As the server runs it, with more steps: what is measured is not to end early.
fn run_ours(program: &Arc<Program>) -> anyhow::Result<(Duration, String)> {
    let limits = Limits {
        steps_per_turn: 1 << 40,
        ..Limits::default()
    };
    let now = Utc::now();
    let began = thread_time()?;
    let start = Start {
        seed: 1,
        variables: Vec::new(),
        limits,
    };
    let mut machine = Machine::start(program.clone(), start);
    let mut input = Input::Start;
    loop {
        input = match machine.run(input, now, SLICE_STEPS) {
            Step::Yielded => Input::Continue,
            Step::Request(mut request) => Input::Value(request.arguments.pop().unwrap_or_default()),
            Step::Ended(value) => {
                let taken = thread_time()?.saturating_sub(began);
                return Ok((taken, value.to_string()));
            }
            other => anyhow::bail!("unexpected {other:?}"),
        };
    }
}

/// Of a script that says one thing and waits, from its program to its first effect.
fn start_time() -> anyhow::Result<f64> {
    let program = compiled(
        "start",
        "TALK \"Good morning, \" + username\nHEAR wish\nTALK wish",
    )?;
    let now = Utc::now();
    let mut times = Vec::new();
    for _ in 0..1_000 {
        let began = Instant::now();
        let start = Start {
            seed: 1,
            variables: vec![("username".to_owned(), Value::from("Ana"))],
            limits: Limits::default(),
        };
        let mut machine = Machine::start(program.clone(), start);
        let step = machine.run(Input::Start, now, SLICE_STEPS);
        times.push(began.elapsed().as_secs_f64() * 1e6);
        ensure!(matches!(step, Step::Effect(_)), "it says something");
    }
    Ok(median(&times))
}

fn waiting() -> anyhow::Result<Waiting> {
    let source = include_str!("../../botserver/samples/shop.gbai/shop.gbdialog/start.bas");
    let program = compiled("shop", source)?;
    let (now, limits) = (Utc::now(), Limits::default());
    let settings = [
        ("currency", "EUR".into()),
        ("free_from", 50.into()),
        ("postage", Value::Number(4.9)),
    ];
    let start = Start {
        seed: 1,
        variables: settings.map(|(name, value)| (name.to_owned(), value)).into(),
        limits: limits.clone(),
    };
    let mut machine = Machine::start(program.clone(), start);
    let mut input = Input::Start;
    let mut answers = ["Add to cart", "Sencha", "2", "Add to cart", "Teapot", "1"].into_iter();
    loop {
        input = match machine.run(input, now, SLICE_STEPS) {
            Step::Yielded | Step::Effect(_) => Input::Continue,
            Step::Waiting(_) => match answers.next() {
                Some(answer) => answered(answer),
                None => break,
            },
            other => anyhow::bail!("unexpected {other:?}"),
        };
    }
    let stored = machine.suspend();
    let mut times = Vec::new();
    for _ in 0..1_000 {
        let began = Instant::now();
        let mut machine = Machine::restore(&stored, std::slice::from_ref(&program), limits.clone())?;
        let step = machine.run(answered("Cart"), now, SLICE_STEPS);
        times.push(began.elapsed().as_secs_f64() * 1e6);
        ensure!(matches!(step, Step::Effect(_)), "it says something");
    }
    Ok(Waiting {
        bytes: stored.len(),
        resume_us: median(&times),
    })
}

fn answered(text: &str) -> Input {
    Input::Answer {
        text: text.to_owned(),
        files: Vec::new(),
    }
}

fn lua_harness(chunk: &str) -> String {
    format!(
        "host = function(n) return n end\nlocal task = function()\n{chunk}\nend\nlocal began = os.clock()\nlocal answer = task()\n\
         local time = os.clock() - began\nprint(string.format('%.6f %s', time * 1000, tostring(answer)))\n"
    )
}

fn output(command: &mut Command) -> anyhow::Result<String> {
    let output = command.output()?;
    ensure!(
        output.status.success(),
        "{command:?}: {}",
        String::from_utf8_lossy(&output.stderr)
    );
    Ok(String::from_utf8_lossy(&output.stdout).into_owned())
}

/// What this thread had of processors so far.
fn thread_time() -> anyhow::Result<Duration> {
    Ok(clock_gettime(ClockId::CLOCK_THREAD_CPUTIME_ID)?.into())
}

/// What all processes that were started and have ended had of them.
fn children_time() -> anyhow::Result<Duration> {
    let usage = getrusage(UsageWho::RUSAGE_CHILDREN)?;
    let micros = |time: TimeVal| Duration::from_micros(u64::try_from(time.num_microseconds()).unwrap_or(0));
    Ok(micros(usage.user_time()) + micros(usage.system_time()))
}

fn milliseconds(time: Duration) -> f64 {
    time.as_secs_f64() * 1_000.0
}

fn median(times: &[f64]) -> f64 {
    let mut sorted = times.to_vec();
    sorted.sort_by(f64::total_cmp);
    sorted.get(sorted.len() / 2).copied().unwrap_or(f64::NAN)
}
