//! Redis is killed under traffic and started again from its last dump, so that a good session stays good and every
//! 401 for it would be the server's fault.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use futures_util::future::join_all;
use testkit::redis::{Redis, RedisOptions};

use crate::support::binary::{Binary, Tokens};
use crate::support::{PASSWORD, fresh_email};
use crate::tools::*;

/// Somebody signed in, and a session of theirs that was ended, watched until told to stop: how many answers there
/// were. Whatever happens, the first is never refused and the second never let in.
async fn watch(server: Arc<Binary>, who: Tokens, ended: Tokens, stop: Arc<AtomicBool>) -> u32 {
    let mut answers = 0;
    while !stop.load(Ordering::Relaxed) {
        let good = me(&server, &who).await;
        if good.status != 200 {
            expect_away(good);
        }
        let dead = me(&server, &ended).await;
        if dead.status != 401 {
            expect_away(dead);
        }
        answers += 2;
    }
    answers
}

async fn expect_refusals(server: &Binary, who: &Tokens, victim: &str) {
    let mut times = Vec::new();
    for _ in 0..30 {
        let begun = Instant::now();
        expect_away(me(server, who).await);
        times.push(begun.elapsed());
        expect_away(guess(server, victim, "wrong").await);
    }
    times.sort_unstable();
    assert!(times[15] < Duration::from_millis(100) && times[29] < LONGEST_ANSWER, "{times:?}");
    expect_away(server.get("/ready").await);
    let health = server.get("/health").await.expect(200).json;
    assert_eq!((&health["status"], &health["redis"]), (&"degraded".into(), &"unavailable".into()));
    assert!(metric_says_degraded(server).await);
}

/// F01: while Redis is dead sessions and passwords get 503 within the budget, never 401 and never a way in, no guess
/// is judged, and two seconds after its return all is as before.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_killed_redis_is_503_and_then_as_before() {
    let redis = Redis::private(&RedisOptions::default().tcp());
    let folder = tempfile::tempdir().expect("a folder");
    let server = Arc::new(Binary::start(folder.path(), &[("REDIS_URL", &redis.tcp_url())]).await);
    let who = server.found(&fresh_email()).await.expect("it lives");
    let ended = signed_out(&server, &who).await;
    for _ in 0..rounds() {
        let victim = server.found(&fresh_email()).await.expect("it lives").email;
        let _: String = redis.ask(&["SAVE"]);
        let stop = Arc::new(AtomicBool::new(false));
        let watching: Vec<_> = (0..4)
            .map(|_| tokio::spawn(watch(server.clone(), who.clone(), ended.clone(), stop.clone())))
            .collect();
        redis.kill();
        expect_refusals(&server, &who, &victim).await;
        redis.start();
        let took = time_until_signed_in(&server, &who).await;
        assert!(took < RECOVERY, "{took:?}");
        stop.store(true, Ordering::Relaxed);
        for watching in watching {
            assert!(watching.await.expect("a watcher saw something wrong") > 0);
        }
        expect_five_guesses(&server, &victim).await;
        server.get("/ready").await.expect(200);
    }
    expect_no_fault_of_its_own(&server);
}

/// F01: a Redis that is killed in a burst of guesses and back at once lets no more of them reach the check than the
/// limit for each time that it forgot, and the account is locked in the end.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn restarts_in_a_burst_of_guesses_give_no_more_than_the_limit_each() {
    let redis = Arc::new(Redis::private(&RedisOptions::default().tcp()));
    let folder = tempfile::tempdir().expect("a folder");
    let server = Binary::start(folder.path(), &[("REDIS_URL", &redis.tcp_url())]).await;
    for _ in 0..rounds() {
        let victim = server.found(&fresh_email()).await.expect("it lives").email;
        let redis = redis.clone();
        let restarting = tokio::task::spawn_blocking(move || redis.restart());
        let mut judged = 0;
        while !restarting.is_finished() {
            let guesses = (0..10).map(|_| guess(&server, &victim, "wrong"));
            let answers = join_all(guesses).await;
            judged += answers.iter().filter(|answer| answer.status == 401).count();
        }
        restarting.await.expect("it starts again");
        assert!(judged <= 10, "{judged} guesses were judged");
        time_until_ready(&server).await;
        expect_five_guesses(&server, &victim).await;
        guess(&server, &victim, PASSWORD).await.expect_problem(429, "account_locked");
    }
}
