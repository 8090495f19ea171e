//! What the tests of faults share: a client that looks at how and how fast it is answered.

use std::time::{Duration, Instant};

use reqwest::Method;
use serde_json::{Value, json};

use crate::support::binary::{Binary, Tokens};
use crate::support::{Answer, PASSWORD};

/// What the contract promises after a server has come back.
pub(crate) const RECOVERY: Duration = Duration::from_secs(2);
/// Nobody is kept waiting longer, on a machine that compiles and tests something else meanwhile.
pub(crate) const LONGEST_ANSWER: Duration = Duration::from_secs(1);

/// What the contract gives a server that was told to stop.
pub(crate) const LONGEST_STOP: Duration = Duration::from_secs(30);

/// How often a fault is repeated.
pub(crate) fn rounds() -> u32 {
    std::env::var("SIGNUPFLOW_FAULT_ROUNDS").ok().and_then(|text| text.parse().ok()).unwrap_or(2)
}

/// The caller's own record: needs the session and nothing else.
pub(crate) async fn me(server: &Binary, who: &Tokens) -> Answer {
    server.signed(who, Method::GET, "/api/people/me", &Value::Null).await.expect("the server lives")
}

/// One more session of somebody, signed out again.
pub(crate) async fn signed_out(server: &Binary, who: &Tokens) -> Tokens {
    let again = server.login(&who.email, PASSWORD).await.expect("the server lives").expect(200);
    let session = Tokens { token: again.field("token"), csrf: again.field("csrf_token"), ..who.clone() };
    let out = server.signed(&session, Method::POST, "/api/auth/logout", &Value::Null).await;
    out.expect("the server lives").expect(204);
    session
}

/// A sign-in that is not tried again.
pub(crate) async fn guess(server: &Binary, email: &str, password: &str) -> Answer {
    let ip = crate::support::fresh_ip();
    let body = json!({"email": email, "password": password});
    Answer::of(server.request(&ip, Method::POST, "/api/auth/login").json(&body).send().await).await
}

/// 503 as it is said while a backend is away.
#[track_caller]
pub(crate) fn expect_away(answer: Answer) {
    let answer = answer.expect_problem(503, "backend_unavailable");
    assert!(
        answer.header("retry-after").parse::<u32>().is_ok_and(|seconds| seconds >= 1),
        "{:?}",
        answer.headers
    );
}

/// Of twenty wrong passwords one after another, five are judged; then the account is locked, for the right one too.
/// Those that meet a call over its budget are answered 503 and judge nothing.
pub(crate) async fn expect_five_guesses(server: &Binary, email: &str) {
    let mut judged = 0;
    for _ in 0..20 {
        let answer = guess(server, email, "wrong").await;
        match answer.status.as_u16() {
            401 => judged += 1,
            503 => expect_away(answer),
            _ => drop(answer.expect_problem(429, "account_locked")),
        }
    }
    assert!(judged <= 5, "{judged} guesses were judged");
}

/// Tries until the session is answered 200; how long that took. Only 503 may come before: the session is good.
pub(crate) async fn time_until_signed_in(server: &Binary, who: &Tokens) -> Duration {
    let begun = Instant::now();
    loop {
        let answer = me(server, who).await;
        if answer.status == 200 {
            return begun.elapsed();
        }
        expect_away(answer);
        assert!(begun.elapsed() < Duration::from_secs(20), "it never works again");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

/// Tries until `/ready` says so; how long that took.
pub(crate) async fn time_until_ready(server: &Binary) -> Duration {
    let begun = Instant::now();
    while server.get("/ready").await.status != 200 {
        assert!(begun.elapsed() < Duration::from_secs(20), "it never gets ready");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    begun.elapsed()
}

/// Neither a panic nor a fault of its own is in the log.
#[track_caller]
pub(crate) fn expect_no_fault_of_its_own(server: &Binary) {
    let log = server.program.stdout() + &server.program.stderr();
    for word in ["panicked", "internal fault"] {
        assert!(!log.contains(word), "{word}: {log}");
    }
}

/// Whether the metric says that Redis is away.
pub(crate) async fn metric_says_degraded(server: &Binary) -> bool {
    let url = format!("http://{}/metrics", server.metrics);
    let page = server.http.get(url).send().await.expect("metrics are served").text().await.expect("text");
    let line = page.lines().find(|line| line.starts_with("signupflow_redis_degraded "));
    line.unwrap_or_else(|| panic!("no such metric in {page}")).ends_with(" 1")
}

/// Kills a server that others still hold.
pub(crate) fn kill(server: &Binary) {
    let status = std::process::Command::new("kill").args(["-9", &server.program.pid().to_string()]).status();
    assert!(status.expect("kill can be run").success());
}
