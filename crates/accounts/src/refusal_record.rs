//! Refusals on record, so that a flood cannot fill the disk and yet none goes uncounted.
//!
//! * The first of its kind in a window is a row at once. Those like it are counted, and their number is a second row
//!   (`changes.repeated`) when the window is over: the rows of a flood add up to what was refused.
//! * Rows and kinds are bounded too: what is over either is counted together, without saying who it was.
//! * Counts live in the process. One that is killed loses those of its last window; one that stops writes them down.
//! * A row that counts names people by id only: who was erased meanwhile must not come back by it.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use hardening::audit::{Action, Changes, Resource, Trail};
use hardening::clock::Timestamp;
use hardening::rate_limit::Quota;

use crate::audit_trail::{Actor, Happening};
use crate::context::RequestContext;
use crate::error::Error;
use crate::services::Services;

/// Kinds that are told apart at once.
const KINDS: usize = 4_096;
/// Rows a minute for first refusals.
const ROWS_PER_MINUTE: u32 = 600;
/// Rows in one transaction.
const ROWS_AT_ONCE: usize = 100;

/// What has been counted but not written down.
#[derive(Debug, Default)]
pub struct RefusalTally(Mutex<Tally>);

#[derive(Debug, Default)]
struct Tally {
    repeats: HashMap<String, Repeats>,
    minute: u64,
    rows: u32,
}

#[derive(Debug)]
struct Repeats {
    actor: Actor,
    context: RequestContext,
    refused: Happening,
    count: u64,
    until: Timestamp,
}

impl Repeats {
    /// Many of one action, by whomever.
    fn of_others(action: Action, until: Timestamp) -> Self {
        let refused =
            Happening::refused(action, Resource::new("refusals", "others"), "refusals of many clients");
        let context = RequestContext::new("", "", "", None);
        Self { actor: Actor::anonymous(""), context, refused, count: 0, until }
    }
}

/// Which counts to write down.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Which {
    /// Those whose window is over.
    Over,
    /// All: the process ends.
    All,
}

impl RefusalTally {
    fn lock(&self) -> MutexGuard<'_, Tally> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether another row may be written at once.
    fn has_room(&self, now: Timestamp) -> bool {
        let mut tally = self.lock();
        let minute = now.unix_seconds().unsigned_abs() / 60;
        if tally.minute != minute {
            (tally.minute, tally.rows) = (minute, 0);
        }
        tally.rows += 1;
        tally.rows <= ROWS_PER_MINUTE
    }

    fn count(&self, key: &str, repeats: Repeats) {
        let mut tally = self.lock();
        if let Some(known) = tally.repeats.get_mut(key) {
            known.count += 1;
        } else if tally.repeats.len() < KINDS {
            tally.repeats.insert(key.to_owned(), Repeats { count: 1, ..repeats });
        } else {
            tally.count_other(repeats.refused.action(), repeats.until);
        }
    }

    fn take(&self, which: Which, now: Timestamp) -> Vec<(String, Repeats)> {
        let wanted = |repeats: &Repeats| which == Which::All || repeats.until <= now;
        self.lock().repeats.extract_if(|_, repeats| wanted(repeats)).collect()
    }

    /// What could not be written down is counted on.
    fn put_back(&self, taken: Vec<(String, Repeats)>) {
        let mut tally = self.lock();
        for (key, repeats) in taken {
            match tally.repeats.get_mut(&key) {
                Some(newer) => newer.count += repeats.count,
                None => drop(tally.repeats.insert(key, repeats)),
            }
        }
    }
}

impl Tally {
    fn count_other(&mut self, action: Action, until: Timestamp) {
        let others = self.repeats.entry(format!("others:{action}"));
        others.or_insert_with(|| Repeats::of_others(action, until)).count += 1;
    }
}

/// Puts a refusal on record: as a row, or counted with those of the same `key` in this window.
pub async fn put_on_record(
    services: &Services,
    context: &RequestContext,
    actor: &Actor,
    refused: Happening,
    key: &str,
    window: Duration,
) -> Result<(), Error> {
    let now = services.clock.now();
    let once = [(format!("noted:{key}"), Quota { limit: 1, window })];
    if !services.quotas.take(&once, now).await?.allowed {
        let context =
            if actor.is_anonymous() { context.clone() } else { RequestContext::new("", "", "", None) };
        let repeats =
            Repeats { actor: actor.clone().by_id_only(), context, refused, count: 0, until: now + window };
        services.tallies.refusals.count(key, repeats);
    } else if services.tallies.refusals.has_room(now) {
        services.audit.append(services.trail(context, actor, refused)).await?;
    } else {
        services.tallies.refusals.lock().count_other(refused.action(), now + window);
    }
    Ok(())
}

/// Writes counts down; returns how many refusals they tell of.
pub async fn write_down(services: &Services, which: Which) -> Result<u64, Error> {
    let mut due = services.tallies.refusals.take(which, services.clock.now());
    let mut told = 0;
    while !due.is_empty() {
        let rest = due.split_off(due.len().min(ROWS_AT_ONCE));
        if let Some(trail) = trail_of(services, &due)
            && let Err(fault) = services.audit.append(trail).await
        {
            due.extend(rest);
            services.tallies.refusals.put_back(due);
            return Err(fault.into());
        }
        told += due.iter().map(|(_, repeats)| repeats.count).sum::<u64>();
        due = rest;
    }
    Ok(told)
}

fn trail_of(services: &Services, counted: &[(String, Repeats)]) -> Option<Trail> {
    let mut trail = None;
    for (_, Repeats { actor, context, refused, count, .. }) in counted {
        let more = Changes::new().field("repeated", serde_json::Value::Null, *count);
        let refused = refused.clone().changing(more);
        trail = Some(match trail {
            None => services.trail(context, actor, refused),
            Some(so_far) => services.trail_and(so_far, context, actor, refused),
        });
    }
    trail
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Timestamp = Timestamp::EPOCH;

    fn repeats() -> Repeats {
        Repeats::of_others(Action::AuthRateLimited, NOW + Duration::from_mins(1))
    }

    fn counted(tally: &RefusalTally) -> u64 {
        tally.lock().repeats.values().map(|repeats| repeats.count).sum()
    }

    #[test]
    fn kinds_beyond_the_bound_are_counted_together() {
        let tally = RefusalTally::default();
        for number in 0..KINDS + 500 {
            tally.count(&format!("key {number}"), repeats());
        }
        assert_eq!(tally.lock().repeats.len(), KINDS + 1);
        assert_eq!(counted(&tally), KINDS as u64 + 500);
    }

    #[test]
    fn rows_of_a_minute_are_bounded() {
        let tally = RefusalTally::default();
        let allowed = (0..2 * ROWS_PER_MINUTE).filter(|_| tally.has_room(NOW)).count();
        assert_eq!(allowed, ROWS_PER_MINUTE as usize);
        assert!(tally.has_room(NOW + Duration::from_mins(1)));
    }

    #[test]
    fn counts_wait_for_the_end_of_their_window_and_are_never_lost() {
        let tally = RefusalTally::default();
        tally.count("key", repeats());
        tally.count("key", repeats());
        assert!(tally.take(Which::Over, NOW).is_empty());
        let taken = tally.take(Which::Over, NOW + Duration::from_mins(1));
        assert_eq!((taken.len(), taken[0].1.count), (1, 2));
        tally.count("key", repeats());
        tally.put_back(taken);
        assert_eq!(counted(&tally), 3);
        assert_eq!(tally.take(Which::All, NOW)[0].1.count, 3);
    }
}
