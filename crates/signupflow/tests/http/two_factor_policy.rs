//! An organization's requirement (contract, section 6): who, from when, and who sees it.

use crate::support::authenticator::{enrolled, signed_in};
use crate::support::{Answer, PASSWORD, Persona, TestApp, fresh_ip};
use hardening::clock::Timestamp;
use serde_json::{Value, json};

const DAY: u64 = 24 * 3600;

fn path(admin: &Persona<'_>) -> String {
    format!("/api/organizations/{}/require-2fa", admin.org_id)
}

async fn require(admin: &Persona<'_>, policy: &Value) -> Answer {
    admin.put(&path(admin), policy).await
}

/// A55: it can be set before any admin has enrolled; that admin must enrol next. Each change is on record.
#[tokio::test]
async fn an_admin_without_one_may_ask_for_it_and_must_enrol_next() {
    let app = TestApp::start().await;
    let admin = app.admin().await;
    let volunteer = app.volunteer(&admin).await;
    let before = admin.get(&path(&admin)).await.expect(200).json;
    assert_eq!((&before["require"], &before["total_without_2fa"]), (&json!(false), &json!(2)));
    let people = before["people_without_2fa"].as_array().expect("people");
    assert!(people.iter().all(|person| person["required"] == false && person["email"].is_string()));

    let after = require(&admin, &json!({"require": true})).await.expect(200).json;
    assert_eq!(
        (&after["require"], &after["roles"], &after["deadline"]),
        (&json!(true), &json!(null), &json!(null))
    );
    assert!(after["people_without_2fa"].as_array().expect("people").iter().all(|p| p["required"] == true));
    for person in [&admin, &volunteer] {
        person.get("/api/people/me").await.expect_problem(403, "2fa_setup_required");
    }
    let rows = app.audit_rows("organization.require_2fa_changed").await;
    assert_eq!((rows.len(), &*rows[0].resource_id), (1, &*admin.org_id));
    assert_eq!(rows[0].changes, Some(json!({"require": {"old": false, "new": true}})));

    let authenticator = enrolled(&admin).await;
    let admin = signed_in(&app, &admin.email, &authenticator).await;
    let left = admin.get(&path(&admin)).await.expect(200).json;
    assert_eq!(left["total_without_2fa"], 1);
    assert_eq!(left["people_without_2fa"][0]["id"], json!(volunteer.id));
    require(&admin, &json!({"require": true})).await.expect(200);
    assert_eq!(app.audit_rows("organization.require_2fa_changed").await.len(), 1, "nothing changed");
    require(&admin, &json!({"require": false})).await.expect(200);
    volunteer.get("/api/people/me").await.expect(200);
}

/// Only people with one of the roles are asked; a role that is given later asks, too.
#[tokio::test]
async fn it_can_be_for_roles() {
    let app = TestApp::start().await;
    let admin = app.admin().await;
    let authenticator = enrolled(&admin).await;
    let admin = signed_in(&app, &admin.email, &authenticator).await;
    let (usher, volunteer) = (app.invited(&admin, &["usher"]).await, app.volunteer(&admin).await);
    let set = require(&admin, &json!({"require": true, "roles": ["usher", "admin"]})).await.expect(200).json;
    assert_eq!(set["roles"], json!(["admin", "usher"]));
    let asked: Vec<&Value> = set["people_without_2fa"]
        .as_array()
        .expect("people")
        .iter()
        .filter(|p| p["required"] == true)
        .collect();
    assert_eq!((asked.len(), &asked[0]["id"]), (1, &json!(usher.id)));
    usher.get("/api/people/me").await.expect_problem(403, "2fa_setup_required");
    volunteer.get("/api/people/me").await.expect(200);
    let promoted = json!({"roles": ["usher", "volunteer"]});
    admin.put(&format!("/api/people/{}/roles", volunteer.id), &promoted).await.expect(200);
    let answer = app.login_from(&fresh_ip(), &volunteer.email, PASSWORD).await.expect(200);
    assert_eq!(answer.json["2fa_setup_required"], true);
}

