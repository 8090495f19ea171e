//! The second factor and the password reset through an SMTP daemon that is not ours (Debian's `python3-aiosmtpd`), with
//! codes that Python's `hmac` makes: the original's checklist, in both shapes.

use std::time::Duration;

use reqwest::Method;
use serde_json::{Value, json};
use testkit::free_port::free_tcp_port;
use testkit::postgres::Postgres;
use testkit::process::{Program, RunningProgram};
use testkit::redis::Redis;

use crate::python;
use crate::support::binary::{Binary, Tokens};
use crate::support::{Answer, KEYS, OTHER_PASSWORD, PASSWORD, fresh_email};

/// Prints what it takes, one JSON object a line, as Python's `email` reads it. Argument 1 is the port.
const DAEMON: &str = r#"
import email, email.policy, json, sys, threading
from aiosmtpd.controller import Controller

class Mailbox:
    async def handle_DATA(self, server, session, envelope):
        mail = email.message_from_bytes(envelope.content, policy=email.policy.default)
        print(json.dumps({"to": envelope.rcpt_tos, "subject": mail["Subject"],
                          "text": mail.get_body(("plain",)).get_content(), "html": bool(mail.get_body(("html",)))}), flush=True)
        return "250 kept"

Controller(Mailbox(), hostname="127.0.0.1", port=int(sys.argv[1])).start()
threading.Event().wait()
"#;

/// The code of a secret, so many steps from now (RFC 6238).
const CODE: &str = r#"
import base64, hashlib, hmac, struct, sys, time
key = base64.b32decode(sys.argv[1] + "=" * (-len(sys.argv[1]) % 8))
digest = hmac.new(key, struct.pack(">Q", int(time.time()) // 30 + int(sys.argv[2])), hashlib.sha1).digest()
at = digest[-1] & 15
print("%06d" % ((struct.unpack(">I", digest[at:at + 4])[0] & 0x7fffffff) % 10**6))
"#;

fn code(secret: &str, steps: &str) -> String {
    python::run(CODE, &[secret, steps], "").trim().to_owned()
}

/// The text of the mail to this address with this subject.
async fn mail(daemon: &mut RunningProgram, email: &str, subject: &str) -> String {
    for _ in 0..600 {
        let told = daemon.stdout();
        let mut mails = told.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
        if let Some(mail) = mails.find(|mail| mail["to"] == json!([email]) && mail["subject"] == subject) {
            assert_eq!(mail["html"], true);
            return mail["text"].as_str().expect("text").to_owned();
        }
        // Mail leaves in real time.
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    panic!("no mail {subject:?}: {} {}", daemon.stdout(), daemon.stderr());
}

/// Tries again where a call to Redis took longer than its 50 ms, as on a machine that compiles and tests.
async fn answered(mut ask: impl AsyncFnMut() -> Option<Answer>) -> Answer {
    loop {
        let answer = ask().await.expect("it lives");
        if answer.json["code"] != "backend_unavailable" {
            return answer;
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}

async fn post(server: &Binary, path: &str, body: Value) -> Answer {
    answered(async || server.post(path, &body).await).await
}

async fn enrolled(server: &Binary, who: &Tokens) -> String {
    let signed = async |path: &str, body: Value| {
        answered(async || server.signed(who, Method::POST, path, &body).await).await
    };
    let offer = signed("/api/auth/2fa/enable", json!({"password": PASSWORD})).await.expect(200);
    let secret = offer.field("secret");
    signed("/api/auth/2fa/verify-setup", json!({"code": code(&secret, "0")})).await.expect(200);
    secret
}

/// Sign up, enable the second factor, forget the password, reset it by mail: once, and the code is still asked for.
async fn the_checklist_holds(variables: &[(&str, &str)]) {
    let port = free_tcp_port();
    let mut daemon = Program::new("/usr/bin/python3").args(["-c", DAEMON, &port.to_string()]).start();
    daemon.wait_for_port(([127, 0, 0, 1], port).into(), Duration::from_secs(30)).await;
    let folder = tempfile::tempdir().expect("a folder");
    let url = format!("smtp://127.0.0.1:{port}");
    let mail_settings = [("SMTP_URL", url.as_str()), ("MAIL_FROM", "no-reply@accounts.test")];
    let server = Binary::start(folder.path(), &[variables, &mail_settings].concat()).await;
    let email = fresh_email();
    let who = server.found(&email).await.expect("it lives");
    let secret = enrolled(&server, &who).await;
    let told = mail(&mut daemon, &email, "Two-factor authentication is on").await;
    assert!(told.contains(&email), "{told}");

    post(&server, "/api/auth/password-reset-request", json!({"email": email})).await.expect(200);
    let text = mail(&mut daemon, &email, "Set a new password").await;
    let rest = text.split("/reset-password?token=").nth(1).unwrap_or_else(|| panic!("no link in {text}"));
    let token: String = rest.chars().take_while(|c| !c.is_whitespace()).collect();
    let page = answered(async || Some(server.get(&format!("/reset-password?token={token}")).await)).await;
    assert!(page.expect(200).text.contains("<form"), "opening spends nothing");
    let confirm = json!({"token": token, "new_password": OTHER_PASSWORD});
    post(&server, "/api/auth/password-reset-confirm", confirm.clone()).await.expect(200);
    let again = post(&server, "/api/auth/password-reset-confirm", confirm).await;
    again.expect_problem(400, "token_invalid");
    mail(&mut daemon, &email, "Your password was changed").await;

    let login = |password| json!({"email": email, "password": password});
    post(&server, "/api/auth/login", login(PASSWORD)).await.expect(401);
    let first = post(&server, "/api/auth/login", login(OTHER_PASSWORD)).await.expect(200);
    assert_eq!((&first.json["2fa_required"], &first.json["token"]), (&json!(true), &Value::Null));
    // That of the present step may be the one that was used to enrol.
    let second = json!({"temp_token": first.field("temp_token"), "code": code(&secret, "1")});
    let inside = post(&server, "/api/auth/2fa/verify", second).await.expect(200);
    assert_eq!(inside.json["user"]["email"], email);
    mail(&mut daemon, &email, "New sign-in to your account").await;
}

#[tokio::test]
async fn reset_and_second_factor_hold_against_a_real_mail_server_embedded() {
    the_checklist_holds(&[]).await;
}

#[tokio::test]
async fn reset_and_second_factor_hold_against_a_real_mail_server_in_the_production_shape() {
    let database = Postgres::shared().fresh_database().await;
    let redis = Redis::shared().fresh_database();
    let shape = [("DATABASE_URL", &*database), ("REDIS_URL", &*redis), ("MIGRATE_ON_START", "true")];
    the_checklist_holds(&[shape.as_slice(), KEYS.as_slice()].concat()).await;
}
