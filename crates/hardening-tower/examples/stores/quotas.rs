//! Quotas in a map, counted in fixed windows: enough to see the layer at work, and for tests. A real store
//! is bounded and spreads its limits evenly.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use async_trait::async_trait;
use hardening::clock::Timestamp;
use hardening::fault::Fault;
use hardening::rate_limit::{Decision, Quota, QuotaStore};

/// The store: under each key the start of its window and what was taken since.
#[derive(Debug, Default)]
pub(crate) struct QuotaMap(Mutex<HashMap<String, (Timestamp, u32)>>);

#[async_trait]
impl QuotaStore for QuotaMap {
    async fn take(&self, keys: &[(String, Quota)], now: Timestamp) -> Result<Decision, Fault> {
        let mut taken = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let mut tightest = Decision::unlimited(now);
        for (policy, (key, quota)) in keys.iter().enumerate() {
            let (start, count) =
                taken.get(key).copied().filter(|(s, _)| now < *s + quota.window).unwrap_or((now, 0));
            let reset_at = start + quota.window;
            let allowed = count < quota.limit;
            tightest = tightest.tighter(Decision {
                allowed,
                limit: quota.limit,
                remaining: quota.limit.saturating_sub(count + 1),
                window: quota.window,
                reset_at,
                retry_after: (!allowed).then(|| reset_at.since(now)),
                policy,
            });
        }
        if tightest.allowed {
            for (key, quota) in keys {
                let window = taken.entry(key.clone()).or_insert((now, 0));
                if now >= window.0 + quota.window {
                    *window = (now, 0);
                }
                window.1 += 1;
            }
        }
        Ok(tightest)
    }
}
