//! [`MemorySessions`]: the sessions of one process.
//!
//! * A person's sessions lie together: every verb is one lock and work in the number of that person's sessions.
//! * Bounded by what `create` allows each person; what has expired goes when it is met, and by
//!   [`MemorySessions::sweep`].
//! * A million sessions of a million people take less than 300 MB, with addresses of usual length (measured).

use std::collections::HashMap;
use std::hash::{BuildHasher, RandomState};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;
use hardening::clock::Timestamp;
use hardening::fault::Fault;
use hardening::session::{Session, SessionId, SessionStore};

use super::sessions_cache::Known;
use super::sessions_recent::RecentSessions;
use super::sessions_record::{Commons, CompactSession, IdBytes, PersonKey};

/// So that the tables of a million people have not just grown, which would leave half of each empty.
const SHARDS: usize = 160;
/// Up to here a person's list grows one by one, so that the usual few sessions waste no room.
const EXACT_GROWTH: usize = 8;

/// Sessions in memory, lost when the process ends.
pub struct MemorySessions {
    pub(super) shards: Box<[Mutex<Shard>]>,
    hasher: RandomState,
    pub(super) commons: Commons,
    pub(super) recent: RecentSessions,
    next_shard: AtomicUsize,
}

/// The sessions of some of the people; nobody's list is empty.
pub(super) type Shard = HashMap<PersonKey, Vec<CompactSession>>;

impl Default for MemorySessions {
    fn default() -> Self {
        Self::new()
    }
}

impl MemorySessions {
    /// None yet.
    pub fn new() -> Self {
        Self {
            shards: (0..SHARDS).map(|_| Mutex::default()).collect(),
            hasher: RandomState::new(),
            commons: Commons::default(),
            recent: RecentSessions::default(),
            next_shard: AtomicUsize::new(0),
        }
    }

    /// Removes what has expired at `now`, looking at about `budget` sessions and going on from there at the
    /// next call. Returns how many were removed.
    pub fn sweep(&self, now: Timestamp, budget: usize) -> usize {
        let (mut looked, mut removed) = (0, 0);
        for _ in 0..SHARDS {
            if looked >= budget {
                break;
            }
            let index = self.next_shard.fetch_add(1, Ordering::Relaxed) % SHARDS;
            let mut shard = lock(&self.shards[index]);
            shard.retain(|_, sessions| {
                looked += sessions.len();
                removed += remove(sessions, |session| !session.is_live(now)).len();
                !sessions.is_empty()
            });
            if shard.len() < shard.capacity() / 4 {
                shard.shrink_to_fit();
            }
        }
        removed
    }

    /// How many sessions are held, expired ones that nobody met yet included.
    pub fn len(&self) -> usize {
        self.shards.iter().map(|shard| lock(shard).values().map(Vec::len).sum::<usize>()).sum()
    }

    /// Whether none is held.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    pub(super) fn create_bounded(
        &self,
        session: &Session,
        max: Option<u32>,
    ) -> Result<Vec<SessionId>, Fault> {
        let mut packed = CompactSession::pack(session, &self.commons)
            .ok_or_else(|| Fault::internal("a session id that no store can hold"))?;
        let key = PersonKey::of(&session.person_id);
        let mut shard = self.shard(&key);
        let sessions = shard.entry(key).or_default();
        if sessions.iter().any(|other| other.id == packed.id) {
            return Err(Fault::internal("a session id was used twice"));
        }
        sessions.retain(|other| other.is_live(session.created_at));
        let displaced =
            max.map_or_else(Vec::new, |max| displaced_by_one_more(sessions, session.created_at, max));
        for id in &displaced {
            remove_one(sessions, id);
        }
        packed.share_email(sessions);
        if sessions.len() < EXACT_GROWTH {
            sessions.reserve_exact(1);
        }
        sessions.push(packed);
        Ok(displaced)
    }

    /// Runs `act` on the person's sessions; a person left without any is forgotten.
    pub(super) fn with_person<T>(
        &self,
        person_id: &str,
        act: impl FnOnce(Option<&mut Vec<CompactSession>>) -> T,
    ) -> T {
        let key = PersonKey::of(person_id);
        let mut shard = self.shard(&key);
        let sessions = shard.get_mut(&key);
        let Some(sessions) = sessions else { return act(None) };
        let outcome = act(Some(&mut *sessions));
        if sessions.is_empty() {
            shard.remove(&key);
        }
        outcome
    }

    pub(super) fn shard(&self, key: &PersonKey) -> MutexGuard<'_, Shard> {
        let hash = self.hasher.hash_one(key);
        lock(&self.shards[usize::try_from(hash % SHARDS as u64).unwrap_or(0)])
    }
}

#[async_trait]
impl SessionStore for MemorySessions {
    /// The new one itself is never displaced, not even by a bound of zero or a clock that went back.
    async fn create(&self, session: &Session, max_per_person: u32) -> Result<Vec<SessionId>, Fault> {
        self.create_bounded(session, Some(max_per_person))
    }

    async fn resume(
        &self,
        person_id: &str,
        id: &SessionId,
        now: Timestamp,
    ) -> Result<Option<Session>, Fault> {
        match self.resume_known(person_id, id, now) {
            Known::Live(session) => Ok(Some(session)),
            Known::No | Known::NothingAboutThePerson => Ok(None),
        }
    }

    async fn mark_authenticated(
        &self,
        person_id: &str,
        id: &SessionId,
        at: Timestamp,
    ) -> Result<bool, Fault> {
        Ok(self.mark(person_id, id, at))
    }

