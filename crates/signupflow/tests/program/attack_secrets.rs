//! A34: passwords, tokens and keys go through every flow and are afterwards nowhere but where they belong:
//! not in the log, not in metrics, not in the audit log, and in the database only hashed or encrypted.

use std::path::Path;
use std::time::Duration;

use crate::support::authenticator::Authenticator;
use crate::support::binary::{Binary, Tokens};
use crate::support::{Answer, fresh_ip};
use hardening::clock::{Clock as _, SystemClock};
use hardening::two_factor::Totp;
use reqwest::Method;
use serde_json::{Value, json};

const FIRST: &str = "canary-first-password-GQ7VXK2M";
const SECOND: &str = "canary-second-password-HZ4TWB9P";
const WRONG: &str = "canary-wrong-password-JN3RYC8D";
const EMAIL: &str = "canary@example.com";

/// Everything secret that was seen, with a word for it.
struct Canaries(Vec<(String, String)>);

impl Canaries {
    fn add(&mut self, what: &str, secret: impl Into<String>) {
        let secret = secret.into();
        assert!(secret.len() >= 8, "{what} is too short to search for");
        self.0.push((what.to_owned(), secret));
    }

    fn of_sign_in(&mut self, answer: &Answer) -> Tokens {
        for name in ["token", "csrf_token", "device_token"] {
            self.add(name, answer.field(name));
        }
        // The signature alone would be enough to forge nothing, but it belongs nowhere either.
        self.add("signature", answer.field("token").rsplit('.').next().expect("a part"));
        Tokens { email: EMAIL.into(), token: answer.field("token"), csrf: answer.field("csrf_token") }
    }

    #[track_caller]
    fn absent_from(&self, place: &str, bytes: &[u8]) {
        for (what, secret) in &self.0 {
            let found = bytes.windows(secret.len()).any(|window| window == secret.as_bytes());
            assert!(!found, "the {what} {secret:?} is in {place}");
        }
    }
}

