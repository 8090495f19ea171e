//! All or nothing, guards, constraints, many at once, callers that go away.

use std::time::Duration;

use backends::sql::{Database, SqlError, migrate};
use hardening::audit::{Action, AuditEvent, Resource, Status, Trail};
use hardening::clock::{Clock, SystemClock};
use hardening::entropy::OsEntropy;

use crate::harness::{Fixture, INSERT, insert, is_bad, item, number, unit};
use crate::on_both;

on_both!(
    rows_are_counted_per_statement,
    a_missed_guard_undoes_everything,
    a_guard_that_hits_two_rows_is_a_conflict,
    the_first_missed_guard_names_the_tag,
    constraints_are_told_apart,
    a_failing_statement_undoes_the_ones_before,
    of_many_at_once_only_the_failing_are_undone,
    exactly_one_of_many_guarded_wins,
    dropped_callers_leave_nothing_half_done,
    an_empty_unit_is_fine,
    a_change_and_its_audit_event_share_their_fate,
);

async fn rows_are_counted_per_statement(fixture: Fixture) {
    for id in ["a", "b", "c"] {
        fixture.database.commit(insert(id)).await.expect("stored");
    }
    let mut change = unit();
    change.run("UPDATE items SET n = n + 1", vec![]);
    change.run("DELETE FROM items WHERE id = $1", vec!["absent".into()]);
    change.guarded("UPDATE items SET n = 5 WHERE id = $1", vec!["a".into()], "a");
    change.run("SELECT id FROM items", vec![]);
    let committed = fixture.database.commit(change).await.expect("stored");
    assert_eq!((committed.rows(0), committed.rows(1), committed.rows(2)), (3, 0, 1));
    assert_eq!(committed.rows(9), 0);
}

async fn a_missed_guard_undoes_everything(fixture: Fixture) {
    let mut change = insert("a");
    change.guarded("UPDATE items SET n = 1 WHERE id = $1", vec!["absent".into()], "absent");
    change.run(INSERT, item("b"));
    assert_eq!(fixture.database.commit(change).await, Err(SqlError::Conflict("absent")));
    assert_eq!(fixture.count().await, 0);
}

async fn a_guard_that_hits_two_rows_is_a_conflict(fixture: Fixture) {
    fixture.database.commit(insert("a")).await.expect("stored");
    let mut change = insert("b");
    change.guarded("UPDATE items SET n = 7", vec![], "two");
    assert_eq!(fixture.database.commit(change).await, Err(SqlError::Conflict("two")));
    assert_eq!(number(&fixture.database, "SELECT count(*) AS n FROM items WHERE n = 7").await, 0);
}

async fn the_first_missed_guard_names_the_tag(fixture: Fixture) {
    let mut change = insert("a");
    change.guarded("UPDATE items SET n = 1 WHERE id = $1", vec!["a".into()], "hit");
    change.guarded("DELETE FROM items WHERE id = $1", vec!["x".into()], "first");
    change.guarded("DELETE FROM items WHERE id = $1", vec!["y".into()], "second");
    assert_eq!(fixture.database.commit(change).await, Err(SqlError::Conflict("first")));
}

async fn constraints_are_told_apart(fixture: Fixture) {
    let database = &fixture.database;
    let mut labelled = unit();
    labelled.run(INSERT, vec!["a".into(), "same".into(), 0_i64.into()]);
    database.commit(labelled).await.expect("stored");

    let mut again = unit();
    again.run(INSERT, vec!["b".into(), "same".into(), 0_i64.into()]);
    let refused = database.commit(again).await.expect_err("taken");
    assert!(refused.is_unique_on("label") && !refused.is_unique_on("parent"), "{refused:?}");

    let mut orphan = unit();
    orphan.run("INSERT INTO items (id, parent) VALUES ($1, $2)", vec!["c".into(), "absent".into()]);
    assert_eq!(database.commit(orphan).await, Err(SqlError::ForeignKey));

    let mut negative = unit();
    negative.run(INSERT, vec!["d".into(), None::<&str>.into(), (-1_i64).into()]);
    assert!(is_bad(&database.commit(negative).await));
    assert_eq!(fixture.count().await, 1);
}

async fn a_failing_statement_undoes_the_ones_before(fixture: Fixture) {
    let mut change = insert("a");
    change.run(INSERT, item("b")).run(INSERT, item("a")).run(INSERT, item("c"));
    assert!(matches!(fixture.database.commit(change).await, Err(SqlError::Unique(_))));
    assert_eq!(fixture.count().await, 0);
    fixture.database.commit(insert("d")).await.expect("the connection is clean");
}

async fn of_many_at_once_only_the_failing_are_undone(fixture: Fixture) {
    fixture.database.commit(insert("taken")).await.expect("stored");
    let commits = (0..64).map(|at| {
        let database = fixture.database.clone();
        tokio::spawn(async move {
            let mut change = insert(&format!("first-{at}"));
            match at % 4 {
                0 => change.run(INSERT, item("taken")),
                1 => change.guarded("DELETE FROM items WHERE id = $1", vec!["absent".into()], "absent"),
                _ => change.run(INSERT, item(&format!("second-{at}"))),
            };
            (at, database.commit(change).await)
        })
    });
    for commit in commits.collect::<Vec<_>>() {
        let (at, outcome) = commit.await.expect("no panic");
        match at % 4 {
            0 => assert!(matches!(outcome, Err(SqlError::Unique(_))), "{outcome:?}"),
            1 => assert_eq!(outcome, Err(SqlError::Conflict("absent"))),
            _ => assert!(outcome.is_ok(), "{outcome:?}"),
        }
        assert_eq!(fixture.has(&format!("first-{at}")).await, at % 4 > 1);
    }
    assert_eq!(fixture.count().await, 1 + 32 * 2);
}

