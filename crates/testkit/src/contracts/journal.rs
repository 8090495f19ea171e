//! The contract of [`AttemptJournal`]: what is recorded is loaded again, whole, until it has expired.

use std::sync::Arc;
use std::time::Duration;

use backends::memory::attempts::{AttemptJournal, JournaledKey};
use hardening::clock::{Clock as _, SystemClock, Timestamp};

use super::fresh_name;

const MINUTE: Duration = Duration::from_mins(1);
const MICROSECOND: Duration = Duration::from_micros(1);

type Journal = Arc<dyn AttemptJournal>;

/// Runs every check.
pub async fn all(journal: Arc<dyn AttemptJournal>) {
    what_is_recorded_is_loaded(&journal).await;
    recording_again_replaces(&journal).await;
    an_empty_key_is_deleted(&journal).await;
    expired_keys_are_not_loaded(&journal).await;
    keys_never_mix(&journal).await;
}

/// Entries in order, equal ones each, and the lock.
pub async fn what_is_recorded_is_loaded(journal: &Journal) {
    let now = SystemClock.now();
    let mut locked = key(now);
    locked.blocked_until = Some(now + MINUTE * 15);
    let only_lock = JournaledKey { kept: vec![], ..key_like(&locked) };
    let mut many = key(now);
    many.kept = (0..25).map(|number| now + MICROSECOND * (number / 2)).collect();
    let keys = [locked, only_lock, many, key(now)];
    record(journal, &keys).await;
    for key in &keys {
        assert_eq!(loaded(journal, &key.key, now).await.as_ref(), Some(key));
    }
}

/// The newest state is the only one.
pub async fn recording_again_replaces(journal: &Journal) {
    let now = SystemClock.now();
    let mut key = key(now);
    key.blocked_until = Some(now + MINUTE);
    record(journal, std::slice::from_ref(&key)).await;
    key.kept.truncate(1);
    key.blocked_until = None;
    key.expires_at = now + MINUTE * 2;
    record(journal, std::slice::from_ref(&key)).await;
    assert_eq!(loaded(journal, &key.key, now).await, Some(key));
}

/// A lifted lock does not come back, and nothing happens to other keys.
pub async fn an_empty_key_is_deleted(journal: &Journal) {
    let now = SystemClock.now();
    let [mut gone, stays] = [key(now), key(now)];
    record(journal, &[gone.clone(), stays.clone()]).await;
    gone.kept.clear();
    record(journal, &[gone.clone()]).await;
    assert_eq!(loaded(journal, &gone.key, now).await, None);
    assert_eq!(loaded(journal, &stays.key, now).await, Some(stays));
    record(journal, &[]).await;
}

/// To the microsecond.
pub async fn expired_keys_are_not_loaded(journal: &Journal) {
    let now = SystemClock.now();
    let key = key(now);
    record(journal, std::slice::from_ref(&key)).await;
    assert!(loaded(journal, &key.key, key.expires_at - MICROSECOND).await.is_some());
    assert_eq!(loaded(journal, &key.key, key.expires_at).await, None);
}

/// Keys that look like rows of each other stay apart.
pub async fn keys_never_mix(journal: &Journal) {
    let now = SystemClock.now();
    let plain = key(now);
    let mut keys: Vec<JournaledKey> = ["#0", "#lock", "#", "'", "%", "é"]
        .map(|end| JournaledKey { key: format!("{}{end}", plain.key), ..plain.clone() })
        .to_vec();
    keys.push(plain);
    record(journal, &keys).await;
    for key in &keys {
        assert_eq!(loaded(journal, &key.key, now).await.as_ref(), Some(key));
    }
}

fn key(now: Timestamp) -> JournaledKey {
    JournaledKey {
        key: fresh_name(),
        kept: vec![now - MINUTE, now - MICROSECOND, now],
        blocked_until: None,
        expires_at: now + MINUTE * 20,
    }
}

fn key_like(other: &JournaledKey) -> JournaledKey {
    JournaledKey { key: fresh_name(), ..other.clone() }
}

async fn record(journal: &Journal, keys: &[JournaledKey]) {
    journal.record(keys).await.expect("no fault");
}

async fn loaded(journal: &Journal, key: &str, now: Timestamp) -> Option<JournaledKey> {
    let mut found = journal.load(now).await.expect("no fault");
    found.retain(|journaled| journaled.key == key);
    assert!(found.len() <= 1, "a key is one entry");
    found.pop()
}
