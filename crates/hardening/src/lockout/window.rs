//! The window algorithm, pure: every store follows it, whatever language it runs in.
//!
//! * A window holds *kept* entries, each with its time, and *pending* reservations, each with the time its
//!   lease lapses. Kept and pending together never exceed the limit.
//! * A kept entry leaves at exactly `time + window`. Its time is that of the settlement, or of the lapse:
//!   never earlier than the moment the attempt was judged. That is why no window of this length, wherever it
//!   lies, holds more than `limit` judged attempts.
//! * When kept entries reach the limit and there is a lockout, the lock replaces them: `blocked_until` is
//!   set, the entries go. At `now >= blocked_until` the key is free.
//! * What is judged during a lock never extends it, but counts after it as long as any other entry: a lock that
//!   began while attempts were under way (one was settled long after its lease) would else forget them.
//! * Lapses are applied in the order of their times, as if somebody had watched: it makes no difference when
//!   the window is looked at.

use std::time::Duration;

use super::BudgetState;
use crate::clock::Timestamp;

/// The numbers of one budget.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Places in a window.
    pub limit: u32,
    /// Length of the window.
    pub window: Duration,
    /// Length of the lock that follows the last place.
    pub lockout: Option<Duration>,
}

/// Whether there is a place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Room {
    /// Yes.
    Free,
    /// Locked until then.
    Blocked {
        /// The end of the lock.
        until: Timestamp,
    },
    /// Used up until then.
    Full {
        /// When the oldest entry leaves.
        until: Timestamp,
    },
    /// All that is left is reserved.
    Busy,
}

/// One key's entries.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Window {
    kept: Vec<Entry>,
    pending: Vec<Entry>,
    blocked_until: Option<Timestamp>,
    lock_not_reported: bool,
}

/// A reservation's id with the time it was kept, or the time its lease lapses.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Entry {
    id: Box<str>,
    at: Timestamp,
}

impl Window {
    /// A window as it was written down: entries of reservations that are no longer known.
    pub fn restored(mut kept: Vec<Timestamp>, blocked_until: Option<Timestamp>) -> Self {
        kept.sort_unstable();
        let kept = kept.into_iter().map(|at| Entry { id: "".into(), at }).collect();
        Self { kept, blocked_until, ..Self::default() }
    }

    /// Brings the window to `now`: lapsed leases become kept entries, old entries and ended locks go. True
    /// when a lapse changed what must survive a restart. Every other verb expects this to have been done.
    pub fn refresh(&mut self, limits: Limits, now: Timestamp) -> bool {
        let mut lapsed = false;
        while let Some(first) = self.first_lapsed(now) {
            let Entry { id, at } = self.pending.swap_remove(first);
            self.lock_not_reported |= self.keep(id, limits, at);
            lapsed = true;
        }
        self.expire(limits, now);
        lapsed
    }

    /// Whether one more attempt may be made.
    pub fn room(&self, limits: Limits) -> Room {
        let limit = usize::try_from(limits.limit).unwrap_or(usize::MAX);
        match (self.blocked_until, self.kept.first()) {
            (Some(until), _) => Room::Blocked { until },
            (None, Some(oldest)) if self.kept.len() >= limit => {
                Room::Full { until: oldest.at + limits.window }
            }
            _ if self.kept.len() + self.pending.len() >= limit => Room::Busy,
            _ => Room::Free,
        }
    }

    /// Takes a place. Only after [`Window::room`] said there is one.
    pub fn reserve(&mut self, id: &str, lapses_at: Timestamp) {
        self.pending.push(Entry { id: id.into(), at: lapses_at });
    }

    /// Ends a reservation, also one that has lapsed meanwhile. An unknown one still counts when it is to be
    /// kept, but never extends a lock.
    pub fn settle(&mut self, id: &str, keep: bool, clear: bool, limits: Limits, now: Timestamp) -> Settling {
        let before = (self.kept.len(), self.blocked_until);
        self.pending.retain(|entry| &*entry.id != id);
        self.kept.retain(|entry| &*entry.id != id);
        if clear {
            self.kept.clear();
        }
        let newly_locked = keep && self.keep(id.into(), limits, now);
        let changed = keep || before != (self.kept.len(), self.blocked_until);
        Settling { newly_locked, changed }
    }

