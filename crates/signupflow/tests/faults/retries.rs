//! A client that does not know whether its change was made, because the server was killed meanwhile.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use reqwest::Method;
use serde_json::{Value, json};

use crate::support::binary::{Binary, Tokens};
use crate::support::{Answer, fresh_email, fresh_ip};
use crate::tools::*;

async fn create_team(server: &Binary, who: &Tokens, key: &str) -> Option<Answer> {
    let request = server.request(&fresh_ip(), Method::POST, "/api/teams").bearer_auth(&who.token);
    let request = request.header("X-CSRF-Token", &who.csrf).header("Idempotency-Key", key);
    let response = request.json(&json!({"name": key})).send().await.ok()?;
    let (status, headers) = (response.status(), response.headers().clone());
    let text = response.text().await.ok()?;
    let json = serde_json::from_str(&text).unwrap_or(Value::Null);
    Some(Answer { status, headers, text, json })
}

/// Creates teams until the server is gone: key → the answer, if one came.
async fn create_until_killed(
    server: Arc<Binary>,
    who: Tokens,
    client: String,
) -> BTreeMap<String, Option<String>> {
    let mut answers = BTreeMap::new();
    for number in 0.. {
        let key = format!("{client}-{number}");
        let answer = create_team(&server, &who, &key).await.map(|answer| answer.expect(201).text);
        let gone = answer.is_none();
        answers.insert(key, answer);
        if gone {
            break;
        }
    }
    answers
}

/// F29: a client whose server was killed sends its change again with the same `Idempotency-Key`: it is made once,
/// whether it had been made or not, and what was answered before is answered again.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn retries_after_a_kill_make_each_change_once() {
    let folder = tempfile::tempdir().expect("a folder");
    let mut server = Arc::new(Binary::start(folder.path(), &[]).await);
    let who = server.found(&fresh_email()).await.expect("it lives");
    let mut made = 0;
    for round in 0..rounds() {
        let clients: Vec<_> = (0..8)
            .map(|client| {
                let name = format!("round-{round}-client-{client}");
                tokio::spawn(create_until_killed(server.clone(), who.clone(), name))
            })
            .collect();
        // Real time, and a moment nobody planned.
        tokio::time::sleep(Duration::from_millis(300)).await;
        kill(&server);
        let mut answers = BTreeMap::new();
        for client in clients {
            answers.extend(client.await.expect("a client saw something wrong"));
        }
        drop(server);
        server = Arc::new(Binary::start(folder.path(), &[]).await);
        for (key, before) in &answers {
            let again = create_team(&server, &who, key).await.expect("it lives").expect(201);
            if let Some(before) = before {
                assert_eq!(&again.text, before, "{key}");
            }
        }
        made += answers.len();
    }
    let mut names = Vec::new();
    let mut path = "/api/teams?limit=1000".to_owned();
    loop {
        let page =
            server.signed(&who, Method::GET, &path, &Value::Null).await.expect("it lives").expect(200).json;
        let items = page["items"].as_array().expect("items");
        names.extend(items.iter().map(|team| team["name"].as_str().expect("a name").to_owned()));
        let Some(cursor) = page["next_cursor"].as_str() else { break };
        path = format!("/api/teams?limit=1000&cursor={cursor}");
    }
    assert_eq!(names.len(), made);
    let path = "/api/audit/logs?limit=1&action=team.create";
    let rows = server.signed(&who, Method::GET, path, &Value::Null).await.expect("it lives").expect(200);
    assert_eq!(rows.json["total"], made);
    expect_no_fault_of_its_own(&server);
}
