//! `signupflow admin`, and what an operator's acts leave in the audit log.

use std::path::Path;
use std::sync::Arc;

use crate::place::{PASSPHRASE, Place};
use accounts::sign_in::{SignIn, SignedIn, sign_in};
use accounts::{Principal, RequestContext, people};
use hardening::email::EmailAddress;
use hardening::secret::Secret;
use serde_json::Value;
use signupflow::config::{Config, source::with_env_file};
use signupflow::wiring::{Assembly, Sources, assemble};

pub(crate) async fn opened(place: &Place) -> Assembly {
    let data = place.path().join("data");
    let data_dir = ("DATA_DIR".to_owned(), data.to_str().expect("UTF-8").to_owned());
    let settings = place.settings().iter().cloned().chain([data_dir]);
    let source =
        with_env_file(settings.collect::<std::collections::BTreeMap<_, _>>(), Path::new("/nonexistent"));
    let config = Config::load(&source.expect("no file")).expect("sound").config;
    assemble(config, Sources::system()).await.expect("it starts")
}

async fn signed_in(assembly: &Assembly, email: &str, password: &str) -> Result<SignedIn, accounts::Error> {
    let context = RequestContext::new("request", "192.0.2.1", "192.0.2.1", None);
    let input = SignIn {
        email: EmailAddress::parse(email).expect("an address"),
        password: Secret::new(password.to_owned()),
        device_tokens: Vec::new(),
    };
    Ok(sign_in(&assembly.services, &context, input).await?.signed_in().expect("nobody has a second factor"))
}

pub(crate) fn log(place: &Place, action: &str) -> Vec<Value> {
    let rows = place.json(&["audit", "list", "--action", action, "--format", "json"]);
    rows["logs"].as_array().expect("a list").clone()
}

#[tokio::test]
async fn a_created_admin_can_sign_in() {
    let place = Place::new();
    let admin = place.create_admin("Ada Admin", "Ada@Example.org", "Helping Hands");
    assert_eq!(
        (&admin["email"], &admin["roles"]),
        (&"Ada@Example.org".into(), &serde_json::json!(["admin"]))
    );
    {
        let assembly = opened(&place).await;
        let session = signed_in(&assembly, "ada@example.org", PASSPHRASE).await.expect("signed in");
        assert_eq!(session.person.id, admin["id"].as_str().expect("an id"));
        assembly.database.clone().close().await;
    }
    let created = log(&place, "person.create");
    assert_eq!(created.len(), 1);
    let by = created[0]["user_email"].as_str().expect("text");
    assert!(by.starts_with("cli:") && by.len() > 4, "{by}");
    assert_eq!(created[0]["org_id"], admin["org_id"]);
    assert!(!created[0].to_string().contains(PASSPHRASE));
}

#[test]
fn a_second_admin_joins_an_existing_organization() {
    let place = Place::new();
    let org_id = place.create_admin("Ada Admin", "ada@example.org", "Helping Hands")["org_id"].clone();
    let org_id = org_id.as_str().expect("an id");
    let create = |org: &str, email: &str| {
        let arguments = ["admin", "create", "--name", "Bo", "--email", email, "--org-id", org];
        place.run_with_input(&arguments, &format!("{PASSPHRASE}\r\n"))
    };
    assert!(create(org_id, "bo@example.org").done().contains(org_id));
    create(org_id, "ADA@example.org").failed(1, "already has an account");
    create("org_missing", "cy@example.org").failed(1, "organization");
}

#[test]
fn what_is_missing_or_wrong_is_named_before_anything_is_stored() {
    let place = Place::new();
    place.run(&["admin", "create"]).failed(2, "--name");
    place.run(&["admin", "create", "--name", "A", "--email", "a@example.org"]).failed(2, "--org-name");
    let create = |email: &str, password: &str| {
        let arguments = ["admin", "create", "--name", "A", "--email", email, "--org-name", "Helpers"];
        place.run_with_input(&arguments, password)
    };
    create("a@example.org", "").failed(2, "password");
    create("a@example.org", "short\n").failed(1, "at least 15");
    create("nobody", "purple lantern orbiting quietly\n").failed(1, "--email");
    place
        .run(&["admin", "create", "--name", "A", "--email", "a@example.org", "--password", "x"])
        .failed(2, "--password");
    place.run(&["admin", "unlock"]).failed(1, "person");
}

#[tokio::test]
async fn sessions_end_and_locked_accounts_open_again() {
    let place = Place::new();
    place.create_admin("Ada Admin", "ada@example.org", "Helping Hands");
    let second = ["admin", "create", "--name", "Bo", "--email", "bo@example.org", "--org-name", "Others"];
    place.run_with_input(&second, &format!("{PASSPHRASE}\n")).done();
    {
        let assembly = opened(&place).await;
        signed_in(&assembly, "ada@example.org", PASSPHRASE).await.expect("signed in");
        for _ in 0..5 {
            signed_in(&assembly, "bo@example.org", "wrong").await.expect_err("wrong");
        }
        signed_in(&assembly, "bo@example.org", PASSPHRASE).await.expect_err("locked");
        assembly.database.clone().close().await;
    }
    assert!(place.done(&["admin", "revoke-sessions"]).contains("Ada Admin"), "the first admin");
    for _ in 0..2 {
        assert!(place.done(&["admin", "unlock", "BO@example.org"]).contains("Bo"));
    }
    place.run(&["admin", "revoke-sessions", "nobody@example.org"]).failed(1, "person");

    let assembly = opened(&place).await;
    let bo = signed_in(&assembly, "bo@example.org", PASSPHRASE).await.expect("unlocked");
    let ada = signed_in(&assembly, "ada@example.org", PASSPHRASE).await.expect("still an account");
    let now = assembly.services.clock.now();
    let live = assembly.services.sessions.list_of(&ada.person.id, now).await.expect("readable");
    assert_eq!(live.len(), 1, "the earlier session is gone");
    let me = people::me(&assembly.services, &Principal::new(Arc::new(bo.session))).await.expect("live");
    assert_eq!(me.name, "Bo");
    assembly.database.clone().close().await;

    assert_eq!(log(&place, "auth.session_revoked").len(), 1);
    assert_eq!(log(&place, "auth.account_unlocked").len(), 1, "the second time nothing was locked");
}
