use std::sync::Mutex;

use super::*;
use crate::clock::ManualClock;
use crate::entropy::PredictableEntropy;
use crate::rate_limit::{Count, Per};

fn block_on<F: Future>(future: F) -> F::Output {
    tokio::runtime::Builder::new_current_thread().build().expect("a runtime").block_on(future)
}

/// Answers what it was told to, and writes down what it was asked to settle.
struct Scripted {
    outcome: Result<ReserveOutcome, Fault>,
    settled: Mutex<Vec<(bool, bool)>>,
}

#[async_trait::async_trait]
impl AttemptStore for Scripted {
    async fn reserve(
        &self,
        _: &str,
        _: &[Budget],
        _: Timestamp,
        _: Duration,
    ) -> Result<ReserveOutcome, Fault> {
        self.outcome.clone()
    }

    async fn settle(
        &self,
        _: &str,
        settlements: &[Settlement<'_>],
        now: Timestamp,
    ) -> Result<Vec<BudgetState>, Fault> {
        let mut states = Vec::new();
        for Settlement { budget, keep, clear } in settlements {
            self.settled.lock().expect("test").push((*keep, *clear));
            let locked = keep.then_some(now + Duration::from_mins(15));
            let state = BudgetState::untouched(&budget.key, now);
            states.push(BudgetState { blocked_until: locked, newly_locked: *keep, ..state });
        }
        Ok(states)
    }

    async fn clear(&self, _: &[String]) -> Result<(), Fault> {
        Ok(())
    }

    async fn state(&self, _: &[Budget], _: Timestamp) -> Result<Vec<BudgetState>, Fault> {
        Ok(Vec::new())
    }
}

const NOW: Timestamp = Timestamp::from_unix_seconds(1_000);

fn gate(outcome: Result<ReserveOutcome, Fault>) -> (Gate, Arc<Scripted>) {
    let store = Arc::new(Scripted { outcome, settled: Mutex::default() });
    let clock = Arc::new(ManualClock::at(NOW));
    (Gate::new(store.clone(), clock, Arc::new(PredictableEntropy::from_seed(1))), store)
}

fn budgets() -> Vec<Budget> {
    let budget = |key: &str, counts, scope| Budget {
        key: key.to_owned(),
        limit: 5,
        window: Duration::from_mins(5),
        counts,
        lockout: Some(Duration::from_mins(15)),
        scope,
    };
    vec![
        budget("account", Count::Failures, Per::Account),
        budget("ip", Count::Failures, Per::Ip),
        budget("requests", Count::Requests, Per::Ip),
    ]
}

fn reserved() -> ReserveOutcome {
    let states = budgets().iter().map(|budget| BudgetState::untouched(&budget.key, NOW)).collect();
    ReserveOutcome::Reserved(states)
}

#[test]
fn outcomes_settle_what_they_count() {
    let settlements_of = |outcome: u8| {
        let (gate, store) = gate(Ok(reserved()));
        let reservation = block_on(gate.reserve(budgets())).expect("no fault").expect("a place");
        match outcome {
            0 => drop(block_on(reservation.failed()).expect("no fault")),
            1 => drop(block_on(reservation.succeeded()).expect("no fault")),
            _ => block_on(reservation.withdrawn()),
        }
        store.settled.lock().expect("test").clone()
    };
    assert_eq!(settlements_of(0), [(true, false), (true, false), (true, false)]);
    assert_eq!(settlements_of(1), [(false, true), (false, false), (true, false)]);
    assert_eq!(settlements_of(2), [(false, false), (false, false), (false, false)]);
}

#[test]
fn new_locks_are_reported_with_their_end() {
    let (gate, _) = gate(Ok(reserved()));
    let reservation = block_on(gate.reserve(budgets())).expect("no fault").expect("a place");
    let settled = block_on(reservation.failed()).expect("no fault");
    assert_eq!(settled.locked.len(), 3);
    assert_eq!(settled.locked[0].1, NOW + Duration::from_mins(15));
    assert_eq!(settled.tightest().reset_at, NOW + Duration::from_mins(15));
}

#[test]
fn refusals_say_which_budget_why_and_until_when() {
    let until = NOW + Duration::from_millis(1_500);
    for (outcome, index, kind, wait) in [
        (ReserveOutcome::Blocked { index: 1, until, newly: true }, 1, DeniedKind::Locked, 1_500),
        (ReserveOutcome::Full { index: 2, until }, 2, DeniedKind::WindowFull, 1_500),
        (ReserveOutcome::Busy { index: 0 }, 0, DeniedKind::Busy, 1_000),
    ] {
        let (gate, _) = gate(Ok(outcome));
        let denied = block_on(gate.reserve(budgets())).expect("no fault").expect_err("no place");
        assert_eq!((denied.index, denied.kind), (index, kind));
        assert_eq!(denied.budget, budgets()[index]);
        assert_eq!(denied.retry_after, Duration::from_millis(wait));
        assert_eq!(denied.newly, kind == DeniedKind::Locked);
        assert!(!denied.decision().allowed && denied.decision().remaining == 0);
    }
}

#[test]
fn a_store_that_cannot_tell_gives_no_reservation() {
    let (gate, _) = gate(Err(Fault::unavailable("redis", "timeout")));
    assert!(block_on(gate.reserve(budgets())).is_err());
}

#[test]
fn a_disabled_gate_refuses_nothing() {
    let clock = Arc::new(ManualClock::at(NOW));
    let gate = Gate::disabled(clock, Arc::new(PredictableEntropy::from_seed(1)));
    for _ in 0..50 {
        let reservation = block_on(gate.reserve(budgets())).expect("no fault").expect("a place");
        assert_eq!(reservation.tightest().remaining, 5);
        assert!(block_on(reservation.failed()).expect("no fault").locked.is_empty());
    }
}
