//! Whatever is sent to any route of the OpenAPI document, the answer is a problem document with a registered
//! code that names what is wrong, and nothing has changed.

use crate::support::api_walk::{
    World, names_field, operations, refused, resolved, state_of, takes, wide_app,
};
use crate::support::{PASSWORD, TestApp, fresh_email, fresh_ip};
use serde_json::{Map, Value, json};

const JSON: &str = "application/json";

fn bytes(body: &Map<String, Value>) -> Vec<u8> {
    serde_json::to_vec(body).expect("JSON")
}

fn with(good: &Map<String, Value>, field: &str, value: Value) -> Vec<u8> {
    let mut body = good.clone();
    body.insert(field.to_owned(), value);
    bytes(&body)
}

/// Everything of the wrong type for this schema.
fn wrong_values(schema: &Value) -> Vec<Value> {
    let candidates = [
        ("boolean", json!(true)),
        ("array", json!([])),
        ("array", json!([[]])),
        ("array", json!([{"$ne": 1}])),
        ("object", json!({})),
        ("object", json!({"$ne": 1})),
        ("null", Value::Null),
        ("number", json!(-1)),
        ("number", json!(1.5)),
        ("number", json!(99_999_999_999_999_999_u64)),
        ("string", json!("true")),
        ("string", json!("")),
    ];
    // An empty list fits; a list of the wrong things does not.
    let fits = |kind: &str, value: &Value| takes(schema, kind) && !(kind == "array" && *value != json!([]));
    let timed = schema["format"] == "date-time";
    candidates
        .into_iter()
        .filter(|(kind, value)| (timed && *kind == "string") || !fits(kind, value))
        .map(|(_, value)| value)
        .collect()
}

/// A43, A44: wrong types, operators of query languages, missing and unknown fields.
#[tokio::test]
async fn every_field_of_the_wrong_type_is_named_and_nothing_changes() {
    let app = wide_app().await;
    let world = World::of(&app).await;
    let (operations, document) = operations(&app).await;
    let before = state_of(&world).await;
    let mut tried = 0;
    for operation in &operations {
        let Some(schema) = &operation.body else { continue };
        let good = world.good_body(schema);
        for (field, property) in schema["properties"].as_object().expect("fields") {
            for wrong in wrong_values(&resolved(&document, property)) {
                let what = format!("{} {} {field}={wrong}", operation.method, operation.path);
                let answer = world.send(operation, JSON, with(&good, field, wrong)).await;
                names_field(&what, field, &answer);
                tried += 1;
            }
        }
        for field in schema["required"].as_array().into_iter().flatten().filter_map(Value::as_str) {
            let mut body = good.clone();
            body.remove(field);
            let what = format!("{} {} without {field}", operation.method, operation.path);
            names_field(&what, field, &world.send(operation, JSON, bytes(&body)).await);
        }
        for unknown in ["is_admin", "$where", "__proto__", "ROLES", "na\u{0}me"] {
            let what = format!("{} {} with {unknown}", operation.method, operation.path);
            let answer = world.send(operation, JSON, with(&good, unknown, json!(true))).await;
            assert_eq!(refused(&what, &answer), "invalid_input");
            assert_eq!(answer.json["errors"].as_object().map(Map::len), Some(1), "{what}: {}", answer.text);
        }
    }
    assert!(tried > 200, "only {tried}");
    assert_eq!(state_of(&world).await, before);
}

