//! Receipts of changes, by which retries are known.

use async_trait::async_trait;
use hardening::clock::Timestamp;
use hardening::fault::Fault;

/// A change that was made, and what was answered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoredReceipt {
    /// A digest of the request.
    pub fingerprint: String,
    /// What was changed: kind, such as `team`.
    pub resource_type: String,
    /// Its id.
    pub resource_id: String,
    /// None when the server was killed before it knew, or the answer had to be forgotten.
    pub answer: Option<StoredAnswer>,
}

/// What was answered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoredAnswer {
    /// HTTP status.
    pub status: u16,
    /// JSON, or empty.
    pub body: String,
}

/// Receipts. They are stored by the verbs that take a [`hardening::audit::Trail`] with one, in the same transaction; a
/// verb refuses ([`crate::Refusal::Conflict`]) when there is one of that name already.
#[async_trait]
pub trait Receipts: Send + Sync {
    /// The receipt of this name that has not expired at `now`.
    async fn find(&self, name: &str, now: Timestamp) -> Result<Option<StoredReceipt>, Fault>;

    /// Adds what was answered to the receipt of this attempt, where it left one.
    async fn keep_answer(&self, name: &str, attempt: &str, answer: &StoredAnswer) -> Result<(), Fault>;
}
