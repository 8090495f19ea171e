//! Locking somebody out on purpose: a device that signed in before keeps its own budget of failures.

use crate::support::{Answer, OTHER_PASSWORD, PASSWORD, Persona, TestApp, fresh_ip};
use reqwest::Method;
use reqwest::header::COOKIE;
use serde_json::json;

const LOCK: u64 = 900;

async fn with_device(app: &TestApp, email: &str, password: &str, device: &str) -> Answer {
    let body = json!({"email": email, "password": password, "device_token": device});
    app.post_from(&fresh_ip(), "/api/auth/login", &body).await
}

async fn with_cookie(app: &TestApp, email: &str, cookie: &str) -> Answer {
    let request = app.request_from(&fresh_ip(), Method::POST, "/api/auth/login").header(COOKIE, cookie);
    Answer::of(request.json(&json!({"email": email, "password": PASSWORD})).send().await).await
}

async fn strangers_fail(app: &TestApp, email: &str, times: usize) {
    for _ in 0..times {
        app.login_from(&fresh_ip(), email, "not it").await.expect_problem(401, "invalid_credentials");
    }
}

async fn device_fails(app: &TestApp, person: &Persona<'_>, times: usize) {
    for _ in 0..times {
        let refused = with_device(app, &person.email, "not it", &person.device_token).await;
        refused.expect_problem(401, "invalid_credentials");
    }
}

/// A06: strangers lock the account; the owner's device signs in, by JSON field and by cookie, and its own
/// failures are counted apart.
#[tokio::test]
async fn strangers_do_not_lock_a_known_device_out() {
    let app = TestApp::start().await;
    let owner = app.admin().await;
    strangers_fail(&app, &owner.email, 5).await;
    app.login_from(&fresh_ip(), &owner.email, PASSWORD).await.expect_problem(429, "account_locked");
    let wrong = with_device(&app, &owner.email, "not it", &owner.device_token).await.expect(401);
    assert_eq!(wrong.header("x-ratelimit-remaining"), "4");
    let back = with_device(&app, &owner.email, PASSWORD, &owner.device_token).await.expect(200);
    let cookie = back.header("set-cookie").split(';').next().expect("a pair").to_owned();
    assert!(cookie.starts_with("device="), "{cookie}");
    assert_eq!(cookie, format!("device={}", back.field("device_token")));
    with_cookie(&app, &owner.email, &cookie).await.expect(200);
    app.login_from(&fresh_ip(), &owner.email, PASSWORD).await.expect_problem(429, "account_locked");
}

/// Section 5: a device that fails five times is locked for a quarter of an hour; strangers are not.
#[tokio::test]
async fn a_device_is_locked_after_its_own_failures_only() {
    let app = TestApp::start().await;
    let owner = app.admin().await;
    let phone = owner.on_another_device().await;
    device_fails(&app, &owner, 5).await;
    let locked = with_device(&app, &owner.email, PASSWORD, &owner.device_token).await;
    let locked = locked.expect_problem(429, "account_locked");
    assert!(
        locked.field("detail").starts_with("Account locked for 15 minutes on this device"),
        "{}",
        locked.text
    );
    assert_eq!(locked.json["retry_after"], LOCK);
    let mail = app.mails_to(&owner.email).await.pop().expect("the owner is told");
    assert!(mail.contains("locked for 15 minutes") && !mail.contains("unknown devices"), "{mail}");
    with_device(&app, &owner.email, PASSWORD, &phone.device_token).await.expect(200);
    let stranger = app.login_from(&fresh_ip(), &owner.email, "not it").await.expect(401);
    assert_eq!(stranger.header("x-ratelimit-remaining"), "4");
    app.login_from(&fresh_ip(), &owner.email, PASSWORD).await.expect(200);
    with_device(&app, &owner.email, PASSWORD, &owner.device_token).await.expect(429);
    app.advance(LOCK);
    with_device(&app, &owner.email, PASSWORD, &owner.device_token).await.expect(200);
    assert_eq!(app.audit_rows("auth.account_locked").await.len(), 1);
}

/// Section 5: a client that still sends an old token in JSON is known by its good cookie.
#[tokio::test]
async fn an_old_token_does_not_hide_a_good_cookie() {
    let app = TestApp::start().await;
    let owner = app.admin().await;
    strangers_fail(&app, &owner.email, 5).await;
    for (told, kept, status) in
        [("old", &*owner.device_token, 200), (&*owner.device_token, "old", 200), ("old", "old", 429)]
    {
        let cookie = format!("device={kept}");
        let request = app.request_from(&fresh_ip(), Method::POST, "/api/auth/login").header(COOKIE, cookie);
        let body = json!({"email": owner.email, "password": PASSWORD, "device_token": told});
        Answer::of(request.json(&body).send().await).await.expect(status);
    }
}

