//! Sessions that were used of late, in the form that requests need: unpacking one takes a dozen allocations, and a session
//! that is used once is mostly used again.

use std::sync::{Arc, Mutex, PoisonError};

use hardening::session::{Session, SessionId};

use super::sessions_record::CompactSession;

/// Places; a session has one of them, by its id. A million sessions do not need more than those in use.
const PLACES: usize = 1024;

/// Unpacked sessions, some hundred bytes each. Whoever asks has found the session alive: nothing here tells that.
pub(super) struct RecentSessions(Box<[Mutex<Option<Arc<Session>>>]>);

impl Default for RecentSessions {
    fn default() -> Self {
        Self((0..PLACES).map(|_| Mutex::default()).collect())
    }
}

impl RecentSessions {
    /// The session unpacked. Only its last activity may be an earlier one.
    pub(super) fn shared(&self, session: &CompactSession, id: &SessionId, person_id: &str) -> Arc<Session> {
        let mut place = self.0[session.id.choose(PLACES)].lock().unwrap_or_else(PoisonError::into_inner);
        match &*place {
            Some(known) if session.is_told_by(known) && known.id == *id && known.person_id == person_id => {
                Arc::clone(known)
            }
            _ => {
                let fresh = Arc::new(session.unpack_as(id.clone(), person_id));
                *place = Some(Arc::clone(&fresh));
                fresh
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use hardening::clock::Timestamp;
    use hardening::session::Assurance;

    use super::super::sessions::MemorySessions;
    use super::super::sessions_cache::Known;
    use super::*;

    const NOW: Timestamp = Timestamp::from_unix_seconds(1_000);

    fn shared(memory: &MemorySessions, session: &Session, at: Timestamp) -> Option<Arc<Session>> {
        match memory.resume_shared(&session.person_id, &session.id, at) {
            Known::Live(session) => Some(session),
            Known::No | Known::NothingAboutThePerson => None,
        }
    }

    #[test]
    fn a_session_in_use_is_one_value_that_tells_what_changed() {
        let (memory, session) =
            (MemorySessions::new(), testkit::contracts::sessions::session_of("person_1", NOW));
        memory.put(&session).expect("stored");
        let first = shared(&memory, &session, NOW).expect("live");
        assert_eq!(*first, session);
        let later = NOW + Duration::from_secs(1);
        let second = shared(&memory, &session, later).expect("live");
        assert!(Arc::ptr_eq(&first, &second));
        assert!(memory.mark(&session.person_id, &session.id, later));
        let marked = shared(&memory, &session, later).expect("live");
        assert_eq!(marked.authenticated_at, later);
    }

    #[test]
    fn an_ended_session_is_not_shared_and_a_new_standing_is_told() {
        let (memory, session) =
            (MemorySessions::new(), testkit::contracts::sessions::session_of("person_1", NOW));
        memory.put(&session).expect("stored");
        assert!(shared(&memory, &session, NOW).is_some());
        assert!(memory.end_one(&session.person_id, &session.id));
        assert!(shared(&memory, &session, NOW).is_none());
        // As another process may have changed it in SQL.
        let other = Session {
            roles: vec!["other".into()],
            credential_epoch: session.credential_epoch + 1,
            assurance: Assurance::TwoFactor,
            ..session
        };
        memory.adopt(&other.person_id, std::slice::from_ref(&other));
        assert_eq!(*shared(&memory, &other, NOW).expect("live"), other);
    }
}
