//! [`KeyChecks`]: which keys this database was used with.

use hardening::clock::Timestamp;
use hardening::fault::Fault;
use hardening::key_check::KeyCheck;

use super::refusals::{CONFLICT, fault_of};
use super::texts::texts;
use crate::sql::{Database, Sql, SqlError, Unit};

texts! {
    query KNOWN = Sql::same(
        "SELECT generation, check_value, used_since FROM key_checks WHERE key_name = $1 ORDER BY generation",
    );
    guard RECORD = Sql::same(
        "INSERT INTO key_checks (key_name, generation, check_value, used_since) VALUES ($1, $2, $3, $4) \
         ON CONFLICT (key_name, generation) DO NOTHING",
    );
    query SECRETS = Sql::same(
        "SELECT totp_secret FROM user_security_settings WHERE totp_enabled ORDER BY user_id LIMIT $1",
    );
}

/// A key that was used.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UsedKey {
    /// Its place in the order, from 1.
    pub generation: i64,
    /// Its check value.
    pub check: KeyCheck,
    /// When it was used first.
    pub since: Timestamp,
}

/// The keys a database was used with.
#[derive(Clone, Debug)]
pub struct KeyChecks(Database);

impl KeyChecks {
    /// Those of this database.
    pub const fn new(database: Database) -> Self {
        Self(database)
    }

    /// The keys of this name, the oldest first.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn known(&self, name: &str) -> Result<Vec<UsedKey>, Fault> {
        let rows = self.0.rows(KNOWN, vec![name.into()]).await.map_err(fault_of)?;
        let used = rows.iter().map(|row| {
            let check = KeyCheck::stored(row.text("check_value")?);
            Ok(UsedKey { generation: row.int("generation")?, check, since: row.time("used_since")? })
        });
        used.collect::<Result<_, SqlError>>().map_err(fault_of)
    }

    /// The secrets of active second factors, at most `limit`: Fernet tokens, or none where there is none.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn sealed_secrets(&self, limit: u32) -> Result<Vec<Option<String>>, Fault> {
        let rows = self.0.rows(SECRETS, vec![limit.into()]).await.map_err(fault_of)?;
        rows.iter().map(|row| row.opt_text("totp_secret")).collect::<Result<_, SqlError>>().map_err(fault_of)
    }

    /// Writes down that a key is used, unless another node has written down one of this generation meanwhile: then
    /// nothing happens and the answer is false.
    ///
    /// # Errors
    /// When the database does not answer or cannot be written.
    pub async fn record(&self, name: &str, key: &UsedKey) -> Result<bool, Fault> {
        let mut unit = Unit::housekeeping("a key is used for the first time");
        let UsedKey { generation, check, since } = key;
        let params = vec![name.into(), (*generation).into(), check.as_str().into(), (*since).into()];
        unit.guarded(RECORD, params, CONFLICT);
        match self.0.commit(unit).await {
            Ok(_) => Ok(true),
            Err(SqlError::Conflict(_)) => Ok(false),
            Err(error) => Err(fault_of(error)),
        }
    }
}
