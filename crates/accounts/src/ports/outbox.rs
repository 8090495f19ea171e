//! Delivering mail that was stored with the change that caused it.

use async_trait::async_trait;
use hardening::audit::Trail;
use hardening::clock::Timestamp;
use hardening::fault::Fault;

use crate::error::Error;
use crate::outbox::{Mail, RenderedMail};

/// Where a message stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MailStatus {
    /// Waiting for its (next) attempt.
    Waiting,
    /// Handed to the mail server, or written to the file outbox.
    Delivered,
    /// Its link expired before it could be delivered.
    Expired,
    /// Refused for good, or too many attempts.
    Dead,
}

impl MailStatus {
    /// The stored word.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Waiting => "waiting",
            Self::Delivered => "delivered",
            Self::Expired => "expired",
            Self::Dead => "dead",
        }
    }
}

/// A message to be delivered now.
#[derive(Clone, Debug)]
pub struct DueMail {
    /// `mail_…`; also the stable part of the Message-ID.
    pub id: String,
    /// What to send.
    pub mail: Mail,
    /// Attempts before this one.
    pub attempts: u32,
}

/// A message as operators see it: never its content.
#[derive(Clone, Debug, serde::Serialize)]
pub struct OutboxRow {
    /// `mail_…`
    pub id: String,
    /// Such as `account_locked`.
    pub kind: String,
    /// To whom, by person id.
    pub person_id: Option<String>,
    /// Where it stands.
    pub status: String,
    /// Attempts so far.
    pub attempts: u32,
    /// When the next one is due.
    pub next_attempt_at: Timestamp,
    /// What the last one said.
    pub last_error: Option<String>,
    /// When it was stored.
    pub created_at: Timestamp,
    /// After this it is not worth sending.
    pub expires_at: Timestamp,
}

/// How much is waiting.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Backlog {
    /// Messages that wait for an attempt.
    pub waiting: u64,
    /// When the oldest of them was stored.
    pub oldest: Option<Timestamp>,
    /// Messages that were given up.
    pub dead: u64,
}

/// The durable queue. Never loses a message; may deliver one twice when a node dies in between.
#[async_trait]
pub trait Outbox: Send + Sync {
    /// Takes up to `limit` due messages and hides them from other nodes until `hidden_until`.
    async fn claim(&self, limit: u32, now: Timestamp, hidden_until: Timestamp)
    -> Result<Vec<DueMail>, Fault>;

    /// Settles one. Its content is erased, but for a dead one's.
    async fn settle(
        &self,
        id: &str,
        status: MailStatus,
        error: Option<&str>,
        at: Timestamp,
    ) -> Result<(), Fault>;

    /// Puts one back for a later attempt.
    async fn postpone(&self, id: &str, until: Timestamp, error: &str, at: Timestamp) -> Result<(), Fault>;

    /// Settles one as dead, with its event and the mails that tell of it. Refuses one that does not wait
    /// ([`crate::Refusal::Conflict`]).
    async fn bury(
        &self,
        id: &str,
        error: &str,
        at: Timestamp,
        trail: Trail,
        notices: Vec<Mail>,
    ) -> Result<(), Error>;

    /// Has a dead one wait again, from its first attempt. Refuses what is not dead, or has expired
    /// ([`crate::Refusal::Conflict`]).
    async fn revive(&self, id: &str, at: Timestamp, trail: Trail) -> Result<(), Error>;

    /// How much is waiting.
    async fn backlog(&self) -> Result<Backlog, Fault>;

    /// One message.
    async fn find(&self, id: &str) -> Result<Option<OutboxRow>, Fault>;

    /// The newest messages, at most `limit`.
    async fn list(&self, limit: u32) -> Result<Vec<OutboxRow>, Fault>;

    /// The newest messages with this status, at most `limit`.
    async fn list_of(&self, status: MailStatus, limit: u32) -> Result<Vec<OutboxRow>, Fault>;
}

/// Why a message was not delivered; the text is what the mail server said, or what was seen of it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Undelivered {
    /// It may be taken later: the server is away, busy, or does not want us at all.
    #[error("not yet delivered: {0}")]
    Later(String),
    /// This message is refused for good (RFC 5321, 4.2.1: a 5yz reply).
    #[error("refused for good: {0}")]
    Refused(String),
}

/// Hands one message over.
#[async_trait]
pub trait Mailer: Send + Sync {
    /// Delivers, within [`crate::outbox::ATTEMPT_LIMIT`]. `id` makes the Message-ID, the same at every attempt.
    async fn deliver(&self, id: &str, mail: &RenderedMail) -> Result<(), Undelivered>;
}
