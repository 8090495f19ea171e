//! Query parameters and ids in paths: what is wrong is named, and nothing has changed.

use crate::support::api_walk::{World, names_field, operations, refused, state_of, takes, wide_app};
use reqwest::Method;
use serde_json::Value;

/// Everything that does not fit this parameter.
fn wrong_values(name: &str, schema: &Value) -> Vec<String> {
    let fixed: &[&str] = match name {
        "limit" => &["0", "1001", "4294967296"],
        "offset" => &["10001", "4294967296"],
        "start_date" | "end_date" => {
            &["yesterday", "2026-13-01", "2026-02-30", "24:00", "0", "2026-11-24T09:30:00"]
        }
        "status" => &["ok", "SUCCESS", "success%20"],
        "format" => &["xml", "CSV", "../csv"],
        "cursor" => &["!!!", "AAAA", "bm90LWEtY3Vyc29yIQ", "%2e%2e%2f"],
        "org_id" => return Vec::new(),
        _ => &[],
    };
    let mut wrong: Vec<String> = fixed.iter().map(|value| (*value).to_owned()).collect();
    if takes(schema, "integer") {
        wrong.extend(["x", "-1", "1.5", "1e3", "0x10", "%201", "%D9%A1", "null", "[]"].map(str::to_owned));
    } else if takes(schema, "boolean") {
        wrong.extend(["1", "yes", "TRUE", "null"].map(str::to_owned));
    } else {
        wrong.extend(["a%00b", "a%0d%0ab", "a%1b%5b2J"].map(str::to_owned));
        wrong.push("x".repeat(5_000));
    }
    wrong
}

/// A44: parameters of the wrong type or range, unknown, repeated, or not percent-encoded.
#[tokio::test]
async fn every_wrong_parameter_is_named_and_nothing_changes() {
    let app = wide_app().await;
    let world = World::of(&app).await;
    let (operations, _) = operations(&app).await;
    let before = state_of(&world).await;
    let mut tried = 0;
    for operation in operations.iter().filter(|operation| !operation.query.is_empty()) {
        let path = world.fill(&operation.path);
        for (name, schema) in &operation.query {
            for wrong in wrong_values(name, schema) {
                let what = format!("{} {path}?{name}={wrong}", operation.method);
                names_field(
                    &what,
                    name,
                    &world.ask(&operation.method, &format!("{path}?{name}={wrong}")).await,
                );
                tried += 1;
            }
            for twice in [
                format!("{name}=1&{name}=1"),
                format!("{name}=1&%{:02x}{}=1", name.as_bytes()[0], &name[1..]),
            ] {
                let answer = world.ask(&operation.method, &format!("{path}?{twice}")).await;
                let expected =
                    if name == "org_id" { ["not_found", "duplicate_field"] } else { ["duplicate_field"; 2] };
                assert!(
                    expected.contains(&refused(&twice, &answer).as_str()),
                    "{path}?{twice}: {}",
                    answer.text
                );
            }
            for malformed in ["%", "%4", "%zz", "%ff", "%ED%A0%80"] {
                let answer = world.ask(&operation.method, &format!("{path}?{name}={malformed}")).await;
                let code = refused(malformed, &answer);
                assert!(
                    code == "invalid_request" || name == "org_id",
                    "{path}?{name}={malformed}: {}",
                    answer.text
                );
            }
        }
        let (first, _) = &operation.query[0];
        for unknown in ["is_admin", "Limit", "$where", "limit[]", "%00"] {
            let answer = world.ask(&operation.method, &format!("{path}?{unknown}=1")).await;
            assert_eq!(refused(unknown, &answer), "invalid_input", "{path}?{unknown} (beside {first})");
        }
    }
    assert!(tried > 60, "only {tried}");
    assert_eq!(state_of(&world).await, before);
}

/// A foreign `org_id` is not found on every route with a session, however the name is written.
#[tokio::test]
async fn a_foreign_org_id_is_not_found_anywhere() {
    let app = wide_app().await;
    let world = World::of(&app).await;
    let stranger = app.admin().await;
    let (operations, _) = operations(&app).await;
    let before = state_of(&world).await;
    for operation in operations.iter().filter(|operation| operation.signed_in) {
        let path = world.fill(&operation.path);
        for name in ["org_id", "org%5Fid", "%6frg_id"] {
            let target = format!("{path}?{name}={}", stranger.org_id);
            let answer = world.ask(&operation.method, &target).await;
            assert_eq!(refused(&target, &answer), "not_found", "{} {target}", operation.method);
        }
    }
    assert_eq!(state_of(&world).await, before);
    let own = world.admin.get(&format!("/api/people?org_id={}", world.admin.org_id)).await.expect(200);
    assert_eq!(own.json["items"].as_array().map(Vec::len), Some(2));
    world
        .admin
        .get(&format!("/api/people?org_id={}", world.admin.org_id.replace('_', "%5F")))
        .await
        .expect(200);
}

/// Ids that nobody has, ids of other kinds, ids no storage could hold: 404 before anything is looked at.
#[tokio::test]
async fn every_odd_id_is_not_found() {
    let app = wide_app().await;
    let world = World::of(&app).await;
    let (operations, _) = operations(&app).await;
    let before = state_of(&world).await;
    let long = "a".repeat(4_000);
    let odd = [
        "%00",
        "a%00b",
        "..%2f..%2fetc%2fpasswd",
        "'%20or%201=1--",
        "%F0%9F%92%A9",
        "%ff",
        "%0d%0aX-Evil:1",
        "%25",
        "*",
        "{id}",
        "%E2%80%AE",
        "null",
        "0",
        "-1",
        "a%20b",
        &long,
    ];
    for operation in operations.iter().filter(|operation| operation.path.contains("{id}")) {
        for id in odd {
            let target = operation.path.replace("{id}", id).replace("{person_id}", &world.member.id);
            let body = operation.body.as_ref().map(|schema| Value::Object(world.good_body(schema)));
            let mut request = world.admin.request(operation.method.clone(), &target);
            if let Some(body) = &body {
                request = request.json(body);
            }
            let answer = crate::support::Answer::of(request.send().await).await;
            assert_eq!(refused(&target, &answer), "not_found", "{} {target}", operation.method);
            assert!(answer.headers.get("x-evil").is_none());
        }
    }
    let member = world.fill("/api/teams/{id}/members/%00");
    assert_eq!(refused(&member, &world.ask(&Method::DELETE, &member).await), "not_found");
    assert_eq!(state_of(&world).await, before);
}
