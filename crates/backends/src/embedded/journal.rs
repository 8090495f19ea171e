//! [`SqlAttemptJournal`]: failures and locks of credential limits, in table `attempt_journal`.
//!
//! A key has a row for each kept failure, and one more that `blocks` for its lock, whose `happened_at` is the
//! moment the lock ends.

use async_trait::async_trait;
use hardening::clock::Timestamp;
use hardening::fault::Fault;

use super::fault;
use crate::memory::attempts::{AttemptJournal, JournaledKey};
use crate::sql::{Database, Row, Sql, SqlError, Unit};

const DELETE: Sql = Sql::same("DELETE FROM attempt_journal WHERE key = $1");
const INSERT: Sql = Sql::same(
    "INSERT INTO attempt_journal (id, key, happened_at, expires_at, blocks) VALUES ($1, $2, $3, $4, $5)",
);
const LOAD: Sql = Sql::same(
    "SELECT key, happened_at, expires_at, blocks FROM attempt_journal WHERE expires_at > $1 \
     ORDER BY key, happened_at",
);

/// The journal of one process's attempt limits.
#[derive(Clone, Debug)]
pub struct SqlAttemptJournal {
    database: Database,
}

impl SqlAttemptJournal {
    /// A journal in the migrated `database`.
    pub const fn new(database: Database) -> Self {
        Self { database }
    }
}

#[async_trait]
impl AttemptJournal for SqlAttemptJournal {
    async fn record(&self, keys: &[JournaledKey]) -> Result<(), Fault> {
        let mut unit = Unit::housekeeping("attempts to be remembered over a restart");
        for key in keys {
            unit.run(DELETE, vec![key.key.as_str().into()]);
            for (number, at) in key.kept.iter().enumerate() {
                insert(&mut unit, key, &number.to_string(), *at, false);
            }
            if let Some(until) = key.blocked_until {
                insert(&mut unit, key, "lock", until, true);
            }
        }
        self.database.commit(unit).await.map(drop).map_err(fault)
    }

    async fn load(&self, now: Timestamp) -> Result<Vec<JournaledKey>, Fault> {
        let rows = self.database.rows(LOAD, vec![now.into()]).await.map_err(fault)?;
        let mut keys: Vec<JournaledKey> = Vec::new();
        for row in &rows {
            add(&mut keys, row).map_err(fault)?;
        }
        Ok(keys)
    }
}

/// Row ids are the key, `#` and what the row is; the last `#` parts them, so no two keys share one.
fn insert(unit: &mut Unit, key: &JournaledKey, part: &str, at: Timestamp, blocks: bool) {
    let id = format!("{}#{part}", key.key);
    unit.run(
        INSERT,
        vec![id.into(), key.key.as_str().into(), at.into(), key.expires_at.into(), blocks.into()],
    );
}

/// Adds a row to the last key, or begins the next one: rows come key by key.
fn add(keys: &mut Vec<JournaledKey>, row: &Row) -> Result<(), SqlError> {
    let (key, expires_at) = (row.text("key")?, row.time("expires_at")?);
    if keys.last().is_none_or(|last| last.key != key) {
        keys.push(JournaledKey { key, kept: Vec::new(), blocked_until: None, expires_at });
    }
    let at = row.time("happened_at")?;
    let blocks = row.bool("blocks")?;
    if let Some(last) = keys.last_mut() {
        if blocks {
            last.blocked_until = Some(at);
        } else {
            last.kept.push(at);
        }
    }
    Ok(())
}
