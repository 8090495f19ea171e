use std::time::Duration;

use axum::{
    Router,
    extract::{Extension, Request},
    middleware::Next,
    response::IntoResponse as _,
    routing::get,
};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    sync::{mpsc, oneshot},
    task::JoinHandle,
    time::{Instant, timeout},
};

use super::*;
use crate::web::head_limits::HeadLimits;

const PATIENCE: Duration = Duration::from_secs(10);
const SHORT: Duration = Duration::from_millis(200);

/// A server with short limits, whose `/wait` answers when told to.
struct Running {
    address: SocketAddr,
    entered: mpsc::Receiver<()>,
    release: watch::Sender<bool>,
    stop: oneshot::Sender<()>,
    hurry: oneshot::Sender<()>,
    served: JoinHandle<Result<Drained, CutShort>>,
}

fn short() -> Limits {
    Limits { head_timeout: SHORT, idle_timeout: SHORT, write_stall_timeout: SHORT, ..Limits::default() }
}

async fn start(limits: Limits) -> Running {
    let (enter, entered) = mpsc::channel(8);
    let (release, released) = watch::channel(false);
    let wait = move || {
        let (enter, mut released) = (enter.clone(), released.clone());
        async move {
            enter.send(()).await.unwrap();
            released.wait_for(|released| *released).await.unwrap();
            "waited"
        }
    };
    let router = Router::new()
        .route("/", get(|Extension(peer): Extension<PeerAddress>| async move { peer.0.ip().to_string() }))
        .route("/wait", get(wait))
        .route("/large", get(|| async { vec![b'x'; 64 * 1024 * 1024] }));
    let application =
        router.layer(axum::middleware::from_fn(
            async |request: Request, next: Next| match HeadLimits::default()
                .check(request.uri(), request.headers())
            {
                Ok(()) => next.run(request).await,
                Err(problem) => problem.into_response(),
            },
        ));
    let bound = Server::bind("127.0.0.1:0".parse().unwrap(), limits).await.unwrap();
    let address = bound.local_addr();
    let ((stop, stopped), (hurry, hurried)) = (oneshot::channel::<()>(), oneshot::channel::<()>());
    let hurried = async move {
        if hurried.await.is_err() {
            std::future::pending::<()>().await;
        }
    };
    let served = tokio::spawn(async move {
        bound.serve_until(application, async { stopped.await.unwrap_or_default() }, hurried).await
    });
    Running { address, entered, release, stop, hurry, served }
}

impl Running {
    async fn connect(&self) -> TcpStream {
        TcpStream::connect(self.address).await.unwrap()
    }

    async fn answer(&self, request: &str) -> String {
        answer_of(self.address, request).await
    }
}

async fn answer_of(address: SocketAddr, request: &str) -> String {
    let mut stream = TcpStream::connect(address).await.unwrap();
    send(&mut stream, request).await;
    to_end(&mut stream).await
}

async fn send(stream: &mut TcpStream, bytes: impl AsRef<[u8]>) {
    stream.write_all(bytes.as_ref()).await.unwrap();
}

/// Everything until the peer closes or resets.
async fn to_end(stream: &mut TcpStream) -> String {
    let mut bytes = Vec::new();
    let read = timeout(PATIENCE, stream.read_to_end(&mut bytes)).await.expect("the connection is not closed");
    drop(read);
    String::from_utf8_lossy(&bytes).into_owned()
}

fn get_request(path: &str, more: &str) -> String {
    format!("GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n{more}\r\n")
}

#[tokio::test]
async fn requests_are_answered_and_know_their_peer() {
    let server = start(Limits::default()).await;
    let answer = server.answer(&get_request("/", "")).await;
    assert!(answer.starts_with("HTTP/1.1 200") && answer.ends_with("127.0.0.1"), "{answer}");
}

#[tokio::test]
async fn http2_with_prior_knowledge_is_answered() {
    let server = start(Limits::default()).await;
    let client = reqwest::Client::builder().http2_prior_knowledge().build().unwrap();
    let answer = client.get(format!("http://{}/", server.address)).send().await.unwrap();
    assert_eq!(answer.version(), reqwest::Version::HTTP_2);
    assert_eq!(answer.text().await.unwrap(), "127.0.0.1");
}

