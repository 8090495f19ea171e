//! What a store that keeps its sessions elsewhere needs of [`MemorySessions`] as its cache: to know what is
//! *not* known, to decide before it changes, and to learn which activity is not written down yet.
//!
//! The rule both sides rely on: a person who is known at all is known wholly.

use std::sync::Arc;

use hardening::clock::Timestamp;
use hardening::fault::Fault;
use hardening::session::{Session, SessionId};

use super::sessions::{MemorySessions, displaced_by_one_more, find, lock, remove, remove_one};
use super::sessions_record::{CompactSession, IdBytes, PersonKey};

/// What memory knows of a session.
#[derive(Debug)]
pub(crate) enum Known<T> {
    /// It is live, and was touched.
    Live(T),
    /// The person has others, but not this one; or it has just expired.
    No,
    /// There is nothing about this person.
    NothingAboutThePerson,
}

/// A last activity that is not written down yet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Touched {
    pub(crate) person_id: String,
    pub(crate) id: SessionId,
    pub(crate) last_activity: Timestamp,
}

impl MemorySessions {
    /// The session, touched, or how sure it is that there is none.
    pub(crate) fn resume_known(&self, person_id: &str, id: &SessionId, now: Timestamp) -> Known<Session> {
        self.touched(person_id, id, now, |session| session.unpack_as(id.clone(), person_id))
    }

    /// The same, shared with other requests of the session; its last activity may be an earlier one.
    pub(crate) fn resume_shared(
        &self,
        person_id: &str,
        id: &SessionId,
        now: Timestamp,
    ) -> Known<Arc<Session>> {
        self.touched(person_id, id, now, |session| self.recent.shared(session, id, person_id))
    }

    fn touched<T>(
        &self,
        person_id: &str,
        id: &SessionId,
        now: Timestamp,
        unpacked: impl FnOnce(&CompactSession) -> T,
    ) -> Known<T> {
        self.with_person(person_id, |sessions| {
            let Some(sessions) = sessions else { return Known::NothingAboutThePerson };
            match find(sessions, id) {
                Some(index) if sessions[index].is_live(now) => {
                    let session = &mut sessions[index];
                    // Requests may overtake each other; activity never goes back.
                    session.last_activity = session.last_activity.max(now);
                    session.touched = true;
                    Known::Live(unpacked(session))
                }
                Some(index) => {
                    sessions.swap_remove(index);
                    Known::No
                }
                None => Known::No,
            }
        })
    }

    /// Whether there is anything about this person.
    pub(crate) fn knows(&self, person_id: &str) -> bool {
        self.with_person(person_id, |sessions| sessions.is_some())
    }

    /// Whether the person has this session, live or not.
    pub(crate) fn has(&self, person_id: &str, id: &SessionId) -> bool {
        self.with_person(person_id, |sessions| sessions.is_some_and(|all| find(all, id).is_some()))
    }

    /// Replaces all that is known of a person; sessions whose id is malformed are left out.
    pub(crate) fn adopt(&self, person_id: &str, sessions: &[Session]) {
        let mut packed: Vec<CompactSession> = Vec::with_capacity(sessions.len());
        for session in sessions {
            if let Some(mut session) = CompactSession::pack(session, &self.commons) {
                session.share_email(&packed);
                packed.push(session);
            }
        }
        let key = PersonKey::of(person_id);
        let mut shard = self.shard(&key);
        if packed.is_empty() {
            shard.remove(&key);
        } else {
            shard.insert(key, packed);
        }
    }

    /// Drops all that is known of a person.
    pub(crate) fn forget(&self, person_id: &str) {
        let key = PersonKey::of(person_id);
        self.shard(&key).remove(&key);
    }

    /// Which sessions [`SessionStore::create`] at `now` would displace.
    pub(crate) fn surplus(&self, person_id: &str, now: Timestamp, max_per_person: u32) -> Vec<SessionId> {
        self.with_person(person_id, |sessions| {
            sessions.map_or_else(Vec::new, |all| displaced_by_one_more(all, now, max_per_person))
        })
    }

    /// Ends one; false when there was none.
    pub(crate) fn end_one(&self, person_id: &str, id: &SessionId) -> bool {
        self.with_person(person_id, |sessions| sessions.is_some_and(|all| remove_one(all, id)))
    }

    /// Ends all but the one to keep.
    pub(crate) fn end_all_but(&self, person_id: &str, keep: Option<&SessionId>) -> Vec<SessionId> {
        let keep = keep.and_then(IdBytes::of);
        self.with_person(person_id, |sessions| {
            sessions.map_or_else(Vec::new, |all| remove(all, |session| Some(session.id) != keep))
        })
    }

    /// Ends those of an older credential epoch.
    pub(crate) fn end_older(&self, person_id: &str, epoch: i64) -> Vec<SessionId> {
        self.with_person(person_id, |sessions| {
            sessions.map_or_else(Vec::new, |all| remove(all, |session| session.credential_epoch() < epoch))
        })
    }

    /// Whether the person has a session of an older credential epoch.
    pub(crate) fn has_older(&self, person_id: &str, epoch: i64) -> bool {
        self.with_person(person_id, |sessions| {
            sessions.is_some_and(|all| all.iter().any(|session| session.credential_epoch() < epoch))
        })
    }

    /// As [`SessionStore::mark_authenticated`].
    pub(crate) fn mark(&self, person_id: &str, id: &SessionId, at: Timestamp) -> bool {
        self.with_person(person_id, |sessions| {
            let session = sessions.and_then(|all| find(all, id).map(|index| &mut all[index]));
            let Some(session) = session.filter(|session| session.is_live(at)) else { return false };
            session.authenticated_at = at;
            true
        })
    }

    /// Whether it could be marked at `at`.
    pub(crate) fn is_live(&self, person_id: &str, id: &SessionId, at: Timestamp) -> bool {
        self.with_person(person_id, |sessions| {
            sessions.is_some_and(|all| find(all, id).is_some_and(|index| all[index].is_live(at)))
        })
    }

    /// Puts one more beside the person's others.
    pub(crate) fn put(&self, session: &Session) -> Result<(), Fault> {
        self.create_bounded(session, None).map(|_| ())
    }

    /// The last activities of one shard that are not written down; they count as written from now on.
    pub(crate) fn take_touched(&self, shard: usize) -> Vec<Touched> {
        let mut touched = Vec::new();
        for (key, sessions) in &mut *lock(&self.shards[shard]) {
            for session in sessions.iter_mut().filter(|session| session.touched) {
                session.touched = false;
                touched.push(Touched {
                    person_id: key.to_text(),
                    id: session.id.to_id(),
                    last_activity: session.last_activity,
                });
            }
        }
        touched
    }

    /// Takes back that these were written down.
    pub(crate) fn touch_again(&self, touched: &[Touched]) {
        for one in touched {
            self.with_person(&one.person_id, |sessions| {
                if let Some(all) = sessions
                    && let Some(index) = find(all, &one.id)
                {
                    all[index].touched = true;
                }
            });
        }
    }

    /// How many parts [`MemorySessions::take_touched`] has.
    pub(crate) fn shards(&self) -> usize {
        self.shards.len()
    }
}
