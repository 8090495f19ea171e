//! Sentinels: the master changes in the middle of traffic.

mod redis_common;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use backends::redis::ConnectError;
use redis_common::*;
use testkit::redis::RedisSentinel;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn traffic_goes_on_with_the_new_master_after_an_ordered_failover() {
    let redis = Arc::new(RedisSentinel::start());
    let link = connect(&redis.url()).await;
    let ended = Arc::new(AtomicBool::new(false));
    let traffic = {
        let (link, ended) = (link.clone(), Arc::clone(&ended));
        tokio::spawn(async move {
            let (mut good, mut bad) = (0_u32, 0_u32);
            while !ended.load(Ordering::Relaxed) {
                match set(&link, "k", "x").await {
                    Ok(()) => good += 1,
                    outcome => {
                        assert_unavailable(&outcome);
                        bad += 1;
                    }
                }
                tokio::time::sleep(Duration::from_millis(2)).await;
            }
            (good, bad)
        })
    };
    let switching = Arc::clone(&redis);
    tokio::task::spawn_blocking(move || switching.failover()).await.expect("it switches");
    assert!(time_until_ok(|| set(&link, "k", "x")).await < RECOVERY);
    ended.store(true, Ordering::Relaxed);
    let (good, _) = traffic.await.expect("only that Redis is away is ever told");
    assert!(good > 0);
    set(&link, "k", "new master").await.expect("it answers");
    assert_eq!(get(&link, "k").await.expect("it answers").as_deref(), Some("new master"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_master_that_dies_or_freezes_is_replaced() {
    for fail in [RedisSentinel::kill as fn(&RedisSentinel, usize), RedisSentinel::freeze] {
        let redis = Arc::new(RedisSentinel::start());
        let link = connect(&redis.url()).await;
        set(&link, "k", "1").await.expect("it answers");
        let old = redis.master();
        fail(&redis, old);
        assert!(failures_until_open(&link, "k").await <= 5);
        let electing = Arc::clone(&redis);
        tokio::task::spawn_blocking(move || electing.wait_for_another_master_than(old))
            .await
            .expect("elected");
        assert!(time_until_ok(|| set(&link, "k", "2")).await < RECOVERY);
        redis.thaw(old);
        let mut lost = 0;
        for number in 0..50 {
            // Copying everything to the replica that came back may cost the new master a moment.
            lost += u32::from(set(&link, "k", &number.to_string()).await.is_err());
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        assert!(lost < 5 && !link.is_degraded(), "the old master's return changes nothing: {lost} lost");
        assert_eq!(get(&link, "k").await.expect("it answers").as_deref(), Some("49"));
    }
}

#[tokio::test]
async fn an_unknown_master_is_told() {
    let redis = RedisSentinel::start();
    let url = redis.url().replace("mymaster", "other");
    let (_, error) = find(&url).await;
    assert!(
        matches!(&error, Some(ConnectError::Unusable(why)) if why.contains("no master \"other\"")),
        "{error:?}"
    );
}
