//! Guessing one account's password: five failures, then a lock that ends to the second and never grows.

use crate::support::{Answer, OTHER_PASSWORD, PASSWORD, Persona, TestApp, fresh_email, fresh_ip};
use accounts::credential_check::account_key;
use accounts::ports::AuditRow;
use hardening::lockout::Budget;
use hardening::rate_limit::{Count, Per};
use serde_json::json;

const LOCK: u64 = 900;
const WINDOW: u64 = 300;

async fn guess(app: &TestApp, email: &str) -> Answer {
    app.login_from(&fresh_ip(), email, "not the password").await
}

async fn fail(app: &TestApp, email: &str, times: usize) {
    for _ in 0..times {
        guess(app, email).await.expect_problem(401, "invalid_credentials");
    }
}

fn about(rows: &[AuditRow], person: &Persona<'_>) -> usize {
    rows.iter().filter(|row| row.resource_id == person.id).count()
}

/// A05, section 5: every answer says how the limit stands, in both dialects and with the same numbers.
#[tokio::test]
async fn the_count_goes_down_to_nothing_in_all_header_fields() {
    let app = TestApp::start().await;
    let victim = app.admin().await;
    let mut asked = app.now().unix_seconds();
    for left in (0..5).rev() {
        let refused = guess(&app, &victim.email).await.expect_problem(401, "invalid_credentials");
        expect_numbers(
            &refused,
            5,
            left,
            WINDOW,
            asked + if left == 0 { LOCK } else { WINDOW }.cast_signed(),
        );
        app.advance(7);
        asked += 7;
    }
    let locked = guess(&app, &victim.email).await.expect_problem(429, "account_locked");
    expect_numbers(&locked, 5, 0, WINDOW, asked - 7 + LOCK.cast_signed());
    assert_eq!(locked.header("retry-after"), (LOCK - 7).to_string());
    assert_eq!(locked.json["limit"], 5);
    assert_eq!(locked.json["window_seconds"], WINDOW);
    let signed_in = app.login_from(&fresh_ip(), &app.admin().await.email, PASSWORD).await.expect(200);
    assert_eq!(
        (signed_in.header("x-ratelimit-limit"), signed_in.header("x-ratelimit-remaining")),
        ("5", "5")
    );
}

/// The reset may be rounded up by a second, and all fields must agree.
#[track_caller]
fn expect_numbers(answer: &Answer, limit: u64, left: u64, window: u64, reset: i64) {
    assert_eq!(answer.header("x-ratelimit-limit"), limit.to_string());
    assert_eq!(answer.header("x-ratelimit-remaining"), left.to_string());
    let told: i64 = answer.header("x-ratelimit-reset").parse().expect("Unix seconds");
    assert!((0..=1).contains(&(told - reset)), "{told} is not {reset}");
    let (name, numbers) = answer.header("ratelimit").split_once(';').expect("a policy with numbers");
    let (remaining, seconds) = numbers.split_once(';').expect("r and t");
    assert_eq!(remaining, format!("r={left}"));
    assert!(seconds.strip_prefix("t=").is_some_and(|t| t.parse::<u64>().is_ok()), "{seconds}");
    assert_eq!(answer.header("ratelimit-policy"), format!("{name};q={limit};w={window}"));
}

/// A06: from the sixth on also the right password is refused, nothing reaches the hash, and tries during the
/// lock neither extend it nor change what is said of its set length.
#[tokio::test]
async fn a_lock_ends_to_the_second_whatever_is_tried_meanwhile() {
    let app = TestApp::start().await;
    let victim = app.admin().await;
    fail(&app, &victim.email, 5).await;
    let hashes = app.hashes();
    for waited in [0, 1, 298, 599, 1] {
        app.advance(waited);
        let left = LOCK - (app.now().unix_seconds() - lock_start(&app).await).cast_unsigned();
        for password in ["not the password", PASSWORD] {
            let locked = app.login_from(&fresh_ip(), &victim.email, password).await;
            let locked = locked.expect_problem(429, "account_locked");
            assert!(locked.field("detail").contains("Account locked for 15 minutes"), "{}", locked.text);
            assert_eq!(locked.json["retry_after"], left);
            assert_eq!(locked.header("retry-after"), left.to_string());
        }
    }
    assert_eq!(app.hashes(), hashes, "nothing is hashed for a locked account");
    app.advance(1);
    app.login_from(&fresh_ip(), &victim.email, PASSWORD).await.expect(200);
    let left = guess(&app, &victim.email).await.expect(401);
    assert_eq!(left.header("x-ratelimit-remaining"), "4", "the budget is whole after the lock");
}

