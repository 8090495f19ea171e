//! Sessions over several nodes (contract, section 4): what ends at one is over at all, by the next request.

use crate::support::{OTHER_PASSWORD, PASSWORD, Persona, TestApp, fresh_ip};
use serde_json::json;
use testkit::redis::{Redis, RedisOptions};

/// A17: signing out, ending one device or all others, a new password, and what an admin does.
#[tokio::test]
async fn a_session_ended_at_one_node_is_refused_by_the_other_on_the_next_request() {
    let [here, there]: [TestApp; 2] = TestApp::nodes().await;
    let admin = here.admin().await;
    let person = here.volunteer(&admin).await;
    let at_there = |session: &Persona<'_>| session.at(&there);
    let gone = async |session: Persona<'_>| {
        session.get("/api/people/me").await.expect_problem(401, "unauthenticated");
    };
    let person_at = |what: &str| format!("/api/people/{}{what}", person.id);

    let device = person.on_another_device().await;
    assert!(at_there(&device).is_signed_in().await);
    device.poke("/api/auth/logout").await.expect(204);
    gone(at_there(&device)).await;

    let device = person.on_another_device().await;
    at_there(&person).delete(&format!("/api/sessions/{}", device.session_id)).await.expect(200);
    gone(device).await;

    let device = person.on_another_device().await;
    person.delete("/api/sessions").await.expect(200);
    gone(at_there(&device)).await;
    assert!(at_there(&person).is_signed_in().await, "all but the current one");

    let change = json!({"old_password": PASSWORD, "new_password": OTHER_PASSWORD});
    person.put("/api/auth/password", &change).await.expect(200);
    gone(at_there(&person)).await;

    let device = there.login_from(&fresh_ip(), &person.email, OTHER_PASSWORD).await.expect(200);
    let device = Persona::from_sign_in(&there, fresh_ip(), &person.email, OTHER_PASSWORD, &device);
    assert!(device.is_signed_in().await);
    admin.delete(&person_at("/sessions")).await.expect(200);
    gone(device.clone()).await;

    let device = device.on_another_device().await;
    admin.poke(&person_at("/lock")).await.expect(200);
    gone(device).await;
}

/// A17: a right given or taken at one node is given or taken at the other on the next request.
#[tokio::test]
async fn a_change_of_roles_at_one_node_is_in_force_at_the_other_on_the_next_request() {
    let [here, there]: [TestApp; 2] = TestApp::nodes().await;
    let admin = here.admin().await;
    let other = here.invited(&admin, &["admin"]).await;
    let roles = format!("/api/people/{}/roles", other.id);
    let team = json!({"name": "Ushers"});

    let before = other.at(&there);
    before.post("/api/teams", &team).await.expect(201);
    admin.put(&roles, &json!({"roles": ["volunteer"]})).await.expect(200);
    before.post("/api/teams", &team).await.expect_problem(401, "unauthenticated");
    let demoted = before.on_another_device().await;
    demoted.post("/api/teams", &team).await.expect_problem(403, "forbidden");

    admin.put(&roles, &json!({"roles": ["admin"]})).await.expect(200);
    demoted.get("/api/people/me").await.expect_problem(401, "unauthenticated");
    demoted.on_another_device().await.post("/api/teams", &json!({"name": "Choir"})).await.expect(201);
}

/// Section 4, the original's check: two devices are two keys and one index, and each goes by itself.
#[tokio::test]
async fn two_devices_are_two_keys_with_an_end_and_one_index() {
    let redis = Redis::private(&RedisOptions::default());
    let [here, there]: [TestApp; 2] = TestApp::nodes_through(&redis.url()).await;
    let laptop = here.admin().await;
    let phone = laptop.at(&there).on_another_device().await;
    let mut expected =
        [&laptop, &phone].map(|device| format!("session:{{{}}}:{}", device.id, device.session_id));
    expected.sort();
    let mut keys: Vec<String> = redis.ask(&["KEYS", "session:*"]);
    keys.sort();
    assert_eq!(keys, expected);
    let index = format!("user_sessions:{{{}}}", laptop.id);
    assert_eq!(redis.ask::<Vec<String>>(&["KEYS", "user_sessions:*"]), std::slice::from_ref(&index));
    assert_eq!(
        redis.ask::<Vec<String>>(&["ZRANGE", &index, "0", "-1"]).len(),
        2,
        "the index names both sessions"
    );
    let of_a_session = redis.ask::<i64>(&["TTL", &expected[0]]);
    assert!((1..=24 * 3600 + 120).contains(&of_a_session), "{of_a_session} s");
    assert!(redis.ask::<i64>(&["TTL", &index]) >= of_a_session, "the index outlives what it names");
    for key in redis.ask::<Vec<String>>(&["KEYS", "*"]) {
        assert!(redis.ask::<i64>(&["PTTL", &key]) > 0, "{key} never goes");
    }
    phone.poke("/api/auth/logout").await.expect(204);
    assert_eq!(redis.ask::<Vec<String>>(&["KEYS", "session:*"]).len(), 1);
}
