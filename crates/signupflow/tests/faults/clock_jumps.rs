//! The wall clock of the machine jumps while the built program runs, as when somebody sets it: forward and back by ten
//! minutes, the monotonic clock unmoved. libfaketime does it.

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use hardening::clock::{Clock as _, SystemClock};
use hardening::two_factor::{Totp, TotpSecret};
use reqwest::Method;
use serde_json::{Value, json};
use testkit::postgres::Postgres;
use testkit::process::Program;
use testkit::redis::Redis;

use crate::bookkeeping::event;
use crate::support::binary::{Binary, Tokens};
use crate::support::{Answer, KEYS, PASSWORD, fresh_email};
use crate::tools::*;

const JUMPS: [&str; 2] = ["+600", "-600"];
const LOCK: Duration = Duration::from_secs(6);
/// The program looks every two seconds.
const NOTICED_WITHIN: Duration = Duration::from_secs(10);

/// What moves a program's wall clock.
struct Faketime {
    library: PathBuf,
    file: PathBuf,
}

impl Faketime {
    fn below(folder: &Path) -> Self {
        let library = std::fs::read_dir("/usr/lib")
            .expect("there is such a folder")
            .filter_map(|entry| Some(entry.ok()?.path().join("faketime/libfaketimeMT.so.1")))
            .find(|path| path.exists())
            .expect("libfaketime is installed: apt-get install faketime");
        let faketime = Self { library, file: folder.join("faketime") };
        faketime.set("+0");
        faketime
    }

    /// Off by so many seconds from now on.
    fn set(&self, seconds: &str) {
        let new = self.file.with_extension("new");
        std::fs::write(&new, seconds).expect("the folder can be written");
        std::fs::rename(new, &self.file).expect("the folder can be written");
    }

    async fn start(&self, folder: &Path, variables: &[(&str, &str)]) -> Binary {
        let program = Program::new(env!("CARGO_BIN_EXE_signupflow"))
            .args(["serve"])
            .env("LD_PRELOAD", &self.library)
            .env("FAKETIME_TIMESTAMP_FILE", &self.file)
            .env("FAKETIME_NO_CACHE", "1")
            .env("FAKETIME_DONT_FAKE_MONOTONIC", "1");
        Binary::start_as(program, folder, variables).await
    }
}

async fn locked_account(server: &Binary) -> (String, Instant) {
    let email = server.found(&fresh_email()).await.expect("it lives").email;
    expect_five_guesses(server, &email).await;
    (email, Instant::now())
}

async fn created(server: &Binary, who: &Tokens) -> Answer {
    server.signed(who, Method::POST, "/api/events", &event("an event")).await.expect("it lives")
}

async fn asked(server: &Binary, path: &str, body: &Value) -> Answer {
    server.post(path, body).await.expect("it lives")
}

/// Somebody with a second factor, whose phone is right; the first code is used.
async fn enrolled(server: &Binary) -> (String, TotpSecret) {
    let who = server.found(&fresh_email()).await.expect("it lives");
    let enable = json!({"password": PASSWORD});
    let offer = server.signed(&who, Method::POST, "/api/auth/2fa/enable", &enable).await;
    let secret =
        TotpSecret::from_base32(&offer.expect("it lives").expect(200).field("secret")).expect("Base32");
    let code = json!({"code": code_of(&secret, 0)});
    let verified = server.signed(&who, Method::POST, "/api/auth/2fa/verify-setup", &code).await;
    verified.expect("it lives").expect(200);
    (who.email, secret)
}

/// What a right phone showed so many steps ago, or will show.
fn code_of(secret: &TotpSecret, steps: i64) -> String {
    let micros = SystemClock.now().micros() + steps * 30_000_000;
    let then = hardening::clock::Timestamp::from_micros(micros);
    Totp::new(0).code_at(secret, then).to_text().expose().clone()
}

async fn second_step(server: &Binary, email: &str, code: &str) -> Answer {
    let first =
        asked(server, "/api/auth/login", &json!({"email": email, "password": PASSWORD})).await.expect(200);
    asked(server, "/api/auth/2fa/verify", &json!({"temp_token": first.field("temp_token"), "code": code}))
        .await
}