async fn lock_start(app: &TestApp) -> i64 {
    app.audit_rows("auth.account_locked").await[0].timestamp.unix_seconds()
}

/// Section 5 and 10: a row for each failure, one for the lock, one for the refusals of a window.
#[tokio::test]
async fn the_trail_has_each_failure_and_one_lock() {
    let app = TestApp::start().await;
    let victim = app.admin().await;
    fail(&app, &victim.email, 5).await;
    for _ in 0..7 {
        guess(&app, &victim.email).await.expect(429);
    }
    let failed = app.audit_rows("auth.login_failed").await;
    assert_eq!((failed.len(), about(&failed, &victim)), (5, 5));
    assert!(failed.iter().all(|row| row.status == "failure" && row.org_id == victim.org_id));
    let locked = app.audit_rows("auth.account_locked").await;
    assert_eq!((locked.len(), about(&locked, &victim)), (1, 1));
    assert_eq!(app.audit_rows("auth.rate_limited").await.len(), 1);
    app.advance(WINDOW);
    for _ in 0..3 {
        guess(&app, &victim.email).await.expect(429);
    }
    assert_eq!(app.audit_rows("auth.rate_limited").await.len(), 2, "one more for the next window");
    assert_eq!(app.audit_rows("auth.account_locked").await.len(), 1);
    assert_eq!(app.mails_to(&victim.email).await.len(), 1, "and one mail about the lock");
}

/// A04: in no window of five minutes, however it lies, do more than five guesses reach the check; and the
/// wait that is told is exact.
#[tokio::test]
async fn no_window_holds_more_than_five_checks() {
    let app = TestApp::start().await;
    let email = fresh_email();
    let mut checked: Vec<i64> = Vec::new();
    for gap in [0, 10, 290, 0, 0, 1, 80, 219, 299, 1, 60, 60, 60, 60, 60, 60, 60, 60, 59, 0, 0, 900, 0, 1] {
        app.advance(gap);
        let hashes = app.hashes();
        let answer = guess(&app, &email).await;
        match answer.status.as_u16() {
            401 => checked.push(app.now().unix_seconds()),
            429 => {
                assert_eq!(app.hashes(), hashes, "a refused guess is not checked");
                app.advance(answer.json["retry_after"].as_u64().expect("seconds") - 1);
                guess(&app, &email).await.expect_problem(429, "account_locked");
                app.advance(1);
                guess(&app, &email).await.expect_problem(401, "invalid_credentials");
                checked.push(app.now().unix_seconds());
            }
            other => panic!("{other}: {}", answer.text),
        }
    }
    for (index, start) in checked.iter().enumerate() {
        let within = checked[index..].iter().filter(|at| **at < start + WINDOW.cast_signed()).count();
        assert!(within <= 5, "{within} checks from {start} on: {checked:?}");
    }
}

/// A04: four failures leave to the second, and are then forgotten.
#[tokio::test]
async fn failures_leave_the_window_to_the_second() {
    let app = TestApp::start().await;
    let (kept, forgotten) = (fresh_email(), fresh_email());
    fail(&app, &kept, 4).await;
    fail(&app, &forgotten, 4).await;
    app.advance(WINDOW - 1);
    let fifth = guess(&app, &kept).await.expect(401);
    assert_eq!(fifth.header("x-ratelimit-remaining"), "0");
    app.advance(1);
    let first = guess(&app, &forgotten).await.expect(401);
    assert_eq!(first.header("x-ratelimit-remaining"), "4");
}

