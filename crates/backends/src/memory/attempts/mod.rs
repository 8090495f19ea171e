//! [`MemoryAttempts`]: exact credential limits in process, optionally written through to a journal.
//!
//! One lock guards the whole table: a verb touches a handful of keys for about a microsecond, and the check it
//! guards costs milliseconds. With a journal, kept entries and locks survive a restart; attempts that were
//! being judged when the process ended are forgotten.

mod journal;
mod table;

use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use hardening::clock::Timestamp;
use hardening::fault::Fault;
use hardening::lockout::{AttemptStore, Budget, BudgetState, ReserveOutcome, Settlement};

pub use journal::{AttemptJournal, JournaledKey};
use table::Table;

/// Bounded attempt state of one process.
pub struct MemoryAttempts {
    table: Mutex<Table>,
    journal: Option<Journaling>,
}

struct Journaling {
    to: Arc<dyn AttemptJournal>,
    /// Held from reading a key until it is written, so that an older state never overwrites a newer one.
    order: tokio::sync::Mutex<()>,
    waiting: Mutex<Waiting>,
}

/// Keys to be written: whoever has its turn writes those of all who wait, so that one commit serves many.
#[derive(Default)]
struct Waiting {
    /// Each with the last ticket that asks for it.
    keys: HashMap<String, u64>,
    last_ticket: u64,
    written_up_to: u64,
}

impl Waiting {
    fn enter(&mut self, keys: &[String]) -> u64 {
        self.last_ticket += 1;
        self.keys.extend(keys.iter().map(|key| (key.clone(), self.last_ticket)));
        self.last_ticket
    }

    fn written(&mut self, up_to: u64) {
        self.written_up_to = up_to;
        self.keys.retain(|_, ticket| *ticket > up_to);
    }

    /// The one with this ticket is told that its keys are not written; others try for themselves.
    fn give_up(&mut self, ticket: u64) {
        self.keys.retain(|_, last| *last != ticket);
    }
}

impl Journaling {
    // Counting does not panic half way, so a poisoned lock is still sound.
    fn waiting(&self) -> MutexGuard<'_, Waiting> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl MemoryAttempts {
    /// For at most `max_keys` keys; loses everything when the process ends.
    pub fn new(max_keys: usize) -> Self {
        Self { table: Mutex::new(Table::new(max_keys)), journal: None }
    }

    /// Starts from what the journal holds at `now`, and writes changes through to it.
    ///
    /// # Errors
    /// When the journal cannot be read: a start without the locks would be a looser one.
    pub async fn with_journal(
        max_keys: usize,
        journal: Arc<dyn AttemptJournal>,
        now: Timestamp,
    ) -> Result<Self, Fault> {
        let mut table = Table::new(max_keys);
        for key in journal.load(now).await? {
            table.restore(key);
        }
        let journal =
            Journaling { to: journal, order: tokio::sync::Mutex::new(()), waiting: Mutex::default() };
        Ok(Self { table: Mutex::new(table), journal: Some(journal) })
    }

    /// How many keys are remembered right now.
    pub fn len(&self) -> usize {
        self.table().len()
    }

    /// Whether no key is remembered.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    async fn write_through(&self, changed: Vec<String>) -> Result<(), Fault> {
        let Some(journal) = self.journal.as_ref().filter(|_| !changed.is_empty()) else { return Ok(()) };
        let ticket = journal.waiting().enter(&changed);
        let _order = journal.order.lock().await;
        let (keys, up_to) = {
            let waiting = journal.waiting();
            if waiting.written_up_to >= ticket {
                return Ok(());
            }
            // One's own in any case: somebody else may have given the same key up.
            let keys: HashSet<String> = waiting.keys.keys().cloned().chain(changed).collect();
            (keys, waiting.last_ticket)
        };
        let states: Vec<JournaledKey> = {
            let table = self.table();
            keys.into_iter().map(|key| table.written_down(key)).collect()
        };
        let outcome = journal.to.record(&states).await;
        match &outcome {
            Ok(()) => journal.waiting().written(up_to),
            Err(_) => journal.waiting().give_up(ticket),
        }
        outcome
    }

    // The table's verbs do not panic half way, so a poisoned lock is still sound.
    fn table(&self) -> MutexGuard<'_, Table> {
        self.table.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[async_trait]
impl AttemptStore for MemoryAttempts {
    async fn reserve(
        &self,
        id: &str,
        budgets: &[Budget],
        now: Timestamp,
        lease: Duration,
    ) -> Result<ReserveOutcome, Fault> {
        let (outcome, changed) = self.table().reserve(id, budgets, now, now + lease);
        self.write_through(changed).await?;
        Ok(outcome)
    }

    async fn settle(
        &self,
        id: &str,
        settlements: &[Settlement<'_>],
        now: Timestamp,
    ) -> Result<Vec<BudgetState>, Fault> {
        let (states, changed) = self.table().settle(id, settlements, now);
        self.write_through(changed).await?;
        Ok(states)
    }

    async fn clear(&self, keys: &[String]) -> Result<(), Fault> {
        let changed = self.table().clear(keys);
        self.write_through(changed).await
    }

    async fn state(&self, budgets: &[Budget], now: Timestamp) -> Result<Vec<BudgetState>, Fault> {
        let (states, changed) = self.table().state(budgets, now);
        self.write_through(changed).await?;
        Ok(states)
    }
}

#[cfg(test)]
mod tests;
