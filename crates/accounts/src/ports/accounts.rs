//! Credentials, locks and one-time tokens.

use async_trait::async_trait;
use hardening::audit::Trail;
use hardening::clock::Timestamp;
use hardening::fault::Fault;
use hardening::one_time_token::{Purpose, TokenHash};
use hardening::session::SessionId;

use crate::error::Error;
use crate::model::{Credentials, Lock, LockPage};
use crate::outbox::Mail;

/// A person to be stored; the id is made by the caller.
#[derive(Clone, Debug)]
pub struct NewPerson {
    /// `person_…`
    pub id: String,
    /// Organization.
    pub org_id: String,
    /// Name.
    pub name: String,
    /// As typed.
    pub email: String,
    /// Canonical form.
    pub email_canonical: String,
    /// PHC string.
    pub password_hash: String,
    /// Roles.
    pub roles: Vec<String>,
    /// BCP 47 tag.
    pub language: String,
    /// What sign-ins at the address are counted by: those that failed while nobody had it are forgotten.
    pub account_key: String,
    /// Keys of the locks that they led to, which are lifted.
    pub lock_keys: Vec<String>,
    /// Now.
    pub created_at: Timestamp,
}

/// An organization to be stored.
#[derive(Clone, Debug)]
pub struct NewOrganization {
    /// `org_…`
    pub id: String,
    /// Name.
    pub name: String,
    /// Now.
    pub created_at: Timestamp,
}

/// A sign-in that went well.
#[derive(Clone, Debug)]
pub struct SuccessfulSignIn {
    /// Who.
    pub person_id: String,
    /// The epoch the check was made against; when it has moved on, nothing is stored ([`crate::Refusal::Conflict`]).
    pub credential_epoch: i64,
    /// A better hash of the same password.
    pub upgraded_hash: Option<String>,
    /// Whose consecutive failures start over; none when a known device signed in.
    pub forgives_account_key: Option<String>,
    /// Sessions that had to go for this one, with the time they would have expired.
    pub displaced: Vec<(SessionId, Timestamp)>,
    /// The "this wasn't me" link in the mail about a new device.
    pub not_me_grant: Option<OneTimeGrant>,
    /// Now.
    pub at: Timestamp,
}

/// A sign-in that failed.
#[derive(Clone, Debug)]
pub struct FailedSignIn {
    /// Whose account, when it is known.
    pub person_id: Option<String>,
    /// Where consecutive failures are counted; none when a known device failed.
    pub account_key: Option<String>,
    /// Locks this failure led to.
    pub locks: Vec<Lock>,
    /// A link that lifts them.
    pub unlock_grant: Option<OneTimeGrant>,
    /// Whether the account's sessions end with the lock.
    pub raise_epoch: bool,
    /// Now.
    pub at: Timestamp,
}

/// A mailed one-time token, by its hash.
#[derive(Clone, Debug)]
pub struct OneTimeGrant {
    /// SHA-256 of the token.
    pub hash: TokenHash,
    /// What it opens.
    pub purpose: Purpose,
    /// For whom.
    pub person_id: String,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it ends; exclusive.
    pub expires_at: Timestamp,
}

/// What other nodes and the command line did, for stores that remember things in process.
#[derive(Clone, Debug, Default)]
pub struct RevocationChanges {
    /// People whose epoch moved, with the current one.
    pub epochs: Vec<(String, i64)>,
    /// Sessions ended one by one, with their person.
    pub ended: Vec<(String, SessionId)>,
    /// Keys of lifted locks, and when they were lifted.
    pub lifted: Vec<(String, Timestamp)>,
}

/// Credentials, locks and one-time tokens. Never loses anything.
#[async_trait]
pub trait AccountStore: Send + Sync {
    /// The account by canonical address.
    async fn credentials_by_email(&self, canonical: &str) -> Result<Option<Credentials>, Fault>;

    /// The account by person id.
    async fn credentials_of(&self, person_id: &str) -> Result<Option<Credentials>, Fault>;

    /// Locks among these keys that hold at `now`.
    async fn active_locks(&self, keys: &[String], now: Timestamp) -> Result<Vec<Lock>, Fault>;

    /// Consecutive failed sign-ins at a key.
    async fn consecutive_failures(&self, account_key: &str) -> Result<i64, Fault>;

    /// Stores an organization with its first person. Refuses a taken address.
    async fn found_organization(
        &self,
        organization: &NewOrganization,
        founder: &NewPerson,
        trail: Trail,
    ) -> Result<(), Error>;

