//! How soon an event can be read while somebody reads an old snapshot of the database, and somebody else has written in
//! another one and does not end.

use std::time::Duration;

use projections::{Options, Projections};
use sqlx::{Connection, PgConnection};
use tokio::sync::watch;
use uuid::Uuid;

use crate::distribution::Distribution;
use crate::stage::Stage;
use crate::visible::followed;

pub struct Readers {
    pub without: Distribution,
    pub with: Distribution,
    pub rate: f64,
}

pub async fn run(rate: f64, rounds: u32, time: Duration) -> anyhow::Result<Readers> {
    let stage = Stage::empty().await?;
    let (_stop, stopped) = watch::channel(false);
    let projector = stage.pool("botserver_projector", 8);
    let (projections, _tasks) =
        Projections::start(&projector, &stage.feed, &Options::new(Uuid::now_v7()), &stopped);
    sqlx::query("create database elsewhere")
        .execute(&stage.owner)
        .await?;
    // Plans are made, keys exist.
    followed(&stage, &projections, rate, time.min(Duration::from_secs(2))).await?;
    let (mut without, mut with) = (Vec::new(), Vec::new());
    for _ in 0..rounds {
        without.push(followed(&stage, &projections, rate, time).await?);
        let options = stage.cluster.connect_options(local_postgres::OWNER);
        let mut reader = PgConnection::connect_with(&options).await?;
        sqlx::raw_sql("begin isolation level repeatable read; select count(*) from log.events")
            .execute(&mut reader)
            .await?;
        let mut writer = PgConnection::connect_with(&options.database("elsewhere")).await?;
        sqlx::raw_sql("begin; create table if not exists held (id bigint); insert into held values (1)")
            .execute(&mut writer)
            .await?;
        with.push(followed(&stage, &projections, rate, time).await?);
        for mut connection in [reader, writer] {
            sqlx::raw_sql("rollback").execute(&mut connection).await?;
            connection.close().await?;
        }
    }
    Ok(Readers {
        without: without.into_iter().sum(),
        with: with.into_iter().sum(),
        rate,
    })
}
