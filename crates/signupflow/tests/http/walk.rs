//! The main job, on real input: a person signs up an organization, signs in on two devices, creates an event,
//! is rate-limited, locked and unlocked, changes the password and loses the other device; and every step is
//! in the audit log.

use crate::support::{OTHER_PASSWORD, PASSWORD, TestApp, fresh_ip};
use serde_json::json;

#[tokio::test]
#[expect(clippy::too_many_lines, reason = "one story, told from its beginning to its end")]
async fn the_walk_of_the_readme() {
    let app = TestApp::start().await;
    let laptop = app.admin().await;
    let phone = laptop.on_another_device().await;
    assert_eq!(laptop.get("/api/sessions").await.expect(200).json["total"], 2);

    let event = json!({
        "title": "Beach cleanup", "type": "service",
        "start": "2026-12-01T09:00:00Z", "end": "2026-12-01T12:00:00Z",
        "required_roles": [{"role": "usher", "count": 2}],
    });
    laptop.post("/api/events", &event).await.expect(201);

    let stranger = fresh_ip();
    for remaining in (0..5).rev() {
        let refused = app
            .login_from(&stranger, &laptop.email, "wrong")
            .await
            .expect_problem(401, "invalid_credentials");
        assert_eq!(refused.header("x-ratelimit-limit"), "5");
        assert_eq!(refused.header("x-ratelimit-remaining"), remaining.to_string());
    }
    let locked =
        app.login_from(&stranger, &laptop.email, PASSWORD).await.expect_problem(429, "account_locked");
    assert!(locked.json["detail"].as_str().is_some_and(|d| d.contains("Account locked for 15 minutes")));
    assert_eq!((locked.json["retry_after"].as_u64(), locked.header("retry-after")), (Some(900), "900"));
    assert!(laptop.is_signed_in().await, "a lock leaves sessions alone");

    let token = app.mailed_token(&laptop.email).await;
    app.post_from(&stranger, "/api/auth/unlock", &json!({"token": token})).await.expect(200);
    app.post_from(&stranger, "/api/auth/unlock", &json!({"token": token}))
        .await
        .expect_problem(400, "token_invalid");
    app.login_from(&stranger, &laptop.email, PASSWORD).await.expect(200);

    let changed = json!({"old_password": PASSWORD, "new_password": OTHER_PASSWORD});
    let answer = laptop.put("/api/auth/password", &changed).await.expect(200);
    assert_ne!(answer.field("token"), laptop.token);
    phone.get("/api/people/me").await.expect_problem(401, "unauthenticated");
    laptop.get("/api/people/me").await.expect_problem(401, "unauthenticated");
    let laptop = crate::support::Persona {
        token: answer.field("token"),
        csrf: answer.field("csrf_token"),
        session_id: answer.field("session_id"),
        ..laptop.clone()
    };
    assert!(laptop.is_signed_in().await);
    app.login_from(&fresh_ip(), &laptop.email, OTHER_PASSWORD).await.expect(200);

    let log = laptop.get("/api/audit/logs?limit=100").await.expect(200);
    let actions: Vec<&str> =
        log.json["logs"].as_array().expect("rows").iter().filter_map(|row| row["action"].as_str()).collect();
    for expected in [
        "organization.create",
        "person.create",
        "auth.login",
        "event.create",
        "auth.login_failed",
        "auth.account_locked",
        "auth.rate_limited",
        "auth.account_unlocked",
        "auth.password_changed",
    ] {
        assert!(actions.contains(&expected), "{expected} is missing in {actions:?}");
    }
    assert_eq!(actions.iter().filter(|action| **action == "auth.login_failed").count(), 5);
    let created =
        &log.json["logs"].as_array().expect("rows").iter().find(|row| row["action"] == "event.create");
    let created = created.expect("the row");
    assert_eq!(created["changes"]["created"]["new"]["title"], "Beach cleanup");
    assert_eq!(created["user_id"], laptop.id);
    assert!(log.json["total"].as_u64().is_some_and(|total| total >= 14));
}
