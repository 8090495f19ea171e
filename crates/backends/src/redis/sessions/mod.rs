//! [`RedisSessions`]: sessions that every node sees.
//!
//! * A session is the string `session:{person}:id`, the person's index the sorted set `user_sessions:{person}`
//!   by the time of signing in. The braces make both one slot, so that each verb is one script and one step,
//!   on a Cluster too.
//! * More than a thousand sessions end in several scripts, so that Redis is there for others in between. What a
//!   failure in the middle leaves is ended by whoever follows the credential epoch in the database.
//! * The caller's clock decides what is over. The keys' own expiry is an upper bound that cleans up.
//! * When Redis cannot answer, nobody is signed out and nobody let in: that is a [`Fault`].

mod record;

use std::sync::Arc;

use async_trait::async_trait;
use futures_util::future::join_all;
use hardening::clock::Timestamp;
use hardening::fault::Fault;
use hardening::rate_limit::{Decision, Quota, QuotaStore};
use hardening::session::{Followed, RevocationMark, Session, SessionId, SessionStore, resume_then_take};

use super::{Arg, RedisLink, admission, scripts};
use record::unpack;

/// Up to when endings in the database have been applied here; of a cluster, one for each master.
const FOLLOWED: &str = "sessions:followed_until";

/// How many sessions one script ends: the scripts' `CHUNK`.
const CHUNK: usize = 1000;

/// Sessions in Redis. Clones share the link.
#[derive(Clone)]
pub struct RedisSessions {
    pub(super) link: RedisLink,
}

/// The keys of a person's sessions.
pub(super) struct PersonKeys {
    /// A session's key without its id.
    pub(super) prefix: String,
    /// The index.
    pub(super) index: String,
}

impl PersonKeys {
    pub(super) fn of(person_id: &str) -> Self {
        let prefix = ["session:{", person_id, "}:"].concat();
        Self { prefix, index: ["user_sessions:{", person_id, "}"].concat() }
    }

    pub(super) fn session(&self, id: &SessionId) -> String {
        [self.prefix.as_str(), id.as_str()].concat()
    }
}

impl RedisSessions {
    /// Sessions behind `link`.
    pub const fn new(link: RedisLink) -> Self {
        Self { link }
    }

    async fn mark(&self, key: String) -> Result<(String, Option<Timestamp>), Fault> {
        let mark: Option<i64> = self.link.run(&scripts::SESSION_FOLLOWED, &[&key], &[]).await?;
        Ok((key, mark.map(Timestamp::from_micros)))
    }
}

/// Ids as scripts answer them, one a line; what is not an id of ours is left out.
fn ids(lines: &str) -> Vec<SessionId> {
    lines.lines().filter_map(SessionId::parse).collect()
}

/// What the scripts that touch a session want: the moment, and the id in the index.
pub(super) fn touching(id: &SessionId, now: Timestamp) -> [Arg; 2] {
    [record::moment(now).into(), id.as_str().into()]
}

/// The session that such a script found and touched; it answers what was stored before.
pub(super) fn touched(
    person_id: &str,
    id: &SessionId,
    stored: &[u8],
    now: Timestamp,
) -> Result<Session, Fault> {
    let mut session = unpack(person_id, id.clone(), stored)?;
    session.last_activity = session.last_activity.max(now);
    Ok(session)
}

#[async_trait]
impl SessionStore for RedisSessions {
    /// The new one itself is never displaced, not even by a bound of zero or a clock that went back.
    async fn create(&self, session: &Session, max_per_person: u32) -> Result<Vec<SessionId>, Fault> {
        let keys = PersonKeys::of(&session.person_id);
        let key = keys.session(&session.id);
        let arguments = [
            Arg::from(keys.prefix.as_str()),
            session.id.as_str().into(),
            i64::from(max_per_person).into(),
            record::pack(session).into(),
        ];
        let keys = [key.as_str(), keys.index.as_str()];
        let displaced: String = self.link.run(&scripts::SESSION_CREATE, &keys, &arguments).await?;
        Ok(ids(&displaced))
    }

    async fn resume(
        &self,
        person_id: &str,
        id: &SessionId,
        now: Timestamp,
    ) -> Result<Option<Session>, Fault> {
        let keys = PersonKeys::of(person_id);
        let key = keys.session(id);
        let keys = [key.as_str(), keys.index.as_str()];
        let arguments = touching(id, now);
        let found: Option<Vec<u8>> = self.link.run(&scripts::SESSION_RESUME, &keys, &arguments).await?;
        found.map(|stored| touched(person_id, id, &stored, now)).transpose()
    }

