//! The session port.

use std::sync::Arc;

use async_trait::async_trait;

use super::{Session, SessionId};
use crate::clock::Timestamp;
use crate::fault::Fault;
use crate::rate_limit::{Decision, Quota, QuotaStore};

/// Where sessions live. Every verb is atomic, but for those that end more than a thousand sessions: they may do it in
/// steps, and a fault then leaves some. After a verb returned, every node sees its effect. A store may
/// lose sessions (people sign in again), but it never brings an ended one back and never answers "no such
/// session" when it cannot tell: that is a [`Fault`].
#[async_trait]
pub trait SessionStore: Send + Sync {
    /// Stores a new session. When the person then has more than `max_per_person`, the oldest go; their ids
    /// are returned.
    async fn create(&self, session: &Session, max_per_person: u32) -> Result<Vec<SessionId>, Fault>;

    /// The session if it is live at `now`, with its last activity moved to `now`.
    async fn resume(&self, person_id: &str, id: &SessionId, now: Timestamp)
    -> Result<Option<Session>, Fault>;

    /// Marks the password as given again at `at`; false when there is no such session.
    async fn mark_authenticated(&self, person_id: &str, id: &SessionId, at: Timestamp)
    -> Result<bool, Fault>;

    /// Ends one session; false when there was none.
    async fn end(&self, person_id: &str, id: &SessionId) -> Result<bool, Fault>;

    /// Ends every session of a person, but the one to keep; returns the ids of those ended.
    async fn end_all_of(&self, person_id: &str, keep: Option<&SessionId>) -> Result<Vec<SessionId>, Fault>;

    /// Ends the person's sessions of an older credential epoch; returns the ids of those ended.
    async fn end_older_epochs(&self, person_id: &str, epoch: i64) -> Result<Vec<SessionId>, Fault>;

    /// The person's live sessions, newest first.
    async fn list_of(&self, person_id: &str, now: Timestamp) -> Result<Vec<Session>, Fault>;

    /// [`SessionStore::resume`], and when the session is live one taken from every quota: what most requests
    /// need. A store that keeps both in one place does it in one step. Without a live session, or without
    /// quotas, nothing is taken and there is no decision. The session may be shared with other requests of it, and its
    /// last activity then be an earlier one; [`SessionStore::list_of`] tells it exactly.
    async fn resume_and_take(
        &self,
        person_id: &str,
        id: &SessionId,
        now: Timestamp,
        quotas: &[(String, Quota)],
        quota_store: &dyn QuotaStore,
    ) -> Result<(Option<Arc<Session>>, Option<Decision>), Fault> {
        resume_then_take(self, person_id, id, now, quotas, quota_store).await
    }
}

/// The parts of a session store and up to when each has been told, as they were read together. A part is what is
/// lost or restored as one: a store in one place has one part, a cluster one for each master.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Followed(Vec<(String, Option<Timestamp>)>);

impl Followed {
    /// Parts by name, each with its mark; `None` for one that is new or forgot.
    pub fn new(parts: Vec<(String, Option<Timestamp>)>) -> Self {
        Self(parts)
    }

    /// The parts.
    pub fn parts(&self) -> &[(String, Option<Timestamp>)] {
        &self.0
    }

    /// From when on all parts know everything: the oldest mark; `None` when one has none.
    pub fn oldest(&self) -> Option<Timestamp> {
        // `None` is less than every moment.
        self.0.iter().map(|(_, until)| *until).min().flatten()
    }
}

/// Up to when the endings that the database tells of have been applied to the session store. A mark lives where
/// the sessions live: a part that is restored from an old copy then shows its old mark, and whoever follows the
/// database applies again what the copy never heard of.
#[async_trait]
pub trait RevocationMark: Send + Sync {
    /// The marks of all parts that answer; one that is away keeps its mark, and is told when it is back.
    ///
    /// # Errors
    /// When none answers.
    async fn followed(&self) -> Result<Followed, Fault>;

    /// Moves every mark that is still what was `seen`; false when one moved, or went back, meanwhile.
    async fn set_followed(&self, seen: &Followed, until: Timestamp) -> Result<bool, Fault>;
}

/// [`SessionStore::resume_and_take`] in two steps, for stores that cannot, or not always, do it in one.
pub async fn resume_then_take<S: SessionStore + ?Sized>(
    store: &S,
    person_id: &str,
    id: &SessionId,
    now: Timestamp,
    quotas: &[(String, Quota)],
    quota_store: &dyn QuotaStore,
) -> Result<(Option<Arc<Session>>, Option<Decision>), Fault> {
    let session = store.resume(person_id, id, now).await?;
    let decision = match &session {
        Some(_) if !quotas.is_empty() => Some(quota_store.take(quotas, now).await?),
        _ => None,
    };
    Ok((session.map(Arc::new), decision))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_oldest_mark_counts_and_a_missing_one_is_older_than_all() {
        let parts = |marks: &[Option<i64>]| {
            Followed::new(marks.iter().map(|at| (String::new(), at.map(Timestamp::from_micros))).collect())
        };
        assert_eq!(parts(&[Some(5), Some(3), Some(9)]).oldest(), Some(Timestamp::from_micros(3)));
        assert_eq!(parts(&[Some(5), None]).oldest(), None);
        assert_eq!(parts(&[]).oldest(), None);
    }
}
