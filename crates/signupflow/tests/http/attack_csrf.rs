//! Forged requests: every way to bring a wrong token or to come from a wrong place, on every kind of route.

use crate::support::api_walk::operations;
use crate::support::{Answer, Persona, TestApp};
use reqwest::{Method, RequestBuilder};
use serde_json::json;

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

#[track_caller]
fn says(answer: &Answer, what: &str, code: &str) {
    let sentence = match code {
        "csrf_missing" => "CSRF token missing",
        "csrf_expired" => "CSRF token expired",
        _ => "CSRF token invalid",
    };
    assert_eq!(
        (answer.status.as_u16(), answer.json["code"].as_str()),
        (403, Some(code)),
        "{what}: {}",
        answer.text
    );
    let detail = answer.json["detail"].as_str().unwrap_or_default();
    assert!(detail.starts_with(sentence) && detail.contains("/api/auth/csrf"), "{what}: {detail}");
}

/// Every token that is not this session's own, with the code it is refused with.
async fn wrong_tokens(
    app: &TestApp,
    persona: &Persona<'_>,
) -> Vec<(&'static str, Option<String>, &'static str)> {
    let other_session = persona.on_another_device().await;
    let other_person = app.admin().await;
    let signed_out = persona.on_another_device().await;
    signed_out.poke("/api/auth/logout").await.expect(204);
    let own = &persona.csrf;
    let middle = own.len() / 2;
    let flipped = if &own[middle..=middle] == "A" { "B" } else { "A" };
    vec![
        ("none", None, "csrf_missing"),
        ("empty", Some(String::new()), "csrf_missing"),
        ("another session's", Some(other_session.csrf), "csrf_invalid"),
        ("another person's", Some(other_person.csrf), "csrf_invalid"),
        ("a signed-out session's", Some(signed_out.csrf), "csrf_invalid"),
        ("truncated", Some(own[..own.len() - 1].to_owned()), "csrf_invalid"),
        ("longer", Some(format!("{own}A")), "csrf_invalid"),
        ("altered", Some(format!("{}{flipped}{}", &own[..middle], &own[middle + 1..])), "csrf_invalid"),
        ("the bearer", Some(persona.token.clone()), "csrf_invalid"),
        ("the device token", Some(persona.device_token.clone()), "csrf_invalid"),
        ("null", Some("null".to_owned()), "csrf_invalid"),
    ]
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

const KINDS: [&str; 6] = [
    "application/json",
    "text/plain",
    "application/x-www-form-urlencoded",
    "multipart/form-data; boundary=x",
    "application/csp-report",
    "",
];

/// A18: wrong tokens × methods × content types. Only the session's own token opens anything.
#[tokio::test]
async fn only_the_sessions_own_token_passes() {
    let app = unlimited().await;
    let admin = app.admin().await;
    let wrong = wrong_tokens(&app, &admin).await;
    let sessions = admin.get("/api/sessions").await.expect(200).json["total"].clone();
    for (method, path) in &TARGETS {
        for kind in KINDS {
            for (name, token, code) in &wrong {
                let mut request =
                    riding(&admin, method.clone(), path, token.as_deref()).body(r#"{"name":"Forged"}"#);
                if !kind.is_empty() {
                    request = request.header("Content-Type", kind);
                }
                says(&sent(request).await, &format!("{method} {path} as {kind} with {name}"), code);
            }
        }
    }
    assert_eq!(admin.get("/api/sessions").await.expect(200).json["total"], sessions);
    assert_eq!(admin.get("/api/teams").await.expect(200).json["items"], json!([]));
    admin.post("/api/teams", &json!({"name": "Real"})).await.expect(201);
}

/// A18: every unsafe route of the document that needs a session asks for the token, and says 401 without a session.
#[tokio::test]
async fn every_unsafe_route_that_rides_on_a_session_asks_for_the_token() {
    let app = unlimited().await;
    let admin = app.admin().await;
    let mut asked = 0;
    for operation in operations(&app).await.0 {
        if !operation.signed_in || operation.method == Method::GET {
            continue;
        }
        let what = format!("{} {}", operation.method, operation.path);
        let path = operation.path.replace("{id}", &admin.org_id).replace("{person_id}", &admin.id);
        let request = riding(&admin, operation.method.clone(), &path, None).json(&json!({}));
        says(&sent(request).await, &what, "csrf_missing");
        let anonymous =
            app.request(operation.method, &path).header("X-CSRF-Token", &admin.csrf).json(&json!({}));
        let answer = sent(anonymous).await.expect_problem(401, "unauthenticated");
        assert_eq!(answer.header("www-authenticate"), "Bearer", "{what}");
        asked += 1;
    }
    assert!(asked >= 20, "only {asked}");
}

/// A18: the token counts in its header alone, once: not in the address, a cookie, the body or another header.
#[tokio::test]
async fn the_token_counts_in_its_header_only() {
    let app = unlimited().await;
    let admin = app.admin().await;
    let own = &admin.csrf;
    let team = json!({"name": "Forged"});
    for name in ["csrf_token", "_csrf", "X-CSRF-Token", "x-csrf-token"] {
        let path = format!("/api/teams?{name}={own}");
        says(&sent(riding(&admin, Method::POST, &path, None).json(&team)).await, &path, "csrf_missing");
        let cookie =
            riding(&admin, Method::POST, "/api/teams", None).header("Cookie", format!("{name}={own}"));
        says(&sent(cookie.json(&team)).await, name, "csrf_missing");
        let body =
            riding(&admin, Method::POST, "/api/teams", None).json(&json!({"name": "Forged", name: own}));
        says(&sent(body).await, name, "csrf_missing");
        let form = riding(&admin, Method::POST, "/api/teams", None).form(&[("name", "Forged"), (name, own)]);
        says(&sent(form).await, name, "csrf_missing");
    }
    for header in ["X-XSRF-Token", "CSRF-Token", "X-CSRFToken"] {
        says(
            &sent(riding(&admin, Method::POST, "/api/teams", None).header(header, own).json(&team)).await,
            header,
            "csrf_missing",
        );
    }
    let twice =
        riding(&admin, Method::POST, "/api/teams", Some(own)).header("X-CSRF-Token", "other").json(&team);
    says(&sent(twice).await, "two headers", "csrf_invalid");
}

/// A18: a token ends after `CSRF_TOKEN_TTL` to the second; a newer one does not end an older one.
#[tokio::test]
async fn a_token_lives_its_time_beside_newer_ones() {
    for (set, ttl) in [(None, 3600), (Some("120"), 120)] {
        let mut variables = vec![("RATE_LIMITING_ENABLED", "false")];
        variables.extend(set.map(|seconds| ("CSRF_TOKEN_TTL", seconds)));
        let app = TestApp::with(&variables).await;
        let admin = app.admin().await;
        app.advance(60);
        let newer = admin.get("/api/auth/csrf").await.expect(200).field("csrf_token");
        app.advance(ttl - 61);
        admin.post("/api/teams", &json!({"name": "In time"})).await.expect(201);
        app.advance(1);
        let late = admin.post("/api/teams", &json!({"name": "Too late"})).await;
        says(&late, "at the end of its time", "csrf_expired");
        let request =
            riding(&admin, Method::POST, "/api/teams", Some(&newer)).json(&json!({"name": "Newer"}));
        sent(request).await.expect(201);
        assert!(admin.is_signed_in().await, "reading needs no token");
    }
}

/// A18, A03: the method is the one of the request line.
#[tokio::test]
async fn method_overrides_are_ignored() {
    let app = unlimited().await;
    let admin = app.admin().await;
    let phone = admin.on_another_device().await;
    let path = format!("/api/sessions/{}", phone.session_id);
    for header in ["X-HTTP-Method-Override", "X-HTTP-Method", "X-Method-Override", "_method"] {
        let get = admin.request(Method::GET, "/api/sessions").header(header, "DELETE");
        sent(get).await.expect(200);
        let post = admin.request(Method::POST, &path).header(header, "DELETE");
        sent(post).await.expect_problem(405, "method_not_allowed");
    }
    sent(admin.request(Method::GET, "/api/sessions?_method=DELETE")).await;
    sent(admin.request(Method::POST, &format!("{path}?_method=DELETE")))
        .await
        .expect_problem(405, "method_not_allowed");
    let form = admin.request(Method::POST, &path).form(&[("_method", "DELETE")]);
    sent(form).await.expect_problem(405, "method_not_allowed");
    assert!(phone.is_signed_in().await);
}
