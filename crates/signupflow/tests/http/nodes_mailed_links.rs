//! Mailed links over several nodes (A11): each is used once, however many try at once, and the winner's effect stays.

use crate::password_reset::{confirm, link};
use crate::support::{Answer, PASSWORD, TestApp, fresh_email, fresh_ip, race_rounds};
use futures_util::future::join_all;
use serde_json::json;

const TRIES: usize = 64;
/// Limits are on in one of the races, and an organization invites twenty an hour.
const ROUNDS: usize = 5;

/// Two nodes without limits, so that the store alone decides.
async fn unlimited() -> [TestApp; 2] {
    let url = testkit::redis::Redis::shared().fresh_database();
    let here = TestApp::shared_through(&url, &[("RATE_LIMITING_ENABLED", "false")]).await;
    let there = here.another_node().await;
    [here, there]
}

/// Exactly one has this status; returns which. The others were refused, or found no turn.
#[track_caller]
fn the_only(status: u16, answers: &[Answer]) -> usize {
    let won: Vec<usize> = (0..answers.len()).filter(|n| answers[*n].status == status).collect();
    assert_eq!(won.len(), 1, "the first is {}", answers[0].text);
    for lost in answers.iter().filter(|answer| answer.status != status) {
        assert!(matches!(lost.status.as_u16(), 400 | 409 | 429 | 503), "{}", lost.text);
    }
    won[0]
}

fn password(n: usize) -> String {
    format!("seven quiet lanterns drift {n}")
}

/// A11: of 64 who confirm at once, each with a password of their own, one wins: that password opens the account, there
/// is one row, and no session is left.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_reset_link_sets_one_password_under_parallel_tries() {
    let nodes = unlimited().await;
    let owner = nodes[0].admin().await;
    for round in 1..=race_rounds(ROUNDS) {
        let token = link(&nodes[0], &owner.email).await;
        let passwords: Vec<String> = (0..TRIES).map(password).collect();
        let tries =
            passwords.iter().enumerate().map(|(n, password)| confirm(&nodes[n % 2], &token, password));
        let answers = join_all(tries).await;
        let winner = the_only(200, &answers);
        for (n, password) in passwords.iter().enumerate().step_by(if round == 1 { 1 } else { 16 }) {
            if n != winner {
                nodes[1].login_from(&fresh_ip(), &owner.email, password).await.expect(401);
            }
        }
        nodes[1].login_from(&fresh_ip(), &owner.email, &passwords[winner]).await.expect(200);
        assert!(!owner.is_signed_in().await && !owner.at(&nodes[1]).is_signed_in().await);
        let rows = nodes[0].audit_rows("auth.password_reset").await;
        assert_eq!(rows.iter().filter(|row| row.status == "success").count(), round);
    }
}

/// A11: also behind the limits, which let three of a link's tries through at once.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn behind_the_limits_one_wins_too() {
    let nodes: [TestApp; 2] = TestApp::nodes().await;
    let owner = nodes[0].admin().await;
    let token = link(&nodes[0], &owner.email).await;
    let passwords: Vec<String> = (0..TRIES).map(password).collect();
    let tries = passwords.iter().enumerate().map(|(n, password)| confirm(&nodes[n % 2], &token, password));
    let answers = join_all(tries).await;
    let winner = the_only(200, &answers);
    nodes[1].login_from(&fresh_ip(), &owner.email, &passwords[winner]).await.expect(200);
}

/// A11: the links that unlock, and that lock.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn unlock_and_not_me_links_work_once_under_parallel_tries() {
    let nodes: [TestApp; 2] = TestApp::nodes().await;
    let admin = nodes[0].admin().await;
    let ips: Vec<String> = (0..TRIES).map(|_| fresh_ip()).collect();
    for round in 1..=ROUNDS {
        let owner = nodes[0].volunteer(&admin).await;
        nodes[0].advance(1);
        for _ in 0..5 {
            nodes[0].login_from(&fresh_ip(), &owner.email, "wrong").await.expect(401);
        }
        let unlock = json!({"token": nodes[0].mailed_token(&owner.email).await});
        let answers =
            join_all((0..TRIES).map(|n| nodes[n % 2].post_from(&ips[n], "/api/auth/unlock", &unlock))).await;
        the_only(200, &answers);
        assert_eq!(nodes[1].audit_rows("auth.account_unlocked").await.len(), round);

        let change = json!({"old_password": PASSWORD, "new_password": password(round)});
        nodes[0].advance(1);
        owner.put("/api/auth/password", &change).await.expect(200);
        let not_me = json!({"token": nodes[0].mailed_token(&owner.email).await});
        let answers =
            join_all((0..TRIES).map(|n| nodes[n % 2].post_from(&ips[n], "/api/auth/not-me", &not_me))).await;
        the_only(200, &answers);
        let locked = nodes[1].audit_rows("auth.account_locked").await;
        assert_eq!(locked.iter().filter(|row| row.status == "success").count(), round);
        for node in &nodes {
            node.login_from(&fresh_ip(), &owner.email, &password(round)).await.expect(401);
        }
    }
}

/// A11: an invitation is one account, with the winner's password.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn an_invitation_makes_one_account_under_parallel_tries() {
    let nodes = unlimited().await;
    let admin = nodes[0].admin().await;
    for round in 1..=race_rounds(ROUNDS) {
        let email = fresh_email();
        admin.post("/api/invitations", &json!({"email": email, "roles": ["usher"]})).await.expect(201);
        let token = nodes[0].mailed_token(&email).await;
        let tries = (0..TRIES).map(|n| {
            let (node, email, token) = (&nodes[n % 2], &email, &token);
            async move {
                let body = json!({"name": "Ivy", "email": email, "password": password(n), "invitation_token": token});
                node.post_from(&fresh_ip(), "/api/auth/signup", &body).await
            }
        });
        let winner = the_only(201, &join_all(tries).await);
        nodes[1].login_from(&fresh_ip(), &email, &password(winner)).await.expect(200);
        assert_eq!(nodes[1].audit_rows("invitation.accepted").await.len(), round);
    }
}

/// A request is answered by one node of those that look at the same time.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn two_nodes_answer_a_request_once() {
    let nodes: [TestApp; 2] = TestApp::nodes().await;
    let mut emails = Vec::new();
    for n in 0..10 {
        let email = nodes[0].admin().await.email;
        crate::password_reset::ask(&nodes[n % 2], &email).await.expect(200);
        emails.push(email);
    }
    let done = join_all([nodes[0].answer_resets(), nodes[1].answer_resets()]).await;
    assert_eq!(done.iter().map(|done| done.issued).sum::<usize>(), 10);
    nodes[0].mails_to("nobody").await;
    for email in &emails {
        assert_eq!(nodes[0].mails_to(email).await.len(), 1);
    }
}
