//! [`MemoryQuotas`]: traffic limits in process.
//!
//! A key is kept as a keyed 128-bit digest with one number, whatever its length, so that the memory of a
//! million clients is known beforehand. When a shard is full of keys that are not idle, new keys share one
//! budget a quota: they get less than their own, nobody gets more.

use std::collections::HashMap;
use std::collections::hash_map::RandomState;
use std::hash::BuildHasher as _;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use hardening::clock::Timestamp;
use hardening::fault::Fault;
use hardening::rate_limit::{Decision, Quota, QuotaStore, gcra};

/// A power of two, so that a few bits of the digest choose.
const SHARDS: usize = 16;
/// A full shard is searched for idle keys no more often than this.
const SWEEP_PAUSE: Duration = Duration::from_secs(1);
/// Below this many keys a shard is not worth searching.
const SMALL: usize = 256;

/// Bounded, sharded GCRA state.
pub struct MemoryQuotas {
    shards: Vec<Mutex<Shard>>,
    hashers: [RandomState; 2],
    max_keys_a_shard: usize,
}

#[derive(Default)]
struct Shard {
    /// Digest of the key → when its budget is whole again, in microseconds.
    whole_at: HashMap<u128, i64>,
    /// Budgets that keys share when there is no room for them; as many as there are different quotas.
    shared: HashMap<Quota, i64>,
    sweep_at_len: usize,
    next_sweep: Timestamp,
}

/// Where a key's number is.
#[derive(Clone, Copy)]
struct Place {
    shard: usize,
    digest: u128,
    quota: Quota,
}

impl MemoryQuotas {
    /// For at most `max_keys` keys, about 40 bytes each.
    pub fn new(max_keys: usize) -> Self {
        Self {
            shards: (0..SHARDS).map(|_| Mutex::default()).collect(),
            hashers: [RandomState::new(), RandomState::new()],
            max_keys_a_shard: max_keys.div_ceil(SHARDS).max(1),
        }
    }

    /// How many keys are remembered right now.
    pub fn len(&self) -> usize {
        self.shards.iter().map(|shard| lock(shard).whole_at.len()).sum()
    }

    /// Whether no key is remembered.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// [`QuotaStore::take`] for callers that need not wait.
    pub fn take_now(&self, keys: &[(String, Quota)], now: Timestamp) -> Decision {
        match keys {
            [(key, quota)] => self.take_one(&self.place_of(key, *quota), now),
            keys => self.take_all(keys, now),
        }
    }

    fn take_one(&self, place: &Place, now: Timestamp) -> Decision {
        let mut shard = lock(&self.shards[place.shard]);
        let slot = shard.slot_of(place, self.max_keys_a_shard, now);
        let (after, decision) = gcra::take(shard.get(slot), place.quota, now);
        if decision.allowed {
            shard.set(slot, after);
        }
        decision
    }

    fn take_all(&self, keys: &[(String, Quota)], now: Timestamp) -> Decision {
        let places: Vec<Place> = keys.iter().map(|(key, quota)| self.place_of(key, *quota)).collect();
        let mut order: Vec<usize> = places.iter().map(|place| place.shard).collect();
        order.sort_unstable();
        order.dedup();
        // Locks are taken in the order of the shards, so that two requests never wait for each other.
        let mut guards: Vec<MutexGuard<'_, Shard>> = Vec::with_capacity(order.len());
        guards.extend(order.iter().map(|&index| lock(&self.shards[index])));
        let mut tightest = None::<Decision>;
        let mut taken = Vec::with_capacity(places.len());
        for (policy, place) in places.iter().enumerate() {
            let Ok(guard) = order.binary_search(&place.shard) else { continue };
            let shard = &mut guards[guard];
            let slot = shard.slot_of(place, self.max_keys_a_shard, now);
            let (after, decision) = gcra::take(shard.get(slot), place.quota, now);
            let decision = Decision { policy, ..decision };
            tightest = Some(tightest.map_or(decision, |earlier| earlier.tighter(decision)));
            taken.push((guard, slot, after));
        }
        let tightest = tightest.unwrap_or_else(|| Decision::unlimited(now));
        if tightest.allowed {
            for (guard, slot, after) in taken {
                guards[guard].set(slot, after);
            }
        }
        tightest
    }

