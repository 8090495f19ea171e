//! SQLite's result codes, sorted into what the caller and the writer must tell apart.

use rusqlite::{ErrorCode, ffi};

use crate::sql::error::SqlError;

/// A failure, and what the writer may do about it.
#[derive(Debug)]
pub(super) struct Failure {
    pub(super) error: SqlError,
    pub(super) kind: Kind,
}

/// What went wrong, as far as the writer acts on it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// Data or statement of one unit: its neighbours can go on without it.
    Unit,
    /// No space: may be one large unit's doing.
    Full,
    /// Reading or writing the file failed: nothing may be tried again on the same footing.
    Device,
}

impl Failure {
    pub(super) fn of(error: &rusqlite::Error) -> Self {
        let rusqlite::Error::SqliteFailure(code, message) = error else {
            return Self::unit(SqlError::Bad(error.to_string()));
        };
        let text = message.clone().unwrap_or_else(|| code.to_string());
        match code.code {
            ErrorCode::ConstraintViolation => Self::unit(constraint(code.extended_code, text)),
            ErrorCode::DiskFull => Self { error: SqlError::Unavailable(text), kind: Kind::Full },
            ErrorCode::DatabaseBusy
            | ErrorCode::DatabaseLocked
            | ErrorCode::SystemIoFailure
            | ErrorCode::DatabaseCorrupt
            | ErrorCode::NotADatabase
            | ErrorCode::CannotOpen
            | ErrorCode::OutOfMemory
            | ErrorCode::PermissionDenied
            | ErrorCode::ReadOnly
            | ErrorCode::FileLockingProtocolFailed
            | ErrorCode::OperationInterrupted => {
                Self { error: SqlError::Unavailable(text), kind: Kind::Device }
            }
            _ => Self::unit(SqlError::Bad(text)),
        }
    }

    pub(super) const fn unit(error: SqlError) -> Self {
        Self { error, kind: Kind::Unit }
    }
}

fn constraint(extended_code: i32, text: String) -> SqlError {
    match extended_code {
        ffi::SQLITE_CONSTRAINT_UNIQUE | ffi::SQLITE_CONSTRAINT_PRIMARYKEY | ffi::SQLITE_CONSTRAINT_ROWID => {
            let what = text.strip_prefix("UNIQUE constraint failed: ").unwrap_or(&text);
            SqlError::Unique(what.to_owned())
        }
        ffi::SQLITE_CONSTRAINT_FOREIGNKEY => SqlError::ForeignKey,
        _ => SqlError::Bad(text),
    }
}
