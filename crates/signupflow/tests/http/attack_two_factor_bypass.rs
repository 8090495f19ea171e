//! Ways round the second factor (A15, A60): temporary tokens elsewhere, other ways in, old sessions.

use crate::support::api_walk::{World, operations, wide_app};
use crate::support::authenticator::{Authenticator, STEP, enrolled, give, signed_in, temporary_token};
use crate::support::{Answer, OTHER_PASSWORD, PASSWORD, Persona, TestApp, fresh_email, fresh_ip};
use reqwest::Method;
use serde_json::{Value, json};

const ENABLE: &str = "/api/auth/2fa/enable";
const CONFIRM: &str = "/api/auth/2fa/verify-setup";

async fn with_bearer(app: &TestApp, token: &str, method: Method, path: &str, body: &Value) -> Answer {
    Answer::of(app.request(method, path).bearer_auth(token).json(body).send().await).await
}

/// The set-up token of somebody whose organization asks for a second factor.
async fn set_up_token(app: &TestApp, email: &str) -> String {
    let answer = app.login_from(&fresh_ip(), email, PASSWORD).await.expect(200);
    assert_eq!(answer.json["2fa_setup_required"], true, "{}", answer.text);
    assert_eq!((&answer.json["token"], answer.header("set-cookie")), (&Value::Null, ""));
    answer.field("temp_token")
}

/// An organization that asks everybody for a second factor; its admin has one.
async fn strict(app: &TestApp) -> (Persona<'_>, Authenticator) {
    let admin = app.admin().await;
    let authenticator = enrolled(&admin).await;
    let admin = signed_in(app, &admin.email, &authenticator).await;
    require(&admin, &json!({"require": true})).await.expect(200);
    (admin, authenticator)
}

async fn require(admin: &Persona<'_>, policy: &Value) -> Answer {
    admin.put(&format!("/api/organizations/{}/require-2fa", admin.org_id), policy).await
}

/// A15: temporary tokens open no route of the document but their own step.
#[tokio::test]
async fn temporary_tokens_open_nothing_else() {
    let app = wide_app().await;
    let world = World::of(&app).await;
    let authenticator = enrolled(&world.admin).await;
    let waiting = temporary_token(&app, &world.admin.email).await;
    let admin = signed_in(&app, &world.admin.email, &authenticator).await;
    require(&admin, &json!({"require": true, "roles": ["volunteer"]})).await.expect(200);
    let setting_up = set_up_token(&app, &world.member.email).await;
    let (all, _) = operations(&app).await;
    let mut asked = 0;
    for operation in all.iter().filter(|operation| operation.signed_in) {
        let path = world.fill(&operation.path);
        let body = operation.body.as_ref().map(|schema| Value::Object(world.good_body(schema)));
        for token in [&waiting, &setting_up] {
            if token == &setting_up && [ENABLE, CONFIRM].contains(&&*path) {
                continue;
            }
            let answer = with_bearer(
                &app,
                token,
                operation.method.clone(),
                &path,
                body.as_ref().unwrap_or(&json!({})),
            )
            .await;
            assert_eq!(answer.status, 401, "{} {path}: {}", operation.method, answer.text);
            asked += 1;
        }
    }
    assert!(asked > 60, "{asked}");
    for (token, path) in [(&setting_up, "/api/auth/2fa/verify"), (&waiting, "/api/auth/unlock")] {
        let body = if path.ends_with("verify") {
            json!({"temp_token": token, "code": authenticator.code(&app)})
        } else {
            json!({"token": token})
        };
        let answer = app.post_from(&fresh_ip(), path, &body).await;
        assert!(matches!(answer.status.as_u16(), 400 | 401), "{path}: {}", answer.text);
    }
    give(&app, &waiting, &authenticator.code(&app)).await.expect(200);
}

