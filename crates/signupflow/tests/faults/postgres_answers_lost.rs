//! The connection breaks after the change was sent: it is stored, and the answer is lost. What creates something is one
//! statement, and a transaction by itself; all else ends with COMMIT.

use crate::bookkeeping::{Told, check, event};
use crate::support::{Answer, TestApp};
use testkit::fault_proxy::{FaultProxy, Mode};
use testkit::postgres::{ClusterOptions, Postgres};

const LOST: &str = "the answer gets lost";

struct Cut {
    _server: Postgres,
    proxy: FaultProxy,
    app: TestApp,
}

impl Cut {
    async fn start() -> Self {
        let server = Postgres::private(&ClusterOptions::default().tcp());
        let proxy = FaultProxy::start(server.tcp_address().expect("it listens on TCP")).await;
        let url = format!("postgresql://postgres@{}/postgres", proxy.address());
        let app = TestApp::on_postgres(&url, &[]).await;
        Self { _server: server, proxy, app }
    }

    /// The answer to a request whose change says [`LOST`], when the database's `answer` to it never arrives.
    async fn without(&self, answer: &'static str, request: impl Future<Output = Answer>) -> Answer {
        // Not just any answer: the node looks at the database's time now and then.
        self.proxy.set(Mode::HoldAnswer { request: LOST, answer }).await;
        let cut = async {
            self.proxy.holds_something().await;
            self.proxy.cut();
            self.proxy.up().await;
        };
        tokio::join!(request, cut).0
    }
}

/// F06: When the answer to a change is lost, the client is told that the outcome is unknown and is not asked to repeat
/// it; what was stored is there once, with its audit row.
#[tokio::test(flavor = "multi_thread")]
async fn a_lost_answer_to_a_change_is_no_plain_failure() {
    let cut = Cut::start().await;
    let admin = cut.app.admin().await;
    let mut told = Told::default();
    told.note("first".to_owned(), &admin.post("/api/events", &event("first")).await);
    let body = event(LOST);
    let answer = cut.without("INSERT 0 1", admin.post("/api/events", &body)).await;
    told.note(LOST.to_owned(), &answer.expect_problem(503, "outcome_unknown"));
    told.note("next".to_owned(), &admin.post("/api/events", &event("next")).await);
    assert_eq!(told.created.len(), 2, "the pool heals at once: {told:?}");
    check(&told, &admin).await;
    let events = admin.get("/api/events").await.expect(200);
    assert!(events.text.contains(LOST), "this one was stored: {}", events.text);
}

/// F06: The same holds for a change whose transaction ends with COMMIT.
#[tokio::test(flavor = "multi_thread")]
async fn a_lost_answer_to_a_commit_is_no_plain_failure() {
    let cut = Cut::start().await;
    let admin = cut.app.admin().await;
    let created = admin.post("/api/events", &event("first")).await.expect(201);
    let path = format!("/api/events/{}", created.json["id"].as_str().expect("an id"));
    let body = event(LOST);
    let answer = cut.without("COMMIT", admin.put(&path, &body)).await;
    answer.expect_problem(503, "outcome_unknown");
    assert_eq!(admin.get(&path).await.expect(200).json["title"], LOST, "it was stored");
    let rows = admin.get("/api/audit/logs?action=event.update").await.expect(200);
    assert_eq!(rows.json["total"], 1, "with its audit row, once");
}
