//! Forged hosts, redirects to elsewhere, and line ends in what is sent back (A22, A23, A24).

use crate::support::{Answer, PASSWORD, PUBLIC_URL, TestApp, fresh_email, fresh_ip};
use reqwest::Method;
use serde_json::json;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

/// Bytes as they are, on a connection of their own.
async fn raw(app: &TestApp, request: &str) -> String {
    let mut connection = tokio::net::TcpStream::connect(app.address).await.expect("a connection");
    connection.write_all(request.as_bytes()).await.expect("sent");
    let mut answer = Vec::new();
    connection.read_to_end(&mut answer).await.expect("an answer");
    String::from_utf8_lossy(&answer).into_owned()
}

fn head_of(answer: &str) -> &str {
    answer.split("\r\n\r\n").next().unwrap_or_default()
}

fn status_of(answer: &str) -> &str {
    answer.get(9..12).unwrap_or("closed")
}

const FORGED: [(&str, &str); 9] = [
    ("X-Forwarded-Host", "evil.example"),
    ("X-Host", "evil.example"),
    ("X-Forwarded-Server", "evil.example"),
    ("X-HTTP-Host-Override", "evil.example"),
    ("Forwarded", "for=192.0.2.1;host=evil.example;proto=https"),
    ("X-Original-URL", "//evil.example/"),
    ("X-Rewrite-URL", "//evil.example/"),
    ("Referer", "https://evil.example/"),
    ("X-Forwarded-Prefix", "//evil.example"),
];

/// A23: whatever host a request names, links in mails lead to `PUBLIC_URL`.
#[tokio::test]
async fn no_host_header_reaches_a_mailed_link() {
    let app = TestApp::start().await;
    let admin = app.admin().await;
    let invited = fresh_email();
    let forged = |mut request: reqwest::RequestBuilder| {
        for (name, value) in FORGED {
            request = request.header(name, value);
        }
        request.header("Host", "evil.example")
    };
    let body = json!({"email": invited, "roles": ["usher"]});
    let invite = forged(admin.request(Method::POST, "/api/invitations")).json(&body);
    Answer::of(invite.send().await).await.expect(201);
    let wrong = json!({"email": admin.email, "password": "wrong"});
    for _ in 0..5 {
        let login = forged(app.request_from("192.0.2.7", Method::POST, "/api/auth/login")).json(&wrong);
        Answer::of(login.send().await).await.expect(401);
    }
    let change = json!({"old_password": PASSWORD, "new_password": crate::support::OTHER_PASSWORD});
    Answer::of(forged(admin.request(Method::PUT, "/api/auth/password")).json(&change).send().await)
        .await
        .expect(200);
    let mut links = 0;
    for email in [&invited, &admin.email] {
        for mail in app.all_mails_to(email).await {
            assert!(!mail.contains("evil.example"), "{mail}");
            for link in mail.split_whitespace().filter(|word| word.contains("token=")) {
                let link = &link[link.find("http").expect("a whole address")..];
                assert!(link.starts_with(PUBLIC_URL), "{link}");
                links += 1;
            }
        }
    }
    assert!(links >= 3, "only {links} links");
}

/// A23: two hosts, none, or a broken one are refused before anything is done.
#[tokio::test]
async fn ambiguous_hosts_are_refused() {
    let app = TestApp::start().await;
    for hosts in [
        "",
        "Host: accounts.test\r\nHost: evil.example\r\n",
        "Host: accounts.test\r\nhost: accounts.test\r\n",
        "Host: a@evil.example\r\n",
        "Host: accounts.test/evil\r\n",
        "Host: accounts.test evil.example\r\n",
    ] {
        let answer = raw(&app, &format!("GET /health HTTP/1.1\r\n{hosts}Connection: close\r\n\r\n")).await;
        assert!(matches!(status_of(&answer), "400" | "421"), "{hosts:?}: {answer}");
    }
    for target in ["http://evil.example/.well-known/security.txt", "/.well-known/security.txt"] {
        let answer =
            raw(&app, &format!("GET {target} HTTP/1.1\r\nHost: evil.example\r\nConnection: close\r\n\r\n"))
                .await;
        assert!(!answer.contains("evil.example"), "{answer}");
    }
}

