//! Section 8 of the contract: which headers every kind of response carries, and which it never does.

use crate::support::{Answer, PASSWORD, TestApp, fresh_ip};
use reqwest::Method;
use reqwest::header::HeaderMap;
use serde_json::json;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

/// What stands on every response.
#[track_caller]
fn protected(what: &str, headers: &HeaderMap) {
    let value = |name: &str| {
        let mut values = headers.get_all(name).iter();
        let first = values.next().unwrap_or_else(|| panic!("{what}: no {name}"));
        assert!(values.next().is_none(), "{what}: {name} twice");
        first.to_str().expect("plain text").to_owned()
    };
    assert_eq!(value("x-frame-options"), "DENY", "{what}");
    assert_eq!(value("x-content-type-options"), "nosniff", "{what}");
    assert_eq!(value("referrer-policy"), "no-referrer", "{what}");
    assert_eq!(value("cross-origin-opener-policy"), "same-origin", "{what}");
    assert_eq!(value("cross-origin-resource-policy"), "same-origin", "{what}");
    assert!(value("permissions-policy").contains("camera=()"), "{what}");
    let policy = value("content-security-policy");
    assert!(policy.starts_with("default-src 'self';"), "{what}: {policy}");
    for directive in ["object-src 'none'", "base-uri 'none'", "frame-ancestors 'none'", "form-action 'self'"]
    {
        assert!(policy.split("; ").any(|part| part == directive), "{what}: {directive} in {policy}");
    }
    for unsafe_word in ["unsafe-", "http:", "https:", "data:", "*"] {
        assert!(!policy.contains(unsafe_word), "{what}: {unsafe_word} in {policy}");
    }
    assert_eq!(value("x-request-id").len(), 32, "{what}");
    for absent in ["server", "x-powered-by", "x-xss-protection", "via", "strict-transport-security"] {
        assert!(!headers.contains_key(absent), "{what}: {absent}");
    }
}

#[tokio::test]
#[expect(clippy::too_many_lines, reason = "one story, told from its beginning to its end")]
async fn every_kind_of_response_is_protected() {
    let app = TestApp::start().await;
    let admin = app.admin().await;
    let mut seen = Vec::new();
    let mut check = |what: &str, answer: &Answer| {
        protected(what, &answer.headers);
        seen.push(answer.status.as_u16());
    };
    for path in ["/", "/docs", "/openapi.json", "/health", "/ready", "/static/site.css", "/robots.txt"] {
        let got = app.get(path).await.expect(200);
        check(path, &got);
        let head = Answer::of(app.request(Method::HEAD, path).send().await).await.expect(200);
        check(&format!("HEAD {path}"), &head);
        assert_eq!(head.text, "");
        assert_eq!(head.header("content-type"), got.header("content-type"));
    }
    let tag = app.get("/static/site.css").await.header("etag").to_owned();
    let unchanged = app.request(Method::GET, "/static/site.css").header("If-None-Match", tag).send().await;
    check("not modified", &Answer::of(unchanged).await.expect(304));
    check("redirect", &app.get("/.well-known/change-password").await.expect(303));
    check("no session", &app.get("/api/people").await.expect(401));
    check("no such path", &app.get("/nowhere").await.expect(404));
    check("no such event", &admin.get("/api/events/event_none").await.expect(404));
    check("wrong method", &admin.put("/api/auth/login", &json!({})).await.expect(405));
    check("bad query", &admin.get("/api/events?limit=x").await.expect(422));
    check("twice", &admin.get("/api/events?limit=1&limit=2").await.expect(400));
    let plain = admin
        .request(Method::POST, "/api/events")
        .header("Content-Type", "text/plain")
        .body("x")
        .send()
        .await;
    check("wrong type", &Answer::of(plain).await.expect(415));
    let large = admin.request(Method::POST, "/api/events").header("Content-Type", "application/json");
    check("too large", &Answer::of(large.body(vec![b' '; 70_000]).send().await).await.expect(413));
    let long = admin.get(&format!("/api/events?cursor={}", "x".repeat(9_000))).await.expect(414);
    check("long address", &long);
    let stale = app.request_from(&admin.ip, Method::POST, "/api/events").bearer_auth(&admin.token);
    check("no CSRF token", &Answer::of(stale.send().await).await.expect(403));
    let foreign = app.request(Method::POST, "/api/auth/login").header("Origin", "https://evil.example");
    check("cross origin", &Answer::of(foreign.send().await).await.expect(403));
    check("options", &Answer::of(app.request(Method::OPTIONS, "/api/events").send().await).await);
    check("strange method", &Answer::of(app.request(Method::TRACE, "/api/events").send().await).await);
    check("conflict", &admin.delete(&format!("/api/people/{}", admin.id)).await.expect(409));
    let ip = fresh_ip();
    for _ in 0..5 {
        app.login_from(&ip, &admin.email, "wrong").await.expect(401);
    }
    check("locked", &app.login_from(&ip, &admin.email, PASSWORD).await.expect(429));
    check("signed out", &admin.poke("/api/auth/logout").await.expect(204));
    app.assembly.database.clone().close().await;
    check("no database", &app.get("/ready").await.expect(503));
    for status in [200, 204, 303, 304, 400, 401, 403, 404, 405, 409, 413, 414, 415, 422, 429, 503] {
        assert!(seen.contains(&status), "no answer with {status}");
    }
}