    /// Forgets kept entries and the lock; attempts under way stay reserved.
    pub fn forgive(&mut self) {
        self.kept.clear();
        self.blocked_until = None;
        self.lock_not_reported = false;
    }

    /// Whether a lock came from a lapse and nobody was told; asking is being told.
    pub fn take_unreported_lock(&mut self) -> bool {
        std::mem::take(&mut self.lock_not_reported)
    }

    /// How full it is.
    pub fn state(&self, key: &str, limits: Limits, now: Timestamp) -> BudgetState {
        let used = match self.blocked_until {
            Some(_) => limits.limit,
            // More than the limit only when one was judged long after its lease, or the limit was lowered.
            None => u32::try_from(self.kept.len() + self.pending.len()).unwrap_or(u32::MAX).min(limits.limit),
        };
        let newest_leaves = self.kept.last().map_or(now, |newest| newest.at + limits.window);
        let resets_at = if self.pending.is_empty() { newest_leaves } else { now + limits.window };
        BudgetState {
            key: key.to_owned(),
            used,
            blocked_until: self.blocked_until,
            resets_at: self.blocked_until.unwrap_or(resets_at.max(newest_leaves)),
            newly_locked: false,
        }
    }

    /// From when on the window says no more than an untouched one, if nothing else happens.
    pub fn idle_at(&self, limits: Limits) -> Timestamp {
        let after_lapse = limits.window.max(limits.lockout.unwrap_or_default());
        let kept = self.kept.iter().map(|entry| entry.at + limits.window);
        let pending = self.pending.iter().map(|entry| entry.at + after_lapse);
        kept.chain(pending).chain(self.blocked_until).max().unwrap_or(Timestamp::EPOCH)
    }

    /// No entry, reservation or lock at all.
    pub fn is_empty(&self) -> bool {
        self.kept.is_empty() && self.pending.is_empty() && self.blocked_until.is_none()
    }

    /// Times of the kept entries, oldest first.
    pub fn kept(&self) -> impl Iterator<Item = Timestamp> {
        self.kept.iter().map(|entry| entry.at)
    }

    /// The end of the lock.
    pub fn blocked_until(&self) -> Option<Timestamp> {
        self.blocked_until
    }

    fn first_lapsed(&self, now: Timestamp) -> Option<usize> {
        let due = self.pending.iter().enumerate().filter(|(_, entry)| entry.at <= now);
        due.min_by_key(|(_, entry)| entry.at).map(|(index, _)| index)
    }

    fn expire(&mut self, limits: Limits, now: Timestamp) {
        if self.blocked_until.is_some_and(|until| until <= now) {
            self.blocked_until = None;
            self.lock_not_reported = false;
        }
        let gone = self.kept.partition_point(|entry| entry.at + limits.window <= now);
        self.kept.drain(..gone);
    }

    /// Adds an entry; true when that started a lock.
    fn keep(&mut self, id: Box<str>, limits: Limits, at: Timestamp) -> bool {
        self.expire(limits, at);
        if self.blocked_until.is_some_and(|until| at + limits.window <= until) {
            return false;
        }
        let place = self.kept.partition_point(|entry| entry.at <= at);
        self.kept.insert(place, Entry { id, at });
        let full = self.kept.len() >= usize::try_from(limits.limit).unwrap_or(usize::MAX);
        match limits.lockout {
            Some(lockout) if full && self.blocked_until.is_none() => {
                self.kept.clear();
                self.blocked_until = Some(at + lockout);
                true
            }
            _ => false,
        }
    }
}

/// What settling did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Settling {
    /// It started a lock.
    pub newly_locked: bool,
    /// It changed something that must survive a restart.
    pub changed: bool,
}

#[cfg(test)]
#[path = "window_tests.rs"]
mod tests;
