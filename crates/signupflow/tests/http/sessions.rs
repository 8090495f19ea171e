//! Sessions as their owners and admins see them: the list of devices, ending them, how long they live, and
//! what ends them all (contract, section 4).

use crate::support::{Answer, OTHER_PASSWORD, Persona, TestApp, fresh_ip};
use reqwest::Method;
use serde_json::{Value, json};

const FIREFOX: &str = "Mozilla/5.0 (Windows NT 10.0; Win64; x64; rv:128.0) Gecko/20100101 Firefox/128.0";
const IPHONE: &str = "Mozilla/5.0 (iPhone; CPU iPhone OS 17_4 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/17.4 Mobile/15E148 Safari/604.1";
const HOUR: u64 = 3600;

/// The same person on a device that names itself so.
async fn signed_in_with<'a>(persona: &Persona<'a>, agent: &str) -> Persona<'a> {
    let ip = fresh_ip();
    let body = json!({"email": persona.email, "password": persona.password});
    let request = persona.app.request_from(&ip, Method::POST, "/api/auth/login").header("User-Agent", agent);
    let answer = Answer::of(request.json(&body).send().await).await.expect(200);
    Persona::from_sign_in(persona.app, ip, &persona.email, &persona.password, &answer)
}

async fn listed(persona: &Persona<'_>) -> Vec<Value> {
    let answer = persona.get("/api/sessions").await.expect(200);
    let sessions = answer.json["sessions"].as_array().expect("sessions").clone();
    assert_eq!(answer.json["total"], sessions.len());
    assert_eq!(answer.header("cache-control"), "no-store");
    sessions
}

#[track_caller]
fn entry<'v>(sessions: &'v [Value], id: &str) -> &'v Value {
    sessions.iter().find(|session| session["session_id"] == id).expect("the session is listed")
}

#[tokio::test]
async fn two_devices_are_two_entries_and_one_is_the_current() {
    let app = TestApp::start().await;
    let admin = app.admin().await;
    app.advance(60);
    let phone = signed_in_with(&admin, IPHONE).await;
    let sessions = listed(&phone).await;
    assert_eq!(sessions.len(), 2);
    assert_eq!(sessions[0]["session_id"], phone.session_id, "the newest first");
    let (here, there) = (entry(&sessions, &phone.session_id), entry(&sessions, &admin.session_id));
    assert_eq!((&here["current"], &there["current"]), (&json!(true), &json!(false)));
    assert_eq!((&here["device_type"], &here["ip_address"]), (&json!("mobile"), &json!(phone.ip)));
    assert!(here["browser"].as_str().is_some_and(|browser| browser.starts_with("Safari")), "{here}");
    assert_eq!(there["ip_address"], admin.ip);
    assert!(here["created_at"].as_str() > there["created_at"].as_str());
    assert_eq!(entry(&listed(&admin).await, &admin.session_id)["current"], true);

    app.advance(60);
    let later = listed(&phone).await;
    assert!(entry(&later, &phone.session_id)["last_activity"].as_str() > here["last_activity"].as_str());
    assert_eq!(entry(&later, &phone.session_id)["created_at"], here["created_at"]);
}

#[tokio::test]
async fn the_kind_of_device_is_told_from_what_it_says() {
    let app = TestApp::start().await;
    let admin = app.admin().await;
    for (agent, device, browser) in [
        (FIREFOX, "desktop", "Firefox 128.0"),
        (IPHONE, "mobile", "Safari 17.4"),
        ("curl/8.5.0", "api", "curl"),
        ("my-tool/1.0 (x)", "api", "my-tool/1.0"),
        ("<script>alert(1)</script>", "api", "<script>alert(1)</script>"),
        ("", "unknown", "unknown"),
    ] {
        let persona = signed_in_with(&admin, agent).await;
        let sessions = listed(&persona).await;
        let here = entry(&sessions, &persona.session_id);
        assert_eq!(here["device_type"], device, "{agent}: {here}");
        assert!(here["browser"].as_str().is_some_and(|shown| shown.contains(browser)), "{agent}: {here}");
        assert!(here["os"].is_string());
        persona.poke("/api/auth/logout").await.expect(204);
    }
}

