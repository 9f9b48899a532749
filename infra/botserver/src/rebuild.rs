//! Commands for the operator about rebuilds: making rows again, comparing, going back.

use std::io::Write;
use std::time::{Duration, Instant};

use chrono::SecondsFormat;
use indicatif::{ProgressBar, ProgressStyle};
use projections::{Certificate, Progress, RebuildOptions, Stage};
use uuid::Uuid;

use crate::administration::{feed, reach};
use crate::config::Config;

/// As long as servers wait for each other.
const PATIENCE: Duration = Duration::from_secs(10);
/// Certificates that are listed.
const LISTED: i64 = 100;

/// What was asked of a rebuild.
pub struct Terms {
    pub events_per_second: Option<u32>,
    pub switch: bool,
    pub restart: bool,
}

/// `botserver projections rebuild NAME`.
pub async fn rebuild(config: &Config, name: &str, terms: &Terms, out: &mut dyn Write) -> anyhow::Result<()> {
    let (database, pools) = reach(config).await?;
    let options = RebuildOptions {
        events_per_second: terms.events_per_second,
        switch: terms.switch,
        restart: terms.restart,
        ..RebuildOptions::new(Uuid::now_v7(), PATIENCE)
    };
    let (bar, started) = (Bar::new(), Instant::now());
    let tell = |progress| bar.tell(progress);
    let rebuilt = projections::rebuild(&pools.projector, &feed(&pools), name, &options, tell).await;
    bar.end();
    let rebuilt = rebuilt?;
    let seconds = started.elapsed().as_secs_f64();
    if rebuilt.from.0 > 0 {
        writeln!(
            out,
            "went on at position {}, where an interrupted rebuild stopped",
            rebuilt.from
        )?;
    }
    let rate = (rebuilt.to.0 - rebuilt.from.0) as f64 / seconds.max(0.001);
    writeln!(
        out,
        "rebuilt {name} through position {} in {seconds:.1} s, {rate:.0} events a second",
        rebuilt.to
    )?;
    if let Some(certificate) = &rebuilt.certificate {
        print(certificate, out)?;
    }
    database.stop().await
}

/// `botserver projections rollback NAME`.
pub async fn roll_back(config: &Config, name: &str, out: &mut dyn Write) -> anyhow::Result<()> {
    let (database, pools) = reach(config).await?;
    let options = RebuildOptions::new(Uuid::now_v7(), PATIENCE);
    let bar = Bar::new();
    let tell = |progress| bar.tell(progress);
    let brought = projections::roll_back(&pools.projector, &feed(&pools), name, &options, tell).await;
    bar.end();
    let brought = brought?;
    writeln!(
        out,
        "{name} is read from the rows of before, brought from position {} to {}",
        brought.from, brought.to
    )?;
    database.stop().await
}

/// `botserver projections certificates [NAME]`.
pub async fn certificates(config: &Config, name: Option<&str>, out: &mut dyn Write) -> anyhow::Result<()> {
    let (database, pools) = reach(config).await?;
    let found = projections::certificates(&pools.projector, name, LISTED).await?;
    if found.is_empty() {
        writeln!(out, "nothing was rebuilt yet")?;
    }
    for certificate in &found {
        print(certificate, out)?;
    }
    database.stop().await
}

fn print(certificate: &Certificate, out: &mut dyn Write) -> std::io::Result<()> {
    let verdict = if certificate.equal {
        "rows equal"
    } else {
        "rows differ"
    };
    let moment = |at: chrono::DateTime<chrono::Utc>| at.to_rfc3339_opts(SecondsFormat::Secs, true);
    let versions = match certificate.from_version {
        Some(from) => format!("version {} against {from}", certificate.to_version),
        None => format!("version {} against nothing", certificate.to_version),
    };
    writeln!(
        out,
        "certificate {} of {}: {verdict} at position {}, {versions}",
        certificate.id,
        moment(certificate.issued_at),
        certificate.position
    )?;
    for table in &certificate.tables {
        writeln!(
            out,
            "  {}: {} rows, sha256 {}",
            table.table, table.built_rows, table.built_digest
        )?;
        if table.live_digest != table.built_digest {
            writeln!(
                out,
                "    live: {} rows, sha256 {}; only live {}, only new {}",
                table.live_rows, table.live_digest, table.only_live, table.only_built
            )?;
        }
    }
    match certificate.switched_at {
        Some(at) => writeln!(
            out,
            "  {}: the new rows are read since {}",
            certificate.name,
            moment(at)
        ),
        None => writeln!(out, "  {}: the new rows are not read", certificate.name),
    }
}

/// A bar on standard error with rate and remaining time; nothing where that is no terminal.
struct Bar(ProgressBar);

impl Bar {
    fn new() -> Self {
        let bar = ProgressBar::no_length();
        bar.enable_steady_tick(Duration::from_millis(200));
        Self(bar)
    }

    fn tell(&self, progress: Progress) {
        let position = |position: event_log::Position| u64::try_from(position.0).unwrap_or(0);
        if self.0.length().is_none() {
            let template = "{msg:<10} [{bar:30}] {human_pos} of {human_len} events, {per_sec}, {eta} left";
            if let Ok(style) = ProgressStyle::with_template(template) {
                self.0.set_style(style.progress_chars("=> "));
            }
            // So that what an interrupted rebuild did does not count as fast.
            self.0.set_position(position(progress.from));
            self.0.reset_eta();
        }
        self.0.set_length(position(progress.target));
        self.0.set_position(position(progress.position));
        self.0.set_message(match progress.stage {
            Stage::Building => "building",
            Stage::Indexing => "indexing",
            Stage::Comparing => "comparing",
            Stage::Switching => "switching",
        });
    }

    fn end(&self) {
        self.0.finish_and_clear();
    }
}