async fn exactly_one_of_many_guarded_wins(fixture: Fixture) {
    fixture.database.commit(insert("prize")).await.expect("stored");
    let takers = (0..32).map(|_| {
        let database = fixture.database.clone();
        tokio::spawn(async move {
            let mut take = unit();
            take.guarded("UPDATE items SET n = 1 WHERE id = $1 AND n = 0", vec!["prize".into()], "taken");
            database.commit(take).await
        })
    });
    let mut winners = 0;
    for taker in takers.collect::<Vec<_>>() {
        match taker.await.expect("no panic") {
            Ok(_) => winners += 1,
            other => assert_eq!(other, Err(SqlError::Conflict("taken"))),
        }
    }
    assert_eq!(winners, 1);
}

async fn dropped_callers_leave_nothing_half_done(fixture: Fixture) {
    for at in 0..200_u64 {
        let mut change = insert(&format!("first-{at}"));
        change.run(INSERT, item(&format!("second-{at}")));
        // Dropped at another point each time, from before the first poll to long after the end.
        let _ = tokio::time::timeout(Duration::from_micros(at * 25), fixture.database.commit(change)).await;
    }
    // Whatever still runs is done before this returns on SQLite, and soon after on PostgreSQL.
    fixture.database.commit(insert("last")).await.expect("the connections are clean");
    let halves = "SELECT count(*) AS n FROM items AS a WHERE a.id LIKE 'first-%' AND NOT EXISTS \
         (SELECT 1 FROM items AS b WHERE b.id = 'second-' || substr(a.id, 7))";
    assert_eq!(number(&fixture.database, halves).await, 0);
    for at in 0..40 {
        fixture
            .database
            .commit(insert(&format!("after-{at}")))
            .await
            .expect("no open transaction was reused");
    }
}

async fn an_empty_unit_is_fine(fixture: Fixture) {
    fixture.database.commit(unit()).await.expect("nothing to do");
}

fn event(id: &str, org: &str) -> Trail {
    let event = AuditEvent {
        id: id.to_owned(),
        timestamp: SystemClock.now(),
        org_id: org.to_owned(),
        user_id: hardening::audit::ANONYMOUS_PERSON.to_owned(),
        user_email: "someone@example.com".to_owned(),
        user_roles: vec!["admin".to_owned()],
        action: Action::AuthLogin,
        resource: Resource::new("person", "person_1").named("Someone"),
        changes: None,
        ip_address: Some("192.0.2.1".to_owned()),
        user_agent: None,
        request_id: None,
        status: Status::Success,
        error_message: None,
    };
    Trail::of(event, &OsEntropy)
}

async fn audit_rows(database: &Database) -> i64 {
    number(database, "SELECT count(*) AS n FROM audit_logs WHERE id LIKE 'audit_test%'").await
}

async fn a_change_and_its_audit_event_share_their_fate(fixture: Fixture) {
    let database = &fixture.database;
    migrate::down_of(database, &[crate::harness::SCHEMA], None).await.expect("the test's schema goes");
    migrate::up(database).await.expect("the product's schema applies");
    let mut change =
        backends::sql::Unit::audited(event("audit_test_1", hardening::audit::SYSTEM_ORGANIZATION));
    change.guarded(
        "UPDATE people SET status = status WHERE id = $1",
        vec!["person_anonymous".into()],
        "person",
    );
    database.commit(change).await.expect("stored with its event");
    assert_eq!(audit_rows(database).await, 1);
    let row = database
        .row(
            "SELECT user_roles, leaf_hash, timestamp, changes FROM audit_logs WHERE id = $1",
            vec!["audit_test_1".into()],
        )
        .await
        .expect("readable")
        .expect("there");
    assert_eq!(row.json("user_roles"), Ok(serde_json::json!(["admin"])));
    assert_eq!(row.bytes("leaf_hash").map(|hash| hash.len()), Ok(32));
    assert!(row.time("timestamp").is_ok());
    assert_eq!(row.opt_json("changes"), Ok(None));

    // The event cannot be stored (no such organization): the change is not stored either.
    let mut change = backends::sql::Unit::audited(event("audit_test_2", "org_absent"));
    change.run("UPDATE people SET name = $1", vec!["changed".into()]);
    assert_eq!(database.commit(change).await, Err(SqlError::ForeignKey));
    assert_eq!(number(database, "SELECT count(*) AS n FROM people WHERE name = 'changed'").await, 0);

    // The change fails: no event.
    let mut change =
        backends::sql::Unit::audited(event("audit_test_3", hardening::audit::SYSTEM_ORGANIZATION));
    change.guarded("UPDATE people SET name = 'x' WHERE id = $1", vec!["absent".into()], "absent");
    assert_eq!(database.commit(change).await, Err(SqlError::Conflict("absent")));
    assert_eq!(audit_rows(database).await, 1);

    // The trail itself cannot be changed.
    for text in ["UPDATE audit_logs SET action = 'x'", "DELETE FROM audit_logs"] {
        let mut change = unit();
        change.run(text, vec![]);
        assert!(is_bad(&database.commit(change).await), "{text}");
    }
}
