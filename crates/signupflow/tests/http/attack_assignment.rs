//! Mass assignment: fields a client may not set are refused by name on every route that takes a body, and
//! nothing has changed (A25; ASVS 15.3.3).

use crate::support::api_walk::{Operation, World, operations, resolved};
use crate::support::{Answer, PASSWORD, TestApp, fresh_email, fresh_ip};
use serde_json::{Map, Value, json};

/// What attackers add, with values that would pay.
fn coveted(world: &World<'_>) -> Vec<(&'static str, Value)> {
    vec![
        ("role", json!("admin")),
        ("roles", json!(["admin"])),
        ("org_id", json!(world.admin.org_id)),
        ("is_admin", json!(true)),
        ("admin", json!(true)),
        ("email_verified", json!(true)),
        ("totp_enabled", json!(true)),
        ("2fa_enabled", json!(false)),
        ("id", json!(world.admin.id)),
        ("person_id", json!(world.admin.id)),
        ("user_id", json!(world.admin.id)),
        ("password_hash", json!("$argon2id$v=19$m=8,t=1,p=1$c2FsdHNhbHQ$aGFzaA")),
        ("password", json!(PASSWORD)),
        ("email", json!("taken-over@example.com")),
        ("email_canonical", json!("taken-over@example.com")),
        ("status", json!("active")),
        ("credential_epoch", json!(99)),
        ("created_at", json!("2001-01-01T00:00:00Z")),
        ("updated_at", json!("2001-01-01T00:00:00Z")),
        ("created_by", json!(world.member.id)),
        ("invited_by", json!(world.member.id)),
        ("expires_at", json!("2999-01-01T00:00:00Z")),
        ("members", json!([world.admin.id])),
        ("config", json!({})),
        ("settings", json!({"open_signup": true})),
        ("session_id", json!(world.admin.session_id)),
        ("csrf_token", json!(world.admin.csrf)),
        ("constructor", json!({"prototype": {"isAdmin": true}})),
        ("__proto__", json!({"isAdmin": true})),
        ("Name", json!("Mallory")),
        ("name ", json!("Mallory")),
        ("", json!("Mallory")),
    ]
}

async fn state_of(app: &TestApp, world: &World<'_>) -> Vec<String> {
    let mut state = vec![app.whole_audit_log().await.len().to_string(), app.hashes().to_string()];
    for path in ["/api/people", "/api/events", "/api/teams", "/api/invitations"] {
        state.push(world.admin.get(path).await.expect(200).text);
    }
    state.push(world.admin.get(&world.fill("/api/organizations/{id}")).await.expect(200).text);
    state
}

fn bytes(body: &Map<String, Value>) -> Vec<u8> {
    serde_json::to_vec(body).expect("JSON")
}

#[track_caller]
fn names_only(what: &str, field: &str, answer: &Answer) {
    assert_eq!(
        (answer.status.as_u16(), answer.json["code"].as_str()),
        (422, Some("invalid_input")),
        "{what}: {}",
        answer.text
    );
    let errors = answer.json["errors"].as_object().expect("errors");
    assert_eq!(errors.keys().collect::<Vec<_>>(), [field], "{what}");
    assert!(
        errors[field][0].as_str().is_some_and(|sentence| sentence.contains("allowed:")),
        "{what}: {}",
        answer.text
    );
}

/// A25: one coveted field more in an otherwise good body.
#[tokio::test]
async fn no_route_takes_a_field_it_does_not_name() {
    let app = TestApp::with(&[("RATE_LIMITING_ENABLED", "false")]).await;
    let world = World::of(&app).await;
    let (operations, _) = operations(&app).await;
    let before = state_of(&app, &world).await;
    let mut tried = 0;
    for operation in &operations {
        let Some(schema) = &operation.body else { continue };
        let legitimate = schema["properties"].as_object().expect("fields");
        for (field, value) in coveted(&world) {
            if legitimate.contains_key(field) {
                continue;
            }
            let mut body = world.good_body(schema);
            body.insert(field.to_owned(), value);
            let what = format!("{} {} with {field:?}", operation.method, operation.path);
            names_only(&what, field, &world.send(operation, "application/json", bytes(&body)).await);
            tried += 1;
        }
    }
    assert!(tried > 300, "only {tried}");
    assert_eq!(state_of(&app, &world).await, before);
    assert!(world.admin.is_signed_in().await && world.member.is_signed_in().await);
}

