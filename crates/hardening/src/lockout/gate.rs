//! [`Gate`]: the one way to a credential check.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use super::budget::tightest;
use super::{
    AttemptStore, Budget, BudgetState, Denied, DeniedKind, ReserveOutcome, Settled, Settlement,
    UnlimitedAttempts,
};
use crate::clock::{Clock, Timestamp};
use crate::entropy::{Entropy, random_bytes};
use crate::fault::Fault;
use crate::rate_limit::Decision;

/// How long an attempt may take before its reservation counts as used: two seconds in the hashing queue, a few
/// for a slow database, and some to spare.
pub const DEFAULT_LEASE: Duration = Duration::from_secs(15);

const BUSY_RETRY: Duration = Duration::from_secs(1);

/// Hands out reservations. Cheap to clone.
#[derive(Clone)]
pub struct Gate {
    store: Arc<dyn AttemptStore>,
    clock: Arc<dyn Clock>,
    entropy: Arc<dyn Entropy>,
    lease: Duration,
}

impl Gate {
    /// A gate in front of `store`, with [`DEFAULT_LEASE`].
    pub fn new(store: Arc<dyn AttemptStore>, clock: Arc<dyn Clock>, entropy: Arc<dyn Entropy>) -> Self {
        Self { store, clock, entropy, lease: DEFAULT_LEASE }
    }

    /// A gate that refuses nothing ([`UnlimitedAttempts`]), for `RATE_LIMITING_ENABLED=false`.
    pub fn disabled(clock: Arc<dyn Clock>, entropy: Arc<dyn Entropy>) -> Self {
        Self::new(Arc::new(UnlimitedAttempts), clock, entropy)
    }

    /// The same gate with another lease.
    #[must_use]
    pub fn with_lease(self, lease: Duration) -> Self {
        Self { lease, ..self }
    }

    /// Takes a place in every budget, or in none.
    ///
    /// # Errors
    /// When the store cannot tell: callers answer 503, never go on without a reservation.
    pub async fn reserve(&self, budgets: Vec<Budget>) -> Result<Result<Reservation, Denied>, Fault> {
        let id = URL_SAFE_NO_PAD.encode(random_bytes::<16>(&*self.entropy));
        let now = self.clock.now();
        let outcome = self.store.reserve(&id, &budgets, now, self.lease).await?;
        let (index, kind, until, newly) = match outcome {
            ReserveOutcome::Reserved(states) => {
                let reserved_at = now;
                return Ok(Ok(Reservation { gate: self.clone(), id, budgets, states, reserved_at }));
            }
            ReserveOutcome::Blocked { index, until, newly } => (index, DeniedKind::Locked, until, newly),
            ReserveOutcome::Full { index, until } => (index, DeniedKind::WindowFull, until, false),
            ReserveOutcome::Busy { index } => (index, DeniedKind::Busy, now + BUSY_RETRY, false),
        };
        let budget = budgets
            .into_iter()
            .nth(index)
            .ok_or_else(|| Fault::internal("the attempt store refused a budget it was not asked for"))?;
        let retry_after = until.since(now).max(Duration::from_micros(1));
        Ok(Err(Denied { budget, index, kind, until, retry_after, newly }))
    }

    /// Forgets failures and lifts locks, for an unlock or a password reset.
    ///
    /// # Errors
    /// When the store is away.
    pub async fn clear(&self, keys: &[String]) -> Result<(), Fault> {
        self.store.clear(keys).await
    }

    /// How full budgets are, without taking a place.
    ///
    /// # Errors
    /// When the store is away.
    pub async fn state(&self, budgets: &[Budget]) -> Result<Vec<BudgetState>, Fault> {
        self.store.state(budgets, self.clock.now()).await
    }
}

impl fmt::Debug for Gate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Gate").field("lease", &self.lease).finish_non_exhaustive()
    }
}

/// The proof that the limiter was asked and gave a place. Consumed by exactly one outcome; when it is dropped
/// without one, the place counts as used as soon as its lease has lapsed.
#[must_use = "a reservation that is not settled counts as a failed attempt"]
pub struct Reservation {
    gate: Gate,
    id: String,
    budgets: Vec<Budget>,
    states: Vec<BudgetState>,
    reserved_at: Timestamp,
}

impl Reservation {
    /// The credential was wrong.
    ///
    /// # Errors
    /// When the store is away; the place then lapses into a used one.
    pub async fn failed(self) -> Result<Settled, Fault> {
        self.settle(|budget| (budget.keeps(false), false)).await
    }

    /// The credential was right.
    ///
    /// # Errors
    /// When the store is away; the place then lapses into a used one.
    pub async fn succeeded(self) -> Result<Settled, Fault> {
        self.settle(|budget| (budget.keeps(true), budget.cleared_by_success())).await
    }

    /// The attempt was never judged (busy queue, invalid input, fault): everything is given back. If the
    /// store cannot hear that, the place lapses into a used one, which is the strict side.
    pub async fn withdrawn(self) {
        let _ = self.settle(|_| (false, false)).await;
    }

    /// The budgets, in the order they were asked for.
    pub fn budgets(&self) -> &[Budget] {
        &self.budgets
    }

    /// How full they are, this attempt included, in the order they were asked for.
    pub fn states(&self) -> &[BudgetState] {
        &self.states
    }

    /// The budget with the fewest places left, for the headers.
    pub fn tightest(&self) -> Decision {
        tightest(self.budgets.iter().zip(&self.states), self.reserved_at)
    }

    async fn settle(self, decide: impl Fn(&Budget) -> (bool, bool) + Send) -> Result<Settled, Fault> {
        let Self { gate, id, budgets, .. } = self;
        let settlements: Vec<_> = budgets
            .iter()
            .map(|budget| {
                let (keep, clear) = decide(budget);
                Settlement { budget, keep, clear }
            })
            .collect();
        let at = gate.clock.now();
        let states = gate.store.settle(&id, &settlements, at).await?;
        let states: Vec<_> = budgets.into_iter().zip(states).collect();
        let newly = states.iter().filter(|(_, state)| state.newly_locked);
        let locked =
            newly.filter_map(|(budget, state)| Some((budget.clone(), state.blocked_until?))).collect();
        Ok(Settled { states, locked, at })
    }
}

impl fmt::Debug for Reservation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Reservation").field("states", &self.states).finish_non_exhaustive()
    }
}

#[cfg(test)]
#[path = "gate_tests.rs"]
mod tests;
