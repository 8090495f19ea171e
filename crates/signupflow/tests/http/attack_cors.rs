//! Reading from other origins: for those on the list, byte for byte, and never with cookies (A49).

use crate::support::{Answer, Persona, TestApp};
use reqwest::Method;
use serde_json::json;

const PARTNER: &str = "https://partner.example";
const METHODS: [&str; 5] = ["GET", "POST", "PUT", "PATCH", "DELETE"];

async fn ask(app: &TestApp, method: &str, path: &str, headers: &[(&str, &str)]) -> Answer {
    let mut request = app.request(method.parse::<Method>().expect("a method"), path);
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    Answer::of(request.send().await).await
}

const STRANGERS: [&str; 12] = [
    "https://evil.example",
    "null",
    "",
    "*",
    "http://partner.example",
    "https://partner.example:8443",
    "https://partner.example.evil.example",
    "https://evilpartner.example",
    "https://sub.partner.example",
    "https://partner.example/",
    "https://PARTNER.example",
    "file://",
];

fn cors_headers(answer: &Answer) -> Vec<&str> {
    answer
        .headers
        .keys()
        .map(reqwest::header::HeaderName::as_str)
        .filter(|name| name.starts_with("access-control-"))
        .collect()
}

/// A49: only origins that are on the list, byte for byte, may read; and never with cookies.
#[tokio::test]
async fn cors_is_for_listed_origins_only() {
    for listed in [false, true] {
        let variables: &[(&str, &str)] = if listed { &[("CORS_ALLOWED_ORIGINS", PARTNER)] } else { &[] };
        let app = TestApp::with(variables).await;
        let admin = app.admin().await;
        let known = if listed { &[][..] } else { &[PARTNER][..] };
        for origin in STRANGERS.iter().chain(known) {
            for path in ["/api/people/me", "/health", "/openapi.json", "/nowhere"] {
                let read =
                    Answer::of(admin.request(Method::GET, path).header("Origin", *origin).send().await).await;
                assert_eq!(cors_headers(&read), Vec::<&str>::new(), "{origin} {path}");
                for method in METHODS {
                    let asked = [
                        ("Origin", *origin),
                        ("Access-Control-Request-Method", method),
                        ("Access-Control-Request-Headers", "authorization"),
                    ];
                    let answer = ask(&app, "OPTIONS", path, &asked).await;
                    assert_eq!(cors_headers(&answer), Vec::<&str>::new(), "{origin} {method} {path}");
                }
            }
        }
        if listed {
            partner_may_read(&app, &admin).await;
        }
    }
}

async fn partner_may_read(app: &TestApp, admin: &Persona<'_>) {
    let read = admin.request(Method::GET, "/api/people/me").header("Origin", PARTNER);
    let read = Answer::of(read.send().await).await.expect(200);
    assert_eq!(read.header("access-control-allow-origin"), PARTNER);
    assert!(!read.headers.contains_key("access-control-allow-credentials"));
    assert!(read.header("vary").to_lowercase().contains("origin"));
    let asked = [("Origin", PARTNER), ("Access-Control-Request-Method", "DELETE")];
    let preflight = ask(app, "OPTIONS", "/api/sessions", &asked).await.expect(204);
    assert_eq!(preflight.header("access-control-allow-origin"), PARTNER);
    assert!(preflight.header("access-control-allow-methods").contains("DELETE"));
    assert!(preflight.header("access-control-allow-headers").contains("x-csrf-token"));
    assert!(!preflight.headers.contains_key("access-control-allow-credentials"));
    let write =
        admin.request(Method::POST, "/api/teams").header("Origin", PARTNER).json(&json!({"name": "Far"}));
    let write = Answer::of(write.send().await).await.expect(201);
    assert_eq!(write.header("access-control-allow-origin"), PARTNER);
    let twice = admin
        .request(Method::GET, "/api/people/me")
        .header("Origin", "https://evil.example")
        .header("Origin", PARTNER);
    assert_eq!(
        cors_headers(&Answer::of(twice.send().await).await),
        Vec::<&str>::new(),
        "two origins are none"
    );
}
