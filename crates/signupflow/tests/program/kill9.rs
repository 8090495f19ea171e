//! The process is killed at any moment under load. What it acknowledged is there afterwards, exactly once
//! and with exactly one audit row; and nothing is there without its row.
//!
//! `SIGNUPFLOW_KILL_ROUNDS` sets how often (5).

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use crate::support::binary::{Binary, Tokens};
use crate::support::{Answer, KEYS, PASSWORD, fresh_email};
use backends::sql::Database;
use reqwest::Method;
use serde_json::{Value, json};
use testkit::postgres::Postgres;
use testkit::redis::Redis;

const CLIENTS: usize = 16;

/// What the server has acknowledged.
#[derive(Default)]
struct Journal {
    people: Vec<Tokens>,
    signed_out: Vec<Tokens>,
    locked: BTreeSet<String>,
    /// Event id → title, by e-mail of the admin.
    events: BTreeMap<String, BTreeMap<String, String>>,
}

type Shared = Arc<Mutex<Journal>>;

fn note(journal: &Shared, what: impl FnOnce(&mut Journal)) {
    what(&mut journal.lock().expect("nobody panics with it"));
}

/// One client: founds organizations, creates events, signs out and in, gets accounts locked, until the server
/// is gone.
async fn client(server: Arc<Binary>, journal: Shared) {
    while round(&server, &journal).await.is_some() {}
}

async fn round(server: &Binary, journal: &Shared) -> Option<()> {
    let who = found(server).await?;
    note(journal, |journal| journal.people.push(who.clone()));
    for number in 0..6 {
        let title = format!("Event {number}");
        let body = json!({"title": title, "type": "service",
            "start": "2026-12-01T09:00:00Z", "end": "2026-12-01T12:00:00Z"});
        let made = steady(server, &who, Method::POST, "/api/events", &body).await?.expect(201).field("id");
        note(journal, |journal| {
            journal.events.entry(who.email.clone()).or_default().insert(made, title);
        });
    }
    let again = steady_login(server, &who.email, PASSWORD).await?.expect(200);
    let second = Tokens { token: again.field("token"), csrf: again.field("csrf_token"), ..who.clone() };
    let ended = server.signed(&second, Method::POST, "/api/auth/logout", &Value::Null).await?;
    if ended.status == 204 {
        note(journal, |journal| journal.signed_out.push(second));
    } else {
        ended.expect_problem(503, "backend_unavailable");
    }
    for _ in 0..5 {
        let wrong = steady_login(server, &who.email, "wrong").await?;
        // One whose answer was that Redis is away may have been counted.
        assert!(matches!(wrong.status.as_u16(), 401 | 429), "{}", wrong.text);
    }
    note(journal, |journal| {
        journal.locked.insert(who.email.clone());
    });
    Some(())
}

