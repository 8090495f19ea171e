use std::collections::BTreeMap;

use hardening::clock::{Clock as _, ManualClock};
use hardening::entropy::OsEntropy;
use hardening::lockout::{DeniedKind, Gate};
use hardening::rate_limit::{Count, Per};

use super::*;

const NOW: Timestamp = Timestamp::from_unix_seconds(1_000_000);

fn budget(key: &str) -> Budget {
    Budget {
        key: key.to_owned(),
        limit: 3,
        window: Duration::from_mins(5),
        counts: Count::Failures,
        lockout: Some(Duration::from_mins(15)),
        scope: Per::Account,
    }
}

fn gate(store: &Arc<MemoryAttempts>) -> (Gate, Arc<ManualClock>) {
    let clock = Arc::new(ManualClock::at(NOW));
    (Gate::new(store.clone(), clock.clone(), Arc::new(OsEntropy)), clock)
}

async fn fail(gate: &Gate, key: &str) {
    let reservation = gate.reserve(vec![budget(key)]).await.expect("no fault").expect("a place");
    reservation.failed().await.expect("no fault");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn keeps_the_contract_of_attempt_stores() {
    testkit::contracts::attempts::all(Arc::new(MemoryAttempts::new(100_000))).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn fifty_bursts_of_two_hundred_never_exceed_the_limit() {
    let store: Arc<dyn AttemptStore> = Arc::new(MemoryAttempts::new(100_000));
    for _ in 0..50 {
        testkit::contracts::attempts::parallel_guesses_never_exceed_the_limit(&store).await;
    }
}

#[tokio::test]
async fn locks_and_failures_are_never_evicted_and_newcomers_wait() {
    let store = Arc::new(MemoryAttempts::new(100));
    let (gate, clock) = gate(&store);
    for _ in 0..3 {
        fail(&gate, "locked").await;
    }
    for number in 0..99 {
        fail(&gate, &format!("one failure {number}")).await;
    }
    for number in 0..1_000 {
        let denied = gate.reserve(vec![budget(&format!("newcomer {number}"))]).await.expect("no fault");
        assert_eq!(denied.expect_err("no room").kind, DeniedKind::Busy);
    }
    assert_eq!(store.len(), 100);
    let locked = gate.reserve(vec![budget("locked")]).await.expect("no fault").expect_err("locked");
    assert_eq!(locked.kind, DeniedKind::Locked);
    fail(&gate, "one failure 0").await;
    clock.advance(Duration::from_secs(301));
    fail(&gate, "newcomer").await;
    assert_eq!(store.len(), 2, "idle windows made room, the lock stayed");
}

#[tokio::test]
async fn successful_sign_ins_leave_nothing_behind() {
    let store = Arc::new(MemoryAttempts::new(10));
    let (gate, _) = gate(&store);
    for number in 0..1_000 {
        let budgets = vec![budget(&number.to_string())];
        let reservation = gate.reserve(budgets).await.expect("no fault").expect("a place");
        reservation.succeeded().await.expect("no fault");
    }
    assert!(store.is_empty());
}

/// A journal in memory that can be away.
#[derive(Default)]
struct Paper {
    rows: Mutex<BTreeMap<String, JournaledKey>>,
    away: std::sync::atomic::AtomicBool,
}

impl Paper {
    fn check(&self) -> Result<(), Fault> {
        if self.away.load(std::sync::atomic::Ordering::SeqCst) {
            return Err(Fault::unavailable("database", "the test says so"));
        }
        Ok(())
    }
}

#[async_trait]
impl AttemptJournal for Paper {
    async fn record(&self, keys: &[JournaledKey]) -> Result<(), Fault> {
        self.check()?;
        let mut rows = self.rows.lock().expect("test");
        for key in keys {
            if key.is_empty() {
                rows.remove(&key.key);
            } else {
                rows.insert(key.key.clone(), key.clone());
            }
        }
        Ok(())
    }

    async fn load(&self, now: Timestamp) -> Result<Vec<JournaledKey>, Fault> {
        self.check()?;
        let rows = self.rows.lock().expect("test");
        Ok(rows.values().filter(|row| row.expires_at > now).cloned().collect())
    }
}

async fn started(paper: &Arc<Paper>, now: Timestamp) -> Arc<MemoryAttempts> {
    Arc::new(MemoryAttempts::with_journal(100, paper.clone(), now).await.expect("no fault"))
}

#[tokio::test]
async fn failures_and_locks_survive_a_restart() {
    let paper = Arc::new(Paper::default());
    let (gate_before, _) = gate(&started(&paper, NOW).await);
    for _ in 0..3 {
        fail(&gate_before, "locked").await;
    }
    for _ in 0..2 {
        fail(&gate_before, "two failures").await;
    }
    let (gate_after, clock) = gate(&started(&paper, NOW).await);
    let denied = gate_after.reserve(vec![budget("locked")]).await.expect("no fault").expect_err("locked");
    assert_eq!((denied.kind, denied.until), (DeniedKind::Locked, NOW + Duration::from_mins(15)));
    fail(&gate_after, "two failures").await;
    let denied = gate_after.reserve(vec![budget("two failures")]).await.expect("no fault");
    assert_eq!(denied.expect_err("the third failure locked").kind, DeniedKind::Locked);
    let later = clock.now() + Duration::from_mins(15);
    assert!(started(&paper, later).await.is_empty(), "ended locks do not come back");
}

#[tokio::test]
async fn success_and_unlock_are_written_down_too() {
    let paper = Arc::new(Paper::default());
    let (gate, _) = gate(&started(&paper, NOW).await);
    fail(&gate, "account").await;
    let reservation = gate.reserve(vec![budget("account")]).await.expect("no fault").expect("a place");
    reservation.succeeded().await.expect("no fault");
    for _ in 0..3 {
        fail(&gate, "unlocked").await;
    }
    gate.clear(&["unlocked".to_owned()]).await.expect("no fault");
    assert!(paper.rows.lock().expect("test").is_empty());
}

#[tokio::test]
async fn a_lapse_is_written_down_when_it_is_noticed() {
    let paper = Arc::new(Paper::default());
    let (gate, clock) = gate(&started(&paper, NOW).await);
    drop(gate.reserve(vec![budget("hung up")]).await.expect("no fault").expect("a place"));
    clock.advance(Duration::from_mins(1));
    gate.state(&[budget("hung up")]).await.expect("no fault");
    assert_eq!(paper.rows.lock().expect("test")["hung up"].kept.len(), 1);
}

#[tokio::test]
async fn without_its_journal_a_failure_is_a_fault_but_counts() {
    let paper = Arc::new(Paper::default());
    let (gate, _) = gate(&started(&paper, NOW).await);
    let reservation = gate.reserve(vec![budget("account")]).await.expect("no fault").expect("a place");
    paper.away.store(true, std::sync::atomic::Ordering::SeqCst);
    assert!(reservation.failed().await.is_err());
    assert_eq!(gate.state(&[budget("account")]).await.expect("memory is there")[0].used, 1);
    assert!(MemoryAttempts::with_journal(100, paper.clone(), NOW).await.is_err(), "no start without locks");
}

/// Writes only when let, and counts how often it was asked.
#[derive(Default)]
struct Slow {
    paper: Paper,
    asked: std::sync::atomic::AtomicUsize,
    turn: tokio::sync::Mutex<()>,
}

#[async_trait]
impl AttemptJournal for Slow {
    async fn record(&self, keys: &[JournaledKey]) -> Result<(), Fault> {
        self.asked.fetch_add(1, std::sync::atomic::Ordering::SeqCst);
        let _turn = self.turn.lock().await;
        self.paper.record(keys).await
    }

    async fn load(&self, now: Timestamp) -> Result<Vec<JournaledKey>, Fault> {
        self.paper.load(now).await
    }
}

#[tokio::test]
async fn those_who_wait_are_written_down_together() {
    let slow = Arc::new(Slow::default());
    let store = Arc::new(MemoryAttempts::with_journal(100, slow.clone(), NOW).await.expect("no fault"));
    let (gate, _) = gate(&store);
    let mut reserved = Vec::new();
    for number in 0..50 {
        let key = format!("account {}", number % 40);
        reserved.push(gate.reserve(vec![budget(&key)]).await.expect("no fault").expect("a place"));
    }
    let turn = slow.turn.lock().await;
    let mut failing: Vec<_> = reserved.into_iter().map(|one| Box::pin(one.failed())).collect();
    // All are at the journal, or in the queue for it.
    for one in &mut failing {
        assert!(futures_util::poll!(one.as_mut()).is_pending());
    }
    let given_up = failing.remove(0);
    drop(turn);
    // The one that was writing hangs up: its keys are written by the next.
    drop(given_up);
    for one in failing {
        one.await.expect("written");
    }
    assert_eq!(slow.asked.load(std::sync::atomic::Ordering::SeqCst), 2);
    let rows = slow.paper.rows.lock().expect("test");
    assert_eq!(rows.len(), 40);
    assert_eq!(rows["account 0"].kept.len(), 2);
}
