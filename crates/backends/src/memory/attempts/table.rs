//! The table of windows, without locks or journals.

use std::collections::HashMap;
use std::time::Duration;

use hardening::clock::Timestamp;
use hardening::lockout::window::{Room, Window};
use hardening::lockout::{Budget, BudgetState, ReserveOutcome, Settlement};

use super::JournaledKey;

/// A full table is searched for idle keys no more often than this.
const SWEEP_PAUSE: Duration = Duration::from_secs(1);
/// Below this many keys the table is not worth searching.
const SMALL: usize = 1_024;

pub(super) struct Table {
    rows: HashMap<String, Row>,
    max_keys: usize,
    sweep_at_len: usize,
    next_sweep: Timestamp,
}

#[derive(Default)]
struct Row {
    window: Window,
    /// From when on the row says nothing.
    idle_at: Timestamp,
}

impl Table {
    pub(super) fn new(max_keys: usize) -> Self {
        Self { rows: HashMap::new(), max_keys, sweep_at_len: SMALL, next_sweep: Timestamp::EPOCH }
    }

    pub(super) fn len(&self) -> usize {
        self.rows.len()
    }

    /// Takes a place in every budget or in none; also the keys to write down.
    pub(super) fn reserve(
        &mut self,
        id: &str,
        budgets: &[Budget],
        now: Timestamp,
        lapses_at: Timestamp,
    ) -> (ReserveOutcome, Vec<String>) {
        let changed = self.refresh(budgets.iter(), now);
        let mut refusal = None;
        for (index, budget) in budgets.iter().enumerate() {
            let room = self.rows.get(&budget.key).map_or(Room::Free, |row| row.window.room(budget.limits()));
            if rank(room) > refusal.map_or(rank(Room::Free), |(_, worst)| rank(worst)) {
                refusal = Some((index, room));
            }
        }
        if refusal.is_none() {
            refusal = self.newcomer_without_room(budgets, now).map(|index| (index, Room::Busy));
        }
        let outcome = match refusal {
            Some((index, Room::Blocked { until })) => {
                let row = self.rows.get_mut(&budgets[index].key);
                let newly = row.is_some_and(|row| row.window.take_unreported_lock());
                ReserveOutcome::Blocked { index, until, newly }
            }
            Some((index, Room::Full { until })) => ReserveOutcome::Full { index, until },
            Some((index, _)) => ReserveOutcome::Busy { index },
            None => {
                let take = |budget: &Budget| {
                    let row = self.rows.entry(budget.key.clone()).or_default();
                    row.window.reserve(id, lapses_at);
                    row.idle_at = row.window.idle_at(budget.limits());
                    row.window.state(&budget.key, budget.limits(), now)
                };
                ReserveOutcome::Reserved(budgets.iter().map(take).collect())
            }
        };
        (outcome, changed)
    }

    /// Settles `id` in every budget; also the keys to write down.
    pub(super) fn settle(
        &mut self,
        id: &str,
        settlements: &[Settlement<'_>],
        now: Timestamp,
    ) -> (Vec<BudgetState>, Vec<String>) {
        let mut changed = self.refresh(settlements.iter().map(|settlement| settlement.budget), now);
        let mut states = Vec::with_capacity(settlements.len());
        for Settlement { budget, keep, clear } in settlements {
            let limits = budget.limits();
            let row = self.rows.entry(budget.key.clone()).or_default();
            let settling = row.window.settle(id, *keep, *clear, limits, now);
            row.idle_at = row.window.idle_at(limits);
            let state = row.window.state(&budget.key, limits, now);
            states.push(BudgetState { newly_locked: settling.newly_locked, ..state });
            if row.window.is_empty() {
                self.rows.remove(&budget.key);
            }
            if settling.changed && !changed.contains(&budget.key) {
                changed.push(budget.key.clone());
            }
        }
        (states, changed)
    }

    /// Forgets entries and locks; the keys that had any.
    pub(super) fn clear(&mut self, keys: &[String]) -> Vec<String> {
        let mut changed = Vec::new();
        for key in keys {
            let Some(row) = self.rows.get_mut(key) else { continue };
            row.window.forgive();
            if row.window.is_empty() {
                self.rows.remove(key);
            }
            changed.push(key.clone());
        }
        changed
    }

    /// How full the budgets are; also the keys to write down.
    pub(super) fn state(&mut self, budgets: &[Budget], now: Timestamp) -> (Vec<BudgetState>, Vec<String>) {
        let changed = self.refresh(budgets.iter(), now);
        let state = |budget: &Budget| match self.rows.get(&budget.key) {
            Some(row) => row.window.state(&budget.key, budget.limits(), now),
            None => BudgetState::untouched(&budget.key, now),
        };
        (budgets.iter().map(state).collect(), changed)
    }

    /// Puts back what was written down. Restored keys are never too many: they were bounded when written.
    pub(super) fn restore(&mut self, written: JournaledKey) {
        let window = Window::restored(written.kept, written.blocked_until);
        self.rows.insert(written.key, Row { window, idle_at: written.expires_at });
    }

    /// What is to be written down of a key.
    pub(super) fn written_down(&self, key: String) -> JournaledKey {
        let Some(row) = self.rows.get(&key) else {
            return JournaledKey { key, kept: Vec::new(), blocked_until: None, expires_at: Timestamp::EPOCH };
        };
        JournaledKey {
            key,
            kept: row.window.kept().collect(),
            blocked_until: row.window.blocked_until(),
            expires_at: row.idle_at,
        }
    }

    /// Brings rows to `now`; the keys in which a lease lapsed.
    fn refresh<'a>(&mut self, budgets: impl Iterator<Item = &'a Budget>, now: Timestamp) -> Vec<String> {
        let mut lapsed = Vec::new();
        for budget in budgets {
            let Some(row) = self.rows.get_mut(&budget.key) else { continue };
            if row.window.refresh(budget.limits(), now) {
                row.idle_at = row.window.idle_at(budget.limits());
                lapsed.push(budget.key.clone());
            }
        }
        lapsed
    }

    /// The first budget whose key is new, when not all new keys fit. Never evicts a row that says something.
    fn newcomer_without_room(&mut self, budgets: &[Budget], now: Timestamp) -> Option<usize> {
        let is_new = |table: &Self, budget: &Budget| !table.rows.contains_key(&budget.key);
        let new = budgets.iter().filter(|budget| is_new(self, budget)).count();
        if new == 0 {
            return None;
        }
        let wanted = self.rows.len() + new;
        if (wanted > self.sweep_at_len || wanted > self.max_keys) && now >= self.next_sweep {
            self.rows.retain(|_, row| row.idle_at > now);
            self.sweep_at_len = (self.rows.len() * 2).max(SMALL);
            self.next_sweep = now + SWEEP_PAUSE;
        }
        let new = budgets.iter().filter(|budget| is_new(self, budget)).count();
        let full = self.rows.len() + new > self.max_keys;
        if full { budgets.iter().position(|budget| is_new(self, budget)) } else { None }
    }
}

/// Which refusal is reported: a lock before a full window before a busy one, then the longest.
fn rank(room: Room) -> (u8, Timestamp) {
    match room {
        Room::Free => (0, Timestamp::EPOCH),
        Room::Busy => (1, Timestamp::EPOCH),
        Room::Full { until } => (2, until),
        Room::Blocked { until } => (3, until),
    }
}
