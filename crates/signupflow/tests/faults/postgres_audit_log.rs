//! The audit log's database is slow, stuck, or refuses a row.

use std::time::{Duration, Instant};

use crate::bookkeeping::{Told, check, event};
use crate::support::{Persona, TestApp};
use futures_util::future::join_all;
use testkit::fault_proxy::{FaultProxy, Mode};
use testkit::postgres::{ClusterOptions, Postgres};

const LAG: Duration = Duration::from_millis(100);
/// The longest a request may take (14 s), and time for a busy machine to say so.
const BOUNDED: Duration = Duration::from_secs(17);

async fn create_at_once(admin: &Persona<'_>, told: &mut Told, name: &str, count: usize) -> Vec<Duration> {
    let titles: Vec<String> = (0..count).map(|number| format!("{name} {number}")).collect();
    let answers = titles.iter().map(async |title| {
        let begun = Instant::now();
        (admin.post("/api/events", &event(title)).await, begun.elapsed())
    });
    let answers = join_all(answers).await;
    let mut times = Vec::new();
    for (title, (answer, took)) in titles.iter().zip(answers) {
        told.note(title.clone(), &answer);
        times.push(took);
    }
    times
}

/// F20: A slow audit store makes changes slower and drops none; a stuck one ends them with 503 within the time of
/// a request, and nothing is stored without its audit row.
#[tokio::test(flavor = "multi_thread")]
async fn a_slow_or_stuck_audit_store_drops_nothing() {
    let server = Postgres::private(&ClusterOptions::default().tcp());
    let proxy = FaultProxy::start(server.tcp_address().expect("it listens on TCP")).await;
    let app = TestApp::on_postgres(&format!("postgresql://postgres@{}/postgres", proxy.address()), &[]).await;
    let admin = app.admin().await;
    let mut told = Told::default();
    create_at_once(&admin, &mut told, "quick", 4).await;

    proxy.set(Mode::Delay(LAG)).await;
    let times = create_at_once(&admin, &mut told, "slow", 8).await;
    assert!(times.iter().all(|took| *took >= LAG * 2), "{times:?}");
    assert_eq!(told.created.len(), 12, "{told:?}");

    proxy.set(Mode::BlackHole).await;
    // The first are sent; who comes later finds the connections for creations taken.
    let mut told_later = Told::default();
    let later = async {
        tokio::time::sleep(Duration::from_millis(300)).await;
        create_at_once(&admin, &mut told_later, "later", 8).await
    };
    let (times, later) = tokio::join!(create_at_once(&admin, &mut told, "stuck", 6), later);
    told.refused.extend(told_later.refused);
    told.unknown.extend(told_later.unknown);
    told.created.extend(told_later.created);
    let times = [times, later].concat();
    assert!(times.iter().all(|took| *took < BOUNDED), "{times:?}");
    assert_eq!(told.created.len(), 12, "{told:?}");
    assert!(!told.refused.is_empty(), "who found no connection was told within a second: {told:?}");

    proxy.cut();
    proxy.up().await;
    app.advance(60);
    create_at_once(&admin, &mut told, "healed", 2).await;
    assert_eq!(told.created.len(), 14, "{told:?}");
    check(&told, &admin).await;
}

const FAILS: &str = "CREATE FUNCTION fails() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN \
     RAISE EXCEPTION 'no room for audit rows' USING ERRCODE = '{code}'; END $$";
const TRIGGER: &str =
    "CREATE TRIGGER fails BEFORE INSERT ON audit_logs FOR EACH ROW EXECUTE FUNCTION fails()";

/// F21: When the audit row cannot be written, the action it belongs to is undone and refused: 503 where the server
/// lacks resources, 500 where something is wrong for good.
#[tokio::test(flavor = "multi_thread")]
async fn an_action_whose_audit_row_fails_is_undone() {
    let server = Postgres::private(&ClusterOptions::default());
    let app = TestApp::on_postgres(&server.url("postgres"), &[]).await;
    let admin = app.admin().await;
    let mut told = Told::default();
    for (code, status, problem) in [("53100", 503, "backend_unavailable"), ("P0001", 500, "internal_error")] {
        server.run("postgres", &FAILS.replace("{code}", code)).await;
        server.run("postgres", TRIGGER).await;
        admin.post("/api/events", &event(code)).await.expect_problem(status, problem);
        told.refused.insert(code.to_owned());
        let renamed = serde_json::json!({"name": "Somebody Else"});
        admin.put(&format!("/api/people/{}", admin.id), &renamed).await.expect_problem(status, problem);
        let me = admin.get("/api/people/me").await.expect(200);
        assert_eq!(me.json["name"], "Ada Admin", "undone");
        server.run("postgres", "DROP FUNCTION fails CASCADE").await;
    }
    told.note("after".to_owned(), &admin.post("/api/events", &event("after")).await);
    assert_eq!(told.created.len(), 1);
    check(&told, &admin).await;
}
