//! Attacks on codes (A11 to A14): guessed, replayed, raced, malformed.

use crate::support::authenticator::{Authenticator, STEP, enrolled, give, signed_in, temporary_token};
use crate::support::{Answer, PASSWORD, Persona, TestApp, fresh_ip};
use futures_util::future::join_all;
use reqwest::Method;
use serde_json::{Value, json};

const LOCK: u64 = 900;

async fn two_factor_person(app: &TestApp) -> (Persona<'_>, Authenticator) {
    let person = app.admin().await;
    let authenticator = enrolled(&person).await;
    (person, authenticator)
}

/// A12: the code that confirmed, the same code again, an older one after a newer one.
#[tokio::test]
async fn a_used_code_and_older_ones_are_refused() {
    let app = TestApp::start().await;
    let person = app.admin().await;
    let offer = person.post("/api/auth/2fa/enable", &json!({"password": PASSWORD})).await.expect(200);
    let authenticator = Authenticator::of(&offer);
    let confirming = authenticator.code(&app);
    person.post("/api/auth/2fa/verify-setup", &json!({"code": confirming})).await.expect(200);

    let token = temporary_token(&app, &person.email).await;
    let replayed = give(&app, &token, &confirming).await.expect_problem(401, "invalid_credentials");
    assert!(replayed.field("detail").contains("used already"), "{}", replayed.text);
    let older = authenticator.code(&app);
    app.advance(STEP);
    let newer = authenticator.code(&app);
    give(&app, &token, &newer).await.expect(200);
    let token = temporary_token(&app, &person.email).await;
    for code in [&newer, &older] {
        give(&app, &token, code).await.expect_problem(401, "invalid_credentials");
    }
    assert_eq!(app.audit_rows("auth.2fa_failed").await.len(), 3);
}

/// Codes a step early or late are right, two steps are not; an old one is hinted at, one to come is not.
#[tokio::test]
async fn clocks_may_be_a_step_apart_and_only_the_past_is_hinted_at() {
    let app = TestApp::start().await;
    let (person, authenticator) = two_factor_person(&app).await;
    app.advance(10 * STEP);
    let token = temporary_token(&app, &person.email).await;
    let late = give(&app, &token, &authenticator.code_ago(&app, 4)).await;
    let late = late.expect_problem(401, "invalid_credentials");
    let detail = late.field("detail");
    assert!(detail.contains("2 minutes ago") && detail.contains(&app.now().to_string()), "{detail}");
    let early = give(&app, &token, &authenticator.code_in(&app, 2)).await.expect(401);
    let wrong = app.advance_and_wrong(&person, &authenticator).await;
    assert_eq!(early.field("detail"), wrong.field("detail"));
    app.advance(LOCK);
    for code in [authenticator.code_ago(&app, 1), authenticator.code_in(&app, 1)] {
        let token = temporary_token(&app, &person.email).await;
        give(&app, &token, &code).await.expect(200);
    }
}

impl TestApp {
    /// Waits for the lock to end, and gives a wrong code.
    async fn advance_and_wrong(&self, person: &Persona<'_>, authenticator: &Authenticator) -> Answer {
        self.advance(LOCK);
        let token = temporary_token(self, &person.email).await;
        give(self, &token, &authenticator.wrong(self)).await.expect(401)
    }
}

/// A13: three wrong codes lock, whatever tokens and addresses they come by; the right one is refused meanwhile, and the
/// lock ends to the second.
#[tokio::test]
async fn three_wrong_codes_lock_for_fifteen_minutes() {
    let app = TestApp::start().await;
    let (person, authenticator) = two_factor_person(&app).await;
    for left in (0..3).rev() {
        let token = temporary_token(&app, &person.email).await;
        let refused = give(&app, &token, &authenticator.wrong(&app)).await;
        let refused = refused.expect_problem(401, "invalid_credentials");
        assert_eq!(refused.header("x-ratelimit-limit"), "3");
        assert_eq!(refused.header("x-ratelimit-remaining"), left.to_string());
    }
    for waited in [0, LOCK - 1] {
        app.advance(waited);
        let token = temporary_token(&app, &person.email).await;
        let locked = give(&app, &token, &authenticator.code(&app)).await;
        let locked = locked.expect_problem(429, "account_locked");
        assert_eq!(locked.json["retry_after"], LOCK - waited);
        let detail = locked.field("detail");
        assert!(detail.contains("Account locked for 15 minutes") && !detail.contains("mail"), "{detail}");
    }
    let admin_sees = app.audit_rows("auth.account_locked").await;
    assert_eq!((admin_sees.len(), &*admin_sees[0].user_id), (1, &*person.id));
    let mails = app.mails_to(&person.email).await;
    assert!(mails.last().is_some_and(|mail| mail.contains("Wrong codes for your account")), "{mails:?}");
    app.advance(1);
    let person = signed_in(&app, &person.email, &authenticator).await;
    let token = temporary_token(&app, &person.email).await;
    let next = give(&app, &token, &authenticator.wrong(&app)).await.expect(401);
    assert_eq!(next.header("x-ratelimit-remaining"), "2", "a success starts over");
}

