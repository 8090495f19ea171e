//! The reset of a password as a way in, a way to annoy, and a way to find out who has an account.

use crate::password_reset::{CONFIRM, REQUEST, ask, ask_from, confirm, link};
use crate::support::authenticator::{enrolled, give};
use crate::support::{Answer, OTHER_PASSWORD, PASSWORD, PUBLIC_URL, TestApp, fresh_email, fresh_ip};
use backends::sql::Unit;
use reqwest::Method;
use serde_json::{Value, json};

/// Status, headers and body, less what differs from request to request by design.
fn seen(answer: &Answer) -> (u16, Vec<String>, String) {
    let mut headers: Vec<String> = answer
        .headers
        .iter()
        .filter(|(name, _)| !["x-request-id", "date"].contains(&name.as_str()))
        .map(|(name, value)| format!("{name}: {}", value.to_str().expect("text")))
        .collect();
    headers.sort();
    (answer.status.as_u16(), headers, answer.text.clone())
}

async fn rows_in(app: &TestApp, table: &'static str) -> i64 {
    let sql: &'static str = match table {
        "one_time_tokens" => "SELECT count(*) AS n FROM one_time_tokens WHERE purpose = 'password_reset'",
        "outbox_messages" => "SELECT count(*) AS n FROM outbox_messages WHERE kind = 'password_reset'",
        _ => "SELECT count(*) AS n FROM password_reset_requests",
    };
    let row = app.assembly.database.row(sql, Vec::new()).await.expect("readable").expect("a row");
    row.int("n").expect("a number")
}

/// What asking leaves in the database before it is answered: requests, links, mails, audit rows.
async fn left_behind(app: &TestApp) -> [i64; 4] {
    let audit = i64::try_from(app.whole_audit_log().await.len()).expect("few");
    [
        rows_in(app, "password_reset_requests").await,
        rows_in(app, "one_time_tokens").await,
        rows_in(app, "outbox_messages").await,
        audit,
    ]
}

/// A09: whoever has the address, asking gets the same answer for the same work: a row in one table, no hash, no look at
/// any account. What follows is done later, for everybody at the same time.
#[tokio::test]
async fn asking_tells_nothing_and_costs_the_same() {
    let app = TestApp::start().await;
    let admin = app.admin().await;
    let locked = app.volunteer(&admin).await;
    admin.poke(&format!("/api/people/{}/lock", locked.id)).await.expect(200);
    let deleted = app.volunteer(&admin).await;
    admin.delete(&format!("/api/people/{}", deleted.id)).await;
    let closed = app.admin().await;
    closed.delete(&format!("/api/organizations/{}", closed.org_id)).await;
    let without = app.volunteer(&admin).await;
    let mut unit = Unit::housekeeping("an account as an adopted database may have it");
    let params = vec![without.id.as_str().into()];
    unit.guarded("UPDATE people SET password_hash = NULL WHERE id = $1", params, "no such person");
    app.assembly.database.commit(unit).await.expect("stored");
    let guessed_at = app.volunteer(&admin).await;
    for _ in 0..5 {
        app.login_from(&fresh_ip(), &guessed_at.email, "wrong").await.expect(401);
    }
    let cases = [
        ("known", admin.email.clone(), true),
        ("unknown", fresh_email(), false),
        ("locked by an admin", locked.email.clone(), false),
        ("locked by strangers", guessed_at.email.clone(), true),
        ("deleted", deleted.email.clone(), false),
        ("of a deleted organization", closed.email.clone(), false),
        ("without a password", without.email.clone(), true),
    ];
    let mut first = None;
    for round in 0..4 {
        for (case, email, _) in &cases {
            let (hashes, before) = (app.hashes(), left_behind(&app).await);
            let answer = ask(&app, email).await;
            let after = left_behind(&app).await;
            let grown: Vec<i64> = after.iter().zip(before).map(|(after, before)| after - before).collect();
            // The fourth is one too many, for everybody: dropped, with one row that says so.
            assert_eq!(grown, if round < 3 { [1, 0, 0, 0] } else { [0, 0, 0, 1] }, "{case}, {round}");
            assert_eq!(app.hashes(), hashes, "{case}: hashes");
            let seen = seen(&answer);
            assert_eq!(first.get_or_insert_with(|| seen.clone()), &seen, "{case}, {round}");
        }
    }
    let done = app.answer_resets().await;
    assert_eq!((done.issued, done.dismissed), (9, 12));
    for (case, email, gets_mail) in &cases {
        let mails = app.mails_to(email).await;
        let links = mails.iter().filter(|mail| mail.contains("/reset-password?token=")).count();
        assert_eq!(links, if *gets_mail { 3 } else { 0 }, "{case}");
    }
    assert_eq!(rows_in(&app, "password_reset_requests").await, 0);
}