/// Lines of a redirect's address that browsers may read as another host.
const ELSEWHERE: [&str; 24] = [
    "//evil.example",
    "///evil.example",
    "////evil.example",
    "/\\evil.example",
    "/\\/evil.example",
    "\\\\evil.example",
    "/%09/evil.example",
    "/%0a/evil.example",
    "/%0d%0aLocation:%20//evil.example",
    "/%5cevil.example",
    "/%2f%2fevil.example",
    "/.evil.example",
    "/@evil.example",
    "/%40evil.example",
    "/.",
    "/..//evil.example",
    "/;@evil.example",
    "/%00evil.example",
    "/https:evil.example",
    "/https://evil.example",
    "/?next=//evil.example",
    "/?url=https://evil.example",
    "/#//evil.example",
    "/:80@evil.example",
];

/// A24: `HTTPS_ONLY` sends pages to the own origin, whatever path or host was asked.
#[tokio::test]
async fn the_redirect_to_https_stays_at_home() {
    let own = "https://accounts.test";
    let app = TestApp::with(&[("HTTPS_ONLY", "true"), ("PUBLIC_URL", own)]).await;
    let own = url::Url::parse(own).expect("an address").origin();
    let targets = ELSEWHERE.iter().map(|path| (*path).to_owned());
    let whole = [
        "http://evil.example/",
        "http://evil.example//evil.example",
        "*",
        "evil.example",
        "@evil.example",
        ".evil.example",
    ];
    for target in targets.chain(whole.map(str::to_owned)) {
        for method in ["GET", "HEAD", "POST", "OPTIONS"] {
            let request = format!(
                "{method} {target} HTTP/1.1\r\nHost: evil.example\r\nX-Forwarded-Host: evil.example\r\nConnection: close\r\n\r\n"
            );
            let answer = raw(&app, &request).await;
            let head = head_of(&answer);
            let places: Vec<&str> = head.lines().filter_map(|line| line.strip_prefix("location: ")).collect();
            match places[..] {
                [] => assert!(
                    matches!(status_of(&answer), "400" | "403" | "404" | "405" | "204" | "closed"),
                    "{target}: {head}"
                ),
                [place] => {
                    assert_eq!(status_of(&answer), "308", "{target}: {head}");
                    let place =
                        url::Url::parse(place).unwrap_or_else(|_| panic!("{target} leads to {place}"));
                    assert_eq!(place.origin(), own, "{target} leads to {place}");
                    assert!(place.username().is_empty() && place.password().is_none(), "{place}");
                }
                _ => panic!("{target}: {head}"),
            }
        }
    }
}

/// ASVS 4.1.2: over plain HTTP the API refuses instead of redirecting; probes are spared; HTTPS is told by the proxy only.
#[tokio::test]
async fn https_only_refuses_the_api_over_plain_http() {
    let app = TestApp::with(&[("HTTPS_ONLY", "true"), ("PUBLIC_URL", "https://accounts.test")]).await;
    let login = json!({"email": "a@example.com", "password": PASSWORD});
    app.post_from(&fresh_ip(), "/api/auth/login", &login).await.expect_problem(403, "https_required");
    assert_eq!(app.hashes(), 0);
    app.get("/api/people/me").await.expect_problem(403, "https_required");
    app.get("/health").await.expect(200);
    app.get("/ready").await.expect(200);
    let page = app.get("/docs?x=1").await.expect(308);
    assert_eq!(page.header("location"), "https://accounts.test/docs?x=1");
    let told = app.request(Method::GET, "/docs").header("X-Forwarded-Proto", "https");
    Answer::of(told.send().await).await.expect(200);
    let untrusted = TestApp::with(&[
        ("HTTPS_ONLY", "true"),
        ("PUBLIC_URL", "https://accounts.test"),
        ("TRUSTED_PROXIES", "192.0.2.0/24"),
    ])
    .await;
    let claimed = untrusted.request(Method::GET, "/docs").header("X-Forwarded-Proto", "https");
    Answer::of(claimed.send().await).await.expect(308);
}

/// A24: nothing in a query leads anywhere.
#[tokio::test]
async fn no_parameter_makes_a_redirect() {
    let app = TestApp::start().await;
    for page in [
        "/",
        "/docs",
        "/unlock",
        "/forgot-password",
        "/reset-password",
        "/invitation",
        "/.well-known/change-password",
        "/health",
    ] {
        for name in ["next", "return_to", "redirect", "redirect_uri", "url", "continue", "dest", "token"] {
            let answer = app.get(&format!("{page}?{name}=https://evil.example")).await;
            let place = answer.header("location").to_owned();
            assert!(place.is_empty() || place == "/account/security", "{page}?{name}: {place}");
            assert!(!answer.headers.contains_key("refresh"));
        }
    }
}

