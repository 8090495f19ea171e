//! The SQL seam: statements are written once, two drivers run them.
//!
//! * A change is a [`Unit`]: plain data, stored together with its audit events or not at all. There is no
//!   other way to change anything: [`Database::rows`] and [`Database::stream`] only read.
//! * What must be decided in the middle is decided by a guard (`exactly one row, else Conflict`).
//! * Parameters are `$1`, `$2`, …, bound by number; all must be used, none may be missing.
//! * A unit that an engine has taken runs to its end, also when the caller went away; one that was not taken
//!   yet never starts.
//! * [`SqlError::Uncertain`] is the only outcome that leaves open whether a unit was stored.
//! * Constraints are never `DEFERRABLE`; rows are locked in one order; ids and times are made by the caller.

mod adoption;
mod audit_insert;
mod cell;
mod database;
mod error;
mod folding;
pub mod migrate;
mod postgres;
mod row;
mod sqlite;
mod statement;
mod stream;
mod unit;
mod value;

pub use database::{DEFAULT_CONNECTIONS, Database, Engine};
pub use error::SqlError;
pub(crate) use folding::folded;
pub use postgres::PostgresTarget;
pub use row::Row;
pub use statement::Sql;
pub use stream::RowStream;
pub use unit::{Committed, Unit};
pub use value::Value;
