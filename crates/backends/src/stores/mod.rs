//! The stores of the accounts crate on the SQL seam: one struct, one file per port.
//!
//! * A verb is one unit. What it refuses is decided inside the transaction, by guards.
//! * A guard that reads other rows than the one it changes follows a guard that locks: PostgreSQL takes a new
//!   look at the database for each statement, and the lock is what makes parallel verbs take turns. Locks are
//!   taken in the order organization, team, invitation, person, token, security settings, failures, locks.
//! * An optimistic update compares `updated_at` with what was read, and always moves it forward.
//! * `user_security_settings` and `organization_settings` may lack rows (adopted databases): they are joined
//!   from the left when read, and written by upsert.

mod accounts;
mod anonymise;
mod audit_filter;
mod audit_log;
mod audit_texts;
mod credentials_rows;
mod erasure;
mod events;
mod invitations;
mod key_checks;
mod organizations;
mod outbox;
mod outbox_cipher;
mod people;
mod receipts;
mod refusals;
mod teams;
mod texts;
mod two_factor;

use ::accounts::error::Error;
use hardening::audit::Trail;
use hardening::clock::Timestamp;
use hardening::fault::Fault;

pub use key_checks::{KeyChecks, UsedKey};
pub use outbox_cipher::OutboxCipher;
pub use texts::Text;

use crate::sql::{Committed, Database, Row, Sql, SqlError, Unit, Value};
use refusals::{error_of, fault_of};

/// Every port of the accounts crate, on one database. Clones share it.
#[derive(Clone, Debug)]
pub struct SqlStore {
    database: Database,
    cipher: OutboxCipher,
    audit_enabled: bool,
}

impl SqlStore {
    /// A store. Without `audit_enabled` changes leave no audit rows: configuration refuses that in production.
    pub const fn new(database: Database, cipher: OutboxCipher, audit_enabled: bool) -> Self {
        Self { database, cipher, audit_enabled }
    }

    /// The change that `trail` speaks of.
    fn unit(&self, trail: Trail) -> Unit {
        let receipt = receipts::of(&trail);
        let mut unit = if self.audit_enabled {
            Unit::audited(trail)
        } else {
            Unit::housekeeping("audit log is switched off")
        };
        receipts::leave(&mut unit, receipt);
        unit
    }

    async fn store(&self, unit: Unit) -> Result<Committed, Error> {
        self.database.commit(unit).await.map_err(error_of)
    }

    /// For changes without audit trail and without refusals.
    async fn keep_up(&self, unit: Unit) -> Result<Committed, Fault> {
        self.database.commit(unit).await.map_err(fault_of)
    }

    async fn one<T>(
        &self,
        sql: Sql,
        params: Vec<Value>,
        read: impl Fn(&Row) -> Result<T, SqlError> + Send,
    ) -> Result<Option<T>, Fault> {
        if matches_nothing(&params) {
            return Ok(None);
        }
        let row = self.database.row(sql, params).await.map_err(fault_of)?;
        row.as_ref().map(read).transpose().map_err(fault_of)
    }

    async fn all<T>(
        &self,
        sql: Sql,
        params: Vec<Value>,
        read: impl Fn(&Row) -> Result<T, SqlError> + Send,
    ) -> Result<Vec<T>, Fault> {
        if matches_nothing(&params) {
            return Ok(Vec::new());
        }
        let rows = self.database.rows(sql, params).await.map_err(fault_of)?;
        rows.iter().map(read).collect::<Result<_, _>>().map_err(fault_of)
    }
}

/// A change that is on record whatever the switch says.
fn audited(trail: &Trail) -> Unit {
    let mut unit = Unit::audited(trail.clone());
    receipts::leave(&mut unit, receipts::of(trail));
    unit
}

/// Every statement of the stores, for the test that prepares them on both engines.
pub fn statements() -> Vec<Text> {
    [
        accounts::texts().as_slice(),
        two_factor::texts().as_slice(),
        anonymise::TEXTS,
        audit_texts::TEXTS,
        erasure::TEXTS,
        events::TEXTS,
        invitations::TEXTS,
        key_checks::TEXTS,
        organizations::TEXTS,
        outbox::TEXTS,
        people::TEXTS,
        receipts::TEXTS,
        teams::TEXTS,
    ]
    .concat()
}

/// Whether a query asks for a text that cannot be stored: ids and filters come from strangers, and a NUL in
/// them is no fault of the server's.
fn matches_nothing(params: &[Value]) -> bool {
    params.iter().any(|value| matches!(value, Value::Text(text) if text.contains('\0')))
}

/// `at`, but later than `seen`: a clock that stands still must not make two versions of a row look alike.
fn later_than(seen: Timestamp, at: Timestamp) -> Timestamp {
    at.max(seen + std::time::Duration::from_micros(1))
}

fn json_list<T: AsRef<str>>(items: &[T]) -> Value {
    Value::json(&items.iter().map(AsRef::as_ref).collect::<Vec<&str>>())
}

/// The text list in a column; a column that holds something else holds nothing.
fn text_list(row: &Row, column: &str) -> Result<Vec<String>, SqlError> {
    let document = row.opt_json(column)?.unwrap_or_default();
    Ok(serde_json::from_value(document).unwrap_or_default())
}

/// What a page of a list starts after: every id sorts after the empty text.
fn after(page: &::accounts::model::Page) -> Value {
    page.after.as_deref().unwrap_or_default().into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_version_is_always_later_than_the_last() {
        let seen = Timestamp::from_unix_seconds(10);
        assert_eq!(later_than(seen, seen).micros(), seen.micros() + 1);
        assert_eq!(later_than(seen, Timestamp::EPOCH).micros(), seen.micros() + 1);
        let later = Timestamp::from_unix_seconds(11);
        assert_eq!(later_than(seen, later), later);
    }

    #[test]
    fn every_statement_is_listed_once() {
        let mut names: Vec<_> = statements().iter().map(|text| text.name).collect();
        let listed = names.len();
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), listed);
    }
}
