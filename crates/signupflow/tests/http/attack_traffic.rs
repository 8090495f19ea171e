//! Floods of plain requests; and the switches and rules by which an operator sets all limits.

use crate::support::{Answer, PASSWORD, TestApp, fresh_email, fresh_ip};
use reqwest::Method;
use serde_json::json;

#[track_caller]
fn expect_limit(answer: &Answer, limit: u64, left: u64) {
    let told = (answer.header("x-ratelimit-limit"), answer.header("x-ratelimit-remaining"));
    assert_eq!(told, (&*limit.to_string(), &*left.to_string()), "{}", answer.text);
    let (name, numbers) = answer.header("ratelimit").split_once(';').expect("a policy with numbers");
    assert!(numbers.starts_with(&format!("r={left};t=")), "{numbers}");
    assert!(answer.header("ratelimit-policy").starts_with(&format!("{name};q={limit};w=")));
    assert!(answer.header("x-ratelimit-reset").parse::<u64>().is_ok());
}

#[track_caller]
fn expect_refused(answer: Answer, limit: u64) -> Answer {
    let refused = answer.expect_problem(429, "rate_limited");
    expect_limit(&refused, limit, 0);
    assert_eq!(refused.json["limit"], limit);
    assert_eq!(refused.header("retry-after"), refused.json["retry_after"].to_string());
    refused
}

/// Section 5: a hundred reads a minute and person, over all devices; writes and other people are not touched.
#[tokio::test]
async fn a_hundred_reads_a_minute_and_person() {
    let app = TestApp::start().await;
    let person = app.admin().await;
    let (phone, other) = (person.on_another_device().await, app.admin().await);
    for left in (0..100).rev() {
        let device = if left % 2 == 0 { &person } else { &phone };
        expect_limit(&device.get("/api/people/me").await.expect(200), 100, left);
    }
    for device in [&person, &phone] {
        expect_refused(device.get("/api/events").await, 100);
    }
    expect_limit(&other.get("/api/people/me").await.expect(200), 100, 99);
    person.post("/api/teams", &json!({"name": "Ushers"})).await.expect(201);
    assert_eq!(app.audit_rows("auth.rate_limited").await.len(), 1, "a flood is one row");
    app.advance(60);
    expect_limit(&person.get("/api/people/me").await.expect(200), 100, 99);
}

/// Section 5: thirty writes a minute and person, by whatever method and whether they succeed or not.
#[tokio::test]
async fn thirty_writes_a_minute_and_person() {
    let app = TestApp::start().await;
    let person = app.admin().await;
    for left in (0..30).rev() {
        let answer = match left % 3 {
            0 => person.delete("/api/teams/team_none").await.expect(404),
            1 => person.put("/api/teams/team_none", &json!({"name": "x"})).await.expect(404),
            _ => person.post("/api/teams", &json!({"name": ""})).await.expect(422),
        };
        expect_limit(&answer, 30, left);
    }
    let refused = expect_refused(person.post("/api/teams", &json!({"name": "Ushers"})).await, 30);
    let wait = refused.json["retry_after"].as_u64().expect("seconds");
    assert!((1..=60).contains(&wait), "{wait}");
    assert!(person.is_signed_in().await, "reads go on");
    app.advance(wait);
    person.post("/api/teams", &json!({"name": "Ushers"})).await.expect(201);
}

/// Section 5: three hundred requests a minute and address without a session, made-up tokens included; people
/// with a session behind the same address go on.
#[tokio::test]
async fn three_hundred_requests_a_minute_and_address_without_a_session() {
    let app = TestApp::start().await;
    let mut person = app.admin().await;
    let ip = fresh_ip();
    person.ip.clone_from(&ip);
    for left in (0..300).rev() {
        let request = app.request_from(&ip, Method::GET, "/api/people/me");
        let request = if left % 2 == 0 { request } else { request.bearer_auth("made.up.token") };
        expect_limit(&Answer::of(request.send().await).await.expect(401), 300, left);
    }
    let again = Answer::of(app.request_from(&ip, Method::GET, "/api/people/me").send().await).await;
    expect_refused(again, 300);
    expect_refused(app.login_from(&ip, &person.email, PASSWORD).await, 300);
    assert!(person.is_signed_in().await);
    app.login_from(&fresh_ip(), &person.email, PASSWORD).await.expect(200);
    assert_eq!(app.get("/health").await.expect(200).header("x-ratelimit-limit"), "", "not under /api");
    app.advance(60);
    app.login_from(&ip, &person.email, PASSWORD).await.expect(200);
}

