//! Teams, events and invitations.

use async_trait::async_trait;
use hardening::audit::Trail;
use hardening::clock::Timestamp;
use hardening::fault::Fault;
use hardening::one_time_token::TokenHash;

use crate::error::Error;
use crate::model::{Event, Invitation, Page, Team};
use crate::outbox::Mail;

/// Teams of an organization.
#[async_trait]
pub trait TeamStore: Send + Sync {
    /// One team with its members.
    async fn get(&self, org_id: &str, team_id: &str) -> Result<Option<Team>, Fault>;
    /// A page, by id.
    async fn list(&self, org_id: &str, page: &Page) -> Result<Vec<Team>, Fault>;
    /// Stores a new one; refuses a taken name.
    async fn create(&self, team: &Team, trail: Trail) -> Result<(), Error>;
    /// Replaces name and description, if it was last changed at `before.updated_at`.
    async fn update(&self, before: &Team, after: &Team, trail: Trail) -> Result<(), Error>;
    /// Removes it with its memberships.
    async fn delete(&self, before: &Team, trail: Trail) -> Result<(), Error>;
    /// Adds an active person of the same organization; false when it is a member already (nothing stored).
    async fn add_member(
        &self,
        team: &Team,
        person_id: &str,
        at: Timestamp,
        trail: Trail,
    ) -> Result<bool, Error>;
    /// Removes a member; refuses when it is none.
    async fn remove_member(&self, team: &Team, person_id: &str, trail: Trail) -> Result<(), Error>;
}

/// Events of an organization.
#[async_trait]
pub trait EventStore: Send + Sync {
    /// One event.
    async fn get(&self, org_id: &str, event_id: &str) -> Result<Option<Event>, Fault>;
    /// A page, by id.
    async fn list(&self, org_id: &str, page: &Page) -> Result<Vec<Event>, Fault>;
    /// Stores a new one.
    async fn create(&self, event: &Event, trail: Trail) -> Result<(), Error>;
    /// Replaces it, if it was last changed at `before.updated_at`.
    async fn update(&self, before: &Event, after: &Event, trail: Trail) -> Result<(), Error>;
    /// Removes it.
    async fn delete(&self, before: &Event, trail: Trail) -> Result<(), Error>;
}

/// Invitations of an organization.
#[async_trait]
pub trait InvitationStore: Send + Sync {
    /// One invitation.
    async fn get(&self, org_id: &str, invitation_id: &str) -> Result<Option<Invitation>, Fault>;
    /// A page, by id.
    async fn list(&self, org_id: &str, page: &Page) -> Result<Vec<Invitation>, Fault>;
    /// The pending invitation with this token, live at `now`.
    async fn by_token(&self, hash: &TokenHash, now: Timestamp) -> Result<Option<Invitation>, Fault>;
    /// Stores a new one with its mail; refuses while another one for that address is pending and live.
    async fn create(
        &self,
        invitation: &Invitation,
        token: &TokenHash,
        trail: Trail,
        mails: Vec<Mail>,
    ) -> Result<(), Error>;
    /// Withdraws a pending one; refuses otherwise.
    async fn revoke(&self, before: &Invitation, at: Timestamp, trail: Trail) -> Result<(), Error>;
}
