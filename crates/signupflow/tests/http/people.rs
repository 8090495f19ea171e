//! People of an organization: who sees what, who changes what, and that an admin is always left (contract,
//! section 9).

use crate::support::{Persona, TestApp, fresh_ip};
use serde_json::{Value, json};

const PRIVATE: [&str; 7] =
    ["email", "timezone", "language", "status", "2fa_enabled", "created_at", "updated_at"];

async fn unlimited() -> TestApp {
    TestApp::with(&[("RATE_LIMITING_ENABLED", "false")]).await
}

fn path(persona: &Persona<'_>, more: &str) -> String {
    format!("/api/people/{}{more}", persona.id)
}

fn names(person: &Value) -> Vec<&str> {
    let mut names: Vec<_> = person.as_object().expect("a person").keys().map(String::as_str).collect();
    names.sort_unstable();
    names
}

fn of<'v>(list: &'v Value, persona: &Persona<'_>) -> &'v Value {
    list["items"].as_array().expect("items").iter().find(|item| item["id"] == persona.id).expect("listed")
}

/// ASVS 8.2.3: field by field.
#[tokio::test]
async fn volunteers_see_names_and_roles_of_others_only() {
    let app = unlimited().await;
    let admin = app.admin().await;
    let (volunteer, other) = (app.volunteer(&admin).await, app.volunteer(&admin).await);
    let list = volunteer.get("/api/people").await.expect(200).json;
    for seen in
        [of(&list, &other), of(&list, &admin), &volunteer.get(&path(&admin, "")).await.expect(200).json]
    {
        assert_eq!(names(seen), ["id", "name", "org_id", "roles"]);
    }
    let whole = [
        of(&list, &volunteer).clone(),
        volunteer.get(&path(&volunteer, "")).await.expect(200).json,
        volunteer.get("/api/people/me").await.expect(200).json,
        of(&admin.get("/api/people").await.expect(200).json, &other).clone(),
        admin.get(&path(&other, "")).await.expect(200).json,
    ];
    for seen in &whole {
        assert!(PRIVATE.iter().all(|field| !seen[*field].is_null()), "{seen}");
        assert_eq!(names(seen).len(), 4 + PRIVATE.len(), "{seen}");
    }
    let text = volunteer.get("/api/people").await.expect(200).text;
    assert!(!text.contains(&other.email) && !text.contains(&admin.email));
    let events = volunteer.get("/api/events").await.expect(200).text;
    assert!(!events.contains(&admin.email));
}

#[tokio::test]
async fn the_caller_is_told_about_themselves() {
    let app = TestApp::start().await;
    let admin = app.admin().await;
    let me = admin.get("/api/people/me").await.expect(200);
    assert_eq!(me.header("cache-control"), "no-store");
    let expected = json!({"id": admin.id, "org_id": admin.org_id, "email": admin.email, "name": "Ada Admin", "roles": ["admin"]});
    for (field, value) in expected.as_object().expect("fields") {
        assert_eq!(&me.json[field], value, "{field}");
    }
    assert_eq!((&me.json["2fa_enabled"], &me.json["status"]), (&json!(false), &json!("active")));
    assert!(!me.text.contains("hash") && !me.text.contains("argon2"));
}

#[tokio::test]
async fn people_change_themselves_and_admins_change_anybody() {
    let app = unlimited().await;
    let admin = app.admin().await;
    let (volunteer, other) = (app.volunteer(&admin).await, app.volunteer(&admin).await);
    let wishes = json!({"name": "Zoë O'Brien <b>", "timezone": "Europe/Madrid", "language": "es"});
    let changed = volunteer.put(&path(&volunteer, ""), &wishes).await.expect(200).json;
    for (field, value) in wishes.as_object().expect("fields") {
        assert_eq!(&changed[field], value);
    }
    volunteer.put(&path(&other, ""), &json!({"name": "Mallory"})).await.expect_problem(403, "forbidden");
    volunteer.put(&path(&admin, ""), &json!({"name": "Mallory"})).await.expect_problem(403, "forbidden");
    let renamed = admin.put(&path(&other, ""), &json!({"name": "Otto"})).await.expect(200).json;
    assert_eq!((&renamed["name"], &renamed["language"]), (&json!("Otto"), &json!("en")), "the rest stays");
    for (field, bad) in [
        ("name", ""),
        ("name", "  "),
        ("name", "a\nb"),
        ("name", &"x".repeat(121)),
        ("timezone", ""),
        ("timezone", "Mars <x>"),
        ("timezone", "Mars/Olympus"),
        ("language", "xx"),
        ("language", ""),
    ] {
        let answer = volunteer
            .put(&path(&volunteer, ""), &json!({field: bad}))
            .await
            .expect_problem(422, "invalid_input");
        assert!(answer.json["errors"][field].is_array(), "{}", answer.text);
    }
    let rows = app.audit_rows("person.update").await;
    assert_eq!(rows.len(), 2, "refused and empty changes leave no row");
    volunteer.put(&path(&volunteer, ""), &json!({})).await.expect(200);
    assert_eq!(app.audit_rows("person.update").await.len(), 2);
}

