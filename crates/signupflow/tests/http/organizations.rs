//! One's own organization: its settings, what they do, and its end (contract, section 9).

use crate::support::{Answer, PASSWORD, Persona, TestApp, fresh_email, fresh_ip};
use backends::sql::Unit;
use serde_json::{Value, json};

async fn unlimited() -> TestApp {
    TestApp::with(&[("RATE_LIMITING_ENABLED", "false")]).await
}

fn own(persona: &Persona<'_>) -> String {
    format!("/api/organizations/{}", persona.org_id)
}

async fn join(app: &TestApp, org_id: &str, email: &str) -> Answer {
    let body = json!({"name": "Joe Joins", "email": email, "password": PASSWORD, "org_id": org_id});
    app.post_from(&fresh_ip(), "/api/auth/signup", &body).await
}

#[tokio::test]
async fn founding_makes_one_admin_and_careful_settings() {
    let app = unlimited().await;
    let admin = app.admin().await;
    let organization = admin.get(&own(&admin)).await.expect(200).json;
    assert_eq!((&organization["id"], &organization["name"]), (&json!(admin.org_id), &json!("Helping Hands")));
    assert_eq!(organization["open_signup"], false);
    for inherited in ["region", "session_ttl_hours", "session_idle_minutes", "session_max_per_user"] {
        assert_eq!(organization[inherited], Value::Null, "{inherited}");
    }
    assert_eq!(admin.get("/api/people").await.expect(200).json["items"].as_array().map(Vec::len), Some(1));
}

#[tokio::test]
async fn admins_change_it_and_volunteers_read_it() {
    let app = unlimited().await;
    let admin = app.admin().await;
    let volunteer = app.volunteer(&admin).await;
    let wishes = json!({"name": "Mano a mano", "region": "Sur", "open_signup": true, "session_ttl_hours": 8,
        "session_idle_minutes": 30, "session_max_per_user": 2});
    let changed = admin.put(&own(&admin), &wishes).await.expect(200).json;
    let read = volunteer.get(&own(&admin)).await.expect(200).json;
    for (field, value) in wishes.as_object().expect("fields") {
        assert_eq!((&changed[field], &read[field]), (value, value));
    }
    let back = json!({"region": null, "session_ttl_hours": null});
    let changed = admin.put(&own(&admin), &back).await.expect(200).json;
    assert_eq!((&changed["region"], &changed["session_ttl_hours"]), (&Value::Null, &Value::Null));
    assert_eq!((&changed["name"], &changed["session_max_per_user"]), (&json!("Mano a mano"), &json!(2)));
    volunteer.put(&own(&admin), &json!({"name": "Mine"})).await.expect_problem(403, "forbidden");
    volunteer.delete(&own(&admin)).await.expect_problem(403, "forbidden");
    for (field, bad) in [
        ("name", json!("")),
        ("name", json!("a\u{0}b")),
        ("region", json!("")),
        ("session_ttl_hours", json!(0)),
        ("session_ttl_hours", json!(8761)),
        ("session_idle_minutes", json!(0)),
        ("session_max_per_user", json!(0)),
        ("session_max_per_user", json!(101)),
        ("open_signup", json!("true")),
        ("open_signup", json!(1)),
        ("session_ttl_hours", json!(1.5)),
    ] {
        let answer = admin.put(&own(&admin), &json!({field: bad})).await.expect_problem(422, "invalid_input");
        assert!(answer.json["errors"][field].is_array(), "{}", answer.text);
    }
    let rows = app.audit_rows("organization.update").await;
    assert_eq!(rows.len(), 2);
    admin.put(&own(&admin), &json!({"name": "Mano a mano"})).await.expect(200);
    assert_eq!(app.audit_rows("organization.update").await.len(), 2, "what changes nothing leaves no row");
}

#[tokio::test]
async fn people_may_join_an_open_organization_as_volunteers() {
    let app = unlimited().await;
    let admin = app.admin().await;
    let email = fresh_email();
    join(&app, &admin.org_id, &email).await.expect_problem(403, "signup_closed");
    admin.put(&own(&admin), &json!({"open_signup": true})).await.expect(200);
    let joined = join(&app, &admin.org_id, &email).await.expect(201);
    assert_eq!(
        (&joined.json["user"]["roles"], &joined.json["user"]["org_id"]),
        (&json!(["volunteer"]), &json!(admin.org_id))
    );
    join(&app, &admin.org_id, &email).await.expect_problem(409, "email_taken");
    join(&app, &admin.org_id, &email.to_uppercase()).await.expect_problem(409, "email_taken");
    admin.put(&own(&admin), &json!({"open_signup": false})).await.expect(200);
    join(&app, &admin.org_id, &fresh_email()).await.expect_problem(403, "signup_closed");
    for nowhere in ["org_system", "org_00000000", "", "\u{0}", "x' OR 1=1--"] {
        let answer = join(&app, nowhere, &fresh_email()).await;
        assert!(matches!(answer.status.as_u16(), 403 | 422), "{nowhere:?}: {}", answer.text);
    }
}