/// Section 2: each variable moves its number, also the one in the sentence for people.
#[tokio::test]
async fn variables_set_the_numbers() {
    let app = TestApp::with(&[
        ("RATE_LIMIT_LOGIN_ATTEMPTS", "2"),
        ("RATE_LIMIT_LOGIN_WINDOW", "10"),
        ("RATE_LIMIT_LOCKOUT_DURATION", "120"),
        ("RATE_LIMIT_API_REQUESTS", "7"),
    ])
    .await;
    let person = app.admin().await;
    for left in [1, 0] {
        expect_limit(&app.login_from(&fresh_ip(), &person.email, "wrong").await.expect(401), 2, left);
    }
    let locked = app.login_from(&fresh_ip(), &person.email, PASSWORD).await;
    let locked = locked.expect_problem(429, "account_locked");
    assert!(locked.field("detail").contains("Account locked for 2 minutes"), "{}", locked.text);
    assert_eq!(
        (locked.json["retry_after"].as_u64(), locked.json["window_seconds"].as_u64()),
        (Some(120), Some(10))
    );
    app.advance(120);
    app.login_from(&fresh_ip(), &person.email, "wrong").await.expect(401);
    app.advance(10);
    expect_limit(&app.login_from(&fresh_ip(), &person.email, "wrong").await.expect(401), 2, 1);
    for left in (0..7).rev() {
        expect_limit(&person.get("/api/people/me").await.expect(200), 7, left);
    }
    expect_refused(person.get("/api/people/me").await, 7);
}

/// Section 5: a rules file replaces the rule in its place, and adds new ones; the others stay.
#[tokio::test]
async fn a_rules_file_replaces_and_adds() {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("limits.toml");
    let rules = r#"
        [[rule]]
        route = "/api/auth/login"
        methods = ["POST"]
        limit = 3
        window = "1m"
        per = "account"
        count = "failures"
        lockout = "90s"

        [[rule]]
        route = "/api/teams"
        methods = ["GET"]
        limit = 2
        window = "1m"
        per = "person"
        count = "requests"
    "#;
    std::fs::write(&file, rules).expect("written");
    let app = TestApp::with(&[("RATE_LIMIT_RULES_FILE", &file.display().to_string())]).await;
    let person = app.admin().await;
    for left in (0..3).rev() {
        expect_limit(&app.login_from(&fresh_ip(), &person.email, "wrong").await.expect(401), 3, left);
    }
    let locked = app.login_from(&fresh_ip(), &person.email, PASSWORD).await;
    let locked = locked.expect_problem(429, "account_locked");
    assert!(locked.field("detail").contains("Account locked for 1 minute 30 seconds"), "{}", locked.text);
    for left in [1, 0] {
        expect_limit(&person.get("/api/teams").await.expect(200), 2, left);
    }
    expect_refused(person.get("/api/teams").await, 2);
    expect_limit(&person.get("/api/people/me").await.expect(200), 100, 99);
    let ip = fresh_ip();
    for _ in 0..20 {
        app.login_from(&ip, &fresh_email(), "wrong").await.expect(401);
    }
    expect_refused(app.login_from(&ip, &fresh_email(), "wrong").await, 20);
}

/// Section 5: a rule that replaces an exact limit and names no algorithm is as exact; one per address counts people
/// who are signed in there, too.
#[tokio::test]
async fn a_rule_of_the_operator_is_never_read_and_then_ignored() {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("limits.toml");
    let rules = r#"
        [[rule]]
        route = "/api/invitations"
        methods = ["POST"]
        limit = 2
        window = "1h"
        per = "org"
        count = "requests"

        [[rule]]
        route = "/api/teams"
        methods = ["GET"]
        limit = 3
        window = "1m"
        per = "ip"
        count = "requests"
    "#;
    std::fs::write(&file, rules).expect("written");
    let app = TestApp::with(&[("RATE_LIMIT_RULES_FILE", &file.display().to_string())]).await;
    let (mut one, mut other) = (app.admin().await, app.admin().await);
    for _ in 0..2 {
        let body = json!({"email": fresh_email(), "roles": ["volunteer"]});
        one.post("/api/invitations", &body).await.expect(201);
    }
    let body = json!({"email": fresh_email(), "roles": ["volunteer"]});
    expect_refused(one.post("/api/invitations", &body).await, 2);

    let ip = fresh_ip();
    (one.ip, other.ip) = (ip.clone(), ip);
    for (person, left) in [(&one, 2), (&other, 1), (&one, 0)] {
        expect_limit(&person.get("/api/teams").await.expect(200), 3, left);
    }
    expect_refused(other.get("/api/teams").await, 3);
    expect_limit(&other.get("/api/events").await.expect(200), 100, 98);
}

