//! Attacks on sessions: planted and stolen ones, ended ones that come back, and what stays out of reach
//! without a fresh password.

use crate::support::api_walk::operations;
use crate::support::{Answer, OTHER_PASSWORD, Persona, TestApp, fresh_email, fresh_ip};
use reqwest::Method;
use serde_json::{Value, json};

async fn login_with(app: &TestApp, persona: &Persona<'_>, cookie: &str) -> Answer {
    let body = json!({"email": persona.email, "password": persona.password});
    let request = app.request_from(&fresh_ip(), Method::POST, "/api/auth/login").header("Cookie", cookie);
    Answer::of(request.json(&body).send().await).await.expect(200)
}

/// A16: whatever a client brings along, signing in makes a session of its own; a planted id is worth nothing.
#[tokio::test]
async fn signing_in_always_makes_a_new_session() {
    let app = TestApp::start().await;
    let admin = app.admin().await;
    let planted =
        format!("session={}; session_id={}; __Host-session={}", admin.token, admin.session_id, admin.token);
    let first = login_with(&app, &admin, &planted).await;
    let second = login_with(&app, &admin, &planted).await;
    for name in ["session_id", "token", "csrf_token"] {
        assert_ne!(first.field(name), second.field(name));
    }
    assert_ne!(first.field("session_id"), admin.session_id);
    assert!(admin.is_signed_in().await, "the session that was brought along is not taken over");
    let in_body = json!({"email": admin.email, "password": admin.password, "session_id": admin.session_id});
    let answer =
        app.post_from(&fresh_ip(), "/api/auth/login", &in_body).await.expect_problem(422, "invalid_input");
    assert!(answer.json["errors"]["session_id"].is_array());
}

/// A16: a token counts in the Authorization header alone; in a cookie, the address or another header it is nothing.
#[tokio::test]
async fn json_routes_take_a_session_from_the_bearer_only() {
    let app = TestApp::start().await;
    let admin = app.admin().await;
    for cookie in ["session", "__Host-session", "token", "Authorization"] {
        let request =
            app.request(Method::GET, "/api/people/me").header("Cookie", format!("{cookie}={}", admin.token));
        let answer = Answer::of(request.send().await).await.expect_problem(401, "unauthenticated");
        assert_eq!(answer.header("www-authenticate"), "Bearer", "a cookie is no credential here");
    }
    for name in ["access_token", "token", "session", "session_id", "authorization"] {
        app.get(&format!("/api/people/me?{name}={}", admin.token))
            .await
            .expect_problem(401, "unauthenticated");
    }
    for scheme in ["Basic", "Token", "JWT", "Digest", ""] {
        let value = format!("{scheme} {}", admin.token);
        let request = app.request(Method::GET, "/api/people/me").header("Authorization", value.trim_start());
        Answer::of(request.send().await).await.expect_problem(401, "unauthenticated");
    }
    let beside =
        admin.request(Method::GET, "/api/people/me").header("Cookie", "session=nonsense; session=twice");
    Answer::of(beside.send().await).await.expect(200);
}

/// A19: no JSON route plants a session cookie; the device cookie is the only one, and out of scripts' reach.
#[tokio::test]
async fn json_routes_never_set_the_session_cookie() {
    let app = TestApp::start().await;
    let admin = app.admin().await;
    let signup = json!({"name": "Bo", "email": fresh_email(), "password": OTHER_PASSWORD, "org_name": "Sea"});
    let change = json!({"old_password": admin.password, "new_password": OTHER_PASSWORD});
    let answers = [
        app.post_from(&fresh_ip(), "/api/auth/signup", &signup).await.expect(201),
        app.login_from(&fresh_ip(), &admin.email, &admin.password).await.expect(200),
        admin.get("/api/people/me").await.expect(200),
        admin.get("/api/sessions").await.expect(200),
        admin.put("/api/auth/password", &change).await.expect(200),
    ];
    for answer in &answers {
        for cookie in answer.headers.get_all("set-cookie") {
            let cookie = cookie.to_str().expect("plain");
            assert!(cookie.starts_with("device="), "{cookie}");
            for part in ["HttpOnly", "SameSite=Strict", "Path=/", "Max-Age=15552000"] {
                assert!(cookie.contains(part), "{cookie}");
            }
            assert!(!cookie.contains("Domain"), "{cookie}");
        }
    }
    assert_eq!(answers.iter().filter(|answer| answer.headers.contains_key("set-cookie")).count(), 3);
}

