//! A handler that panics. Its routes are this test's own: the program has none that fails on purpose.

use std::io;
use std::sync::{Arc, Mutex};

use axum::Router;
use axum::extract::State;
use axum::routing::{get, post};
use hardening::secret::Secret;
use http::HeaderMap;
use reqwest::Method;
use signupflow::metrics_page::MetricsPage;
use signupflow::web::refusals::Outcome;
use signupflow::web::run_to_end::run_to_end;
use signupflow::web::state::AppState;

use crate::support::{Answer, Persona, TestApp, fresh_ip};

const SECRET: &str = "the password is hunter2";

async fn handler() -> &'static str {
    panic!("{SECRET}")
}

async fn use_case() -> Outcome<&'static str> {
    run_to_end(async { if SECRET.is_empty() { Ok::<_, accounts::Error>("") } else { panic!("{SECRET}") } })
        .await
}

/// Every lock a request takes is held by nobody afterwards, also by one that panicked within it.
async fn within_the_hash(State(state): State<AppState>) -> Outcome<&'static str> {
    let policy = state.services.password_policy.clone();
    let context = vec![SECRET.to_owned()];
    let password = hardening::secret::Secret::new(SECRET.to_owned());
    let judged = state.services.hashing.check_policy(policy, password, context).await;
    panic!("{judged:?} {SECRET}")
}

/// Holds whatever a client sends when it comes to its end.
async fn with_secrets(headers: HeaderMap, body: String) -> &'static str {
    let held = (Secret::new(body), headers);
    panic!("nothing came of {} headers and {} octets", held.1.len(), held.0.expose().len())
}

fn routes() -> Router<AppState> {
    Router::new()
        .route("/api/faults/handler", get(handler))
        .route("/api/faults/use-case", get(use_case))
        .route("/api/faults/hash", get(within_the_hash))
        .route("/api/faults/secrets", post(with_secrets))
}

async fn panics_counted(metrics: &str) -> u64 {
    let page = reqwest::get(metrics).await.expect("metrics are served").text().await.expect("text");
    let line = page.lines().find_map(|line| line.strip_prefix("signupflow_panics_total "));
    line.map_or(0, |number| number.parse().expect("a number"))
}

async fn metrics_page() -> String {
    let page = MetricsPage::bind("127.0.0.1:0".parse().expect("an address"), None).await;
    let page = page.expect("a free port");
    let address = page.local_addr();
    tokio::spawn(page.serve());
    format!("http://{address}/metrics")
}

#[track_caller]
fn expect_500(answer: Answer) {
    let answer = answer.expect_problem(500, "internal_error");
    assert!(!answer.text.contains("hunter2") && !answer.text.contains("panic"), "{}", answer.text);
}

/// F25: a request whose handler panics gets 500 without detail, is counted and on record with whose it was, and the next
/// thousand requests do not notice.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_panic_is_one_request_s_own_affair() {
    let metrics = metrics_page().await;
    let app = TestApp::with_routes(routes()).await;
    let admin = app.admin().await;
    let before = panics_counted(&metrics).await;
    for path in ["/api/faults/handler", "/api/faults/use-case", "/api/faults/hash"] {
        expect_500(admin.get(path).await);
    }
    assert!(panics_counted(&metrics).await >= before + 3);
    app.advance(1);
    expect_500(app.get("/api/faults/handler").await);
    let rows = app.audit_rows("system.fault").await;
    let whose: Vec<_> = rows.iter().map(|row| (&*row.user_id, &*row.resource_id)).collect();
    let expected = [(&*admin.id, "GET /api/faults/handler"), ("person_anonymous", "GET /api/faults/handler")];
    assert_eq!(whose, expected, "further ones are counted");

    for number in 0..1000 {
        let from = Persona { ip: fresh_ip(), ..admin.clone() };
        if number % 50 == 0 {
            app.advance(60);
        }
        Answer::of(from.request(Method::GET, "/api/people/me").send().await).await.expect(200);
    }
    app.login_from(&fresh_ip(), &admin.email, &admin.password).await.expect(200);
}

#[derive(Clone, Default)]
struct Kept(Arc<Mutex<Vec<u8>>>);

impl io::Write for Kept {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().expect("nobody panics with it").extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// A34: what a handler held when it panicked is in neither answer, log (at its most talkative), metrics nor audit log.
#[tokio::test]
async fn what_a_panicking_handler_held_is_told_nowhere() {
    const CANARIES: [&str; 4] = [
        "canary-password-GQ7VXK2M",
        "canary-cookie-HZ4TWB9P",
        "canary-query-JN3RYC8D",
        "canary-header-KX5PLW6F",
    ];
    let kept = Kept::default();
    let writer = kept.clone();
    let ours = "signupflow=trace,accounts=trace,backends=trace,hardening=trace,hardening_tower=trace";
    let subscriber = tracing_subscriber::fmt()
        .with_env_filter(ours)
        .with_ansi(false)
        .with_writer(move || writer.clone())
        .finish();
    let _logging = tracing::subscriber::set_default(subscriber);
    let metrics = metrics_page().await;
    let app = TestApp::with_routes(routes()).await;
    let admin = app.admin().await;
    let [password, cookie, query, header] = CANARIES;
    let request = admin
        .request(Method::POST, &format!("/api/faults/secrets?token={query}"))
        .header("Cookie", format!("device={cookie}; other={cookie}"))
        .header("X-Whatever", header)
        .json(&serde_json::json!({ "password": password }));
    let answer = Answer::of(request.send().await).await.expect_problem(500, "internal_error");
    let log = String::from_utf8(kept.0.lock().expect("nobody panics with it").clone()).expect("UTF-8");
    assert!(log.contains("a handler panicked"), "{log}");
    let metrics = reqwest::get(metrics).await.expect("metrics are served").text().await.expect("text");
    let trail = format!("{:?}", app.whole_audit_log().await);
    assert!(trail.contains("POST /api/faults/secrets"), "the fault is on record");
    let places = [("answer", &answer.text), ("log", &log), ("metrics", &metrics), ("audit log", &trail)];
    for (place, text) in places {
        for secret in CANARIES.into_iter().chain([&*admin.token, &*admin.csrf]) {
            assert!(!text.contains(secret), "{secret} is in the {place}");
        }
    }
}

/// F25: the program itself has no route that fails on purpose.
#[tokio::test]
async fn the_program_has_no_route_that_fails_on_purpose() {
    let app = TestApp::start().await;
    for path in ["/api/faults/handler", "/api/faults/use-case", "/api/faults/hash"] {
        app.get(path).await.expect_problem(404, "not_found");
    }
}
