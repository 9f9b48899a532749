//! Statements of scripts on tables, against the same SQL by hand: same table, same indexes, same role, in turns.
//!
//! A script is run by a process as the product has it, so that its statements are parsed, checked, recorded and committed.
//! It asks for an address before and after what is measured, and whoever answers looks at the clock.

mod process;
mod tables;

use std::time::Duration;

use basic::Value;
use serde::Serialize;
use sqlx::{PgPool, Postgres, Row as _, Transaction};

use process::Process;

/// Rows of one MERGE.
const MERGED: i64 = 10_000;
/// Rows that FIND looks among.
const FOUND_AMONG: i64 = 1_000_000;
/// Statements that each side of a round runs one after the other.
const FINDS: i64 = 200;
/// Rows that a range has.
const RANGE: i64 = 300;
const MERGE_ROUNDS: u32 = 9;
const FIND_ROUNDS: u32 = 9;

/// Milliseconds of both sides in one round.
#[derive(Debug, Clone, Copy, Serialize)]
pub struct Pair {
    pub ours: f64,
    pub by_hand: f64,
}

impl Pair {
    /// How many times as fast ours is.
    pub fn ratio(&self) -> f64 {
        self.by_hand / self.ours
    }
}

/// What FIND was compared with.
#[derive(Debug, Serialize)]
pub struct Finds {
    /// Of one row by an indexed field.
    pub equal: Vec<Pair>,
    /// Of some hundred rows by their keys.
    pub range: Vec<Pair>,
    /// By hand without a transaction of its own, on a connection that says once whose it is.
    pub equal_bare: Vec<f64>,
    pub range_bare: Vec<f64>,
}

/// MERGE of many rows of which half are there, against one INSERT … ON CONFLICT DO UPDATE.
pub async fn merge() -> anyhow::Result<Vec<Pair>> {
    let process = Process::start(tables::MERGING).await?;
    let path = process.path("guests");
    let mut rounds = Vec::new();
    // The first round is not counted: plans are made, pages are cached.
    for round in 0..=MERGE_ROUNDS {
        let mut times = [0.0; 2];
        // Whoever comes second finds what the first left in the caches, so they take turns at that too.
        for side in [round % 2, (round + 1) % 2] {
            prepare_merge(&process, &path).await?;
            times[side as usize] = match side {
                0 => process.time(&MERGED.to_string()).await?,
                _ => milliseconds(by_hand_merge(&process, &path)).await?,
            };
        }
        let count: i64 = sqlx::query_scalar(&format!("select count(*) from {path}"))
            .fetch_one(&process.owner)
            .await?;
        anyhow::ensure!(count == MERGED, "{count} rows");
        if round > 0 {
            rounds.push(Pair {
                ours: times[0],
                by_hand: times[1],
            });
        }
    }
    Ok(rounds)
}

/// Every other row is there.
async fn prepare_merge(process: &Process, path: &str) -> anyhow::Result<()> {
    for sql in [
        format!("truncate {path}"),
        format!(
            "insert into {path} (id, name, email, total, born, open, \"__subject\")
             select n, 'Before ' || n, 'b' || n || '@example.org', 1, '1990-01-01', false, gen_random_uuid()
               from generate_series(1, {MERGED}, 2) n"
        ),
        format!("analyze {path}"),
        "checkpoint".to_owned(),
    ] {
        sqlx::query(&sql).execute(&process.owner).await?;
    }
    Ok(())
}

async fn by_hand_merge(process: &Process, path: &str) -> anyhow::Result<()> {
    let mut ids = Vec::new();
    let (mut names, mut emails, mut totals) = (Vec::new(), Vec::new(), Vec::new());
    let (mut born, mut open) = (Vec::new(), Vec::new());
    let day = chrono::NaiveDate::from_ymd_opt(1990, 5, 1).unwrap_or_default();
    for n in 1..=MERGED {
        ids.push(n);
        names.push(format!("Guest {n}"));
        emails.push(format!("g{n}@example.org"));
        totals.push(n as f64 + 0.5);
        born.push(day);
        open.push(n % 2 == 0);
    }
    let mut transaction = begin(process).await?;
    let sql = format!(
        "insert into {path} (id, name, email, total, born, open, \"__subject\")
         select id, name, email, total, born, open, $7
           from unnest($1::bigint[], $2::text[], $3::text[], $4::numeric[], $5::date[], $6::boolean[])
             as g(id, name, email, total, born, open)
         on conflict (id) do update set name = excluded.name, email = excluded.email, total = excluded.total,
           born = excluded.born, open = excluded.open, \"__changed_at\" = now()"
    );
    sqlx::query(&sql)
        .bind(ids)
        .bind(names)
        .bind(emails)
        .bind(totals)
        .bind(born)
        .bind(open)
        .bind(uuid::Uuid::now_v7())
        .execute(&mut *transaction)
        .await?;
    transaction.commit().await?;
    Ok(())
}