/// A35, A44, A45: what is not one small JSON text of the right type.
#[tokio::test]
async fn every_body_that_is_not_one_small_json_text_is_refused() {
    let app = wide_app().await;
    let world = World::of(&app).await;
    let (operations, _) = operations(&app).await;
    let before = state_of(&world).await;
    for operation in operations.iter().filter(|operation| operation.body.is_some()) {
        let good = world.good_body(operation.body.as_ref().expect("filtered"));
        let text = String::from_utf8(bytes(&good)).expect("UTF-8");
        let first = good.keys().next().expect("a field").clone();
        let twice = text.replacen('{', &format!("{{\"{first}\":{},", good[&first]), 1);
        let escaped =
            text.replacen('{', &format!("{{\"\\u{:04x}{}\":1,", first.as_bytes()[0], &first[1..]), 1);
        let padded = format!("{text}{}", " ".repeat(1024 * 1024));
        let deep = format!("{{\"{first}\":{}1{}}}", "[".repeat(10_000), "]".repeat(10_000));
        let bodies: [(&str, u16, &str, Vec<u8>); 13] = [
            ("duplicate", 400, "duplicate_field", twice.into_bytes()),
            ("escaped duplicate", 400, "duplicate_field", escaped.into_bytes()),
            ("words", 400, "invalid_json", b"name=Ada&x=1".to_vec()),
            ("truncated", 400, "invalid_json", text.as_bytes()[..text.len() - 1].to_vec()),
            ("two texts", 400, "invalid_json", format!("{text}{text}").into_bytes()),
            ("deep", 400, "invalid_json", deep.into_bytes()),
            ("not UTF-8", 400, "invalid_json", b"{\"name\":\"\xff\"}".to_vec()),
            ("byte order mark", 400, "invalid_json", format!("\u{feff}{text}").into_bytes()),
            ("half a pair", 400, "invalid_json", br#"{"name":"\ud800"}"#.to_vec()),
            ("NaN", 400, "invalid_json", br#"{"name":NaN}"#.to_vec()),
            ("a list", 422, "invalid_input", b"[]".to_vec()),
            ("a string", 422, "invalid_input", b"\"x\"".to_vec()),
            ("one megabyte", 413, "payload_too_large", padded.into_bytes()),
        ];
        for (what, status, code, body) in bodies {
            let what = format!("{} {} {what}", operation.method, operation.path);
            let answer = world.send(operation, JSON, body).await;
            assert_eq!((refused(&what, &answer).as_str(), answer.status.as_u16()), (code, status), "{what}");
        }
        for kind in [
            "text/plain",
            "application/x-www-form-urlencoded",
            "application/xml",
            "application/json; charset=utf-7",
        ] {
            let what = format!("{} {} as {kind}", operation.method, operation.path);
            let answer = world.send(operation, kind, bytes(&good)).await;
            assert_eq!(refused(&what, &answer), "unsupported_media_type", "{what}");
        }
        let answer = world.send(operation, JSON, Vec::new()).await;
        let schema = operation.body.as_ref().expect("filtered");
        if schema["required"].as_array().is_some_and(|required| !required.is_empty()) {
            assert_eq!(refused("an empty body", &answer), "invalid_input");
        }
    }
    assert_eq!(state_of(&world).await, before);
}

/// A43, A44: who sends a body believes that it means something, such as `{"erase": true}`.
#[tokio::test]
async fn a_body_where_none_is_taken_is_refused() {
    let app = wide_app().await;
    let world = World::of(&app).await;
    let (operations, _) = operations(&app).await;
    let before = state_of(&world).await;
    let without: Vec<_> = operations.iter().filter(|operation| operation.takes_no_body()).collect();
    assert!(without.len() >= 13, "only {}", without.len());
    for operation in without {
        let bodies: [(&str, u16, &str, Vec<u8>); 7] = [
            ("words", 400, "invalid_json", b"erase=true".to_vec()),
            ("not UTF-8", 400, "invalid_json", b"{\"\xff\":1}".to_vec()),
            ("duplicate", 400, "duplicate_field", br#"{"a":1,"a":1}"#.to_vec()),
            ("a field", 422, "invalid_input", br#"{"erase":true}"#.to_vec()),
            ("a list", 422, "invalid_input", b"[]".to_vec()),
            ("null", 422, "invalid_input", b"null".to_vec()),
            ("one megabyte", 413, "payload_too_large", vec![b' '; 1024 * 1024]),
        ];
        for (what, status, code, body) in bodies {
            let what = format!("{} {} {what}", operation.method, operation.path);
            let answer = world.send(operation, JSON, body).await;
            assert_eq!((refused(&what, &answer).as_str(), answer.status.as_u16()), (code, status), "{what}");
        }
        let what = format!("{} {} as a form", operation.method, operation.path);
        let answer = world.send(operation, "application/x-www-form-urlencoded", b"erase=true".to_vec()).await;
        assert_eq!(refused(&what, &answer), "unsupported_media_type", "{what}");
    }
    assert_eq!(state_of(&world).await, before);
}

/// Clients that name a type with every request, or send an empty object, mean no harm.
#[tokio::test]
async fn an_empty_body_passes_where_none_is_taken() {
    let app = wide_app().await;
    let world = World::of(&app).await;
    let (operations, _) = operations(&app).await;
    for (path, kind, body) in [
        ("/api/people/{id}/lock", JSON, b"{}".to_vec()),
        ("/api/people/{id}/unlock", "application/x-www-form-urlencoded", Vec::new()),
        ("/api/people/{id}/lock", JSON, Vec::new()),
    ] {
        let operation = operations.iter().find(|operation| operation.path == path).expect("the route");
        world.send(operation, kind, body).await.expect(200);
    }
}

/// NUL and other control characters are refused in every text.
#[tokio::test]
async fn control_characters_are_refused_in_every_text() {
    let app = wide_app().await;
    let world = World::of(&app).await;
    let (operations, document) = operations(&app).await;
    let before = state_of(&world).await;
    // Nothing is stored of these; a value nobody has is refused as any other wrong one.
    let looked_up = ["token", "temp_token", "old_password", "person_id", "code"];
    for operation in &operations {
        let Some(schema) = &operation.body else { continue };
        let good = world.good_body(schema);
        let sign_in = operation.path == "/api/auth/login" || operation.path == "/api/auth/reauthenticate";
        let checks_password = sign_in || operation.path.starts_with("/api/auth/2fa/");
        for (field, property) in schema["properties"].as_object().expect("fields") {
            let property = resolved(&document, property);
            if !takes(&property, "string")
                || property["format"] == "date-time"
                || sign_in
                || (checks_password && field == "password")
            {
                continue;
            }
            for bad in ["words\u{0}words", "\u{0}", "words\u{1b}[2Jwords", "words\u{85}words"] {
                let what = format!("{} {} {field}={bad:?}", operation.method, operation.path);
                let answer = world.send(operation, JSON, with(&good, field, json!(bad))).await;
                // A new password is looked at with a link that works.
                let by_link = operation.path == "/api/auth/password-reset-confirm";
                if by_link || looked_up.contains(&field.as_str()) {
                    refused(&what, &answer);
                } else if !["org_id", "invitation_token"].contains(&field.as_str()) {
                    names_field(&what, field, &answer);
                }
            }
        }
    }
    for field in ["email", "password"] {
        let good = json!({"email": world.admin.email, "password": crate::support::PASSWORD});
        let body = with(good.as_object().expect("an object"), field, json!("words\u{0}words"));
        let login =
            operations.iter().find(|operation| operation.path == "/api/auth/login").expect("the route");
        refused(&format!("login {field}"), &world.send(login, JSON, body).await);
    }
    let mut after = state_of(&world).await;
    after[0].clone_from(&before[0]);
    assert_eq!(after, before, "refused sign-ins are on record, and nothing else is new");
}

/// One answer names all that is missing.
#[tokio::test]
async fn every_missing_field_is_named_at_once() {
    let app = TestApp::start().await;
    let answer = app.post_from(&fresh_ip(), "/api/auth/login", &json!({})).await;
    let answer = answer.expect_problem(422, "invalid_input");
    let required = json!({"email": ["is required"], "password": ["is required"]});
    assert_eq!(answer.json["errors"], required);
    let signup = json!({"name": 7, "email": "ada@example.com", "roles": ["admin"]});
    let answer = app.post_from(&fresh_ip(), "/api/auth/signup", &signup).await;
    let answer = answer.expect_problem(422, "invalid_input");
    let named: Vec<_> = answer.json["errors"].as_object().expect("errors").keys().collect();
    assert_eq!(named, ["name", "password", "roles"]);
}

/// Ids in bodies are judged as ids in paths are.
#[tokio::test]
async fn an_id_that_can_be_none_is_refused_by_its_field() {
    let app = TestApp::start().await;
    let admin = app.admin().await;
    let team = admin.post("/api/teams", &json!({"name": "Ushers"})).await.expect(201).json["id"].clone();
    let members = format!("/api/teams/{}/members", team.as_str().expect("an id"));
    for bad in ["", "org_\u{1}", "org\n", "org 1", "é", &"x".repeat(101)] {
        let signup = json!({"name": "Bo", "email": fresh_email(), "password": PASSWORD, "org_id": bad});
        let answer = app.post_from(&fresh_ip(), "/api/auth/signup", &signup).await;
        let answer = answer.expect_problem(422, "invalid_input");
        assert!(answer.json["errors"]["org_id"].is_array(), "{bad:?}: {}", answer.text);
        let answer = admin.post(&members, &json!({"person_id": bad})).await;
        let answer = answer.expect_problem(422, "invalid_input");
        assert!(answer.json["errors"]["person_id"].is_array(), "{bad:?}: {}", answer.text);
    }
    admin.post(&members, &json!({"person_id": "person_none"})).await.expect_problem(404, "not_found");
}
