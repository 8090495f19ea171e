//! The contract of [`AttemptStore`], races included.

use std::sync::Arc;
use std::time::Duration;

use hardening::clock::{Clock as _, ManualClock, Timestamp};
use hardening::entropy::{OsEntropy, PredictableEntropy, random_bytes};
use hardening::lockout::{AttemptStore, Budget, Denied, DeniedKind, Gate, Reservation, Settlement};
use hardening::rate_limit::{Count, Per};

use super::{fresh_name, stopped_clock};

const WINDOW: Duration = Duration::from_mins(5);
const LOCK: Duration = Duration::from_mins(15);
const LEASE: Duration = Duration::from_secs(10);
const MICROSECOND: Duration = Duration::from_micros(1);

type Store = Arc<dyn AttemptStore>;

/// Runs every check.
pub async fn all(store: Arc<dyn AttemptStore>) {
    five_failures_lock_for_exactly_the_set_time(&store).await;
    attempts_during_a_lock_never_extend_it(&store).await;
    without_a_lockout_places_come_back_one_by_one(&store).await;
    places_are_taken_in_all_budgets_or_in_none(&store).await;
    reserved_places_are_busy_and_lock_nothing(&store).await;
    unsettled_attempts_count_once_their_lease_has_lapsed(&store).await;
    a_late_settlement_corrects_the_lapse(&store).await;
    a_success_clears_the_account_but_not_the_address(&store).await;
    withdrawn_attempts_never_happened(&store).await;
    clearing_lifts_a_lock(&store).await;
    settling_twice_counts_once(&store).await;
    parallel_guesses_never_exceed_the_limit(&store).await;
    parallel_valid_sign_ins_never_lock(&store).await;
    random_schedules_never_exceed_the_limit(&store).await;
}

/// The contract's sign-in rule: 4…0 places left, then locked for 15 minutes, to the microsecond.
pub async fn five_failures_lock_for_exactly_the_set_time(store: &Store) {
    let (gate, clock) = gate(store);
    let account = budget(Per::Account, 5, Some(LOCK));
    for left in (0..5).rev() {
        let settled = place(&gate, &[&account]).await.failed().await.expect("no fault");
        assert_eq!(settled.tightest().remaining, left);
        assert_eq!(settled.locked.len(), usize::from(left == 0));
        clock.advance(Duration::from_secs(1));
    }
    let until = clock.now() - Duration::from_secs(1) + LOCK;
    let denied = refusal(&gate, &[&account]).await;
    assert_eq!((denied.kind, denied.until), (DeniedKind::Locked, until));
    clock.set(until - MICROSECOND);
    assert_eq!(refusal(&gate, &[&account]).await.kind, DeniedKind::Locked, "not released early");
    clock.set(until);
    let reservation = place(&gate, &[&account]).await;
    assert_eq!(reservation.tightest().remaining, 4, "the budget is fresh");
}

/// Otherwise whoever tries again and again is never let in.
pub async fn attempts_during_a_lock_never_extend_it(store: &Store) {
    let (gate, clock) = gate(store);
    let account = budget(Per::Account, 1, Some(LOCK));
    let settled = place(&gate, &[&account]).await.failed().await.expect("no fault");
    let until = settled.locked[0].1;
    for _ in 0..89 {
        clock.advance(Duration::from_secs(10));
        assert_eq!(refusal(&gate, &[&account]).await.until, until);
    }
    clock.advance(Duration::from_secs(10));
    drop(place(&gate, &[&account]).await);
}

