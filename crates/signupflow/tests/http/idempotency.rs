//! Changes that are sent again: `Idempotency-Key`.

use backends::sql::Unit;
use futures_util::future::join_all;
use reqwest::{Method, RequestBuilder};
use serde_json::{Value, json};

use crate::support::api_walk::{Operation, World, operations, wide_app};
use crate::support::authenticator::enrolled;
use crate::support::{Answer, Persona, TestApp};

async fn send(request: RequestBuilder, key: &str) -> Answer {
    Answer::of(request.header("Idempotency-Key", key).send().await).await
}

async fn create_team(who: &Persona<'_>, key: &str, name: &str) -> Answer {
    send(who.request(Method::POST, "/api/teams").json(&json!({"name": name})), key).await
}

fn replayed(answer: &Answer) -> bool {
    answer.header("idempotency-replayed") == "true"
}

async fn teams(who: &Persona<'_>) -> usize {
    who.get("/api/teams").await.expect(200).json["items"].as_array().expect("items").len()
}

/// As after a kill between the change and its answer.
async fn forget_answers(app: &TestApp) {
    let mut unit = Unit::housekeeping("a test");
    unit.run("UPDATE idempotency_receipts SET status = NULL, body = NULL", Vec::new());
    app.assembly.database.commit(unit).await.expect("stored");
}

async fn ask(world: &World<'_>, operation: &Operation, path: &str) -> Answer {
    let request = world.admin.request(operation.method.clone(), path);
    let request = match &operation.body {
        // The same at each attempt.
        Some(schema) => {
            let mut body = world.good_body(schema);
            body.entry("email").and_modify(|email| *email = json!("invited@example.com"));
            request.json(&body)
        }
        None => request,
    };
    send(request, "a").await
}

fn takes_key(operation: &Operation) -> bool {
    operation.signed_in && operation.method != Method::GET && !operation.path.starts_with("/api/auth/")
}

/// F29: any change that is sent again with its `Idempotency-Key` is made once, is one change in the audit log, and is
/// answered as before, also when the server was killed before it had answered.
#[tokio::test]
async fn every_change_is_made_once_and_answered_alike() {
    let app = wide_app().await;
    let (operations, document) = operations(&app).await;
    let mut walked = 0;
    for operation in operations.iter().filter(|operation| takes_key(operation)) {
        let what = format!("{} {}", operation.method, operation.path);
        let method = operation.method.as_str().to_lowercase();
        let told = document["paths"][&operation.path][method]["parameters"].to_string();
        assert!(told.contains("Idempotency-Key"), "{what}: {told}");
        let world = World::of(&app).await;
        let device = world.admin.on_another_device().await.session_id;
        let path = world.fill(&operation.path).replace("session_none", &device);
        if operation.path.ends_with("/unlock") {
            world.admin.poke(&world.fill("/api/people/{id}/lock")).await.expect(200);
        }
        if operation.path.ends_with("/2fa/reset") {
            enrolled(&world.member).await;
        }
        if operation.path.ends_with("/{person_id}") {
            let member = json!({"person_id": world.member.id});
            world.admin.post(&world.fill("/api/teams/{id}/members"), &member).await.expect(200);
        }
        // So that what is changed is later than what was made.
        app.advance(1);
        let first = ask(&world, operation, &path).await;
        let rows = app.whole_audit_log().await.len();
        if operation.path == "/api/organizations/{id}" && operation.method == Method::DELETE {
            first.expect(204);
            continue;
        }
        let again = ask(&world, operation, &path).await;
        assert_eq!((first.status, &first.text), (again.status, &again.text), "{what}");
        assert!(first.status.is_success() && replayed(&again), "{what}: {}", first.text);
        assert_eq!(app.whole_audit_log().await.len(), rows, "{what}");
        forget_answers(&app).await;
        let reconstructed = ask(&world, operation, &path).await;
        assert_eq!(first.status, reconstructed.status, "{what}: {}", reconstructed.text);
        if !operation.path.contains("sessions") {
            assert_eq!(first.text, reconstructed.text, "{what}");
        }
        assert_eq!(app.whole_audit_log().await.len(), rows, "{what}");
        walked += 1;
    }
    assert!(walked >= 15, "{walked}");
}

/// F29: a key is its caller's, and one request's: another request with it is refused.
#[tokio::test]
async fn a_key_belongs_to_its_caller_and_its_request() {
    let app = TestApp::start().await;
    let (ann, bob) = (app.admin().await, app.admin().await);
    let first = create_team(&ann, "key", "Ushers").await.expect(201);
    create_team(&ann, "key", "Choir").await.expect_problem(422, "idempotency_key_reused");
    let other = ann.request(Method::PUT, &format!("/api/teams/{}", first.field("id")));
    let other = send(other.json(&json!({"name": "Ushers"})), "key").await;
    other.expect_problem(422, "idempotency_key_reused");
    let of_bob = create_team(&bob, "key", "Ushers").await.expect(201);
    assert!(!replayed(&of_bob) && of_bob.field("id") != first.field("id"));
    let on_another_device = ann.on_another_device().await;
    let again = create_team(&on_another_device, "\"key\"", "Ushers").await.expect(201);
    assert!(replayed(&again) && again.text == first.text, "the key is the person's, quoted or not");
    assert_eq!((teams(&ann).await, teams(&bob).await), (1, 1));
}

