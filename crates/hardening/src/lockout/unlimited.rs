//! [`UnlimitedAttempts`]: what stands behind the gate when rate limiting is switched off.

use std::time::Duration;

use async_trait::async_trait;

use super::{AttemptStore, Budget, BudgetState, ReserveOutcome, Settlement};
use crate::clock::Timestamp;
use crate::fault::Fault;

/// Refuses nothing and remembers nothing. For `RATE_LIMITING_ENABLED=false` only.
#[derive(Clone, Copy, Debug, Default)]
pub struct UnlimitedAttempts;

#[async_trait]
impl AttemptStore for UnlimitedAttempts {
    async fn reserve(
        &self,
        _id: &str,
        budgets: &[Budget],
        now: Timestamp,
        _lease: Duration,
    ) -> Result<ReserveOutcome, Fault> {
        Ok(ReserveOutcome::Reserved(untouched(budgets.iter(), now)))
    }

    async fn settle(
        &self,
        _id: &str,
        settlements: &[Settlement<'_>],
        now: Timestamp,
    ) -> Result<Vec<BudgetState>, Fault> {
        Ok(untouched(settlements.iter().map(|settlement| settlement.budget), now))
    }

    async fn clear(&self, _keys: &[String]) -> Result<(), Fault> {
        Ok(())
    }

    async fn state(&self, budgets: &[Budget], now: Timestamp) -> Result<Vec<BudgetState>, Fault> {
        Ok(untouched(budgets.iter(), now))
    }
}

fn untouched<'a>(budgets: impl Iterator<Item = &'a Budget>, now: Timestamp) -> Vec<BudgetState> {
    budgets.map(|budget| BudgetState::untouched(&budget.key, now)).collect()
}
