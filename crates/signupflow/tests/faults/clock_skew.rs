//! Nodes whose clocks are wrong.

use std::time::{Duration, Instant};

use futures_util::future::join_all;
use testkit::redis::Redis;

use crate::bookkeeping::event;
use crate::support::{PASSWORD, TestApp, fresh_ip};

/// What the nodes' clocks are wrong by, in seconds.
const WRONG_BY: [i64; 4] = [0, -600, 5, 600];

async fn nodes(variables: &[(&str, &str)]) -> [TestApp; 4] {
    TestApp::nodes_with_wrong_clocks(&Redis::shared().fresh_database(), variables, WRONG_BY).await
}

/// Locks an account at one node and tries it at all until all let its owner in again.
async fn lock_and_wait(nodes: &[TestApp], locking: usize, lock: Duration) {
    let email = nodes[0].admin().await.email.clone();
    for _ in 0..4 {
        nodes[locking].login_from(&fresh_ip(), &email, "wrong").await.expect(401);
    }
    let before = Instant::now();
    nodes[locking].login_from(&fresh_ip(), &email, "wrong").await.expect(401);
    let after = Instant::now();
    let mut let_in = [false; WRONG_BY.len()];
    while let_in.contains(&false) {
        for (node, let_in) in nodes.iter().zip(&mut let_in) {
            let asked = after.elapsed();
            let answer = node.login_from(&fresh_ip(), &email, PASSWORD).await;
            if answer.status == 200 {
                assert!(before.elapsed() >= lock, "released after {:?}", before.elapsed());
                *let_in = true;
            } else {
                let left = answer.expect_problem(429, "account_locked").json["retry_after"].clone();
                assert!(left.as_u64().is_some_and(|left| left <= lock.as_secs()), "{left} of {lock:?}");
                assert!(asked < lock + Duration::from_secs(1), "locked after {asked:?}");
            }
        }
        // Real time: the database's clock cannot be moved.
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}

/// F13: with nodes whose clocks are seconds or minutes off, a lock ends to the second at every node, whichever set
/// it: all of them go by the database's time.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_lock_ends_to_the_second_at_nodes_whose_clocks_are_wrong() {
    let nodes = nodes(&[("RATE_LIMIT_LOCKOUT_DURATION", "4")]).await;
    join_all((0..nodes.len()).map(|locking| lock_and_wait(&nodes, locking, Duration::from_secs(4)))).await;
}

/// F13: sessions and tokens made at one node are good at all others and run out at the same moment, however wrong
/// the clocks of the nodes are.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn tokens_run_out_at_the_same_moment_at_nodes_whose_clocks_are_wrong() {
    const LIVES: Duration = Duration::from_secs(4);
    let nodes = nodes(&[("CSRF_TOKEN_TTL", "4")]).await;
    for making in &nodes {
        let person = making.admin().await;
        let made = Instant::now();
        for (number, node) in nodes.iter().enumerate() {
            let here = person.at(node);
            let answer = here.post("/api/events", &event(&format!("event {number}"))).await;
            assert!(made.elapsed() < LIVES, "this machine is too busy to tell");
            answer.expect(201);
        }
        tokio::time::sleep(LIVES + Duration::from_millis(50)).await;
        for node in &nodes {
            let late = person.at(node).post("/api/events", &event("late")).await;
            let refusal = late.expect_problem(403, "csrf_expired");
            assert!(refusal.text.contains("CSRF token expired"), "{}", refusal.text);
            assert!(person.at(node).is_signed_in().await, "the session goes on");
        }
    }
}