    /// Stores a person who joins an organization with open signup. Refuses a taken address, and closed or
    /// inactive organizations.
    async fn join_open_organization(&self, person: &NewPerson, trail: Trail) -> Result<(), Error>;

    /// Spends an invitation and stores the person. Refuses a taken address, and an invitation that is not
    /// pending any more.
    async fn accept_invitation(
        &self,
        invitation_id: &str,
        person: &NewPerson,
        trail: Trail,
    ) -> Result<(), Error>;

    /// Stores a person made by an operator.
    async fn create_person(&self, person: &NewPerson, trail: Trail) -> Result<(), Error>;

    /// Stores what a good sign-in changes.
    async fn record_sign_in(
        &self,
        change: SuccessfulSignIn,
        trail: Trail,
        mails: Vec<Mail>,
    ) -> Result<(), Error>;

    /// Stores what a failed sign-in changes.
    async fn record_failed_sign_in(
        &self,
        change: FailedSignIn,
        trail: Trail,
        mails: Vec<Mail>,
    ) -> Result<(), Error>;

    /// Replaces the hash and raises both epochs, if the credential epoch is still the expected one; lifts the
    /// person's locks, and starts the consecutive failures at `account_key` over. Voids the person's unused one-time tokens. `notice` is a new grant for the mail.
    /// Returns the new epochs (credential, device).
    #[expect(clippy::too_many_arguments, reason = "one atomic change with its guard, trail and mails")]
    async fn replace_password(
        &self,
        person_id: &str,
        expected_epoch: i64,
        new_hash: &str,
        account_key: Option<&str>,
        notice: Option<OneTimeGrant>,
        at: Timestamp,
        trail: Trail,
        mails: Vec<Mail>,
    ) -> Result<(i64, i64), Error>;

    /// Lifts every lock of a person; consecutive failures stay counted. False when nothing is locked at `at`:
    /// then nothing is stored, not even the trail.
    async fn lift_locks(&self, person_id: &str, at: Timestamp, trail: Trail) -> Result<bool, Error>;

    /// Tells other processes that these budgets were cleared, where no lock was stored.
    async fn tell_lifted(&self, keys: &[String], at: Timestamp) -> Result<(), Fault>;

    /// The keys of a person's locks.
    async fn lock_keys_of(&self, person_id: &str) -> Result<Vec<String>, Fault>;

    /// An organization's locks that hold at `now`, a page of them.
    async fn locks_of_organization(
        &self,
        org_id: &str,
        now: Timestamp,
        page: &LockPage,
    ) -> Result<Vec<Lock>, Fault>;

    /// Whose token this is, if it may still be spent at `now`. Spends nothing.
    async fn peek_token(
        &self,
        hash: &TokenHash,
        purpose: Purpose,
        now: Timestamp,
    ) -> Result<Option<String>, Fault>;

    /// Spends a token, and lifts the person's locks but for those for wrong codes; consecutive failures stay counted.
    /// Refuses a spent or expired one. Returns the keys of the lifted locks.
    async fn redeem_unlock(
        &self,
        hash: &TokenHash,
        at: Timestamp,
        trail: Trail,
    ) -> Result<Vec<String>, Error>;

    /// Spends a "this wasn't me" token: locks the account and raises its epochs.
    async fn redeem_not_me(&self, hash: &TokenHash, at: Timestamp, trail: Trail) -> Result<(), Error>;

    /// Stores that these sessions are over, until they would have expired by themselves.
    async fn record_ended_sessions(
        &self,
        person_id: &str,
        ended: &[(SessionId, Timestamp)],
        at: Timestamp,
        trail: Trail,
    ) -> Result<(), Error>;

    /// Raises the credential epoch: every session of the person is void.
    async fn raise_epoch(&self, person_id: &str, at: Timestamp, trail: Trail) -> Result<(), Error>;

    /// What any node or operator ended or lifted at or after `since`.
    async fn changes_since(&self, since: Timestamp) -> Result<RevocationChanges, Fault>;

    /// Removes what has expired: locks, tokens, ended sessions, journals. Consecutive failures go after 90 quiet
    /// days, where nobody had the address and they are fewer than `kept_from`. Returns how many rows.
    async fn purge_expired(&self, now: Timestamp, kept_from: i64) -> Result<u64, Fault>;
}