/// A temporary token lives five minutes, to the second, and dies on success; a forged one is none.
#[tokio::test]
async fn a_temporary_token_dies_with_time_and_success() {
    let app = TestApp::start().await;
    let person = app.admin().await;
    let authenticator = enrolled(&person).await;
    let token = temporary_token(&app, &person.email).await;
    app.advance(299);
    give(&app, &token, &authenticator.code(&app)).await.expect(200);
    app.advance(STEP);
    give(&app, &token, &authenticator.code(&app)).await.expect_problem(401, "invalid_credentials");
    let token = temporary_token(&app, &person.email).await;
    app.advance(300);
    give(&app, &token, &authenticator.code(&app)).await.expect_problem(401, "invalid_credentials");
    for forged in ["", "x", &"A".repeat(43), &person.token, &person.csrf, &format!("{token}=")] {
        give(&app, forged, &authenticator.code(&app)).await.expect_problem(401, "invalid_credentials");
    }
    assert!(app.audit_rows("auth.2fa_failed").await.is_empty(), "no account was guessed at");
}

/// What voids sessions voids waiting sign-ins: a new password, an admin's lock, another factor, all sessions ended.
#[tokio::test]
async fn a_temporary_token_dies_with_the_credentials() {
    let app = TestApp::start().await;
    let admin = app.admin().await;
    let member = app.volunteer(&admin).await;
    let authenticator = enrolled(&member).await;
    let member = signed_in(&app, &member.email, &authenticator).await;
    let dead = async |token: String| {
        give(&app, &token, &authenticator.code(&app)).await.expect_problem(401, "invalid_credentials");
    };
    let at = |what: &str| format!("/api/people/{}{what}", member.id);
    let waiting = temporary_token(&app, &member.email).await;
    admin.delete(&at("/sessions")).await.expect(200);
    dead(waiting).await;
    let waiting = temporary_token(&app, &member.email).await;
    admin.poke(&at("/lock")).await.expect(200);
    dead(waiting.clone()).await;
    admin.poke(&at("/unlock")).await.expect(200);
    dead(waiting).await;
    let waiting = temporary_token(&app, &member.email).await;
    let member = signed_in(&app, &member.email, &authenticator).await;
    let change = json!({"old_password": PASSWORD, "new_password": OTHER_PASSWORD});
    member.put("/api/auth/password", &change).await.expect(200);
    dead(waiting).await;
    let waiting =
        app.login_from(&fresh_ip(), &member.email, OTHER_PASSWORD).await.expect(200).field("temp_token");
    admin.poke(&at("/2fa/reset")).await.expect(200);
    dead(waiting).await;
}

/// U7, U8: with a stolen session the second factor is neither switched off, nor replaced, nor renewed.
#[tokio::test]
async fn a_stolen_session_cannot_touch_it() {
    let app = TestApp::start().await;
    let person = app.admin().await;
    let authenticator = enrolled(&person).await;
    let thief = signed_in(&app, &person.email, &authenticator).await;
    let wrong = json!({"password": "not the password", "code": authenticator.wrong(&app)});
    thief
        .post(ENABLE, &json!({"password": "not the password"}))
        .await
        .expect_problem(409, "2fa_already_enabled");
    for path in ["/api/auth/2fa/disable", "/api/auth/2fa/regenerate-recovery-codes"] {
        thief.post(path, &wrong).await.expect_problem(403, "wrong_password");
    }
    thief
        .poke(&format!("/api/people/{}/2fa/reset", person.id))
        .await
        .expect_problem(409, "own_second_factor");
    signed_in(&app, &person.email, &authenticator).await;
    let without_csrf =
        with_bearer(&app, &thief.token, Method::POST, ENABLE, &json!({"password": PASSWORD})).await;
    without_csrf.expect_problem(403, "csrf_missing");
}