/// A19: a sibling domain can plant a second device cookie; then neither counts, and signing in still works.
#[tokio::test]
async fn a_planted_device_cookie_is_ignored() {
    let app = TestApp::start().await;
    let admin = app.admin().await;
    let stranger = fresh_ip();
    for _ in 0..5 {
        app.login_from(&stranger, &admin.email, "wrong").await.expect_problem(401, "invalid_credentials");
    }
    let login = |cookie: String| {
        let body = json!({"email": admin.email, "password": admin.password});
        let request = app.request_from(&fresh_ip(), Method::POST, "/api/auth/login").header("Cookie", cookie);
        async move { Answer::of(request.json(&body).send().await).await }
    };
    let own = format!("device={}", admin.device_token);
    login(format!("{own}; device=planted")).await.expect_problem(429, "account_locked");
    login(format!("Device={}", admin.device_token)).await.expect_problem(429, "account_locked");
    login(format!("device={}x", admin.device_token)).await.expect_problem(429, "account_locked");
    login(own).await.expect(200);
}

type Act = fn(&Persona<'_>, &Persona<'_>) -> (Method, String, Value);

/// A17: what an admin does to a person ends the person's sessions before the next request; old tokens stay dead.
#[tokio::test]
async fn what_an_admin_changes_ends_the_persons_sessions_at_once() {
    let acts: [(&str, Act); 4] = [
        ("roles", |_, who| {
            (Method::PUT, format!("/api/people/{}/roles", who.id), json!({"roles": ["usher"]}))
        }),
        ("lock", |_, who| (Method::POST, format!("/api/people/{}/lock", who.id), Value::Null)),
        ("kill", |_, who| (Method::DELETE, format!("/api/people/{}/sessions", who.id), Value::Null)),
        ("delete", |_, who| (Method::DELETE, format!("/api/people/{}", who.id), Value::Null)),
    ];
    let app = TestApp::start().await;
    let admin = app.admin().await;
    for (name, act) in acts {
        let victim = app.volunteer(&admin).await;
        let phone = victim.on_another_device().await;
        let (method, path, body) = act(&admin, &victim);
        let mut request = admin.request(method, &path);
        if !body.is_null() {
            request = request.json(&body);
        }
        let answer = Answer::of(request.send().await).await;
        assert!(answer.status.is_success(), "{name}: {}", answer.text);
        for dead in [&victim, &phone] {
            dead.get("/api/people/me").await.expect_problem(401, "unauthenticated");
            dead.post("/api/auth/logout", &json!({})).await.expect_problem(401, "unauthenticated");
        }
        let again = app.login_from(&fresh_ip(), &victim.email, &victim.password).await;
        if matches!(name, "lock" | "delete") {
            again.expect_problem(401, "invalid_credentials");
        } else {
            again.expect(200);
        }
    }
    assert!(admin.is_signed_in().await, "the admin's own session goes on");
}

/// A17: nothing brings a session back: not unlocking the person, not giving the role back, not the clock.
#[tokio::test]
async fn an_ended_session_never_comes_back() {
    let app = TestApp::start().await;
    let admin = app.admin().await;
    let victim = app.volunteer(&admin).await;
    admin.poke(&format!("/api/people/{}/lock", victim.id)).await.expect(200);
    admin.poke(&format!("/api/people/{}/unlock", victim.id)).await.expect(200);
    assert!(!victim.is_signed_in().await);
    let back = victim.on_another_device().await;
    let roles = format!("/api/people/{}/roles", victim.id);
    admin.put(&roles, &json!({"roles": ["admin"]})).await.expect(200);
    admin.put(&roles, &json!({"roles": ["volunteer"]})).await.expect(200);
    assert!(!back.is_signed_in().await && !victim.is_signed_in().await);
    let same_roles = victim.on_another_device().await;
    admin.put(&roles, &json!({"roles": ["volunteer"]})).await.expect(200);
    assert!(same_roles.is_signed_in().await, "what changes nothing ends nothing");
}

