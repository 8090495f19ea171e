//! Resetting a forgotten password (contract, sections 4, 5, 7 and 10).

use crate::support::{Answer, OTHER_PASSWORD, PASSWORD, Persona, TestApp, fresh_email, fresh_ip};
use serde_json::{Value, json};

pub(crate) const REQUEST: &str = "/api/auth/password-reset-request";
pub(crate) const CONFIRM: &str = "/api/auth/password-reset-confirm";
const LOCK: u64 = 900;

pub(crate) async fn ask(app: &TestApp, email: &str) -> Answer {
    ask_from(app, &fresh_ip(), email).await
}

pub(crate) async fn ask_from(app: &TestApp, ip: &str, email: &str) -> Answer {
    app.post_from(ip, REQUEST, &json!({"email": email})).await
}

/// The token of a new link, a second later than whatever was mailed before.
pub(crate) async fn link(app: &TestApp, email: &str) -> String {
    app.advance(1);
    ask(app, email).await.expect(200);
    app.mailed_token(email).await
}

pub(crate) async fn confirm(app: &TestApp, token: &str, password: &str) -> Answer {
    confirm_from(app, &fresh_ip(), token, password).await
}

async fn confirm_from(app: &TestApp, ip: &str, token: &str, password: &str) -> Answer {
    app.post_from(ip, CONFIRM, &json!({"token": token, "new_password": password})).await
}

async fn validate(app: &TestApp, token: &str) -> Value {
    let answer = app.get(&format!("/api/auth/password-reset-validate?token={token}")).await.expect(200);
    assert_eq!(answer.header("cache-control"), "no-store");
    answer.json
}

const WORKS_NOT: &str = r#"{"email":null,"valid":false}"#;

#[tokio::test]
async fn a_mailed_link_sets_a_new_password_once() {
    let app = TestApp::start().await;
    let email = format!("Ursula.{}", fresh_email());
    let body = json!({"name": "Ursula", "email": email, "password": PASSWORD, "org_name": "Hands"});
    let person = Persona::signed_up(&app, &email, body).await;
    let phone = person.on_another_device().await;
    let asked = ask(&app, &email.to_uppercase()).await.expect(200);
    assert_eq!(asked.header("cache-control"), "no-store");
    let mails = app.mails_to(&email).await;
    assert_eq!(mails.len(), 1, "to the address as it was stored: {mails:?}");
    assert!(mails[0].contains("within 1 hour"), "{}", mails[0]);
    let token = app.mailed_token(&email).await;
    assert_eq!(token.len(), 43, "256 bits");
    for _ in 0..2 {
        assert_eq!(validate(&app, &token).await, json!({"valid": true, "email": "u***@example.com"}));
    }
    let done = confirm(&app, &token, OTHER_PASSWORD).await.expect(200);
    assert_eq!(done.json.as_object().expect("fields").keys().collect::<Vec<_>>(), ["message"]);
    assert_eq!(done.header("set-cookie"), "", "a reset signs nobody in");
    for session in [&person, &phone] {
        session.get("/api/people/me").await.expect_problem(401, "unauthenticated");
    }
    app.login_from(&fresh_ip(), &email, PASSWORD).await.expect_problem(401, "invalid_credentials");
    app.login_from(&fresh_ip(), &email, OTHER_PASSWORD).await.expect(200);
    assert_eq!(validate(&app, &token).await.to_string(), WORKS_NOT);
    confirm(&app, &token, PASSWORD).await.expect_problem(400, "token_invalid");
    app.login_from(&fresh_ip(), &email, OTHER_PASSWORD).await.expect(200);
}

