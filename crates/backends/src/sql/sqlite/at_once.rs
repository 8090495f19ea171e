//! Short queries, answered on the thread that asks: handing one to a reader's thread and back takes several times as
//! long as finding a row by its key.
//!
//! * A query that turns out not to be short is broken off after some steps of SQLite's machine, and handed over.
//! * Nothing here waits: not for a connection, not for a lock on the file.

use std::path::Path;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex, TryLockError};
use std::time::Duration;

use rusqlite::Connection;

use super::connection::open_reader;
use super::failure::Failure;
use super::statements;
use crate::sql::error::SqlError;
use crate::sql::row::Row;
use crate::sql::value::Value;

/// Steps of SQLite's machine between two looks; a query has at least as many, and fewer than twice as many. A row found
/// by its key takes some fifty; this many take a good tenth of a millisecond.
const STEPS: i32 = 2_000;

/// A connection that gives up on what is not short.
#[derive(Debug)]
struct Brief {
    connection: Connection,
    looks: Arc<AtomicU32>,
}

impl Brief {
    fn open(path: &Path) -> Result<Self, SqlError> {
        let mut connection = open_reader(path)?;
        let looks = Arc::new(AtomicU32::new(0));
        let counted = Arc::clone(&looks);
        let gives_up = move || counted.fetch_add(1, Ordering::Relaxed) > 0;
        let configured = connection
            .busy_timeout(Duration::ZERO)
            .and_then(|()| connection.progress_handler(STEPS, Some(gives_up)));
        configured.map_err(|error| Failure::of(&error).error)?;
        Ok(Self { connection, looks })
    }

    /// `None` when it took too long or the file is locked: for somebody who can wait.
    fn rows(&self, text: &'static str, params: &[Value]) -> Option<Result<Vec<Row>, SqlError>> {
        self.looks.store(0, Ordering::Relaxed);
        let mut rows = Vec::new();
        let read = statements::read(&self.connection, text, params, |row| {
            rows.push(row);
            true
        });
        match read {
            Ok(()) => Some(Ok(rows)),
            Err(SqlError::Unavailable(_)) => None,
            Err(error) => Some(Err(error)),
        }
    }
}

/// As many connections as threads can ask at the same time.
#[derive(Debug)]
pub(super) struct AtOnce(Box<[Mutex<Option<Brief>>]>);

impl AtOnce {
    /// Opens them.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub(super) fn open(path: &Path) -> Result<Self, SqlError> {
        let threads = std::thread::available_parallelism().map_or(1, usize::from);
        let open = |_| Ok(Mutex::new(Some(Brief::open(path)?)));
        (0..threads).map(open).collect::<Result<_, _>>().map(Self)
    }

    /// The rows, if that is done quickly; `None` leaves everything to somebody who can wait.
    pub(super) fn rows(&self, text: &'static str, params: &[Value]) -> Option<Result<Vec<Row>, SqlError>> {
        let free = self.0.iter().find_map(|place| match place.try_lock() {
            Ok(brief) => Some(brief),
            Err(TryLockError::Poisoned(poisoned)) => Some(poisoned.into_inner()),
            Err(TryLockError::WouldBlock) => None,
        });
        free?.as_ref()?.rows(text, params)
    }

    /// Closes them, so that the last connection to go can tidy up the log.
    pub(super) fn close(&self) {
        for place in &self.0 {
            place.lock().unwrap_or_else(std::sync::PoisonError::into_inner).take();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::connection::open_writer;
    use super::*;

    fn database() -> (tempfile::TempDir, Connection, AtOnce) {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("data");
        let writer = open_writer(&path).expect("opens");
        writer
            .execute_batch(
                "CREATE TABLE t (id INTEGER PRIMARY KEY); WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 \
                 FROM n WHERE i < 5000) INSERT INTO t SELECT i FROM n",
            )
            .expect("valid");
        let at_once = AtOnce::open(&path).expect("opens");
        (folder, writer, at_once)
    }

    const BY_KEY: &str = "SELECT id FROM t WHERE id = $1";
    const ALL: &str = "SELECT id FROM t";

    #[test]
    fn a_row_by_its_key_is_found_every_time() {
        let (_folder, _writer, at_once) = database();
        for number in 1..5_000_i64 {
            let rows = at_once.rows(BY_KEY, &[number.into()]).expect("short").expect("readable");
            assert_eq!(rows[0].int("id"), Ok(number));
        }
    }

    #[test]
    fn a_long_query_is_left_to_others_and_does_no_harm() {
        let (_folder, _writer, at_once) = database();
        for _ in 0..3 {
            assert!(at_once.rows(ALL, &[]).is_none());
            assert!(at_once.rows(BY_KEY, &[1_i64.into()]).is_some());
        }
    }

    #[test]
    fn a_bad_query_is_told_at_once_and_a_change_refused() {
        let (_folder, _writer, at_once) = database();
        for text in ["SELECT nothing FROM nowhere", "DELETE FROM t"] {
            assert!(matches!(at_once.rows(text, &[]), Some(Err(SqlError::Bad(_)))), "{text}");
        }
    }

    #[test]
    fn what_is_in_use_or_closed_is_not_waited_for() {
        let (_folder, _writer, at_once) = database();
        let taken: Vec<_> = at_once.0.iter().map(|place| place.lock().expect("free")).collect();
        assert!(at_once.rows(BY_KEY, &[1_i64.into()]).is_none());
        drop(taken);
        at_once.close();
        assert!(at_once.rows(BY_KEY, &[1_i64.into()]).is_none());
    }

    #[test]
    fn a_change_is_seen_by_the_next_query() {
        let (_folder, writer, at_once) = database();
        let count = |id: i64| at_once.rows(BY_KEY, &[id.into()]).expect("short").expect("readable").len();
        assert_eq!(count(9_999), 0);
        writer.execute_batch("INSERT INTO t VALUES (9999)").expect("valid");
        assert_eq!(count(9_999), 1);
        writer
            .execute_batch("ALTER TABLE t ADD COLUMN more TEXT; DELETE FROM t WHERE id = 9999")
            .expect("valid");
        assert_eq!(count(9_999), 0);
    }
}
