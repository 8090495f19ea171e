//! The root secret and the key of second factors are replaced while people sign in.

use std::path::Path;
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE;
use hardening::clock::{Clock as _, SystemClock, Timestamp};
use hardening::two_factor::{Totp, TotpSecret};
use reqwest::Method;
use serde_json::{Value, json};

use crate::support::binary::{Binary, Tokens};
use crate::support::{Answer, PASSWORD, fresh_email};
use crate::tools::*;

const OLD_ROOT: &str = "an old root secret of 32 characters or more";
const NEW_ROOT: &str = "a new root secret of 32 characters or more!";
const PEOPLE: usize = 6;

/// Somebody with a second factor.
struct Enrolled {
    email: String,
    secret: TotpSecret,
    /// The newest step whose code was used.
    used: Timestamp,
}

impl Enrolled {
    /// Both steps, with the first code that was not used yet; waits for one if it must.
    async fn sign_in(&mut self, server: &Binary) -> Tokens {
        let step = Duration::from_secs(30);
        let mut at = SystemClock.now();
        if at < self.used + step {
            at = self.used + step;
        }
        // One step ahead is accepted: clocks of phones differ.
        while at > SystemClock.now() + step {
            tokio::time::sleep(Duration::from_millis(200)).await;
        }
        let asked = server.login(&self.email, PASSWORD).await.expect("it lives").expect(200);
        let code = Totp::new(0).code_at(&self.secret, at).to_text().expose().clone();
        let body = json!({"temp_token": asked.field("temp_token"), "code": code});
        let answer = server.post("/api/auth/2fa/verify", &body).await.expect("it lives").expect(200);
        self.used = at;
        tokens(&self.email, &answer)
    }
}

fn tokens(email: &str, answer: &Answer) -> Tokens {
    Tokens { email: email.to_owned(), token: answer.field("token"), csrf: answer.field("csrf_token") }
}

async fn enrolled(server: &Binary) -> Enrolled {
    let email = fresh_email();
    let who = server.found(&email).await.expect("it lives");
    let body = json!({"password": PASSWORD});
    let offer = server.signed(&who, Method::POST, "/api/auth/2fa/enable", &body).await.expect("it lives");
    let secret = TotpSecret::from_base32(&offer.expect(200).field("secret")).expect("Base32");
    let used = SystemClock.now();
    let code = json!({"code": Totp::new(0).code_at(&secret, used).to_text().expose().clone()});
    let done = server.signed(&who, Method::POST, "/api/auth/2fa/verify-setup", &code).await;
    done.expect("it lives").expect(200);
    Enrolled { email, secret, used }
}

/// What `keys rotate` says it did.
fn rotate(data_dir: &Path, root: &str, keys: &str) -> Value {
    let mut run = Command::new(env!("CARGO_BIN_EXE_signupflow"));
    run.args(["keys", "rotate", "--format", "json"]).env_clear().env("DATA_DIR", data_dir);
    run.env("SECRET_KEY", root).env("SECRET_KEY_PREVIOUS", OLD_ROOT).env("TOTP_ENCRYPTION_KEY", keys);
    let output = run.output().expect("it runs");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    serde_json::from_slice(&output.stdout).expect("JSON")
}

/// How often somebody with an old token asked until it was over; every time with an answer.
async fn ask(server: Arc<Binary>, who: Tokens, over: Arc<AtomicBool>) -> u32 {
    let mut asked = 0;
    while !over.load(Ordering::SeqCst) {
        me(&server, &who).await.expect(200);
        asked += 1;
    }
    asked
}

/// How many secrets were put under another key until it was over, twice at least.
fn rotate_in_turn(data_dir: &Path, orders: &[String; 2], over: &AtomicBool) -> u64 {
    let mut renewed = 0;
    for round in 0.. {
        if over.load(Ordering::SeqCst) && round >= 2 {
            break;
        }
        let counts = rotate(data_dir, NEW_ROOT, &orders[round % 2]);
        assert_eq!(counts["unreadable"], 0, "{counts}");
        renewed += counts["renewed"].as_u64().expect("a number");
    }
    renewed
}

/// F23: while the root secret is replaced and second factors are put under another key, again and again, no sign-in and
/// no request with a token from before fails; afterwards the old keys can go.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn keys_are_replaced_under_load_and_nobody_notices() {
    let folder = tempfile::tempdir().expect("a folder");
    let [old, new] = [1, 2].map(|byte| URL_SAFE.encode([byte; 32]));
    let before =
        Binary::start(folder.path(), &[("SECRET_KEY", OLD_ROOT), ("TOTP_ENCRYPTION_KEY", &old)]).await;
    let mut people = Vec::new();
    for _ in 0..PEOPLE {
        people.push(enrolled(&before).await);
    }
    let mut late = people.pop().expect("there are some");
    let resident = people.pop().expect("there are some").sign_in(&before).await;
    drop(before);

    let both = format!("{new},{old}");
    let while_rotating =
        [("SECRET_KEY", NEW_ROOT), ("SECRET_KEY_PREVIOUS", OLD_ROOT), ("TOTP_ENCRYPTION_KEY", both.as_str())];
    let server = Arc::new(Binary::start(folder.path(), &while_rotating).await);
    let over = Arc::new(AtomicBool::new(false));
    let asking = tokio::spawn(ask(server.clone(), resident.clone(), over.clone()));
    let (data_dir, until) = (server.data_dir.clone(), over.clone());
    let orders = [both.clone(), format!("{old},{new}")];
    let rotating = tokio::task::spawn_blocking(move || rotate_in_turn(&data_dir, &orders, &until));
    let mut fresh = None;
    for person in &mut people {
        fresh = Some(person.sign_in(&server).await);
    }
    over.store(true, Ordering::SeqCst);
    assert!(asking.await.expect("every request was answered") > 0);
    assert!(rotating.await.expect("every rotation went well") >= PEOPLE as u64);
    let last = rotate(&server.data_dir, NEW_ROOT, &both);
    let seen = last["renewed"].as_u64().unwrap_or(0) + last["current"].as_u64().unwrap_or(0);
    assert_eq!((seen, &last["unreadable"]), (PEOPLE as u64, &json!(0)), "all of them: {last}");
    drop(server);

    let only_new = [("SECRET_KEY", NEW_ROOT), ("TOTP_ENCRYPTION_KEY", new.as_str())];
    let after = Binary::start(folder.path(), &only_new).await;
    late.sign_in(&after).await;
    me(&after, &fresh.expect("somebody signed in")).await.expect(200);
    me(&after, &resident).await.expect_problem(401, "unauthenticated");
}