#[tokio::test]
async fn it_is_on_record_and_the_owner_is_told() {
    let app = TestApp::start().await;
    let person = app.admin().await;
    let ip = fresh_ip();
    ask_from(&app, &ip, &person.email).await.expect(200);
    let token = app.mailed_token(&person.email).await;
    app.advance(1);
    confirm_from(&app, &ip, &token, OTHER_PASSWORD).await.expect(200);
    let (asked, set) =
        (app.audit_rows("auth.password_reset_requested").await, app.audit_rows("auth.password_reset").await);
    assert_eq!((asked.len(), set.len()), (1, 1));
    for row in [&asked[0], &set[0]] {
        assert_eq!((&row.org_id, &row.user_id), (&person.org_id, &person.id));
        assert_eq!((&*row.resource_type, &*row.status), ("person", "success"));
        assert_eq!(row.ip_address.as_deref(), Some(&*ip));
    }
    assert_eq!(set[0].changes.as_ref().expect("changes")["password"]["new"], "[REDACTED]");
    let told = app.mails_to(&person.email).await;
    assert!(told.last().expect("a mail").contains("/not-me?token="), "{told:?}");
    let not_me = json!({"token": app.mailed_token(&person.email).await});
    app.post_from(&fresh_ip(), "/api/auth/not-me", &not_me).await.expect(200);
    app.login_from(&fresh_ip(), &person.email, OTHER_PASSWORD).await.expect(401);
}

#[tokio::test]
async fn a_link_lives_an_hour_to_the_second() {
    let app = TestApp::start().await;
    let (in_time, late) = (app.admin().await.email, app.admin().await.email);
    let tokens = [link(&app, &in_time).await, link(&app, &late).await];
    app.advance(3598);
    confirm(&app, &tokens[0], OTHER_PASSWORD).await.expect(200);
    app.advance(2);
    assert_eq!(validate(&app, &tokens[1]).await.to_string(), WORKS_NOT);
    confirm(&app, &tokens[1], OTHER_PASSWORD).await.expect_problem(400, "token_invalid");
    app.login_from(&fresh_ip(), &late, PASSWORD).await.expect(200);

    let short = TestApp::with(&[("PASSWORD_RESET_TOKEN_TTL", "60")]).await;
    let email = short.admin().await.email;
    let token = link(&short, &email).await;
    short.advance(60);
    confirm(&short, &token, OTHER_PASSWORD).await.expect_problem(400, "token_invalid");
}

#[tokio::test]
async fn the_newest_three_links_live_and_the_first_use_voids_them_all() {
    let app = TestApp::with(&[("PASSWORD_RESET_RATE_LIMIT", "10")]).await;
    let email = app.admin().await.email;
    let mut tokens = Vec::new();
    for _ in 0..4 {
        tokens.push(link(&app, &email).await);
        app.advance(1);
    }
    let mut valid = Vec::new();
    for token in &tokens {
        valid.push(validate(&app, token).await["valid"].clone());
    }
    assert_eq!(valid, [false, true, true, true]);
    confirm(&app, &tokens[2], OTHER_PASSWORD).await.expect(200);
    for token in &tokens {
        confirm(&app, token, PASSWORD).await.expect_problem(400, "token_invalid");
    }
}

/// Section 7, section 4: changing the password inside a session voids links, too.
#[tokio::test]
async fn a_changed_password_voids_links() {
    let app = TestApp::start().await;
    let person = app.admin().await;
    let token = link(&app, &person.email).await;
    let body = json!({"old_password": PASSWORD, "new_password": OTHER_PASSWORD});
    person.put("/api/auth/password", &body).await.expect(200);
    confirm(&app, &token, PASSWORD).await.expect_problem(400, "token_invalid");
}

/// The password rules are those of everywhere; a refused password counts for nothing and spends nothing.
#[tokio::test]
async fn a_refused_password_spends_nothing_and_is_not_counted() {
    let app = TestApp::start().await;
    let person = app.admin().await;
    let token = link(&app, &person.email).await;
    let ip = fresh_ip();
    let hashes = app.hashes();
    for _ in 0..8 {
        for weak in ["short", "passwordpassword", &person.email, &"x".repeat(129), "", "a\u{0}b"] {
            let refused = confirm_from(&app, &ip, &token, weak).await.expect_problem(422, "invalid_input");
            assert!(refused.json["errors"]["new_password"].is_array(), "{}", refused.text);
        }
    }
    assert_eq!(app.hashes(), hashes);
    confirm_from(&app, &ip, &token, OTHER_PASSWORD).await.expect(200);
    assert_eq!(app.audit_rows("auth.password_reset").await.len(), 1);
}

