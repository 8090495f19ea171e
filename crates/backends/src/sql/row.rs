//! [`Row`]: one row of an answer, read by column name with the type the caller expects.

use std::sync::Arc;

use hardening::clock::Timestamp;

use super::cell::{Cell, Raw};
use super::error::SqlError;

/// One row. Every getter fails with [`SqlError::Bad`] when the column is missing or of another type; those
/// without `opt_` also when it is NULL.
#[derive(Debug)]
pub struct Row(Inner);

#[derive(Debug)]
enum Inner {
    Postgres(tokio_postgres::Row),
    Sqlite { columns: Arc<[Box<str>]>, values: Vec<rusqlite::types::Value> },
}

macro_rules! getters {
    ($($(#[$doc:meta])* $name:ident, $optional:ident -> $type:ty;)+) => {
        impl Row {
            $(
                $(#[$doc])*
                pub fn $name(&self, column: &str) -> Result<$type, SqlError> {
                    self.$optional(column)?
                        .ok_or_else(|| SqlError::Bad(format!("column {column} is null")))
                }

                $(#[$doc])*
                /// `None` when it is NULL.
                pub fn $optional(&self, column: &str) -> Result<Option<$type>, SqlError> {
                    match self.cell(column)? {
                        Cell::Null => Ok(None),
                        cell => cell.$name().map(Some).ok_or_else(|| {
                            SqlError::Bad(format!("column {column} is not {}", stringify!($name)))
                        }),
                    }
                }
            )+
        }
    };
}

getters! {
    /// Text.
    text, opt_text -> String;
    /// A whole number.
    int, opt_int -> i64;
    /// A truth value.
    bool, opt_bool -> bool;
    /// A moment; `timestamp` without zone is read as UTC, what lies outside of 1970–9999 is moved to its edge.
    time, opt_time -> Timestamp;
    /// Octets.
    bytes, opt_bytes -> Vec<u8>;
    /// A JSON document, also one kept in a text column.
    json, opt_json -> serde_json::Value;
}

impl Row {
    pub(super) const fn from_postgres(row: tokio_postgres::Row) -> Self {
        Self(Inner::Postgres(row))
    }

    pub(super) const fn from_sqlite(columns: Arc<[Box<str>]>, values: Vec<rusqlite::types::Value>) -> Self {
        Self(Inner::Sqlite { columns, values })
    }

    fn cell(&self, column: &str) -> Result<Cell<'_>, SqlError> {
        let missing = || SqlError::Bad(format!("no column {column} in the answer"));
        match &self.0 {
            Inner::Sqlite { columns, values } => {
                let index = columns.iter().position(|name| **name == *column).ok_or_else(missing)?;
                values.get(index).map(Cell::of_sqlite).ok_or_else(missing)
            }
            Inner::Postgres(row) => {
                let index = row.columns().iter().position(|c| c.name() == column).ok_or_else(missing)?;
                let raw: Raw<'_> = row.try_get(index).map_err(|_| missing())?;
                Ok(Cell::of_postgres(row.columns()[index].type_(), raw))
            }
        }
    }
}
