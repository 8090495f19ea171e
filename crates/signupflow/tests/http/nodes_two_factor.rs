//! The second factor over several nodes (contract, sections 5 and 6): codes are spent once, guesses counted together,
//! and a requirement reaches the others.

use crate::support::authenticator::{STEP, enrolled, give, signed_in, temporary_token};
use crate::support::{Answer, PASSWORD, Persona, TestApp, fresh_ip};
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

/// A11: one recovery code tried 64 times at two nodes at once, round after round: one session, one row.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_recovery_code_is_spent_once_under_parallel_tries_at_two_nodes() {
    let url = testkit::redis::Redis::shared().fresh_database();
    let here = TestApp::shared_through(&url, &[("RATE_LIMITING_ENABLED", "false")]).await;
    let there = here.another_node().await;
    let person = here.admin().await;
    let authenticator = enrolled(&person).await;
    for (round, code) in authenticator.recovery_codes.iter().enumerate() {
        let tokens =
            [temporary_token(&here, &person.email).await, temporary_token(&there, &person.email).await];
        let tries = (0..64).map(|n| {
            let node = if n % 2 == 0 { &here } else { &there };
            give(node, &tokens[(n / 2) % 2], code)
        });
        let answers = join_all(tries).await;
        let won: Vec<&Answer> = answers.iter().filter(|answer| answer.status == 200).collect();
        assert_eq!(won.len(), 1, "round {round}");
        assert_eq!(won[0].json["recovery_codes_left"], 9 - round);
        for lost in answers.iter().filter(|answer| answer.status != 200) {
            assert!(matches!(lost.status.as_u16(), 401 | 503), "{}", lost.text);
        }
        assert_eq!(here.audit_rows("auth.recovery_code_used").await.len(), round + 1);
        let winner = Persona::from_sign_in(&there, fresh_ip(), &person.email, PASSWORD, won[0]);
        assert!(winner.at(&here).is_signed_in().await);
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