/// Contract, 9: an organization can make sessions shorter, idle sooner and fewer; never longer than the server.
#[tokio::test]
async fn session_limits_can_only_be_tightened() {
    let app = unlimited().await;
    let admin = app.admin().await;
    let limits = |ttl: u32, idle: u32, max: u32| json!({"session_ttl_hours": ttl, "session_idle_minutes": idle, "session_max_per_user": max});
    admin.put(&own(&admin), &limits(2, 10, 2)).await.expect(200);
    let second = admin.on_another_device().await;
    app.advance(599);
    assert!(second.is_signed_in().await, "one second before ten minutes of rest");
    app.advance(600);
    second.get("/api/people/me").await.expect_problem(401, "unauthenticated");

    let fresh = admin.on_another_device().await;
    for _ in 0..13 {
        app.advance(9 * 60);
        assert!(fresh.is_signed_in().await);
    }
    app.advance(3 * 60);
    assert!(!fresh.is_signed_in().await, "two hours are over");

    let (one, two) = (admin.on_another_device().await, admin.on_another_device().await);
    assert!(two.is_signed_in().await);
    let listed = two.get("/api/sessions").await.expect(200).json["total"].clone();
    assert_eq!(listed, 2, "two at most");
    let three = admin.on_another_device().await;
    three.put(&own(&admin), &limits(8760, 525_600, 100)).await.expect(200);
    assert!([one.is_signed_in().await, two.is_signed_in().await].contains(&false));
    let day = admin.on_another_device().await;
    app.advance(480 * 60);
    assert!(!day.is_signed_in().await, "the server's own rest still counts");
    let mut many = Vec::new();
    for _ in 0..6 {
        app.advance(1);
        many.push(admin.on_another_device().await);
    }
    assert!(!many[0].is_signed_in().await, "and so does its number of sessions");
    assert_eq!(many[5].get("/api/sessions").await.expect(200).json["total"], 5);
}

/// Whoever was in it has a row of their own that says what became of them.
#[tokio::test]
async fn closing_an_organization_of_a_thousand_leaves_a_row_for_each() {
    let app = unlimited().await;
    let admin = app.admin().await;
    let mut unit = Unit::housekeeping("many people");
    let many = "INSERT INTO people (id, org_id, name, email, roles, timezone, language, status, created_at, updated_at) \
                WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 1000) \
                SELECT 'person_' || i || $1, $1, 'Person ' || i, 'person-' || i || '@example.net', '[\"volunteer\"]', \
                'UTC', 'en', 'active', $2, $2 FROM n";
    unit.run(many, vec![(&*admin.org_id).into(), app.now().into()]);
    app.assembly.database.commit(unit).await.expect("own database");
    admin.delete(&own(&admin)).await.expect(204);
    let mut rows = app.audit_rows("person.delete").await;
    rows.retain(|row| row.org_id == admin.org_id && row.user_id == admin.id);
    let whom: std::collections::HashSet<_> = rows.iter().map(|row| &row.resource_id).collect();
    assert_eq!((rows.len(), whom.len()), (1001, 1001));
    assert!(
        rows.iter().all(|row| row.changes.as_ref().is_some_and(|c| c["deleted"]["old"]["name"].is_string()))
    );
}

#[tokio::test]
async fn the_last_admin_can_close_the_organization() {
    let app = unlimited().await;
    let admin = app.admin().await;
    let second = app.invited(&admin, &["admin"]).await;
    let volunteer = app.volunteer(&admin).await;
    let invited = fresh_email();
    admin.post("/api/invitations", &json!({"email": invited, "roles": ["usher"]})).await.expect(201);
    let token = app.mailed_token(&invited).await;
    admin.put(&own(&admin), &json!({"open_signup": true})).await.expect(200);
    admin.delete(&own(&admin)).await.expect_problem(409, "other_admins");
    admin.delete(&format!("/api/people/{}", second.id)).await.expect(204);
    admin.delete(&own(&admin)).await.expect(204);
    for gone in [&admin, &volunteer] {
        gone.get("/api/people/me").await.expect_problem(401, "unauthenticated");
        app.login_from(&fresh_ip(), &gone.email, PASSWORD).await.expect_problem(401, "invalid_credentials");
    }
    join(&app, &admin.org_id, &fresh_email()).await.expect_problem(403, "signup_closed");
    let body = json!({"name": "Ivy", "email": invited, "password": PASSWORD, "invitation_token": token});
    app.post_from(&fresh_ip(), "/api/auth/signup", &body).await.expect_problem(400, "token_invalid");
    assert_eq!(app.audit_rows("organization.delete").await.len(), 1);
}