/// A13: a restart forgets no wrong code: two before it, one more, and the account is locked.
#[tokio::test]
async fn a_restart_keeps_the_count_of_wrong_codes() {
    let app = TestApp::start().await;
    let (email, authenticator) = {
        let (person, authenticator) = two_factor_person(&app).await;
        (person.email.clone(), authenticator)
    };
    for _ in 0..2 {
        let token = temporary_token(&app, &email).await;
        give(&app, &token, &authenticator.wrong(&app)).await.expect(401);
    }
    let app = app.restart().await;
    let token = temporary_token(&app, &email).await;
    let third = give(&app, &token, &authenticator.wrong(&app)).await.expect(401);
    assert_eq!(third.header("x-ratelimit-remaining"), "0");
    give(&app, &token, &authenticator.code(&app)).await.expect_problem(429, "account_locked");
    let app = app.restart().await;
    let token = temporary_token(&app, &email).await;
    give(&app, &token, &authenticator.code(&app)).await.expect_problem(429, "account_locked");
}

/// A13: of fifty guesses at once three are judged, and a restart forgets neither the lock nor the count.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn of_a_burst_of_guesses_three_are_judged() {
    let app = TestApp::start().await;
    let (email, authenticator) = {
        let (person, authenticator) = two_factor_person(&app).await;
        (person.email.clone(), authenticator)
    };
    let tokens = [temporary_token(&app, &email).await, temporary_token(&app, &email).await];
    let wrong = authenticator.wrong(&app);
    let guesses = (0..50).map(|n| give(&app, &tokens[n % 2], &wrong));
    let answers = join_all(guesses).await;
    assert_eq!(answers.iter().filter(|answer| answer.status == 401).count(), 3);
    let refused = |answer: &&Answer| matches!(answer.status.as_u16(), 429 | 503);
    assert_eq!(answers.iter().filter(refused).count(), 47);
    assert_eq!(app.audit_rows("auth.2fa_failed").await.len(), 3);
    let app = app.restart().await;
    let token = temporary_token(&app, &email).await;
    give(&app, &token, &authenticator.code(&app)).await.expect_problem(429, "account_locked");
    app.advance(LOCK);
    signed_in(&app, &email, &authenticator).await;
}

/// Inside a session three wrong codes are refused for a while, too; the session stays.
#[tokio::test]
async fn wrong_codes_inside_a_session_are_limited() {
    let app = TestApp::start().await;
    let (person, authenticator) = two_factor_person(&app).await;
    let person = signed_in(&app, &person.email, &authenticator).await;
    let paths =
        ["/api/auth/2fa/disable", "/api/auth/2fa/regenerate-recovery-codes", "/api/auth/reauthenticate"];
    let wrong = json!({"password": PASSWORD, "code": authenticator.wrong(&app)});
    for path in paths {
        person.post(path, &wrong).await.expect_problem(403, "wrong_code");
    }
    let right = json!({"password": PASSWORD, "code": authenticator.code(&app)});
    for path in paths {
        person.post(path, &right).await.expect_problem(429, "account_locked");
    }
    assert!(person.is_signed_in().await);
}

/// The same for a second factor that is being set up.
#[tokio::test]
async fn wrong_codes_while_setting_up_are_limited() {
    let app = TestApp::start().await;
    let person = app.admin().await;
    let offer = person.post("/api/auth/2fa/enable", &json!({"password": PASSWORD})).await.expect(200);
    let authenticator = Authenticator::of(&offer);
    let confirm =
        async |code: String| person.post("/api/auth/2fa/verify-setup", &json!({"code": code})).await;
    for _ in 0..3 {
        confirm(authenticator.wrong(&app)).await.expect_problem(403, "wrong_code");
    }
    confirm(authenticator.code(&app)).await.expect_problem(429, "account_locked");
    assert_eq!(app.audit_rows("auth.2fa_failed").await.len(), 3);
    assert_eq!(app.audit_rows("auth.account_locked").await.len(), 1);
}

/// Section 6: a hundred wrong codes in a row switch the app's codes off until an admin resets; recovery codes work.
#[tokio::test]
async fn a_hundred_wrong_codes_switch_the_app_off() {
    let app = TestApp::start().await;
    let admin = app.admin().await;
    let member = app.volunteer(&admin).await;
    let authenticator = enrolled(&member).await;
    for n in 0..100 {
        if n % 3 == 0 {
            app.advance(LOCK);
        }
        let token = temporary_token(&app, &member.email).await;
        give(&app, &token, &authenticator.wrong(&app)).await.expect_problem(401, "invalid_credentials");
    }
    app.advance(LOCK);
    let token = temporary_token(&app, &member.email).await;
    let off = give(&app, &token, &authenticator.code(&app)).await;
    off.expect_problem(403, "second_factor_unavailable");
    let answer = give(&app, &token, &authenticator.recovery_codes[0]).await.expect(200);
    let member = Persona::from_sign_in(&app, fresh_ip(), &member.email, PASSWORD, &answer);
    assert_eq!(member.get("/api/auth/2fa").await.expect(200).json["app_codes_off"], true);
    app.advance(STEP);
    let token = temporary_token(&app, &member.email).await;
    let still = give(&app, &token, &authenticator.code(&app)).await;
    still.expect_problem(403, "second_factor_unavailable");
    let mails = app.mails_to(&member.email).await;
    assert_eq!(mails.iter().filter(|mail| mail.contains("Codes from your app are switched off")).count(), 1);
    assert_eq!(app.audit_rows("auth.2fa_failed").await.len(), 101, "the last one led to a row of its own");

    let answer = app.login_from(&fresh_ip(), &admin.email, PASSWORD).await.expect(200);
    let admin = Persona::from_sign_in(&app, fresh_ip(), &admin.email, PASSWORD, &answer);
    admin.poke(&format!("/api/people/{}/2fa/reset", member.id)).await.expect(200);
    let answer = app.login_from(&fresh_ip(), &member.email, PASSWORD).await.expect(200);
    let member = Persona::from_sign_in(&app, fresh_ip(), &member.email, PASSWORD, &answer);
    let authenticator = enrolled(&member).await;
    signed_in(&app, &member.email, &authenticator).await;
}