/// A25: the same inside objects of lists.
#[tokio::test]
async fn no_inner_object_takes_a_field_it_does_not_name() {
    let app = TestApp::with(&[("RATE_LIMITING_ENABLED", "false")]).await;
    let world = World::of(&app).await;
    let (operations, document) = operations(&app).await;
    let before = state_of(&app, &world).await;
    let mut tried = 0;
    for operation in &operations {
        for (field, inner) in inner_objects(operation, &document) {
            let schema = operation.body.as_ref().expect("it has fields");
            for (name, value) in [("id", json!("x")), ("is_admin", json!(true)), ("__proto__", json!({}))] {
                let mut body = world.good_body(schema);
                body.insert(field.clone(), inner_with(&inner, name, value));
                let what = format!("{} {} with {field}.0.{name}", operation.method, operation.path);
                let answer = world.send(operation, "application/json", bytes(&body)).await;
                names_only(&what, &format!("{field}.0.{name}"), &answer);
                tried += 1;
            }
        }
    }
    assert!(tried >= 6, "only {tried}");
    assert_eq!(state_of(&app, &world).await, before);
}

/// Fields that are lists of objects, with the schema of the object.
fn inner_objects(operation: &Operation, document: &Value) -> Vec<(String, Value)> {
    let fields = operation.body.as_ref().and_then(|schema| schema["properties"].as_object());
    fields
        .into_iter()
        .flatten()
        .map(|(name, field)| (name.clone(), resolved(document, &field["items"])))
        .filter(|(_, items)| items["properties"].is_object())
        .collect()
}

fn inner_with(schema: &Value, name: &str, value: Value) -> Value {
    let mut object = Map::new();
    for (field, kind) in schema["properties"].as_object().expect("fields") {
        object.insert(field.clone(), if kind["type"] == "integer" { json!(1) } else { json!("usher") });
    }
    object.insert(name.to_owned(), value);
    json!([object])
}

/// A25: the escalations that have a field of that name: joining with roles, into an organization, as an admin.
#[tokio::test]
async fn signing_up_grants_nothing_but_what_was_offered() {
    let app = TestApp::with(&[("RATE_LIMITING_ENABLED", "false")]).await;
    let admin = app.admin().await;
    let org = format!("/api/organizations/{}", admin.org_id);
    admin.put(&org, &json!({"open_signup": true})).await.expect(200);
    let email = fresh_email();
    admin.post("/api/invitations", &json!({"email": email, "roles": ["usher"]})).await.expect(201);
    let token = app.mailed_token(&email).await;
    let base = json!({"name": "Eve", "email": email, "password": PASSWORD});
    let places =
        [json!({"org_name": "Own"}), json!({"org_id": admin.org_id}), json!({"invitation_token": token})];
    let joined = |parts: &[&Value]| {
        let mut body = base.as_object().expect("fields").clone();
        for part in parts {
            body.extend(part.as_object().expect("fields").clone());
        }
        Value::Object(body)
    };
    for first in &places {
        for second in &places {
            if first != second {
                let body = joined(&[first, second]);
                app.post_from(&fresh_ip(), "/api/auth/signup", &body)
                    .await
                    .expect_problem(422, "invalid_input");
            }
        }
        let body = joined(&[first, &json!({"roles": ["admin"]})]);
        let answer = app.post_from(&fresh_ip(), "/api/auth/signup", &body).await;
        names_only("signup", "roles", &answer);
    }
    app.post_from(&fresh_ip(), "/api/auth/signup", &joined(&[])).await.expect_problem(422, "invalid_input");
    app.login_from(&fresh_ip(), &email, PASSWORD).await.expect_problem(401, "invalid_credentials");
    let answer = app.post_from(&fresh_ip(), "/api/auth/signup", &joined(&[&places[2]])).await.expect(201);
    assert_eq!(answer.json["user"]["roles"], json!(["usher"]));
    assert_eq!(answer.json["user"]["org_id"], admin.org_id);
}

/// A25: unknown query parameters are refused too, so that `?role=admin` is never silently dropped by a list.
#[tokio::test]
async fn lists_take_no_parameter_they_do_not_name() {
    let app = TestApp::with(&[("RATE_LIMITING_ENABLED", "false")]).await;
    let world = World::of(&app).await;
    for operation in operations(&app).await.0.iter().filter(|operation| !operation.query.is_empty()) {
        for name in ["role", "is_admin", "fields", "include", "order_by", "sort", "callback"] {
            let separator = match operation.path.as_str() {
                "/api/audit/export" => "?format=csv&",
                "/api/auth/password-reset-validate" => "?token=x&",
                _ => "?",
            };
            let path = format!("{}{separator}{name}=1", world.fill(&operation.path));
            let answer = world.ask(&operation.method, &path).await;
            names_only(&path, name, &answer);
        }
    }
}