/// A transaction that sees the rows of the organisation, as whoever writes the SQL would open it.
async fn begin(process: &Process) -> anyhow::Result<Transaction<'static, Postgres>> {
    let mut transaction = process.app.begin().await?;
    sqlx::query("select set_config('app.tenant', $1, true)")
        .bind(process.tenant())
        .execute(&mut *transaction)
        .await?;
    Ok(transaction)
}

/// FIND of one row and of some hundred among a million.
pub async fn find() -> anyhow::Result<Finds> {
    let process = Process::start(tables::FINDING).await?;
    let path = process.path("orders");
    for sql in [
        format!(
            "insert into {path} (id, number, customer, total, placed, open, \"__subject\")
             select n, 'N' || n, 'Customer ' || n % 5000, n % 1000 + 0.25, date '2026-01-01' + (n % 365)::integer,
                    n % 3 = 0, gen_random_uuid() from generate_series(1, {FOUND_AMONG}) n"
        ),
        format!("vacuum analyze {path}"),
        "checkpoint".to_owned(),
    ] {
        sqlx::query(&sql).execute(&process.owner).await?;
    }
    let mut found = Finds {
        equal: Vec::new(),
        range: Vec::new(),
        equal_bare: Vec::new(),
        range_bare: Vec::new(),
    };
    let bare = process.bare().await?;
    for round in 0..=FIND_ROUNDS {
        for kind in ["equal", "range"] {
            let mut times = [0.0; 3];
            for turn in 0..3 {
                let side = (round + turn) % 3;
                times[side as usize] = match side {
                    0 => process.time(&format!("{kind} {round}")).await?,
                    1 => milliseconds(by_hand_finds(&process, None, &path, kind, round)).await?,
                    _ => milliseconds(by_hand_finds(&process, Some(&bare), &path, kind, round)).await?,
                };
            }
            if round == 0 {
                continue;
            }
            let pair = Pair {
                ours: times[0],
                by_hand: times[1],
            };
            let (pairs, bare) = match kind {
                "equal" => (&mut found.equal, &mut found.equal_bare),
                _ => (&mut found.range, &mut found.range_bare),
            };
            pairs.push(pair);
            bare.push(times[2]);
        }
    }
    Ok(found)
}

async fn by_hand_finds(
    process: &Process,
    bare: Option<&PgPool>,
    path: &str,
    kind: &str,
    round: u32,
) -> anyhow::Result<()> {
    let columns = "id, number, customer, total::float8, placed, open";
    let sql = match kind {
        "equal" => format!("select {columns} from {path} where number = $1 order by id"),
        _ => format!("select {columns} from {path} where id >= $1 and id < $2 order by id"),
    };
    for n in 1..=FINDS {
        let at = tables::place(n, round.into());
        let query = match kind {
            "equal" => sqlx::query(&sql).bind(format!("N{at}")),
            _ => sqlx::query(&sql).bind(at).bind(at + RANGE),
        };
        let rows = match bare {
            Some(pool) => query.fetch_all(pool).await?,
            None => {
                let mut transaction = begin(process).await?;
                let rows = query.fetch_all(&mut *transaction).await?;
                transaction.commit().await?;
                rows
            }
        };
        let mut records = Vec::with_capacity(rows.len());
        for row in rows {
            let total: f64 = row.try_get(3)?;
            let fields: basic::Object = [
                ("id", Value::Integer(row.try_get(0)?)),
                ("number", Value::from(row.try_get::<String, _>(1)?)),
                ("customer", Value::from(row.try_get::<String, _>(2)?)),
                ("total", Value::Number(total)),
                ("placed", Value::Date(row.try_get(4)?)),
                ("open", Value::Bool(row.try_get(5)?)),
            ]
            .into_iter()
            .collect();
            records.push(Value::Object(fields));
        }
        let wanted = if kind == "equal" { 1 } else { RANGE as usize };
        let records: basic::Array = records.into_iter().collect();
        anyhow::ensure!(records.len() == wanted, "{} rows by hand", records.len());
    }
    Ok(())
}

async fn milliseconds(work: impl Future<Output = anyhow::Result<()>>) -> anyhow::Result<f64> {
    let started = std::time::Instant::now();
    work.await?;
    Ok(in_milliseconds(started.elapsed()))
}

fn in_milliseconds(time: Duration) -> f64 {
    time.as_secs_f64() * 1e3
}
