//! Delivering mail that was stored with the change that caused it.

use async_trait::async_trait;
use hardening::clock::Timestamp;
use hardening::fault::Fault;

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
}

/// The durable queue. Never loses a message; may deliver one twice when a node dies in between.
#[async_trait]
pub trait Outbox: Send + Sync {
    /// Takes up to `limit` due messages and hides them from other nodes until `hidden_until`.
    async fn claim(&self, limit: u32, now: Timestamp, hidden_until: Timestamp)
    -> Result<Vec<DueMail>, Fault>;

    /// Settles one: delivered, expired or dead. Its content is erased.
    async fn settle(
        &self,
        id: &str,
        status: MailStatus,
        error: Option<&str>,
        at: Timestamp,
    ) -> Result<(), Fault>;

    /// Puts one back for a later attempt.
    async fn postpone(&self, id: &str, until: Timestamp, error: &str, at: Timestamp) -> Result<(), Fault>;

    /// The newest messages, at most `limit`.
    async fn list(&self, limit: u32) -> Result<Vec<OutboxRow>, Fault>;
}

/// Hands one message over.
#[async_trait]
pub trait Mailer: Send + Sync {
    /// Delivers; an error is retried later. `id` makes the Message-ID, the same at every attempt.
    async fn deliver(&self, id: &str, mail: &RenderedMail) -> Result<(), Fault>;
}
