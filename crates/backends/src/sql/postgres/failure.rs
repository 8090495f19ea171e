//! PostgreSQL's error codes, sorted into what callers can tell apart.

use deadpool_postgres::PoolError;
use tokio_postgres::error::{DbError, Severity, SqlState};

use crate::sql::error::SqlError;

/// What a failed request means when it certainly stored nothing.
pub(super) fn not_stored(error: &tokio_postgres::Error) -> SqlError {
    match error.as_db_error() {
        Some(refusal) => of_server(refusal),
        None => SqlError::Unavailable(described(error)),
    }
}

/// What a failed COMMIT means: only an ordinary refusal by the server is proof that nothing was stored.
pub(super) fn at_commit(error: &tokio_postgres::Error) -> SqlError {
    match error.as_db_error() {
        Some(refusal) if !ends_connection(refusal) => of_server(refusal),
        _ => SqlError::Uncertain(described(error)),
    }
}

/// No connection could be had.
pub(super) fn of_pool(error: &PoolError) -> SqlError {
    SqlError::Unavailable(match error {
        PoolError::Timeout(what) => format!("no connection in time ({what:?})"),
        PoolError::Backend(error) => described(error),
        other => other.to_string(),
    })
}

/// What it means that not even the first connection could be had. A server that is there and does not know the database,
/// the user or the password, or has no TLS where TLS is demanded, will say the same again: the address is wrong.
pub(super) fn at_first_connect(error: &PoolError) -> SqlError {
    const REFUSED: [SqlState; 3] = [
        SqlState::INVALID_CATALOG_NAME,
        SqlState::INVALID_AUTHORIZATION_SPECIFICATION,
        SqlState::INVALID_PASSWORD,
    ];
    let PoolError::Backend(refusal) = error else { return of_pool(error) };
    let text = described(refusal);
    let is_refused = refusal.code().is_some_and(|code| REFUSED.contains(code));
    // The driver has no other word for it.
    if is_refused || text.contains("server does not support TLS") {
        SqlError::Bad(format!("the server refuses it: {text}"))
    } else {
        of_pool(error)
    }
}

/// Whether the same unit, sent again, may well succeed: deadlock, serialization failure, or a prepared
/// statement that a migration has made stale.
pub(super) fn worth_repeating(error: &tokio_postgres::Error) -> bool {
    error.code().is_some_and(|code| {
        [SqlState::T_R_DEADLOCK_DETECTED, SqlState::T_R_SERIALIZATION_FAILURE].contains(code)
    }) || is_stale_plan(error)
}

/// `cached plan must not change result type`, or the statement is gone from the server.
pub(super) fn is_stale_plan(error: &tokio_postgres::Error) -> bool {
    error.as_db_error().is_some_and(|refusal| {
        *refusal.code() == SqlState::INVALID_SQL_STATEMENT_NAME
            || (*refusal.code() == SqlState::FEATURE_NOT_SUPPORTED
                && refusal.routine() == Some("RevalidateCachedQuery"))
    })
}

/// Whether the server ends the connection with it; the end itself may be noticed later.
pub(super) fn is_farewell(error: &tokio_postgres::Error) -> bool {
    error.as_db_error().is_some_and(ends_connection)
}

fn ends_connection(refusal: &DbError) -> bool {
    matches!(refusal.parsed_severity(), Some(Severity::Fatal | Severity::Panic))
}

fn of_server(refusal: &DbError) -> SqlError {
    let code = refusal.code();
    let text = || format!("{} ({})", refusal.message(), code.code());
    if *code == SqlState::UNIQUE_VIOLATION {
        SqlError::Unique(refusal.constraint().unwrap_or_default().to_owned())
    } else if *code == SqlState::FOREIGN_KEY_VIOLATION {
        SqlError::ForeignKey
    } else if ends_connection(refusal) || is_passing(code) {
        SqlError::Unavailable(text())
    } else {
        SqlError::Bad(text())
    }
}

/// Conditions of the server, not of the statement: connection (08), resources and disk (53), operator (57),
/// system (58), lock timeout, deadlock and serialization (40), a standby that only reads.
fn is_passing(code: &SqlState) -> bool {
    ["08", "40", "53", "57", "58"].iter().any(|class| code.code().starts_with(class))
        || [SqlState::LOCK_NOT_AVAILABLE, SqlState::READ_ONLY_SQL_TRANSACTION].contains(code)
}

/// The error and its cause; the driver's own text leaves out what the system said.
fn described(error: &tokio_postgres::Error) -> String {
    use std::error::Error as _;
    error.source().map_or_else(|| error.to_string(), |cause| format!("{error}: {cause}"))
}