#[tokio::test]
async fn one_device_or_all_others_can_be_signed_out() {
    let app = TestApp::start().await;
    let here = app.admin().await;
    let (first, second, third) =
        (here.on_another_device().await, here.on_another_device().await, here.on_another_device().await);
    let path = format!("/api/sessions/{}", first.session_id);
    assert!(here.delete(&path).await.expect(200).json["message"].is_string());
    first.get("/api/people/me").await.expect_problem(401, "unauthenticated");
    here.delete(&path).await.expect_problem(404, "not_found");
    assert!(second.is_signed_in().await && third.is_signed_in().await);

    here.delete("/api/sessions").await.expect(200);
    for gone in [&second, &third] {
        gone.get("/api/people/me").await.expect_problem(401, "unauthenticated");
    }
    assert_eq!(listed(&here).await.len(), 1);
    here.delete("/api/sessions").await.expect(200);
    assert_eq!(app.audit_rows("auth.session_revoked").await.len(), 3, "one row for each session");
}

#[tokio::test]
async fn nobody_ends_the_session_of_somebody_else() {
    let app = TestApp::start().await;
    let admin = app.admin().await;
    let volunteer = app.volunteer(&admin).await;
    let missing = format!("/api/sessions/session_{}", "A".repeat(43));
    let absent = admin.delete(&missing).await.expect_problem(404, "not_found");
    let others = admin.delete(&format!("/api/sessions/{}", volunteer.session_id)).await;
    assert_eq!(others.expect_problem(404, "not_found").json["detail"], absent.json["detail"]);
    assert!(volunteer.is_signed_in().await);
}