/// A window without a lockout refuses until its oldest entry leaves.
pub async fn without_a_lockout_places_come_back_one_by_one(store: &Store) {
    let (gate, clock) = gate(store);
    let email = Budget { counts: Count::Requests, ..budget(Per::Email, 2, None) };
    let start = clock.now();
    for _ in 0..2 {
        place(&gate, &[&email]).await.succeeded().await.expect("no fault");
        clock.advance(Duration::from_secs(100));
    }
    let denied = refusal(&gate, &[&email]).await;
    assert_eq!((denied.kind, denied.until), (DeniedKind::WindowFull, start + WINDOW));
    clock.set(start + WINDOW - MICROSECOND);
    assert_eq!(refusal(&gate, &[&email]).await.kind, DeniedKind::WindowFull);
    clock.set(start + WINDOW);
    place(&gate, &[&email]).await.succeeded().await.expect("no fault");
    assert_eq!(refusal(&gate, &[&email]).await.kind, DeniedKind::WindowFull, "only one place came back");
}

/// A refusal by one budget uses nothing up in the others, and the refusing one is named.
pub async fn places_are_taken_in_all_budgets_or_in_none(store: &Store) {
    let (gate, _) = gate(store);
    let (account, ip) = (budget(Per::Account, 1, Some(LOCK)), budget(Per::Ip, 20, Some(LOCK)));
    place(&gate, &[&account]).await.failed().await.expect("no fault");
    for _ in 0..30 {
        let denied = refusal(&gate, &[&ip, &account]).await;
        assert_eq!((denied.index, denied.budget.key), (1, account.key.clone()));
    }
    let states = gate.state(std::slice::from_ref(&ip)).await.expect("no fault");
    assert_eq!(states[0].used, 0);
}

/// Busy is not guilty.
pub async fn reserved_places_are_busy_and_lock_nothing(store: &Store) {
    let (gate, _) = gate(store);
    let account = budget(Per::Account, 2, Some(LOCK));
    let (first, second) = (place(&gate, &[&account]).await, place(&gate, &[&account]).await);
    let denied = refusal(&gate, &[&account]).await;
    assert_eq!((denied.kind, denied.retry_after), (DeniedKind::Busy, Duration::from_secs(1)));
    first.succeeded().await.expect("no fault");
    let third = place(&gate, &[&account]).await;
    second.succeeded().await.expect("no fault");
    third.succeeded().await.expect("no fault");
    let states = gate.state(std::slice::from_ref(&account)).await.expect("no fault");
    assert_eq!((states[0].used, states[0].blocked_until), (0, None));
}

/// Hanging up before the answer must not make guesses free.
pub async fn unsettled_attempts_count_once_their_lease_has_lapsed(store: &Store) {
    let (gate, clock) = gate(store);
    let account = budget(Per::Account, 3, Some(LOCK));
    for _ in 0..3 {
        drop(place(&gate, &[&account]).await);
    }
    let lapses_at = clock.now() + LEASE;
    clock.set(lapses_at - MICROSECOND);
    assert_eq!(refusal(&gate, &[&account]).await.kind, DeniedKind::Busy);
    clock.set(lapses_at);
    let first = refusal(&gate, &[&account]).await;
    assert_eq!((first.kind, first.until, first.newly), (DeniedKind::Locked, lapses_at + LOCK, true));
    assert!(!refusal(&gate, &[&account]).await.newly, "a lock is new once");
}

/// Slow is not guilty either.
pub async fn a_late_settlement_corrects_the_lapse(store: &Store) {
    let (gate, clock) = gate(store);
    let ip = budget(Per::Ip, 3, Some(LOCK));
    let slow = place(&gate, &[&ip]).await;
    clock.advance(LEASE * 2);
    let used = gate.state(std::slice::from_ref(&ip)).await.expect("no fault")[0].used;
    assert_eq!(used, 1);
    let settled = slow.succeeded().await.expect("no fault");
    assert_eq!(settled.states[0].1.used, 0);
}

