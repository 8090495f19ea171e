//! Locking everybody out: an organization's last admin can be neither demoted, locked nor deleted (A55).

use crate::support::{Answer, Persona, TestApp};
use reqwest::Method;
use serde_json::json;

async fn unlimited() -> TestApp {
    TestApp::with(&[("RATE_LIMITING_ENABLED", "false")]).await
}

fn path(persona: &Persona<'_>, more: &str) -> String {
    format!("/api/people/{}{more}", persona.id)
}

async fn each_way_out(admin: &Persona<'_>, who: &Persona<'_>) -> [Answer; 3] {
    [
        admin.put(&path(who, "/roles"), &json!({"roles": ["volunteer"]})).await,
        admin.poke(&path(who, "/lock")).await,
        admin.delete(&path(who, "")).await,
    ]
}

/// A55: the last admin can be neither demoted, locked nor deleted, not even by themselves.
#[tokio::test]
async fn the_last_admin_stays() {
    let app = unlimited().await;
    let admin = app.admin().await;
    app.volunteer(&admin).await;
    for refused in each_way_out(&admin, &admin).await {
        refused.expect_problem(409, "last_admin");
    }
    assert!(admin.is_signed_in().await);
    let told = app.audit_rows("auth.access_denied").await;
    let [row] = told.as_slice() else { panic!("one row for the three of a minute, not {told:?}") };
    assert_eq!((&*row.org_id, &*row.user_id, &*row.status), (&*admin.org_id, &*admin.id, "failure"));
    assert_eq!(row.resource_id, format!("PUT {}", path(&admin, "/roles")));
    assert_eq!(row.error_message.as_deref(), Some("the last admin of an organization stays"));
    let second = app.invited(&admin, &["admin"]).await;
    admin.poke(&path(&second, "/lock")).await.expect(200);
    for refused in each_way_out(&admin, &admin).await {
        refused.expect_problem(409, "last_admin");
    }
    admin.poke(&path(&second, "/unlock")).await.expect(200);
    admin.put(&path(&admin, "/roles"), &json!({"roles": ["volunteer"]})).await.expect(200);
    let second = second.on_another_device().await;
    for refused in each_way_out(&second, &second).await {
        refused.expect_problem(409, "last_admin");
    }
}

/// A55: two admins who demote each other at the same moment: one of them stays.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn two_admins_who_demote_each_other_leave_one() {
    let app = unlimited().await;
    let (mut won, mut conflicts) = (0, 0);
    for _ in 0..8 {
        let first = app.admin().await;
        let second = app.invited(&first, &["admin"]).await;
        let body = json!({"roles": ["volunteer"]});
        let demote = |by: &Persona<'_>, who: &Persona<'_>| {
            let request = by.request(Method::PUT, &path(who, "/roles")).json(&body);
            async move { Answer::of(request.send().await).await }
        };
        let (one, other) = tokio::join!(demote(&first, &second), demote(&second, &first));
        for answer in [&one, &other] {
            match answer.status.as_u16() {
                200 => won += 1,
                // The last one left; or, when the other was faster, no longer signed in.
                409 => conflicts += 1,
                status => assert_eq!(status, 401, "{}", answer.text),
            }
        }
        let left = [&first, &second].map(crate::support::persona::Persona::on_another_device);
        let [first, second] = left;
        let (first, second) = (first.await, second.await);
        let mut admins = 0;
        for who in [&first, &second] {
            admins += usize::from(who.get("/api/lockouts").await.status == 200);
        }
        assert_eq!(admins, 1);
    }
    assert_eq!(won, 8, "each time exactly one succeeds; {conflicts} conflicts");
}