#[tokio::test]
async fn signing_out_ends_the_session_and_clears_the_browser() {
    let app = TestApp::start().await;
    let admin = app.admin().await;
    let phone = admin.on_another_device().await;
    let answer = phone.poke("/api/auth/logout").await.expect(204);
    assert_eq!(answer.header("clear-site-data"), r#""cache", "storage""#);
    assert_eq!(answer.text, "");
    let dead = phone.get("/api/people/me").await.expect_problem(401, "unauthenticated");
    assert_eq!(dead.header("www-authenticate"), r#"Bearer error="invalid_token""#);
    phone.poke("/api/auth/logout").await.expect_problem(401, "unauthenticated");
    assert!(admin.is_signed_in().await);
    let rows = app.audit_rows("auth.logout").await;
    assert_eq!((rows.len(), rows[0].resource_id.as_str()), (1, phone.session_id.as_str()));
}

#[tokio::test]
async fn a_session_ends_after_24_hours_to_the_second() {
    let app = TestApp::start().await;
    let admin = app.admin().await;
    for _ in 0..3 {
        app.advance(7 * HOUR);
        assert!(admin.is_signed_in().await);
    }
    app.advance(3 * HOUR - 1);
    assert!(admin.is_signed_in().await, "one second before the end");
    app.advance(1);
    admin.get("/api/people/me").await.expect_problem(401, "unauthenticated");
    assert_eq!(listed(&admin.on_another_device().await).await.len(), 1, "what has expired is not listed");
}

#[tokio::test]
async fn a_session_that_rests_480_minutes_ends_to_the_second() {
    let app = TestApp::start().await;
    let admin = app.admin().await;
    app.advance(8 * HOUR - 1);
    assert!(admin.is_signed_in().await, "one second before the end");
    app.advance(8 * HOUR - 1);
    assert!(admin.is_signed_in().await, "each use begins the rest anew");
    app.advance(8 * HOUR);
    admin.get("/api/people/me").await.expect_problem(401, "unauthenticated");
}

#[tokio::test]
async fn the_lives_of_sessions_can_be_set_and_resting_be_allowed() {
    let app = TestApp::with(&[("SESSION_TTL_HOURS", "12"), ("SESSION_IDLE_MINUTES", "0")]).await;
    let admin = app.admin().await;
    app.advance(12 * HOUR - 1);
    assert!(admin.is_signed_in().await);
    app.advance(1);
    assert!(!admin.is_signed_in().await);
}

#[tokio::test]
async fn one_session_too_many_ends_the_oldest() {
    for (set, max) in [(None, 5), (Some("2"), 2)] {
        let variables: Vec<_> = set.map(|n| ("SESSION_MAX_PER_USER", n)).into_iter().collect();
        let app = TestApp::with(&variables).await;
        let oldest = app.admin().await;
        let mut younger = Vec::new();
        for _ in 0..max {
            app.advance(1);
            younger.push(oldest.on_another_device().await);
        }
        oldest.get("/api/people/me").await.expect_problem(401, "unauthenticated");
        for persona in &younger {
            assert!(persona.is_signed_in().await);
        }
        assert_eq!(listed(&younger[0]).await.len(), max);
        let rows = app.audit_rows("auth.session_revoked").await;
        assert_eq!((rows.len(), rows[0].resource_id.as_str()), (1, oldest.session_id.as_str()));
    }
}

/// A changed password leaves only the session that changed it, under a new id and token.
#[tokio::test]
async fn a_new_password_ends_every_other_session_and_the_old_token() {
    let app = TestApp::start().await;
    let here = app.admin().await;
    let other = here.on_another_device().await;
    let body = json!({"old_password": here.password, "new_password": OTHER_PASSWORD});
    let answer = here.put("/api/auth/password", &body).await.expect(200);
    assert_eq!(answer.header("cache-control"), "no-store");
    assert!(answer.json["message"].is_string());
    assert_ne!(answer.field("session_id"), here.session_id);
    for dead in [&here, &other] {
        dead.get("/api/people/me").await.expect_problem(401, "unauthenticated");
    }
    let renewed = Persona {
        token: answer.field("token"),
        csrf: answer.field("csrf_token"),
        session_id: answer.field("session_id"),
        ..here.clone()
    };
    let sessions = listed(&renewed).await;
    assert_eq!((sessions.len(), &sessions[0]["current"]), (1, &json!(true)));
    renewed.post("/api/teams", &json!({"name": "Crew"})).await.expect(201);
    app.login_from(&fresh_ip(), &here.email, &here.password).await.expect_problem(401, "invalid_credentials");
}

/// A wrong old password or a bad new one changes nothing and ends nothing.
#[tokio::test]
async fn a_refused_password_change_ends_no_session() {
    let app = TestApp::start().await;
    let here = app.admin().await;
    let other = here.on_another_device().await;
    let wrong = json!({"old_password": "not the password at all", "new_password": OTHER_PASSWORD});
    here.put("/api/auth/password", &wrong).await.expect_problem(403, "wrong_password");
    let weak = json!({"old_password": here.password, "new_password": "password"});
    let answer = here.put("/api/auth/password", &weak).await.expect_problem(422, "invalid_input");
    assert!(answer.json["errors"]["new_password"].is_array(), "{}", answer.text);
    assert!(here.is_signed_in().await && other.is_signed_in().await);
    app.login_from(&fresh_ip(), &here.email, &here.password).await.expect(200);
}

#[tokio::test]
async fn a_fresh_csrf_token_can_be_fetched_for_the_session() {
    let app = TestApp::start().await;
    let admin = app.admin().await;
    let answer = admin.get("/api/auth/csrf").await.expect(200);
    assert_eq!(answer.header("cache-control"), "no-store");
    let newer = Persona { csrf: answer.field("csrf_token"), ..admin.clone() };
    assert_ne!(newer.csrf, admin.csrf);
    newer.post("/api/teams", &json!({"name": "New"})).await.expect(201);
    admin.post("/api/teams", &json!({"name": "Old"})).await.expect(201);
    app.get("/api/auth/csrf").await.expect_problem(401, "unauthenticated");
}
