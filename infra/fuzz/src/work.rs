//! The loop of one target, in a process of its own.

use std::collections::BTreeSet;
use std::fs::{File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::FileExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use nix::sys::resource::{UsageWho, getrusage};
use nix::sys::time::{TimeVal, TimeValLike as _};
use rand::SeedableRng as _;
use rand::rngs::StdRng;

use crate::attempt::{Finding, attempt};
use crate::coverage::Coverage;
use crate::mutate::changed;
use crate::pool::Pool;
use crate::shrink::shrunk;
use crate::{Target, Worth, corpus};

/// As the server's threads have it.
const STACK_BYTES: usize = 2 << 20;
/// An input that keeps the processor longer hangs.
const HANG: Duration = Duration::from_secs(20);
/// Inputs that a run adds to the repository for a target at most.
const KEPT_MAX: usize = 40;
/// Faults told in one run: whoever has more mends these first.
const FINDINGS_MAX: usize = 20;

/// What a worker is to do.
#[derive(Clone, Debug)]
pub struct Task {
    pub seed: u64,
    pub time: Duration,
    /// Inputs after which it is over before the time is.
    pub tries_max: u64,
    /// Where findings go, and inputs that are kept; a folder for each target.
    pub corpus: PathBuf,
    /// What reached something new in earlier runs, as a folder for each target.
    pub reached: PathBuf,
    /// Whether the smallest inputs that reach all that was reached go to the corpus.
    pub keep: bool,
}

/// What a worker did.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Done {
    pub executions: u64,
    pub findings: Vec<PathBuf>,
    /// Places that were reached, and how many there are.
    pub reached: (usize, usize),
    pub inputs: usize,
    /// The input that took longest.
    pub slowest: Duration,
}

/// Where the worker notes what it tries, for whoever finds it dead.
pub fn notes(task: &Task, target: &Target) -> PathBuf {
    task.reached.join(format!("{}.trying", target.name))
}

/// Tries inputs until the time is over. Ends the process where an input hangs.
pub fn work(target: &'static Target, task: Task, out: impl Write + Send + 'static) -> io::Result<Done> {
    let tried = Arc::new(AtomicU64::new(0));
    let (finished, watched) = (Arc::downgrade(&tried), Arc::clone(&tried));
    std::thread::spawn(move || {
        drop(watched);
        let (mut last, mut since) = (0, processor_time());
        while let Some(tried) = finished.upgrade() {
            let now = tried.load(Ordering::Relaxed);
            drop(tried);
            if now != last {
                (last, since) = (now, processor_time());
            } else if processor_time().saturating_sub(since) > HANG {
                // What was tried is in the notes.
                std::process::abort();
            }
            std::thread::sleep(Duration::from_millis(200));
        }
    });
    std::thread::Builder::new()
        .stack_size(STACK_BYTES)
        .spawn(move || {
            let mut worker = Worker::new(target, task, tried, out)?;
            worker.run()?;
            Ok(worker.done())
        })?
        .join()
        .expect("a worker catches what its target does")
}

struct Worker<W> {
    target: &'static Target,
    task: Task,
    tried: Arc<AtomicU64>,
    notes: File,
    coverage: Coverage,
    pool: Pool,
    known: BTreeSet<String>,
    findings: Vec<PathBuf>,
    slowest: Duration,
    out: W,
}

impl<W: Write> Worker<W> {
    fn new(target: &'static Target, task: Task, tried: Arc<AtomicU64>, out: W) -> io::Result<Worker<W>> {
        std::fs::create_dir_all(&task.reached)?;
        let notes = OpenOptions::new()
            .create(true)
            .write(true)
            .truncate(true)
            .open(notes(&task, target))?;
        Ok(Worker {
            target,
            task,
            tried,
            notes,
            coverage: Coverage::new(),
            pool: Pool::default(),
            known: BTreeSet::new(),
            findings: Vec::new(),
            slowest: Duration::ZERO,
            out,
        })
    }

