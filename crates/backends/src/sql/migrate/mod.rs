//! Migrations: embedded, up and down, one code path for both engines.
//!
//! * Each runs in a transaction of its own that keeps every other process's migrations out (SQLite's write
//!   lock, an advisory lock in PostgreSQL). Killed in the middle, it has done nothing and is run again.
//! * What was applied is written down with a checksum; a file changed afterwards is refused, and so is a
//!   database that a newer version has migrated.
//! * A script runs inside a transaction: no `COMMIT`, no `CREATE INDEX CONCURRENTLY`, no `VACUUM`.
//! * To add one: two files for each engine in `migrations/`, and a line in [`ALL`].

mod report;
mod runner;

pub use super::adoption::Plan;
pub use report::{Applied, Reverted, State, Status};
pub use runner::{adoption, down, down_of, pending, pending_of, status, status_of, up, up_of};

use super::statement::Sql;

/// One step of the schema, with its way back.
#[derive(Clone, Copy, Debug)]
pub struct Migration {
    /// Its place in the order, from 1.
    pub version: i64,
    /// The name of its files, without number and ending.
    pub name: &'static str,
    /// The script that makes it, for each engine.
    pub up: Sql,
    /// The script that undoes it, for each engine.
    pub down: Sql,
}

macro_rules! migration {
    ($version:literal, $name:literal, $file:literal) => {
        Migration {
            version: $version,
            name: $name,
            up: Sql::pair(
                include_str!(concat!("../../../migrations/sqlite/", $file, ".up.sql")),
                include_str!(concat!("../../../migrations/postgres/", $file, ".up.sql")),
            ),
            down: Sql::pair(
                include_str!(concat!("../../../migrations/sqlite/", $file, ".down.sql")),
                include_str!(concat!("../../../migrations/postgres/", $file, ".down.sql")),
            ),
        }
    };
}

/// The product's schema, in order.
pub const ALL: &[Migration] = &[
    migration!(1, "accounts", "0001_accounts"),
    migration!(2, "audit_trail", "0002_audit_trail"),
    migration!(3, "erasure", "0003_erasure"),
    migration!(4, "key_checks", "0004_key_checks"),
    migration!(5, "idempotency", "0005_idempotency"),
    migration!(6, "two_factor", "0006_two_factor"),
    migration!(7, "password_resets", "0007_password_resets"),
    migration!(8, "mails_of_invitations", "0008_mails_of_invitations"),
    migration!(9, "guards_and_words", "0009_guards_and_words"),
    migration!(10, "audit_reading", "0010_audit_reading"),
];
