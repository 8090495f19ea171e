//! Other people's ids: every route with an id, asked by everybody who has no business there (A26, ASVS 8.2).

use crate::support::api_walk::{Operation, World, operations};
use crate::support::{Answer, Persona, TestApp};
use reqwest::Method;
use serde_json::{Value, json};

async fn unlimited() -> TestApp {
    TestApp::with(&[("RATE_LIMITING_ENABLED", "false")]).await
}

/// The routes with an id. A new kind of resource must be made known to [`World::fill`] first.
async fn id_routes(app: &TestApp) -> Vec<Operation> {
    let known = ["people", "organizations", "teams", "events", "invitations", "sessions"];
    let (operations, _) = operations(app).await;
    let found: Vec<_> = operations.into_iter().filter(|operation| operation.path.contains('{')).collect();
    for operation in &found {
        let kind = operation.path.split('/').nth(2).unwrap_or_default();
        assert!(known.contains(&kind), "{} has ids that this suite cannot fill in", operation.path);
        assert!(operation.signed_in, "{} {} needs no session", operation.method, operation.path);
    }
    assert!(found.len() >= 20, "only {}", found.len());
    found
}

/// The path with ids that exist in this world.
fn existing(world: &World<'_>, path: &str) -> String {
    if path.starts_with("/api/sessions/") {
        return path.replace("{id}", &world.member.session_id);
    }
    world.fill(path)
}

/// The same with ids of the same form that nobody has.
fn missing(world: &World<'_>, path: &str) -> String {
    let segments = existing(world, path);
    let nobody = |segment: &str| match segment.split_once('_') {
        Some((kind, id)) if !path.contains(segment) => {
            let id: String = id.chars().map(|c| if c.is_ascii_alphanumeric() { '0' } else { c }).collect();
            format!("{kind}_{id}")
        }
        _ => segment.to_owned(),
    };
    segments.split('/').map(nobody).collect::<Vec<_>>().join("/")
}

async fn ask(who: &Persona<'_>, world: &World<'_>, operation: &Operation, path: &str) -> Answer {
    let mut request = who.request(operation.method.clone(), path);
    if let Some(schema) = &operation.body {
        request = request.json(&world.good_body(schema));
    }
    Answer::of(request.send().await).await
}

/// Everything a client sees but the request's own number and the time.
fn seen(answer: &Answer) -> (u16, Vec<(String, String)>, String) {
    let id = answer.json["request_id"].as_str().unwrap_or("-").to_owned();
    let headers = answer.headers.iter().filter(|(name, _)| !matches!(name.as_str(), "date" | "x-request-id"));
    let headers = headers.map(|(name, value)| (name.to_string(), format!("{value:?}").replace(&id, "ID")));
    (answer.status.as_u16(), headers.collect(), answer.text.replace(&id, "ID"))
}

async fn state_of(world: &World<'_>) -> Vec<String> {
    let org = world.fill("/api/organizations/{id}");
    let mut state = Vec::new();
    for path in ["/api/people", "/api/events", "/api/teams", "/api/invitations", &org] {
        state.push(world.admin.get(path).await.expect(200).text);
    }
    assert!(world.member.is_signed_in().await);
    state
}

/// A26: to an admin of another organization, what exists elsewhere looks exactly like what does not exist.
#[tokio::test]
async fn what_belongs_to_another_organization_looks_missing() {
    let app = unlimited().await;
    let world = World::of(&app).await;
    let stranger = app.admin().await;
    let strange_volunteer = app.volunteer(&stranger).await;
    let before = state_of(&world).await;
    for operation in id_routes(&app).await {
        let (there, nowhere) = (existing(&world, &operation.path), missing(&world, &operation.path));
        assert_ne!(there, nowhere);
        let what = format!("{} {there}", operation.method);
        let foreign = ask(&stranger, &world, &operation, &there).await;
        assert_eq!(foreign.status, 404, "{what}: {}", foreign.text);
        assert_eq!(seen(&foreign), seen(&ask(&stranger, &world, &operation, &nowhere).await), "{what}");
        let low = ask(&strange_volunteer, &world, &operation, &there).await;
        assert!(matches!(low.status.as_u16(), 403 | 404), "{what}: {}", low.text);
        assert_eq!(seen(&low), seen(&ask(&strange_volunteer, &world, &operation, &nowhere).await), "{what}");
    }
    assert_eq!(state_of(&world).await, before);
}

