//! The port behind the gate: where reservations, kept entries and locks live.

use std::time::Duration;

use async_trait::async_trait;

use super::{Budget, BudgetState};
use crate::clock::Timestamp;
use crate::fault::Fault;

/// Keeps attempts. Every verb is atomic over all its keys and over all nodes. Entries and their expiry are
/// written together, so that no crash leaves a lock without an end. What cannot be told is a [`Fault`],
/// never "free". The rules are those of [`super::window`].
#[async_trait]
pub trait AttemptStore: Send + Sync {
    /// Takes one place in every budget, or in none. The places lapse into kept entries after `lease`
    /// unless settled before.
    async fn reserve(
        &self,
        id: &str,
        budgets: &[Budget],
        now: Timestamp,
        lease: Duration,
    ) -> Result<ReserveOutcome, Fault>;

    /// Ends the reservation `id`; returns the states afterwards, in the order of the settlements. Asking
    /// twice changes nothing more. A reservation that is no longer known still counts when it is to be kept.
    async fn settle(
        &self,
        id: &str,
        settlements: &[Settlement<'_>],
        now: Timestamp,
    ) -> Result<Vec<BudgetState>, Fault>;

    /// Forgets kept entries and lifts locks (an unlock or a password reset). Pending reservations stay.
    async fn clear(&self, keys: &[String]) -> Result<(), Fault>;

    /// How full the budgets are, in their order.
    async fn state(&self, budgets: &[Budget], now: Timestamp) -> Result<Vec<BudgetState>, Fault>;
}

/// What becomes of the place in one budget.
#[derive(Clone, Copy, Debug)]
pub struct Settlement<'a> {
    /// The budget.
    pub budget: &'a Budget,
    /// The place is used up (an entry at the time of settling) instead of given back.
    pub keep: bool,
    /// Earlier kept entries are forgotten as well.
    pub clear: bool,
}

/// Answer to [`AttemptStore::reserve`]. When several budgets refuse, a lock is reported before a full window
/// and that before a busy one; among equals the one that lasts longest.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ReserveOutcome {
    /// A place in every budget.
    Reserved(Vec<BudgetState>),
    /// `budgets[index]` is locked.
    Blocked {
        /// Which budget.
        index: usize,
        /// When the lock ends; from then on the key is free.
        until: Timestamp,
        /// The lock came from a lapsed reservation and nobody was told of it yet.
        newly: bool,
    },
    /// `budgets[index]` has used up its window.
    Full {
        /// Which budget.
        index: usize,
        /// When the oldest kept entry leaves the window.
        until: Timestamp,
    },
    /// All places are reserved but not yet judged, or the store can hold no more keys. Locks nothing.
    Busy {
        /// Which budget.
        index: usize,
    },
}
