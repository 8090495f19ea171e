//! Events and teams: everybody of the organization reads them, admins change them, limits and rich text are
//! as promised, and lists page stably.

use crate::support::TestApp;
use serde_json::{Value, json};

fn event(title: &str) -> Value {
    json!({"title": title, "type": "service", "start": "2026-12-01T09:00:00+02:00", "end": "2026-12-01T12:00:00Z"})
}

#[tokio::test]
async fn an_event_lives_from_creation_to_deletion() {
    let app = TestApp::start().await;
    let admin = app.admin().await;
    let volunteer = app.volunteer(&admin).await;
    let mut body = event("  Fe\u{302}te d'O'Brien; DROP TABLE events --  ");
    body["required_roles"] = json!([{"role": "usher", "count": 2}, {"role": "cook", "count": 1}]);
    let made = admin.post("/api/events", &body).await.expect(201);
    assert_eq!(
        made.json["title"], "Fête d'O'Brien; DROP TABLE events --",
        "trimmed, NFC, otherwise as typed"
    );
    assert_eq!(made.json["start"], "2026-12-01T07:00:00.000000Z", "times are UTC");
    assert_eq!(made.json["required_roles"], body["required_roles"]);
    assert_eq!(
        (made.json["created_by"].as_str(), made.json["org_id"].as_str()),
        (Some(&*admin.id), Some(&*admin.org_id))
    );
    let path = format!("/api/events/{}", made.field("id"));
    assert!(made.field("id").starts_with("event_"));

    assert_eq!(volunteer.get(&path).await.expect(200).json, made.json);
    volunteer.put(&path, &event("Mine")).await.expect_problem(403, "forbidden");
    volunteer.delete(&path).await.expect_problem(403, "forbidden");
    volunteer.post("/api/events", &event("Mine")).await.expect_problem(403, "forbidden");

    app.advance(5);
    let changed = admin.put(&path, &event("Beach")).await.expect(200);
    assert_eq!(
        (changed.json["title"].as_str(), changed.json["required_roles"].clone()),
        (Some("Beach"), json!([]))
    );
    assert_ne!(changed.json["updated_at"], made.json["updated_at"]);
    assert_eq!(changed.json["created_at"], made.json["created_at"]);
    admin.delete(&path).await.expect(204);
    admin.get(&path).await.expect_problem(404, "not_found");
    admin.delete(&path).await.expect_problem(404, "not_found");
    admin.put(&path, &event("Beach")).await.expect_problem(404, "not_found");
}

#[tokio::test]
async fn the_fields_of_an_event_have_their_limits() {
    let app = TestApp::with(&[("RATE_LIMIT_API_REQUESTS", "1000")]).await;
    let admin = app.admin().await;
    let cases = [
        ("title", json!("")),
        ("title", json!("   ")),
        ("title", json!("x".repeat(201))),
        ("title", json!("two\nlines")),
        ("type", json!("x".repeat(61))),
        ("location", json!("x".repeat(201))),
        ("description", json!("x".repeat(10_001))),
        ("end", json!("2026-12-01T07:00:00Z")),
        ("end", json!("2026-12-01")),
        ("start", json!("soon")),
        ("required_roles", json!([{"role": "usher", "count": 0}])),
        ("required_roles", json!([{"role": "usher", "count": 1001}])),
        ("required_roles", json!([{"role": "Admin", "count": 1}])),
        ("required_roles", json!([{"role": "usher", "count": 1}, {"role": "usher", "count": 2}])),
        ("required_roles", json!(vec![json!({"role": "usher", "count": 1}); 21])),
    ];
    for (field, value) in cases {
        let mut body = event("Beach");
        body[field] = value;
        let answer = admin.post("/api/events", &body).await.expect_problem(422, "invalid_input");
        assert!(answer.json["errors"][field][0].is_string(), "{field}: {}", answer.text);
    }
    for (field, longest) in [("title", 200), ("type", 60), ("location", 200)] {
        let mut body = event("Beach");
        body[field] = json!("é".repeat(longest));
        admin.post("/api/events", &body).await.expect(201);
    }
}