/// A22: line ends in whatever is sent back stay in their place.
#[tokio::test]
async fn no_value_splits_a_header() {
    let app = TestApp::with(&[("CORS_ALLOWED_ORIGINS", "https://partner.example")]).await;
    let split = "x%0d%0aSet-Cookie:%20planted=1%0d%0a%0d%0a<b>";
    for target in [
        format!("/{split}"),
        format!("/api/people/{split}"),
        format!("/unlock?token={split}"),
        format!("/not-me?token={split}"),
        format!("/reset-password?token={split}"),
        format!("/invitation?token={split}"),
        format!("/static/{split}"),
        format!("/api/audit/logs?q={split}"),
        format!("/.well-known/{split}"),
        format!("/docs?{split}"),
    ] {
        for extra in [
            "",
            "X-Request-Id: a%0d%0aSet-Cookie: planted=1\r\n",
            "X-Request-Id: a\rSet-Cookie: planted=1\r\n",
            "Origin: https://partner.example%0d%0aX: y\r\n",
        ] {
            let answer = raw(
                &app,
                &format!("GET {target} HTTP/1.1\r\nHost: accounts.test\r\n{extra}Connection: close\r\n\r\n"),
            )
            .await;
            let head = head_of(&answer).to_lowercase();
            assert!(!head.contains("planted"), "{target} {extra}: {head}");
            assert!(!head.contains('<'), "{target}: {head}");
        }
    }
    for id in ["a b", "a%0d%0ab", "<script>", "\u{e9}", &"x".repeat(65), ""] {
        let request = app.request(Method::GET, "/health").header("X-Request-Id", id.as_bytes());
        let own = Answer::of(request.send().await).await;
        assert!(own.header("x-request-id").len() == 32 && own.header("x-request-id") != id, "{id}");
    }
    let kept = app.request(Method::GET, "/health").header("X-Request-Id", "trace-01.a_B");
    assert_eq!(Answer::of(kept.send().await).await.header("x-request-id"), "trace-01.a_B");
}

/// A22, A43: no name or address adds a line to the head of a mail.
#[tokio::test]
async fn no_value_splits_the_head_of_a_mail() {
    let app = TestApp::start().await;
    let admin = app.admin().await;
    let org = format!("/api/organizations/{}", admin.org_id);
    for name in ["Helping\r\nBcc: evil@example.com", "a\nb", "a\rb", "a\u{2028}b", "a\u{85}b"] {
        admin.put(&org, &json!({"name": name})).await.expect_problem(422, "invalid_input");
    }
    for email in [
        "a@example.com\r\nBcc: evil@example.com",
        "a@example.com,evil@example.com",
        "a@example.com;evil@example.com",
        "a@example.com evil@example.com",
        "<a@example.com>",
        "A <a@example.com>",
        "a%0abcc:evil@example.com",
        "a@example.com%0d%0aBcc:x",
        "a@[127.0.0.1]",
        "\"a\\\r\nb\"@example.com",
    ] {
        let body = json!({"email": email, "roles": ["usher"]});
        admin.post("/api/invitations", &body).await.expect_problem(422, "invalid_input");
    }
    admin.put(&org, &json!({"name": "Bcc: evil@example.com %0d%0aX: y {{7*7}}"})).await.expect(200);
    let email = fresh_email();
    admin.post("/api/invitations", &json!({"email": email, "roles": ["usher"]})).await.expect(201);
    let mails = app.mails_to(&email).await;
    let head = mails[0].split("\r\n\r\n").next().unwrap_or_default();
    let names: Vec<String> = head
        .lines()
        .filter(|line| !line.starts_with([' ', '\t']))
        .map(|line| line.split(':').next().unwrap_or_default().to_lowercase())
        .collect();
    assert_eq!(names.iter().filter(|name| *name == "to").count(), 1, "{head}");
    assert!(!names.iter().any(|name| matches!(name.as_str(), "bcc" | "cc" | "x")), "{head}");
    assert!(mails[0].contains("{{7*7}}") || mails[0].contains("=7B"), "templates are not run: {}", mails[0]);
}