#[tokio::test]
async fn a_silent_connection_is_cut() {
    let server = start(short()).await;
    assert_eq!(to_end(&mut server.connect().await).await, "");
}

#[tokio::test]
async fn half_an_http2_preface_is_cut() {
    let server = start(short()).await;
    let mut stream = server.connect().await;
    send(&mut stream, "PRI * HTTP/2.0\r\n").await;
    assert_eq!(to_end(&mut stream).await, "");
}

#[tokio::test]
async fn an_http2_connection_without_requests_is_told_and_closed() {
    let server = start(short()).await;
    let mut stream = server.connect().await;
    send(&mut stream, b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0").await;
    to_end(&mut stream).await;
}

#[tokio::test]
async fn a_dripping_header_is_cut_although_bytes_keep_coming() {
    let server = start(short()).await;
    let mut stream = server.connect().await;
    let started = Instant::now();
    send(&mut stream, "GET / HTTP/1.1\r\nHost: localhost\r\n").await;
    while stream.write_all(b"X").await.is_ok() {
        assert!(started.elapsed() < PATIENCE, "never cut");
        tokio::time::sleep(SHORT / 8).await;
    }
    assert!(started.elapsed() >= SHORT);
}

/// It came while a request was under way, so that nobody saw a head begin.
#[tokio::test]
async fn half_a_head_behind_a_request_is_cut() {
    let server = start(short()).await;
    let mut stream = server.connect().await;
    send(&mut stream, "GET / HTTP/1.1\r\nHost: localhost\r\n\r\nGET / HT").await;
    let answer = to_end(&mut stream).await;
    assert!(answer.starts_with("HTTP/1.1 200") && answer.ends_with("127.0.0.1"), "{answer}");
}

#[tokio::test]
async fn a_connection_at_rest_is_closed_but_serves_before() {
    let server = start(Limits { head_timeout: PATIENCE, ..short() }).await;
    let mut stream = server.connect().await;
    send(&mut stream, "GET / HTTP/1.1\r\nHost: localhost\r\n\r\n").await;
    assert!(to_end(&mut stream).await.ends_with("127.0.0.1"));
}

#[tokio::test]
async fn a_long_request_is_not_taken_for_a_slow_client() {
    let mut server = start(short()).await;
    let mut stream = server.connect().await;
    send(&mut stream, get_request("/wait", "")).await;
    server.entered.recv().await.unwrap();
    tokio::time::sleep(SHORT * 3).await;
    server.release.send_replace(true);
    assert!(to_end(&mut stream).await.ends_with("waited"));
}

#[tokio::test]
async fn a_reader_that_does_not_read_is_cut() {
    let server = start(short()).await;
    let mut stream = server.connect().await;
    send(&mut stream, get_request("/large", "")).await;
    tokio::time::sleep(SHORT * 5).await;
    assert!(to_end(&mut stream).await.len() < 64 * 1024 * 1024);
}

#[tokio::test]
async fn too_many_headers_are_refused_with_a_problem_and_far_too_many_barely() {
    let server = start(Limits::default()).await;
    let headers = |most: usize| (0..most).map(|number| format!("X-{number}: a\r\n")).collect::<String>();
    let answer = server.answer(&get_request("/", &headers(80))).await;
    assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
    let answer = server.answer(&get_request("/", &headers(95))).await;
    assert!(answer.starts_with("HTTP/1.1 431") && answer.contains("\"headers_too_large\""), "{answer}");
    let answer = server.answer(&get_request("/", &headers(200))).await;
    assert!(answer.is_empty() || answer.starts_with("HTTP/1.1 431"), "{answer}");
}

#[tokio::test]
async fn large_headers_are_refused_with_a_problem_and_huge_ones_barely() {
    let server = start(Limits::default()).await;
    let answer = server.answer(&get_request("/", &format!("X: {}\r\n", "a".repeat(20 * 1024)))).await;
    assert!(answer.starts_with("HTTP/1.1 431") && answer.contains("\"headers_too_large\""), "{answer}");
    let answer = server.answer(&get_request("/", &format!("X: {}\r\n", "a".repeat(64 * 1024)))).await;
    assert!(answer.is_empty() || answer.starts_with("HTTP/1.1 431"), "{answer}");
}

#[tokio::test]
async fn a_long_address_is_refused_with_a_problem() {
    let server = start(Limits::default()).await;
    let answer = server.answer(&get_request(&format!("/?{}", "a".repeat(16 * 1024)), "")).await;
    assert!(answer.starts_with("HTTP/1.1 414") && answer.contains("application/problem+json"), "{answer}");
    let answer = server.answer(&get_request(&format!("/?{}", "a".repeat(8 * 1024 - 2)), "")).await;
    assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
}

#[tokio::test]
async fn one_peer_gets_no_more_than_its_connections() {
    let server = start(Limits { connections_per_peer: 1, ..Limits::default() }).await;
    let mut first = server.connect().await;
    send(&mut first, "GET / HTTP/1.1\r\nHost: localhost\r\n\r\n").await;
    assert!(first.read_u8().await.is_ok());
    assert_eq!(server.answer(&get_request("/", "")).await, "");
    drop(first);
    let free_again = async {
        while server.answer(&get_request("/", "")).await.is_empty() {
            tokio::task::yield_now().await;
        }
    };
    timeout(PATIENCE, free_again).await.unwrap();
}

#[tokio::test]
async fn over_the_total_connections_wait_for_room() {
    let server = start(Limits { connections: 1, ..Limits::default() }).await;
    let mut first = server.connect().await;
    send(&mut first, "GET / HTTP/1.1\r\nHost: localhost\r\n\r\n").await;
    assert!(first.read_u8().await.is_ok());
    let mut second = server.connect().await;
    send(&mut second, get_request("/", "")).await;
    assert!(timeout(SHORT, second.read_u8()).await.is_err(), "answered although there was no room");
    drop(first);
    assert!(to_end(&mut second).await.ends_with("127.0.0.1"));
}

#[tokio::test]
async fn a_stop_lets_requests_finish_and_takes_no_new_ones() {
    let mut server = start(Limits::default()).await;
    let mut busy = server.connect().await;
    send(&mut busy, "GET /wait HTTP/1.1\r\nHost: localhost\r\n\r\n").await;
    server.entered.recv().await.unwrap();
    server.stop.send(()).unwrap();
    let refused = async { while TcpStream::connect(server.address).await.is_ok() {} };
    timeout(PATIENCE, refused).await.expect("still accepts");
    server.release.send_replace(true);
    let answer = to_end(&mut busy).await;
    assert!(answer.ends_with("waited") && answer.contains("connection: close"), "{answer}");
    assert!(timeout(PATIENCE, server.served).await.unwrap().unwrap().is_ok());
}

#[tokio::test]
async fn a_stop_cuts_what_does_not_finish_in_time() {
    let mut server = start(Limits { stop_timeout: SHORT, ..Limits::default() }).await;
    let mut busy = server.connect().await;
    send(&mut busy, get_request("/wait", "")).await;
    server.entered.recv().await.unwrap();
    server.stop.send(()).unwrap();
    let outcome = timeout(PATIENCE, server.served).await.unwrap().unwrap();
    assert_eq!(outcome, Err(CutShort { requests: 1, why: Impatience::TimeUp }));
    assert_eq!(to_end(&mut busy).await, "");
}

#[tokio::test]
async fn a_second_request_to_stop_cuts_at_once_and_counts() {
    let mut server = start(Limits::default()).await;
    let mut busy = server.connect().await;
    send(&mut busy, get_request("/wait", "")).await;
    server.entered.recv().await.unwrap();
    server.hurry.send(()).unwrap();
    server.stop.send(()).unwrap();
    let outcome = timeout(PATIENCE, server.served).await.unwrap().unwrap();
    assert_eq!(outcome, Err(CutShort { requests: 1, why: Impatience::AskedAgain }));
}

#[tokio::test]
async fn a_connection_without_a_request_loses_nothing_when_time_is_up() {
    let server = start(Limits { stop_timeout: SHORT, ..Limits::default() }).await;
    let mut slow = server.connect().await;
    send(&mut slow, "GET / HT").await;
    assert!(server.answer(&get_request("/", "")).await.ends_with("127.0.0.1"));
    server.stop.send(()).unwrap();
    let outcome = timeout(PATIENCE, server.served).await.unwrap().unwrap();
    assert_eq!(outcome, Ok(Drained { connections: 1 }));
}

#[tokio::test]
async fn a_server_that_leaves_answers_everybody_for_the_last_time() {
    let mut server = start(Limits { leave_grace: PATIENCE, ..Limits::default() }).await;
    let mut resting = server.connect().await;
    send(&mut resting, "GET / HTTP/1.1\r\nHost: localhost\r\n\r\n").await;
    assert!(resting.read_u8().await.is_ok());
    let mut busy = server.connect().await;
    send(&mut busy, "GET /wait HTTP/1.1\r\nHost: localhost\r\n\r\n").await;
    server.entered.recv().await.unwrap();
    let address = server.address;
    server.stop.send(()).unwrap();
    let told = async {
        loop {
            assert!(answer_of(address, &get_request("/", "")).await.ends_with("127.0.0.1"), "not taken");
            send(&mut resting, "GET / HTTP/1.1\r\nHost: localhost\r\n\r\n").await;
            let mut some = [0; 1024];
            let length = resting.read(&mut some).await.unwrap();
            if String::from_utf8_lossy(&some[..length]).contains("connection: close") {
                break;
            }
        }
    };
    timeout(PATIENCE, told).await.expect("the resting connection is sent away with an answer");
    assert_eq!(to_end(&mut resting).await, "");
    server.release.send_replace(true);
    let answer = to_end(&mut busy).await;
    assert!(answer.ends_with("waited") && answer.contains("connection: close"), "{answer}");
}

#[tokio::test]
async fn http2_is_sent_away_and_its_requests_are_answered() {
    let mut server = start(Limits { leave_grace: PATIENCE, ..Limits::default() }).await;
    let mut stream = server.connect().await;
    send(&mut stream, b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0").await;
    // GET http /wait as RFC 7541 has it: three indexed fields would do for "/"; the path is a literal.
    let head = b"\x82\x86\x04\x05/wait\x01\x01h";
    let frame = [&[0, 0, u8::try_from(head.len()).unwrap(), 1, 5, 0, 0, 0, 1], head.as_slice()].concat();
    send(&mut stream, frame).await;
    server.entered.recv().await.unwrap();
    server.stop.send(()).unwrap();
    let goaway = async { while next_frame(&mut stream).await.0 != 7 {} };
    timeout(PATIENCE, goaway).await.expect("no GOAWAY");
    server.release.send_replace(true);
    let answered = async { while next_frame(&mut stream).await.1 != b"waited" {} };
    timeout(PATIENCE, answered).await.expect("no answer");
}

/// The type and content of an HTTP/2 frame (RFC 9113 section 4.1); PING is answered.
async fn next_frame(stream: &mut TcpStream) -> (u8, Vec<u8>) {
    let mut head = [0; 9];
    stream.read_exact(&mut head).await.expect("the connection lives");
    let length = u32::from_be_bytes([0, head[0], head[1], head[2]]);
    let mut content = vec![0; length as usize];
    stream.read_exact(&mut content).await.expect("the connection lives");
    if head[3] == 6 && head[4] == 0 {
        send(stream, [&[0, 0, 8, 6, 1, 0, 0, 0, 0], content.as_slice()].concat()).await;
    }
    (head[3], content)
}

#[tokio::test]
async fn an_address_in_use_is_named() {
    let server = start(Limits::default()).await;
    let error = Server::bind(server.address, Limits::default()).await.unwrap_err();
    assert!(error.to_string().contains(&server.address.to_string()));
}
