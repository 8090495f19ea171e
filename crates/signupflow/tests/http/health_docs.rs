//! What load balancers, browsers and readers find: health, readiness, the API reference, small documents.

use std::collections::BTreeSet;

use crate::support::{Answer, TestApp};
use reqwest::Method;
use serde_json::Value;

#[tokio::test]
async fn health_tells_how_the_backends_stand() {
    let app = TestApp::start().await;
    let health = app.get("/health").await.expect(200);
    assert_eq!(health.json["status"], "healthy");
    assert_eq!(health.json["database"], "connected");
    let redis = if app.assembly.redis.is_some() { "connected" } else { "embedded" };
    assert_eq!(health.json["redis"], redis);
    assert_eq!(health.json["version"], env!("CARGO_PKG_VERSION"));
    assert_eq!(
        health.json.as_object().map(serde_json::Map::len),
        Some(4),
        "and nothing else: {}",
        health.text
    );
    let head = Answer::of(app.request(Method::HEAD, "/health").send().await).await.expect(200);
    assert_eq!((head.text.as_str(), head.header("content-type")), ("", "application/json"));
    app.get("/ready").await.expect(200);
    app.request(Method::POST, "/health").send().await.expect("an answer");
}

#[tokio::test]
async fn without_its_database_the_server_lives_but_is_not_ready() {
    let app = TestApp::start().await;
    let admin = app.admin().await;
    app.assembly.database.clone().close().await;
    let health = app.get("/health").await.expect(200);
    assert_eq!(
        (health.json["status"].as_str(), health.json["database"].as_str()),
        (Some("degraded"), Some("unavailable"))
    );
    let ready = app.get("/ready").await.expect_problem(503, "backend_unavailable");
    assert!(!ready.header("retry-after").is_empty());
    let login = app.login_from("10.250.0.1", &admin.email, crate::support::PASSWORD).await;
    let login = login.expect_problem(503, "backend_unavailable");
    assert!(!login.header("retry-after").is_empty());
    for inside in ["sqlite", "SQLite", "pool", "SELECT", "/tmp", "rusqlite"] {
        assert!(!login.text.contains(inside) && !ready.text.contains(inside), "{inside}");
    }
}

/// Some of the routes of the contract.
const PROMISED: [&str; 33] = [
    "/api/auth/signup",
    "/api/auth/login",
    "/api/auth/logout",
    "/api/auth/csrf",
    "/api/auth/password",
    "/api/auth/reauthenticate",
    "/api/auth/password-reset-request",
    "/api/auth/password-reset-validate",
    "/api/auth/password-reset-confirm",
    "/api/auth/unlock",
    "/api/sessions",
    "/api/sessions/{id}",
    "/api/people",
    "/api/people/me",
    "/api/people/{id}",
    "/api/people/{id}/roles",
    "/api/people/{id}/lock",
    "/api/people/{id}/unlock",
    "/api/people/{id}/sessions",
    "/api/lockouts",
    "/api/organizations/{id}",
    "/api/teams",
    "/api/teams/{id}",
    "/api/teams/{id}/members",
    "/api/teams/{id}/members/{person_id}",
    "/api/events",
    "/api/events/{id}",
    "/api/invitations",
    "/api/invitations/{id}",
    "/api/audit/logs",
    "/api/audit/export",
    "/health",
    "/ready",
];

#[tokio::test]
async fn the_reference_is_complete_and_needs_nothing_else() {
    let app = TestApp::start().await;
    let document = app.get("/openapi.json").await.expect(200);
    assert_eq!(document.header("content-type"), "application/json");
    assert!(document.json["openapi"].as_str().is_some_and(|version| version.starts_with("3.1")));
    for promised in PROMISED {
        assert!(document.json["paths"][promised].is_object(), "{promised}");
    }
    references_lead_somewhere(&document.json, &document.json);

    let page = app.get("/docs").await.expect(200);
    assert_eq!(page.header("content-type"), "text/html; charset=utf-8");
    for path in document.json["paths"].as_object().expect("paths").keys() {
        assert!(page.text.contains(path.as_str()), "{path} is not on the page");
    }
    for problem in signupflow::web::problem::CODES {
        assert!(page.text.contains(problem.code), "{} is not on the page", problem.code);
    }
    for banned in ["<script", "style=", "onclick", "javascript:", "src=\"http", "href=\"http://", "<style"] {
        assert!(!page.text.contains(banned), "{banned} on the page");
    }
}

