//! The connection breaks after COMMIT was sent: the change is stored, and the answer is lost.

use crate::bookkeeping::{Told, check, event};
use crate::support::TestApp;
use testkit::fault_proxy::{FaultProxy, Mode};
use testkit::postgres::{ClusterOptions, Postgres};

/// F06: When the answer to a COMMIT is lost, the client is told that the outcome is unknown and is not asked to
/// repeat it; what was stored is there once, with its audit row.
#[tokio::test(flavor = "multi_thread")]
async fn a_lost_answer_to_a_commit_is_no_plain_failure() {
    let server = Postgres::private(&ClusterOptions::default().tcp());
    let proxy = FaultProxy::start(server.tcp_address().expect("it listens on TCP")).await;
    let app = TestApp::on_postgres(&format!("postgresql://postgres@{}/postgres", proxy.address()), &[]).await;
    let admin = app.admin().await;
    let mut told = Told::default();
    told.note("first".to_owned(), &admin.post("/api/events", &event("first")).await);

    // Not just any answer: the node looks at the database's time now and then.
    proxy.set(Mode::HoldAnswer { request: "the answer gets lost", answer: "COMMIT" }).await;
    let body = event("the answer gets lost");
    let cut = async {
        proxy.holds_something().await;
        proxy.cut();
        proxy.up().await;
    };
    let (answer, ()) = tokio::join!(admin.post("/api/events", &body), cut);
    told.note("the answer gets lost".to_owned(), &answer.expect_problem(503, "outcome_unknown"));
    told.note("next".to_owned(), &admin.post("/api/events", &event("next")).await);
    assert_eq!(told.created.len(), 2, "the pool heals at once: {told:?}");
    check(&told, &admin).await;
    let events = admin.get("/api/events").await.expect(200);
    assert!(events.text.contains("\"the answer gets lost\""), "this one was stored: {}", events.text);
}