/// A26: what the routes say to a volunteer of the same organization.
fn for_volunteers(operation: &Operation) -> u16 {
    let admins_only = ["/api/organizations/{id}/require-2fa", "/api/people/{id}/2fa/reset"];
    match (operation.method.as_str(), operation.path.as_str()) {
        (_, path) if admins_only.contains(&path) => 403,
        ("GET", _) => 200,
        // Somebody else's session is not there for anybody, not even for admins.
        (_, "/api/sessions/{id}") => 404,
        _ => 403,
    }
}

/// A26, ASVS 8.2.1: volunteers read, and change nothing of others.
#[tokio::test]
async fn volunteers_change_nothing_of_others() {
    let app = unlimited().await;
    let world = World::of(&app).await;
    let colleague = app.volunteer(&world.admin).await;
    let before = state_of(&world).await;
    for operation in id_routes(&app).await {
        let path = existing(&world, &operation.path);
        let answer = ask(&colleague, &world, &operation, &path).await;
        assert_eq!(answer.status, for_volunteers(&operation), "{} {path}: {}", operation.method, answer.text);
        if answer.status == 403 {
            answer.expect_problem(403, "forbidden");
        }
    }
    for (path, admins_only) in
        [("/api/invitations", true), ("/api/lockouts", true), ("/api/audit/logs", true)]
    {
        assert_eq!(colleague.get(path).await.status == 403, admins_only, "{path}");
    }
    colleague.get("/api/audit/export?format=csv").await.expect_problem(403, "forbidden");
    assert_eq!(state_of(&world).await, before);
    assert!(!app.audit_rows("auth.access_denied").await.is_empty());
}

