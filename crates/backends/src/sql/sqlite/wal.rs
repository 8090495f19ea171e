//! Keeps the write-ahead log small.
//!
//! SQLite copies it into the database by itself, but can begin it anew only at a moment when nobody reads it. Steady
//! reading leaves no such moment, so the log would grow for as long as it goes on (<https://sqlite.org/wal.html>,
//! "Avoiding Excessively Large WAL Files"). Past [`WAL_KEPT`] the writer therefore makes such a moment: new readers go
//! to the database, and it waits for the old ones, but not long. Somebody who reads on (a backup that hangs) is waited
//! for again after each [`STEP`] of growth; the log then grows until they have gone, and the log file says so.

use std::path::{Path, PathBuf};
use std::time::Duration;

use rusqlite::Connection;

use super::connection::BUSY_TIMEOUT;

/// Bytes of the write-ahead log that need no care.
pub(super) const WAL_KEPT: u64 = 64 * 1024 * 1024;
/// After so many bytes more it is tried again.
const STEP: u64 = 16 * 1024 * 1024;
/// How long all changes wait for the readers of the log.
const READERS_WAIT: Duration = Duration::from_millis(200);

/// Looks at the size of the log between batches.
pub(super) struct WalKeeper {
    path: PathBuf,
    kept: u64,
    /// Size at which to try next.
    next: u64,
}

impl WalKeeper {
    /// For the database at `path`.
    pub(super) fn new(path: &Path) -> Self {
        Self::keeping(path, WAL_KEPT)
    }

    fn keeping(path: &Path, kept: u64) -> Self {
        let mut name = path.as_os_str().to_owned();
        name.push("-wal");
        Self { path: name.into(), kept, next: kept }
    }

    /// Empties the log when it is too large and nobody insists on reading it.
    pub(super) fn keep_small(&mut self, connection: &Connection) {
        let size = self.size();
        if size <= self.kept {
            self.next = self.kept;
        } else if size > self.next {
            if empty(connection) {
                self.next = self.kept;
            } else {
                self.next = size + STEP;
                tracing::warn!(size, "somebody reads the database for long: its write-ahead log grows");
            }
        }
    }

    fn size(&self) -> u64 {
        std::fs::metadata(&self.path).map_or(0, |file| file.len())
    }
}

/// Whether the log is empty now.
fn empty(connection: &Connection) -> bool {
    let attempt = || {
        connection.busy_timeout(READERS_WAIT)?;
        let busy = connection.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |row| row.get::<_, i64>(0));
        connection.busy_timeout(BUSY_TIMEOUT)?;
        busy
    };
    match attempt() {
        Ok(busy) => busy == 0,
        Err(error) => {
            tracing::warn!(%error, "the write-ahead log cannot be emptied");
            false
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::connection::{open_reader, open_writer};
    use super::*;

    const KEPT: u64 = 200_000;

    fn grow(connection: &Connection) {
        for _ in 0..20 {
            connection.execute("INSERT INTO t (data) VALUES (zeroblob(20000))", []).expect("it is stored");
        }
    }

    #[test]
    fn the_log_is_emptied_as_soon_as_nobody_insists_on_reading_it() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("data");
        let writer = open_writer(&path).expect("it opens");
        writer.execute_batch("CREATE TABLE t (data BLOB)").expect("valid");
        let mut keeper = WalKeeper::keeping(&path, KEPT);
        let backup = open_reader(&path).expect("it opens");
        backup.execute_batch("BEGIN; SELECT count(*) FROM t").expect("it reads");

        grow(&writer);
        let size = keeper.size();
        assert!(size > KEPT, "{size}");
        keeper.keep_small(&writer);
        assert!(keeper.size() >= size, "a reader keeps what it reads");
        assert_eq!(keeper.next, size + STEP, "changes do not wait for it each time");

        backup.execute_batch("COMMIT").expect("it ends");
        keeper.next = KEPT;
        keeper.keep_small(&writer);
        assert_eq!(keeper.size(), 0);
        assert_eq!(keeper.next, KEPT);
    }

    #[test]
    fn changes_wait_as_long_as_ever_for_other_writers_afterwards() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("data");
        let writer = open_writer(&path).expect("it opens");
        assert!(empty(&writer));
        let wait: i64 = writer.query_row("PRAGMA busy_timeout", [], |row| row.get(0)).expect("a number");
        assert_eq!(u128::try_from(wait).expect("positive"), BUSY_TIMEOUT.as_millis());
    }
}
