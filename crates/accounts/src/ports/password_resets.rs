//! Password resets: requests that wait to be answered, and the links they lead to.

use async_trait::async_trait;
use hardening::audit::Trail;
use hardening::clock::Timestamp;
use hardening::fault::Fault;
use hardening::one_time_token::TokenHash;

use super::OneTimeGrant;
use crate::error::Error;
use crate::outbox::Mail;

/// Somebody asks for a reset link. Whether anybody has the address is found out when it is answered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ResetRequest {
    /// `reset_…`
    pub id: String,
    /// Canonical address.
    pub email_canonical: String,
    /// From where.
    pub ip_address: String,
    /// The client's own description.
    pub user_agent: Option<String>,
    /// The request's id, for the audit row.
    pub request_id: String,
    /// When.
    pub asked_at: Timestamp,
}

/// A reset link that was mailed once.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KnownLink {
    /// Whose.
    pub person_id: String,
    /// Whether it can still be spent.
    pub is_live: bool,
}

/// A new password, set by a mailed link.
#[derive(Clone, Debug)]
pub struct PasswordReset {
    /// The link.
    pub hash: TokenHash,
    /// Whose.
    pub person_id: String,
    /// PHC string.
    pub new_hash: String,
    /// Whose consecutive failures start over.
    pub account_key: Option<String>,
    /// The "this wasn't me" link of the mail.
    pub notice: Option<OneTimeGrant>,
    /// Now.
    pub at: Timestamp,
}

/// Requests for reset links, and the links. Never loses anything.
#[async_trait]
pub trait PasswordResetStore: Send + Sync {
    /// Stores that somebody asks. Nothing of any account changes, so there is no trail: that comes with the link.
    async fn ask(&self, request: &ResetRequest) -> Result<(), Fault>;

    /// Takes up to `limit` due requests, the oldest first, and hides them from other nodes until `hidden_until`.
    async fn take_requests(
        &self,
        limit: u32,
        now: Timestamp,
        hidden_until: Timestamp,
    ) -> Result<Vec<ResetRequest>, Fault>;

    /// Makes these due again at `until`.
    async fn put_back(&self, ids: &[String], until: Timestamp) -> Result<(), Fault>;

    /// Removes requests that lead to nothing: nobody has the address, or may not sign in.
    async fn dismiss(&self, ids: &[String]) -> Result<(), Fault>;

    /// Answers a request: stores the link, voids all but the `live` newest of the person (this one included), and
    /// removes the request. Refuses with [`crate::Refusal::Conflict`] when it was answered meanwhile, or the person
    /// may not sign in any more.
    async fn issue_link(
        &self,
        request_id: &str,
        grant: &OneTimeGrant,
        live: u32,
        trail: Trail,
        mails: Vec<Mail>,
    ) -> Result<(), Error>;

    /// The link, also when it is used or has expired, as long as it is remembered. Spends nothing.
    async fn known_link(&self, hash: &TokenHash, now: Timestamp) -> Result<Option<KnownLink>, Fault>;

    /// Spends the link and sets the password in one step: raises both epochs, voids the person's other unused links,
    /// lifts their locks except those of the second factor, starts the consecutive failures over. Refuses a spent or
    /// expired link, and people who may not sign in. Returns the keys of the lifted locks.
    async fn redeem_link(
        &self,
        change: PasswordReset,
        trail: Trail,
        mails: Vec<Mail>,
    ) -> Result<Vec<String>, Error>;
}
