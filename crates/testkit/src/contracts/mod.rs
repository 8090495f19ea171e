//! Contract suites: what every implementation of a port must do, run unchanged on each backend.
//!
//! Each suite has `all`, which runs every check on one store. Checks use keys of their own, so a store may
//! be shared. Time is virtual: it starts at the present and is moved by the checks.

#![expect(clippy::missing_panics_doc, reason = "a check panics when the contract is broken; that is its use")]

pub mod accounts;
pub mod attempts;
pub mod audit_log;
pub mod erasure;
pub mod groups;
pub mod journal;
pub mod organizations;
pub mod outbox;
pub mod password_resets;
pub mod people;
pub mod quotas;
pub mod sessions;
pub mod stores;
pub mod two_factor;

use std::sync::Arc;

use hardening::clock::{Clock as _, ManualClock, SystemClock};
use hardening::entropy::{OsEntropy, random_token};

/// A key part nobody used before.
fn fresh_name() -> String {
    random_token(&OsEntropy).expose().clone()
}

/// A clock that shows the present and stands still.
fn stopped_clock() -> Arc<ManualClock> {
    Arc::new(ManualClock::at(SystemClock.now()))
}
