//! What must not be there, must not be cached, must not be read from elsewhere, and must not be said twice
//! (A44, A45, A48, A49, A61).

use crate::support::{Answer, TestApp, fresh_ip};
use reqwest::Method;
use serde_json::{Value, json};

async fn ask(app: &TestApp, method: &str, path: &str, headers: &[(&str, &str)]) -> Answer {
    let mut request = app.request(method.parse::<Method>().expect("a method"), path);
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    Answer::of(request.send().await).await
}

/// A61: nothing of the machinery is on the public port.
#[tokio::test]
async fn nothing_of_the_machinery_is_exposed() {
    let app = TestApp::start().await;
    for path in [
        "/metrics",
        "/.git",
        "/.git/config",
        "/.env",
        "/.env.production",
        "/debug",
        "/debug/pprof",
        "/admin.php",
        "/server-status",
        "/actuator/env",
        "/phpinfo.php",
        "/backup.sql",
        "/signupflow.db",
        "/data/signupflow.db",
        "/outbox",
        "/config",
        "/swagger.json",
        "/api",
        "/api/",
        "/api/v1/people",
        "/api/debug",
        "/api/metrics",
        "/api/people/",
        "/static/",
        "/static/../Cargo.toml",
        "/static/..%2f..%2fCargo.toml",
        "/static/%2e%2e/%2e%2e/etc/passwd",
        "/static/style.css.map",
        "/.well-known/",
        "/.well-known/openid-configuration",
        "/.well-known/nothing",
        "/.DS_Store",
        "/WEB-INF/web.xml",
        "//etc/passwd",
        "/..;/metrics",
        "/;/metrics",
        "/%2fmetrics",
        "/METRICS",
    ] {
        let answer = ask(&app, "GET", path, &[]).await;
        assert_eq!(answer.status, 404, "{path}: {}", answer.text);
        assert_eq!(answer.header("cache-control"), "no-store", "{path}");
        assert_eq!(answer.header("x-content-type-options"), "nosniff", "{path}");
    }
    for name in ["server", "x-powered-by", "via"] {
        assert!(!app.get("/").await.headers.contains_key(name), "{name}");
    }
}

/// A61: methods that mirror or tunnel are refused everywhere.
#[tokio::test]
async fn trace_and_other_methods_are_refused() {
    let app = TestApp::start().await;
    let admin = app.admin().await;
    for path in ["/", "/api/people/me", "/health", "/docs", "/unlock", "/static/style.css", "/nowhere"] {
        for method in ["TRACE", "TRACK", "DEBUG", "PROPFIND", "MKCOL", "COPY", "SEARCH", "QUERY", "get"] {
            let answer = ask(&app, method, path, &[("X-Secret", "do-not-mirror")]).await;
            let status = answer.status.as_u16();
            assert!(matches!(status, 403 | 404 | 405 | 501), "{method} {path}: {status} {}", answer.text);
            assert!(!answer.text.contains("do-not-mirror"));
        }
    }
    let answer = admin.poke("/api/people/me").await.expect_problem(405, "method_not_allowed");
    assert!(answer.header("allow").contains("GET") && !answer.header("allow").contains("POST"));
}

/// A61, RFC 9116 and the change-password URL.
#[tokio::test]
async fn the_agreed_places_are_right() {
    let app = TestApp::start().await;
    let answer = app.get("/.well-known/security.txt").await.expect(200);
    assert_eq!(answer.header("content-type"), "text/plain; charset=utf-8");
    let fields: Vec<(&str, &str)> = answer.text.lines().filter_map(|line| line.split_once(": ")).collect();
    let values =
        |name: &str| fields.iter().filter(|(field, _)| *field == name).map(|(_, v)| *v).collect::<Vec<_>>();
    assert_eq!(fields.len(), answer.text.lines().count(), "{}", answer.text);
    assert!(
        values("Contact")
            .iter()
            .all(|contact| contact.starts_with("mailto:") || contact.starts_with("https:"))
    );
    assert_eq!(values("Canonical"), [format!("{}/.well-known/security.txt", crate::support::PUBLIC_URL)]);
    assert!(!values("Contact").is_empty() && values("Preferred-Languages").len() <= 1);
    let [expires] = values("Expires")[..] else { panic!("exactly one Expires") };
    let expires = hardening::clock::Timestamp::parse_rfc3339(expires).expect("a time");
    let days = (expires.unix_seconds() - app.now().unix_seconds()) / 86_400;
    assert!((30..365).contains(&days), "{days} days");

    let answer = app.get("/.well-known/change-password").await;
    assert!(matches!(answer.status.as_u16(), 302 | 303 | 307), "{}", answer.status);
    assert_eq!(answer.header("location"), "/account/security");
}

