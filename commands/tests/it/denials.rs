//! Refused access is counted, and a flood of it cannot fill the log.

use std::net::{IpAddr, Ipv4Addr};

use commands::{Denials, Executor};
use domain::access::{AccessEvent, Denial};
use domain::{OrganisationId, decode};
use event_log::EventLog;
use sqlx::postgres::PgPoolOptions;
use uuid::Uuid;

use crate::world::{World, minute};

const ADDRESS: IpAddr = IpAddr::V4(Ipv4Addr::new(192, 0, 2, 1));

/// What was counted of one tenant, by reason.
async fn counted(world: &World, tenant: OrganisationId) -> Vec<(Denial, u32)> {
    let streams: Vec<String> = sqlx::query_scalar(
        "select aggregate_id from log.events where aggregate_type = 'access' and tenant_id = $1",
    )
    .bind(tenant.0)
    .fetch_all(&world.log_pool)
    .await
    .expect("readable");
    let mut counted = Vec::new();
    for stream in streams {
        let stream = event_log::StreamId::new("access", stream);
        for event in world.log().load(tenant.0, &stream, 0).await.expect("readable") {
            assert!(
                !event.payload.to_string().contains("192.0.2."),
                "{}",
                event.payload
            );
            let AccessEvent::Denied {
                reason,
                count,
                minute: at,
                ..
            } = decode(&event.event_type, event.event_version, &event.payload).expect("ours");
            assert_eq!(at, minute(3));
            counted.push((reason, count));
        }
    }
    counted.sort();
    counted
}

fn almost_four() -> chrono::DateTime<chrono::Utc> {
    minute(4) - chrono::TimeDelta::milliseconds(1)
}

#[tokio::test]
async fn a_flood_from_one_address_becomes_one_event() {
    let world = World::new().await;
    let executor = Executor::new(world.log());
    let denials = Denials::default();
    for _ in 0..100_000 {
        denials.count(world.tenant, Denial::Unauthenticated, ADDRESS);
    }
    assert_eq!(denials.flush(&executor, almost_four()).await.expect("written"), 1);
    assert_eq!(
        counted(&world, world.tenant).await,
        [(Denial::Unauthenticated, 100_000)]
    );
    assert_eq!(
        denials
            .flush(&executor, almost_four())
            .await
            .expect("nothing is left"),
        0
    );
    assert_eq!(world.count("select count(*) from log.events").await, 1);
}

#[tokio::test]
async fn reasons_addresses_and_organisations_are_counted_apart() {
    let world = World::new().await;
    let executor = Executor::new(world.log());
    let denials = Denials::default();
    let other = OrganisationId(Uuid::now_v7());
    denials.count(world.tenant, Denial::Unauthenticated, ADDRESS);
    denials.count(world.tenant, Denial::Unauthenticated, ADDRESS);
    denials.count(world.tenant, Denial::Forbidden, ADDRESS);
    denials.count(
        world.tenant,
        Denial::Forbidden,
        IpAddr::V4(Ipv4Addr::new(192, 0, 2, 2)),
    );
    denials.count(other, Denial::Forbidden, ADDRESS);
    assert_eq!(denials.flush(&executor, almost_four()).await.expect("written"), 4);
    let here = [
        (Denial::Unauthenticated, 2),
        (Denial::Forbidden, 1),
        (Denial::Forbidden, 1),
    ];
    assert_eq!(counted(&world, world.tenant).await, here);
    assert_eq!(counted(&world, other).await, [(Denial::Forbidden, 1)]);
}

#[tokio::test]
async fn what_could_not_be_written_is_kept() {
    let world = World::new().await;
    let denials = Denials::default();
    for number in 0..5 {
        denials.count(
            world.tenant,
            Denial::Forbidden,
            IpAddr::V4(Ipv4Addr::new(192, 0, 2, number)),
        );
    }
    let closed = PgPoolOptions::new()
        .connect_lazy("postgres://localhost/none")
        .expect("a good address");
    closed.close().await;
    let unreachable = Executor::new(EventLog::new(closed, world.keyring.clone()));
    for _ in 0..3 {
        denials
            .flush(&unreachable, almost_four())
            .await
            .expect_err("nothing can be written");
    }
    denials.count(world.tenant, Denial::Forbidden, ADDRESS);
    let executor = Executor::new(world.log());
    assert_eq!(denials.flush(&executor, almost_four()).await.expect("written"), 5);
    let sum: u32 = counted(&world, world.tenant)
        .await
        .iter()
        .map(|(_, count)| count)
        .sum();
    assert_eq!(sum, 6);
}