async fn hsts(app: &TestApp, protocol: Option<&str>, path: &str) -> (u16, String) {
    let mut request = app.request(Method::GET, path);
    if let Some(protocol) = protocol {
        request = request.header("X-Forwarded-Proto", protocol);
    }
    let answer = Answer::of(request.send().await).await;
    (answer.status.as_u16(), answer.header("strict-transport-security").to_owned())
}

/// RFC 6797, 7.2: over HTTPS always, over HTTP never.
#[tokio::test]
async fn hsts_is_sent_over_https_only_and_only_a_trusted_proxy_may_say_so() {
    let app = TestApp::start().await;
    for path in ["/health", "/nowhere", "/api/people", "/static/site.css"] {
        assert_eq!(hsts(&app, Some("https"), path).await.1, "max-age=31536000", "{path}");
        assert_eq!(hsts(&app, Some("http"), path).await.1, "", "{path}");
        assert_eq!(hsts(&app, None, path).await.1, "", "{path}");
    }
    let alone = TestApp::with(&[("TRUSTED_PROXIES", "")]).await;
    assert_eq!(hsts(&alone, Some("https"), "/health").await.1, "", "anybody could have written that");
    let domain = TestApp::with(&[("HSTS_MAX_AGE", "600"), ("HSTS_INCLUDE_SUBDOMAINS", "true")]).await;
    assert_eq!(hsts(&domain, Some("https"), "/health").await.1, "max-age=600; includeSubDomains");
}

/// In the absolute form the client writes the scheme itself.
#[tokio::test]
async fn an_address_that_says_https_makes_no_hsts_over_plain_http() {
    let app = TestApp::start().await;
    let mut connection = tokio::net::TcpStream::connect(app.address).await.expect("a connection");
    let request =
        "GET https://accounts.test/health HTTP/1.1\r\nHost: accounts.test\r\nConnection: close\r\n\r\n";
    connection.write_all(request.as_bytes()).await.expect("sent");
    let mut answer = String::new();
    connection.read_to_string(&mut answer).await.expect("an answer");
    assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
    assert!(!answer.to_ascii_lowercase().contains("strict-transport-security"), "{answer}");
}

#[tokio::test]
async fn https_only_redirects_pages_refuses_the_api_and_spares_probes() {
    let app = TestApp::with(&[("HTTPS_ONLY", "true"), ("PUBLIC_URL", "https://accounts.test")]).await;
    for path in ["/health", "/ready"] {
        assert_eq!(hsts(&app, None, path).await.0, 200);
    }
    app.get("/api/people/me").await.expect_problem(403, "https_required");
    app.login_from(&fresh_ip(), "a@example.com", "x").await.expect_problem(403, "https_required");
    assert_eq!(app.hashes(), 0, "no password is looked at");
    let page = app.get("/docs?x=//evil.example/").await.expect(308);
    assert_eq!(page.header("location"), "https://accounts.test/docs?x=//evil.example/");
    let odd = app.get("//evil.example/").await.expect(308);
    assert!(odd.header("location").starts_with("https://accounts.test/"));
    assert_eq!(app.get("/apix").await.expect(308).header("location"), "https://accounts.test/apix");
    app.get("/api").await.expect_problem(403, "https_required");
    let over_https = app.request(Method::GET, "/docs").header("X-Forwarded-Proto", "https").send().await;
    assert_eq!(
        Answer::of(over_https).await.expect(200).header("strict-transport-security"),
        "max-age=31536000"
    );
}

#[tokio::test]
async fn switched_off_headers_are_gone_and_the_request_id_stays() {
    let app = TestApp::with(&[("SECURITY_HEADERS_ENABLED", "false")]).await;
    let request = app.request(Method::GET, "/health").header("X-Forwarded-Proto", "https");
    let answer = Answer::of(request.send().await).await.expect(200);
    for gone in ["content-security-policy", "x-frame-options", "strict-transport-security", "referrer-policy"]
    {
        assert!(!answer.headers.contains_key(gone), "{gone}");
    }
    assert_eq!(answer.header("x-request-id").len(), 32);
    let admin = app.admin().await;
    for path in ["/api/people/me", "/api/people", "/api/sessions", "/health", "/"] {
        assert_eq!(admin.get(path).await.expect(200).header("cache-control"), "no-store", "{path}");
    }
    assert!(app.get("/static/site.css").await.header("cache-control").contains("max-age"));
}

/// A33: nobody else writes into our logs.
#[tokio::test]
async fn a_request_id_is_kept_from_a_trusted_proxy_only_and_only_if_plain() {
    let app = TestApp::start().await;
    let alone = TestApp::with(&[("TRUSTED_PROXIES", "")]).await;
    let given = async |app: &TestApp, id: &str| {
        let request = app.request(Method::GET, "/nowhere").header("X-Request-Id", id);
        let answer = Answer::of(request.send().await).await.expect(404);
        assert_eq!(answer.json["request_id"], answer.header("x-request-id"));
        answer.header("x-request-id").to_owned()
    };
    assert_eq!(given(&app, "edge-7.ABC_1").await, "edge-7.ABC_1");
    assert_eq!(given(&app, &"a".repeat(64)).await, "a".repeat(64));
    for bad in ["", "a b", "a\tb", "a\"b", "<b>", "a;b", "a/b", "é", &"a".repeat(65)] {
        let kept = given(&app, bad).await;
        assert!(kept.len() == 32 && kept != bad, "{bad:?} became {kept}");
    }
    assert_ne!(given(&alone, "edge-7").await, "edge-7");
    let first = given(&app, "").await;
    assert_ne!(first, given(&app, "").await, "every request has its own");
}