/// A48: no suffix makes a private answer look like a file, and nothing private is cached.
#[tokio::test]
async fn private_answers_are_neither_files_nor_cached() {
    let app = TestApp::start().await;
    let admin = app.admin().await;
    for suffix in [
        "/x.css",
        "/a.js",
        ";a.js",
        "%3Ba.js",
        ".css",
        "%2fx.css",
        "/..%2fx.css",
        "%00.css",
        "%0a.css",
        "/",
        "%20",
        "%23.css",
    ] {
        let answer = admin.get(&format!("/api/people/me{suffix}")).await.expect_problem(404, "not_found");
        assert_eq!(answer.header("cache-control"), "no-store", "{suffix}");
        assert!(!answer.text.contains(&admin.email));
    }
    let own = format!("/api/organizations/{}", admin.org_id);
    for path in [
        "/api/people/me",
        "/api/sessions",
        "/api/people",
        "/api/auth/csrf",
        "/api/audit/logs",
        "/api/lockouts",
        &own,
        "/api/teams",
    ] {
        assert_eq!(admin.get(path).await.expect(200).header("cache-control"), "no-store", "{path}");
    }
    let wrong = app.login_from(&fresh_ip(), &admin.email, "wrong").await.expect(401);
    let right = app.login_from(&fresh_ip(), &admin.email, &admin.password).await.expect(200);
    assert_eq!((wrong.header("cache-control"), right.header("cache-control")), ("no-store", "no-store"));
}

/// A44: what is said twice is refused, so that no two parsers can read two things.
#[tokio::test]
async fn nothing_is_said_twice() {
    let app = TestApp::start().await;
    let admin = app.admin().await;
    for query in ["limit=1&limit=2", "limit=1&%6cimit=2", "cursor=a&limit=1&cursor=b", "q=a&q=a"] {
        admin.get(&format!("/api/audit/logs?{query}")).await.expect_problem(400, "duplicate_field");
    }
    let own = &admin.org_id;
    admin.get(&format!("/api/people?org_id={own}&org_id={own}")).await.expect_problem(400, "duplicate_field");
    for body in [
        r#"{"name":"a","name":"b"}"#,
        r#"{"name":"a","n\u0061me":"b"}"#,
        r#"{"name":"a","description":"","description":""}"#,
        r#"{"name":"a","x":{"y":1,"y":2}}"#,
    ] {
        let request =
            admin.request(Method::POST, "/api/teams").header("Content-Type", "application/json").body(body);
        Answer::of(request.send().await).await.expect_problem(400, "duplicate_field");
    }
    let form =
        app.request(Method::POST, "/unlock").header("Content-Type", "application/x-www-form-urlencoded");
    Answer::of(form.body("token=a&token=b").send().await).await.expect(400);
    assert_eq!(admin.get("/api/teams").await.expect(200).json["items"], json!([]));
}

/// A45: JSON routes read JSON in UTF-8, plain and said once.
#[tokio::test]
async fn other_media_types_are_refused() {
    let app = TestApp::start().await;
    let admin = app.admin().await;
    let post = |kinds: &[&str]| {
        let mut request = admin.request(Method::POST, "/api/teams").body(r#"{"name":"Crew"}"#);
        for kind in kinds {
            request = request.header("Content-Type", *kind);
        }
        async move { Answer::of(request.send().await).await }
    };
    for kind in [
        "text/plain",
        "text/json",
        "application/x-www-form-urlencoded",
        "multipart/form-data; boundary=x",
        "application/xml",
        "application/json+xml",
        "application/json; charset=utf-7",
        "application/json; charset=utf-16",
        "application/json; charset=iso-8859-1",
        "application/json, text/plain",
        "application/jsonp",
        "application/javascript",
        "*/*",
        "json",
        "application/json; boundary=x",
    ] {
        post(&[kind]).await.expect_problem(415, "unsupported_media_type");
    }
    post(&[]).await.expect_problem(415, "unsupported_media_type");
    post(&["application/json", "text/plain"]).await.expect_problem(415, "unsupported_media_type");
    for encoding in ["gzip", "br", "zstd", "deflate", "gzip, identity"] {
        let request = admin
            .request(Method::POST, "/api/teams")
            .header("Content-Encoding", encoding)
            .json(&json!({"name": "x"}));
        Answer::of(request.send().await).await.expect_problem(415, "unsupported_media_type");
    }
    post(&["Application/JSON; Charset=\"UTF-8\""]).await.expect(201);
    let items = admin.get("/api/teams").await.expect(200).json["items"].clone();
    assert_eq!(items.as_array().map(Vec::len), Some(1), "{}", Value::from(items.to_string()));
}