/// Section 5: of the limits that a request met, the tightest is reported; a credential endpoint tells its own.
#[tokio::test]
async fn the_tightest_limit_is_reported() {
    let app = TestApp::start().await;
    let person = app.admin().await;
    let invite = || json!({"email": fresh_email(), "roles": ["volunteer"]});
    expect_limit(&person.post("/api/invitations", &invite()).await.expect(201), 20, 19);
    for _ in 0..15 {
        person.delete("/api/teams/team_none").await.expect(404);
    }
    expect_limit(&person.post("/api/invitations", &invite()).await.expect(201), 30, 13);
    let ip = fresh_ip();
    for _ in 0..297 {
        app.request_from(&ip, Method::GET, "/api/people/me").send().await.expect("an answer");
    }
    expect_limit(&app.login_from(&ip, &person.email, "wrong").await.expect(401), 5, 4);
}

/// A rule names its route as the reference does: with the part in braces it limits whatever stands there, all of
/// it together, and not the list above.
#[tokio::test]
async fn a_rule_names_a_route_with_its_part_in_braces() {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("limits.toml");
    let rules = r#"
        [[rule]]
        route = "/api/teams/{id}"
        methods = ["GET"]
        limit = 2
        window = "1m"
        per = "person"
        count = "requests"
    "#;
    std::fs::write(&file, rules).expect("written");
    let app = TestApp::with(&[("RATE_LIMIT_RULES_FILE", &file.display().to_string())]).await;
    let person = app.admin().await;
    let team = person.post("/api/teams", &json!({"name": "Ushers"})).await.expect(201);
    let ushers = format!("/api/teams/{}", team.field("id"));
    expect_limit(&person.get(&ushers).await.expect(200), 2, 1);
    expect_limit(&person.get("/api/teams/team_none").await.expect(404), 2, 0);
    expect_refused(person.get(&ushers).await, 2);
    for left in [99, 98, 97] {
        expect_limit(&person.get("/api/teams").await.expect(200), 100, left);
    }
    person.put(&ushers, &json!({"name": "Greeters"})).await.expect(200);
}

/// Section 2: `RATE_LIMITING_ENABLED=false` switches every limit off, the hundred in a row included.
#[tokio::test]
async fn the_switch_turns_all_limits_off() {
    let app = TestApp::with(&[("RATE_LIMITING_ENABLED", "false")]).await;
    let (person, ip) = (app.admin().await, fresh_ip());
    for _ in 0..105 {
        app.login_from(&ip, &person.email, "wrong").await.expect_problem(401, "invalid_credentials");
    }
    app.login_from(&ip, &person.email, PASSWORD).await.expect(200);
    for _ in 0..5 {
        let body =
            json!({"name": "Sam", "email": fresh_email(), "password": PASSWORD, "org_name": "Another One"});
        app.post_from(&ip, "/api/auth/signup", &body).await.expect(201);
    }
    for _ in 0..110 {
        let answer = person.get("/api/people/me").await.expect(200);
        assert_eq!(answer.header("x-ratelimit-limit"), "", "nothing is limited");
    }
    for _ in 0..25 {
        let body = json!({"email": fresh_email(), "roles": ["volunteer"]});
        person.post("/api/invitations", &body).await.expect(201);
    }
    assert!(app.audit_rows("auth.account_locked").await.is_empty());
    assert!(app.audit_rows("auth.rate_limited").await.is_empty());
    assert_eq!(app.audit_rows("auth.login_failed").await.len(), 105, "failures are on record all the same");
}
