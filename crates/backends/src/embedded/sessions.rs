//! [`WriteThroughSessions`]: sessions in memory that are also rows in SQL.
//!
//! * Starting takes no time: a person's sessions are read when the first of them is asked for.
//! * Beginnings and endings are in SQL before a verb returns. Last activity is not: it is written at most once a
//!   minute, and a crash forgets the last minute of it, so that a session may end a minute early.
//! * Reading a person from SQL and changing a person exclude each other: nobody who read before an ending
//!   puts the ended session into memory after it.
//! * A change goes on when its caller goes away, so that memory and SQL do not part. Where it is not known
//!   whether SQL took it, memory forgets the person, and SQL is asked again.

use std::future::Future;
use std::hash::{BuildHasher, RandomState};
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use hardening::clock::{Clock, Timestamp};
use hardening::fault::Fault;
use hardening::rate_limit::{Decision, Quota, QuotaStore};
use hardening::session::{Session, SessionId, SessionStore, resume_then_take};
use tokio::sync::{Mutex, MutexGuard};
use tokio::time::MissedTickBehavior;

use super::session_table::SessionTable;
use crate::memory::sessions::MemorySessions;
use crate::memory::sessions_cache::Known;
use crate::sql::Database;

/// How often last activity is written down.
const FLUSH_EVERY: Duration = Duration::from_mins(1);
/// How many last activities are written in one transaction.
const FLUSH_BATCH: usize = 500;
/// Sessions that are looked at for expiry with each flush.
const SWEEP_BUDGET: usize = 100_000;
/// People that share a lock wait for each other; this many make that rare.
const LOCKS: usize = 1024;

/// Sessions of one node that survive its restart. Clones are the same store.
#[derive(Clone)]
pub struct WriteThroughSessions(Arc<Inner>);

struct Inner {
    memory: MemorySessions,
    table: SessionTable,
    clock: Arc<dyn Clock>,
    locks: Box<[Mutex<()>]>,
    hasher: RandomState,
    flushing: Mutex<()>,
}

/// Proof that nobody else reads or changes the person's rows.
struct Locked<'a> {
    person_id: &'a str,
    _guard: MutexGuard<'a, ()>,
}

impl WriteThroughSessions {
    /// A store on the migrated `database`. Somebody has to run [`WriteThroughSessions::keep_up`] beside it, and
    /// [`WriteThroughSessions::shutdown`] at the end.
    pub fn new(database: Database, clock: Arc<dyn Clock>) -> Self {
        Self(Arc::new(Inner {
            memory: MemorySessions::new(),
            table: SessionTable(database),
            clock,
            locks: (0..LOCKS).map(|_| Mutex::const_new(())).collect(),
            hasher: RandomState::new(),
            flushing: Mutex::const_new(()),
        }))
    }

    /// Once a minute, for ever: writes last activity down and removes what has expired.
    pub async fn keep_up(&self) {
        let mut minute = tokio::time::interval(FLUSH_EVERY);
        minute.set_missed_tick_behavior(MissedTickBehavior::Delay);
        minute.tick().await;
        loop {
            minute.tick().await;
            if let Err(error) = self.flush().await {
                tracing::warn!(%error, "last activity of sessions was not written down; it is tried again");
            }
            if let Err(error) = self.remove_expired(self.0.clock.now()).await {
                tracing::warn!(%error, "expired sessions were not removed; it is tried again");
            }
        }
    }

    /// Writes down the last activity of every session used since the last time.
    ///
    /// # Errors
    /// When SQL fails; what was not written is written the next time.
    pub async fn flush(&self) -> Result<(), Fault> {
        let _one_at_a_time = self.0.flushing.lock().await;
        for shard in 0..self.0.memory.shards() {
            let touched = self.0.memory.take_touched(shard);
            for (done, batch) in touched.chunks(FLUSH_BATCH).enumerate() {
                if let Err(error) = self.0.table.set_activity(batch).await {
                    self.0.memory.touch_again(&touched[done * FLUSH_BATCH..]);
                    return Err(error);
                }
            }
        }
        Ok(())
    }

    /// Removes sessions whose end is at or before `now`, from SQL too; returns how many rows.
    ///
    /// # Errors
    /// When SQL fails.
    pub async fn remove_expired(&self, now: Timestamp) -> Result<u64, Fault> {
        self.0.memory.sweep(now, SWEEP_BUDGET);
        self.0.table.delete_expired(now).await
    }

    /// The last flush, for an orderly end. The database is closed by its owner.
    ///
    /// # Errors
    /// As [`WriteThroughSessions::flush`].
    pub async fn shutdown(&self) -> Result<(), Fault> {
        self.flush().await
    }

    /// How many sessions are in memory.
    pub fn in_memory(&self) -> usize {
        self.0.memory.len()
    }

    /// Runs a change in a task of its own: it goes on when the caller goes away.
    async fn to_the_end<T, Work>(&self, work: impl FnOnce(Arc<Inner>) -> Work) -> Result<T, Fault>
    where
        T: Send + 'static,
        Work: Future<Output = Result<T, Fault>> + Send + 'static,
    {
        let task = tokio::spawn(work(Arc::clone(&self.0)));
        task.await.unwrap_or_else(|stopped| Err(Fault::internal(stopped)))
    }
}

impl Inner {
    /// Excludes others from this person and makes sure that memory knows the person wholly.
    async fn lock_loaded<'a>(&'a self, person_id: &'a str) -> Result<Locked<'a>, Fault> {
        let lock = usize::try_from(self.hasher.hash_one(person_id) % LOCKS as u64).unwrap_or(0);
        let guard = self.locks[lock].lock().await;
        if !self.memory.knows(person_id) {
            let sessions = self.table.load(person_id).await?;
            self.memory.adopt(person_id, &sessions);
        }
        Ok(Locked { person_id, _guard: guard })
    }