/// ASVS 7.5.1: ten minutes after the password was given, sensitive acts ask for it again, and others do not.
#[tokio::test]
async fn sensitive_acts_need_a_fresh_password() {
    let app = TestApp::with(&[("RATE_LIMITING_ENABLED", "false")]).await;
    let admin = app.admin().await;
    let who = app.volunteer(&admin).await;
    let person = format!("/api/people/{}", who.id);
    let org = format!("/api/organizations/{}", admin.org_id);
    let invited = |role: &str| json!({"email": fresh_email(), "roles": [role]});
    let sensitive = [
        (Method::PUT, format!("{person}/roles"), json!({"roles": ["usher"]})),
        (Method::POST, format!("{person}/lock"), Value::Null),
        (Method::POST, format!("{person}/unlock"), Value::Null),
        (Method::PUT, org.clone(), json!({"open_signup": true})),
        (Method::POST, "/api/invitations".to_owned(), invited("admin")),
        (Method::GET, "/api/audit/export?format=json".to_owned(), Value::Null),
        (Method::DELETE, person.clone(), Value::Null),
        (Method::DELETE, org, Value::Null),
    ];
    let send = |(method, path, body): (Method, String, Value)| {
        let request = admin.request(method, &path);
        let request = if body.is_null() { request } else { request.json(&body) };
        async move { Answer::of(request.send().await).await }
    };
    app.advance(600);
    let before = app.whole_audit_log().await.len();
    for act in sensitive.clone() {
        let refused = send(act).await.expect_problem(401, "step_up_required");
        assert_eq!(
            refused.header("www-authenticate"),
            r#"Bearer error="insufficient_user_authentication", max_age=600"#
        );
    }
    assert_eq!(app.whole_audit_log().await.len(), before, "nothing was done");
    admin.post("/api/teams", &json!({"name": "Crew"})).await.expect(201);
    admin.post("/api/invitations", &invited("usher")).await.expect(201);
    admin.put(&person, &json!({"name": "Vic"})).await.expect(200);
    admin.get("/api/audit/logs").await.expect(200);

    admin
        .post("/api/auth/reauthenticate", &json!({"password": "wrong"}))
        .await
        .expect_problem(403, "wrong_password");
    send(sensitive[0].clone()).await.expect_problem(401, "step_up_required");
    let other_device = admin.on_another_device().await;
    other_device.post("/api/auth/reauthenticate", &json!({"password": admin.password})).await.expect(200);
    send(sensitive[0].clone()).await.expect_problem(401, "step_up_required");
    admin.post("/api/auth/reauthenticate", &json!({"password": admin.password})).await.expect(200);
    app.advance(599);
    for act in sensitive {
        let what = format!("{} {}", act.0, act.1);
        let done = send(act).await;
        assert!(done.status.is_success(), "{what}: {}", done.text);
    }
}

/// ASVS 3.3.4, 7.2.1: ids and tokens of sessions stand in the answers that make or list them, and nowhere else.
#[tokio::test]
async fn session_ids_and_tokens_stand_in_no_other_answer() {
    let app = TestApp::with(&[("RATE_LIMITING_ENABLED", "false")]).await;
    let admin = app.admin().await;
    let volunteer = app.volunteer(&admin).await;
    let (operations, _) = operations(&app).await;
    let paths = operations.iter().filter(|operation| operation.method == Method::GET);
    let mut looked_at = 0;
    for path in paths.map(|operation| operation.path.as_str()) {
        let filled = match path.split('/').nth(2) {
            Some("people") => path.replace("{id}", &volunteer.id),
            _ => path.replace("{id}", &admin.org_id),
        };
        let answer = admin.get(&filled).await;
        for secret in [&admin.token, &volunteer.token, &admin.csrf, &volunteer.csrf, &admin.device_token] {
            assert!(!answer.text.contains(secret.as_str()), "{path} shows a token");
        }
        let lists_ids = path == "/api/sessions" || path.starts_with("/api/audit/");
        assert!(lists_ids || !answer.text.contains("session_id\":"), "{path}: {}", answer.text);
        assert!(lists_ids || !answer.text.contains(&volunteer.session_id), "{path} shows a session's id");
        looked_at += 1;
    }
    assert!(looked_at > 10, "only {looked_at}");
    let own = volunteer.get("/api/sessions").await.expect(200);
    assert!(!own.text.contains(&admin.session_id));
}

/// RFC 6750, 2 and 3: two credentials are a bad request; none is a plain challenge.
#[tokio::test]
async fn a_request_brings_at_most_one_credential() {
    let app = TestApp::start().await;
    let admin = app.admin().await;
    let me = || app.request(Method::GET, "/api/people/me");
    let bearer = format!("Bearer {}", admin.token);
    for second in [bearer.as_str(), "Bearer x", "Basic eDp5", ""] {
        for (one, two) in [(bearer.as_str(), second), (second, bearer.as_str())] {
            let twice = me().header("Authorization", one).header("Authorization", two);
            Answer::of(twice.send().await).await.expect_problem(400, "invalid_request");
        }
    }
    let none = app.get("/api/people/me").await.expect_problem(401, "unauthenticated");
    assert_eq!(none.header("www-authenticate"), "Bearer");
    for value in ["bearer", "BEARER"] {
        let request = me().header("Authorization", format!("{value} {}", admin.token));
        Answer::of(request.send().await).await.expect(200);
    }
    let joined = me().header("Authorization", format!("{bearer}, {bearer}"));
    Answer::of(joined.send().await).await.expect_problem(401, "unauthenticated");
}
