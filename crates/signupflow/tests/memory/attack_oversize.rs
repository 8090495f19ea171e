//! A35: what is too large is refused early, and costs no memory.

use std::time::Duration;

use crate::support::binary::memory_kib;
use crate::support::{Answer, TestApp, fresh_ip};
use reqwest::Method;
use serde_json::{Map, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

/// How much more may be resident afterwards, in KiB.
const MOST_MORE: u64 = 32 * 1024;

/// Sends the head, then the chunk again and again until the server answers or 64 MB are sent.
async fn status_of(app: &TestApp, head: &str, chunk: &[u8]) -> (u16, usize) {
    let (mut reader, mut writer) = TcpStream::connect(app.address).await.expect("connected").into_split();
    writer.write_all(head.as_bytes()).await.expect("the head is taken");
    let chunk = chunk.to_vec();
    let sending = tokio::spawn(async move {
        let mut sent = 0;
        while !chunk.is_empty() && sent < 64 * 1024 * 1024 && writer.write_all(&chunk).await.is_ok() {
            sent += chunk.len();
        }
        // Without a body to send the connection stays open, as a slow client's would.
        (writer, sent)
    });
    let mut answer = vec![0; 4096];
    let read = tokio::time::timeout(Duration::from_secs(10), reader.read(&mut answer));
    let count = read.await.expect("an early answer").unwrap_or(0);
    let text = String::from_utf8_lossy(&answer[..count]).into_owned();
    drop(reader);
    let (_, sent) = sending.await.expect("no panic");
    let status = text.split(' ').nth(1).and_then(|code| code.parse().ok());
    (status.unwrap_or_else(|| panic!("no status in {text:?}")), sent)
}

#[tokio::test]
async fn oversized_bodies_are_refused_before_they_are_read() {
    let app = TestApp::start().await;
    app.get("/health").await.expect(200);
    let before = memory_kib(std::process::id(), "VmRSS");
    let head = |path: &str, length: &str| {
        format!(
            "POST {path} HTTP/1.1\r\nHost: accounts.test\r\nContent-Type: application/json\r\n{length}\r\n\r\n"
        )
    };
    for path in ["/api/auth/login", "/api/auth/signup", "/api/auth/unlock"] {
        let (status, _) = status_of(&app, &head(path, "Content-Length: 1000000000"), b"").await;
        assert_eq!(status, 413, "{path}, declared");
        let endless = format!("2000\r\n{}\r\n", "a".repeat(0x2000));
        let (status, sent) =
            status_of(&app, &head(path, "Transfer-Encoding: chunked"), endless.as_bytes()).await;
        assert_eq!(status, 413, "{path}, endless");
        assert!(sent < 32 * 1024 * 1024, "{sent} bytes were taken");
    }
    for path in ["/api/events", "/unlock", "/nowhere", "/docs"] {
        let (status, _) = status_of(&app, &head(path, "Content-Length: 1000000000"), &[b'x'; 8192]).await;
        assert!((400..500).contains(&status), "{path}: {status}");
    }
    let (status, _) =
        status_of(&app, &head("/api/csp-reports", "Content-Length: 1000000000"), &[b'x'; 8192]).await;
    assert!([204, 413].contains(&status), "{status}");
    let more = memory_kib(std::process::id(), "VmRSS").saturating_sub(before);
    assert!(more < MOST_MORE, "{more} KiB more");
    app.get("/health").await.expect(200);
}

#[tokio::test]
async fn deep_and_wide_json_is_refused() {
    let app = TestApp::start().await;
    let admin = app.admin().await;
    let before = memory_kib(std::process::id(), "VmRSS");
    let send = async |body: String| {
        let request = admin.request(Method::POST, "/api/events").header("Content-Type", "application/json");
        Answer::of(request.body(body).send().await).await
    };
    for (open, close) in [("[", "]"), ("{\"a\":", "}")] {
        let deep = format!("{}1{}", open.repeat(10_000), close.repeat(10_000));
        let answer = send(deep).await;
        assert!([400, 413].contains(&answer.status.as_u16()), "{}", answer.text);
        send(open.repeat(10_000)).await.expect_problem(400, "invalid_json");
    }
    let keys = |count: usize| {
        let wide: Map<_, _> = (0..count).map(|n| (format!("k{n}"), json!(1))).collect();
        serde_json::to_string(&wide).expect("JSON")
    };
    send(keys(100_000)).await.expect_problem(413, "payload_too_large");
    let most = send(keys(6_000)).await.expect_problem(422, "invalid_input");
    assert!(
        most.json["errors"].as_object().is_some_and(|errors| errors.len() <= 30),
        "the answer stays small"
    );
    assert!(most.text.len() < 16 * 1024, "{} bytes", most.text.len());
    let twice = format!("{{{}\"a\":1}}", "\"a\":1,".repeat(9_000));
    send(twice).await.expect_problem(400, "duplicate_field");
    let number = format!("{{\"title\":{}}}", "9".repeat(60_000));
    assert!(send(number).await.status.is_client_error());
    let more = memory_kib(std::process::id(), "VmRSS").saturating_sub(before);
    assert!(more < MOST_MORE, "{more} KiB more");
}

/// Ten thousand parts, as many as fit and more, however they are named or separated.
#[tokio::test]
async fn forms_of_many_parts_are_refused() {
    let app = TestApp::start().await;
    let before = memory_kib(std::process::id(), "VmRSS");
    let send = async |kind: &str, body: String| {
        let request =
            app.request_from(&fresh_ip(), Method::POST, "/forgot-password").header("Content-Type", kind);
        Answer::of(request.body(body).send().await).await
    };
    let parts = |part: &dyn Fn(usize) -> String| (0..10_000).map(part).collect::<Vec<_>>().join("&");
    for (what, body, status) in [
        ("one name", parts(&|_| "email=".to_owned()), 413),
        ("one short name", parts(&|_| "a=".to_owned()), 400),
        ("nothing", parts(&|_| String::new()), 422),
        ("names", parts(&|number| format!("{number:x}=")), 422),
        ("long names", parts(&|number| format!("name{number}=1")), 413),
    ] {
        let answer = send("application/x-www-form-urlencoded", body).await;
        assert_eq!(answer.status, status, "{what}: {}", answer.text);
        assert!(answer.text.len() < 16 * 1024, "{what}: {} bytes", answer.text.len());
    }
    let part = "--b\r\nContent-Disposition: form-data; name=\"a\"\r\n\r\n1\r\n";
    let answer = send("multipart/form-data; boundary=b", part.repeat(10_000)).await;
    assert!([413, 415].contains(&answer.status.as_u16()), "{}", answer.text);
    let more = memory_kib(std::process::id(), "VmRSS").saturating_sub(before);
    assert!(more < MOST_MORE, "{more} KiB more");
}

#[tokio::test]
async fn oversized_heads_are_refused() {
    let app = TestApp::start().await;
    let before = memory_kib(std::process::id(), "VmRSS");
    let get = |target: &str, headers: &str| {
        format!("GET {target} HTTP/1.1\r\nHost: accounts.test\r\n{headers}\r\n")
    };
    let long = format!("/health?{}", "x".repeat(16 * 1024));
    assert_eq!(status_of(&app, &get(&long, ""), b"").await.0, 414);
    let many: String = (0..200).fold(String::new(), |all, n| all + &format!("X-H{n}: 1\r\n"));
    assert_eq!(status_of(&app, &get("/health", &many), b"").await.0, 431);
    let large = format!("X-Large: {}\r\n", "y".repeat(64 * 1024));
    assert_eq!(status_of(&app, &get("/health", &large), b"").await.0, 431);
    let cookies = format!("Cookie: {}\r\n", "a=b; ".repeat(12_000));
    assert_eq!(status_of(&app, &get("/health", &cookies), b"").await.0, 431);
    let more = memory_kib(std::process::id(), "VmRSS").saturating_sub(before);
    assert!(more < MOST_MORE, "{more} KiB more");
    app.get("/health").await.expect(200);
}