/// Section 5: three refused tries of a link that was mailed, then a quarter of an hour nothing; made-up ones count per
/// network address: twenty.
#[tokio::test]
async fn refused_links_are_limited() {
    let app = TestApp::start().await;
    let (person, other) = (app.admin().await, app.admin().await);
    let used = link(&app, &person.email).await;
    confirm(&app, &used, OTHER_PASSWORD).await.expect(200);
    for left in (0..3).rev() {
        let refused = confirm(&app, &used, PASSWORD).await.expect_problem(400, "token_invalid");
        assert_eq!(refused.header("x-ratelimit-remaining"), left.to_string());
    }
    for waited in [0, LOCK - 1] {
        app.advance(waited);
        let locked = confirm(&app, &used, PASSWORD).await.expect_problem(429, "rate_limited");
        assert!(locked.field("detail").contains("15 minutes"), "{}", locked.text);
        assert_eq!(locked.json["retry_after"], LOCK - waited);
    }
    app.advance(1);
    confirm(&app, &used, PASSWORD).await.expect_problem(400, "token_invalid");

    let (ip, good) = (fresh_ip(), link(&app, &other.email).await);
    for n in 0..20 {
        let made_up = format!("{n:043}");
        let made_up = made_up.replace('0', "A");
        confirm_from(&app, &ip, &made_up, PASSWORD).await.expect_problem(400, "token_invalid");
    }
    let blocked = confirm_from(&app, &ip, &good, OTHER_PASSWORD).await.expect_problem(429, "rate_limited");
    assert_eq!((blocked.header("retry-after"), blocked.header("x-ratelimit-limit")), ("900", "20"));
    let app = app.restart().await;
    confirm_from(&app, &ip, &good, OTHER_PASSWORD).await.expect_problem(429, "rate_limited");
    confirm(&app, &good, OTHER_PASSWORD).await.expect(200);
    assert_eq!(app.audit_rows("auth.account_locked").await.len(), 2);
    let refused = app.audit_rows("auth.password_reset").await;
    assert_eq!(refused.iter().filter(|row| row.status == "failure").count(), 24);
    let strangers = refused.iter().filter(|row| row.user_id == "person_anonymous").count();
    assert_eq!(strangers, 20, "a link that was mailed is on its owner's record");
}

/// Whatever is no working link looks the same.
#[tokio::test]
async fn nothing_else_is_a_link() {
    let app = TestApp::with(&[("RATE_LIMITING_ENABLED", "false")]).await;
    let admin = app.admin().await;
    let invited = fresh_email();
    admin.post("/api/invitations", &json!({"email": invited, "roles": ["usher"]})).await.expect(201);
    let invitation = app.mailed_token(&invited).await;
    let token = link(&app, &admin.email).await;
    let mut details = Vec::new();
    for wrong in [
        "",
        "x",
        &"A".repeat(43),
        &invitation,
        &admin.token,
        &admin.csrf,
        &token[1..],
        &format!("{token}A"),
        "' OR 1=1--",
        "\u{0}",
    ] {
        let refused = confirm(&app, wrong, OTHER_PASSWORD).await.expect_problem(400, "token_invalid");
        details.push(refused.field("detail"));
    }
    details.dedup();
    assert_eq!(details.len(), 1, "{details:?}");
    for path in ["/api/auth/unlock", "/api/auth/not-me"] {
        app.post_from(&fresh_ip(), path, &json!({"token": token})).await.expect_problem(400, "token_invalid");
    }
    let join = json!({"name": "A", "email": admin.email, "password": PASSWORD, "invitation_token": token});
    app.post_from(&fresh_ip(), "/api/auth/signup", &join).await.expect_problem(400, "token_invalid");
    confirm(&app, &token, OTHER_PASSWORD).await.expect(200);
}

