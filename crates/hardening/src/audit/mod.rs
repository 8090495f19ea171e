//! The audit trail: what happened, to what, by whom, from where, and with which outcome.
//!
//! * An [`AuditEvent`] is sealed into canonical bytes and an RFC 6962 leaf hash when it joins a [`Trail`].
//! * A [`Trail`] is never empty. Every storage verb that changes something takes one, and stores both in one
//!   transaction: an unaudited change does not compile.
//! * Personal fields enter the canonical bytes as salted commitments, so that erasing a value later leaves
//!   the proof of the rest intact. A row without its salt was erased in part or in whole: its leaf still stands,
//!   its values can no longer be compared with it.
//!
//! What the deployment must ensure: nobody but the server's own database role writes `audit_logs`.

mod action;
mod canonical;
mod changes;
mod event;

pub use action::{Action, Description};
pub use canonical::{CANONICAL_VERSION, SealedEvent, canonical_json};
pub use changes::{Changes, ERASED, REDACTED};
pub use event::{ANONYMOUS_PERSON, AuditEvent, Resource, SYSTEM_ORGANIZATION, Status, Trail};
