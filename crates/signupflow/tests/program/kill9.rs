//! The process is killed at any moment under load. What it acknowledged is there afterwards, exactly once
//! and with exactly one audit row; and nothing is there without its row.
//!
//! `SIGNUPFLOW_KILL_ROUNDS` sets how often (5).

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use crate::support::binary::{Binary, Tokens};
use crate::support::fresh_email;
use backends::sql::Database;
use reqwest::Method;
use serde_json::{Value, json};

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
    let who = server.found(&fresh_email()).await?;
    note(journal, |journal| journal.people.push(who.clone()));
    for number in 0..6 {
        let title = format!("Event {number}");
        let body = json!({"title": title, "type": "service",
            "start": "2026-12-01T09:00:00Z", "end": "2026-12-01T12:00:00Z"});
        let made = server.signed(&who, Method::POST, "/api/events", &body).await?.expect(201).field("id");
        note(journal, |journal| {
            journal.events.entry(who.email.clone()).or_default().insert(made, title);
        });
    }
    let again = server.login(&who.email, crate::support::PASSWORD).await?.expect(200);
    let second = Tokens { token: again.field("token"), csrf: again.field("csrf_token"), ..who.clone() };
    server.signed(&second, Method::POST, "/api/auth/logout", &Value::Null).await?.expect(204);
    note(journal, |journal| journal.signed_out.push(second));
    for _ in 0..5 {
        server.login(&who.email, "wrong").await?.expect(401);
    }
    note(journal, |journal| {
        journal.locked.insert(who.email.clone());
    });
    Some(())
}

/// Every row of one kind in an organization's audit log: resource id → how many.
async fn rows_of(server: &Binary, who: &Tokens, action: &str) -> BTreeMap<String, usize> {
    let path = format!("/api/audit/logs?limit=1000&action={action}");
    let page = server.signed(who, Method::GET, &path, &Value::Null).await.expect("it lives").expect(200);
    let mut counts = BTreeMap::new();
    for row in page.json["logs"].as_array().expect("rows") {
        *counts.entry(row["resource_id"].as_str().expect("an id").to_owned()).or_insert(0) += 1;
    }
    counts
}

async fn check(server: &Binary, journal: &Journal) {
    for who in &journal.people {
        let me = server.signed(who, Method::GET, "/api/people/me", &Value::Null).await.expect("it lives");
        assert_eq!(me.expect(200).json["email"], who.email, "the session is still valid");
        let events = server.signed(who, Method::GET, "/api/events?limit=1000", &Value::Null).await;
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
        let me = server.signed(who, Method::GET, "/api/people/me", &Value::Null).await.expect("it lives");
        me.expect_problem(401, "unauthenticated");
    }
    for email in &journal.locked {
        let refused = server.login(email, crate::support::PASSWORD).await.expect("it lives");
        refused.expect_problem(429, "account_locked");
    }
}

/// F09: what the server acknowledged before it was killed is there afterwards, once and with one audit row; what
/// was ended stays ended and what was locked stays locked.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_acknowledged_is_lost_or_doubled_when_the_process_is_killed() {
    let rounds = std::env::var("SIGNUPFLOW_KILL_ROUNDS").ok().and_then(|text| text.parse().ok()).unwrap_or(5);
    let folder = tempfile::tempdir().expect("a temporary folder");
    let mut moment = u64::from(std::process::id());
    for number in 0..rounds {
        let journal = Shared::default();
        let server = Arc::new(Binary::start(folder.path(), &[("LOG_FORMAT", "json")]).await);
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
        let server = Binary::start(folder.path(), &[]).await;
        assert!(server.start_took < Duration::from_secs(5), "{:?}", server.start_took);
        let journal = std::mem::take(&mut *journal.lock().expect("nobody panics with it"));
        assert!(!journal.people.is_empty(), "round {number} did nothing");
        check(&server, &journal).await;
        drop(server);
        sound(folder.path()).await;
    }
}

fn kill(pid: u32) {
    let status = std::process::Command::new("kill").args(["-9", &pid.to_string()]).status();
    assert!(status.expect("kill can be run").success());
}

async fn sound(folder: &std::path::Path) {
    let file = folder.join("data").join(signupflow::config::DATABASE_FILE);
    let database = Database::open_sqlite(&file).await.expect("it opens");
    let rows = database.rows("PRAGMA integrity_check", Vec::new()).await.expect("it can be checked");
    let said: Vec<String> = rows.iter().map(|row| row.text("integrity_check").expect("text")).collect();
    assert_eq!(said, ["ok"]);
    database.close().await;
}