/// What was refused is tried anew; what is no key is refused; where none is taken it is ignored.
#[tokio::test]
async fn only_what_was_done_is_remembered() {
    let app = TestApp::start().await;
    let ann = app.admin().await;
    create_team(&ann, "key", "").await.expect_problem(422, "invalid_input");
    create_team(&ann, "key", "Ushers").await.expect(201);
    for bad in ["", "a b", "\"a", &"k".repeat(300)] {
        create_team(&ann, bad, "Choir").await.expect_problem(400, "invalid_request");
    }
    let twice = ann.request(Method::POST, "/api/teams").json(&json!({"name": "Choir"}));
    send(twice.header("Idempotency-Key", "one"), "two").await.expect_problem(400, "invalid_request");
    send(ann.request(Method::GET, "/api/teams"), "a b").await.expect(200);
    let large = ann.request(Method::POST, "/api/teams").json(&json!({"name": "x".repeat(70_000)}));
    send(large, "large").await.expect_problem(413, "payload_too_large");
    let credential = json!({"password": ann.password});
    for _ in 0..2 {
        let again = ann.request(Method::POST, "/api/auth/reauthenticate").json(&credential);
        assert!(!replayed(&send(again, "key").await.expect(200)));
    }
    assert_eq!(app.audit_rows("auth.reauthenticated").await.len(), 2, "secrets are checked each time");
}

/// After a day the key is free again, before and after the purge.
#[tokio::test]
async fn a_key_is_forgotten_after_a_day() {
    let app = TestApp::with(&[
        ("SESSION_TTL_HOURS", "100"),
        ("SESSION_IDLE_MINUTES", "0"),
        ("CSRF_TOKEN_TTL", "400000"),
    ])
    .await;
    let ann = app.admin().await;
    create_team(&ann, "one", "Ushers").await.expect(201);
    create_team(&ann, "two", "Choir").await.expect(201);
    app.advance(24 * 3600 - 1);
    assert!(replayed(&create_team(&ann, "one", "Ushers").await.expect(201)));
    app.advance(1);
    create_team(&ann, "one", "Ushers").await.expect_problem(409, "name_taken");
    assert!(!replayed(&create_team(&ann, "one", "Band").await.expect(201)), "an expired one gives way");
    accounts::housekeeping::purge(&app.assembly.services).await.expect("purged");
    let left = "SELECT count(*) AS n FROM idempotency_receipts";
    let row = app.assembly.database.row(left, Vec::new()).await.expect("readable").expect("a row");
    assert_eq!(row.int("n").expect("a number"), 1);
}

/// Answers that tell of somebody do not outlive them.
#[tokio::test]
async fn answers_go_with_the_people_they_tell_of() {
    let app = TestApp::start().await;
    let ann = app.admin().await;
    let vic = app.volunteer(&ann).await;
    let change = json!({"name": "Victoria Volunteer"});
    send(ann.request(Method::PUT, &format!("/api/people/{}", vic.id)).json(&change), "key").await.expect(200);
    ann.delete(&format!("/api/people/{}?erase=true", vic.id)).await.expect(204);
    let row = "SELECT count(*) AS n FROM idempotency_receipts WHERE body IS NOT NULL";
    let row = app.assembly.database.row(row, Vec::new()).await.expect("readable").expect("a row");
    assert_eq!(row.int("n").expect("a number"), 0);
    let again = ann.request(Method::PUT, &format!("/api/people/{}", vic.id)).json(&change);
    let again = send(again, "key").await.expect(204);
    assert!(replayed(&again) && again.json == Value::Null);
}

fn expect_one_made(answers: &[Answer]) {
    let made: Vec<_> = answers.iter().filter(|answer| answer.status == 201).collect();
    assert!(!made.is_empty() && made.iter().all(|answer| answer.text == made[0].text), "{answers:?}");
    assert_eq!(made.iter().filter(|answer| !replayed(answer)).count(), 1, "{answers:?}");
    for answer in answers.iter().filter(|answer| answer.status != 201) {
        assert_eq!((answer.status.as_u16(), &answer.json["code"]), (409, &json!("idempotency_in_progress")));
        assert!(answer.header("retry-after").parse::<u32>().is_ok_and(|seconds| seconds >= 1));
    }
}

/// F29: of requests with the same key at once one is carried out; the others get its answer, or 409 with `Retry-After`.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn at_once_it_is_made_once() {
    let app = TestApp::start().await;
    let ann = app.admin().await;
    for number in 0..5 {
        let (key, name) = (format!("key {number}").replace(' ', "-"), format!("Team {number}"));
        expect_one_made(&join_all((0..6).map(|_| create_team(&ann, &key, &name))).await);
        assert_eq!(teams(&ann).await, number + 1);
    }
    app.advance(60);
}

/// F29: a retry at another node, later or at once, is known there as well.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn another_node_knows_the_key() {
    let [one, two] = TestApp::nodes::<2>().await;
    let ann = one.admin().await;
    let first = create_team(&ann, "key", "Ushers").await.expect(201);
    let again = create_team(&ann.at(&two), "key", "Ushers").await.expect(201);
    assert!(replayed(&again) && again.text == first.text);
    create_team(&ann.at(&two), "key", "Choir").await.expect_problem(422, "idempotency_key_reused");
    for number in 0..8 {
        let (key, name) = (format!("key-{number}"), format!("Team {number}"));
        let at_two = ann.at(&two);
        let (here, there) = tokio::join!(create_team(&ann, &key, &name), create_team(&at_two, &key, &name));
        expect_one_made(&[here, there]);
    }
    assert_eq!(teams(&ann).await, 9);
    assert_eq!(one.audit_rows("team.create").await.len(), 9);
}
