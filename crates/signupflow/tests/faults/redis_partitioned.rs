//! Two nodes on one PostgreSQL and one Redis, and the second loses its way to Redis.

use futures_util::future::join_all;
use reqwest::Method;
use testkit::fault_proxy::FaultProxy;
use testkit::postgres::Postgres;
use testkit::redis::{Redis, RedisOptions};

use crate::support::binary::{Binary, Tokens};
use crate::support::{Answer, KEYS, PASSWORD, fresh_email, fresh_ip};
use crate::tools::*;

const LIMIT: usize = 40;
/// An hour, so that nothing comes back while the test runs.
const RULES: &str = "[[rule]]
route = \"/api/*\"
limit = 40
window = \"1h\"
per = \"ip\"
count = \"requests\"
";

/// How many of these requests from one address without a session the node lets pass.
async fn admitted(server: &Binary, ip: &str, requests: usize) -> usize {
    let requests = (0..requests).map(|_| {
        let request = server.request(ip, Method::GET, "/api/people/me");
        async move { Answer::of(request.send().await).await }
    });
    let answers = join_all(requests).await;
    assert!(answers.iter().all(|answer| [401, 429].contains(&answer.status.as_u16())), "{answers:?}");
    answers.iter().filter(|answer| answer.status == 401).count()
}

/// F28: a node cut off from Redis refuses sessions and passwords, lets requests without a session pass up to its own
/// limit at most, and is of one mind with the others two seconds after the cut is healed.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_node_cut_off_from_redis_judges_nobody() {
    let redis = Redis::private(&RedisOptions::default().tcp());
    let proxy = FaultProxy::start(redis.tcp_address()).await;
    let database = Postgres::shared().fresh_database().await;
    let folders = [(); 2].map(|()| tempfile::tempdir().expect("a folder"));
    let rules = folders[0].path().join("limits.toml");
    std::fs::write(&rules, RULES).expect("the folder can be written");
    let rules = rules.display().to_string();
    let urls = [redis.tcp_url(), format!("redis://{}", proxy.address())];
    let start = async |node: usize| {
        let mut variables = KEYS.to_vec();
        variables.extend([
            ("DATABASE_URL", database.as_str()),
            ("MIGRATE_ON_START", "true"),
            ("REDIS_URL", urls[node].as_str()),
            ("RATE_LIMIT_RULES_FILE", rules.as_str()),
        ]);
        Binary::start(folders[node].path(), &variables).await
    };
    let (whole, cut_off) = (start(0).await, start(1).await);
    let who: Tokens = whole.found(&fresh_email()).await.expect("it lives");
    time_until_signed_in(&cut_off, &who).await;

    for _ in 0..rounds() {
        let (victim, ip) = (whole.found(&fresh_email()).await.expect("it lives").email, fresh_ip());
        proxy.down().await;
        for _ in 0..10 {
            expect_away(me(&cut_off, &who).await);
            expect_away(guess(&cut_off, &victim, "wrong").await);
            expect_away(guess(&cut_off, &who.email, PASSWORD).await);
        }
        expect_away(cut_off.get("/ready").await);
        time_until_signed_in(&whole, &who).await;
        let (shared, alone) = (admitted(&whole, &ip, 100).await, admitted(&cut_off, &ip, 100).await);
        // On a busy machine a burst may pass the call budget, so that the whole node counts alone for a moment too.
        assert!((1..=LIMIT).contains(&alone) && shared + alone <= 2 * LIMIT, "{shared} and {alone}");

        proxy.up().await;
        let took = time_until_signed_in(&cut_off, &who).await;
        assert!(took < RECOVERY, "{took:?}");
        cut_off.get("/ready").await.expect(200);
        expect_five_guesses(&cut_off, &victim).await;
        let locked = guess(&whole, &victim, PASSWORD).await;
        locked.expect_problem(429, "account_locked");
    }
    expect_no_fault_of_its_own(&whole);
    expect_no_fault_of_its_own(&cut_off);
}
