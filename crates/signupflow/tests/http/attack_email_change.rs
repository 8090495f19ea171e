//! Taking an account over by giving it another e-mail address (A53): there is no route that changes one.

use std::collections::BTreeSet;

use crate::support::api_walk::{Operation, World, operations, resolved};
use crate::support::{PASSWORD, TestApp, fresh_ip};
use serde_json::{Map, Value, json};

/// The routes whose bodies name an address, each with what it is for. A new one belongs here only if it leaves the
/// address of every account as it is; changing one takes a step-up, a confirmation and a notice to the old address.
const NAME_AN_ADDRESS: [&str; 4] = [
    // Whose password is checked.
    "POST /api/auth/login",
    // Whose mailbox gets a link.
    "POST /api/auth/password-reset-request",
    // Of an account that is new.
    "POST /api/auth/signup",
    // Of somebody who has none yet.
    "POST /api/invitations",
];

/// Names of fields in a schema, those of objects in it too.
fn fields_of(document: &Value, schema: &Value, found: &mut BTreeSet<String>) {
    let schema = resolved(document, schema);
    for (name, inner) in schema["properties"].as_object().into_iter().flatten() {
        found.insert(name.clone());
        fields_of(document, inner, found);
    }
    for inner in [&schema["items"], &schema["additionalProperties"]] {
        if inner.is_object() {
            fields_of(document, inner, found);
        }
    }
}

fn may_be_an_address(field: &str) -> bool {
    ["mail", "address", "login", "recipient"].iter().any(|word| field.to_lowercase().contains(word))
}

async fn addresses(world: &World<'_>) -> Vec<(Value, Value)> {
    let people = world.admin.get("/api/people").await.expect(200);
    let people = people.json["items"].as_array().expect("people").iter();
    people.map(|person| (person["id"].clone(), person["email"].clone())).collect()
}

/// A53: by the API's own document no body but those of four routes names an address, and none of these, nor any other
/// route that is given one all the same, changes that of an account: not for its owner, an admin, or a stolen session
/// of either.
#[tokio::test]
async fn attack_no_route_changes_an_email_address() {
    let app = TestApp::with(&[("RATE_LIMITING_ENABLED", "false")]).await;
    let world = World::of(&app).await;
    let (operations, document) = operations(&app).await;
    let mut naming = BTreeSet::new();
    for Operation { method, path, body, .. } in &operations {
        let mut fields = BTreeSet::new();
        fields_of(&document, body.as_ref().unwrap_or(&Value::Null), &mut fields);
        if fields.iter().any(|field| may_be_an_address(field)) {
            naming.insert(format!("{method} {path}"));
        }
    }
    assert_eq!(naming.iter().map(String::as_str).collect::<Vec<_>>(), NAME_AN_ADDRESS);

    let before = addresses(&world).await;
    assert_eq!(before.len(), 2);
    let mut tried = 0;
    for operation in operations.iter().filter(|operation| !operation.path.ends_with("/signup")) {
        let Some(schema) = &operation.body else { continue };
        for name in ["email", "new_email", "email_canonical"] {
            let mut body: Map<String, Value> = world.good_body(schema);
            body.insert(name.to_owned(), json!("mallory@example.com"));
            world.send(operation, "application/json", serde_json::to_vec(&body).expect("JSON")).await;
            tried += 1;
        }
    }
    assert!(tried > 30, "only {tried}");
    let mallory = json!({"email": "mallory@example.com"});
    for (by, whom) in
        [(&world.admin, &world.member), (&world.member, &world.member), (&world.admin, &world.admin)]
    {
        let refused = by.put(&format!("/api/people/{}", whom.id), &mallory).await;
        assert!(refused.expect_problem(422, "invalid_input").json["errors"]["email"].is_array());
    }
    assert_eq!(addresses(&world).await, before);
    app.login_from(&fresh_ip(), &world.member.email, PASSWORD).await.expect(200);
    app.login_from(&fresh_ip(), "mallory@example.com", PASSWORD).await.expect(401);
}
