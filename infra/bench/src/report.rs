//! What a run found: a table for people, and the raw samples for whoever doubts it.

use std::fmt;
use std::path::{Path, PathBuf};

use serde::Serialize;
use serde_json::json;

use crate::rows::Row;
use crate::scenes::{Scene, Shown};
use crate::stage::{Sample, Stage};

/// Both sides of a row, run one after the other.
#[derive(Debug, Clone, Copy, Serialize)]
pub struct Round {
    pub ours: Sample,
    pub theirs: Sample,
}

impl Sample {
    fn rate(&self) -> f64 {
        self.operations as f64 / self.seconds
    }

    fn cpu_micros(&self) -> f64 {
        self.cpu_seconds * 1e6 / self.operations as f64
    }

    fn wal(&self) -> f64 {
        self.wal_bytes as f64 / self.operations as f64
    }
}

impl Round {
    fn ratio(&self) -> f64 {
        self.ours.rate() / self.theirs.rate()
    }
}

impl fmt::Display for Round {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (ours, theirs) = (&self.ours, &self.theirs);
        write!(
            f,
            "{:>8.0}/s of {:>8.0}/s = {:.2}; CPU {:.0} and {:.0} µs, WAL {:.0} and {:.0} bytes each",
            ours.rate(),
            theirs.rate(),
            self.ratio(),
            ours.cpu_micros(),
            theirs.cpu_micros(),
            ours.wal(),
            theirs.wal()
        )
    }
}

pub struct Report {
    machine: String,
    rounds: u32,
    seconds: u64,
    found: Vec<(&'static str, Option<f64>, Vec<Round>)>,
    scenes: Vec<(&'static str, &'static str, Shown)>,
}

impl Report {
    pub async fn new(stage: &Stage, rounds: u32, seconds: u64) -> anyhow::Result<Report> {
        let (server, commits): (String, String) =
            sqlx::query_as("select current_setting('server_version'), current_setting('synchronous_commit')")
                .fetch_one(&stage.owner)
                .await?;
        let cores = std::thread::available_parallelism()?;
        let load = std::fs::read_to_string("/proc/loadavg")?;
        let load = load.split(' ').next().unwrap_or_default();
        Ok(Report {
            machine: format!(
                "{cores} cores, load {load} before; PostgreSQL {server}, synchronous_commit {commits}"
            ),
            rounds,
            seconds,
            found: Vec::new(),
            scenes: Vec::new(),
        })
    }

    pub fn add(&mut self, row: &Row, round: Round) {
        match self.found.last_mut() {
            Some((name, _, rounds)) if *name == row.name => rounds.push(round),
            _ => self.found.push((row.name, row.goal, vec![round])),
        }
    }

    pub fn add_scene(&mut self, scene: &Scene, shown: Shown) {
        self.scenes.push((scene.name, scene.goal, shown));
    }

    /// In Markdown, as docs/benchmarks.md keeps it.
    pub fn table(&self) -> String {
        let mut text = format!(
            "{}, {} rounds of {} s; {}.\n\n",
            chrono::Utc::now().format("%Y-%m-%d"),
            self.rounds,
            self.seconds,
            self.machine
        );
        if !self.found.is_empty() {
            text += "| Row | Ratio (least to greatest) | Goal | Ours/s | Theirs/s | CPU µs, ours : theirs \
                     | WAL bytes, ours : theirs |\n|---|---|---|---|---|---|---|\n";
        }
        for (name, goal, rounds) in &self.found {
            let ratios = Spread::of(rounds.iter().map(Round::ratio));
            let of = |value: fn(&Sample) -> f64| {
                let ours = Spread::of(rounds.iter().map(|round| value(&round.ours)));
                let theirs = Spread::of(rounds.iter().map(|round| value(&round.theirs)));
                (ours.median, theirs.median)
            };
            let (rate, cpu, wal) = (of(Sample::rate), of(Sample::cpu_micros), of(Sample::wal));
            let goal = goal.map_or_else(|| "–".to_owned(), |goal| format!("{goal:.1}"));
            text += &format!(
                "| {name} | {:.2} ({:.2} to {:.2}) | {goal} | {:.0} | {:.0} | {:.0} : {:.0} | {:.0} : {:.0} |\n",
                ratios.median, ratios.least, ratios.greatest, rate.0, rate.1, cpu.0, cpu.1, wal.0, wal.1
            );
        }
        if !self.scenes.is_empty() {
            text += "\n| Scene | Found | Goal |\n|---|---|---|\n";
        }
        for (name, goal, shown) in &self.scenes {
            text += &format!("| {name} | {} | {goal} |\n", shown.line.replace('\n', "<br>"));
        }
        text
    }

    /// Writes the raw samples to a file of this run's own.
    pub fn keep(&self, folder: &Path) -> anyhow::Result<PathBuf> {
        std::fs::create_dir_all(folder)?;
        let now = chrono::Utc::now();
        let path = folder.join(format!("{}.json", now.format("%Y-%m-%dT%H-%M-%SZ")));
        let rows: Vec<_> = self
            .found
            .iter()
            .map(|(name, goal, rounds)| json!({"name": name, "goal": goal, "rounds": rounds}))
            .collect();
        let scenes: Vec<_> = self
            .scenes
            .iter()
            .map(|(name, goal, shown)| json!({"name": name, "goal": goal, "samples": shown.samples}))
            .collect();
        let run = json!({
            "at": now, "machine": self.machine, "seconds": self.seconds, "rows": rows, "scenes": scenes,
        });
        std::fs::write(&path, serde_json::to_string_pretty(&run)?)?;
        Ok(path)
    }
}

/// Of several values: the one in the middle, and how far they lie apart.
pub struct Spread {
    pub median: f64,
    pub least: f64,
    pub greatest: f64,
}

impl Spread {
    pub fn of(values: impl Iterator<Item = f64>) -> Spread {
        let mut values: Vec<f64> = values.collect();
        values.sort_by(f64::total_cmp);
        let at = |index: usize| values.get(index).copied().unwrap_or_default();
        let last = values.len().saturating_sub(1);
        Spread {
            // Of an even number the mean of the two in the middle.
            median: f64::midpoint(at(last / 2), at(values.len() / 2)),
            least: at(0),
            greatest: at(last),
        }
    }
}
