//! Redis without memory, and one that would throw keys away.

use std::path::Path;
use std::time::Duration;

use testkit::postgres::Postgres;
use testkit::redis::{Redis, RedisOptions};

use crate::support::binary::Binary;
use crate::support::{KEYS, fresh_email};
use crate::tools::*;

const PATIENCE: Duration = Duration::from_secs(30);

/// F03: a Redis that is full answers for nobody: sessions and passwords get 503, requests without a session go on
/// under the limit of the node, nobody is signed out, and with memory again all is as before. Load balancers and the metric are told, and why.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_full_redis_is_503_and_then_as_before() {
    let redis = Redis::private(&RedisOptions::default().tcp());
    let folder = tempfile::tempdir().expect("a folder");
    let server = Binary::start(folder.path(), &[("REDIS_URL", &redis.tcp_url())]).await;
    let who = server.found(&fresh_email()).await.expect("it lives");
    for _ in 0..rounds() {
        let victim = server.found(&fresh_email()).await.expect("it lives").email;
        let _: () = redis.ask(&["CONFIG", "SET", "maxmemory", "1"]);
        for _ in 0..10 {
            expect_away(me(&server, &who).await);
            expect_away(guess(&server, &victim, "wrong").await);
            server.get("/api/people/me").await.expect_problem(401, "unauthenticated");
        }
        let ready = server.get("/ready").await.expect_problem(503, "backend_unavailable");
        assert!(ready.text.contains("redis unavailable (it has no memory left)"), "{}", ready.text);
        assert_eq!(server.get("/health").await.expect(200).json["redis"], "unavailable");
        assert!(metric_says_degraded(&server).await);
        let _: () = redis.ask(&["CONFIG", "SET", "maxmemory", "0"]);
        let took = time_until_signed_in(&server, &who).await;
        assert!(took < RECOVERY, "{took:?}");
        assert!(time_until_ready(&server).await < RECOVERY);
        assert!(!metric_says_degraded(&server).await);
        expect_five_guesses(&server, &victim).await;
    }
    expect_no_fault_of_its_own(&server);
}

/// Starts a production on this Redis.
async fn production(folder: &Path, redis_url: &str) -> Binary {
    let database = Postgres::shared().fresh_database().await;
    let mut variables = KEYS.to_vec();
    variables.extend([
        ("ENVIRONMENT", "production"),
        ("DATABASE_URL", database.as_str()),
        ("MIGRATE_ON_START", "true"),
        ("PUBLIC_URL", "https://accounts.test"),
        ("SMTP_URL", "smtp://127.0.0.1:1?tls=off"),
        ("MAIL_FROM", "accounts@example.org"),
        ("REDIS_URL", redis_url),
    ]);
    Binary::begin(folder, &variables).await
}

/// F03: a Redis that may evict keys, or refuses our password, stops a production from starting, with the reason and
/// exit code 2, and is a warning in development.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_redis_that_is_set_up_wrongly_stops_a_production() {
    let evicting = Redis::private(&RedisOptions::default().tcp().setting("maxmemory-policy", "allkeys-lru"));
    let locked = Redis::private(&RedisOptions::default().tcp());
    let _: () = locked.ask(&["CONFIG", "SET", "requirepass", "the right one"]);
    let wrong = format!("redis://:the-wr0ng-one@{}", locked.tcp_address());
    for (url, reason, usable) in [(evicting.tcp_url(), "noeviction", true), (wrong, "Redis", false)] {
        let folder = tempfile::tempdir().expect("a folder");
        let mut server = production(folder.path(), &url).await;
        let status = server.program.wait_for_exit(PATIENCE).await;
        let said = server.program.stderr();
        assert_eq!(status.code(), Some(2), "{said}");
        assert!(said.contains(reason) && !said.contains("wr0ng"), "{said}");

        let folder = tempfile::tempdir().expect("a folder");
        let mut server = Binary::begin(folder.path(), &[("REDIS_URL", &url)]).await;
        server.program.wait_for_line(reason, PATIENCE).await;
        let ready = server.get("/ready").await;
        assert_eq!(ready.status == 200, usable, "{}", ready.text);
    }
    let folder = tempfile::tempdir().expect("a folder");
    let sound = Redis::private(&RedisOptions::default().tcp());
    let server = production(folder.path(), &sound.tcp_url()).await;
    assert!(time_until_ready(&server).await < PATIENCE, "a sound one starts");
}
