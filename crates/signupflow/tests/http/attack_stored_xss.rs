//! A31: scripts in whatever people can send are stored as text and are inert wherever they are shown.

use crate::support::{Answer, PASSWORD, TestApp, fresh_email, fresh_ip};
use reqwest::Method;
use serde_json::json;

const PAYLOADS: [&str; 5] = [
    "<script>alert(1)</script>",
    "\"><img src=x onerror=alert(1)>",
    "'-alert(1)-'",
    "</textarea><svg/onload=alert(1)>",
    "{{constructor.constructor('alert(1)')()}}",
];

/// JSON that no browser takes for a page.
#[track_caller]
fn inert(answer: &Answer) {
    assert_eq!(answer.header("content-type").split(';').next(), Some("application/json"), "{}", answer.text);
    assert_eq!(answer.header("x-content-type-options"), "nosniff");
    assert!(answer.header("content-security-policy").contains("default-src 'self'"));
}

#[tokio::test]
async fn names_are_kept_as_typed_and_served_as_data() {
    let app = TestApp::start().await;
    for payload in PAYLOADS {
        let body =
            json!({"name": payload, "email": fresh_email(), "password": PASSWORD, "org_name": payload});
        let signed_up = app.post_from(&fresh_ip(), "/api/auth/signup", &body).await.expect(201);
        inert(&signed_up);
        let email = body["email"].as_str().expect("text");
        let admin = crate::support::Persona::from_sign_in(&app, fresh_ip(), email, PASSWORD, &signed_up);
        let event = json!({"title": payload, "type": "service", "location": payload,
            "start": "2026-12-01T09:00:00Z", "end": "2026-12-01T12:00:00Z"});
        let made = admin.post("/api/events", &event).await.expect(201);
        assert_eq!((&made.json["title"], &made.json["location"]), (&json!(payload), &json!(payload)));
        admin.post("/api/teams", &json!({"name": payload})).await.expect(201);
        let organization = format!("/api/organizations/{}", admin.org_id);
        for path in ["/api/people/me", "/api/events", "/api/teams", "/api/audit/logs", &organization] {
            let answer = admin.get(path).await.expect(200);
            inert(&answer);
            assert!(answer.text.contains(&json!(payload).to_string()), "{path} changed {payload}");
        }
    }
}

#[tokio::test]
async fn a_failed_sign_in_cannot_plant_a_script_in_the_audit_log() {
    let app = TestApp::start().await;
    let admin = app.admin().await;
    for payload in PAYLOADS {
        let typed = json!({"email": format!("{payload}@example.com"), "password": payload});
        let request = app.request(Method::POST, "/api/auth/login").header("User-Agent", payload).json(&typed);
        let answer = Answer::of(request.send().await).await;
        assert!([401, 422].contains(&answer.status.as_u16()), "{}", answer.text);
        let known = json!({"email": admin.email, "password": payload});
        let request = app.request(Method::POST, "/api/auth/login").header("User-Agent", payload).json(&known);
        Answer::of(request.send().await).await.expect_problem(401, "invalid_credentials");
        let logs = admin.get("/api/audit/logs?action=auth.login_failed&limit=1").await.expect(200);
        inert(&logs);
        assert_eq!(logs.json["logs"][0]["user_agent"], payload);
        app.advance(400);
    }
    let export = admin.on_another_device().await.get("/api/audit/export").await.expect(200);
    assert!(export.header("content-disposition").starts_with("attachment"));
    assert_eq!(export.header("content-type"), "text/csv; charset=utf-8");
    let sessions = admin.get("/api/sessions").await.expect(200);
    inert(&sessions);
}

#[tokio::test]
async fn pages_and_mails_escape_what_they_show() {
    let app = TestApp::start().await;
    let encoded = "%22%3E%3Cscript%3Ealert(1)%3C/script%3E";
    for page in ["/unlock", "/not-me", "/reset-password", "/invitation"] {
        let shown = app.get(&format!("{page}?token={encoded}")).await.expect(400);
        assert!(!shown.text.contains("script") && !shown.text.contains("alert("), "{}", shown.text);
    }
    for path in [format!("/{encoded}"), format!("/docs/{encoded}"), format!("/static/{encoded}")] {
        let answer = app.get(&path).await.expect_problem(404, "not_found");
        assert!(!answer.text.contains("<script"), "{}", answer.text);
    }
    let refused = app.get(&format!("/api/events?{encoded}=1")).await;
    assert!(refused.status.is_client_error());
    assert_eq!(refused.header("content-type"), "application/problem+json");

    let body =
        json!({"name": PAYLOADS[0], "email": fresh_email(), "password": PASSWORD, "org_name": PAYLOADS[1]});
    let signed_up = app.post_from(&fresh_ip(), "/api/auth/signup", &body).await.expect(201);
    let email = body["email"].as_str().expect("text");
    let admin = crate::support::Persona::from_sign_in(&app, fresh_ip(), email, PASSWORD, &signed_up);
    let guest = fresh_email();
    admin.post("/api/invitations", &json!({"email": guest, "roles": ["usher"]})).await.expect(201);
    let mails = app.mails_to(&guest).await;
    for html in mails[0].split("text/html").skip(1) {
        assert!(!html.contains("<script") && !html.contains("<img src=x"), "{html}");
    }
    assert!(mails[0].to_lowercase().contains("content-type: text/plain"), "{}", mails[0]);
}
