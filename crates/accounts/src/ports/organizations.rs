//! Organizations and their settings.

use async_trait::async_trait;
use hardening::audit::Trail;
use hardening::clock::Timestamp;
use hardening::fault::Fault;

use crate::error::Error;
use crate::model::{Organization, Person};

/// Organizations. Never loses anything.
#[async_trait]
pub trait OrganizationStore: Send + Sync {
    /// An active organization.
    async fn get(&self, org_id: &str) -> Result<Option<Organization>, Fault>;

    /// Replaces name, region and settings, if it was last changed at `before.updated_at`.
    async fn update(
        &self,
        before: &Organization,
        after: &Organization,
        at: Timestamp,
        trail: Trail,
    ) -> Result<(), Error>;

    /// Closes an organization: it is marked deleted, and everybody in it is anonymised, if they are exactly `members`:
    /// the trail has a row for each.
    async fn delete(
        &self,
        org_id: &str,
        members: &[String],
        at: Timestamp,
        trail: Trail,
    ) -> Result<(), Error>;

    /// Everybody in it who is not deleted: whose sessions must end with it.
    async fn everybody(&self, org_id: &str) -> Result<Vec<Person>, Fault>;
}