/// Else one address could buy guesses with an account it owns.
pub async fn a_success_clears_the_account_but_not_the_address(store: &Store) {
    let (gate, _) = gate(store);
    let (account, ip) = (budget(Per::Account, 5, Some(LOCK)), budget(Per::Ip, 20, Some(LOCK)));
    for _ in 0..4 {
        place(&gate, &[&account, &ip]).await.failed().await.expect("no fault");
    }
    let settled = place(&gate, &[&account, &ip]).await.succeeded().await.expect("no fault");
    let used: Vec<_> = settled.states.iter().map(|(_, state)| state.used).collect();
    assert_eq!(used, [0, 4]);
}

/// A busy queue or invalid input is nobody's failure.
pub async fn withdrawn_attempts_never_happened(store: &Store) {
    let (gate, _) = gate(store);
    let failures = budget(Per::Account, 1, Some(LOCK));
    let attempts = Budget { counts: Count::Attempts, ..budget(Per::Ip, 1, Some(LOCK)) };
    for _ in 0..5 {
        place(&gate, &[&failures, &attempts]).await.withdrawn().await;
    }
    let settled = place(&gate, &[&failures, &attempts]).await.succeeded().await.expect("no fault");
    assert_eq!(settled.locked.len(), 1, "every judged attempt counts where attempts count");
    assert_eq!(settled.locked[0].0.key, attempts.key);
}

/// An unlock gives a fresh budget at once.
pub async fn clearing_lifts_a_lock(store: &Store) {
    let (gate, _) = gate(store);
    let account = budget(Per::Account, 2, Some(LOCK));
    for _ in 0..2 {
        place(&gate, &[&account]).await.failed().await.expect("no fault");
    }
    assert_eq!(refusal(&gate, &[&account]).await.kind, DeniedKind::Locked);
    gate.clear(&[account.key.clone(), fresh_name()]).await.expect("no fault");
    assert_eq!(place(&gate, &[&account]).await.tightest().remaining, 1);
}

/// A command sent again after a lost connection must not count twice.
pub async fn settling_twice_counts_once(store: &Store) {
    let now = stopped_clock().now();
    let account = budget(Per::Account, 5, Some(LOCK));
    let settlement = [Settlement { budget: &account, keep: true, clear: false }];
    store.reserve("once", std::slice::from_ref(&account), now, LEASE).await.expect("no fault");
    for _ in 0..2 {
        let states = store.settle("once", &settlement, now).await.expect("no fault");
        assert_eq!(states[0].used, 1);
    }
    let states = store.settle("never reserved", &settlement, now).await.expect("no fault");
    assert_eq!(states[0].used, 2, "what the store does not know counts all the same");
}

/// 200 wrong guesses at once: no more reach the check than the limit allows (A05).
pub async fn parallel_guesses_never_exceed_the_limit(store: &Store) {
    let (gate, _) = gate(store);
    let (account, ip) = (budget(Per::Account, 5, Some(LOCK)), budget(Per::Ip, 500, Some(LOCK)));
    let guesses = (0..200).map(|_| {
        let (gate, budgets) = (gate.clone(), vec![account.clone(), ip.clone()]);
        tokio::spawn(async move {
            let Ok(reservation) = gate.reserve(budgets).await.expect("no fault") else { return 0 };
            tokio::task::yield_now().await;
            reservation.failed().await.expect("no fault");
            1
        })
    });
    let reached: u32 = sum(guesses).await;
    assert_eq!(reached, 5);
    assert_eq!(refusal(&gate, &[&account]).await.kind, DeniedKind::Locked);
    let states = gate.state(std::slice::from_ref(&ip)).await.expect("no fault");
    assert_eq!(states[0].used, 5, "refused ones used nothing up");
}

