//! The file's mode and settings, and other processes on the same file.

use std::os::unix::fs::PermissionsExt as _;
use std::time::Duration;

use backends::sql::Database;
use rusqlite::Connection;

use crate::harness::{Fixture, insert, is_bad, unit};

#[tokio::test(flavor = "multi_thread")]
async fn the_files_are_private_to_their_owner() {
    let fixture = Fixture::sqlite().await;
    fixture.database.commit(insert("a")).await.expect("stored");
    for suffix in ["", "-wal", "-shm"] {
        let path = format!("{}{suffix}", fixture.path().display());
        let mode = std::fs::metadata(&path).expect("it exists").permissions().mode();
        assert_eq!(mode & 0o777, 0o600, "{path}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_open_to_others_is_closed_to_them() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("data.sqlite");
    std::fs::write(&path, "").expect("writable");
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o644)).expect("own file");
    let _database = Database::open_sqlite(&path).await.expect("opens");
    assert_eq!(std::fs::metadata(&path).expect("there").permissions().mode() & 0o777, 0o600);
}

#[tokio::test]
async fn what_is_no_database_is_unavailable() {
    let folder = tempfile::tempdir().expect("a folder");
    assert!(crate::harness::is_unavailable(&Database::open_sqlite(folder.path()).await));
    let path = folder.path().join("text");
    std::fs::write(&path, "this is not a database, only a rather long text ".repeat(100)).expect("writable");
    assert!(crate::harness::is_unavailable(&Database::open_sqlite(&path).await));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_unit_dropped_before_it_was_taken_never_starts() {
    let fixture = Fixture::sqlite().await;
    let other = Connection::open(fixture.path()).expect("opens");
    other.execute_batch("BEGIN IMMEDIATE").expect("locks");
    let database = fixture.database.clone();
    let taken = tokio::spawn(async move { database.commit(insert("taken")).await });
    // The writer now waits for the lock with the first unit in hand; the second stays in the queue.
    tokio::time::sleep(Duration::from_millis(100)).await;
    let waiting =
        tokio::time::timeout(Duration::from_millis(100), fixture.database.commit(insert("dropped")));
    assert!(waiting.await.is_err());
    other.execute_batch("COMMIT").expect("unlocks");
    taken.await.expect("no panic").expect("the busy timeout has waited");
    fixture.database.commit(insert("last")).await.expect("stored");
    assert!(fixture.has("taken").await && !fixture.has("dropped").await);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_open_reader_elsewhere_does_not_stop_the_writer() {
    let fixture = Fixture::sqlite().await;
    let other = Connection::open(fixture.path()).expect("opens");
    other.execute_batch("BEGIN; SELECT count(*) FROM items;").expect("reads");
    for at in 0..50 {
        fixture.database.commit(insert(&format!("{at}"))).await.expect("stored");
    }
    assert_eq!(fixture.count().await, 50);
}

#[tokio::test(flavor = "multi_thread")]
async fn close_stores_what_waits_and_empties_the_log() {
    let fixture = Fixture::sqlite().await;
    let commits: Vec<_> = (0..100)
        .map(|at| {
            let database = fixture.database.clone();
            tokio::spawn(async move { database.commit(insert(&format!("{at}"))).await.is_ok() })
        })
        .collect();
    for commit in commits {
        assert!(commit.await.expect("no panic"));
    }
    let path = fixture.path();
    fixture.database.clone().close().await;
    let wal = std::fs::metadata(format!("{}-wal", path.display())).map_or(0, |file| file.len());
    assert_eq!(wal, 0);
    let again = Database::open_sqlite(&path).await.expect("opens again");
    assert_eq!(crate::harness::number(&again, "SELECT count(*) AS n FROM items").await, 100);
}

#[tokio::test(flavor = "multi_thread")]
async fn durability_and_foreign_keys_are_on() {
    let fixture = Fixture::sqlite().await;
    let mode = crate::harness::one(&fixture.database, "SELECT journal_mode FROM pragma_journal_mode").await;
    assert_eq!(mode.text("journal_mode").as_deref(), Ok("wal"));
    let mut change = unit();
    change.run("INSERT INTO items (id) VALUES (\"misspelt\")", vec![]);
    assert!(is_bad(&fixture.database.commit(change).await), "double quotes are no text");
}
