//! Queries only read; streams are complete, bounded and can be left early.

use backends::sql::{Row, SqlError};
use futures_util::future::join_all;
use futures_util::{StreamExt as _, TryStreamExt as _};

use crate::harness::{Fixture, INSERT, insert, is_bad, item, number, unit};
use crate::on_both;

on_both!(
    a_query_cannot_change_anything,
    a_stream_delivers_every_row_in_order,
    a_stream_left_early_frees_its_connection,
    a_stream_tells_its_error_last,
    statements_are_prepared_without_running,
    many_readers_do_not_wait_for_ever,
    nothing_works_after_close,
);

async fn a_query_cannot_change_anything(fixture: Fixture) {
    let outcome = fixture.database.rows(INSERT, item("a")).await;
    assert!(outcome.is_err());
    let returning = "INSERT INTO items (id) VALUES ($1) RETURNING id";
    assert!(fixture.database.rows(returning, vec!["a".into()]).await.is_err());
    assert_eq!(fixture.count().await, 0);
    // Nor on connections that have changed something, or tried to.
    for id in ["b", "b"] {
        join_all((0..16).map(|_| fixture.database.commit(insert(id)))).await;
        let outcomes = join_all((0..16).map(|_| fixture.database.rows(returning, vec!["c".into()]))).await;
        assert!(outcomes.iter().all(Result::is_err));
    }
    assert_eq!(fixture.count().await, 1);
}

const ROWS: i64 = 100_000;

async fn fill(fixture: &Fixture) {
    let mut change = unit();
    change.run(
        "INSERT INTO items (id, n) WITH RECURSIVE c (x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM c WHERE x < 100000) \
         SELECT CAST(x AS TEXT), x FROM c",
        vec![],
    );
    assert_eq!(fixture.database.commit(change).await.expect("stored").rows(0), 100_000);
}

async fn a_stream_delivers_every_row_in_order(fixture: Fixture) {
    fill(&fixture).await;
    let mut expected = 1;
    let mut rows = fixture.database.stream("SELECT n FROM items WHERE n > $1 ORDER BY n", vec![0_i64.into()]);
    while let Some(row) = rows.next().await {
        assert_eq!(row.and_then(|row| row.int("n")), Ok(expected));
        expected += 1;
    }
    assert_eq!(expected, ROWS + 1);
    let none: Vec<Row> =
        fixture.database.stream("SELECT n FROM items WHERE n < 0", vec![]).try_collect().await.expect("fine");
    assert!(none.is_empty());
}

async fn a_stream_left_early_frees_its_connection(fixture: Fixture) {
    fill(&fixture).await;
    for _ in 0..20 {
        let mut rows = fixture.database.stream("SELECT n FROM items ORDER BY n", vec![]);
        assert!(rows.next().await.expect("a row").is_ok());
    }
    fixture.database.commit(insert("after")).await.expect("connections are clean");
    assert_eq!(number(&fixture.database, "SELECT count(*) AS n FROM items").await, ROWS + 1);
}

async fn a_stream_tells_its_error_last(fixture: Fixture) {
    for (sql, params) in [
        ("SELECT absent FROM items", vec![]),
        ("SELECT id FROM items WHERE id = $1", vec![]),
        ("SELECT id FROM items WHERE id = $1", vec!["\0".into()]),
    ] {
        let items: Vec<Result<Row, SqlError>> = fixture.database.stream(sql, params).collect().await;
        assert_eq!(items.len(), 1);
        assert!(is_bad(&items[0]), "{sql}");
    }
}

async fn statements_are_prepared_without_running(fixture: Fixture) {
    let database = &fixture.database;
    assert_eq!(database.prepare(INSERT, false).await, Ok(3));
    assert_eq!(database.prepare("DELETE FROM items WHERE id = $1", true).await, Ok(1));
    assert!(is_bad(&database.prepare("SELECT absent FROM items", false).await));
    assert_eq!(fixture.count().await, 0);
}

async fn many_readers_do_not_wait_for_ever(fixture: Fixture) {
    let readers = (0..100).map(|_| {
        let database = fixture.database.clone();
        tokio::spawn(async move { database.ping().await })
    });
    for reader in readers.collect::<Vec<_>>() {
        assert_eq!(reader.await.expect("no panic"), Ok(()));
    }
}

async fn nothing_works_after_close(fixture: Fixture) {
    let clone = fixture.database.clone();
    let late: Vec<_> = (0..10)
        .map(|at| {
            let database = fixture.database.clone();
            tokio::spawn(async move { database.commit(insert(&format!("{at}"))).await })
        })
        .collect();
    fixture.database.close().await;
    for commit in late {
        let outcome = commit.await.expect("no panic");
        assert!(matches!(outcome, Ok(_) | Err(SqlError::Unavailable(_))), "{outcome:?}");
    }
    assert!(matches!(clone.commit(insert("z")).await, Err(SqlError::Unavailable(_))));
    assert!(matches!(clone.ping().await, Err(SqlError::Unavailable(_))));
}
