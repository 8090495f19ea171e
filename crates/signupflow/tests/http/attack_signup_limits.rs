//! Signing up by script: three successes and thirty attempts an hour and address; twenty invitations an hour
//! and organization.

use crate::support::{Answer, PASSWORD, TestApp, fresh_email, fresh_ip};
use futures_util::future::join_all;
use serde_json::{Value, json};

const HOUR: u64 = 3600;

fn founding() -> Value {
    json!({"name": "Sam", "email": fresh_email(), "password": PASSWORD, "org_name": "Another One"})
}

fn in_vain() -> Value {
    json!({"name": "Sam", "email": fresh_email(), "password": PASSWORD, "org_id": "org_closed"})
}

async fn sign_up(app: &TestApp, ip: &str, body: &Value) -> Answer {
    app.post_from(ip, "/api/auth/signup", body).await
}

/// Section 5: the fourth success in an hour is refused for an hour to the second; other addresses are fine.
#[tokio::test]
async fn three_sign_ups_an_hour_and_address() {
    let app = TestApp::start().await;
    let ip = fresh_ip();
    for left in (0..3).rev() {
        let created = sign_up(&app, &ip, &founding()).await.expect(201);
        assert_eq!(created.header("x-ratelimit-limit"), "3");
        assert_eq!(created.header("x-ratelimit-remaining"), left.to_string());
    }
    for (waited, left) in [(0, HOUR), (100, HOUR - 100), (HOUR - 101, 1)] {
        app.advance(waited);
        let refused = sign_up(&app, &ip, &founding()).await.expect_problem(429, "rate_limited");
        assert_eq!(
            (refused.json["retry_after"].as_u64(), refused.json["limit"].as_u64()),
            (Some(left), Some(3))
        );
        assert_eq!(refused.header("retry-after"), left.to_string());
        assert_eq!(refused.header("x-ratelimit-remaining"), "0");
    }
    sign_up(&app, &fresh_ip(), &founding()).await.expect(201);
    assert_eq!(app.audit_rows("person.create").await.len(), 4);
    assert_eq!(app.audit_rows("auth.rate_limited").await.len(), 1, "once a window");
    assert_eq!(app.audit_rows("auth.account_locked").await.len(), 1, "the address's block");
    let key = format!("rate_limit:{{ip:{ip}}}:/api/auth/signup:successes");
    let locks = app.assembly.services.accounts.active_locks(&[key], app.now()).await.expect("readable");
    let shown: Vec<_> = locks.iter().map(|lock| (&*lock.kind, &*lock.subject)).collect();
    assert_eq!(shown, [("ip", &*ip)], "the block is in the database");
    app.advance(1);
    sign_up(&app, &ip, &founding()).await.expect(201);
}

/// Section 5: sign-ups by invitation are not counted, and go on when the address is blocked.
#[tokio::test]
async fn invited_people_are_not_counted() {
    let app = TestApp::start().await;
    let (admin, office) = (app.admin().await, fresh_ip());
    let accept = async || {
        let email = fresh_email();
        admin.post("/api/invitations", &json!({"email": email, "roles": ["volunteer"]})).await.expect(201);
        let token = app.mailed_token(&email).await;
        let body = json!({"name": "Vic", "email": email, "password": PASSWORD, "invitation_token": token});
        sign_up(&app, &office, &body).await.expect(201)
    };
    for _ in 0..4 {
        accept().await;
    }
    for _ in 0..3 {
        sign_up(&app, &office, &founding()).await.expect(201);
    }
    sign_up(&app, &office, &founding()).await.expect_problem(429, "rate_limited");
    accept().await;
}

/// Section 5: thirty attempts, whatever comes of them; after that not even an invitation is looked at.
#[tokio::test]
async fn thirty_attempts_an_hour_and_address() {
    let app = TestApp::start().await;
    let ip = fresh_ip();
    for _ in 0..10 {
        sign_up(&app, &ip, &json!({"name": "Sam"})).await.expect(422);
    }
    for n in 0..30 {
        let body = match n % 3 {
            0 => {
                json!({"name": "Eve", "email": fresh_email(), "password": PASSWORD, "invitation_token": "x"})
            }
            _ => in_vain(),
        };
        let refused = sign_up(&app, &ip, &body).await;
        assert!([400, 403].contains(&refused.status.as_u16()), "attempt {n}: {}", refused.text);
    }
    let invited =
        json!({"name": "Eve", "email": fresh_email(), "password": PASSWORD, "invitation_token": "x"});
    for body in [founding(), in_vain(), invited] {
        let blocked = sign_up(&app, &ip, &body).await.expect_problem(429, "rate_limited");
        assert_eq!(
            (blocked.json["limit"].as_u64(), blocked.json["retry_after"].as_u64()),
            (Some(30), Some(HOUR))
        );
    }
    app.advance(HOUR);
    sign_up(&app, &ip, &founding()).await.expect(201);
}

/// A05 for signing up: of a dozen at once three succeed.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_burst_of_sign_ups_makes_three_accounts() {
    let app = TestApp::start().await;
    let ip = fresh_ip();
    let burst = (0..12).map(|_| {
        let (app, ip) = (&app, &ip);
        async move { sign_up(app, ip, &founding()).await }
    });
    let answers = join_all(burst).await;
    assert_eq!(answers.iter().filter(|answer| answer.status == 201).count(), 3);
    for refused in answers.into_iter().filter(|answer| answer.status != 201) {
        refused.expect_problem(429, "rate_limited");
    }
    assert_eq!(app.audit_rows("organization.create").await.len(), 3);
}

/// F36 for signing up: a restart forgets neither successes nor the block.
#[tokio::test]
async fn a_restart_keeps_the_count() {
    let app = TestApp::start().await;
    let (blocked, counted) = (fresh_ip(), fresh_ip());
    for _ in 0..3 {
        sign_up(&app, &blocked, &founding()).await.expect(201);
    }
    sign_up(&app, &counted, &founding()).await.expect(201);
    app.advance(10);
    let app = app.restart().await;
    let refused = sign_up(&app, &blocked, &founding()).await.expect_problem(429, "rate_limited");
    assert_eq!(refused.json["retry_after"], HOUR - 10);
    let second = sign_up(&app, &counted, &founding()).await.expect(201);
    assert_eq!(second.header("x-ratelimit-remaining"), "1");
}

/// Section 5: twenty invitations an hour for the organization, whichever admin sends them.
#[tokio::test]
async fn twenty_invitations_an_hour_and_organization() {
    let app = TestApp::with(&[("CSRF_TOKEN_TTL", "86400")]).await;
    let (first, stranger) = (app.admin().await, app.admin().await);
    let second = app.invited(&first, &["admin"]).await;
    let invitation = || json!({"email": fresh_email(), "roles": ["volunteer"]});
    for n in 1..20 {
        let sender = if n % 2 == 0 { &first } else { &second };
        let sent = sender.post("/api/invitations", &invitation()).await.expect(201);
        assert_eq!(sent.header("x-ratelimit-limit"), "20");
        assert_eq!(sent.header("x-ratelimit-remaining"), (19 - n).to_string());
    }
    for (sender, waited) in [(&first, 0), (&second, HOUR - 1)] {
        app.advance(waited);
        let refused =
            sender.post("/api/invitations", &invitation()).await.expect_problem(429, "rate_limited");
        assert_eq!(refused.json["retry_after"], HOUR - waited);
    }
    stranger.post("/api/invitations", &invitation()).await.expect(201);
    app.advance(1);
    first.post("/api/invitations", &invitation()).await.expect(201);
    assert_eq!(app.audit_rows("invitation.sent").await.len(), 22);
}