/// Section 5: a success clears the account budget of its own source only.
#[tokio::test]
async fn a_success_of_one_source_leaves_the_others_count() {
    let app = TestApp::start().await;
    let owner = app.admin().await;
    strangers_fail(&app, &owner.email, 4).await;
    device_fails(&app, &owner, 4).await;
    let phone = owner.device_token.clone();
    with_device(&app, &owner.email, PASSWORD, &phone).await.expect(200);
    let fifth = app.login_from(&fresh_ip(), &owner.email, "not it").await.expect(401);
    assert_eq!(fifth.header("x-ratelimit-remaining"), "0", "the device's success is not the strangers'");

    let other = app.admin().await;
    device_fails(&app, &other, 4).await;
    app.login_from(&fresh_ip(), &other.email, PASSWORD).await.expect(200);
    device_fails(&app, &other, 1).await;
    with_device(&app, &other.email, PASSWORD, &other.device_token)
        .await
        .expect_problem(429, "account_locked");
}

/// Section 5: a device token opens nothing else: not another account, not when changed, not twice.
#[tokio::test]
async fn foreign_and_forged_device_tokens_are_strangers() {
    let app = TestApp::start().await;
    let (owner, mallory) = (app.admin().await, app.admin().await);
    strangers_fail(&app, &owner.email, 5).await;
    let mut forged = owner.device_token.clone();
    let last = forged.pop().expect("not empty");
    forged.push(if last == 'A' { 'B' } else { 'A' });
    for token in [&mallory.device_token, &forged, "x", ""] {
        let refused = with_device(&app, &owner.email, PASSWORD, token).await;
        refused.expect_problem(429, "account_locked");
    }
    let twice = format!("device={0}; device={0}", owner.device_token);
    with_cookie(&app, &owner.email, &twice).await.expect_problem(429, "account_locked");
    with_device(&app, &owner.email, PASSWORD, &owner.device_token).await.expect(200);
}

/// Section 5: void after a password change elsewhere; the device that changed it has a new token.
#[tokio::test]
async fn a_password_change_elsewhere_makes_a_device_a_stranger() {
    let app = TestApp::start().await;
    let laptop = app.admin().await;
    let phone = laptop.on_another_device().await;
    let body = json!({"old_password": PASSWORD, "new_password": OTHER_PASSWORD});
    let changed = laptop.put("/api/auth/password", &body).await.expect(200);
    strangers_fail(&app, &laptop.email, 5).await;
    for token in [&phone.device_token, &laptop.device_token] {
        let refused = with_device(&app, &laptop.email, OTHER_PASSWORD, token).await;
        refused.expect_problem(429, "account_locked");
    }
    let known = changed.field("device_token");
    with_device(&app, &laptop.email, OTHER_PASSWORD, &known).await.expect(200);
}

async fn fail_a_hundred_times(app: &TestApp, email: &str) {
    for _ in 0..20 {
        strangers_fail(app, email, 5).await;
        app.advance(LOCK);
    }
}

/// A06 (NIST SP 800-63B-4, 3.2.2): after a hundred failures in a row strangers stay out, also with the right
/// password and after every wait, until the password changes; the known device still signs in and does it.
#[tokio::test]
async fn a_hundred_failures_in_a_row_keep_strangers_out_until_the_password_changes() {
    let app = TestApp::with(&[("SESSION_TTL_HOURS", "720"), ("SESSION_IDLE_MINUTES", "0")]).await;
    let owner = app.admin().await;
    fail_a_hundred_times(&app, &owner.email).await;
    let hashes = app.hashes();
    for waited in [0, LOCK, 24 * 3600] {
        app.advance(waited);
        let out = app.login_from(&fresh_ip(), &owner.email, PASSWORD).await;
        let out = out.expect_problem(429, "account_locked");
        assert!(out.field("detail").contains("Account locked for 15 minutes"), "{}", out.text);
        assert_eq!((out.header("x-ratelimit-limit"), out.header("x-ratelimit-remaining")), ("5", "0"));
        assert!(!out.header("retry-after").is_empty());
    }
    assert_eq!(app.hashes(), hashes);
    assert_eq!(app.audit_rows("auth.account_locked").await.len(), 20);
    assert!(app.audit_rows("auth.rate_limited").await.len() >= 3, "refusals for good are on record too");

    let back = with_device(&app, &owner.email, PASSWORD, &owner.device_token).await.expect(200);
    let owner = Persona::from_sign_in(&app, fresh_ip(), &owner.email, PASSWORD, &back);
    app.login_from(&fresh_ip(), &owner.email, PASSWORD).await.expect_problem(429, "account_locked");
    let body = json!({"old_password": PASSWORD, "new_password": OTHER_PASSWORD});
    owner.put("/api/auth/password", &body).await.expect(200);
    app.login_from(&fresh_ip(), &owner.email, OTHER_PASSWORD).await.expect(200);
}

