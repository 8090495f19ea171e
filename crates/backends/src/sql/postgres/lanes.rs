//! Group commit: units of one kind that only insert ([`super::inserts`]) and wait at the same time are stored by one
//! statement, so that one round trip, one plan and one `fsync` pay for all of them.
//!
//! * Nobody is waited for: a unit goes out at once while the lane is free. The others gather until it is.
//! * When the statement fails, nothing of it is stored, and each unit is sent by itself: what is wrong with one is told
//!   to its caller alone.
//! * A lane that is held up (by a lock, say) does not hold up the rest: who has waited a while opens another, and goes
//!   there alone, since those who wait beside it may be held up by the same.
//! * A unit whose caller went away before a lane took it never starts; once taken it runs to its end.

use std::collections::VecDeque;
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use deadpool_postgres::{Object, Pool};
use tokio::sync::oneshot;
use tokio::sync::oneshot::error::RecvError;

use super::attempts::{self, Work};
use super::failure;
use super::inserts::Insertion;
use super::statements::Statements;
use crate::sql::error::SqlError;
use crate::sql::unit::{Committed, Statement};

/// Units in one statement at most; bounds how long the first of them waits for the last.
const MOST_UNITS: usize = 64;
/// How long a unit waits until it opens a lane of its own.
const PATIENCE: Duration = Duration::from_millis(50);
/// How long it waits after that; as long as for a connection.
const LONGEST_WAIT: Duration = Duration::from_secs(1);

/// All lanes to a server. Clones share them.
#[derive(Clone, Debug)]
pub(super) struct Lanes {
    pool: Pool,
    known: Statements,
    most: usize,
    state: Arc<Mutex<State>>,
}

#[derive(Debug, Default)]
struct State {
    /// Whether the lane of all is open.
    is_open: bool,
    /// Lanes of single units.
    alone: usize,
    waiting: VecDeque<Waiting>,
    next_number: u64,
}

struct Waiting {
    number: u64,
    kind: Arc<Insertion>,
    unit: Vec<Statement>,
    answer: oneshot::Sender<Outcome>,
}

impl fmt::Debug for Waiting {
    /// Without what is to be stored.
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Waiting").field("number", &self.number).finish_non_exhaustive()
    }
}

impl State {
    fn take(&mut self, number: u64) -> Option<Waiting> {
        let place = self.waiting.iter().position(|one| one.number == number)?;
        self.waiting.remove(place)
    }
}

type Outcome = Result<Committed, SqlError>;

impl Lanes {
    /// Lanes that take at most half of the pool's connections.
    pub(super) fn new(pool: Pool, known: Statements) -> Self {
        let most = (pool.status().max_size / 2).max(1);
        Self { pool, known, most, state: Arc::default() }
    }

    /// Stores a unit of this kind.
    pub(super) async fn commit(&self, kind: Arc<Insertion>, unit: Vec<Statement>) -> Outcome {
        let (answer, mut heard) = oneshot::channel();
        let number = self.line_up(Waiting { number: 0, kind, unit, answer });
        let outcome = match tokio::time::timeout(PATIENCE, &mut heard).await {
            Ok(outcome) => outcome,
            Err(_) => self.held_up(number, heard).await?,
        };
        outcome.unwrap_or_else(|_| Err(SqlError::Uncertain("the commit was ended".to_owned())))
    }

    /// Waits on, in another lane if there may be one. The error means that it was never sent.
    async fn held_up(
        &self,
        number: u64,
        mut heard: oneshot::Receiver<Outcome>,
    ) -> Result<Result<Outcome, RecvError>, SqlError> {
        self.open_for(number);
        match tokio::time::timeout(LONGEST_WAIT, &mut heard).await {
            Ok(outcome) => Ok(outcome),
            Err(_) if self.withdraw(number) => {
                Err(SqlError::Unavailable("too many changes are waiting".to_owned()))
            }
            Err(_) => Ok(heard.await),
        }
    }

    fn line_up(&self, one: Waiting) -> u64 {
        let mut state = self.state();
        let number = state.next_number;
        state.next_number += 1;
        state.waiting.push_back(Waiting { number, ..one });
        // One is enough as a rule: two would lock the rows that both refer to, together, which costs PostgreSQL more
        // than it gains.
        if !std::mem::replace(&mut state.is_open, true) {
            tokio::spawn(self.clone().lane());
        }
        number
    }

    /// Opens a lane for who still waits.
    fn open_for(&self, number: u64) {
        let mut state = self.state();
        if state.alone + 1 < self.most
            && let Some(one) = state.take(number)
        {
            state.alone += 1;
            tokio::spawn(self.clone().lane_of_its_own(one));
        }
    }

    /// Whether it was still waiting, and now never starts.
    fn withdraw(&self, number: u64) -> bool {
        self.state().take(number).is_some()
    }

    /// Stores until nobody waits.
    async fn lane(self) {
        // All who are ready now come along.
        tokio::task::yield_now().await;
        while let Some(group) = self.next_group() {
            // In a task of its own: a panic ends neither the lane nor those who wait for it.
            let _ = tokio::spawn(self.clone().store(group)).await;
        }
    }

    async fn lane_of_its_own(self, one: Waiting) {
        let _ = tokio::spawn(self.clone().store_alone(one)).await;
        self.state().alone -= 1;
    }

    /// The first who waits, and all of the same kind; the lane is closed when nobody does.
    fn next_group(&self) -> Option<Vec<Waiting>> {
        let mut state = self.state();
        state.waiting.retain(|one| !one.answer.is_closed());
        let Some(first) = state.waiting.pop_front() else {
            state.is_open = false;
            return None;
        };
        let mut group = vec![first];
        let mut others = VecDeque::new();
        for one in std::mem::take(&mut state.waiting) {
            if group.len() < MOST_UNITS && Arc::ptr_eq(&one.kind, &group[0].kind) {
                group.push(one);
            } else {
                others.push_back(one);
            }
        }
        state.waiting = others;
        Some(group)
    }

    async fn store(self, mut group: Vec<Waiting>) {
        if let [_] = &*group
            && let Some(alone) = group.pop()
        {
            return self.store_alone(alone).await;
        }
        // Without a connection for all, there is none for each.
        let client = match self.pool.get().await {
            Ok(client) => client,
            Err(error) => return answer_all(group, &Err(failure::of_pool(&error))),
        };
        match self.together(client, &group).await {
            Ok(committed) => answer_all(group, &Ok(committed)),
            Err(uncertain @ SqlError::Uncertain(_)) => answer_all(group, &Err(uncertain)),
            Err(error) => {
                tracing::debug!(%error, units = group.len(), "a group is stored one by one");
                for one in group {
                    tokio::spawn(self.clone().store_alone(one));
                }
            }
        }
    }

    async fn together(&self, client: Object, group: &[Waiting]) -> Outcome {
        let units: Vec<_> = group.iter().map(|one| &*one.unit).collect();
        let kind = &group[0].kind;
        let attempt = attempts::once(client, &self.known, Work::Insertions(kind, &units)).await;
        attempt.map_err(|failed| failed.error)
    }

    async fn store_alone(self, one: Waiting) {
        let outcome = match self.pool.get().await {
            Ok(client) => {
                attempts::with_repeats(self.pool, self.known, client, one.unit, Some(one.kind)).await
            }
            Err(error) => Err(failure::of_pool(&error)),
        };
        let _ = one.answer.send(outcome);
    }

    // Nothing panics half way through a change of it.
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn answer_all(group: Vec<Waiting>, outcome: &Outcome) {
    for one in group {
        let _ = one.answer.send(outcome.clone());
    }
}
