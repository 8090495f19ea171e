//! Many at once: bursts of guesses, floods of logins, floods of counters.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Condvar, Mutex};
use std::time::Duration;

use crate::support::{Answer, PASSWORD, TestApp, fresh_email, fresh_ip};
use futures_util::future::join_all;
use hardening::lockout::Budget;
use hardening::password::{BreachedPasswords, PasswordPolicy};
use hardening::rate_limit::{Count, Per};
use hardening::secret::Secret;
use serde_json::json;

const LOCK: u64 = 900;

async fn at_once(app: &TestApp, tries: usize, attempt: impl Fn() -> [String; 3]) -> Vec<Answer> {
    let logins = (0..tries).map(|_| {
        let [ip, email, password] = attempt();
        async move { app.login_from(&ip, &email, &password).await }
    });
    join_all(logins).await
}

fn count(answers: &[Answer], status: u16) -> usize {
    answers.iter().filter(|answer| answer.status.as_u16() == status).count()
}

/// How many got 503 with `Retry-After` because their turn did not come within a second: on a busy machine a
/// PostgreSQL shared by all tests may be that slow; on the embedded database nobody waits for a turn.
fn overloaded(answers: &[Answer]) -> usize {
    let count = answers.iter().filter(|answer| answer.status == 503).inspect(|answer| shed(answer)).count();
    assert!(count == 0 || on_postgres(), "{count} found no turn");
    count
}

fn on_postgres() -> bool {
    std::env::var("SIGNUPFLOW_TEST_DATABASE").is_ok_and(|name| name == "postgres")
}

/// Sent away before it was judged, to come back within a few seconds.
fn shed(answer: &Answer) {
    assert_eq!((answer.status.as_u16(), &answer.json["code"]), (503, &json!("busy")), "{}", answer.text);
    assert!(["1", "2", "3"].contains(&answer.header("retry-after")), "{}", answer.header("retry-after"));
}

/// A05: of two hundred wrong passwords at once, five reach the hash, in every round; the others are told to
/// come back in a second, or that the account is locked.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn of_a_burst_of_guesses_five_reach_the_hash() {
    let app = TestApp::start().await;
    let victim = app.admin().await.email;
    for round in 1..=3 {
        let hashes = app.hashes();
        let answers = at_once(&app, 200, || [fresh_ip(), victim.clone(), "wrong".to_owned()]).await;
        assert_eq!(app.hashes() - hashes, 5, "round {round}");
        let refused = count(&answers, 429) + overloaded(&answers);
        assert_eq!((count(&answers, 401), refused), (5, 195), "round {round}");
        for refused in answers.iter().filter(|answer| answer.status == 429) {
            let waits = if refused.json["code"] == "account_locked" { "900" } else { "1" };
            assert_eq!(refused.header("retry-after"), waits, "{}", refused.text);
            assert_eq!(refused.header("x-ratelimit-remaining"), "0");
        }
        app.login_from(&fresh_ip(), &victim, PASSWORD).await.expect_problem(429, "account_locked");
        assert_eq!(app.audit_rows("auth.account_locked").await.len(), round);
        assert_eq!(app.audit_rows("auth.login_failed").await.len(), round * 5);
        app.advance(LOCK);
    }
}

/// A05, A07: the same for one address that tries two hundred accounts at once: twenty.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn of_a_burst_of_spraying_twenty_reach_the_hash() {
    let app = TestApp::start().await;
    let (ip, hashes) = (fresh_ip(), app.hashes());
    let answers = at_once(&app, 200, || [ip.clone(), fresh_email(), "wrong".to_owned()]).await;
    assert_eq!((app.hashes() - hashes, count(&answers, 401)), (20, 20));
    assert_eq!(count(&answers, 429) + overloaded(&answers), 180);
    assert_eq!(app.audit_rows("auth.account_locked").await.len(), 1);
}