/// A60, A15: people who are signed in when their organization asks for a second factor can do nothing but enrol and
/// sign out, by their very next request.
#[tokio::test]
async fn an_organizations_requirement_reaches_people_who_are_signed_in() {
    let app = wide_app().await;
    let world = World::of(&app).await;
    let member = &world.member;
    let authenticator = enrolled(&world.admin).await;
    let admin = signed_in(&app, &world.admin.email, &authenticator).await;
    require(&admin, &json!({"require": true})).await.expect(200);
    let (all, _) = operations(&app).await;
    let open =
        ["/api/auth/2fa", ENABLE, CONFIRM, "/api/auth/logout", "/api/auth/csrf", "/api/auth/reauthenticate"];
    let mut closed = 0;
    for operation in all.iter().filter(|operation| operation.signed_in) {
        let path = world.fill(&operation.path);
        if open.contains(&&*path) {
            continue;
        }
        let body = operation.body.as_ref().map_or(json!({}), |schema| Value::Object(world.good_body(schema)));
        let request = member.request(operation.method.clone(), &path).json(&body);
        let answer = Answer::of(request.send().await).await;
        assert_eq!(answer.status, 403, "{} {path}: {}", operation.method, answer.text);
        answer.expect_problem(403, "2fa_setup_required");
        closed += 1;
    }
    assert!(closed > 35, "{closed}");
    let required = member.get("/api/auth/2fa").await.expect(200).json;
    assert_eq!((&required["required_by_org"], &required["enabled"]), (&json!(true), &json!(false)));
    let device = enrolled(member).await;
    let member = signed_in(&app, &member.email, &device).await;
    member.get("/api/people").await.expect(200);

    let other = app.volunteer(&admin).await;
    other.get("/api/people/me").await.expect_problem(403, "2fa_setup_required");
    other.poke("/api/auth/logout").await.expect(204);
}

/// A set-up token enrols without a session and without a CSRF token, and leads to a session with both factors.
#[tokio::test]
async fn a_sign_in_that_must_set_one_up_first() {
    let app = TestApp::start().await;
    let (admin, _) = strict(&app).await;
    let member = app.volunteer(&admin).await;
    let token = set_up_token(&app, &member.email).await;
    let post = async |path: &str, body: Value| with_bearer(&app, &token, Method::POST, path, &body).await;
    post(CONFIRM, json!({"code": "123456"})).await.expect_problem(409, "2fa_not_started");
    post(ENABLE, json!({"password": "wrong"})).await.expect_problem(403, "wrong_password");
    let authenticator = Authenticator::of(&post(ENABLE, json!({})).await.expect(200));
    post(CONFIRM, json!({"code": authenticator.wrong(&app)})).await.expect_problem(403, "wrong_code");
    let done = post(CONFIRM, json!({"code": authenticator.code(&app)})).await.expect(200);
    let inside = Persona::from_sign_in(&app, fresh_ip(), &member.email, PASSWORD, &done);
    inside.get("/api/people").await.expect(200);
    assert!(!member.is_signed_in().await, "the session from before is over");
    post(ENABLE, json!({})).await.expect_problem(401, "invalid_credentials");
    app.advance(STEP);
    signed_in(&app, &member.email, &authenticator).await;

    let late = app.volunteer(&admin).await;
    let token = set_up_token(&app, &late.email).await;
    app.advance(900);
    with_bearer(&app, &token, Method::POST, ENABLE, &json!({}))
        .await
        .expect_problem(401, "invalid_credentials");
}

/// Section 6: mailed links and new ways in do not go round it.
#[tokio::test]
async fn unlocking_does_not_go_round_it() {
    let app = TestApp::start().await;
    let person = app.admin().await;
    let authenticator = enrolled(&person).await;
    for _ in 0..5 {
        app.login_from(&fresh_ip(), &person.email, "wrong").await.expect(401);
    }
    let token = app.mailed_token(&person.email).await;
    app.post_from(&fresh_ip(), "/api/auth/unlock", &json!({"token": token})).await.expect(200);
    let waiting = temporary_token(&app, &person.email).await;
    give(&app, &waiting, &authenticator.code(&app)).await.expect(200);
    let again = json!({"name": "A", "email": person.email, "password": PASSWORD, "org_name": "Again"});
    app.post_from(&fresh_ip(), "/api/auth/signup", &again).await.expect_problem(409, "email_taken");
    let (admin, _) = strict(&app).await;
    let email = fresh_email();
    admin.post("/api/invitations", &json!({"email": email, "roles": ["admin"]})).await.expect(201);
    let invitation = app.mailed_token(&email).await;
    let body = json!({"name": "B", "email": email, "password": PASSWORD, "invitation_token": invitation});
    let joined = Persona::signed_up(&app, &email, body).await;
    joined.get("/api/people").await.expect_problem(403, "2fa_setup_required");
}
