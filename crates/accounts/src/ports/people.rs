//! People as admins see and change them.

use async_trait::async_trait;
use hardening::audit::Trail;
use hardening::clock::Timestamp;
use hardening::fault::Fault;

use crate::error::Error;
use crate::model::{Page, Person};
use crate::outbox::Mail;

/// Fields to replace; `None` leaves a field as it is.
#[derive(Clone, Debug, Default)]
pub struct PersonPatch {
    /// Name.
    pub name: Option<String>,
    /// IANA name.
    pub timezone: Option<String>,
    /// BCP 47 tag.
    pub language: Option<String>,
}

/// People of an organization. Never loses anything. Verbs with `org_id` answer as if people of other
/// organizations did not exist.
#[async_trait]
pub trait PeopleStore: Send + Sync {
    /// One person.
    async fn get(&self, org_id: &str, person_id: &str) -> Result<Option<Person>, Fault>;

    /// A page, by id. Deleted people are left out.
    async fn list(&self, org_id: &str, page: &Page) -> Result<Vec<Person>, Fault>;

    /// Replaces fields of a person that was last changed at `seen`.
    async fn update(
        &self,
        before: &Person,
        patch: &PersonPatch,
        at: Timestamp,
        trail: Trail,
    ) -> Result<(), Error>;

    /// Replaces the roles and raises the credential epoch. Refuses to leave the organization without an
    /// active admin, also when two demote each other at once.
    async fn set_roles(
        &self,
        before: &Person,
        roles: &[String],
        at: Timestamp,
        trail: Trail,
    ) -> Result<(), Error>;

    /// Locks or unlocks the account, raising the epoch. Refuses for the last active admin.
    async fn set_locked(
        &self,
        before: &Person,
        locked: bool,
        at: Timestamp,
        trail: Trail,
        mails: Vec<Mail>,
    ) -> Result<(), Error>;

    /// Anonymises the row, removes address, hash, second factor and memberships, raises the epoch. Refuses
    /// for the last active admin.
    async fn delete(&self, before: &Person, at: Timestamp, trail: Trail) -> Result<(), Error>;

    /// As [`Self::delete`], and erases the person from the trail and from invitations: values become
    /// [`hardening::audit::ERASED`], leaves stay. The first event of `trail` must say so, as
    /// `deleted.old.audit_log`; it is stored even where the audit log is switched off.
    async fn delete_and_erase(&self, before: &Person, at: Timestamp, trail: Trail) -> Result<(), Error>;

    /// Erases somebody who was deleted before. Stores nothing, not even the trail, where nothing is left to
    /// erase. Refuses people who are not deleted, as if they did not exist.
    async fn erase_deleted(
        &self,
        org_id: &str,
        person_id: &str,
        at: Timestamp,
        trail: Trail,
    ) -> Result<(), Error>;

    /// For operators: by canonical address, in whatever organization.
    async fn find_by_email(&self, canonical: &str) -> Result<Option<Person>, Fault>;

    /// For operators: the first active admin of the installation.
    async fn first_admin(&self) -> Result<Option<Person>, Fault>;

    /// An organization's active admins, the first ones first.
    async fn active_admins(&self, org_id: &str, limit: u32) -> Result<Vec<Person>, Fault>;

    /// Whether any organization but the reserved one exists: a first run shows a different page.
    async fn anyone_exists(&self) -> Result<bool, Fault>;
}