/// A29: the description is limited HTML, cleaned before it is stored.
#[tokio::test]
async fn only_limited_html_is_stored_in_a_description() {
    let app = TestApp::start().await;
    let admin = app.admin().await;
    let mut body = event("Beach");
    body["description"] = json!(
        "<p onclick=x()>Hi <em>all</em></p><script>alert(1)</script><a href='javascript:x()'>a</a>\
         <a href=\"https://example.org/\" target=_top>b</a><img src=x onerror=y()><svg/onload=z()>"
    );
    let made = admin.post("/api/events", &body).await.expect(201).field("description");
    for gone in ["onclick", "script", "javascript", "img", "onerror", "svg", "target"] {
        assert!(!made.contains(gone), "{gone} in {made}");
    }
    for kept in ["<p>Hi <em>all</em></p>", "https://example.org/"] {
        assert!(made.contains(kept), "{kept} not in {made}");
    }
}

#[tokio::test]
async fn a_team_has_members_of_its_own_organization_only() {
    let app = TestApp::start().await;
    let admin = app.admin().await;
    let volunteer = app.volunteer(&admin).await;
    let stranger = app.admin().await;
    let team = admin.post("/api/teams", &json!({"name": "Crew", "description": "a\nb"})).await.expect(201);
    let path = format!("/api/teams/{}", team.field("id"));
    let members = format!("{path}/members");
    admin.post("/api/teams", &json!({"name": "Crew"})).await.expect_problem(409, "name_taken");
    stranger.post("/api/teams", &json!({"name": "Crew"})).await.expect(201);

    let with = admin.post(&members, &json!({"person_id": volunteer.id})).await.expect(200);
    assert_eq!(with.json["members"], json!([volunteer.id]));
    let again = admin.post(&members, &json!({"person_id": volunteer.id})).await.expect(200);
    assert_eq!(again.json["members"], json!([volunteer.id]));
    assert_eq!(app.audit_rows("team.member_added").await.len(), 1, "nothing changed the second time");
    admin.post(&members, &json!({"person_id": stranger.id})).await.expect_problem(404, "not_found");
    volunteer.post(&members, &json!({"person_id": volunteer.id})).await.expect_problem(403, "forbidden");
    stranger.get(&path).await.expect_problem(404, "not_found");
    stranger.delete(&format!("{members}/{}", volunteer.id)).await.expect_problem(404, "not_found");
    assert_eq!(volunteer.get(&path).await.expect(200).json["members"], json!([volunteer.id]));

    admin.delete(&format!("{members}/{}", volunteer.id)).await.expect(204);
    admin.delete(&format!("{members}/{}", volunteer.id)).await.expect_problem(404, "not_found");
    admin.put(&path, &json!({"name": "Kitchen"})).await.expect(200);
    volunteer.delete(&path).await.expect_problem(403, "forbidden");
    admin.delete(&path).await.expect(204);
    admin.get(&path).await.expect_problem(404, "not_found");
}

#[tokio::test]
async fn lists_page_through_everything_once_while_more_is_added() {
    let app = TestApp::with(&[("RATE_LIMIT_API_REQUESTS", "1000")]).await;
    let admin = app.admin().await;
    let mut made = Vec::new();
    for n in 0..12 {
        app.advance(60);
        made.push(admin.post("/api/events", &event(&format!("Event {n}"))).await.expect(201).field("id"));
    }
    let (mut seen, mut cursor) = (Vec::new(), String::new());
    loop {
        let page = admin.get(&format!("/api/events?limit=5{cursor}")).await.expect(200);
        assert!(page.json["items"].as_array().is_some_and(|items| items.len() <= 5));
        seen.extend(
            page.json["items"]
                .as_array()
                .expect("items")
                .iter()
                .map(|e| e["id"].as_str().expect("id").to_owned()),
        );
        admin.post("/api/events", &event("Meanwhile")).await.expect(201);
        match page.json["next_cursor"].as_str() {
            Some(next) if seen.len() < 100 => cursor = format!("&cursor={next}"),
            _ => break,
        }
    }
    let mut once = seen.clone();
    once.sort();
    once.dedup();
    assert_eq!(once.len(), seen.len(), "nothing twice");
    assert!(made.iter().all(|id| seen.contains(id)), "nothing left out");
}
