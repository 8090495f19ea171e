//! [`RedisAttempts`]: exact credential limits that all nodes share.
//!
//! * The rules are those of `hardening::lockout::window`, in Lua. A budget is one string, so that its entries, its lock
//!   and its expiry are one write: no crash leaves a lock without an end.
//! * A reservation takes budget after budget, in the order of their keys, one script each: budgets of an account and of
//!   an address lie in different slots of a Cluster. When one refuses, or Redis fails, the places taken before are given
//!   back; what cannot be given back lapses into a used place. In between, a place may look reserved to others for
//!   a moment; more than the limit never reach the check.
//! * There is no fallback: when Redis cannot tell, that is a [`Fault`], and nothing is judged.

mod reply;

use std::time::Duration;

use async_trait::async_trait;
use futures_util::future::{join_all, try_join_all};
use hardening::clock::Timestamp;
use hardening::fault::Fault;
use hardening::lockout::window::Room;
use hardening::lockout::{AttemptStore, Budget, BudgetState, ReserveOutcome, Settlement};

use super::{Arg, RedisLink, scripts};
use reply::{Numbers, RoomReply, Seen, rank, room};

/// Attempts in Redis. Clones share the link.
#[derive(Clone)]
pub struct RedisAttempts {
    link: RedisLink,
}

/// One reservation under way.
struct Attempt<'a> {
    id: String,
    budgets: &'a [Budget],
    now: Timestamp,
    lapses_at: Timestamp,
}

impl RedisAttempts {
    /// Attempts behind `link`.
    pub const fn new(link: RedisLink) -> Self {
        Self { link }
    }

    /// Takes a place if there is one and `take`; what there is either way.
    async fn ask(&self, attempt: &Attempt<'_>, index: usize, take: bool) -> Result<(Room, Seen), Fault> {
        let budget = &attempt.budgets[index];
        let mut arguments = numbers_of(budget, attempt.now);
        arguments.extend([attempt.id.as_str().into(), attempt.lapses_at.micros().into()]);
        arguments.push(i64::from(take).into());
        let keys = [budget.key.as_str()];
        room(self.link.run::<RoomReply>(&scripts::ATTEMPT_RESERVE, &keys, &arguments).await?)
    }

    async fn settle_one(&self, id: &str, settlement: &Settlement<'_>, now: Timestamp) -> Result<Seen, Fault> {
        let mut arguments = numbers_of(settlement.budget, now);
        arguments.push(id.into());
        arguments.extend([settlement.keep, settlement.clear].map(|flag| Arg::from(i64::from(flag))));
        let keys = [settlement.budget.key.as_str()];
        Ok(self.link.run::<Numbers>(&scripts::ATTEMPT_SETTLE, &keys, &arguments).await?.into())
    }

    /// What cannot be given back lapses into a used place, which is the strict side.
    async fn give_back(&self, attempt: &Attempt<'_>, taken: &[usize]) {
        let settlements = taken.iter().map(|&index| async move {
            let settlement = Settlement { budget: &attempt.budgets[index], keep: false, clear: false };
            self.settle_one(&attempt.id, &settlement, attempt.now).await
        });
        for fault in join_all(settlements).await.into_iter().filter_map(Result::err) {
            tracing::debug!(%fault, "a reserved place could not be given back");
        }
    }

    /// The refusal to report: that of `refused`, or a worse one among those not asked yet.
    async fn worst(
        &self,
        attempt: &Attempt<'_>,
        refused: (usize, Room, Seen),
        not_asked: &[usize],
    ) -> Result<ReserveOutcome, Fault> {
        let looks = not_asked.iter().map(|&index| async move {
            self.ask(attempt, index, false).await.map(|(room, seen)| (index, room, seen))
        });
        let others = try_join_all(looks).await?;
        let mut refusals: Vec<_> = std::iter::once(refused).chain(others).collect();
        refusals.sort_by_key(|(index, ..)| *index);
        let worse =
            |a: (usize, Room, Seen), b: (usize, Room, Seen)| if rank(b.1) > rank(a.1) { b } else { a };
        let (index, room, seen) = refusals.into_iter().reduce(worse).unwrap_or(refused);
        Ok(match room {
            Room::Blocked { until } => {
                let newly = seen.flag && self.report(&attempt.budgets[index]).await?;
                ReserveOutcome::Blocked { index, until, newly }
            }
            Room::Full { until } => ReserveOutcome::Full { index, until },
            Room::Busy | Room::Free => ReserveOutcome::Busy { index },
        })
    }

