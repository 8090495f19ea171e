//! The session port.

use async_trait::async_trait;

use super::{Session, SessionId};
use crate::clock::Timestamp;
use crate::fault::Fault;

/// Where sessions live. Every verb is atomic; after a verb returned, every node sees its effect. A store may
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
}
