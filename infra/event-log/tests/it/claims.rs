//! What must be unique has one owner.

use event_log::{Claim, Outcome};

use crate::fixture::{With, fixture, tenant, to};

fn taken(owner: &str) -> Outcome {
    Outcome::Taken {
        kind: "login".to_owned(),
        owner: owner.to_owned(),
    }
}

#[tokio::test]
async fn the_first_owner_keeps_a_claim_until_released() {
    let f = fixture().await;
    f.stored(to("a").taking("ann", "user/a")).await;
    assert_eq!(
        f.log
            .claim_owner(tenant(1), "login", "ann")
            .await
            .unwrap()
            .as_deref(),
        Some("user/a")
    );
    assert_eq!(f.log.claim_owner(tenant(2), "login", "ann").await.unwrap(), None);
    assert_eq!(f.log.claim_owner(tenant(1), "bot", "ann").await.unwrap(), None);
    assert_eq!(f.one(to("b").taking("ann", "user/b")).await, taken("user/a"));
    f.stored(to("a").taking("ann", "user/a")).await;
    f.stored(to("b").releasing("ann", "user/b")).await;
    assert_eq!(f.one(to("b").taking("ann", "user/b")).await, taken("user/a"));
    f.stored(to("a").releasing("ann", "user/a")).await;
    assert_eq!(f.log.claim_owner(tenant(1), "login", "ann").await.unwrap(), None);
    f.stored(to("b").taking("ann", "user/b")).await;
    f.assert_sound().await;
}

#[tokio::test]
async fn a_taken_command_leaves_nothing_behind() {
    let f = fixture().await;
    f.stored(to("a").taking("held", "user/a")).await;
    let refused = to("b")
        .id(1)
        .taking("free", "user/b")
        .taking("held", "user/b")
        .releasing("other", "user/b");
    assert_eq!(f.one(refused).await, taken("user/a"));
    assert_eq!(f.log.claim_owner(tenant(1), "login", "free").await.unwrap(), None);
    assert_eq!(f.count("select count(*) from log.receipts").await, 0);
    assert_eq!(f.count("select count(*) from log.heads").await, 1);
    assert_eq!(f.count("select count(*) from log.events").await, 1);
    f.stored(to("c").taking("free", "user/c")).await;
    f.assert_sound().await;
}

#[tokio::test]
async fn a_refused_command_releases_nothing() {
    let f = fixture().await;
    f.stored(to("a").taking("ann", "user/a")).await;
    assert_eq!(
        f.one(to("a").releasing("ann", "user/a").expecting(9)).await,
        Outcome::Conflict { version: 1 }
    );
    assert_eq!(
        f.log
            .claim_owner(tenant(1), "login", "ann")
            .await
            .unwrap()
            .as_deref(),
        Some("user/a")
    );
    f.assert_sound().await;
}

#[tokio::test]
async fn a_batch_settles_rival_claims_in_its_order() {
    let f = fixture().await;
    let outcomes = f
        .log
        .append(vec![
            to("a").taking("ann", "user/a").expecting(9),
            to("b").taking("ann", "user/b"),
            to("c").taking("ann", "user/c"),
            to("b").releasing("ann", "user/b"),
            to("c").taking("ann", "user/c"),
            to("d").taking("ann", "user/d"),
        ])
        .await
        .unwrap();
    assert_eq!(outcomes[0], Outcome::Conflict { version: 0 });
    assert!(
        matches!(outcomes[1], Outcome::Stored(_)),
        "the refused one before it held nothing"
    );
    assert_eq!(outcomes[2], taken("user/b"));
    assert!(matches!(outcomes[3], Outcome::Stored(_)));
    assert!(matches!(outcomes[4], Outcome::Stored(_)));
    assert_eq!(outcomes[5], taken("user/c"));
    f.assert_sound().await;
}

#[tokio::test]
async fn a_claim_is_handed_over_in_one_command() {
    let f = fixture().await;
    f.stored(to("a").taking("ann", "user/a")).await;
    assert_eq!(
        f.one(to("b").releasing("ann", "user/x").taking("ann", "user/b"))
            .await,
        taken("user/a")
    );
    f.stored(to("b").releasing("ann", "user/a").taking("ann", "user/b"))
        .await;
    assert_eq!(
        f.log
            .claim_owner(tenant(1), "login", "ann")
            .await
            .unwrap()
            .as_deref(),
        Some("user/b")
    );
    // Nobody holds it: handing over is taking.
    f.stored(to("c").releasing("new", "user/a").taking("new", "user/c"))
        .await;
    assert_eq!(
        f.log
            .claim_owner(tenant(1), "login", "new")
            .await
            .unwrap()
            .as_deref(),
        Some("user/c")
    );
    f.assert_sound().await;
}

#[tokio::test]
async fn a_key_that_nobody_knows_is_let_go_of_by_its_holder() {
    let f = fixture().await;
    f.stored(to("a").taking("ann", "user/a")).await;
    f.stored(to("b").taking("bob", "user/b")).await;
    let held = async |owner: &str| f.log.claims_of(tenant(1), "login", owner).await.unwrap();
    let [hash] = held("user/a").await[..] else {
        panic!("there is one");
    };
    assert_eq!(
        f.log.claims_of(tenant(2), "login", "user/a").await.unwrap(),
        [[0; 32]; 0]
    );
    let leaving = |owner: &str| {
        let mut command = to("a");
        command.claims.push(Claim::Leave {
            kind: "login",
            hash,
            owner: owner.to_owned(),
        });
        command
    };
    // A no-op for whoever is not the holder.
    f.stored(leaving("user/b")).await;
    assert_eq!(held("user/a").await.len(), 1);
    f.stored(leaving("user/a")).await;
    assert_eq!((held("user/a").await.len(), held("user/b").await.len()), (0, 1));
    f.stored(to("c").taking("ann", "user/c")).await;
    f.assert_sound().await;
}

#[tokio::test]
async fn the_key_of_a_claim_is_not_stored() {
    let f = fixture().await;
    f.stored(to("a").taking("ann@example.org", "user/a")).await;
    assert_eq!(
        f.count("select count(*) from log.claims c where c::text like '%ann@%'")
            .await,
        0
    );
    let keyring = f.log.keyring();
    assert_ne!(
        keyring.hash(tenant(1), "login", "ann"),
        keyring.hash(tenant(2), "login", "ann")
    );
    assert_ne!(
        keyring.hash(tenant(1), "ab", "c"),
        keyring.hash(tenant(1), "a", "bc")
    );
}