/// Somebody who founds an organization; another one when Redis was away, for the first may be there already.
async fn found(server: &Binary) -> Option<Tokens> {
    loop {
        let email = fresh_email();
        let body = json!({"name": "Ada", "email": email, "password": PASSWORD, "org_name": "Helping Hands"});
        let answer = server.post("/api/auth/signup", &body).await?;
        if answer.json["code"] != "backend_unavailable" {
            let answer = answer.expect(201);
            return Some(Tokens { email, token: answer.field("token"), csrf: answer.field("csrf_token") });
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}

/// A request with a session, again while it is answered that Redis is away: on a machine that compiles and tests, calls
/// take longer than their 50 ms without a fault too. Nothing was done then.
async fn steady(server: &Binary, who: &Tokens, method: Method, path: &str, body: &Value) -> Option<Answer> {
    loop {
        let answer = server.signed(who, method.clone(), path, body).await?;
        if answer.json["code"] != "backend_unavailable" {
            return Some(answer);
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}

async fn steady_login(server: &Binary, email: &str, password: &str) -> Option<Answer> {
    loop {
        let answer = server.login(email, password).await?;
        if answer.json["code"] != "backend_unavailable" {
            return Some(answer);
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}

/// Every row of one kind in an organization's audit log: resource id → how many.
async fn rows_of(server: &Binary, who: &Tokens, action: &str) -> BTreeMap<String, usize> {
    let path = format!("/api/audit/logs?limit=1000&action={action}");
    let page = steady(server, who, Method::GET, &path, &Value::Null).await.expect("it lives").expect(200);
    let mut counts = BTreeMap::new();
    for row in page.json["logs"].as_array().expect("rows") {
        *counts.entry(row["resource_id"].as_str().expect("an id").to_owned()).or_insert(0) += 1;
    }
    counts
}

async fn check(server: &Binary, journal: &Journal) {
    for who in &journal.people {
        let me = steady(server, who, Method::GET, "/api/people/me", &Value::Null).await.expect("it lives");
        assert_eq!(me.expect(200).json["email"], who.email, "the session is still valid");
        let events = steady(server, who, Method::GET, "/api/events?limit=1000", &Value::Null).await;
        let events = events.expect("it lives").expect(200).json["items"].as_array().expect("items").clone();
        let stored: BTreeMap<String, String> = events
            .iter()
            .map(|event| {
                (event["id"].as_str().expect("id").into(), event["title"].as_str().expect("title").into())
            })
            .collect();
        assert_eq!(stored.len(), events.len());
        for (id, title) in journal.events.get(&who.email).into_iter().flatten() {
            assert_eq!(stored.get(id), Some(title), "an acknowledged event of {} is gone", who.email);
        }
        let rows = rows_of(server, who, "event.create").await;
        assert!(rows.values().all(|count| *count == 1), "{rows:?}");
        assert!(rows.keys().eq(stored.keys()), "changes and rows differ: {rows:?} {stored:?}");
        for action in ["person.create", "organization.create"] {
            assert_eq!(rows_of(server, who, action).await.values().sum::<usize>(), 1, "{action}");
        }
    }
    for who in &journal.signed_out {
        let me = steady(server, who, Method::GET, "/api/people/me", &Value::Null).await.expect("it lives");
        me.expect_problem(401, "unauthenticated");
    }
    for email in &journal.locked {
        let refused = steady_login(server, email, PASSWORD).await.expect("it lives");
        refused.expect_problem(429, "account_locked");
    }
}

/// F09: what the server acknowledged before it was killed is there afterwards, once and with one audit row; what
/// was ended stays ended and what was locked stays locked; it is back within two seconds.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_acknowledged_is_lost_or_doubled_when_the_process_is_killed() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    killed_again_and_again(folder.path(), &[]).await;
    sound(folder.path()).await;
}

/// F09: the same holds with PostgreSQL and Redis.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_acknowledged_is_lost_or_doubled_with_postgres_and_redis() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let (database, redis) = (Postgres::shared().fresh_database().await, Redis::shared().fresh_database());
    let servers = [("DATABASE_URL", &*database), ("REDIS_URL", &*redis), ("MIGRATE_ON_START", "true")];
    killed_again_and_again(folder.path(), &[servers.as_slice(), KEYS.as_slice()].concat()).await;
}

async fn killed_again_and_again(folder: &Path, variables: &[(&str, &str)]) {
    let rounds = std::env::var("SIGNUPFLOW_KILL_ROUNDS").ok().and_then(|text| text.parse().ok()).unwrap_or(5);
    let logged = [variables, [("LOG_FORMAT", "json")].as_slice()].concat();
    let mut fastest = Duration::MAX;
    let mut moment = u64::from(std::process::id());
    for number in 0..rounds {
        let journal = Shared::default();
        let server = Arc::new(Binary::start(folder, &logged).await);
        let clients: Vec<_> =
            (0..CLIENTS).map(|_| tokio::spawn(client(server.clone(), journal.clone()))).collect();
        moment = moment.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        // Real time, and a moment nobody planned: both are what is tested.
        while journal.lock().expect("nobody panics with it").locked.is_empty() {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        tokio::time::sleep(Duration::from_millis((moment >> 33) % 1_500)).await;
        kill(server.program.pid());
        for client in clients {
            client.await.expect("a client saw something wrong");
        }
        drop(server);
        let server = Binary::start(folder, variables).await;
        fastest = fastest.min(server.start_took);
        let journal = std::mem::take(&mut *journal.lock().expect("nobody panics with it"));
        assert!(!journal.people.is_empty(), "round {number} did nothing");
        check(&server, &journal).await;
    }
    // A machine that compiles beside it may be slow in one round.
    assert!(fastest <= Duration::from_secs(2), "{fastest:?}");
}

fn kill(pid: u32) {
    let status = std::process::Command::new("kill").args(["-9", &pid.to_string()]).status();
    assert!(status.expect("kill can be run").success());
}

async fn sound(folder: &Path) {
    let file = folder.join("data").join(signupflow::config::DATABASE_FILE);
    let database = Database::open_sqlite(&file).await.expect("it opens");
    let rows = database.rows("PRAGMA integrity_check", Vec::new()).await.expect("it can be checked");
    let said: Vec<String> = rows.iter().map(|row| row.text("integrity_check").expect("text")).collect();
    assert_eq!(said, ["ok"]);
    database.close().await;
}