/// F13: when the clock of a node on PostgreSQL jumps while it runs, nothing moves: a lock ends to the second, sessions
/// and tokens from before and after are good, the codes of right phones fit, and the log and the metric tell of it.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_node_whose_clock_jumps_goes_by_the_databases() {
    let database = Postgres::shared().fresh_database().await;
    let redis = Redis::shared().fresh_database();
    let own = [
        ("DATABASE_URL", database.as_str()),
        ("MIGRATE_ON_START", "true"),
        ("REDIS_URL", &redis),
        ("RATE_LIMIT_LOCKOUT_DURATION", "6"),
    ];
    let folder = tempfile::tempdir().expect("a folder");
    let faketime = Faketime::below(folder.path());
    let mut server = faketime.start(folder.path(), &[own.as_slice(), KEYS.as_slice()].concat()).await;
    let who = server.found(&fresh_email()).await.expect("it lives");
    for jump in JUMPS {
        let (phone, secret) = enrolled(&server).await;
        let (locked, since) = locked_account(&server).await;
        faketime.set(jump);
        created(&server, &who).await.expect(201);
        second_step(&server, &phone, &code_of(&secret, 1)).await.expect(200);
        let stepped = if jump.starts_with('+') { "stepped forward by 6" } else { "stepped back by 12" };
        server.program.wait_for_line(&format!("this machine's clock {stepped}"), NOTICED_WITHIN).await;
        let after = server.found(&fresh_email()).await.expect("it lives");
        created(&server, &after).await.expect(201);
        expect_lock_ends_to_the_second(&server, &locked, since).await;
        let page =
            server.http.get(format!("http://{}/metrics", server.metrics)).send().await.expect("metrics");
        let page = page.text().await.expect("text");
        let ahead = page.lines().find_map(|line| line.strip_prefix("signupflow_clock_ahead_seconds "));
        let ahead: f64 = ahead.expect("the metric is there").parse().expect("a number");
        assert!((ahead - jump.parse::<f64>().expect("a number")).abs() < 2.0, "{ahead}");
    }
    expect_no_fault_of_its_own(&server);
}

async fn expect_lock_ends_to_the_second(server: &Binary, email: &str, since: Instant) {
    loop {
        let asked = since.elapsed();
        let answer = guess(server, email, PASSWORD).await;
        if answer.status == 200 {
            // `since` is when the last of several guesses was answered, the lock began with the fifth.
            assert!(since.elapsed() + Duration::from_secs(2) >= LOCK, "released after {:?}", since.elapsed());
            return;
        }
        answer.expect_problem(429, "account_locked");
        assert!(asked < LOCK + Duration::from_secs(1), "locked after {asked:?}");
        // Real time: the database's clock cannot be moved.
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}

/// F13: with the embedded database the machine's clock is everybody's. When it is set back, nothing is released early
/// and nobody who was signed in before is let in with more than they had; sign-ins and codes go by the new time at once,
/// and the log tells of it. When it is set forward, sessions live on.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_embedded_server_follows_its_clock_and_releases_nothing_when_it_goes_back() {
    let folder = tempfile::tempdir().expect("a folder");
    let faketime = Faketime::below(folder.path());
    let mut server = faketime.start(folder.path(), &[("RATE_LIMIT_LOCKOUT_DURATION", "6")]).await;
    let who = server.found(&fresh_email()).await.expect("it lives");
    let (phone, secret) = enrolled(&server).await;

    faketime.set("+600");
    created(&server, &who).await.expect(201);
    server.program.wait_for_line("this machine's clock stepped forward by", NOTICED_WITHIN).await;
    second_step(&server, &phone, &code_of(&secret, 0)).await.expect_problem(401, "invalid_credentials");
    second_step(&server, &phone, &code_of(&secret, 21)).await.expect(200);
    let future = server.found(&fresh_email()).await.expect("it lives");
    let (locked, _) = locked_account(&server).await;

    faketime.set("+0");
    created(&server, &who).await.expect(201);
    created(&server, &future).await.expect_problem(401, "unauthenticated");
    server.login(&future.email, PASSWORD).await.expect("it lives").expect(200);
    server.program.wait_for_line("this machine's clock stepped back by", NOTICED_WITHIN).await;
    // Real time: longer than the lock, had the clock not been set back.
    tokio::time::sleep(LOCK).await;
    guess(&server, &locked, PASSWORD).await.expect_problem(429, "account_locked");
    // The step that was used ten minutes from now is spent, and all before it.
    second_step(&server, &phone, &code_of(&secret, 0)).await.expect_problem(401, "invalid_credentials");
    expect_no_fault_of_its_own(&server);
}