/// The token of a mail's link to this page.
async fn mailed_token(folder: &Path, page: &str) -> String {
    let link = format!("{page}?token=");
    for _ in 0..200 {
        let mails = std::fs::read_dir(folder.join("data/outbox")).into_iter().flatten().flatten();
        let texts = mails.filter_map(|mail| std::fs::read_to_string(mail.path()).ok());
        let plain =
            texts.map(|text| text.replace("=\r\n", "").replace("=3D", "=")).find(|text| text.contains(&link));
        if let Some(text) = plain {
            let rest = text.split(&link).nth(1).expect("found before");
            return rest
                .chars()
                .take_while(|c| c.is_ascii_alphanumeric() || *c == '-' || *c == '_')
                .collect();
        }
        // The mail is written by another process, on its own clock.
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    panic!("no mail with a link to {page}");
}

/// Signs up, in and out, is refused, locked and unlocked, changes the password; gives the last session.
#[expect(clippy::too_many_lines, reason = "one story, told from its beginning to its end")]
async fn all_flows(server: &Binary, folder: &Path, canaries: &mut Canaries) -> Tokens {
    let null = Value::Null;
    let body = json!({"name": "Ada", "email": EMAIL, "password": FIRST, "org_name": "Helping Hands"});
    let first =
        canaries.of_sign_in(&server.post("/api/auth/signup", &body).await.expect("an answer").expect(201));
    let second = canaries.of_sign_in(&server.login(EMAIL, FIRST).await.expect("an answer").expect(200));
    let fresh = json!({"password": WRONG});
    server
        .signed(&first, Method::POST, "/api/auth/reauthenticate", &fresh)
        .await
        .expect("an answer")
        .expect(403);
    let csrf =
        server.signed(&first, Method::GET, "/api/auth/csrf", &null).await.expect("an answer").expect(200);
    canaries.add("renewed CSRF token", csrf.field("csrf_token"));
    let stale = Tokens { csrf: format!("{}x", first.csrf), ..first.clone() };
    server.signed(&stale, Method::POST, "/api/auth/logout", &null).await.expect("an answer").expect(403);
    let forged = Tokens { token: format!("{}x", first.token), ..first.clone() };
    server.signed(&forged, Method::GET, "/api/people/me", &null).await.expect("an answer").expect(401);
    let invited = json!({"email": "guest@example.com", "roles": ["usher"]});
    server.signed(&first, Method::POST, "/api/invitations", &invited).await.expect("an answer").expect(201);
    for _ in 0..5 {
        server.login(EMAIL, WRONG).await.expect("an answer").expect(401);
    }
    server.login(EMAIL, FIRST).await.expect("an answer").expect(429);
    let token = mailed_token(folder, "/unlock").await;
    canaries.add("unlock token", &*token);
    server
        .post("/api/auth/unlock", &json!({"token": format!("{token}x")}))
        .await
        .expect("an answer")
        .expect(400);
    server.post("/api/auth/unlock", &json!({"token": token})).await.expect("an answer").expect(200);
    let change = json!({"old_password": FIRST, "new_password": SECOND});
    let changed = server
        .signed(&second, Method::PUT, "/api/auth/password", &change)
        .await
        .expect("an answer")
        .expect(200);
    canaries.add("new token", changed.field("token"));
    canaries.add("new CSRF token", changed.field("csrf_token"));
    for (kind, body) in [
        ("application/json", format!("{{\"email\":\"{EMAIL}\",\"password\":\"{SECOND}\"")),
        ("application/json", format!("{{\"email\":\"{EMAIL}\",\"password\":[\"{SECOND}\"]}}")),
        ("application/json", format!("{{\"email\":\"{EMAIL}\",\"passwort\":\"{SECOND}\",\"{SECOND}\":1}}")),
        ("text/plain", SECOND.to_owned()),
    ] {
        let request =
            server.request(&fresh_ip(), Method::POST, "/api/auth/login").header("Content-Type", kind);
        let refused =
            Answer::of(request.header("Cookie", format!("device={}", first.token)).body(body).send().await)
                .await;
        assert!(refused.status.is_client_error());
    }
    let last = reset(server, folder, canaries).await;
    second_factor(server, canaries, &last).await
}

/// A51: asks for a reset link, opens it in every way there is, is refused, and sets the password with it.
async fn reset(server: &Binary, folder: &Path, canaries: &mut Canaries) -> Tokens {
    let asked = json!({"email": EMAIL});
    server.post("/api/auth/password-reset-request", &asked).await.expect("an answer").expect(200);
    let token = mailed_token(folder, "/reset-password").await;
    canaries.add("reset token", &*token);
    for page in ["/reset-password", "/api/auth/password-reset-validate"] {
        for method in [Method::GET, Method::HEAD, Method::PUT] {
            let opened = server.request(&fresh_ip(), method, &format!("{page}?token={token}"));
            Answer::of(opened.header("Referer", format!("http://x/{page}?token={token}")).send().await).await;
        }
    }
    let form = server.request(&fresh_ip(), Method::POST, "/reset-password");
    let weak = form.form(&[("token", &*token), ("new_password", &FIRST[..9])]);
    Answer::of(weak.send().await).await.expect(422);
    for (link, status) in [(format!("{}x", &token[1..]), 400), (token.clone(), 200), (token, 400)] {
        let body = json!({"token": link, "new_password": SECOND});
        server.post("/api/auth/password-reset-confirm", &body).await.expect("an answer").expect(status);
    }
    canaries.of_sign_in(&server.login(EMAIL, SECOND).await.expect("an answer").expect(200))
}

/// Sets a second factor up, is refused, and signs in with it, and with a recovery code.
async fn second_factor(server: &Binary, canaries: &mut Canaries, tokens: &Tokens) -> Tokens {
    let post = async |tokens: &Tokens, path: &str, body: Value| {
        server.signed(tokens, Method::POST, path, &body).await.expect("an answer")
    };
    let offer = post(tokens, "/api/auth/2fa/enable", json!({"password": SECOND})).await.expect(200);
    let authenticator = Authenticator::of(&offer);
    canaries.add("TOTP secret", offer.field("secret"));
    canaries.add("otpauth link", offer.field("otpauth_uri"));
    for code in &authenticator.recovery_codes {
        canaries.add("recovery code", code);
        canaries.add("recovery code without dashes", code.replace('-', ""));
    }
    let code_at = |now| Totp::new(0).code_at(&authenticator.secret, now).to_text().expose().clone();
    let code = json!({"code": code_at(SystemClock.now())});
    post(tokens, "/api/auth/2fa/verify-setup", code.clone()).await.expect(200);
    let first = server.login(EMAIL, SECOND).await.expect("an answer").expect(200);
    canaries.add("temporary token", first.field("temp_token"));
    let give = async |code: String| {
        let body = json!({"temp_token": first.field("temp_token"), "code": code});
        server.post("/api/auth/2fa/verify", &body).await.expect("an answer")
    };
    give(code["code"].as_str().expect("text").to_owned()).await.expect(401);
    give("ABCD-EFGH-IJKL-MNOP-QRST-UVWX".to_owned()).await.expect(401);
    // The next code is accepted already, as a clock may be half a minute ahead.
    let next = give(code_at(SystemClock.now() + Duration::from_secs(30))).await.expect(200);
    canaries.of_sign_in(&next);
    let again = server.login(EMAIL, SECOND).await.expect("an answer").expect(200);
    let body = json!({"temp_token": again.field("temp_token"), "code": authenticator.recovery_codes[0]});
    let inside = server.post("/api/auth/2fa/verify", &body).await.expect("an answer").expect(200);
    canaries.add("second temporary token", again.field("temp_token"));
    canaries.of_sign_in(&inside)
}

#[tokio::test]
#[expect(clippy::too_many_lines, reason = "one story, told from its beginning to its end")]
async fn secrets_are_nowhere_but_where_they_belong() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let server = Binary::start(folder.path(), &[("LOG_FORMAT", "json"), ("RUST_LOG", "debug")]).await;
    let mut canaries = Canaries(Vec::new());
    for (what, password) in [("first", FIRST), ("second", SECOND), ("wrong", WRONG)] {
        canaries.add(&format!("{what} password"), password);
    }
    let last = all_flows(&server, folder.path(), &mut canaries).await;
    let keys = std::fs::read_to_string(server.data_dir.join("secrets.env")).expect("generated keys");
    for line in keys.lines().filter(|line| !line.starts_with('#')) {
        if let Some((name, value)) = line.split_once('=') {
            canaries.add(name, value);
        }
    }
    let null = Value::Null;
    let logs = server
        .signed(&last, Method::GET, "/api/audit/logs?limit=1000", &null)
        .await
        .expect("an answer")
        .expect(200);
    assert!(logs.json["total"].as_u64().is_some_and(|total| total > 10));
    canaries.absent_from("the audit log", logs.text.as_bytes());
    let export = server
        .signed(&last, Method::GET, "/api/audit/export?format=ndjson", &null)
        .await
        .expect("an answer")
        .expect(200);
    canaries.absent_from("the export", export.text.as_bytes());
    let metrics =
        server.http.get(format!("http://{}/metrics", server.metrics)).send().await.expect("an answer");
    let metrics = metrics.text().await.expect("text");
    assert!(metrics.contains("signupflow_"), "{metrics}");
    canaries.absent_from("metrics", metrics.as_bytes());

    canaries.absent_from("the log", server.program.stderr().as_bytes());
    let files = |server: &Binary| -> Vec<(String, Vec<u8>)> {
        let entries = std::fs::read_dir(&server.data_dir).expect("readable").flatten();
        let named = entries.map(|entry| (entry.file_name().to_string_lossy().into_owned(), entry.path()));
        let data = named.filter(|(name, path)| path.is_file() && name != "secrets.env");
        data.map(|(name, path)| (name, std::fs::read(path).expect("readable"))).collect()
    };
    let with_log = files(&server);
    assert!(
        with_log
            .iter()
            .any(|(name, bytes)| name.starts_with(signupflow::config::DATABASE_FILE) && bytes.len() > 4096)
    );
    for (name, bytes) in with_log {
        canaries.absent_from(&name, &bytes);
    }
    server.program.terminate();
    let mut server = server;
    server.program.wait_for_exit(Duration::from_secs(20)).await;
    for (name, bytes) in files(&server) {
        canaries.absent_from(&name, &bytes);
    }
    let log = server.program.stderr();
    assert!(log.lines().count() > 20, "the log was written: {log}");
    canaries.absent_from("the log", log.as_bytes());
    let stored = std::fs::read(server.data_dir.join(signupflow::config::DATABASE_FILE)).expect("readable");
    assert!(stored.windows(9).any(|window| window == b"$argon2id"), "hashes are where they belong");
}
