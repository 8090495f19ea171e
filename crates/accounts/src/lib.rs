//! The use cases of an accounts server: one file per thing a person or an admin can do. No HTTP and no SQL
//! in here; pages, JSON API and command line are thin skins over these functions.
//!
//! * Every use case takes [`Services`] and a [`RequestContext`], returns its outcome or an [`Error`]: either a
//!   [`Refusal`] (an expected "no") or a [`hardening::fault::Fault`] (a backend failed).
//! * Every verb of a port that changes something takes the audit trail of that change.

pub mod audit_queries;
pub mod audit_trail;
pub mod change_password;
mod check_again;
pub mod context;
pub mod credential_check;
pub mod error;
pub mod events;
mod failed_sign_in;
pub mod housekeeping;
pub mod input;
pub mod invitations;
pub mod lockouts;
pub mod long_trails;
mod mailed_link;
pub mod manage_sessions;
pub mod model;
mod new_device;
mod new_locks;
pub mod operator;
pub mod organizations;
pub mod outbox;
pub mod password_reset;
pub mod people;
pub mod ports;
pub mod read_record;
pub mod reauthenticate;
pub mod refusal_record;
pub mod services;
pub mod sign_in;
pub mod sign_up;
pub mod teams;
pub mod two_factor;

pub use context::{Principal, RequestContext};
pub use error::{Error, Refusal};
pub use services::{Services, Settings, Tallies};