#[tokio::test]
async fn what_cannot_be_read_is_refused() {
    let app = TestApp::start().await;
    for email in ["", "nobody", "a@example.com, b@example.com", "a@example.com\r\nBcc: b@example.com"] {
        let refused = ask(&app, email).await.expect_problem(422, "invalid_input");
        assert!(refused.json["errors"]["email"].is_array(), "{}", refused.text);
    }
    let more = json!({"email": "a@example.com", "language": "en"});
    app.post_from(&fresh_ip(), REQUEST, &more).await.expect_problem(422, "invalid_input");
    let missing = app.get("/api/auth/password-reset-validate").await.expect_problem(422, "invalid_input");
    assert!(missing.json["errors"]["token"].is_array());
    assert_eq!(app.answer_resets().await.dismissed, 0);
}

/// Section 5: three an hour for one mail address, with the same answer; ten for one network address, then 429.
#[tokio::test]
async fn requests_are_limited_per_mail_and_per_network_address() {
    let app = TestApp::start().await;
    let email = app.admin().await.email;
    let mut answers = Vec::new();
    for _ in 0..6 {
        let answer = ask(&app, &email).await.expect(200);
        answers.push((answer.text.clone(), answer.header("x-ratelimit-limit").to_owned()));
    }
    answers.dedup();
    assert_eq!(answers.len(), 1, "{answers:?}");
    assert_eq!(app.mails_to(&email).await.len(), 3);
    assert_eq!(app.audit_rows("auth.password_reset_requested").await.len(), 3);
    assert_eq!(app.audit_rows("auth.rate_limited").await.len(), 1, "once per window and key");
    app.advance(3599);
    ask(&app, &email).await.expect(200);
    assert_eq!(app.mails_to(&email).await.len(), 3);
    app.advance(1);
    ask(&app, &email.replace("person", "PERSON")).await.expect(200);
    assert_eq!(app.mails_to(&email).await.len(), 4);

    let ip = fresh_ip();
    for left in (0..10).rev() {
        let answer = ask_from(&app, &ip, &fresh_email()).await.expect(200);
        assert_eq!(answer.header("x-ratelimit-remaining"), left.to_string());
    }
    let refused = ask_from(&app, &ip, &fresh_email()).await.expect_problem(429, "rate_limited");
    assert_eq!(refused.header("retry-after"), "3600");
    app.advance(3600);
    ask_from(&app, &ip, &fresh_email()).await.expect(200);

    let wide = TestApp::with(&[("PASSWORD_RESET_RATE_LIMIT", "5")]).await;
    let email = wide.admin().await.email;
    for _ in 0..7 {
        ask(&wide, &email).await.expect(200);
    }
    assert_eq!(wide.mails_to(&email).await.len(), 5);
}

/// Section 5: beyond what the whole system may mail nothing is refused: it waits.
#[tokio::test]
async fn beyond_the_systems_limit_requests_wait() {
    let rules = tempfile::NamedTempFile::new().expect("a temporary file");
    let two = "[[rule]]\nroute = \"system-reset-mails\"\nlimit = 2\nwindow = \"1h\"\nper = \"system\"\ncount = \"requests\"\n";
    std::fs::write(rules.path(), two).expect("it can be written");
    let app = TestApp::with(&[("RATE_LIMIT_RULES_FILE", &rules.path().display().to_string())]).await;
    let mut emails = Vec::new();
    for _ in 0..4 {
        emails.push(app.admin().await.email);
    }
    for email in &emails {
        ask(&app, email).await.expect(200);
        app.advance(1);
    }
    let done = app.answer_resets().await;
    assert_eq!((done.issued, done.held_back), (2, 2));
    let mut tokens = [app.mailed_token(&emails[0]).await, app.mailed_token(&emails[1]).await].to_vec();
    assert!(app.mails_to(&emails[2]).await.is_empty());
    for email in &emails[2..] {
        app.advance(1800);
        tokens.push(app.mailed_token(email).await);
    }
    let mut valid = Vec::new();
    for token in &tokens {
        valid.push(validate(&app, token).await["valid"].clone());
    }
    assert_eq!(valid, [false, false, true, true], "a link's hour begins when it is mailed");

    let free = TestApp::with(&[
        ("RATE_LIMIT_RULES_FILE", &rules.path().display().to_string()),
        ("RATE_LIMITING_ENABLED", "false"),
    ])
    .await;
    for _ in 0..4 {
        ask(&free, &free.admin().await.email).await.expect(200);
    }
    assert_eq!(free.answer_resets().await.issued, 4, "the switch is for every limit");
}