#[tokio::test]
async fn lists_go_page_by_page() {
    let app = unlimited().await;
    let admin = app.admin().await;
    for _ in 0..4 {
        app.volunteer(&admin).await;
    }
    let (mut seen, mut cursor) = (Vec::new(), String::new());
    loop {
        let page = admin.get(&format!("/api/people?limit=2{cursor}")).await.expect(200).json;
        let items = page["items"].as_array().expect("items").clone();
        assert!(items.len() <= 2);
        seen.extend(items.iter().map(|item| item["id"].as_str().expect("an id").to_owned()));
        let Some(next) = page["next_cursor"].as_str() else { break };
        cursor = format!("&cursor={next}");
    }
    assert_eq!(seen.len(), 5);
    seen.sort_unstable();
    seen.dedup();
    assert_eq!(seen.len(), 5, "nobody twice");
    for bad in [
        "limit=0",
        "limit=1001",
        "limit=-1",
        "limit=x",
        "limit=9223372036854775808",
        "cursor=!!",
        "cursor=AAAA%00",
    ] {
        admin.get(&format!("/api/people?{bad}")).await.expect_problem(422, "invalid_input");
    }
}

#[tokio::test]
async fn roles_are_replaced_and_free_names_grant_nothing() {
    let app = unlimited().await;
    let admin = app.admin().await;
    let volunteer = app.volunteer(&admin).await;
    let roles = path(&volunteer, "/roles");
    let changed = admin.put(&roles, &json!({"roles": ["usher", "greeter", "usher"]})).await.expect(200).json;
    assert_eq!(changed["roles"], json!(["greeter", "usher"]));
    for bad in [
        json!([]),
        json!([""]),
        json!(["Admin"]),
        json!(["admin ", " "]),
        json!(["ａｄｍｉｎ"]),
        json!(["VOLUNTEER"]),
        json!(["a\nb"]),
        json!([&"x".repeat(41)]),
    ] {
        let answer = admin.put(&roles, &json!({"roles": bad})).await.expect_problem(422, "invalid_input");
        assert!(answer.json["errors"]["roles"].is_array());
    }
    for almost in
        ["administrator", "admin2", "superadmin", "root", "owner", "x\"admin", "Küchen-Admin", "Head usher"]
    {
        admin.put(&roles, &json!({"roles": [almost]})).await.expect(200);
        let usher = volunteer.on_another_device().await;
        usher.post("/api/teams", &json!({"name": "x"})).await.expect_problem(403, "forbidden");
        usher.get("/api/audit/logs").await.expect_problem(403, "forbidden");
        usher
            .put(&path(&usher, "/roles"), &json!({"roles": ["admin"]}))
            .await
            .expect_problem(403, "forbidden");
    }
    admin.put(&roles, &json!({"roles": ["admin", "usher"]})).await.expect(200);
    volunteer.on_another_device().await.post("/api/teams", &json!({"name": "x"})).await.expect(201);
}