/// A26: without a live session every route with an id says 401, whether the id exists or not.
#[tokio::test]
async fn without_a_live_session_no_id_is_looked_up() {
    let app = unlimited().await;
    let world = World::of(&app).await;
    let signed_out = world.admin.on_another_device().await;
    signed_out.poke("/api/auth/logout").await.expect(204);
    let locked = app.invited(&world.admin, &["admin"]).await;
    world.admin.poke(&format!("/api/people/{}/lock", locked.id)).await.expect(200);
    let before = state_of(&world).await;
    for operation in id_routes(&app).await {
        for path in [existing(&world, &operation.path), missing(&world, &operation.path)] {
            let what = format!("{} {path}", operation.method);
            for dead in [&signed_out, &locked] {
                let answer =
                    ask(dead, &world, &operation, &path).await.expect_problem(401, "unauthenticated");
                assert_eq!(answer.header("www-authenticate"), r#"Bearer error="invalid_token""#, "{what}");
            }
            let request = app.request(operation.method.clone(), &path).json(&json!({}));
            let answer = Answer::of(request.send().await).await.expect_problem(401, "unauthenticated");
            assert_eq!(answer.header("www-authenticate"), "Bearer", "{what}");
        }
    }
    assert_eq!(state_of(&world).await, before);
}

/// Contract, 9: `?org_id=` must be one's own on every route that takes a session, however it is spelled.
#[tokio::test]
async fn a_foreign_org_id_in_the_query_is_not_found() {
    let app = unlimited().await;
    let world = World::of(&app).await;
    let stranger = app.admin().await;
    let before = state_of(&world).await;
    let (own, foreign) = (&stranger.org_id, &world.admin.org_id);
    let spellings = [
        format!("org_id={foreign}"),
        format!("org%5Fid={foreign}"),
        format!("%6Frg_id={foreign}"),
        format!("org_id={own}&org_id={foreign}"),
        format!("org_id={foreign}&org_id={own}"),
        format!("limit=1&org_id={foreign}"),
        "org_id=org_system".to_owned(),
    ];
    for operation in operations(&app).await.0.iter().filter(|operation| operation.signed_in) {
        for query in &spellings {
            let path = format!("{}?{query}", existing(&world, &operation.path));
            let answer = ask(&stranger, &world, operation, &path).await;
            assert_eq!(answer.status, 404, "{} {path}: {}", operation.method, answer.text);
        }
    }
    for path in ["/api/people", "/api/teams", "/api/events", "/api/invitations", "/api/audit/logs"] {
        stranger.get(&format!("{path}?org_id={own}")).await.expect(200);
    }
    assert!(stranger.is_signed_in().await, "a refused sign-out signs nobody out");
    assert_eq!(state_of(&world).await, before);
}

/// A26: lists and the log hold one's own organization only; a cursor of another one leads nowhere.
#[tokio::test]
async fn lists_hold_ones_own_organization_only() {
    let app = unlimited().await;
    let world = World::of(&app).await;
    let stranger = app.admin().await;
    for _ in 0..3 {
        app.volunteer(&world.admin).await;
    }
    let first = world.admin.get("/api/people?limit=1").await.expect(200);
    let people = format!("/api/people?cursor={}", first.field("next_cursor"));
    let first = world.admin.get("/api/audit/logs?limit=1").await.expect(200);
    let logs = format!("/api/audit/logs?cursor={}", first.field("next_cursor"));
    for path in
        ["/api/people", "/api/teams", "/api/events", "/api/invitations", "/api/lockouts", "/api/sessions"]
    {
        let text = stranger.get(path).await.expect(200).text;
        assert!(!text.contains(&world.admin.org_id) && !text.contains("Vic Volunteer"), "{path}: {text}");
    }
    for path in [&people, &logs, "/api/audit/logs", "/api/audit/export?format=ndjson"] {
        let text = stranger.get(path).await.expect(200).text;
        assert!(!text.contains(&world.admin.org_id) && !text.contains(&world.member.email), "{path}: {text}");
    }
    let filters = format!("/api/audit/logs?user_id={}&q={}", world.admin.id, world.member.email);
    assert_eq!(stranger.get(&filters).await.expect(200).json["total"], 0);
}

/// A26: a foreign id inside a body is as good as none.
#[tokio::test]
async fn a_foreign_id_in_a_body_is_not_found() {
    let app = unlimited().await;
    let world = World::of(&app).await;
    let stranger = app.admin().await;
    let team = stranger.post("/api/teams", &json!({"name": "Own"})).await.expect(201).field("id");
    let members = format!("/api/teams/{team}/members");
    let nobody = missing(&world, "/api/people/{id}").replace("/api/people/", "");
    let foreign = stranger.post(&members, &json!({"person_id": world.member.id})).await;
    let absent = stranger.post(&members, &json!({"person_id": nobody})).await;
    assert_eq!((foreign.status.as_u16(), seen(&foreign)), (404, seen(&absent)));
    let foreign = stranger.delete(&format!("{members}/{}", world.member.id)).await;
    let absent = stranger.delete(&format!("{members}/{nobody}")).await;
    assert_eq!((foreign.status.as_u16(), seen(&foreign)), (404, seen(&absent)));
    assert_eq!(
        stranger.get(&format!("/api/teams/{team}")).await.expect(200).json["members"],
        Value::from(Vec::<Value>::new())
    );
    let signup = |org: &str| json!({"name": "Eve", "email": "eve@example.com", "password": crate::support::PASSWORD, "org_id": org});
    let closed = app.post_from("192.0.2.9", "/api/auth/signup", &signup(&world.admin.org_id)).await;
    let absent = app.post_from("192.0.2.9", "/api/auth/signup", &signup("org_00000000")).await;
    assert_eq!(
        (closed.status.as_u16(), seen(&closed)),
        (403, seen(&absent)),
        "closed and missing look the same"
    );
    for reserved in ["org_system", "person_anonymous"] {
        for path in ["/api/organizations", "/api/people", "/api/teams", "/api/events"] {
            stranger.get(&format!("{path}/{reserved}")).await.expect_problem(404, "not_found");
        }
    }
    assert_eq!(
        Answer::of(stranger.request(Method::DELETE, "/api/people/person_anonymous").send().await)
            .await
            .status,
        404
    );
}