    /// Whether a lock that came from a lapse is told for the first time.
    async fn report(&self, budget: &Budget) -> Result<bool, Fault> {
        self.link.run(&scripts::ATTEMPT_REPORT, &[&budget.key], &[]).await
    }
}

#[async_trait]
impl AttemptStore for RedisAttempts {
    async fn reserve(
        &self,
        id: &str,
        budgets: &[Budget],
        now: Timestamp,
        lease: Duration,
    ) -> Result<ReserveOutcome, Fault> {
        let attempt = Attempt { id: plain(id), budgets, now, lapses_at: now + lease };
        let mut order: Vec<usize> = (0..budgets.len()).collect();
        order.sort_by_key(|&index| &budgets[index].key);
        let mut states: Vec<Option<BudgetState>> = vec![None; budgets.len()];
        for (place, &index) in order.iter().enumerate() {
            match self.ask(&attempt, index, true).await {
                Ok((Room::Free, seen)) => states[index] = Some(seen.state(&budgets[index], now)),
                Ok((room, seen)) => {
                    let refused = (index, room, seen);
                    let (outcome, ()) = futures_util::future::join(
                        self.worst(&attempt, refused, &order[place + 1..]),
                        self.give_back(&attempt, &order[..place]),
                    )
                    .await;
                    return outcome;
                }
                Err(fault) => {
                    // The failed call may have taken its place all the same.
                    self.give_back(&attempt, &order[..=place]).await;
                    return Err(fault);
                }
            }
        }
        Ok(ReserveOutcome::Reserved(states.into_iter().flatten().collect()))
    }

    async fn settle(
        &self,
        id: &str,
        settlements: &[Settlement<'_>],
        now: Timestamp,
    ) -> Result<Vec<BudgetState>, Fault> {
        let id = &plain(id);
        let settled = settlements.iter().map(|settlement| async move {
            let seen = self.settle_one(id, settlement, now).await?;
            Ok(BudgetState { newly_locked: seen.flag, ..seen.state(settlement.budget, now) })
        });
        // All are tried, also when one fails.
        join_all(settled).await.into_iter().collect()
    }

    async fn clear(&self, keys: &[String]) -> Result<(), Fault> {
        let cleared = keys.iter().map(|key| async move {
            self.link.run::<i64>(&scripts::ATTEMPT_CLEAR, &[key.as_str()], &[]).await
        });
        join_all(cleared).await.into_iter().collect::<Result<Vec<_>, _>>().map(|_| ())
    }

    async fn state(&self, budgets: &[Budget], now: Timestamp) -> Result<Vec<BudgetState>, Fault> {
        let states = budgets.iter().map(|budget| async move {
            let keys = [budget.key.as_str()];
            let arguments = numbers_of(budget, now);
            let numbers = self.link.run::<Numbers>(&scripts::ATTEMPT_STATE, &keys, &arguments).await?;
            Ok(Seen::from(numbers).state(budget, now))
        });
        join_all(states).await.into_iter().collect()
    }
}

/// A window or lock of 142 years: with the present, still exact as a number of Lua.
const LONGEST: i64 = 1 << 52;

/// Now, limit, window, and lockout (-1: none) in microseconds.
fn numbers_of(budget: &Budget, now: Timestamp) -> Vec<Arg> {
    let micros = |length: Duration| i64::try_from(length.as_micros()).unwrap_or(LONGEST).min(LONGEST);
    let lockout = budget.lockout.map_or(-1, micros);
    let mut arguments = Vec::with_capacity(7);
    arguments.extend([now.micros(), i64::from(budget.limit), micros(budget.window), lockout].map(Arg::from));
    arguments
}

/// An id that cannot be mistaken for two tokens of a window: what is neither letter, digit, `-` nor `_` is escaped.
fn plain(id: &str) -> String {
    let mut plain = String::with_capacity(id.len());
    for byte in id.bytes() {
        if byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_') {
            plain.push(char::from(byte));
        } else {
            plain.push('%');
            plain.extend(
                [byte >> 4, byte & 15].map(|half| char::from(b"0123456789abcdef"[usize::from(half)])),
            );
        }
    }
    plain
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_become_plain_and_stay_distinct() {
        assert_eq!(plain("Az-_09"), "Az-_09");
        assert_eq!(plain("a b:%é"), "a%20b%3a%25%c3%a9");
    }
}
