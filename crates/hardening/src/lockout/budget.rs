//! [`Budget`]: one counter an attempt draws on, and [`BudgetState`]: how full it is.

use std::time::Duration;

use super::window::Limits;
use crate::clock::Timestamp;
use crate::rate_limit::{Count, Decision, Per, Rule};

/// One counter and its limit. An attempt usually draws on several: account, device, address.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Budget {
    /// `rate_limit:{scope:identifier}:route`, see [`Rule::key_of`].
    pub key: String,
    /// How many places there are in a window; 1 or more.
    pub limit: u32,
    /// The length of the window.
    pub window: Duration,
    /// Which outcomes use a place up.
    pub counts: Count,
    /// How long the key is locked once the limit is reached; `None`: no longer than the window holds it.
    pub lockout: Option<Duration>,
    /// Whose budget it is.
    pub scope: Per,
}

impl Budget {
    /// The budget that `rule` gives to `identifier` (an address, an account key, a person id).
    pub fn of(rule: &Rule, identifier: &str) -> Self {
        Self {
            key: rule.key_of(identifier),
            limit: rule.limit,
            window: rule.window,
            counts: rule.count,
            lockout: rule.lockout,
            scope: rule.per,
        }
    }

    /// How long it is refused once the limit is reached: the set lock, else at most the window.
    pub fn lock_length(&self) -> Duration {
        self.lockout.unwrap_or(self.window)
    }

    /// The numbers the window algorithm needs.
    pub fn limits(&self) -> Limits {
        Limits { limit: self.limit, window: self.window, lockout: self.lockout }
    }

    /// Whether a success wipes earlier failures. Only of the account's or device's own budget: an address
    /// must not buy fresh guesses with one account it owns.
    pub(super) fn cleared_by_success(&self) -> bool {
        self.counts == Count::Failures && matches!(self.scope, Per::Account | Per::Device)
    }

    /// Whether an outcome uses the place up.
    pub(super) fn keeps(&self, success: bool) -> bool {
        match self.counts {
            Count::Failures => !success,
            Count::Successes => success,
            Count::Requests | Count::Attempts => true,
        }
    }
}

/// How full a budget is at one moment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BudgetState {
    /// The budget's key.
    pub key: String,
    /// Kept entries plus pending reservations; the whole limit while locked.
    pub used: u32,
    /// The end of the lock, when there is one.
    pub blocked_until: Option<Timestamp>,
    /// When the budget will be whole again if nothing more happens.
    pub resets_at: Timestamp,
    /// Whether this very call started the lock.
    pub newly_locked: bool,
}

impl BudgetState {
    /// A budget nobody has drawn on.
    pub fn untouched(key: &str, now: Timestamp) -> Self {
        Self { key: key.to_owned(), used: 0, blocked_until: None, resets_at: now, newly_locked: false }
    }
}

/// The state with the fewest places left, as header values want it. Without any budget: nothing is limited.
pub(super) fn tightest<'a>(
    states: impl Iterator<Item = (&'a Budget, &'a BudgetState)>,
    now: Timestamp,
) -> Decision {
    states
        .enumerate()
        .map(|(policy, (budget, state))| Decision {
            allowed: true,
            limit: budget.limit,
            remaining: budget.limit.saturating_sub(state.used),
            window: budget.window,
            reset_at: state.blocked_until.unwrap_or(state.resets_at),
            retry_after: state.blocked_until.map(|until| until.since(now)),
            policy,
        })
        .min_by_key(|decision| (decision.remaining, std::cmp::Reverse(decision.reset_at)))
        .unwrap_or_else(|| Decision::unlimited(now))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn budget(limit: u32, counts: Count, scope: Per) -> Budget {
        Budget { key: "k".into(), limit, window: Duration::from_mins(1), counts, lockout: None, scope }
    }

    #[test]
    fn each_kind_keeps_what_it_counts() {
        let kept = |counts| [true, false].map(|success| budget(1, counts, Per::Ip).keeps(success));
        assert_eq!(kept(Count::Failures), [false, true]);
        assert_eq!(kept(Count::Successes), [true, false]);
        assert_eq!(kept(Count::Requests), [true, true]);
        assert_eq!(kept(Count::Attempts), [true, true]);
    }

    #[test]
    fn a_success_never_clears_an_addresss_budget() {
        assert!(budget(1, Count::Failures, Per::Account).cleared_by_success());
        assert!(budget(1, Count::Failures, Per::Device).cleared_by_success());
        for scope in [Per::Ip, Per::Person, Per::Email, Per::Token, Per::Org, Per::System] {
            assert!(!budget(1, Count::Failures, scope).cleared_by_success(), "{scope:?}");
        }
        assert!(!budget(1, Count::Requests, Per::Account).cleared_by_success());
    }

    #[test]
    fn the_tightest_is_the_one_with_fewest_places_left() {
        let now = Timestamp::from_unix_seconds(100);
        let (ip, account) = (budget(20, Count::Failures, Per::Ip), budget(5, Count::Failures, Per::Account));
        let state = |used| BudgetState { used, ..BudgetState::untouched("k", now) };
        let (few, many) = (state(2), state(19));
        let decision = tightest([(&account, &few), (&ip, &many)].into_iter(), now);
        assert_eq!((decision.policy, decision.limit, decision.remaining), (1, 20, 1));
        assert!(tightest(std::iter::empty(), now).allowed);
    }
}
