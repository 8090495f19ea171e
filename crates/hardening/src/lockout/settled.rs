//! What the gate answers: [`Denied`] before the check, [`Settled`] after it.

use std::time::Duration;

use super::budget::tightest;
use super::{Budget, BudgetState};
use crate::clock::Timestamp;
use crate::rate_limit::Decision;

/// Why there was no place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DeniedKind {
    /// The key is locked.
    Locked,
    /// The window is used up; there is no lock.
    WindowFull,
    /// Other attempts hold the last places and are not judged yet: try again in a second.
    Busy,
}

/// The attempt must not be judged.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Denied {
    /// The budget that refused.
    pub budget: Budget,
    /// Its position among the budgets asked for.
    pub index: usize,
    /// Why.
    pub kind: DeniedKind,
    /// When it is worth trying again.
    pub until: Timestamp,
    /// How long that is from now, never zero.
    pub retry_after: Duration,
    /// A lock nobody has reported yet: audit it, and tell the person.
    pub newly: bool,
}

impl Denied {
    /// For the headers of the refusal.
    pub fn decision(&self) -> Decision {
        Decision {
            allowed: false,
            limit: self.budget.limit,
            remaining: 0,
            window: self.budget.window,
            reset_at: self.until,
            retry_after: Some(self.retry_after),
            policy: self.index,
        }
    }
}

/// The attempt was judged and counted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Settled {
    /// Every budget with its state afterwards.
    pub states: Vec<(Budget, BudgetState)>,
    /// Budgets that this attempt locked, with the end of the lock.
    pub locked: Vec<(Budget, Timestamp)>,
    pub(super) at: Timestamp,
}

impl Settled {
    /// The budget with the fewest places left, for the headers.
    pub fn tightest(&self) -> Decision {
        tightest(self.states.iter().map(|(budget, state)| (budget, state)), self.at)
    }
}