/// Until the deadline everything works, and signing in tells the days left; from its very second on nothing does.
#[tokio::test]
async fn a_deadline_is_told_and_kept_to_the_second() {
    let app = TestApp::with(&[("SESSION_IDLE_MINUTES", "0"), ("SESSION_TTL_HOURS", "240")]).await;
    let admin = app.admin().await;
    let volunteer = app.volunteer(&admin).await;
    let seconds = app.now().unix_seconds() + (2 * DAY).cast_signed() + 1;
    let deadline = Timestamp::from_unix_seconds(seconds).to_string();
    let set = require(&admin, &json!({"require": true, "deadline": deadline})).await.expect(200).json;
    assert_eq!(set["deadline"], json!(deadline));
    let mine = volunteer.get("/api/auth/2fa").await.expect(200).json;
    assert_eq!((&mine["required_by_org"], &mine["deadline"]), (&json!(true), &json!(deadline)));
    let told = app.login_from(&fresh_ip(), &volunteer.email, PASSWORD).await.expect(200).json;
    assert_eq!((&told["2fa_deadline"], &told["2fa_days_left"]), (&json!(deadline), &json!(3)));
    app.advance(DAY + 60);
    let told = app.login_from(&fresh_ip(), &volunteer.email, PASSWORD).await.expect(200).json;
    assert_eq!(told["2fa_days_left"], 1);
    let until = Timestamp::from_unix_seconds(seconds);
    app.clock.set(until - std::time::Duration::from_micros(1));
    volunteer.get("/api/people/me").await.expect(200);
    app.clock.set(until);
    volunteer.get("/api/people/me").await.expect_problem(403, "2fa_setup_required");
    let answer = app.login_from(&fresh_ip(), &volunteer.email, PASSWORD).await.expect(200);
    assert_eq!(answer.json["2fa_setup_required"], true);
}

/// Admins of the organization only, freshly signed in; nonsense is refused.
#[tokio::test]
async fn only_its_own_fresh_admins_set_it() {
    let app = TestApp::start().await;
    let admin = app.admin().await;
    let volunteer = app.volunteer(&admin).await;
    let stranger = app.admin().await;
    let yes = json!({"require": true});
    volunteer.put(&path(&admin), &yes).await.expect_problem(403, "forbidden");
    volunteer.get(&path(&admin)).await.expect_problem(403, "forbidden");
    stranger.put(&path(&admin), &yes).await.expect_problem(404, "not_found");
    stranger.get(&path(&admin)).await.expect_problem(404, "not_found");
    for bad in [
        json!({}),
        json!({"require": "yes"}),
        json!({"require": true, "roles": ["ADMIN"]}),
        json!({"require": false, "roles": ["admin"]}),
        json!({"require": false, "deadline": "2030-01-01T00:00:00Z"}),
        json!({"require": true, "deadline": "soon"}),
        json!({"require": true, "enforce": true}),
    ] {
        require(&admin, &bad).await.expect_problem(422, "invalid_input");
    }
    app.advance(600);
    require(&admin, &yes).await.expect_problem(401, "step_up_required");
    assert!(app.audit_rows("organization.require_2fa_changed").await.is_empty());
    volunteer.get("/api/people/me").await.expect(200);
}

/// The list of people without comes page by page.
#[tokio::test]
async fn people_without_come_page_by_page() {
    let app = TestApp::start().await;
    let admin = app.admin().await;
    let mut expected = vec![admin.id.clone(), app.volunteer(&admin).await.id, app.volunteer(&admin).await.id];
    expected.sort();
    let (mut seen, mut cursor) = (Vec::new(), String::new());
    loop {
        let page = admin.get(&format!("{}?limit=1{cursor}", path(&admin))).await.expect(200).json;
        assert_eq!(page["total_without_2fa"], 3);
        seen.push(page["people_without_2fa"][0]["id"].as_str().expect("an id").to_owned());
        match page["next_cursor"].as_str() {
            Some(next) => cursor = format!("&cursor={next}"),
            None => break,
        }
    }
    assert_eq!(seen, expected);
}

/// F36: a restart remembers it.
#[tokio::test]
async fn a_restart_keeps_it() {
    let app = TestApp::start().await;
    let (email, token) = {
        let admin = app.admin().await;
        require(&admin, &json!({"require": true})).await.expect(200);
        (admin.email.clone(), admin.token.clone())
    };
    let app = app.restart().await;
    let request = app.request(reqwest::Method::GET, "/api/people/me").bearer_auth(&token);
    Answer::of(request.send().await).await.expect_problem(403, "2fa_setup_required");
    let answer = app.login_from(&fresh_ip(), &email, PASSWORD).await.expect(200);
    assert_eq!(answer.json["2fa_setup_required"], true);
}
