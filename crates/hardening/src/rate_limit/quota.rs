//! The port for traffic limits, and what it answers.

use std::time::Duration;

use async_trait::async_trait;

use crate::clock::Timestamp;
use crate::fault::Fault;

/// So many in a window, as a burst or spread.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Quota {
    /// How many; 1 or more.
    pub limit: u32,
    /// In how long; longer than zero.
    pub window: Duration,
}

/// What a limiter decided, and all numbers a response needs to say so.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Decision {
    /// Whether the request may go on.
    pub allowed: bool,
    /// The limit of the budget reported.
    pub limit: u32,
    /// Places left in it.
    pub remaining: u32,
    /// Its window.
    pub window: Duration,
    /// Allowed: when the budget is whole again. Refused: when the next request will be allowed.
    pub reset_at: Timestamp,
    /// How long to wait, when refused (or locked by this very attempt).
    pub retry_after: Option<Duration>,
    /// Which of the keys, budgets or rules asked for is reported, counted from 0.
    pub policy: usize,
}

impl Decision {
    /// Nothing limits: no budget was asked for.
    pub const fn unlimited(now: Timestamp) -> Self {
        Self {
            allowed: true,
            limit: u32::MAX,
            remaining: u32::MAX,
            window: Duration::ZERO,
            reset_at: now,
            retry_after: None,
            policy: 0,
        }
    }

    /// The one to report: a refusal before a permission, the longest wait first; then the fewest places left.
    #[must_use]
    pub fn tighter(self, other: Self) -> Self {
        let rank =
            |d: &Self| (!d.allowed, d.retry_after.filter(|_| !d.allowed), std::cmp::Reverse(d.remaining));
        if rank(&other) > rank(&self) { other } else { self }
    }
}

/// Counts traffic. Loss is tolerable (a budget is whole again early), memory is bounded, and when it runs out
/// the store gets stricter, not looser.
#[async_trait]
pub trait QuotaStore: Send + Sync {
    /// Takes one from every key, or from none when any has nothing left; answers with the tightest.
    async fn take(&self, keys: &[(String, Quota)], now: Timestamp) -> Result<Decision, Fault>;

    /// [`QuotaStore::take`] where that needs no waiting; `None` from a store that has to ask elsewhere.
    fn take_at_once(&self, _keys: &[(String, Quota)], _now: Timestamp) -> Option<Decision> {
        None
    }
}