    fn place_of(&self, key: &str, quota: Quota) -> Place {
        let [low, high] = [0, 1].map(|half: usize| self.hashers[half].hash_one(key));
        let digest = (u128::from(high) << 64) | u128::from(low);
        let shard = usize::try_from(low % SHARDS as u64).unwrap_or(0);
        Place { shard, digest, quota }
    }
}

#[async_trait]
impl QuotaStore for MemoryQuotas {
    async fn take(&self, keys: &[(String, Quota)], now: Timestamp) -> Result<Decision, Fault> {
        Ok(self.take_now(keys, now))
    }

    fn take_at_once(&self, keys: &[(String, Quota)], now: Timestamp) -> Option<Decision> {
        Some(self.take_now(keys, now))
    }
}

#[derive(Clone, Copy)]
enum Slot {
    Own(u128),
    Shared(Quota),
}

impl Shard {
    /// The key's own slot if it has one or there is room for it, else the shared one.
    fn slot_of(&mut self, place: &Place, max_keys: usize, now: Timestamp) -> Slot {
        if self.whole_at.contains_key(&place.digest) {
            return Slot::Own(place.digest);
        }
        let len = self.whole_at.len();
        let grown = len >= self.sweep_at_len.max(SMALL);
        if (grown || len >= max_keys) && now >= self.next_sweep {
            self.whole_at.retain(|_, whole_at| *whole_at > now.micros());
            self.sweep_at_len = self.whole_at.len() * 2;
            self.next_sweep = now + SWEEP_PAUSE;
        }
        if self.whole_at.len() < max_keys { Slot::Own(place.digest) } else { Slot::Shared(place.quota) }
    }

    fn get(&self, slot: Slot) -> Option<i64> {
        match slot {
            Slot::Own(digest) => self.whole_at.get(&digest).copied(),
            Slot::Shared(quota) => self.shared.get(&quota).copied(),
        }
    }

    fn set(&mut self, slot: Slot, whole_at: i64) {
        match slot {
            Slot::Own(digest) => self.whole_at.insert(digest, whole_at),
            Slot::Shared(quota) => self.shared.insert(quota, whole_at),
        };
    }
}

// A number is written in one step, so a poisoned lock is still sound.
fn lock(shard: &Mutex<Shard>) -> MutexGuard<'_, Shard> {
    shard.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::Arc;

    const QUOTA: Quota = Quota { limit: 3, window: Duration::from_mins(1) };

    fn keys(key: usize) -> Vec<(String, Quota)> {
        vec![(format!("rate_limit:{{ip:{key}}}:/api/*"), QUOTA)]
    }

    #[tokio::test]
    async fn keeps_the_contract_of_quota_stores() {
        testkit::contracts::quotas::all(Arc::new(MemoryQuotas::new(10_000))).await;
    }

    #[test]
    fn memory_is_bounded_and_newcomers_get_less_not_more() {
        let (store, now) = (MemoryQuotas::new(160), Timestamp::from_unix_seconds(1_000));
        let allowed = (0..10_000).filter(|&key| store.take_now(&keys(key), now).allowed).count();
        assert!(store.len() <= 160 + SHARDS, "{}", store.len());
        assert!(allowed <= 160 + SHARDS + SHARDS * 3, "{allowed}");
        assert!(!store.take_now(&keys(99_999), now).allowed, "no unlimited newcomer");
    }

    #[test]
    fn idle_keys_make_room() {
        let (store, now) = (MemoryQuotas::new(160), Timestamp::from_unix_seconds(1_000));
        for key in 0..10_000 {
            store.take_now(&keys(key), now);
        }
        let later = now + Duration::from_secs(61);
        let allowed = (20_000..20_030).filter(|&key| store.take_now(&keys(key), later).allowed).count();
        assert_eq!(allowed, 30);
    }

    #[test]
    fn a_key_under_its_limit_is_not_evicted_by_a_flood() {
        let (store, now) = (MemoryQuotas::new(1_600), Timestamp::from_unix_seconds(1_000));
        for _ in 0..3 {
            assert!(store.take_now(&keys(0), now).allowed);
        }
        for key in 1..20_000 {
            store.take_now(&keys(key), now + Duration::from_secs(2));
        }
        assert!(!store.take_now(&keys(0), now + Duration::from_secs(2)).allowed);
    }
}