fn references_lead_somewhere(document: &Value, part: &Value) {
    match part {
        Value::Object(fields) => {
            if let Some(reference) = fields.get("$ref").and_then(Value::as_str) {
                let target = document.pointer(reference.trim_start_matches('#'));
                assert!(target.is_some(), "{reference}");
            }
            fields.values().for_each(|field| references_lead_somewhere(document, field));
        }
        Value::Array(items) => items.iter().for_each(|item| references_lead_somewhere(document, item)),
        _ => {}
    }
}

/// What programs that write clients go by.
#[tokio::test]
async fn the_document_names_operations_once_and_declares_what_is_sent() {
    let app = TestApp::start().await;
    let document = app.get("/openapi.json").await.expect(200).json;
    let mut ids = BTreeSet::new();
    for (path, item) in document["paths"].as_object().expect("paths") {
        for (method, operation) in item.as_object().expect("operations") {
            let what = format!("{method} {path}");
            let id = operation["operationId"].as_str().unwrap_or_else(|| panic!("{what} has no id"));
            assert!(id.bytes().all(|byte| byte.is_ascii_alphanumeric()), "{id}");
            assert!(ids.insert(id.to_owned()), "{id} twice");
            declares_its_headers(&what, method, operation);
            declares_its_refusals(&document, &what, path, operation);
        }
    }
    assert!(ids.len() > 40 && ids.contains("getTeams"), "{ids:?}");
}

#[track_caller]
fn declares_its_headers(what: &str, method: &str, operation: &Value) {
    let parameters = operation["parameters"].as_array().cloned().unwrap_or_default();
    let csrf = parameters.iter().find(|one| one["name"] == "X-CSRF-Token");
    let needed = operation["security"].is_array() && method != "get";
    assert_eq!(csrf.is_some(), needed, "{what}");
    assert!(csrf.is_none_or(|csrf| csrf["in"] == "header"), "{what}");
    let enrolment = what.ends_with("/2fa/enable") || what.ends_with("/2fa/verify-setup");
    assert!(csrf.is_none_or(|csrf| (csrf["required"] == true) != enrolment), "{what}");
}

#[track_caller]
fn declares_its_refusals(document: &Value, what: &str, path: &str, operation: &Value) {
    let responses = operation["responses"].as_object().expect("responses");
    for (status, response) in responses.iter().filter(|(status, _)| status.starts_with(['4', '5'])) {
        let named = response["$ref"].as_str().and_then(|name| document.pointer(name.trim_start_matches('#')));
        let content = &named.unwrap_or(response)["content"];
        let kinds: Vec<_> = content.as_object().expect("a body").keys().collect();
        assert_eq!(kinds, ["application/problem+json"], "{what} {status}");
        assert_eq!(
            content["application/problem+json"]["schema"]["$ref"], "#/components/schemas/ProblemBody",
            "{what} {status}"
        );
    }
    let mut expected = Vec::new();
    if path.starts_with("/api/") {
        expected.extend(["403", "429", "503"]);
    }
    if operation["security"].is_array() {
        expected.push("401");
    }
    if operation["requestBody"]["content"]["application/json"].is_object() {
        expected.extend(["400", "408", "413", "415", "422"]);
    }
    for status in expected {
        assert!(responses.contains_key(status), "{what} lacks {status}");
    }
}

#[tokio::test]
async fn the_small_documents_are_where_they_are_looked_for() {
    let app = TestApp::start().await;
    let contact = app.get("/.well-known/security.txt").await.expect(200);
    assert_eq!(contact.header("content-type"), "text/plain; charset=utf-8");
    for line in ["Contact: ", "Expires: "] {
        assert!(contact.text.lines().any(|text| text.starts_with(line)), "{line} in {}", contact.text);
    }
    let moved = app.get("/.well-known/change-password").await;
    assert!(moved.status.is_redirection());
    assert_eq!(moved.header("location"), "/account/security");
    app.get("/robots.txt").await.expect(200);
    app.get("/").await.expect(200);
    app.get("/metrics").await.expect_problem(404, "not_found");
    app.get("/nowhere").await.expect_problem(404, "not_found");
    app.get("/static/../Cargo.toml").await.expect_problem(404, "not_found");
    app.get("/static/..%2f..%2fCargo.toml").await.expect_problem(404, "not_found");
    let wrong = Answer::of(app.request(Method::DELETE, "/api/auth/login").send().await).await;
    let wrong = wrong.expect_problem(405, "method_not_allowed");
    assert_eq!(wrong.header("allow"), "POST");
}