    fn run(&mut self) -> io::Result<()> {
        let until = Instant::now() + self.task.time;
        let folders: [&Path; 2] = [&self.task.corpus.clone(), &self.task.reached.clone()];
        for input in corpus::beginnings(self.target, &folders)? {
            if input.len() <= self.target.bytes_max && self.new_places(&input)? > 0 {
                self.pool.add(input);
            }
        }
        let mut random = StdRng::seed_from_u64(self.task.seed);
        while Instant::now() < until
            && self.findings.len() < FINDINGS_MAX
            && self.tried.load(Ordering::Relaxed) < self.task.tries_max
        {
            let input = changed(self.target, &self.pool, &mut random);
            let gain = self.new_places(&input)?;
            if gain > 0 && self.coverage.counts() && input.len() <= self.target.bytes_max {
                let folder = self.task.reached.join(self.target.name);
                corpus::write(&folder, "", self.target.kind, &input)?;
                self.pool.add(input);
            }
        }
        if self.task.keep {
            self.keep()?;
        }
        Ok(())
    }

    /// Tries an input; how much it reaches that nothing before did. Where nothing is counted, every input is as good.
    fn new_places(&mut self, input: &[u8]) -> io::Result<usize> {
        self.note(input)?;
        self.coverage.begin();
        let began = processor_time();
        let outcome = attempt(self.target, input);
        let taken = processor_time().saturating_sub(began);
        if taken > self.slowest {
            self.slowest = taken;
            let path = self.task.reached.join(format!("{}.slowest", self.target.name));
            std::fs::write(path, input)?;
        }
        self.tried.fetch_add(1, Ordering::Relaxed);
        match outcome {
            Ok(Worth::Perhaps) if self.coverage.counts() => Ok(self.coverage.take_new()),
            Ok(Worth::Perhaps) => Ok(1),
            Ok(Worth::Nothing) => Ok(0),
            Err(finding) => {
                if self.known.insert(finding.name.clone()) {
                    self.tell(input, &finding)?;
                }
                Ok(0)
            }
        }
    }

    fn note(&self, input: &[u8]) -> io::Result<()> {
        let length = (input.len() as u64).to_le_bytes();
        self.notes.write_all_at(&[&length, input].concat(), 0)
    }

    fn tell(&mut self, input: &[u8], finding: &Finding) -> io::Result<()> {
        let small = shrunk(self.target, input, finding);
        let folder = self.task.corpus.join(self.target.name);
        let path = corpus::write(&folder, corpus::FINDING, self.target.kind, &small)?;
        let detail: String = finding.detail.chars().take(2_000).collect();
        writeln!(
            self.out,
            "{:<12} FOUND {}: {detail}\n             {}",
            self.target.name,
            finding.name,
            path.display()
        )?;
        self.findings.push(path);
        Ok(())
    }

    /// Of all inputs the smallest that together reach what all do, as far as the seeds do not; those first that reach most.
    fn keep(&mut self) -> io::Result<()> {
        self.coverage = Coverage::new();
        for seed in (self.target.seeds)() {
            self.new_places(&seed)?;
        }
        let mut inputs = self.pool.inputs().to_vec();
        inputs.sort_by_key(Vec::len);
        let mut gains = Vec::new();
        for input in inputs {
            gains.push((self.new_places(&input)?, input));
        }
        gains.retain(|(gain, _)| *gain > 0);
        gains.sort_by_key(|(gain, input)| (std::cmp::Reverse(*gain), input.len()));
        for (_, input) in gains.into_iter().take(KEPT_MAX) {
            let folder = self.task.corpus.join(self.target.name);
            corpus::write(&folder, "", self.target.kind, &input)?;
        }
        Ok(())
    }

    fn done(self) -> Done {
        Done {
            executions: self.tried.load(Ordering::Relaxed),
            findings: self.findings,
            reached: self.coverage.reached(),
            inputs: self.pool.len(),
            slowest: self.slowest,
        }
    }
}

/// What this process has had of processors: a busy machine makes nothing slower by this clock.
fn processor_time() -> Duration {
    let usage = getrusage(UsageWho::RUSAGE_SELF);
    let micros = |time: TimeVal| Duration::from_micros(u64::try_from(time.num_microseconds()).unwrap_or(0));
    usage.map_or(Duration::ZERO, |usage| {
        micros(usage.user_time()) + micros(usage.system_time())
    })
}

/// What a worker noted last.
pub fn noted(task: &Task, target: &Target) -> io::Result<Vec<u8>> {
    let content = std::fs::read(notes(task, target))?;
    let Some((length, rest)) = content.split_first_chunk::<8>() else {
        return Ok(Vec::new());
    };
    let length = usize::try_from(u64::from_le_bytes(*length)).unwrap_or(usize::MAX);
    Ok(rest[..length.min(rest.len())].to_vec())
}
