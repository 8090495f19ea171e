//! A33: nobody can write a line of their own into the log: one valid JSON object a line, whatever is sent.

use crate::support::binary::Binary;
use crate::support::fresh_ip;
use reqwest::Method;
use reqwest::header::HeaderValue;
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

const EVIL: &str = "x\r\n{\"level\":\"ERROR\",\"forged\":true}\u{1b}[2J\u{202e}\u{2028}\u{85}";

#[tokio::test]
async fn every_line_of_the_log_is_one_json_object_of_ours() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let server = Binary::start(folder.path(), &[("LOG_FORMAT", "json"), ("RUST_LOG", "debug")]).await;
    let escaped: String = EVIL.bytes().map(|byte| format!("%{byte:02X}")).collect();
    for path in
        [format!("/{escaped}"), format!("/api/events/{escaped}"), format!("/api/events?{escaped}={escaped}")]
    {
        server.request(&fresh_ip(), Method::GET, &path).send().await.expect("an answer");
    }
    let visible = EVIL.replace(['\r', '\n', '\u{1b}'], " ");
    for name in
        ["User-Agent", "X-Request-Id", "Origin", "Referer", "Cookie", "Authorization", "X-Forwarded-For"]
    {
        let value = HeaderValue::from_bytes(visible.as_bytes()).expect("no control characters in it");
        let request =
            server.http.post(format!("http://{}/api/auth/login", server.address)).header(name, value);
        request.json(&json!({"email": EVIL, "password": EVIL})).send().await.expect("an answer");
    }
    let report = server.request(&fresh_ip(), Method::POST, "/api/csp-reports");
    report.header("Content-Type", "application/reports+json").body(EVIL).send().await.expect("an answer");
    for raw in [
        format!("GET /{visible} HTTP/1.1\r\nHost: x\r\n\r\n"),
        format!("{visible} / HTTP/1.1\r\nHost: x\r\n\r\n"),
        "GET / HTTP/1.1\r\nHost: x\r\nX-Evil: a\u{1b}[2Jb\r\n\r\n".to_owned(),
    ] {
        let mut stream = tokio::net::TcpStream::connect(server.address).await.expect("connected");
        stream.write_all(raw.as_bytes()).await.expect("sent");
        stream.shutdown().await.expect("done");
        let _ = stream.read_to_end(&mut Vec::new()).await;
    }
    server.program.terminate();
    let mut program = server.program;
    program.wait_for_exit(std::time::Duration::from_secs(20)).await;
    let log = program.stderr();
    let mut requests = 0;
    for line in log.lines() {
        let object: Value = serde_json::from_str(line).unwrap_or_else(|error| panic!("{error}: {line:?}"));
        assert!(object.get("forged").is_none(), "{line}");
        assert!(object["level"].is_string() && object["timestamp"].is_string(), "{line}");
        let hidden = |c: char| {
            c.is_control()
                || matches!(c, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{2028}' | '\u{2029}')
        };
        assert!(!line.contains(hidden), "{line:?}");
        requests += usize::from(object["message"] == "request");
    }
    assert!(requests >= 10, "only {requests} requests in the log:\n{log}");
}
