//! Redis comes after the server, as machines start in no order.

use testkit::redis::{Redis, RedisOptions};

use crate::support::binary::Binary;
use crate::support::{PASSWORD, fresh_email};
use crate::tools::*;

/// F01: a server that starts while Redis is away serves: it says that it is not ready, answers 503 where it needs
/// Redis, and works two seconds after Redis has come.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_starts_without_redis_and_works_when_it_comes() {
    let redis = Redis::private(&RedisOptions::default().tcp());
    let folder = tempfile::tempdir().expect("a folder");
    let url = redis.tcp_url();
    let who = {
        let server = Binary::start(folder.path(), &[("REDIS_URL", &url)]).await;
        server.found(&fresh_email()).await.expect("it lives")
    };
    let _: String = redis.ask(&["SAVE"]);
    redis.kill();
    let server = Binary::begin(folder.path(), &[("REDIS_URL", &url)]).await;
    expect_away(server.get("/ready").await);
    assert_eq!(server.get("/health").await.expect(200).json["redis"], "unavailable");
    assert!(metric_says_degraded(&server).await);
    expect_away(me(&server, &who).await);
    expect_away(guess(&server, &who.email, PASSWORD).await);
    server.get("/openapi.json").await.expect(200);
    redis.start();
    let took = time_until_ready(&server).await;
    assert!(took < RECOVERY, "{took:?}");
    time_until_signed_in(&server, &who).await;
    assert!(!metric_says_degraded(&server).await);
    expect_no_fault_of_its_own(&server);
}

/// F01: a command that needs Redis does not wait for it: it ends with exit code 3.
#[tokio::test]
async fn a_command_without_redis_says_so() {
    let folder = tempfile::tempdir().expect("a folder");
    let nobody = format!("redis://127.0.0.1:{}", testkit::free_port::free_tcp_port());
    let mut command = testkit::process::Program::new(env!("CARGO_BIN_EXE_signupflow"))
        .args(["admin", "revoke-sessions", "ada@example.org"])
        .env("DATA_DIR", folder.path().join("data"))
        .env("REDIS_URL", nobody)
        .start();
    let status = command.wait_for_exit(std::time::Duration::from_secs(30)).await;
    assert_eq!(status.code(), Some(3), "{}", command.stderr());
    assert!(command.stderr().contains("Redis is away"), "{}", command.stderr());
}
