//! Another process holds the file of the embedded database: a backup that reads, a tool that writes.

use std::time::{Duration, Instant};

use reqwest::Method;
use rusqlite::Connection;
use serde_json::{Value, json};

use crate::support::Answer;
use crate::support::binary::{Binary, Tokens};
use crate::support::fresh_email;
use crate::tools::*;

/// A change waits five seconds for the file, behind others that waited as long, on a busy machine.
const LONGEST_CHANGE: Duration = Duration::from_secs(14);

/// A tool beside the server, on the same file.
fn tool(server: &Binary) -> Connection {
    let path = std::fs::read_dir(&server.data_dir)
        .expect("the data folder")
        .filter_map(|entry| Some(entry.ok()?.path()))
        .find(|path| path.extension().is_some_and(|kind| kind == "db"))
        .expect("a database");
    Connection::open(path).expect("it opens")
}

async fn create_team(server: &Binary, who: &Tokens, name: &str) -> Answer {
    let made = server.signed(who, Method::POST, "/api/teams", &json!({"name": name})).await;
    made.expect("the server lives")
}

async fn teams(server: &Binary, who: &Tokens) -> usize {
    let begun = Instant::now();
    let page = server.signed(who, Method::GET, "/api/teams?limit=1000", &Value::Null).await;
    let page = page.expect("the server lives").expect(200);
    assert!(begun.elapsed() < LONGEST_ANSWER, "{:?}", begun.elapsed());
    page.json["items"].as_array().expect("items").len()
}

/// F37: while a backup reads SQLite's file everything goes on; while another program writes to it reading goes on and
/// changes wait, ten seconds at most before they get 503 with `Retry-After` and nothing of them is stored; nobody
/// ever sees `database is locked`.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_held_file_delays_changes_and_nothing_else() {
    let folder = tempfile::tempdir().expect("a folder");
    let server = Binary::start(folder.path(), &[]).await;
    let who = server.found(&fresh_email()).await.expect("it lives");
    let tool = tool(&server);

    tool.execute_batch("BEGIN; SELECT count(*) FROM people").expect("it reads");
    for number in 0..20 {
        create_team(&server, &who, &format!("During the backup {number}")).await.expect(201);
        assert_eq!(teams(&server, &who).await, number + 1);
    }
    tool.execute_batch("COMMIT; BEGIN IMMEDIATE").expect("it writes");
    let waiting = create_team(&server, &who, "Patience");
    let meanwhile = async {
        for _ in 0..10 {
            assert_eq!(teams(&server, &who).await, 20);
            me(&server, &who).await.expect(200);
            // The program keeps real time.
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        tool.execute_batch("COMMIT").expect("it ends");
    };
    let (patient, ()) = tokio::join!(waiting, meanwhile);
    patient.expect(201);

    tool.execute_batch("BEGIN IMMEDIATE").expect("it writes again");
    let begun = Instant::now();
    let (one, two) =
        tokio::join!(create_team(&server, &who, "Refused"), create_team(&server, &who, "As well"));
    assert!(begun.elapsed() < LONGEST_CHANGE, "{:?}", begun.elapsed());
    for refused in [one, two] {
        assert!(
            !refused.text.contains("locked") && !refused.text.contains("database is"),
            "{}",
            refused.text
        );
        expect_away(refused);
    }
    assert_eq!(teams(&server, &who).await, 21);
    tool.execute_batch("COMMIT").expect("it ends");
    create_team(&server, &who, "Refused").await.expect(201);
    assert_eq!(teams(&server, &who).await, 22, "nothing of the refused ones was stored");
    expect_no_fault_of_its_own(&server);
}