/// Section 5: a stranger's success makes the account's strangers' budget whole again.
#[tokio::test]
async fn a_success_clears_the_budget_of_its_source() {
    let app = TestApp::start().await;
    let victim = app.admin().await;
    for _ in 0..3 {
        fail(&app, &victim.email, 4).await;
        app.login_from(&fresh_ip(), &victim.email, PASSWORD).await.expect(200);
    }
    let next = guess(&app, &victim.email).await.expect(401);
    assert_eq!(next.header("x-ratelimit-remaining"), "4");
}

/// F36: a restart forgets neither a lock nor a count, and the lock still ends when it was said to.
#[tokio::test]
async fn a_restart_keeps_locks_and_counts() {
    let app = TestApp::start().await;
    let (locked, counted) = (app.admin().await.email, app.admin().await.email);
    fail(&app, &locked, 5).await;
    fail(&app, &counted, 3).await;
    app.advance(100);
    let app = app.restart().await;
    let still = app.login_from(&fresh_ip(), &locked, PASSWORD).await.expect_problem(429, "account_locked");
    assert_eq!(still.json["retry_after"], LOCK - 100);
    let fourth = guess(&app, &counted).await.expect(401);
    assert_eq!(fourth.header("x-ratelimit-remaining"), "1");
    app.advance(LOCK - 100);
    app.login_from(&fresh_ip(), &locked, PASSWORD).await.expect(200);
}

/// Section 5: the mailed link opens the account once, also when sixteen programs follow it at once.
#[tokio::test]
async fn an_unlock_link_works_once_under_parallel_tries() {
    let app = TestApp::start().await;
    let victim = app.admin().await;
    fail(&app, &victim.email, 5).await;
    let token = app.mailed_token(&victim.email).await;
    let tries = (0..16).map(|_| {
        let body = json!({"token": token});
        let app = &app;
        async move { app.post_from(&fresh_ip(), "/api/auth/unlock", &body).await }
    });
    let answers = futures_util::future::join_all(tries).await;
    assert_eq!(answers.iter().filter(|answer| answer.status == 200).count(), 1);
    for refused in answers.into_iter().filter(|answer| answer.status != 200) {
        refused.expect_problem(400, "token_invalid");
    }
    app.login_from(&fresh_ip(), &victim.email, PASSWORD).await.expect(200);
    assert_eq!(app.audit_rows("auth.account_unlocked").await.len(), 1);
}

/// Section 5: a wrong password inside a session is 403; the sixth is 429 for a quarter of an hour, over all
/// routes that ask for one; the session stays, and signing in is not touched.
#[tokio::test]
async fn guessing_inside_a_session_ends_in_429_and_not_in_a_sign_out() {
    let app = TestApp::start().await;
    let person = app.admin().await;
    let change = json!({"old_password": "not it", "new_password": OTHER_PASSWORD});
    for left in (0..5).rev() {
        let refused = match left % 2 {
            0 => person.put("/api/auth/password", &change).await,
            _ => person.post("/api/auth/reauthenticate", &json!({"password": "not it"})).await,
        };
        let refused = refused.expect_problem(403, "wrong_password");
        assert_eq!(refused.header("x-ratelimit-remaining"), left.to_string());
    }
    let right = json!({"password": PASSWORD});
    let hashes = app.hashes();
    for (waited, left) in [(0, LOCK), (LOCK - 1, 1)] {
        app.advance(waited);
        let blocked = person.post("/api/auth/reauthenticate", &right).await.expect(429);
        assert_eq!(
            (blocked.json["retry_after"].as_u64(), blocked.header("x-ratelimit-limit")),
            (Some(left), "5")
        );
        person.put("/api/auth/password", &change).await.expect(429);
        assert!(person.is_signed_in().await);
    }
    assert_eq!(app.hashes(), hashes);
    app.login_from(&fresh_ip(), &person.email, PASSWORD).await.expect(200);
    app.advance(1);
    person.post("/api/auth/reauthenticate", &right).await.expect(200);
    assert_eq!(app.audit_rows("auth.login_failed").await.len(), 5);
    assert_eq!(app.audit_rows("auth.account_locked").await.len(), 1);
}