/// 200 right passwords at once: some may have to come back in a second, nobody is locked out.
pub async fn parallel_valid_sign_ins_never_lock(store: &Store) {
    let (gate, _) = gate(store);
    let account = budget(Per::Account, 5, Some(LOCK));
    let sign_ins = (0..200).map(|_| {
        let (gate, budgets) = (gate.clone(), vec![account.clone()]);
        tokio::spawn(async move {
            match gate.reserve(budgets).await.expect("no fault") {
                Ok(reservation) => {
                    tokio::task::yield_now().await;
                    assert!(reservation.succeeded().await.expect("no fault").locked.is_empty());
                    1
                }
                Err(denied) => {
                    assert_eq!(denied.kind, DeniedKind::Busy);
                    0
                }
            }
        })
    });
    assert!(sum(sign_ins).await >= 5);
    let states = gate.state(std::slice::from_ref(&account)).await.expect("no fault");
    assert_eq!((states[0].used, states[0].blocked_until), (0, None));
}

/// Random arrivals, waits and outcomes: no window of the length holds more judged failures than the limit.
pub async fn random_schedules_never_exceed_the_limit(store: &Store) {
    for seed in 0..8 {
        let dice = PredictableEntropy::from_seed(seed);
        let throw = |sides: u64| u64::from_be_bytes(random_bytes(&dice)) % sides;
        let (gate, clock) = gate(store);
        let limit = u32::try_from(1 + throw(5)).expect("small");
        let account = budget(Per::Ip, limit, (seed % 2 == 0).then_some(LOCK));
        let (mut open, mut judged) = (Vec::new(), Vec::new());
        for _ in 0..250 {
            match throw(8) {
                0 => clock.advance(Duration::from_micros(throw(400_000_000))),
                1..=3 => clock.advance(Duration::from_micros(throw(3_000_000))),
                4..=6 => {
                    if let Ok(reservation) = gate.reserve(vec![account.clone()]).await.expect("no fault") {
                        open.push((reservation, clock.now()));
                    }
                }
                _ if open.is_empty() => {}
                _ => {
                    let index = usize::try_from(throw(open.len() as u64)).expect("small");
                    let (reservation, since) = open.swap_remove(index);
                    if throw(4) == 0 {
                        reservation.succeeded().await.expect("no fault");
                    } else {
                        reservation.failed().await.expect("no fault");
                        judged.push((since, clock.now().min(since + LEASE)));
                    }
                }
            }
        }
        let earliest: Vec<_> = judged.iter().map(|(from, _)| *from).collect();
        let latest: Vec<_> = judged.iter().map(|(_, to)| *to).collect();
        for times in [earliest, latest] {
            assert!(densest(times) <= limit as usize, "seed {seed}");
        }
    }
}

fn densest(mut times: Vec<Timestamp>) -> usize {
    times.sort_unstable();
    let held =
        |&start: &Timestamp| times.iter().filter(|&&time| time >= start && time < start + WINDOW).count();
    times.iter().map(held).max().unwrap_or(0)
}

fn gate(store: &Store) -> (Gate, Arc<ManualClock>) {
    let clock = stopped_clock();
    (Gate::new(Arc::clone(store), clock.clone(), Arc::new(OsEntropy)).with_lease(LEASE), clock)
}

fn budget(scope: Per, limit: u32, lockout: Option<Duration>) -> Budget {
    Budget {
        key: format!("rate_limit:{{{}:{}}}:/contract", scope.label(), fresh_name()),
        limit,
        window: WINDOW,
        counts: Count::Failures,
        lockout,
        scope,
    }
}

async fn ask(gate: &Gate, budgets: &[&Budget]) -> Result<Reservation, Denied> {
    gate.reserve(budgets.iter().map(|&budget| budget.clone()).collect()).await.expect("no fault")
}

async fn place(gate: &Gate, budgets: &[&Budget]) -> Reservation {
    ask(gate, budgets).await.expect("a place")
}

async fn refusal(gate: &Gate, budgets: &[&Budget]) -> Denied {
    ask(gate, budgets).await.expect_err("a refusal")
}

async fn sum(tasks: impl Iterator<Item = tokio::task::JoinHandle<u32>>) -> u32 {
    let mut total = 0;
    for task in tasks.collect::<Vec<_>>() {
        total += task.await.expect("no panic");
    }
    total
}
