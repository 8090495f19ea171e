//! One event, and the trail that a change must bring along.

use super::{Action, Changes, SealedEvent};
use crate::clock::Timestamp;
use crate::entropy::Entropy;
use crate::idempotency::Receipt;

/// The reserved organization of events that belong to no known one.
pub const SYSTEM_ORGANIZATION: &str = "org_system";
/// The reserved person of events without a known actor.
pub const ANONYMOUS_PERSON: &str = "person_anonymous";

/// How it ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Status {
    /// It was done.
    Success,
    /// It was refused or went wrong.
    Failure,
    /// Some of it was done.
    Partial,
}

impl Status {
    /// The stored word.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Success => "success",
            Self::Failure => "failure",
            Self::Partial => "partial",
        }
    }
}

/// What was acted upon.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Resource {
    /// Kind, such as `person`, `session`, `event`.
    pub kind: &'static str,
    /// Its id.
    pub id: String,
    /// What people call it.
    pub name: Option<String>,
}

impl Resource {
    /// A resource without a name.
    pub fn new(kind: &'static str, id: impl Into<String>) -> Self {
        Self { kind, id: id.into(), name: None }
    }

    /// With the name people know.
    #[must_use]
    pub fn named(mut self, name: impl Into<String>) -> Self {
        self.name = Some(name.into());
        self
    }
}

/// A row of `audit_logs`. The fields are the columns of the original's table.
#[derive(Clone, Debug, PartialEq)]
pub struct AuditEvent {
    /// `audit_` + `UUIDv7`.
    pub id: String,
    /// When it happened, by the server's clock.
    pub timestamp: Timestamp,
    /// Organization it belongs to, or [`SYSTEM_ORGANIZATION`].
    pub org_id: String,
    /// Who acted, or [`ANONYMOUS_PERSON`].
    pub user_id: String,
    /// The actor's address at that time; what was typed when nobody is known; empty for the system.
    pub user_email: String,
    /// The actor's roles at that time.
    pub user_roles: Vec<String>,
    /// What was done.
    pub action: Action,
    /// To what.
    pub resource: Resource,
    /// Which fields changed.
    pub changes: Option<Changes>,
    /// The client's address, as decided by the client-address rule.
    pub ip_address: Option<String>,
    /// The client's own description, at most 512 characters.
    pub user_agent: Option<String>,
    /// The request it came with.
    pub request_id: Option<String>,
    /// How it ended.
    pub status: Status,
    /// Why it failed, for people.
    pub error_message: Option<String>,
}

/// One or more sealed events: the ticket for a change. With them the receipt for whoever may ask for it again.
#[derive(Clone, Debug)]
pub struct Trail {
    events: Vec<SealedEvent>,
    receipt: Option<Receipt>,
}

impl Trail {
    /// A trail of one event.
    pub fn of(event: AuditEvent, entropy: &dyn Entropy) -> Self {
        Self { events: vec![SealedEvent::seal(event, entropy)], receipt: None }
    }

    /// And another one, in the same transaction.
    #[must_use]
    pub fn and(mut self, event: AuditEvent, entropy: &dyn Entropy) -> Self {
        self.events.push(SealedEvent::seal(event, entropy));
        self
    }

    /// With a receipt to store beside them.
    #[must_use]
    pub fn with_receipt(self, receipt: Option<Receipt>) -> Self {
        Self { receipt, ..self }
    }

    /// What to store so that a retry is known.
    pub const fn receipt(&self) -> Option<&Receipt> {
        self.receipt.as_ref()
    }

    /// The one the change is about.
    pub fn first(&self) -> &SealedEvent {
        // A trail is made of one event and only grows.
        &self.events[0]
    }

    /// The sealed events, at least one.
    pub fn entries(&self) -> &[SealedEvent] {
        &self.events
    }
}
