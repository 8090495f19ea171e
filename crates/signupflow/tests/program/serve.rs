//! `signupflow serve` and `demo`, as processes.

use std::net::SocketAddr;
use std::time::Duration;

use serde_json::{Value, json};
use testkit::free_port::free_tcp_port;
use testkit::process::{Program, RunningProgram};

const PATIENCE: Duration = Duration::from_mins(1);

fn program(arguments: &[&str]) -> Program {
    Program::new(env!("CARGO_BIN_EXE_signupflow")).args(arguments.iter().copied())
}

/// The cells of the demo's login table: role, address, password.
fn logins(program: &RunningProgram) -> Vec<(String, String)> {
    let text = program.stdout();
    let rows = text.lines().filter(|line| line.contains("@helping-hands.example") && !line.contains("curl"));
    rows.filter_map(|line| {
        let mut cells = line.split_whitespace().rev();
        let password = cells.next()?.to_owned();
        Some((cells.next()?.to_owned(), password))
    })
    .filter(|(email, _)| email.ends_with(".example"))
    .collect()
}

async fn sign_in(port: u16, email: &str, password: &str) -> (u16, Value) {
    let answer = reqwest::Client::new()
        .post(format!("http://127.0.0.1:{port}/api/auth/login"))
        .json(&json!({ "email": email, "password": password }))
        .send()
        .await
        .expect("an answer");
    (answer.status().as_u16(), answer.json().await.expect("JSON"))
}

#[tokio::test]
async fn serve_starts_answers_and_stops() {
    let folder = tempfile::tempdir().expect("a folder");
    let port = free_tcp_port();
    let mut server = program(&["serve"])
        .env("DATA_DIR", folder.path().join("data"))
        .env("BIND_ADDRESS", format!("127.0.0.1:{port}"))
        .start();
    server.wait_for_port(SocketAddr::from(([127, 0, 0, 1], port)), PATIENCE).await;
    let health: Value = reqwest::get(format!("http://127.0.0.1:{port}/health"))
        .await
        .expect("an answer")
        .json()
        .await
        .expect("JSON");
    assert_eq!(health["status"], "healthy");
    server.wait_for_line("secrets.env", PATIENCE).await;
    server.terminate();
    assert_eq!(server.wait_for_exit(PATIENCE).await.code(), Some(0), "{}", server.stderr());
}

#[tokio::test]
async fn a_taken_address_ends_with_2() {
    let folder = tempfile::tempdir().expect("a folder");
    let taken = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
    let mut server = program(&["serve"])
        .env("DATA_DIR", folder.path().join("data"))
        .env("BIND_ADDRESS", taken.local_addr().expect("bound").to_string())
        .start();
    assert_eq!(server.wait_for_exit(PATIENCE).await.code(), Some(2), "{}", server.stderr());
    assert!(server.stderr().contains("error: "));
}

#[tokio::test]
async fn a_taken_metrics_address_is_told_by_name_before_anything_is_written() {
    let folder = tempfile::tempdir().expect("a folder");
    let taken = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
    let mut server = program(&["serve"])
        .env("DATA_DIR", folder.path().join("data"))
        .env("BIND_ADDRESS", format!("127.0.0.1:{}", free_tcp_port()))
        .env("METRICS_ADDRESS", taken.local_addr().expect("bound").to_string())
        .start();
    assert_eq!(server.wait_for_exit(PATIENCE).await.code(), Some(2), "{}", server.stderr());
    assert!(server.stderr().contains("METRICS_ADDRESS"), "{}", server.stderr());
    assert!(!folder.path().join("data/signupflow.db").exists(), "nothing was migrated");
}

#[tokio::test]
async fn a_demo_has_people_teams_and_events_and_keeps_them() {
    let folder = tempfile::tempdir().expect("a folder");
    let data = folder.path().join("demo");
    let port = free_tcp_port().to_string();
    let start = || {
        program(&["demo", "--port", &port, "--data-dir", data.to_str().expect("UTF-8")])
            // A production's setting must not reach a demo.
            .env("DATABASE_URL", "postgresql://u@127.0.0.1:1/production")
            .start()
    };
    let mut demo = start();
    demo.wait_for_line("curl", PATIENCE).await;
    let port_number = port.parse().expect("a number");
    let first = logins(&demo);
    assert_eq!(first.len(), 3, "{}", demo.stdout());
    for (email, password) in &first {
        let (status, body) = sign_in(port_number, email, password).await;
        assert_eq!(status, 200, "{email}: {body}");
        let token = body["token"].as_str().expect("a token");
        for (what, least) in [("people", 3), ("teams", 2), ("events", 3)] {
            let url = format!("http://127.0.0.1:{port}/api/{what}");
            let list: Value = reqwest::Client::new()
                .get(url)
                .bearer_auth(token)
                .send()
                .await
                .expect("an answer")
                .json()
                .await
                .expect("JSON");
            assert!(list["items"].as_array().is_some_and(|items| items.len() >= least), "{what}: {list}");
        }
    }
    demo.terminate();
    assert_eq!(demo.wait_for_exit(PATIENCE).await.code(), Some(0), "{}", demo.stderr());

    let mut again = start();
    again.wait_for_line("curl", PATIENCE).await;
    assert_eq!(logins(&again), first, "the next start goes on with the same accounts");
}

#[tokio::test]
async fn a_demo_leaves_nothing_and_touches_no_other_data() {
    let scratch = tempfile::tempdir().expect("a folder");
    let mut demo = program(&["demo"]).env("TMPDIR", scratch.path()).start();
    demo.wait_for_line("curl", PATIENCE).await;
    assert_eq!(std::fs::read_dir(scratch.path()).expect("there").count(), 1);
    demo.terminate();
    assert_eq!(demo.wait_for_exit(PATIENCE).await.code(), Some(0), "{}", demo.stderr());
    assert_eq!(std::fs::read_dir(scratch.path()).expect("there").count(), 0, "the temporary data is gone");
}
