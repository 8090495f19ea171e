//! Reading the trail, and events without a change.

use std::pin::Pin;

use async_trait::async_trait;
use futures_util::Stream;
use hardening::audit::Trail;
use hardening::clock::Timestamp;
use hardening::fault::Fault;
use serde::Serialize;

/// A stored row, with the original's column names.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct AuditRow {
    /// `audit_…`
    pub id: String,
    /// When.
    pub timestamp: Timestamp,
    /// Organization.
    pub org_id: String,
    /// Actor.
    pub user_id: String,
    /// The actor's address then.
    pub user_email: String,
    /// The actor's roles then.
    pub user_roles: serde_json::Value,
    /// Such as `auth.login`.
    pub action: String,
    /// Such as `event`.
    pub resource_type: String,
    /// Its id.
    pub resource_id: String,
    /// Its name.
    pub resource_name: Option<String>,
    /// What changed.
    pub changes: Option<serde_json::Value>,
    /// From where.
    pub ip_address: Option<String>,
    /// By which client.
    pub user_agent: Option<String>,
    /// In which request.
    pub request_id: Option<String>,
    /// `success`, `failure` or `partial`.
    pub status: String,
    /// Why not.
    pub error_message: Option<String>,
}

/// Which rows. Every field narrows.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct AuditFilter {
    /// Only this organization; none only for operators.
    pub org_id: Option<String>,
    /// From here on, inclusive.
    pub start: Option<Timestamp>,
    /// Up to here, exclusive.
    pub end: Option<Timestamp>,
    /// An action, or a family such as `auth.*`.
    pub action: Option<String>,
    /// Actor.
    pub user_id: Option<String>,
    /// Resource type.
    pub resource_type: Option<String>,
    /// Resource id.
    pub resource_id: Option<String>,
    /// Status.
    pub status: Option<String>,
    /// Exact address.
    pub ip_address: Option<String>,
    /// Words that occur, in any case, in the actor's address, the resource's name or id, or the error.
    pub q: Option<String>,
}

/// Where a page starts: after this row, in newest-first order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AuditCursor {
    /// Its time.
    pub timestamp: Timestamp,
    /// Its id.
    pub id: String,
}

/// Which page.
#[derive(Clone, Debug)]
pub struct AuditPage {
    /// At most this many rows.
    pub limit: u32,
    /// Only rows older than this one.
    pub after: Option<AuditCursor>,
    /// Rows to skip instead, at most 10,000.
    pub offset: u32,
}

/// Rows one after the other, in constant memory.
pub type AuditRows = Pin<Box<dyn Stream<Item = Result<AuditRow, Fault>> + Send>>;

/// The trail. Never loses anything.
#[async_trait]
pub trait AuditLog: Send + Sync {
    /// Stores events that belong to no other change.
    async fn append(&self, trail: Trail) -> Result<(), Fault>;

    /// A page, newest first.
    async fn page(&self, filter: &AuditFilter, page: &AuditPage) -> Result<Vec<AuditRow>, Fault>;

    /// How many rows match, counted up to `cap`.
    async fn count_up_to(&self, filter: &AuditFilter, cap: u32) -> Result<u32, Fault>;

    /// Every row that matches, oldest first.
    fn stream(&self, filter: &AuditFilter) -> AuditRows;
}
