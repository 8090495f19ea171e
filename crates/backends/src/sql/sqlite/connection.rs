//! Opening connections, with the settings that durability and safety rest on.

use std::fs::{self, OpenOptions, Permissions};
use std::io::ErrorKind;
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::Path;
use std::time::Duration;

use rusqlite::config::DbConfig;
use rusqlite::{Connection, OpenFlags};

use super::failure::Failure;
use super::wal::WAL_KEPT;
use crate::sql::error::SqlError;
use crate::sql::folding;

/// How long a statement waits for another process (backup, command line) to let go of the file.
pub(super) const BUSY_TIMEOUT: Duration = Duration::from_secs(5);
/// More than the product has statements, so that each is prepared once.
const CACHED_STATEMENTS: usize = 256;
/// Only the owner may read accounts.
const FILE_MODE: u32 = 0o600;
/// Pages in the write-ahead log from which on it is copied into the database, 16 MiB: pages that every change touches
/// are then copied once for some hundred changes. Reading it again at a start takes some milliseconds.
const CHECKPOINT_PAGES: u32 = 4_096;
/// What the writer keeps of the database in memory. The ends of a dozen indexes have to stay in it.
const WRITER_CACHE_KIB: u32 = 8_192;

/// The connection that writes: creates the file when it is missing, readable for its owner only.
/// WAL with `synchronous=FULL`: a commit that was reported survives a power cut.
pub(super) fn open_writer(path: &Path) -> Result<Connection, SqlError> {
    create_private(path)?;
    let connection = open(path)?;
    configure_writer(&connection).map_err(|error| Failure::of(&error).error)?;
    Ok(connection)
}

fn configure_writer(connection: &Connection) -> rusqlite::Result<()> {
    let mode: String = connection.query_row("PRAGMA journal_mode=WAL", [], |row| row.get(0))?;
    if mode != "wal" {
        tracing::warn!(mode, "SQLite could not switch to write-ahead logging");
    }
    connection.execute_batch(&format!(
        "PRAGMA synchronous=FULL; PRAGMA foreign_keys=ON; PRAGMA journal_size_limit={WAL_KEPT}; \
         PRAGMA wal_autocheckpoint={CHECKPOINT_PAGES}; PRAGMA cache_size=-{WRITER_CACHE_KIB};"
    ))
}

/// A connection that can only read.
pub(super) fn open_reader(path: &Path) -> Result<Connection, SqlError> {
    let connection = open(path)?;
    connection
        .execute_batch("PRAGMA query_only=ON; PRAGMA foreign_keys=ON;")
        .map_err(|error| Failure::of(&error).error)?;
    Ok(connection)
}

fn open(path: &Path) -> Result<Connection, SqlError> {
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let configured = Connection::open_with_flags(path, flags).and_then(|connection| {
        connection.busy_timeout(BUSY_TIMEOUT)?;
        connection.set_prepared_statement_cache_capacity(CACHED_STATEMENTS);
        // A misspelt column in double quotes must be an error, not a text.
        connection.set_db_config(DbConfig::SQLITE_DBCONFIG_DQS_DML, false)?;
        connection.set_db_config(DbConfig::SQLITE_DBCONFIG_DQS_DDL, false)?;
        connection.set_db_config(DbConfig::SQLITE_DBCONFIG_DEFENSIVE, true)?;
        connection.set_db_config(DbConfig::SQLITE_DBCONFIG_TRUSTED_SCHEMA, false)?;
        // Otherwise every statement is planned anew for every value in its WHERE (STAT4), which takes longer than most of
        // them run; nothing here gathers the statistics that this could use.
        connection.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_QPSG, true)?;
        folding::register(&connection)?;
        Ok(connection)
    });
    configured.map_err(|error| Failure::of(&error).error)
}

/// The write-ahead log and its index inherit the mode of this file. An existing file is not opened here: closing
/// it again would drop the locks that other connections of this process hold on it (POSIX).
fn create_private(path: &Path) -> Result<(), SqlError> {
    let unusable = |error: std::io::Error| {
        SqlError::Unavailable(format!("database file {} cannot be used: {error}", path.display()))
    };
    match OpenOptions::new().write(true).create_new(true).mode(FILE_MODE).open(path) {
        Ok(_) => return Ok(()),
        Err(error) if error.kind() == ErrorKind::AlreadyExists => {}
        Err(error) => return Err(unusable(error)),
    }
    let mode = fs::metadata(path).map_err(unusable)?.permissions().mode();
    if mode & 0o077 != 0
        && let Err(error) = fs::set_permissions(path, Permissions::from_mode(FILE_MODE))
    {
        tracing::warn!(%error, "the database file is readable for others and cannot be made private");
    }
    Ok(())
}
