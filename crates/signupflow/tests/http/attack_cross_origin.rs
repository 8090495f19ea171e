//! Requests from other sites: what the browser says of where a request comes from decides before anything
//! is looked up or checked, on credential endpoints and inside sessions alike.

use crate::support::api_walk::operations;
use crate::support::{Answer, PUBLIC_URL, Persona, TestApp, fresh_ip};
use reqwest::{Method, RequestBuilder};
use serde_json::{Value, json};

const PARTNER: &str = "https://partner.example";

async fn unlimited() -> TestApp {
    TestApp::with(&[("RATE_LIMITING_ENABLED", "false"), ("CORS_ALLOWED_ORIGINS", PARTNER)]).await
}

async fn sent(request: RequestBuilder) -> Answer {
    Answer::of(request.send().await).await
}

/// A request that rides on the session, with this token or none.
fn riding(persona: &Persona<'_>, method: Method, path: &str, token: Option<&str>) -> RequestBuilder {
    let request = persona.app.request_from(&persona.ip, method, path).bearer_auth(&persona.token);
    match token {
        Some(token) => request.header("X-CSRF-Token", token),
        None => request,
    }
}

const TARGETS: [(Method, &str); 7] = [
    (Method::POST, "/api/teams"),
    (Method::PUT, "/api/auth/password"),
    (Method::DELETE, "/api/sessions"),
    (Method::PATCH, "/api/teams"),
    (Method::POST, "/api/auth/logout"),
    (Method::POST, "/api/auth/reauthenticate"),
    (Method::POST, "/api/nowhere"),
];

const SITES: [Option<&str>; 7] = [
    None,
    Some("same-origin"),
    Some("none"),
    Some("same-site"),
    Some("cross-site"),
    Some(""),
    Some("Same-Origin"),
];

const ORIGINS: [Option<&str>; 11] = [
    None,
    Some(PUBLIC_URL),
    Some(PARTNER),
    Some("null"),
    Some("https://evil.example"),
    Some("https://accounts.test"),
    Some("http://accounts.test:8080"),
    Some("http://accounts.test.evil.example"),
    Some("http://partner.example"),
    Some("http://accounts.test/"),
    Some(""),
];

/// By design: the browser says it is our own page or no page, or the origin is ours or allowed, or no browser asks.
fn passes(site: usize, origin: usize) -> bool {
    matches!(site, 1 | 2) || matches!(origin, 1 | 2) || (site, origin) == (0, 0)
}

fn from_site(mut request: RequestBuilder, site: usize, origin: usize) -> RequestBuilder {
    if let Some(value) = SITES[site] {
        request = request.header("Sec-Fetch-Site", value);
    }
    if let Some(value) = ORIGINS[origin] {
        request = request.header("Origin", value);
    }
    request
}

/// A18, A19 (login CSRF), A50: Sec-Fetch-Site × Origin on every route that needs no session, before anything is checked.
#[tokio::test]
async fn credential_endpoints_refuse_other_sites() {
    let app = unlimited().await;
    let mut targets: Vec<(String, &str)> = operations(&app)
        .await
        .0
        .into_iter()
        .filter(|operation| operation.method == Method::POST && !operation.signed_in)
        .map(|operation| (operation.path, "application/json"))
        .collect();
    assert!(targets.iter().any(|(path, _)| path == "/api/auth/login") && targets.len() >= 5);
    let pages = ["/unlock", "/not-me", "/forgot-password", "/reset-password", "/invitation"];
    targets.extend(pages.map(|page| (page.to_owned(), "application/x-www-form-urlencoded")));
    let hashes = app.hashes();
    for (path, kind) in &targets {
        for (site, sent_site) in SITES.iter().enumerate() {
            for (origin, sent_origin) in ORIGINS.iter().enumerate() {
                let request = app.request(Method::POST, path).header("Content-Type", *kind).body("{}");
                let answer = sent(from_site(request, site, origin)).await;
                let refused = answer.json["code"] == "cross_origin";
                let what = format!("{path} from {sent_site:?} {sent_origin:?}: {}", answer.text);
                assert_eq!(refused, !passes(site, origin), "{what}");
                assert_eq!(answer.status == 403, refused, "{what}");
            }
        }
    }
    assert_eq!(app.hashes(), hashes);
    assert!(!app.audit_rows("auth.csrf_rejected").await.is_empty());
}

/// A18: the right token does not help a request from elsewhere; safe methods may come from anywhere.
#[tokio::test]
async fn a_session_does_not_help_a_request_from_another_site() {
    let app = unlimited().await;
    let admin = app.admin().await;
    for (method, path) in TARGETS.iter().filter(|(_, path)| !path.ends_with("logout")) {
        for site in 0..SITES.len() {
            for origin in 0..ORIGINS.len() {
                let request = riding(&admin, method.clone(), path, Some(&admin.csrf)).json(&Value::Null);
                let answer = sent(from_site(request, site, origin)).await;
                assert_eq!(
                    answer.json["code"] == "cross_origin",
                    !passes(site, origin),
                    "{method} {path} {site} {origin}"
                );
            }
        }
    }
    sent(from_site(admin.request(Method::GET, "/api/people/me"), 4, 4)).await.expect(200);
    let twice =
        admin.request(Method::POST, "/api/teams").header("Origin", PUBLIC_URL).header("Origin", PARTNER);
    sent(twice.json(&json!({"name": "Twice"}))).await.expect_problem(403, "cross_origin");
}

/// A18: with `CSRF_ENABLED=false` the token is not asked for; the origin still is.
#[tokio::test]
async fn switching_the_token_off_leaves_the_check_of_the_origin() {
    let app = TestApp::with(&[("CSRF_ENABLED", "false")]).await;
    let admin = app.admin().await;
    let without = |name: &str| riding(&admin, Method::POST, "/api/teams", None).json(&json!({"name": name}));
    sent(without("Crew")).await.expect(201);
    sent(without("Forged").header("Origin", "https://evil.example"))
        .await
        .expect_problem(403, "cross_origin");
    let login =
        app.request_from(&fresh_ip(), Method::POST, "/api/auth/login").header("Sec-Fetch-Site", "cross-site");
    sent(login.json(&json!({}))).await.expect_problem(403, "cross_origin");
}
