//! The program is asked to stop while it is used.

use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use reqwest::Method;
use serde_json::json;
use tokio::io::AsyncWriteExt as _;
use tokio::net::TcpStream;

use crate::bookkeeping::{Told, check_on, event};
use crate::support::binary::{Binary, Tokens};
use crate::support::{Answer, PASSWORD, fresh_email, fresh_ip};
use crate::tools::*;

const CLIENTS: usize = 5;
const STOPPED_WITHIN: Duration = Duration::from_secs(30);

/// One answer; none once the server takes no connections any more. Anything else is a request that failed.
async fn asked(request: reqwest::RequestBuilder) -> Option<Answer> {
    match request.send().await {
        Err(error) if error.is_connect() => None,
        answered => Some(Answer::of(answered).await),
    }
}

/// Creates events until the server is gone.
async fn create(server: Arc<Binary>, who: Tokens, told: Arc<Mutex<Told>>) {
    loop {
        let title = format!("{} {}", who.email, fresh_ip());
        let request = server.request(&fresh_ip(), Method::POST, "/api/events").bearer_auth(&who.token);
        let request = request.header("X-CSRF-Token", &who.csrf).json(&event(&title));
        let Some(answer) = asked(request).await else { return };
        told.lock().expect("nobody panics with it").note(title, &answer.expect(201));
    }
}

/// Signs in until the server is gone: a request that takes its time.
async fn sign_in(server: Arc<Binary>, email: String) {
    let body = json!({"email": email, "password": PASSWORD});
    loop {
        let request = server.request(&fresh_ip(), Method::POST, "/api/auth/login").json(&body);
        let Some(answer) = asked(request).await else { return };
        answer.expect(200);
    }
}

/// What a balancer and a client see of a server that leaves.
async fn expect_leaving(server: &Binary) {
    let begun = Instant::now();
    loop {
        let ready = asked(server.request(&fresh_ip(), Method::GET, "/ready")).await;
        let ready = ready.expect("it is said before connections are refused");
        if ready.status != 200 {
            ready.expect_problem(503, "shutting_down");
            break;
        }
        assert!(begun.elapsed() < Duration::from_secs(10), "it is ready for ever");
    }
    let health =
        asked(server.request(&fresh_ip(), Method::GET, "/health")).await.expect("new ones are taken");
    assert_eq!(health.expect(200).header("connection"), "close");
}

/// F11: a server that is asked to stop sends the load balancer away first, answers every request it took, refuses
/// new ones then, and ends well within thirty seconds with everything stored that it acknowledged.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stop_under_load_fails_no_request() {
    let folder = tempfile::tempdir().expect("a folder");
    let settings = [("SHUTDOWN_GRACE_SECONDS", "1")];
    let mut people: Vec<(Tokens, Arc<Mutex<Told>>)> = Vec::new();
    for round in 0..rounds() {
        let server = Arc::new(Binary::start(folder.path(), &settings).await);
        if round == 0 {
            for _ in 0..CLIENTS {
                people.push((server.found(&fresh_email()).await.expect("it lives"), Arc::default()));
            }
        }
        let email = server.found(&fresh_email()).await.expect("it lives").email;
        let mut clients = vec![tokio::spawn(sign_in(server.clone(), email))];
        for (who, told) in &people {
            clients.push(tokio::spawn(create(server.clone(), who.clone(), told.clone())));
        }
        // Real time: the load has to get going.
        tokio::time::sleep(Duration::from_millis(300 + 70 * u64::from(round))).await;
        let asked_to_stop = Instant::now();
        server.program.terminate();
        expect_leaving(&server).await;
        for client in clients {
            client.await.expect("a request failed");
        }
        let mut server = Arc::into_inner(server).expect("all clients are gone");
        let ended = server.program.wait_for_exit(STOPPED_WITHIN).await;
        assert_eq!(ended.code(), Some(0), "{}", server.program.stderr());
        assert!(asked_to_stop.elapsed() < STOPPED_WITHIN);
    }
    let server = Binary::start(folder.path(), &settings).await;
    for (who, told) in &people {
        let told = std::mem::take(&mut *told.lock().expect("nobody panics with it"));
        assert!(!told.created.is_empty());
        check_on(&server, who, &told).await;
    }
}

/// F11: a second request to stop ends the server at once; it says how many requests were cut off, and its exit code
/// that not all went well.
#[tokio::test]
async fn a_second_request_to_stop_says_what_was_cut() {
    let folder = tempfile::tempdir().expect("a folder");
    let mut server = Binary::start(folder.path(), &[("SHUTDOWN_GRACE_SECONDS", "10")]).await;
    let mut waiting = TcpStream::connect(server.address).await.expect("it listens");
    let head = "POST /api/auth/login HTTP/1.1\r\nHost: accounts.test\r\nContent-Type: application/json\r\n\
                Content-Length: 100\r\n\r\n{";
    waiting.write_all(head.as_bytes()).await.expect("it reads");
    server.program.terminate();
    expect_leaving(&server).await;
    server.program.terminate();
    let ended = server.program.wait_for_exit(Duration::from_secs(10)).await;
    assert_eq!(ended.code(), Some(1));
    let said = server.program.stderr();
    assert!(said.contains("cut off: 1 (asked to stop a second time)"), "{said}");
}