/// A15, ASVS 6.4.3: a reset gives no session and leaves the second factor, and the requirement of one, as they were.
#[tokio::test]
async fn a_reset_does_not_go_round_the_second_factor() {
    let app = TestApp::start().await;
    let person = app.admin().await;
    let authenticator = enrolled(&person).await;
    let token = link(&app, &person.email).await;
    let done = confirm(&app, &token, OTHER_PASSWORD).await.expect(200);
    assert!(!done.text.contains("token") && done.header("set-cookie").is_empty(), "{}", done.text);
    let half = app.login_from(&fresh_ip(), &person.email, OTHER_PASSWORD).await.expect(200);
    assert_eq!((&half.json["2fa_required"], &half.json["token"]), (&json!(true), &Value::Null));
    let waiting = half.field("temp_token");
    for _ in 0..3 {
        give(&app, &waiting, &authenticator.wrong(&app)).await.expect(401);
    }
    give(&app, &waiting, &authenticator.code(&app)).await.expect_problem(429, "account_locked");
    let token = link(&app, &person.email).await;
    confirm(&app, &token, PASSWORD).await.expect(200);
    let half = app.login_from(&fresh_ip(), &person.email, PASSWORD).await.expect(200);
    let again = half.field("temp_token");
    give(&app, &again, &authenticator.code(&app)).await.expect_problem(429, "account_locked");
    app.advance(900);
    let half = app.login_from(&fresh_ip(), &person.email, PASSWORD).await.expect(200);
    give(&app, &half.field("temp_token"), &authenticator.code(&app)).await.expect(200);
}

/// A15: a sign-in that waits for its code does not outlive the password it began with.
#[tokio::test]
async fn a_reset_ends_sign_ins_that_wait_for_a_code() {
    let app = TestApp::start().await;
    let person = app.admin().await;
    let authenticator = enrolled(&person).await;
    let waiting = app.login_from(&fresh_ip(), &person.email, PASSWORD).await.expect(200).field("temp_token");
    let token = link(&app, &person.email).await;
    confirm(&app, &token, OTHER_PASSWORD).await.expect(200);
    let refused = give(&app, &waiting, &authenticator.code(&app)).await;
    refused.expect_problem(401, "invalid_credentials");
}

/// A15, section 6: who must set a second factor up must do so after a reset, too.
#[tokio::test]
async fn a_reset_does_not_go_round_the_requirement() {
    let app = TestApp::start().await;
    let admin = app.admin().await;
    let member = app.volunteer(&admin).await;
    let require = format!("/api/organizations/{}/require-2fa", admin.org_id);
    admin.put(&require, &json!({"require": true, "roles": ["volunteer"]})).await.expect(200);
    let token = link(&app, &member.email).await;
    confirm(&app, &token, OTHER_PASSWORD).await.expect(200);
    let half = app.login_from(&fresh_ip(), &member.email, OTHER_PASSWORD).await.expect(200);
    assert_eq!((&half.json["2fa_setup_required"], &half.json["token"]), (&json!(true), &Value::Null));
}

/// A52: a thousand requests from a thousand networks are three mails, and the owner's link goes on working.
#[tokio::test]
async fn a_flood_of_requests_is_three_mails_and_voids_nothing() {
    let app = TestApp::start().await;
    let owner = app.admin().await;
    let token = link(&app, &owner.email).await;
    for chunk in 0..100 {
        let asked = (0..10).map(|n| {
            let (app, email) = (&app, &owner.email);
            async move { ask_from(app, &format!("172.16.{chunk}.{n}"), email).await }
        });
        for answer in futures_util::future::join_all(asked).await {
            answer.expect(200);
        }
    }
    let mails = app.mails_to(&owner.email).await;
    assert_eq!(mails.iter().filter(|mail| mail.contains("/reset-password?token=")).count(), 3);
    assert_eq!(app.audit_rows("auth.password_reset_requested").await.len(), 3);
    confirm(&app, &token, OTHER_PASSWORD).await.expect(200);
}

