//! Units that only insert and wait at the same time are stored together, and fail alone.

use std::time::Duration;

use backends::sql::{Committed, Database, SqlError, Unit};
use hardening::clock::Timestamp;
use testkit::postgres::Postgres;
use tokio::task::JoinHandle;

use crate::harness::{Fixture, insert, number, unit};
use crate::postgres_only::raw;

type Storing = JoinHandle<Result<Committed, SqlError>>;

fn store(database: &Database, unit: Unit) -> Storing {
    let database = database.clone();
    tokio::spawn(async move { database.commit(unit).await })
}

/// PostgreSQL stamps each row with its transaction.
async fn transactions(fixture: &Fixture) -> i64 {
    number(&fixture.database, "SELECT count(DISTINCT xmin::text)::bigint AS n FROM items").await
}

#[tokio::test(flavor = "multi_thread")]
async fn units_that_wait_together_share_a_transaction() {
    let fixture = Fixture::postgres().await;
    let storing: Vec<_> = (0..200).map(|at| store(&fixture.database, insert(&at.to_string()))).collect();
    for one in storing {
        assert_eq!(one.await.expect("no panic").expect("stored").rows(0), 1);
    }
    assert_eq!(fixture.count().await, 200);
    let transactions = transactions(&fixture).await;
    assert!(transactions < 100, "{transactions} transactions for 200 units");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_wrong_with_one_unit_is_told_to_its_caller_alone() {
    let fixture = Fixture::postgres().await;
    fixture.database.commit(insert("taken")).await.expect("stored");
    let ids = (0..200).map(|at| if at % 50 == 10 { "taken".to_owned() } else { at.to_string() });
    let storing: Vec<_> = ids.map(|id| (id.clone(), store(&fixture.database, insert(&id)))).collect();
    for (id, one) in storing {
        let outcome = one.await.expect("no panic");
        match &*id {
            "taken" => assert!(matches!(outcome, Err(SqlError::Unique(_))), "{outcome:?}"),
            _ => assert!(outcome.is_ok() && fixture.has(&id).await, "{id}: {outcome:?}"),
        }
    }
}

/// The types of the columns are not those of the arrays' literals: text, small numbers, moments without a zone, JSON.
#[tokio::test(flavor = "multi_thread")]
async fn the_types_of_an_adopted_database_are_served_in_groups_too() {
    let fixture = Fixture::postgres().await;
    let ddl = "CREATE TYPE \"Odd \"\"mood\"\"\" AS ENUM ('calm', 'cross'); CREATE TABLE adopted (id varchar(36), \
         small smallint, moment timestamp, doc json, docs jsonb, key bytea, truth boolean, mood \"Odd \"\"mood\"\"\")";
    raw(fixture.url()).await.batch_execute(ddl).await.expect("creates");
    let moment = Timestamp::from_micros(1_700_000_000_000_001);
    let document = serde_json::json!({"roles": ["admin", "usher \"x\", {y}"]});
    let one = |at: i64| {
        let mut change = unit();
        let key = (at % 3 > 0).then(|| vec![0_u8, 7]);
        let (doc, docs) = (document.clone(), document.clone());
        change.run(
            "INSERT INTO adopted (id, small, moment, doc, docs, key, truth, mood) \
             VALUES ($1, $2, $3, $4, $5, $6, $7, coalesce($8::\"Odd \"\"mood\"\"\", 'calm'))",
            vec![
                format!("{at}, {{}} \"").into(),
                at.into(),
                moment.into(),
                doc.into(),
                docs.into(),
                key.into(),
                (at % 2 == 0).into(),
                (at % 5 == 0).then_some("cross").into(),
            ],
        );
        change
    };
    let storing: Vec<_> = (0..100).map(|at| store(&fixture.database, one(at))).collect();
    for storing in storing {
        storing.await.expect("no panic").expect("stored");
    }
    let right = number(
        &fixture.database,
        "SELECT count(DISTINCT small)::bigint AS n FROM adopted WHERE id = small || ', {} \"' \
         AND moment = '2023-11-14 22:13:20.000001' AND doc::text = '{\"roles\":[\"admin\",\"usher \\\"x\\\", {y}\"]}' \
         AND docs = doc::jsonb AND key IS NOT DISTINCT FROM CASE WHEN small % 3 > 0 THEN '\\x0007'::bytea END \
         AND truth = (small % 2 = 0) AND mood::text = CASE WHEN small % 5 = 0 THEN 'cross' ELSE 'calm' END",
    )
    .await;
    assert_eq!(right, 100);
    let transactions =
        number(&fixture.database, "SELECT count(DISTINCT xmin::text)::bigint AS n FROM adopted").await;
    assert!(transactions < 60, "{transactions} transactions: they were not stored in groups");
}

#[tokio::test(flavor = "multi_thread")]
async fn lanes_that_are_held_up_do_not_hold_up_the_rest() {
    let fixture = Fixture::postgres().await;
    let holder = raw(fixture.url()).await;
    // Whoever inserts the same id has to wait for the end of this.
    holder.batch_execute("BEGIN; INSERT INTO items (id, n) VALUES ('held', 0)").await.expect("inserted");
    let held: Vec<_> = (0..3)
        .map(|_| {
            let storing = store(&fixture.database, insert("held"));
            std::thread::sleep(Duration::from_millis(2));
            storing
        })
        .collect();
    fixture.database.commit(insert("free")).await.expect("another lane stores it");
    let waiting = held.iter().filter(|one| !one.is_finished()).count();
    assert_eq!(waiting, held.len(), "they wait for the holder");
    holder.batch_execute("COMMIT").await.expect("stored");
    for one in held {
        let outcome = one.await.expect("no panic");
        assert!(matches!(outcome, Err(SqlError::Unique(_))), "{outcome:?}");
    }
}

/// As of a commit of its own: what was told to be stored is, what was refused is not.
#[tokio::test(flavor = "multi_thread")]
async fn groups_whose_connection_is_killed_tell_the_truth() {
    let fixture = Fixture::postgres().await;
    let mut storing = Vec::new();
    for at in 0..600 {
        storing.push((at, store(&fixture.database, insert(&at.to_string()))));
        if at % 60 == 30 {
            Postgres::shared().terminate_backends(fixture.url()).await;
        }
    }
    for (at, one) in storing {
        let outcome = one.await.expect("no panic");
        let is_there = fixture.has(&at.to_string()).await;
        match outcome {
            Ok(_) => assert!(is_there, "acknowledged and lost"),
            Err(SqlError::Unavailable(why)) => assert!(!is_there, "refused and stored: {why}"),
            Err(SqlError::Uncertain(_)) => {}
            Err(other) => panic!("{other:?}"),
        }
    }
    fixture.database.commit(insert("healed")).await.expect("the lanes go on");
}
