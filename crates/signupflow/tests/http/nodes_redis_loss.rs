//! What is left when Redis forgets: signed out at most, never let in. The truth about endings and locks is in SQL.

use std::time::Duration;

use crate::support::{OTHER_PASSWORD, PASSWORD, TestApp, fresh_ip};
use accounts::housekeeping::follow_revocations;
use serde_json::json;
use testkit::redis::{Redis, RedisCluster, RedisOptions};

const LOCK: u64 = 900;

/// What every node does once a second.
async fn follow(node: &TestApp) {
    follow_revocations(&node.assembly.services).await.expect("Redis and the database answer");
}

/// F05: FLUSHALL signs everybody out at most: locks stay, nobody gets somebody else's session, all can sign in.
#[tokio::test]
async fn a_flushed_redis_signs_out_at_most() {
    let redis = Redis::private(&RedisOptions::default());
    let nodes: [TestApp; 2] = TestApp::nodes_through(&redis.url()).await;
    let [here, there] = &nodes;
    let (admin, other) = (here.admin().await, there.admin().await);
    let victim = here.volunteer(&admin).await;
    let signed_out = other.on_another_device().await;
    signed_out.poke("/api/auth/logout").await.expect(204);
    for node in nodes.iter().cycle().take(5) {
        node.login_from(&fresh_ip(), &victim.email, "wrong").await.expect(401);
    }
    redis.flush();
    for node in &nodes {
        for before in [&admin, &other, &victim, &signed_out] {
            before.at(node).get("/api/people/me").await.expect_problem(401, "unauthenticated");
        }
        node.login_from(&fresh_ip(), &victim.email, PASSWORD).await.expect_problem(429, "account_locked");
        follow(node).await;
    }
    for person in [&admin, &other] {
        let again = person.on_another_device().await;
        for node in &nodes {
            let me = again.at(node).get("/api/people/me").await.expect(200);
            assert_eq!(
                (&me.json["id"], &me.json["email"]),
                (&person.id.as_str().into(), &person.email.as_str().into())
            );
            person.at(node).get("/api/people/me").await.expect_problem(401, "unauthenticated");
        }
    }
    here.advance(LOCK);
    there.login_from(&fresh_ip(), &victim.email, PASSWORD).await.expect(200);
}

/// F04: a Redis restored from a copy of before a revocation and a lock brings neither the session nor the attempts
/// back for longer than the next look at the database.
#[tokio::test]
async fn a_restored_redis_brings_nothing_back() {
    let redis = Redis::private(&RedisOptions::default());
    let nodes: [TestApp; 2] = TestApp::nodes_through(&redis.url()).await;
    let [here, there] = &nodes;
    let admin = here.admin().await;
    let (victim, demoted) = (here.volunteer(&admin).await, here.volunteer(&admin).await);
    let (kept, signed_out) = (victim.on_another_device().await, victim.on_another_device().await);
    follow(here).await;
    let _: String = redis.ask(&["SAVE"]);

    here.advance(60);
    signed_out.poke("/api/auth/logout").await.expect(204);
    admin.delete(&format!("/api/people/{}/sessions", demoted.id)).await.expect(200);
    for node in nodes.iter().cycle().take(5) {
        node.login_from(&fresh_ip(), &victim.email, "wrong").await.expect(401);
    }
    follow(there).await;
    here.advance(60);
    redis.restart();
    let restored: usize =
        redis.ask(&["EXISTS", &format!("session:{{{}}}:{}", victim.id, signed_out.session_id)]);
    assert_eq!(restored, 1, "the copy knows the session");

    for node in &nodes {
        node.login_from(&fresh_ip(), &victim.email, PASSWORD).await.expect_problem(429, "account_locked");
    }
    follow(there).await;
    for node in &nodes {
        for dead in [&signed_out, &demoted] {
            dead.at(node).get("/api/people/me").await.expect_problem(401, "unauthenticated");
        }
        assert!(kept.at(node).is_signed_in().await, "what was not ended goes on");
    }
}

/// F04: one master of a cluster that is restored from a copy, while the others know better, brings no session back
/// for longer than the next look at the database, whichever master it is.
#[tokio::test]
async fn a_restored_part_of_a_cluster_brings_nothing_back() {
    let cluster = RedisCluster::start();
    let node = TestApp::shared_through(&cluster.url(), &[("RATE_LIMIT_API_REQUESTS", "1000")]).await;
    let admin = node.admin().await;
    for master in 0..3 {
        let victim = loop {
            let person = node.volunteer(&admin).await;
            if cluster.owner(cluster.slot_of(&format!("user_sessions:{{{}}}", person.id))) == master {
                break person;
            }
        };
        let signed_out = victim.on_another_device().await;
        follow(&node).await;
        cluster.save(master);

        node.advance(60);
        signed_out.poke("/api/auth/logout").await.expect(204);
        let new = json!({"old_password": PASSWORD, "new_password": OTHER_PASSWORD});
        victim.put("/api/auth/password", &new).await.expect(200);
        for _ in 0..3 {
            node.advance(60);
            follow(&node).await;
        }
        cluster.kill(master);
        cluster.restart(master);
        while !victim.is_signed_in().await {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        assert!(signed_out.is_signed_in().await, "the copy knows both sessions");

        follow(&node).await;
        for dead in [&signed_out, &victim] {
            dead.get("/api/people/me").await.expect_problem(401, "unauthenticated");
        }
    }
}