    /// What SQL said to a change; in doubt memory forgets the person.
    fn stored<T>(&self, locked: &Locked<'_>, outcome: Result<T, Fault>) -> Result<T, Fault> {
        if matches!(outcome, Err(Fault::Uncertain { .. })) {
            self.memory.forget(locked.person_id);
        }
        outcome
    }

    async fn create(&self, session: &Session, max_per_person: u32) -> Result<Vec<SessionId>, Fault> {
        let person_id = session.person_id.as_str();
        let locked = self.lock_loaded(person_id).await?;
        let displaced = self.memory.surplus(person_id, session.created_at, max_per_person);
        self.stored(&locked, self.table.insert(session, &displaced).await)?;
        for id in &displaced {
            self.memory.end_one(person_id, id);
        }
        self.memory.put(session)?;
        Ok(displaced)
    }

    async fn mark_authenticated(
        &self,
        person_id: &str,
        id: &SessionId,
        at: Timestamp,
    ) -> Result<bool, Fault> {
        let locked = self.lock_loaded(person_id).await?;
        if !self.memory.is_live(person_id, id, at) {
            return Ok(false);
        }
        self.stored(&locked, self.table.set_authenticated(id, at).await)?;
        Ok(self.memory.mark(person_id, id, at))
    }

    async fn end(&self, person_id: &str, id: &SessionId) -> Result<bool, Fault> {
        let locked = self.lock_loaded(person_id).await?;
        if !self.memory.has(person_id, id) {
            return Ok(false);
        }
        self.stored(&locked, self.table.delete(person_id, id).await)?;
        self.memory.end_one(person_id, id);
        Ok(true)
    }

    async fn end_all_of(&self, person_id: &str, keep: Option<&SessionId>) -> Result<Vec<SessionId>, Fault> {
        let locked = self.lock_loaded(person_id).await?;
        self.stored(&locked, self.table.delete_all_but(person_id, keep).await)?;
        Ok(self.memory.end_all_but(person_id, keep))
    }

    async fn end_older_epochs(&self, person_id: &str, epoch: i64) -> Result<Vec<SessionId>, Fault> {
        let locked = self.lock_loaded(person_id).await?;
        if !self.memory.has_older(person_id, epoch) {
            return Ok(Vec::new());
        }
        self.stored(&locked, self.table.delete_older(person_id, epoch).await)?;
        Ok(self.memory.end_older(person_id, epoch))
    }
}

#[async_trait]
impl SessionStore for WriteThroughSessions {
    /// The person must be a row of `people`.
    async fn create(&self, session: &Session, max_per_person: u32) -> Result<Vec<SessionId>, Fault> {
        let session = session.clone();
        self.to_the_end(move |inner| async move { inner.create(&session, max_per_person).await }).await
    }

    async fn resume(
        &self,
        person_id: &str,
        id: &SessionId,
        now: Timestamp,
    ) -> Result<Option<Session>, Fault> {
        let memory = &self.0.memory;
        let mut known = memory.resume_known(person_id, id, now);
        if matches!(known, Known::NothingAboutThePerson) {
            let _locked = self.0.lock_loaded(person_id).await?;
            known = memory.resume_known(person_id, id, now);
        }
        match known {
            Known::Live(session) => Ok(Some(session)),
            Known::No | Known::NothingAboutThePerson => Ok(None),
        }
    }

    async fn resume_and_take(
        &self,
        person_id: &str,
        id: &SessionId,
        now: Timestamp,
        quotas: &[(String, Quota)],
        quota_store: &dyn QuotaStore,
    ) -> Result<(Option<Arc<Session>>, Option<Decision>), Fault> {
        let session = match self.0.memory.resume_shared(person_id, id, now) {
            Known::Live(session) => session,
            Known::No => return Ok((None, None)),
            Known::NothingAboutThePerson => {
                return resume_then_take(self, person_id, id, now, quotas, quota_store).await;
            }
        };
        if quotas.is_empty() {
            return Ok((Some(session), None));
        }
        let decision = match quota_store.take_at_once(quotas, now) {
            Some(decision) => decision,
            None => quota_store.take(quotas, now).await?,
        };
        Ok((Some(session), Some(decision)))
    }

    async fn mark_authenticated(
        &self,
        person_id: &str,
        id: &SessionId,
        at: Timestamp,
    ) -> Result<bool, Fault> {
        let (person, id) = (person_id.to_owned(), id.clone());
        self.to_the_end(move |inner| async move { inner.mark_authenticated(&person, &id, at).await }).await
    }

    async fn end(&self, person_id: &str, id: &SessionId) -> Result<bool, Fault> {
        let (person, id) = (person_id.to_owned(), id.clone());
        self.to_the_end(move |inner| async move { inner.end(&person, &id).await }).await
    }

    async fn end_all_of(&self, person_id: &str, keep: Option<&SessionId>) -> Result<Vec<SessionId>, Fault> {
        let (person, keep) = (person_id.to_owned(), keep.cloned());
        self.to_the_end(move |inner| async move { inner.end_all_of(&person, keep.as_ref()).await }).await
    }

    async fn end_older_epochs(&self, person_id: &str, epoch: i64) -> Result<Vec<SessionId>, Fault> {
        let person = person_id.to_owned();
        self.to_the_end(move |inner| async move { inner.end_older_epochs(&person, epoch).await }).await
    }

    async fn list_of(&self, person_id: &str, now: Timestamp) -> Result<Vec<Session>, Fault> {
        if !self.0.memory.knows(person_id) {
            drop(self.0.lock_loaded(person_id).await?);
        }
        self.0.memory.list_of(person_id, now).await
    }
}
