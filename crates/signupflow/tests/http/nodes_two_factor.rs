//! The second factor over several nodes (contract, sections 5 and 6): codes are spent once, guesses counted together,
//! and a requirement reaches the others.

use crate::support::authenticator::{STEP, enrolled, give, signed_in, temporary_token};
use crate::support::{Answer, PASSWORD, Persona, TestApp, fresh_ip, race_rounds};
use accounts::two_factor::policy;
use futures_util::future::join_all;
use serde_json::json;

/// A12: what was used at one node is used at the other; and a waiting sign-in goes on anywhere.
#[tokio::test]
async fn a_code_used_at_one_node_is_refused_by_the_other() {
    let [here, there]: [TestApp; 2] = TestApp::nodes().await;
    let person = here.admin().await;
    let authenticator = enrolled(&person).await;
    let waiting = [temporary_token(&here, &person.email).await, temporary_token(&there, &person.email).await];
    let code = authenticator.code(&here);
    give(&there, &waiting[0], &code).await.expect(200);
    give(&here, &waiting[1], &code).await.expect_problem(401, "invalid_credentials");
    give(&here, &waiting[0], &authenticator.code_in(&here, 1))
        .await
        .expect_problem(401, "invalid_credentials");
    give(&here, &waiting[1], &authenticator.code_in(&here, 1)).await.expect(200);
}

const ROUNDS: usize = 10;

/// Two nodes whose limits keep nobody out of a race.
async fn two_unlimited_nodes() -> [TestApp; 2] {
    let url = testkit::redis::Redis::shared().fresh_database();
    let here = TestApp::shared_through(&url, &[("RATE_LIMITING_ENABLED", "false")]).await;
    let there = here.another_node().await;
    [here, there]
}

/// One code tried 64 times at two nodes at once, by two waiting sign-ins: the answer of the one that won.
async fn race(nodes: [&TestApp; 2], person: &Persona<'_>, code: &str) -> Answer {
    let tokens =
        [temporary_token(nodes[0], &person.email).await, temporary_token(nodes[1], &person.email).await];
    let tries = (0..64).map(|n| give(nodes[n % 2], &tokens[(n / 2) % 2], code));
    let (mut won, lost): (Vec<Answer>, Vec<Answer>) =
        join_all(tries).await.into_iter().partition(|answer| answer.status == 200);
    for lost in lost {
        assert!(matches!(lost.status.as_u16(), 401 | 503), "{}", lost.text);
    }
    assert_eq!(won.len(), 1);
    let winner = Persona::from_sign_in(nodes[1], fresh_ip(), &person.email, PASSWORD, &won[0]);
    assert!(winner.at(nodes[0]).is_signed_in().await);
    won.remove(0)
}

/// A11: one recovery code tried 64 times at two nodes at once, round after round: one session, one row.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_recovery_code_is_spent_once_under_parallel_tries_at_two_nodes() {
    let [here, there] = two_unlimited_nodes().await;
    let mut round = 0;
    while round < race_rounds(ROUNDS) {
        let person = here.admin().await;
        let authenticator = enrolled(&person).await;
        for (spent, code) in authenticator.recovery_codes.iter().enumerate().take(race_rounds(ROUNDS) - round)
        {
            let won = race([&here, &there], &person, code).await;
            assert_eq!(won.json["recovery_codes_left"], 9 - spent);
            round += 1;
            assert_eq!(here.audit_rows("auth.recovery_code_used").await.len(), round);
        }
    }
}

/// A11: one code of the app tried 64 times at two nodes at once, round after round: one session, one row.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_code_of_the_app_is_spent_once_under_parallel_tries_at_two_nodes() {
    let [here, there] = two_unlimited_nodes().await;
    let person = here.admin().await;
    let authenticator = enrolled(&person).await;
    for round in 1..=race_rounds(ROUNDS) {
        race([&here, &there], &person, &authenticator.code(&here)).await;
        assert_eq!(here.audit_rows("auth.2fa_passed").await.len(), round);
        here.advance(STEP);
    }
}

/// A13: of fifty guesses at two nodes three are judged, and both say locked.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn guesses_at_two_nodes_are_counted_together() {
    let nodes: [TestApp; 2] = TestApp::nodes().await;
    let person = nodes[0].admin().await;
    let authenticator = enrolled(&person).await;
    let token = temporary_token(&nodes[0], &person.email).await;
    let wrong = authenticator.wrong(&nodes[0]);
    let answers = join_all((0..50).map(|n| give(&nodes[n % 2], &token, &wrong))).await;
    assert_eq!(answers.iter().filter(|answer| answer.status == 401).count(), 3);
    assert_eq!(nodes[0].audit_rows("auth.2fa_failed").await.len(), 3);
    for node in &nodes {
        let waiting = temporary_token(node, &person.email).await;
        give(node, &waiting, &authenticator.code(node)).await.expect_problem(429, "account_locked");
    }
}

/// A60: what one node was told to require the other requires after its next look at the database, which a running
/// server takes every second; sessions that end with it end at once.
#[tokio::test]
async fn a_requirement_reaches_the_other_node() {
    let [here, there]: [TestApp; 2] = TestApp::nodes().await;
    let admin = here.admin().await;
    let volunteer = here.volunteer(&admin).await;
    let require = format!("/api/organizations/{}/require-2fa", admin.org_id);
    admin.put(&require, &json!({"require": true})).await.expect(200);
    volunteer.get("/api/people/me").await.expect_problem(403, "2fa_setup_required");
    policy::follow(&there.assembly.services).await.expect("readable");
    let there_too = volunteer.at(&there);
    there_too.get("/api/people/me").await.expect_problem(403, "2fa_setup_required");
    let authenticator = enrolled(&there_too).await;
    volunteer.get("/api/people/me").await.expect_problem(401, "unauthenticated");
    let inside = signed_in(&here, &volunteer.email, &authenticator).await;
    inside.at(&there).get("/api/people/me").await.expect(200);
    here.advance(STEP);
}
