//! The port to what survives a restart.

use async_trait::async_trait;
use hardening::clock::Timestamp;
use hardening::fault::Fault;

/// Everything about one key that must survive. Not the attempts that are just being judged.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct JournaledKey {
    /// The budget's key.
    pub key: String,
    /// Times of the kept entries, oldest first.
    pub kept: Vec<Timestamp>,
    /// The end of the lock.
    pub blocked_until: Option<Timestamp>,
    /// From when on the row says nothing more and may be deleted.
    pub expires_at: Timestamp,
}

impl JournaledKey {
    /// Neither entries nor a lock: the row is to be deleted.
    pub fn is_empty(&self) -> bool {
        self.kept.is_empty() && self.blocked_until.is_none()
    }
}

/// Durable storage of keys, one row each.
#[async_trait]
pub trait AttemptJournal: Send + Sync {
    /// Replaces the rows of these keys in one transaction; an [empty](JournaledKey::is_empty) one is deleted.
    /// Durable when it returns.
    async fn record(&self, keys: &[JournaledKey]) -> Result<(), Fault>;

    /// All rows that have not expired.
    async fn load(&self, now: Timestamp) -> Result<Vec<JournaledKey>, Fault>;
}
