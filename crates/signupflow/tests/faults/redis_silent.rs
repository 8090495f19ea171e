//! The network to Redis swallows everything, or takes five seconds each way: the proxy stands between, the call
//! budget is the real one.

use std::time::{Duration, Instant};

use futures_util::future::join_all;
use testkit::fault_proxy::{FaultProxy, Mode};
use testkit::redis::{Redis, RedisOptions};

use crate::support::binary::Binary;
use crate::support::fresh_email;
use crate::tools::*;

/// The contract's 50 ms, and what a busy machine adds.
const A_CALL: Duration = Duration::from_millis(300);

fn open_files(pid: u32) -> usize {
    std::fs::read_dir(format!("/proc/{pid}/fd")).expect("the process lives").count()
}

/// F02: a Redis that says nothing costs a request its budget of 50 ms at most, after five of them nothing at all,
/// requests do not pile up, and all is as before two seconds after it speaks again.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn silence_costs_the_budget_and_then_nothing() {
    let redis = Redis::private(&RedisOptions::default().tcp());
    let proxy = FaultProxy::start(redis.tcp_address()).await;
    let folder = tempfile::tempdir().expect("a folder");
    let url = format!("redis://{}", proxy.address());
    let server = Binary::start(folder.path(), &[("REDIS_URL", &url)]).await;
    let who = server.found(&fresh_email()).await.expect("it lives");
    let begun_with = open_files(server.program.pid());
    for _ in 0..rounds() {
        for fault in [Mode::BlackHole, Mode::Delay(Duration::from_secs(5))] {
            proxy.set(fault).await;
            for _ in 0..5 {
                let begun = Instant::now();
                expect_away(me(&server, &who).await);
                assert!(begun.elapsed() < A_CALL, "{fault:?}: {:?}", begun.elapsed());
            }
            assert!(
                metric_says_degraded(&server).await,
                "{fault:?}: five failures in a row open the breaker"
            );
            let burst = (0..300).map(|_| async {
                let begun = Instant::now();
                expect_away(me(&server, &who).await);
                begun.elapsed()
            });
            let mut times = join_all(burst).await;
            times.sort_unstable();
            assert!(times[296] < LONGEST_ANSWER, "{fault:?}: {:?}", times.last());
            expect_away(guess(&server, &who.email, "wrong").await);
            proxy.cut();
            proxy.up().await;
            let took = time_until_signed_in(&server, &who).await;
            assert!(took < RECOVERY, "{fault:?}: {took:?}");
            assert!(!metric_says_degraded(&server).await);
        }
    }
    // The client keeps up to 64 connections open.
    let open = open_files(server.program.pid());
    assert!(open <= begun_with + 64 + 16, "{open} files, {begun_with} before");
    expect_no_fault_of_its_own(&server);
}
