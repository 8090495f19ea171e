//! The device cookie, and what must never be kept in a cache.

use crate::support::{Answer, PASSWORD, TestApp, fresh_email, fresh_ip};
use reqwest::Method;
use serde_json::json;

fn signup() -> serde_json::Value {
    json!({"name": "Ada", "email": fresh_email(), "password": PASSWORD, "org_name": "Helping Hands"})
}

#[tokio::test]
async fn the_device_cookie_has_every_protection() {
    let app = TestApp::with(&[("SECURE_COOKIES", "true")]).await;
    let answer = app.post_from(&fresh_ip(), "/api/auth/signup", &signup()).await.expect(201);
    let cookies: Vec<_> = answer.headers.get_all("set-cookie").iter().collect();
    assert_eq!(cookies.len(), 1, "JSON routes never set the session cookie");
    let cookie = cookies[0].to_str().expect("plain text");
    assert!(cookie.starts_with(&format!("__Host-device={};", answer.field("device_token"))), "{cookie}");
    let attributes: Vec<&str> = cookie.split("; ").skip(1).collect();
    for needed in ["Path=/", "Secure", "HttpOnly", "SameSite=Strict", "Max-Age=15552000"] {
        assert!(attributes.contains(&needed), "{needed} in {cookie}");
    }
    assert!(!cookie.to_lowercase().contains("domain"), "{cookie}");
}

#[tokio::test]
async fn without_secure_cookies_the_plain_name_is_used() {
    let app = TestApp::with(&[("SECURE_COOKIES", "false")]).await;
    let answer = app.post_from(&fresh_ip(), "/api/auth/signup", &signup()).await.expect(201);
    let cookie = answer.header("set-cookie");
    assert!(cookie.starts_with("device=") && !cookie.contains("Secure"), "{cookie}");
    assert!(cookie.contains("HttpOnly") && cookie.contains("SameSite=Strict"), "{cookie}");
}

/// A bearer in a cookie opens no JSON route, whatever the cookie's name.
#[tokio::test]
async fn json_routes_read_no_session_cookie() {
    let app = TestApp::start().await;
    let admin = app.admin().await;
    for name in ["session", "__Host-session", "token", "Authorization"] {
        let request = app.request_from(&admin.ip, Method::GET, "/api/people/me");
        let answer =
            Answer::of(request.header("Cookie", format!("{name}={}", admin.token)).send().await).await;
        answer.expect_problem(401, "unauthenticated");
    }
}

/// A48: credentials and personal data are not for caches.
#[tokio::test]
async fn personal_answers_are_never_stored() {
    let app = TestApp::start().await;
    let admin = app.admin().await;
    let volunteer = app.volunteer(&admin).await;
    let ip = fresh_ip();
    let mut answers = vec![
        ("signup", app.post_from(&ip, "/api/auth/signup", &signup()).await.expect(201)),
        ("signup refused", app.post_from(&ip, "/api/auth/signup", &json!({})).await.expect(422)),
        ("login", app.login_from(&ip, &admin.email, PASSWORD).await.expect(200)),
        ("login refused", app.login_from(&ip, &admin.email, "wrong").await.expect(401)),
        ("unlock", app.post_from(&ip, "/api/auth/unlock", &json!({"token": "x"})).await.expect(400)),
        ("unlock page", app.get("/unlock?token=x").await.expect(400)),
        ("fresh", admin.post("/api/auth/reauthenticate", &json!({"password": PASSWORD})).await.expect(200)),
    ];
    for path in [
        "/api/people/me",
        "/api/people",
        "/api/sessions",
        "/api/auth/csrf",
        "/api/lockouts",
        "/api/invitations",
        "/api/audit/logs",
        "/api/audit/export",
        "/api/events",
        "/api/teams",
    ] {
        answers.push((path, admin.get(path).await.expect(200)));
    }
    let person = format!("/api/people/{}", volunteer.id);
    answers.push(("person", admin.get(&person).await.expect(200)));
    answers.push(("person changed", admin.put(&person, &json!({"name": "Vera"})).await.expect(200)));
    answers.push(("org", admin.get(&format!("/api/organizations/{}", admin.org_id)).await.expect(200)));
    answers.push(("signed out", volunteer.poke("/api/auth/logout").await.expect(204)));
    for (what, answer) in &answers {
        assert_eq!(answer.header("cache-control"), "no-store", "{what}");
    }
    let gone = &answers.last().expect("some").1;
    assert_eq!(gone.header("clear-site-data"), "\"cache\", \"storage\"");
    assert_eq!(app.get("/static/site.css").await.header("cache-control"), "public, max-age=300");
}