    async fn mark_authenticated(
        &self,
        person_id: &str,
        id: &SessionId,
        at: Timestamp,
    ) -> Result<bool, Fault> {
        let key = PersonKeys::of(person_id).session(id);
        self.link.run(&scripts::SESSION_MARK, &[&key], &[at.micros().into()]).await
    }

    async fn end(&self, person_id: &str, id: &SessionId) -> Result<bool, Fault> {
        let keys = PersonKeys::of(person_id);
        let key = keys.session(id);
        self.link.run(&scripts::SESSION_END, &[&key, &keys.index], &[id.as_str().into()]).await
    }

    async fn end_all_of(&self, person_id: &str, keep: Option<&SessionId>) -> Result<Vec<SessionId>, Fault> {
        let keys = PersonKeys::of(person_id);
        let arguments = [keys.prefix.into(), keep.map_or("", SessionId::as_str).into()];
        let mut ended = Vec::new();
        loop {
            let some: String = self.link.run(&scripts::SESSION_END_ALL, &[&keys.index], &arguments).await?;
            ended.extend(ids(&some));
            if some.lines().count() < CHUNK {
                return Ok(ended);
            }
        }
    }

    async fn end_older_epochs(&self, person_id: &str, epoch: i64) -> Result<Vec<SessionId>, Fault> {
        let keys = PersonKeys::of(person_id);
        let (mut ended, mut cursor) = (Vec::new(), "0".to_owned());
        loop {
            let arguments = [keys.prefix.as_str().into(), epoch.into(), cursor.into()];
            let (next, some): (String, String) =
                self.link.run(&scripts::SESSION_END_EPOCHS, &[&keys.index], &arguments).await?;
            ended.extend(ids(&some));
            if next == "0" {
                return Ok(ended);
            }
            cursor = next;
        }
    }

    async fn list_of(&self, person_id: &str, now: Timestamp) -> Result<Vec<Session>, Fault> {
        let keys = PersonKeys::of(person_id);
        let arguments = [keys.prefix.into(), now.micros().into()];
        let rows: Vec<(String, Vec<u8>)> =
            self.link.run(&scripts::SESSION_LIST, &[&keys.index], &arguments).await?;
        let session = |(id, stored): (String, Vec<u8>)| {
            let id = SessionId::parse(&id).ok_or_else(|| Fault::internal("an index entry that is no id"))?;
            unpack(person_id, id, &stored)
        };
        rows.into_iter().map(session).collect()
    }

    /// One script when every quota lies in the person's slot; these are then counted in this Redis, which
    /// must be the one that `quota_store` counts in.
    async fn resume_and_take(
        &self,
        person_id: &str,
        id: &SessionId,
        now: Timestamp,
        quotas: &[(String, Quota)],
        quota_store: &dyn QuotaStore,
    ) -> Result<(Option<Arc<Session>>, Option<Decision>), Fault> {
        let keys = PersonKeys::of(person_id);
        if !quotas.is_empty() && admission::fits_one_slot(&keys, quotas) {
            let (session, decision) = admission::admit(self, person_id, &keys, id, now, quotas).await?;
            return Ok((session.map(Arc::new), decision));
        }
        resume_then_take(self, person_id, id, now, quotas, quota_store).await
    }
}

#[async_trait]
impl RevocationMark for RedisSessions {
    async fn followed(&self) -> Result<Followed, Fault> {
        let keys = self.link.key_on_each_master(FOLLOWED);
        let answers = join_all(keys.into_iter().map(|key| self.mark(key))).await;
        let mut parts = Vec::with_capacity(answers.len());
        let mut fault = Fault::unavailable("redis", "no server is known");
        for answer in answers {
            match answer {
                Ok(part) => parts.push(part),
                Err(one) => fault = one,
            }
        }
        if parts.is_empty() { Err(fault) } else { Ok(Followed::new(parts)) }
    }

    async fn set_followed(&self, seen: &Followed, until: Timestamp) -> Result<bool, Fault> {
        let mut all_moved = true;
        for (key, mark) in seen.parts() {
            let mark = mark.map_or_else(String::new, |mark| mark.micros().to_string());
            let arguments = [mark.into(), until.micros().into()];
            let moved: bool = self.link.run(&scripts::SESSION_FOLLOW, &[key], &arguments).await?;
            all_moved &= moved;
        }
        Ok(all_moved)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_the_documented_ones() {
        let keys = PersonKeys::of("person_1");
        assert_eq!(
            (keys.prefix.as_str(), keys.index.as_str()),
            ("session:{person_1}:", "user_sessions:{person_1}")
        );
    }
}
