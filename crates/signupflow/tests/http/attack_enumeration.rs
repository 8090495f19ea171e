//! Finding out who has an account by signing in: every refusal looks the same and costs the same.
//!
//! Whether they also take the same time is for a benchmark to say; here it is one hash for each attempt.

use crate::support::{Answer, PASSWORD, Persona, TestApp, fresh_email, fresh_ip};
use backends::sql::Unit;
use serde_json::json;

/// A bcrypt hash as an adopted database has it, of some other password.
const BCRYPT: &str = "$2b$04$abcdefghijklmnopqrstuuABCDEFGHIJKLMNOPQRSTUVWXYZ01234";

/// Everything an observer can compare: status, headers with their values, length and text of the body, less
/// what differs from request to request by design.
fn seen(answer: &Answer) -> (u16, Vec<(String, String)>, usize, String) {
    let mut headers: Vec<(String, String)> = answer
        .headers
        .iter()
        .filter(|(name, _)| !["x-request-id", "date"].contains(&name.as_str()))
        .map(|(name, value)| (name.to_string(), value.to_str().expect("text").to_owned()))
        .collect();
    headers.sort();
    let mut body = answer.json.clone();
    body["request_id"] = json!("");
    (answer.status.as_u16(), headers, answer.text.len(), body.to_string())
}

async fn set_hash(app: &TestApp, person: &Persona<'_>, hash: Option<&str>) {
    let mut unit = Unit::housekeeping("an account as an adopted database may have it");
    let params = vec![hash.map(str::to_owned).into(), person.id.as_str().into()];
    unit.guarded("UPDATE people SET password_hash = $1 WHERE id = $2", params, "no such person");
    app.assembly.database.commit(unit).await.expect("stored");
}

/// Accounts that all refuse, each for a reason of its own: the name of the case, the address, the password.
async fn accounts_that_refuse(app: &TestApp) -> Vec<(&'static str, String, &'static str)> {
    let admin = app.admin().await;
    let locked = app.volunteer(&admin).await;
    admin.poke(&format!("/api/people/{}/lock", locked.id)).await.expect(200);
    let deleted = app.volunteer(&admin).await;
    let gone = admin.delete(&format!("/api/people/{}", deleted.id)).await;
    assert!(gone.status.is_success(), "{}", gone.text);
    let without = app.volunteer(&admin).await;
    set_hash(app, &without, None).await;
    let adopted = app.volunteer(&admin).await;
    set_hash(app, &adopted, Some(BCRYPT)).await;
    let damaged = app.volunteer(&admin).await;
    set_hash(app, &damaged, Some("damaged")).await;
    let closed = app.admin().await;
    closed.delete(&format!("/api/organizations/{}", closed.org_id)).await;
    vec![
        ("unknown", fresh_email(), PASSWORD),
        ("wrong password", admin.email, "wrong"),
        ("empty password", app.admin().await.email, ""),
        ("locked by an admin", locked.email, PASSWORD),
        ("deleted", deleted.email, PASSWORD),
        ("without password", without.email, PASSWORD),
        ("adopted", adopted.email, "wrong"),
        ("damaged hash", damaged.email, PASSWORD),
        ("of a deleted organization", closed.email, PASSWORD),
    ]
}

/// A08: the first five refusals and the lock that follows are the same for everybody, known or not.
#[tokio::test]
async fn every_refused_sign_in_looks_and_costs_the_same() {
    let app = TestApp::start().await;
    let cases = accounts_that_refuse(&app).await;
    for round in 0..6 {
        let mut first = None;
        for (case, email, password) in &cases {
            let hashes = app.hashes();
            let answer = app.login_from(&fresh_ip(), email, password).await;
            assert_eq!(answer.status, if round < 5 { 401 } else { 429 }, "{case}: {}", answer.text);
            assert_eq!(app.hashes() - hashes, u64::from(round < 5), "{case}: hashes");
            let seen = seen(&answer);
            assert_eq!(first.get_or_insert_with(|| seen.clone()), &seen, "{case}, round {round}");
        }
    }
    app.advance(900);
    for (case, email, _) in &cases {
        let answer = app.login_from(&fresh_ip(), email, "wrong").await;
        assert_eq!(answer.status, 401, "{case}: every lock ends");
    }
}

/// A08: a device token for an account that does not exist changes nothing either.
#[tokio::test]
async fn a_device_token_tells_nothing_of_other_accounts() {
    let app = TestApp::start().await;
    let (mallory, known) = (app.admin().await, app.admin().await.email);
    let mut answers = Vec::new();
    for email in [known, fresh_email()] {
        let body = json!({"email": email, "password": "wrong", "device_token": mallory.device_token});
        answers.push(seen(&app.post_from(&fresh_ip(), "/api/auth/login", &body).await.expect(401)));
    }
    assert_eq!(answers[0], answers[1]);
}

/// A08: refusals in flight together do not tell accounts apart: known and unknown, each five of a hundred.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_burst_tells_nothing_either() {
    let app = TestApp::start().await;
    for email in [app.admin().await.email, fresh_email()] {
        let burst = (0..100).map(|_| {
            let (app, email) = (&app, &email);
            async move { app.login_from(&fresh_ip(), email, "wrong").await }
        });
        let answers = futures_util::future::join_all(burst).await;
        assert_eq!(answers.iter().filter(|answer| answer.status == 401).count(), 5);
        assert_eq!(answers.iter().filter(|answer| answer.status == 429).count(), 95);
    }
}

/// A08: the trail, which only admins read, knows the difference; and unknown accounts are locked on record.
#[tokio::test]
async fn the_trail_knows_what_the_answer_does_not_tell() {
    let app = TestApp::start().await;
    let (known, unknown) = (app.admin().await, fresh_email());
    for email in [&known.email, &unknown] {
        for _ in 0..5 {
            app.login_from(&fresh_ip(), email, "wrong").await.expect(401);
        }
        app.login_from(&fresh_ip(), email, "wrong").await.expect_problem(429, "account_locked");
    }
    let locks = app.audit_rows("auth.account_locked").await;
    let mut owners: Vec<(&str, &str)> =
        locks.iter().map(|row| (row.org_id.as_str(), row.user_id.as_str())).collect();
    owners.sort_unstable();
    let known_owner = (known.org_id.as_str(), known.id.as_str());
    assert_eq!(owners, [known_owner, ("org_system", "person_anonymous")]);
    assert_eq!(app.audit_rows("auth.login_failed").await.len(), 10);
    assert_eq!(app.audit_rows("auth.rate_limited").await.len(), 2);
    assert!(app.mails_to(&unknown).await.is_empty(), "nobody gets mail who has no account");
}