/// Section 5: who knows the password is never locked out by being fast: 200, or 429 for a second.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_burst_of_right_passwords_locks_nobody_out() {
    let app = TestApp::start().await;
    let person = app.admin().await;
    let answers = at_once(&app, 200, || [fresh_ip(), person.email.clone(), PASSWORD.to_owned()]).await;
    assert!(count(&answers, 200) >= 5, "{}", count(&answers, 200));
    overloaded(&answers);
    for busy in answers.into_iter().filter(|answer| ![200, 503].contains(&answer.status.as_u16())) {
        let busy = busy.expect_problem(429, "rate_limited");
        assert_eq!((busy.json["retry_after"].as_u64(), busy.header("retry-after")), (Some(1), "1"));
    }
    let wrong = app.login_from(&fresh_ip(), &person.email, "wrong").await.expect(401);
    assert_eq!(wrong.header("x-ratelimit-remaining"), "4", "successes were given back");
    assert!(app.audit_rows("auth.account_locked").await.is_empty());
    assert!(app.audit_rows("auth.rate_limited").await.is_empty(), "being fast is not an offence");
    assert_eq!(app.audit_rows("auth.login_failed").await.len(), 1);
}

/// Section 5: also a hung up client's guess counts; hanging up buys nothing.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn hanging_up_buys_no_further_guesses() {
    let app = TestApp::start().await;
    let victim = app.admin().await.email;
    let hashes = app.hashes();
    let guesses = (0..100).map(|_| {
        let body = json!({"email": victim, "password": "wrong"});
        let request = app.request_from(&fresh_ip(), reqwest::Method::POST, "/api/auth/login").json(&body);
        tokio::time::timeout(Duration::from_millis(2), request.send())
    });
    join_all(guesses).await;
    for _ in 0..10 {
        app.login_from(&fresh_ip(), &victim, "wrong").await;
    }
    assert!(app.hashes() - hashes <= 5, "{}", app.hashes() - hashes);
}

/// A breached-password list that keeps a hashing thread until the gate is opened.
#[derive(Default)]
struct Stall {
    entered: AtomicUsize,
    open: Mutex<bool>,
    opened: Condvar,
}

impl Stall {
    fn release(&self) {
        *self.open.lock().expect("not poisoned") = true;
        self.opened.notify_all();
    }

    fn entered(&self) -> usize {
        self.entered.load(Ordering::SeqCst)
    }
}

impl BreachedPasswords for Stall {
    fn contains(&self, _: &str) -> bool {
        self.entered.fetch_add(1, Ordering::SeqCst);
        let open = self.open.lock().expect("not poisoned");
        drop(self.opened.wait_while(open, |open| !*open).expect("not poisoned"));
        true
    }
}