/// Section 5: a reset lifts the lock, and starts the hundred over; known devices are strangers again.
#[tokio::test]
async fn a_reset_opens_a_locked_account() {
    let app = TestApp::with(&[("SESSION_TTL_HOURS", "720"), ("SESSION_IDLE_MINUTES", "0")]).await;
    let owner = app.admin().await;
    for _ in 0..20 {
        for _ in 0..5 {
            app.login_from(&fresh_ip(), &owner.email, "not it").await.expect(401);
        }
        app.advance(LOCK);
    }
    app.login_from(&fresh_ip(), &owner.email, PASSWORD).await.expect_problem(429, "account_locked");
    let token = link(&app, &owner.email).await;
    confirm(&app, &token, OTHER_PASSWORD).await.expect(200);
    for _ in 0..4 {
        app.login_from(&fresh_ip(), &owner.email, PASSWORD).await.expect_problem(401, "invalid_credentials");
    }
    app.login_from(&fresh_ip(), &owner.email, OTHER_PASSWORD).await.expect(200);

    for _ in 0..5 {
        app.login_from(&fresh_ip(), &owner.email, "not it").await.expect(401);
    }
    app.login_from(&fresh_ip(), &owner.email, OTHER_PASSWORD).await.expect_problem(429, "account_locked");
    let device =
        json!({"email": owner.email, "password": OTHER_PASSWORD, "device_token": owner.device_token});
    app.post_from(&fresh_ip(), "/api/auth/login", &device).await.expect_problem(429, "account_locked");
    let token = link(&app, &owner.email).await;
    confirm(&app, &token, PASSWORD).await.expect(200);
    app.login_from(&fresh_ip(), &owner.email, PASSWORD).await.expect(200);
}

/// Who may not sign in gets no mail, and a link mailed before opens nothing.
#[tokio::test]
async fn a_reset_does_not_open_what_an_admin_locked() {
    let app = TestApp::start().await;
    let admin = app.admin().await;
    let person = app.volunteer(&admin).await;
    let token = link(&app, &person.email).await;
    let mails = app.mails_to(&person.email).await.len();
    admin.poke(&format!("/api/people/{}/lock", person.id)).await.expect(200);
    assert_eq!(validate(&app, &token).await.to_string(), WORKS_NOT);
    confirm(&app, &token, OTHER_PASSWORD).await.expect_problem(400, "token_invalid");
    ask(&app, &person.email).await.expect(200);
    let done = app.answer_resets().await;
    assert_eq!((done.issued, done.dismissed), (0, 1));
    let after = app.mails_to(&person.email).await;
    assert!(after[mails..].iter().all(|mail| !mail.contains("reset-password")), "{after:?}");
    app.login_from(&fresh_ip(), &person.email, OTHER_PASSWORD).await.expect(401);
}

/// What is waiting survives a restart.
#[tokio::test]
async fn a_request_outlives_the_process() {
    let app = TestApp::start().await;
    let email = app.admin().await.email;
    ask(&app, &email).await.expect(200);
    let app = app.restart().await;
    let token = app.mailed_token(&email).await;
    confirm(&app, &token, OTHER_PASSWORD).await.expect(200);
}