    async fn end(&self, person_id: &str, id: &SessionId) -> Result<bool, Fault> {
        Ok(self.end_one(person_id, id))
    }

    async fn end_all_of(&self, person_id: &str, keep: Option<&SessionId>) -> Result<Vec<SessionId>, Fault> {
        Ok(self.end_all_but(person_id, keep))
    }

    async fn end_older_epochs(&self, person_id: &str, epoch: i64) -> Result<Vec<SessionId>, Fault> {
        Ok(self.end_older(person_id, epoch))
    }

    async fn list_of(&self, person_id: &str, now: Timestamp) -> Result<Vec<Session>, Fault> {
        let mut live: Vec<Session> = self.with_person(person_id, |sessions| {
            let Some(sessions) = sessions else { return Vec::new() };
            sessions.retain(|session| session.is_live(now));
            sessions.iter().map(|session| session.unpack(person_id)).collect()
        });
        live.sort_by(|a, b| (b.created_at, &b.id).cmp(&(a.created_at, &a.id)));
        Ok(live)
    }
}

// The critical sections do not panic half way, so a poisoned lock is still sound.
pub(super) fn lock(shard: &Mutex<Shard>) -> MutexGuard<'_, Shard> {
    shard.lock().unwrap_or_else(PoisonError::into_inner)
}

pub(super) fn find(sessions: &[CompactSession], id: &SessionId) -> Option<usize> {
    let id = IdBytes::of(id)?;
    sessions.iter().position(|session| session.id == id)
}

pub(super) fn remove_one(sessions: &mut Vec<CompactSession>, id: &SessionId) -> bool {
    find(sessions, id).map(|index| sessions.swap_remove(index)).is_some()
}

pub(super) fn remove(
    sessions: &mut Vec<CompactSession>,
    goes: impl Fn(&CompactSession) -> bool,
) -> Vec<SessionId> {
    sessions.extract_if(.., |session| goes(session)).map(|session| session.id.to_id()).collect()
}

/// The oldest of the live ones, so many that one more makes `max` at most. Equally old ones go by their text.
pub(super) fn displaced_by_one_more(sessions: &[CompactSession], now: Timestamp, max: u32) -> Vec<SessionId> {
    let room = usize::try_from(max).unwrap_or(usize::MAX).saturating_sub(1);
    let live: Vec<&CompactSession> = sessions.iter().filter(|session| session.is_live(now)).collect();
    let surplus = live.len().saturating_sub(room);
    if surplus == 0 {
        return Vec::new();
    }
    let mut by_age: Vec<_> = live.iter().map(|session| (session.created_at, session.id.to_id())).collect();
    by_age.sort();
    by_age.into_iter().take(surplus).map(|(_, id)| id).collect()
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use hardening::entropy::OsEntropy;
    use hardening::session::{Assurance, ClientDescription};

    use super::*;

    fn session(person: usize, lives_for: u64) -> Session {
        let start = Timestamp::from_unix_seconds(1_000);
        Session {
            id: SessionId::generate(&OsEntropy),
            person_id: format!("person_{person}"),
            org_id: "org_1".into(),
            email: format!("p{person}@example.com"),
            roles: vec![],
            assurance: Assurance::Password,
            credential_epoch: 0,
            created_at: start,
            authenticated_at: start,
            last_activity: start,
            expires_at: start + Duration::from_secs(lives_for),
            idle_timeout: Duration::ZERO,
            client: ClientDescription::default(),
        }
    }

    #[tokio::test]
    async fn sweeping_step_by_step_removes_the_expired_and_nothing_else() {
        let store = MemorySessions::new();
        for person in 0..1_000 {
            store.create(&session(person, 10), 5).await.expect("memory");
            store.create(&session(person, 20), 5).await.expect("memory");
        }
        let now = Timestamp::from_unix_seconds(1_010);
        let first = store.sweep(now, 100);
        assert!((50..=500).contains(&first), "a budget bounds the step: {first}");
        let mut removed = first;
        for _ in 0..40 {
            removed += store.sweep(now, 100);
        }
        assert_eq!((removed, store.len()), (1_000, 1_000));
        while store.sweep(Timestamp::from_unix_seconds(1_020), 1_000) > 0 {}
        assert!(store.is_empty());
        assert!(store.shards.iter().all(|shard| lock(shard).is_empty()), "nobody's list is empty");
    }

    #[tokio::test]
    async fn what_is_taken_to_be_written_down_is_taken_once() {
        let store = MemorySessions::new();
        let session = session(1, 100);
        store.create(&session, 5).await.expect("memory");
        let all = || (0..store.shards()).flat_map(|shard| store.take_touched(shard)).collect::<Vec<_>>();
        assert_eq!(all(), [], "creating is written down by whoever creates");
        let now = session.created_at + Duration::from_secs(5);
        store.resume("person_1", &session.id, now).await.expect("memory").expect("live");
        let taken = all();
        assert_eq!(taken.iter().map(|t| (&t.id, t.last_activity)).collect::<Vec<_>>(), [(&session.id, now)]);
        assert_eq!(all(), []);
        store.touch_again(&taken);
        assert_eq!(all(), taken);
    }

    #[tokio::test]
    async fn people_with_one_address_and_few_sessions_take_no_spare_room() {
        let store = MemorySessions::new();
        for _ in 0..3 {
            store.create(&session(1, 100), 5).await.expect("memory");
        }
        let key = PersonKey::of("person_1");
        let shard = store.shard(&key);
        assert_eq!(shard[&key].capacity(), 3);
    }
}