/// Five sign-ins under way, of a server that dies before it has judged them.
async fn die_in_five_sign_ins(app: &TestApp, email: &str) {
    let services = &app.assembly.services;
    let rule = services.rules.find("POST", "/api/auth/login", Per::Account, Count::Failures).expect("a rule");
    for _ in 0..5 {
        let budget = Budget::of(rule, &account_key(&email.to_lowercase()));
        drop(services.gate.reserve(vec![budget]).await.expect("no fault").expect("a place"));
    }
    app.advance(60);
}

/// Section 5: a lock that came of sign-ins which nobody judged is a lock like any other.
#[tokio::test]
async fn a_lock_of_sign_ins_that_nobody_judged_is_known_and_can_be_lifted() {
    let app = TestApp::start().await;
    let (admin, nobody) = (app.admin().await, fresh_email());
    let victim = app.volunteer(&admin).await;
    for email in [&victim.email, &nobody] {
        die_in_five_sign_ins(&app, email).await;
        for _ in 0..2 {
            app.login_from(&fresh_ip(), email, PASSWORD).await.expect_problem(429, "account_locked");
        }
    }
    let rows = app.audit_rows("auth.account_locked").await;
    assert_eq!((rows.len(), about(&rows, &victim)), (2, 1));
    let listed = admin.get("/api/lockouts").await.expect(200);
    assert_eq!(listed.json["items"].as_array().map(Vec::len), Some(1), "{}", listed.text);
    let mails = app.mails_to(&victim.email).await;
    assert_eq!(mails.iter().filter(|mail| mail.contains("Subject: Your account was locked")).count(), 1);
    let unlock = json!({"token": app.mailed_token(&victim.email).await});
    app.post_from(&fresh_ip(), "/api/auth/unlock", &unlock).await.expect(200);
    app.login_from(&fresh_ip(), &victim.email, PASSWORD).await.expect(200);

    die_in_five_sign_ins(&app, &victim.email).await;
    admin.poke(&format!("/api/people/{}/unlock", victim.id)).await.expect(200);
    app.login_from(&fresh_ip(), &victim.email, PASSWORD).await.expect(200);
    assert_eq!(app.audit_rows("auth.account_unlocked").await.len(), 2, "also of a lock that nobody had met");
}

/// Section 5: what strangers did at an address before somebody had it is no fault of its owner, however they come.
#[tokio::test]
async fn failures_at_an_address_that_nobody_has_do_not_follow_its_owner() {
    let app = TestApp::start().await;
    let admin = app.admin().await;
    for invited in [false, true] {
        let email = fresh_email();
        for _ in 0..20 {
            fail(&app, &email, 5).await;
            guess(&app, &email).await.expect_problem(429, "account_locked");
            app.advance(LOCK);
        }
        guess(&app, &email).await.expect_problem(429, "account_locked");
        let mut body = json!({"name": "Sam", "email": email, "password": PASSWORD});
        if invited {
            let admin = admin.on_another_device().await;
            admin
                .post("/api/invitations", &json!({"email": email, "roles": ["volunteer"]}))
                .await
                .expect(201);
            body["invitation_token"] = app.mailed_token(&email).await.into();
        } else {
            body["org_name"] = "Another One".into();
        }
        app.post_from(&fresh_ip(), "/api/auth/signup", &body).await.expect(201);
        for left in [4, 3] {
            let answer = guess(&app, &email).await.expect(401);
            assert_eq!(answer.header("x-ratelimit-remaining"), left.to_string());
        }
        app.login_from(&fresh_ip(), &email, PASSWORD).await.expect(200);
    }
}
