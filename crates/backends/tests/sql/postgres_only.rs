//! Killed backends, cut networks, deadlocks, changed plans, the types of an adopted database.

use std::time::Duration;

use backends::sql::{Database, SqlError};
use hardening::clock::Timestamp;
use testkit::fault_proxy::FaultProxy;
use testkit::postgres::{ClusterOptions, Postgres};
use tokio_postgres::NoTls;

use crate::harness::{Fixture, INSERT, insert, is_bad, is_unavailable, item, number, unit};

pub(crate) async fn raw(url: &str) -> tokio_postgres::Client {
    let (client, connection) = tokio_postgres::connect(url, NoTls).await.expect("reached");
    tokio::spawn(connection);
    client
}

#[tokio::test(flavor = "multi_thread")]
async fn killed_backends_leave_nothing_half_done_and_the_pool_heals() {
    let fixture = Fixture::postgres().await;
    let mut commits = Vec::new();
    for at in 0..400_u64 {
        let database = fixture.database.clone();
        commits.push(tokio::spawn(async move {
            let mut change = insert(&format!("first-{at}"));
            change.run(INSERT, item(&format!("second-{at}")));
            database.commit(change).await
        }));
        if at % 40 == 20 {
            Postgres::shared().terminate_backends(fixture.url()).await;
        }
    }
    let mut outcomes = Vec::new();
    for commit in commits {
        outcomes.push(commit.await.expect("no panic"));
    }
    fixture.database.ping().await.expect("the pool heals");
    fixture.database.commit(insert("healed")).await.expect("the pool heals");
    for (at, outcome) in outcomes.into_iter().enumerate() {
        let first = fixture.has(&format!("first-{at}")).await;
        assert_eq!(first, fixture.has(&format!("second-{at}")).await, "half a unit");
        match outcome {
            Ok(_) => assert!(first, "acknowledged and lost"),
            Err(SqlError::Unavailable(why)) => assert!(!first, "refused and stored: {why}"),
            Err(SqlError::Uncertain(_)) => {}
            Err(other) => panic!("{other:?}"),
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_backend_killed_before_commit_is_unavailable() {
    let fixture = Fixture::postgres().await;
    let database = fixture.database.clone();
    let slow = tokio::spawn(async move {
        let mut change = insert("a");
        change.run("SELECT pg_sleep(4)", vec![]);
        database.commit(change).await
    });
    tokio::time::sleep(Duration::from_millis(300)).await;
    Postgres::shared().terminate_backends(fixture.url()).await;
    let outcome = slow.await.expect("no panic");
    assert!(is_unavailable(&outcome), "{outcome:?}");
    assert_eq!(fixture.count().await, 0, "and reading works at once");
}

/// The server says farewell before it closes; a read loses nothing by being sent again over another connection.
#[tokio::test(flavor = "multi_thread")]
async fn a_read_whose_backend_is_killed_is_read_again() {
    let fixture = Fixture::postgres().await;
    let database = fixture.database.clone();
    let slow = tokio::spawn(async move {
        database.rows("SELECT pg_backend_pid()::bigint AS n FROM pg_sleep(1)", Vec::new()).await
    });
    let watcher = raw(fixture.url()).await;
    let kill = "WITH reading AS MATERIALIZED (SELECT pid FROM pg_stat_activity WHERE state = 'active' \
         AND query LIKE '%FROM pg_sleep(1)%' AND pid <> pg_backend_pid()) \
         SELECT pid::bigint FROM reading WHERE pg_terminate_backend(pid)";
    let killed: i64 = loop {
        if let Some(row) = watcher.query_opt(kill, &[]).await.expect("readable") {
            break row.get(0);
        }
    };
    let rows = slow.await.expect("no panic").expect("read again");
    let answered = rows[0].int("n").expect("a number");
    assert_ne!(answered, killed, "another backend has answered");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_statement_that_takes_too_long_is_ended() {
    let fixture = Fixture::postgres().await;
    let mut change = insert("a");
    change.run("SELECT pg_sleep(20)", vec![]);
    let outcome = fixture.database.commit(change).await;
    assert!(is_unavailable(&outcome), "{outcome:?}");
    assert_eq!(fixture.count().await, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_deadlock_is_sent_again() {
    let fixture = Fixture::postgres().await;
    for id in ["a", "b"] {
        fixture.database.commit(insert(id)).await.expect("stored");
    }
    let crossing = |first: &'static str, second: &'static str| {
        let database = fixture.database.clone();
        tokio::spawn(async move {
            let mut change = unit();
            change.run("UPDATE items SET n = n + 1 WHERE id = $1", vec![first.into()]);
            change.run("SELECT pg_sleep(0.3)", vec![]);
            change.run("UPDATE items SET n = n + 1 WHERE id = $1", vec![second.into()]);
            database.commit(change).await
        })
    };
    let (one, two) = (crossing("a", "b"), crossing("b", "a"));
    one.await.expect("no panic").expect("stored");
    two.await.expect("no panic").expect("stored");
    assert_eq!(number(&fixture.database, "SELECT CAST(sum(n) AS BIGINT) AS n FROM items").await, 4);
}

#[tokio::test(flavor = "multi_thread")]
async fn dropped_callers_leave_no_open_transaction() {
    let fixture = Fixture::postgres().await;
    for at in 0..100_u64 {
        let change = insert(&format!("{at}"));
        let _ = tokio::time::timeout(Duration::from_micros(at * 20), fixture.database.commit(change)).await;
    }
    let watcher = raw(fixture.url()).await;
    let open = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() \
         AND state LIKE 'idle in transaction%' AND state_change < clock_timestamp() - interval '100 ms'";
    tokio::time::sleep(Duration::from_millis(300)).await;
    let count: i64 = watcher.query_one(open, &[]).await.expect("readable").get(0);
    assert_eq!(count, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_changed_table_does_not_break_prepared_statements() {
    let fixture = Fixture::postgres().await;
    let read = "SELECT id, n FROM items";
    fixture.database.commit(insert("a")).await.expect("stored");
    for _ in 0..10 {
        fixture.database.rows(read, vec![]).await.expect("readable");
    }
    raw(fixture.url()).await.batch_execute("ALTER TABLE items ALTER n TYPE int").await.expect("alters");
    let rows = fixture.database.rows(read, vec![]).await.expect("prepared anew");
    assert_eq!(rows[0].int("n"), Ok(0));
    fixture.database.commit(insert("b")).await.expect("stored");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_types_of_an_adopted_database_are_served() {
    let fixture = Fixture::postgres().await;
    let ddl = "CREATE TABLE adopted (id varchar(36), small smallint, medium integer, moment timestamp, \
         doc json, roles text)";
    raw(fixture.url()).await.batch_execute(ddl).await.expect("creates");
    let moment = Timestamp::from_micros(1_700_000_000_000_001);
    let roles = serde_json::json!(["admin", "usher"]);
    let insert =
        "INSERT INTO adopted (id, small, medium, moment, doc, roles) VALUES ($1, $2, $3, $4, $5, $6)";
    let params = |small: i64| {
        let (id, medium) = ("a".into(), 70_000_i64.into());
        vec![id, small.into(), medium, moment.into(), roles.clone().into(), roles.clone().into()]
    };
    let mut change = unit();
    change.run(insert, params(7));
    fixture.database.commit(change).await.expect("stored");
    let mut change = unit();
    change.run(insert, params(70_000));
    assert!(is_bad(&fixture.database.commit(change).await), "too large for smallint");
    let rows = fixture
        .database
        .rows("SELECT id, small, medium, moment, doc, roles FROM adopted", vec![])
        .await
        .expect("readable");
    let [row] = rows.as_slice() else { panic!("{}", rows.len()) };
    assert_eq!((row.int("small"), row.int("medium")), (Ok(7), Ok(70_000)));
    assert_eq!((row.time("moment"), row.json("doc")), (Ok(moment), Ok(roles.clone())));
    assert_eq!((row.json("roles"), row.text("id")), (Ok(roles), Ok("a".to_owned())));
    let text: i64 = number(
        &fixture.database,
        "SELECT count(*) AS n FROM adopted WHERE moment = '2023-11-14 22:13:20.000001'",
    )
    .await;
    assert_eq!(text, 1, "stored as UTC");
}

#[tokio::test(flavor = "multi_thread")]
async fn sqlalchemy_urls_work_and_dead_servers_are_unavailable() {
    let fixture = Fixture::postgres().await;
    let url = fixture.url().replacen("postgresql://", "postgresql+psycopg2://", 1);
    Database::connect_postgres(&url).await.expect("connects");
    assert!(is_unavailable(&Database::connect_postgres("postgresql://x@127.0.0.1:1/x").await));
    assert!(is_bad(&Database::connect_postgres("postgresql://x@127.0.0.1:http/x").await));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_full_pool_says_so_within_seconds() {
    let fixture = Fixture::postgres().await;
    let small = Database::connect_postgres_with(fixture.url(), 1).await.expect("connects");
    let busy = small.clone();
    let slow = tokio::spawn(async move { busy.rows("SELECT pg_sleep(3)::text AS t", vec![]).await });
    tokio::time::sleep(Duration::from_millis(200)).await;
    let outcome = small.commit(insert("a")).await;
    assert!(is_unavailable(&outcome), "{outcome:?}");
    slow.await.expect("no panic").expect("readable");
    small.commit(insert("a")).await.expect("free again");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_connection_cut_after_sending_is_uncertain_and_before_it_is_not() {
    let server = Postgres::private(&ClusterOptions::default().tcp());
    let url = server.fresh_database().await;
    let direct = Database::connect_postgres(&url).await.expect("connects");
    backends::sql::migrate::up_of(&direct, &[crate::harness::SCHEMA]).await.expect("applies");
    let proxy = FaultProxy::start(server.tcp_address().expect("it listens")).await;
    let address = proxy.address();
    let name = url.split(['?', '/']).find(|part| part.starts_with("test_")).expect("a name");
    let through = Database::connect_postgres(&format!("postgresql://postgres@{address}/{name}")).await;
    let through = through.expect("connects");

    let database = through.clone();
    let slow = tokio::spawn(async move {
        let mut change = insert("a");
        change.run("SELECT pg_sleep(1)", vec![]);
        database.commit(change).await
    });
    tokio::time::sleep(Duration::from_millis(300)).await;
    proxy.cut();
    let outcome = slow.await.expect("no panic");
    assert!(matches!(outcome, Err(SqlError::Uncertain(_))), "the server has it all: {outcome:?}");

    proxy.down().await;
    let outcome = through.commit(insert("b")).await;
    assert!(is_unavailable(&outcome), "{outcome:?}");
    proxy.up().await;
    through.commit(insert("c")).await.expect("the pool heals");
    assert_eq!(number(&direct, "SELECT count(*) AS n FROM items WHERE id = 'b'").await, 0);
}
