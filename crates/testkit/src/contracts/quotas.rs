//! The contract of [`QuotaStore`], races included.

use std::sync::Arc;
use std::time::Duration;

use hardening::clock::{Clock as _, Timestamp};
use hardening::rate_limit::{Decision, Quota, QuotaStore};

use super::{fresh_name, stopped_clock};

type Store = Arc<dyn QuotaStore>;

const QUOTA: Quota = Quota { limit: 5, window: Duration::from_mins(1) };
const STEP: Duration = Duration::from_secs(12);
const MICROSECOND: Duration = Duration::from_micros(1);

/// Runs every check.
pub async fn all(store: Arc<dyn QuotaStore>) {
    a_burst_of_the_limit_then_the_steady_rate(&store).await;
    one_exhausted_key_takes_nothing_from_the_others(&store).await;
    the_tightest_key_is_reported(&store).await;
    refusals_cost_nothing(&store).await;
    parallel_requests_never_exceed_the_limit(&store).await;
    without_keys_nothing_is_limited(&store).await;
    a_clock_that_is_set_back_locks_nobody_out(&store).await;
}

/// Counts down, refuses with the exact wait, and lets go on at that very moment.
pub async fn a_burst_of_the_limit_then_the_steady_rate(store: &Store) {
    let (key, now) = (key(), stopped_clock().now());
    for left in (0..5).rev() {
        let decision = take(store, &[&key], now).await;
        assert_eq!((decision.allowed, decision.remaining, decision.limit), (true, left, 5));
        assert_eq!(decision.retry_after, None);
    }
    let refused = take(store, &[&key], now).await;
    assert_eq!((refused.allowed, refused.remaining), (false, 0));
    assert_eq!((refused.retry_after, refused.reset_at), (Some(STEP), now + STEP));
    assert!(!take(store, &[&key], now + STEP - MICROSECOND).await.allowed, "not released early");
    assert!(take(store, &[&key], now + STEP).await.allowed);
    assert!(!take(store, &[&key], now + STEP).await.allowed);
}

/// All or nothing.
pub async fn one_exhausted_key_takes_nothing_from_the_others(store: &Store) {
    let (empty, full, now) = (key(), key(), stopped_clock().now());
    for _ in 0..5 {
        assert!(take(store, &[&empty], now).await.allowed);
    }
    for _ in 0..9 {
        let refused = take(store, &[&full, &empty], now).await;
        assert_eq!((refused.allowed, refused.policy), (false, 1));
    }
    assert_eq!(take(store, &[&full], now).await.remaining, 4);
}

/// The one with the fewest places left, by its position.
pub async fn the_tightest_key_is_reported(store: &Store) {
    let (wide, tight, now) = (key(), key(), stopped_clock().now());
    take(store, &[&tight], now).await;
    let decision = take(store, &[&wide, &tight], now).await;
    assert_eq!((decision.policy, decision.remaining), (1, 3));
    let keys = [(fresh_name(), QUOTA), (fresh_name(), Quota { limit: 2, window: Duration::from_secs(7) })];
    let decision = store.take(&keys, now).await.expect("no fault");
    assert_eq!((decision.policy, decision.limit, decision.window), (1, 2, Duration::from_secs(7)));
}

/// Who is refused and keeps trying is let in as early as who waits.
pub async fn refusals_cost_nothing(store: &Store) {
    let (key, now) = (key(), stopped_clock().now());
    for _ in 0..50 {
        take(store, &[&key], now).await;
    }
    assert!(take(store, &[&key], now + STEP).await.allowed);
}

/// However many arrive at once.
pub async fn parallel_requests_never_exceed_the_limit(store: &Store) {
    let (shared, now) = (key(), stopped_clock().now());
    let requests = (0..100).map(|_| {
        let (store, keys) = (Arc::clone(store), vec![(shared.clone(), QUOTA), (fresh_name(), QUOTA)]);
        tokio::spawn(async move { store.take(&keys, now).await.expect("no fault").allowed })
    });
    let mut allowed = 0;
    for request in requests.collect::<Vec<_>>() {
        allowed += u32::from(request.await.expect("no panic"));
    }
    assert_eq!(allowed, 5);
}

/// Nothing asked, nothing refused.
pub async fn without_keys_nothing_is_limited(store: &Store) {
    assert!(store.take(&[], stopped_clock().now()).await.expect("no fault").allowed);
}

/// Also not those who go on asking.
pub async fn a_clock_that_is_set_back_locks_nobody_out(store: &Store) {
    let (key, now) = (key(), stopped_clock().now());
    for _ in 0..6 {
        take(store, &[&key], now).await;
    }
    let back = now - Duration::from_mins(10);
    for left in (0..5).rev() {
        let decision = take(store, &[&key], back).await;
        assert_eq!((decision.allowed, decision.remaining), (true, left));
    }
    assert!(!take(store, &[&key], back).await.allowed, "the limit is as before");
}

fn key() -> String {
    format!("rate_limit:{{ip:{}}}:/contract", fresh_name())
}

async fn take(store: &Store, keys: &[&String], now: Timestamp) -> Decision {
    let keys: Vec<_> = keys.iter().map(|&key| (key.clone(), QUOTA)).collect();
    store.take(&keys, now).await.expect("no fault")
}