/// A14: what is not exactly six digits or a recovery code is refused unjudged, in whatever disguise.
#[tokio::test]
async fn malformed_codes_are_refused_and_count_for_nothing() {
    let app = TestApp::start().await;
    let (person, authenticator) = two_factor_person(&app).await;
    let token = temporary_token(&app, &person.email).await;
    let right = authenticator.code(&app);
    let spaced = format!(" {right}");
    let long = "1".repeat(60_000);
    let texts = [
        "",
        "+12345",
        &spaced,
        "１２３４５６",
        "1234567",
        "12345",
        "12 345",
        "0x1234",
        "1e5",
        "\u{0}12345",
        &long,
    ];
    for text in texts {
        let refused = give(&app, &token, text).await;
        refused.expect_problem(422, "invalid_input");
    }
    for code in
        [json!(12345), json!(123_456), json!([right]), json!({"code": right}), json!(null), json!(true)]
    {
        let body = json!({"temp_token": token, "code": code});
        let refused = app.post_from(&fresh_ip(), "/api/auth/2fa/verify", &body).await;
        refused.expect_problem(422, "invalid_input");
    }
    let number = format!(r#"{{"temp_token":"{token}","code":012345}}"#);
    let huge = format!(r#"{{"temp_token":"{token}","code":"{}"}}"#, "1".repeat(1_000_000));
    for (body, status) in [(number, 400), (huge, 413)] {
        let request =
            app.request(Method::POST, "/api/auth/2fa/verify").header("Content-Type", "application/json");
        Answer::of(request.body(body).send().await).await.expect(status);
    }
    let unknown = json!({"temp_token": token, "code": right, "2fa_enabled": false});
    let refused = app.post_from(&fresh_ip(), "/api/auth/2fa/verify", &unknown).await;
    refused.expect_problem(422, "invalid_input");
    assert!(app.audit_rows("auth.2fa_failed").await.is_empty());
    let answer = give(&app, &token, &right).await.expect(200);
    assert_eq!(answer.json["user"]["id"], json!(person.id));
}

/// Leading zeros belong to a code.
#[tokio::test]
async fn leading_zeros_work() {
    let app = TestApp::start().await;
    let (person, authenticator) = two_factor_person(&app).await;
    while !authenticator.code(&app).starts_with('0') {
        app.advance(STEP);
    }
    let token = temporary_token(&app, &person.email).await;
    give(&app, &token, &authenticator.code(&app)).await.expect(200);
}

/// A11: one recovery code, or one code of the app, tried 64 times at once: one session, one row of success.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn one_of_many_tries_at_once_wins() {
    let app = TestApp::with(&[("RATE_LIMITING_ENABLED", "false")]).await;
    let (person, authenticator) = two_factor_person(&app).await;
    for (row, code) in [
        ("auth.recovery_code_used", authenticator.recovery_codes[0].clone()),
        ("auth.2fa_passed", authenticator.code(&app)),
    ] {
        let sign_ins = app.audit_rows("auth.login").await.len();
        let mut tokens = Vec::new();
        for _ in 0..4 {
            tokens.push(temporary_token(&app, &person.email).await);
        }
        let answers = join_all((0..64).map(|n| give(&app, &tokens[n % 4], &code))).await;
        let won: Vec<&Answer> = answers.iter().filter(|answer| answer.status == 200).collect();
        assert_eq!(won.len(), 1, "{row}");
        assert!(answers.iter().all(|answer| matches!(answer.status.as_u16(), 200 | 401 | 503)));
        assert_eq!(app.audit_rows(row).await.len(), 1);
        assert_eq!(app.audit_rows("auth.login").await.len(), sign_ins + 1);
        let winner = Persona::from_sign_in(&app, fresh_ip(), &person.email, PASSWORD, won[0]);
        let sessions = winner.get("/api/sessions").await.expect(200).json;
        let current = |session: &&Value| session["current"] == true;
        assert!(sessions["sessions"].as_array().expect("a list").iter().any(|session| current(&session)));
    }
}