/// A51: opening a link, and asking about it, uses nothing up: not by GET, not by HEAD, not a hundred times.
#[tokio::test]
async fn scanners_do_not_use_a_link_up() {
    let app = TestApp::start().await;
    let owner = app.admin().await;
    let token = link(&app, &owner.email).await;
    for _ in 0..50 {
        for path in ["/reset-password", "/api/auth/password-reset-validate"] {
            for method in [Method::GET, Method::HEAD] {
                let opened = app.request(method, &format!("{path}?token={token}")).send().await;
                let opened = Answer::of(opened).await.expect(200);
                assert_eq!(opened.header("cache-control"), "no-store");
                assert_eq!(opened.header("referrer-policy"), "no-referrer");
            }
        }
    }
    for path in [CONFIRM, REQUEST] {
        let get = app.get(&format!("{path}?token={token}&new_password={}", "x".repeat(20))).await;
        get.expect_problem(405, "method_not_allowed");
    }
    confirm(&app, &token, OTHER_PASSWORD).await.expect(200);
}

/// A22, A23: the link in the mail is ours whatever the request says, and goes to the address that was stored.
#[tokio::test]
async fn nothing_in_a_request_leads_the_link_elsewhere() {
    let app = TestApp::with(&[("RATE_LIMITING_ENABLED", "false")]).await;
    let owner = app.admin().await;
    for (name, value) in [
        ("X-Forwarded-Host", "evil.example"),
        ("X-Original-Host", "evil.example"),
        ("Forwarded", "host=evil.example"),
        ("Referer", "https://evil.example/"),
        ("User-Agent", "x%0d%0aBcc: mallory@evil.example"),
    ] {
        let body = json!({"email": owner.email});
        let request = app.request(Method::POST, REQUEST).header(name, value).json(&body);
        Answer::of(request.send().await).await.expect(200);
    }
    let other_host = app.request(Method::POST, REQUEST).header("Host", "evil.example");
    Answer::of(other_host.json(&json!({"email": owner.email})).send().await).await;
    let mails = app.mails_to(&owner.email).await;
    assert!(mails.len() >= 5);
    for mail in &mails {
        assert!(mail.contains(&format!("{PUBLIC_URL}/reset-password?token=")), "{mail}");
        // With its colon: the letters alone may stand in a boundary or a token.
        assert!(!mail.contains("evil") && !mail.to_lowercase().contains("bcc:"), "{mail}");
    }
    for email in [
        format!("{}\r\nBcc: mallory@evil.example", owner.email),
        format!("{},mallory@evil.example", owner.email),
        format!("{}%0d%0aBcc:mallory@evil.example", owner.email),
    ] {
        ask(&app, &email).await.expect_problem(422, "invalid_input");
    }
}

/// Login CSRF's kin: another site cannot ask or confirm for somebody.
#[tokio::test]
async fn other_sites_can_neither_ask_nor_confirm() {
    let app = TestApp::start().await;
    let owner = app.admin().await;
    let token = link(&app, &owner.email).await;
    let json = json!({"token": token, "new_password": OTHER_PASSWORD});
    let form = format!("token={token}&new_password={}", OTHER_PASSWORD.replace(' ', "+"));
    for (name, value) in
        [("Sec-Fetch-Site", "cross-site"), ("Origin", "https://evil.example"), ("Origin", "null")]
    {
        let confirm = app.request(Method::POST, CONFIRM).header(name, value).json(&json);
        Answer::of(confirm.send().await).await.expect_problem(403, "cross_origin");
        let page = app.request(Method::POST, "/reset-password").header(name, value);
        let page = page.header("Content-Type", "application/x-www-form-urlencoded").body(form.clone());
        Answer::of(page.send().await).await.expect_problem(403, "cross_origin");
    }
    confirm(&app, &token, OTHER_PASSWORD).await.expect(200);
}