#[tokio::test]
async fn a_locked_person_stays_out_until_an_admin_opens_the_account() {
    let app = unlimited().await;
    let admin = app.admin().await;
    let volunteer = app.volunteer(&admin).await;
    let locked = admin.poke(&path(&volunteer, "/lock")).await.expect(200).json;
    assert_eq!(locked["status"], "locked");
    app.login_from(&fresh_ip(), &volunteer.email, &volunteer.password)
        .await
        .expect_problem(401, "invalid_credentials");
    admin.poke(&path(&volunteer, "/lock")).await.expect(200);
    assert_eq!(admin.poke(&path(&volunteer, "/unlock")).await.expect(200).json["status"], "active");
    volunteer.on_another_device().await;
    assert_eq!(
        (app.audit_rows("person.locked").await.len(), app.audit_rows("person.unlocked").await.len()),
        (1, 1)
    );
}

#[tokio::test]
async fn a_deleted_person_is_gone_and_anonymous() {
    let app = unlimited().await;
    let admin = app.admin().await;
    let volunteer = app.volunteer(&admin).await;
    let team = admin.post("/api/teams", &json!({"name": "Crew"})).await.expect(201).field("id");
    admin.post(&format!("/api/teams/{team}/members"), &json!({"person_id": volunteer.id})).await.expect(200);
    admin.delete(&path(&volunteer, "")).await.expect(204);
    admin.get(&path(&volunteer, "")).await.expect_problem(404, "not_found");
    admin.delete(&path(&volunteer, "")).await.expect_problem(404, "not_found");
    admin.poke(&path(&volunteer, "/unlock")).await.expect_problem(404, "not_found");
    let people = admin.get("/api/people").await.expect(200);
    assert!(!people.text.contains(&volunteer.id) && !people.text.contains(&volunteer.email));
    assert_eq!(admin.get(&format!("/api/teams/{team}")).await.expect(200).json["members"], json!([]));
    app.login_from(&fresh_ip(), &volunteer.email, &volunteer.password)
        .await
        .expect_problem(401, "invalid_credentials");
    let rows = app.audit_rows("person.delete").await;
    assert_eq!((rows.len(), rows[0].resource_id.as_str()), (1, volunteer.id.as_str()));
}

#[tokio::test]
async fn admins_see_who_is_locked_for_failed_attempts() {
    let app = TestApp::start().await;
    let admin = app.admin().await;
    let volunteer = app.volunteer(&admin).await;
    let stranger = fresh_ip();
    assert_eq!(admin.get("/api/lockouts").await.expect(200).json["items"], json!([]));
    for _ in 0..5 {
        app.login_from(&stranger, &volunteer.email, "wrong").await.expect(401);
    }
    let items = admin.get("/api/lockouts").await.expect(200).json["items"].clone();
    assert_eq!((items.as_array().map(Vec::len), &items[0]["person_id"]), (Some(1), &json!(volunteer.id)));
    assert_eq!(
        app.admin().await.get("/api/lockouts").await.expect(200).json["items"],
        json!([]),
        "own people only"
    );
    let second = app.volunteer(&admin).await;
    for _ in 0..5 {
        app.login_from(&fresh_ip(), &second.email, "wrong").await.expect(401);
    }
    let first_page = admin.get("/api/lockouts?limit=1").await.expect(200).json;
    assert_eq!(first_page["items"].as_array().map(Vec::len), Some(1));
    let cursor = first_page["next_cursor"].as_str().expect("another page");
    let last_page = admin.get(&format!("/api/lockouts?limit=1&cursor={cursor}")).await.expect(200).json;
    assert_eq!(last_page["next_cursor"], json!(null));
    let mut seen = [&first_page, &last_page].map(|page| page["items"][0]["person_id"].clone());
    let mut all = [json!(volunteer.id), json!(second.id)];
    seen.sort_by_key(ToString::to_string);
    all.sort_by_key(ToString::to_string);
    assert_eq!(seen, all);
    admin.get("/api/lockouts?limit=0").await.expect_problem(422, "invalid_input");
    admin.get("/api/lockouts?page=2").await.expect_problem(422, "invalid_input");
    admin.poke(&path(&second, "/unlock")).await.expect(200);
    admin.poke(&path(&volunteer, "/unlock")).await.expect(200);
    assert_eq!(admin.get("/api/lockouts").await.expect(200).json["items"], json!([]));
    app.login_from(&stranger, &volunteer.email, &volunteer.password).await.expect(200);
}