/// Keeps every hashing thread of the application at work.
async fn keep_hashing_threads(app: &TestApp) -> Arc<Stall> {
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    let stall = Arc::new(Stall::default());
    let policy = Arc::new(PasswordPolicy::new(15).with_breached(stall.clone()));
    for _ in 0..cores + 3 {
        let (hashing, policy) = (app.assembly.services.hashing.clone(), policy.clone());
        tokio::spawn(async move {
            let _ = hashing.check_policy(policy, Secret::new(PASSWORD.to_owned()), Vec::new()).await;
        });
    }
    while stall.entered() < cores {
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    tokio::time::sleep(Duration::from_millis(20)).await;
    assert_eq!(stall.entered(), cores, "one hash a core at most, so memory is bounded by cores");
    stall
}

/// A38: of five hundred logins at once, those for which the queue has no room get 503 at once and are not
/// counted against anybody; sessions are answered meanwhile; and all hashing stays within its threads.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_full_hashing_queue_sheds_logins_and_nothing_else() {
    let app = Arc::new(TestApp::start().await);
    let emails: Vec<String> = (0..500).map(|_| fresh_email()).collect();
    let (token, ip) = {
        let person = app.admin().await;
        (person.token.clone(), person.ip.clone())
    };
    let stall = keep_hashing_threads(&app).await;
    let flood: Vec<_> = emails
        .iter()
        .cloned()
        .map(|email| {
            let app = app.clone();
            tokio::spawn(async move { app.login_from(&fresh_ip(), &email, "wrong").await })
        })
        .collect();
    for _ in 0..20 {
        // The cheapest question that needs a session, so that it is the session check that is looked at.
        let request = app.request_from(&ip, reqwest::Method::GET, "/api/auth/csrf").bearer_auth(&token);
        Answer::of(request.send().await).await.expect(200);
    }
    while flood.iter().filter(|login| login.is_finished()).count() < 300 {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    stall.release();
    let answers: Vec<Answer> =
        join_all(flood).await.into_iter().map(|login| login.expect("no panic")).collect();
    assert_eq!(count(&answers, 401) + count(&answers, 503), 500);
    assert!(count(&answers, 503) >= 300, "{}", count(&answers, 503));
    answers.iter().filter(|answer| answer.status == 503).for_each(shed);
    let shed = emails.iter().zip(&answers).find(|(_, answer)| answer.status == 503);
    let failed = app.audit_rows("auth.login_failed").await.len();
    assert_eq!(failed, count(&answers, 401), "what was not judged is no failure");
    let (shed, _) = shed.expect("counted above");
    let next = app.login_from(&fresh_ip(), shed, "wrong").await.expect(401);
    assert_eq!(next.header("x-ratelimit-remaining"), "4", "and was not counted");
}

/// A38: nobody can make the server hash a megabyte.
#[tokio::test]
async fn huge_passwords_are_refused_before_the_hash() {
    let app = TestApp::start().await;
    let hashes = app.hashes();
    let answer = app.login_from(&fresh_ip(), &fresh_email(), &"x".repeat(1 << 20)).await;
    answer.expect_problem(413, "payload_too_large");
    assert_eq!(app.hashes(), hashes);
}

/// One attempt each by these addresses, straight at the gate; false when there is no room for them.
async fn flood(app: &TestApp, addresses: std::ops::Range<u32>) -> bool {
    let budgets = addresses.map(|n| Budget {
        key: format!("rate_limit:{{ip:flood {n}}}:/api/auth/login"),
        limit: 20,
        window: Duration::from_mins(5),
        counts: Count::Failures,
        lockout: Some(Duration::from_secs(LOCK)),
        scope: Per::Ip,
    });
    app.assembly.services.gate.reserve(budgets.collect()).await.expect("in memory").is_ok()
}

/// A41: more addresses than there is room for evict neither a lock nor a count; newcomers wait instead.
#[tokio::test]
async fn a_flood_of_addresses_evicts_neither_locks_nor_counts() {
    // The bound is that of counters in process; in Redis its `maxmemory` is the bound, and a full one answers 503.
    let app = TestApp::with(&[("SESSION_STORAGE", "memory")]).await;
    let (locked, counted, ip) = (app.admin().await.email, app.admin().await.email, fresh_ip());
    for _ in 0..5 {
        app.login_from(&fresh_ip(), &locked, "wrong").await.expect(401);
    }
    for _ in 0..4 {
        app.login_from(&ip, &counted, "wrong").await.expect(401);
    }
    let mut flooded = 0;
    for at_once in [1_000, 1] {
        while flood(&app, flooded..flooded + at_once).await {
            flooded += at_once;
            assert!(flooded < 1_000_000, "the memory of counters is not bounded");
        }
    }
    let hashes = app.hashes();
    app.login_from(&fresh_ip(), &locked, PASSWORD).await.expect_problem(429, "account_locked");
    let newcomer = app.login_from(&fresh_ip(), &fresh_email(), "wrong").await;
    assert_eq!(newcomer.expect_problem(429, "rate_limited").header("retry-after"), "1");
    assert_eq!(app.hashes(), hashes, "stricter, not looser");
    let fifth = app.login_from(&ip, &counted, "wrong").await.expect(401);
    assert_eq!(fifth.header("x-ratelimit-remaining"), "0");
    app.login_from(&ip, &counted, PASSWORD).await.expect_problem(429, "account_locked");
    app.advance(LOCK + 300);
    app.login_from(&fresh_ip(), &locked, PASSWORD).await.expect(200);
}
