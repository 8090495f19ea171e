//! A cluster: redirections, and a master that fails with its slots only.

mod redis_common;

use std::time::{Duration, Instant};

use backends::redis::{ConnectError, RedisLink};
use redis_common::*;
use testkit::redis::RedisCluster;

/// A key for each master.
fn keys(cluster: &RedisCluster) -> [String; 3] {
    std::array::from_fn(|master| {
        let mut keys = (0..).map(|number| format!("session:{{p{number}}}:k"));
        keys.find(|key| cluster.owner(cluster.slot_of(key)) == master).expect("endless")
    })
}

async fn all_answer(link: &RedisLink, keys: &[String]) {
    for key in keys {
        assert!(time_until_ok(|| set(link, key, key)).await < RECOVERY, "all masters answer");
        assert_eq!(get(link, key).await.expect("it answers").as_ref(), Some(key));
    }
}

#[tokio::test]
async fn every_key_goes_to_its_master_and_slots_that_move_are_followed() {
    let cluster = RedisCluster::start();
    let link = connect(&cluster.url()).await;
    let keys = keys(&cluster);
    link.ping().await.expect("it answers");
    all_answer(&link, &keys).await;

    let mut names = (0..).map(|number| format!("{{m{number}}}"));
    let moving = names.find(|key| cluster.owner(cluster.slot_of(key)) == 0).expect("endless");
    cluster.move_slot(cluster.slot_of(&moving), 2);
    set(&link, &moving, "moved").await.expect("the redirection is followed within the budget");
    assert_eq!(get(&link, &moving).await.expect("it answers").as_deref(), Some("moved"));
    all_answer(&link, &keys).await;
    assert!(!link.is_degraded());
}

#[tokio::test]
async fn a_master_that_fails_takes_only_its_slots_away() {
    let cluster = RedisCluster::start();
    let link = connect(&cluster.url()).await;
    let keys = keys(&cluster);
    all_answer(&link, &keys).await;
    for fail_and_heal in [
        (RedisCluster::freeze as fn(&RedisCluster, usize), RedisCluster::thaw as fn(&RedisCluster, usize)),
        (RedisCluster::kill, RedisCluster::restart),
    ] {
        fail_and_heal.0(&cluster, 1);
        assert!(failures_until_open(&link, &keys[1]).await <= 5);
        for _ in 0..20 {
            let begun = Instant::now();
            assert_unavailable(&set(&link, &keys[1], "x").await);
            assert!(begun.elapsed() < Duration::from_millis(10), "nobody waits for the one that failed");
            for healthy in [&keys[0], &keys[2]] {
                set(&link, healthy, "x").await.expect("the others go on");
            }
        }
        link.ping().await.expect("a cluster that lost a part still answers");
        fail_and_heal.1(&cluster, 1);
        assert!(time_until_ok(|| set(&link, &keys[1], "x")).await < RECOVERY);
        assert!(!link.is_degraded());
    }
}

#[tokio::test]
async fn one_seed_is_enough() {
    let cluster = RedisCluster::start();
    let link = connect(&format!("redis+cluster://{}", cluster.addresses()[2])).await;
    all_answer(&link, &keys(&cluster)).await;
}

#[tokio::test]
async fn a_cluster_that_is_away_at_start_is_found_when_it_comes() {
    let cluster = RedisCluster::start();
    for master in 0..3 {
        cluster.kill(master);
    }
    let (link, error) = find(&cluster.url()).await;
    assert!(matches!(error, Some(ConnectError::Away(_))), "{error:?}");
    assert!(link.is_degraded());
    assert_unavailable(&set(&link, "k", "1").await);
    assert_unavailable(&link.ping().await);
    for master in 0..3 {
        cluster.restart(master);
    }
    for key in &keys(&cluster) {
        assert!(time_until_ok(|| set(&link, key, "1")).await < RECOVERY);
    }
    assert!(!link.is_degraded());
}
