//! More requests at once than the server works on.

use std::sync::Arc;

use axum::Router;
use axum::routing::get;
use serde_json::json;
use signupflow::web::state::AppState;
use tokio::sync::Notify;
use tokio::task::JoinHandle;

use crate::support::{Answer, PASSWORD, Persona, TestApp, fresh_email, fresh_ip};

/// Fewer than the streams of one HTTP/2 connection.
const A_CONNECTION: usize = 100;

/// Requests that are being worked on until they are released.
#[derive(Clone, Default)]
struct Held {
    release: Arc<Notify>,
    begun: Arc<Notify>,
}

fn route(held: &Held) -> Router<AppState> {
    let held = held.clone();
    let handler = move || async move {
        let released = held.release.notified();
        held.begun.notify_one();
        released.await;
    };
    Router::new().route("/hold", get(handler))
}

async fn hold(app: &TestApp, held: &Held, number: usize) -> Vec<JoinHandle<()>> {
    let mut requests = Vec::new();
    for begun in (0..number).step_by(A_CONNECTION) {
        let client = reqwest::Client::builder().http2_prior_knowledge().build().expect("a client");
        for _ in 0..A_CONNECTION.min(number - begun) {
            let (client, url) = (client.clone(), format!("http://{}/hold", app.address));
            requests.push(tokio::spawn(async move {
                let answer = client.get(url).send().await.expect("it is answered");
                assert_eq!(answer.status(), 200);
            }));
            held.begun.notified().await;
        }
    }
    requests
}

/// What is asked, least urgent first, and the answers.
async fn ask(app: &TestApp, who: &Persona<'_>) -> [(&'static str, Answer); 5] {
    let signup =
        json!({"name": "Ada", "email": fresh_email(), "password": PASSWORD, "org_name": "Helping Hands"});
    let reset = json!({"email": who.email});
    let ip = fresh_ip();
    let (signup, reset, sign_in, session, health) = tokio::join!(
        app.post_from(&ip, "/api/auth/signup", &signup),
        app.post_from(&ip, "/api/auth/password-reset-request", &reset),
        app.login_from(&ip, &who.email, PASSWORD),
        who.get("/api/people/me"),
        app.get("/health"),
    );
    [("signup", signup), ("reset", reset), ("sign-in", sign_in), ("session", session), ("health", health)]
}

#[track_caller]
fn expect_sent_away(what: &str, answer: Answer) {
    let answer = answer.expect_problem(503, "busy");
    assert!(answer.header("retry-after").parse::<u32>().is_ok_and(|seconds| seconds >= 1), "{what}");
}

/// F34: a server with too much to do sends signups away first, then resets, then sign-ins, then other requests, each
/// with 503 and `Retry-After`, and never signing out or health checks; nobody is counted or signed out by it, and when
/// it is over all are served at once.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_less_urgent_is_sent_away_first() {
    let held = Held::default();
    let app = TestApp::with_routes(route(&held)).await;
    let who = app.admin().await;
    let leaving = who.on_another_device().await;
    let mut requests = Vec::new();
    for (percent, sent_away) in [(40, 0), (51, 1), (61, 2), (71, 3), (90, 4)] {
        let at_work = (signupflow::wiring::requests_at_once() * percent).div_ceil(100);
        let more = at_work - requests.len();
        requests.extend(hold(&app, &held, more).await);
        for (place, (what, answer)) in ask(&app, &who).await.into_iter().enumerate() {
            if place < sent_away {
                expect_sent_away(what, answer);
            } else {
                assert_ne!(answer.status, 503, "{what} at {at_work}: {}", answer.text);
            }
        }
    }
    leaving.poke("/api/auth/logout").await.expect(204);
    held.release.notify_waiters();
    for request in requests {
        request.await.expect("it was served");
    }
    for (what, answer) in ask(&app, &who).await {
        assert_ne!(answer.status, 503, "{what}");
    }
    assert!(app.audit_rows("auth.login_failed").await.is_empty());
}