/// Section 5: neither the mailed link nor an admin makes the hundred start over; both say how to get out.
#[tokio::test]
async fn after_a_hundred_failures_unlocking_opens_nothing_to_strangers() {
    let app = TestApp::with(&[
        ("SESSION_TTL_HOURS", "720"),
        ("SESSION_IDLE_MINUTES", "0"),
        ("CSRF_TOKEN_TTL", "604800"),
    ])
    .await;
    let admin = app.admin().await;
    let owner = app.volunteer(&admin).await;
    for _ in 0..19 {
        strangers_fail(&app, &owner.email, 5).await;
        app.advance(LOCK);
    }
    strangers_fail(&app, &owner.email, 5).await;
    let body = json!({"token": app.mailed_token(&owner.email).await});
    let told = app.post_from(&fresh_ip(), "/api/auth/unlock", &body).await.expect(200).field("message");
    assert!(
        told.contains("unknown devices stay locked out until the password is reset or changed"),
        "{told}"
    );
    app.login_from(&fresh_ip(), &owner.email, PASSWORD).await.expect_problem(429, "account_locked");
    assert_eq!(
        admin.get("/api/lockouts").await.expect(200).json["items"],
        json!([]),
        "the timed lock is gone"
    );

    admin.post("/api/auth/reauthenticate", &json!({"password": PASSWORD})).await.expect(200);
    let unlock = format!("/api/people/{}/unlock", owner.id);
    let unlocked = admin.poke(&unlock).await.expect(200);
    assert_eq!((unlocked.field("notice"), unlocked.field("id")), (told, owner.id.clone()));
    app.login_from(&fresh_ip(), &owner.email, PASSWORD).await.expect_problem(429, "account_locked");

    let back = with_device(&app, &owner.email, PASSWORD, &owner.device_token).await.expect(200);
    let owner = Persona::from_sign_in(&app, fresh_ip(), &owner.email, PASSWORD, &back);
    let body = json!({"old_password": PASSWORD, "new_password": OTHER_PASSWORD});
    owner.put("/api/auth/password", &body).await.expect(200);
    app.login_from(&fresh_ip(), &owner.email, OTHER_PASSWORD).await.expect(200);
    assert!(admin.poke(&unlock).await.expect(200).json.get("notice").is_none());
}

/// Fewer failures leave no notice, but stay counted: an unlock link is no fresh hundred.
#[tokio::test]
async fn an_unlock_link_does_not_start_the_hundred_over() {
    let app = TestApp::start().await;
    let email = app.admin().await.email;
    for round in 0..20 {
        strangers_fail(&app, &email, 5).await;
        let body = json!({"token": app.mailed_token(&email).await});
        let told = app.post_from(&fresh_ip(), "/api/auth/unlock", &body).await.expect(200).field("message");
        assert_eq!(told.contains("open again"), round < 19, "{round}: {told}");
        app.advance(1);
    }
    app.login_from(&fresh_ip(), &email, PASSWORD).await.expect_problem(429, "account_locked");
}

/// A06: the hundred are counted over a restart, and a success in between starts them over.
#[tokio::test]
async fn a_success_starts_the_hundred_over_and_a_restart_does_not() {
    let app = TestApp::start().await;
    let email = app.admin().await.email;
    for _ in 0..19 {
        strangers_fail(&app, &email, 5).await;
        app.advance(LOCK);
    }
    strangers_fail(&app, &email, 4).await;
    app.login_from(&fresh_ip(), &email, PASSWORD).await.expect(200);
    strangers_fail(&app, &email, 1).await;
    app.advance(LOCK);
    app.login_from(&fresh_ip(), &email, PASSWORD).await.expect(200);

    fail_a_hundred_times(&app, &email).await;
    let app = app.restart().await;
    app.login_from(&fresh_ip(), &email, PASSWORD).await.expect_problem(429, "account_locked");
}
