//! Sessions in a map: enough for one process that may forget them, and for tests.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;
use hardening::clock::Timestamp;
use hardening::fault::Fault;
use hardening::session::{Session, SessionId, SessionStore};

/// The store.
#[derive(Debug, Default)]
pub(crate) struct SessionMap(Mutex<HashMap<SessionId, Session>>);

impl SessionMap {
    fn sessions(&self) -> MutexGuard<'_, HashMap<SessionId, Session>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[async_trait]
impl SessionStore for SessionMap {
    async fn create(&self, session: &Session, max_per_person: u32) -> Result<Vec<SessionId>, Fault> {
        self.sessions().insert(session.id.clone(), session.clone());
        let mine = self.list_of(&session.person_id, session.created_at).await?;
        let keep = usize::try_from(max_per_person).unwrap_or(usize::MAX);
        let too_many: Vec<_> = mine.into_iter().skip(keep).map(|s| s.id).collect();
        self.sessions().retain(|id, _| !too_many.contains(id));
        Ok(too_many)
    }

    async fn resume(&self, person: &str, id: &SessionId, now: Timestamp) -> Result<Option<Session>, Fault> {
        let mut sessions = self.sessions();
        let live = sessions.get_mut(id).filter(|s| s.person_id == person && s.is_live(now));
        Ok(live.map(|session| {
            session.last_activity = now;
            session.clone()
        }))
    }

    async fn mark_authenticated(&self, person: &str, id: &SessionId, at: Timestamp) -> Result<bool, Fault> {
        let mut sessions = self.sessions();
        let session = sessions.get_mut(id).filter(|s| s.person_id == person);
        Ok(session.map(|s| s.authenticated_at = at).is_some())
    }

    async fn end(&self, person: &str, id: &SessionId) -> Result<bool, Fault> {
        let mut sessions = self.sessions();
        let mine = sessions.get(id).is_some_and(|s| s.person_id == person);
        Ok(mine && sessions.remove(id).is_some())
    }

    async fn end_all_of(&self, person: &str, keep: Option<&SessionId>) -> Result<Vec<SessionId>, Fault> {
        let mut sessions = self.sessions();
        let ends = |s: &Session| s.person_id == person && Some(&s.id) != keep;
        let ended = sessions.values().filter(|s| ends(s)).map(|s| s.id.clone()).collect();
        sessions.retain(|_, s| !ends(s));
        Ok(ended)
    }

    async fn end_older_epochs(&self, person: &str, epoch: i64) -> Result<Vec<SessionId>, Fault> {
        let mut sessions = self.sessions();
        let ends = |s: &Session| s.person_id == person && s.credential_epoch < epoch;
        let ended = sessions.values().filter(|s| ends(s)).map(|s| s.id.clone()).collect();
        sessions.retain(|_, s| !ends(s));
        Ok(ended)
    }

    async fn list_of(&self, person: &str, now: Timestamp) -> Result<Vec<Session>, Fault> {
        let sessions = self.sessions();
        let mut mine: Vec<_> =
            sessions.values().filter(|s| s.person_id == person && s.is_live(now)).cloned().collect();
        mine.sort_by_key(|s| std::cmp::Reverse(s.created_at));
        Ok(mine)
    }
}
