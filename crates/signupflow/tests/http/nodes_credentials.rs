//! Limits and locks over several nodes (contract, section 5): as exact as on one, and of one mind.

use crate::support::{Answer, PASSWORD, TestApp, fresh_email, fresh_ip};
use futures_util::future::join_all;
use reqwest::Method;

const LOCK: u64 = 900;

fn hashes(nodes: &[TestApp]) -> u64 {
    nodes.iter().map(TestApp::hashes).sum()
}

/// Sign-ins at once, spread over all nodes.
async fn at_once(nodes: &[TestApp], tries: usize, attempt: impl Fn() -> [String; 2]) -> Vec<Answer> {
    let logins = nodes.iter().cycle().take(tries).map(|node| {
        let [ip, email] = attempt();
        async move { node.login_from(&ip, &email, "wrong").await }
    });
    join_all(logins).await
}

/// Everybody was refused; `judged` of them by the password.
#[track_caller]
fn expect_refused(answers: Vec<Answer>, judged: usize) {
    assert_eq!(answers.iter().filter(|answer| answer.status == 401).count(), judged);
    for answer in answers.into_iter().filter(|answer| answer.status != 401) {
        // A busy machine may find no turn, or no connection to the database, free: that is no judgement.
        if answer.json["code"] != "busy" && answer.json["code"] != "backend_unavailable" {
            answer.expect(429);
        }
    }
}

/// A05: of two hundred wrong passwords at once at two nodes, five reach the hash; then both say locked, and both
/// let the person in when the lock is over.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn of_a_burst_of_guesses_at_two_nodes_five_reach_the_hash() {
    let nodes: [TestApp; 2] = TestApp::nodes().await;
    let victim = nodes[0].admin().await.email;
    for round in 1..=3 {
        let before = hashes(&nodes);
        expect_refused(at_once(&nodes, 200, || [fresh_ip(), victim.clone()]).await, 5);
        assert_eq!(hashes(&nodes) - before, 5, "round {round}");
        for node in &nodes {
            node.login_from(&fresh_ip(), &victim, PASSWORD).await.expect_problem(429, "account_locked");
        }
        assert_eq!(nodes[1].audit_rows("auth.account_locked").await.len(), round);
        nodes[0].advance(LOCK);
    }
    for node in &nodes {
        node.login_from(&fresh_ip(), &victim, PASSWORD).await.expect(200);
    }
}

/// A05, A07: one address that tries two hundred accounts at once at three nodes: twenty reach the hash.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn of_a_burst_of_spraying_at_three_nodes_twenty_reach_the_hash() {
    let nodes: [TestApp; 3] = TestApp::nodes().await;
    let ip = fresh_ip();
    expect_refused(at_once(&nodes, 200, || [ip.clone(), fresh_email()]).await, 20);
    assert_eq!(hashes(&nodes), 20);
}

/// A05: node by node, the count goes on where the last one left it, and the lock ends to the second everywhere.
#[tokio::test]
async fn three_nodes_count_down_together_and_lock_as_one() {
    let nodes: [TestApp; 3] = TestApp::nodes().await;
    let victim = nodes[0].admin().await.email;
    for (node, left) in nodes.iter().cycle().zip((0..5).rev()) {
        let refused = node.login_from(&fresh_ip(), &victim, "wrong").await.expect(401);
        assert_eq!(refused.header("x-ratelimit-remaining"), left.to_string());
    }
    for after in [0, LOCK - 1] {
        nodes[0].advance(after);
        for node in &nodes {
            let locked = node.login_from(&fresh_ip(), &victim, PASSWORD).await;
            let locked = locked.expect_problem(429, "account_locked");
            assert_eq!(locked.json["retry_after"], LOCK - after);
        }
    }
    nodes[0].advance(1);
    for node in &nodes {
        node.login_from(&fresh_ip(), &victim, PASSWORD).await.expect(200);
    }
}

/// Section 5: a person's reads and an address's requests are counted once, however many nodes serve them.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn traffic_limits_are_those_of_one_node() {
    let nodes: [TestApp; 3] = TestApp::nodes().await;
    let person = nodes[0].admin().await;
    let reads = nodes.iter().cycle().take(150).map(|node| {
        let person = person.at(node);
        async move { person.get("/api/events").await }
    });
    let reads = join_all(reads).await;
    // A read that found no connection to the database had been admitted.
    let refused = reads.iter().filter(|answer| answer.status == 429).count();
    assert_eq!(refused, 50);
    let ip = fresh_ip();
    let requests = nodes.iter().cycle().take(400).map(|node| {
        let request = node.request_from(&ip, Method::GET, "/api/people/me");
        async move { Answer::of(request.send().await).await.status.as_u16() }
    });
    let mut requests = join_all(requests).await;
    requests.sort_unstable();
    assert_eq!((requests[299], requests[300], requests[399]), (401, 429, 429));
}

/// Section 5: who is let in again at one node is let in at the other, at once and with a whole budget.
#[tokio::test]
async fn an_account_unlocked_at_one_node_is_free_at_the_other() {
    let nodes: [TestApp; 2] = TestApp::nodes().await;
    let [here, there] = &nodes;
    let admin = here.admin().await;
    let victim = here.volunteer(&admin).await;
    for node in nodes.iter().cycle().take(5) {
        node.login_from(&fresh_ip(), &victim.email, "wrong").await.expect(401);
    }
    there.login_from(&fresh_ip(), &victim.email, PASSWORD).await.expect_problem(429, "account_locked");
    admin.poke(&format!("/api/people/{}/unlock", victim.id)).await.expect(200);
    let refused = there.login_from(&fresh_ip(), &victim.email, "wrong").await.expect(401);
    assert_eq!(refused.header("x-ratelimit-remaining"), "4");
    there.login_from(&fresh_ip(), &victim.email, PASSWORD).await.expect(200);
}
