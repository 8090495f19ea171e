//! [`FallbackQuotas`]: traffic limits go on, node by node, while Redis is away.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use async_trait::async_trait;
use hardening::clock::Timestamp;
use hardening::fault::Fault;
use hardening::rate_limit::{Decision, Quota, QuotaStore};

use crate::memory::quotas::MemoryQuotas;

/// Asks the shared store, and while that is away a local one, which gives half of each limit: it does not know what was
/// already taken, nor what other nodes give. Never unlimited. Not for credentials: those need the shared store.
pub struct FallbackQuotas {
    shared: Arc<dyn QuotaStore>,
    local: MemoryQuotas,
    degraded: AtomicBool,
}

impl FallbackQuotas {
    /// `local` decides when `shared` cannot.
    pub fn new(shared: Arc<dyn QuotaStore>, local: MemoryQuotas) -> Self {
        Self { shared, local, degraded: AtomicBool::new(false) }
    }

    /// Whether the last request was decided locally.
    pub fn is_degraded(&self) -> bool {
        self.degraded.load(Ordering::Relaxed)
    }

    /// Whether this is a change, which is worth a line in the log.
    fn becomes(&self, degraded: bool) -> bool {
        self.is_degraded() != degraded && self.degraded.swap(degraded, Ordering::Relaxed) != degraded
    }
}

#[async_trait]
impl QuotaStore for FallbackQuotas {
    async fn take(&self, keys: &[(String, Quota)], now: Timestamp) -> Result<Decision, Fault> {
        match self.shared.take(keys, now).await {
            Ok(decision) => {
                if self.becomes(false) {
                    tracing::info!("traffic limits are shared again");
                }
                Ok(decision)
            }
            Err(fault @ (Fault::Unavailable { .. } | Fault::Uncertain { .. })) => {
                if self.becomes(true) {
                    tracing::warn!(%fault, "traffic limits are counted on this node alone");
                }
                let halved: Vec<_> = keys.iter().map(|(key, quota)| (key.clone(), half(*quota))).collect();
                Ok(self.local.take_now(&halved, now))
            }
            Err(fault) => Err(fault),
        }
    }
}

fn half(quota: Quota) -> Quota {
    Quota { limit: (quota.limit / 2).max(1), ..quota }
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;
    use std::time::Duration;

    use super::*;

    /// A shared store that does what the test says.
    struct Scripted(Mutex<Result<(), Fault>>);

    #[async_trait]
    impl QuotaStore for Scripted {
        async fn take(&self, _: &[(String, Quota)], now: Timestamp) -> Result<Decision, Fault> {
            self.0.lock().unwrap().clone().map(|()| Decision::unlimited(now))
        }
    }

    #[tokio::test]
    async fn while_the_shared_store_is_away_half_the_limit_applies_here() {
        let shared = Arc::new(Scripted(Mutex::new(Ok(()))));
        let store = FallbackQuotas::new(shared.clone(), MemoryQuotas::new(1_000));
        let now = Timestamp::from_unix_seconds(1_000);
        let keys = [("k".to_owned(), Quota { limit: 9, window: Duration::from_mins(1) })];
        assert!(store.take(&keys, now).await.unwrap().allowed && !store.is_degraded());
        *shared.0.lock().unwrap() = Err(Fault::unavailable("redis", "refused"));
        for left in [3, 2, 1, 0] {
            let decision = store.take(&keys, now).await.unwrap();
            assert_eq!((decision.allowed, decision.limit, decision.remaining), (true, 4, left));
            assert!(store.is_degraded());
        }
        assert!(!store.take(&keys, now).await.unwrap().allowed, "never unlimited");
        *shared.0.lock().unwrap() = Ok(());
        assert!(store.take(&keys, now).await.unwrap().allowed && !store.is_degraded());
    }

    #[tokio::test]
    async fn a_limit_of_one_stays_one_and_a_bug_is_not_an_absence() {
        let shared = Arc::new(Scripted(Mutex::new(Err(Fault::unavailable("redis", "refused")))));
        let store = FallbackQuotas::new(shared.clone(), MemoryQuotas::new(1_000));
        let now = Timestamp::from_unix_seconds(1_000);
        let keys = [("k".to_owned(), Quota { limit: 1, window: Duration::from_mins(1) })];
        assert!(store.take(&keys, now).await.unwrap().allowed);
        assert!(!store.take(&keys, now).await.unwrap().allowed);
        *shared.0.lock().unwrap() = Err(Fault::internal("bug"));
        assert!(store.take(&keys, now).await.is_err());
    }
}
