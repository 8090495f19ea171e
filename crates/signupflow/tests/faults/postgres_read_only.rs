//! PostgreSQL takes no writes, as a server whose disk is nearly full or that an operator has frozen.

use std::time::{Duration, Instant};

use crate::bookkeeping::{Told, check, event};
use crate::support::{PASSWORD, TestApp, fresh_ip};
use testkit::postgres::{ClusterOptions, Postgres};

/// Real time: the server tells its connections of a new setting when it gets round to it.
const HEEDED_WITHIN: Duration = Duration::from_secs(5);
const LOOK_AGAIN_AFTER: Duration = Duration::from_millis(50);

async fn set_read_only(server: &Postgres, read_only: &str) {
    server.run("postgres", &format!("ALTER SYSTEM SET default_transaction_read_only = {read_only}")).await;
    server.run("postgres", "SELECT pg_reload_conf()").await;
}

/// F08: While PostgreSQL is read-only, changes get 503 and leave nothing, reading goes on; writing resumes by
/// itself.
#[tokio::test(flavor = "multi_thread")]
async fn a_read_only_database_is_read_and_writing_resumes_by_itself() {
    let server = Postgres::private(&ClusterOptions::default());
    let app = TestApp::on_postgres(&server.url("postgres"), &[]).await;
    let admin = app.admin().await;
    let mut told = Told::default();
    told.note("before".to_owned(), &admin.post("/api/events", &event("before")).await);

    set_read_only(&server, "on").await;
    let begun = Instant::now();
    for attempt in 0.. {
        let title = format!("frozen {attempt}");
        let answer = admin.post("/api/events", &event(&title)).await;
        let frozen = answer.status == 503;
        told.note(title, &answer);
        if frozen {
            break;
        }
        tokio::time::sleep(LOOK_AGAIN_AFTER).await;
        assert!(begun.elapsed() < HEEDED_WITHIN, "it writes on: {told:?}");
    }
    for path in ["/api/people/me", "/api/events", "/api/people"] {
        admin.get(path).await.expect(200);
    }
    let login = app.login_from(&fresh_ip(), &admin.email, PASSWORD).await;
    login.expect_problem(503, "backend_unavailable");
    assert_eq!(app.get("/ready").await.status, 200, "a server that reads stays in the balancer");

    set_read_only(&server, "off").await;
    let begun = Instant::now();
    for attempt in 0.. {
        let title = format!("thawed {attempt}");
        told.note(title.clone(), &admin.post("/api/events", &event(&title)).await);
        if told.created.contains(&title) {
            break;
        }
        tokio::time::sleep(LOOK_AGAIN_AFTER).await;
        assert!(begun.elapsed() < HEEDED_WITHIN, "it does not resume: {told:?}");
    }
    app.login_from(&fresh_ip(), &admin.email, PASSWORD).await.expect(200);
    check(&told, &admin).await;
}
