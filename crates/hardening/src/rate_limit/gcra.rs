//! The generic cell rate algorithm in whole microseconds: one number a key.
//!
//! * A key holds its *theoretical arrival time*: the moment its budget will be whole again.
//! * Each request moves it on by `window / limit`, rounded up, so that rounding is on the strict side.
//! * A request is refused when that would put it more than a window ahead of now. In any window of that
//!   length there are at most twice the limit less one, and the limit in the long run.
//! * A clock that was set back locks nobody out for longer than one window: a number further ahead than two windows is
//!   forgotten. One window would not do, because nodes whose clocks differ by milliseconds would forget in turns.

use std::time::Duration;

use super::{Decision, Quota};
use crate::clock::Timestamp;

/// Takes one: the key's new number (unchanged when refused) and the decision. `stored` is `None` for a key
/// that was never seen or has been whole for a while. The decision's `policy` is 0.
pub fn take(stored: Option<i64>, quota: Quota, now: Timestamp) -> (i64, Decision) {
    let limit = i64::from(quota.limit.max(1));
    let step = step(quota);
    let capacity = step.saturating_mul(limit);
    let now_micros = now.micros();
    let possible = now_micros..=now_micros.saturating_add(capacity.saturating_mul(2));
    let whole_at = stored.filter(|whole_at| possible.contains(whole_at)).unwrap_or(now_micros);
    let next = whole_at.saturating_add(step);
    let earliest = next.saturating_sub(capacity);
    let allowed = earliest <= now_micros;
    let after = if allowed { next } else { whole_at };
    let spare = capacity.saturating_sub(after.saturating_sub(now_micros));
    let wait = Duration::from_micros(u64::try_from(earliest.saturating_sub(now_micros)).unwrap_or(0));
    let decision = Decision {
        allowed,
        limit: quota.limit,
        remaining: u32::try_from(spare.max(0) / step).unwrap_or(u32::MAX),
        window: quota.window,
        reset_at: Timestamp::from_micros(if allowed { after } else { earliest }),
        retry_after: (!allowed).then_some(wait),
        policy: 0,
    };
    (after, decision)
}

/// Microseconds between two requests at the steady rate, rounded up, at least 1.
pub fn step(quota: Quota) -> i64 {
    let window = i64::try_from(quota.window.as_micros()).unwrap_or(i64::MAX);
    let limit = i64::from(quota.limit.max(1));
    (window / limit + i64::from(window % limit != 0)).max(1)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn quota(limit: u32, millis: u64) -> Quota {
        Quota { limit, window: Duration::from_millis(millis) }
    }

    #[test]
    fn a_burst_of_the_limit_then_one_a_step() {
        let quota = quota(3, 300);
        let now = Timestamp::from_unix_seconds(1_000);
        let mut stored = None;
        for left in [2, 1, 0] {
            let (next, decision) = take(stored, quota, now);
            assert_eq!((decision.allowed, decision.remaining), (true, left));
            stored = Some(next);
        }
        let (same, refused) = take(stored, quota, now);
        assert_eq!((Some(same), refused.allowed, refused.remaining), (stored, false, 0));
        assert_eq!(refused.retry_after, Some(Duration::from_millis(100)));
        let almost = now + Duration::from_micros(99_999);
        assert!(!take(stored, quota, almost).1.allowed, "not released early");
        assert!(take(stored, quota, now + Duration::from_millis(100)).1.allowed, "nor late");
    }

    #[test]
    fn a_clock_set_back_costs_one_window_at_most() {
        let (quota, before) = (quota(3, 300), Timestamp::from_unix_seconds(10_000));
        let full = (0..3).fold(None, |stored, _| Some(take(stored, quota, before).0));
        for back in [1, 299, 300, 301, 10_000, 9_000_000] {
            let now = before - Duration::from_millis(back);
            let (stored, refused) = take(full, quota, now);
            let wait = refused.retry_after.unwrap_or_default();
            assert!(wait <= Duration::from_millis(400), "{back}: {wait:?}");
            assert!(refused.allowed || take(Some(stored), quota, now + wait).1.allowed, "{back}");
        }
    }

    #[test]
    fn nodes_whose_clocks_differ_a_little_give_no_more_together() {
        let (quota, now) = (quota(3, 300), Timestamp::from_unix_seconds(10_000));
        let (mut stored, mut allowed) = (None, 0);
        for number in 0..100 {
            let behind = Duration::from_millis(if number % 2 == 0 { 20 } else { 0 });
            let (next, decision) = take(stored, quota, now - behind);
            (stored, allowed) = (Some(next), allowed + u32::from(decision.allowed));
        }
        assert_eq!(allowed, 3);
    }

    proptest! {
        /// Against a leaky bucket simulated in exact arithmetic: a level that drains evenly, measured in
        /// units of `1 / limit` of the window per request.
        #[test]
        fn agrees_with_a_leaky_bucket(
            limit in 1_u32..40, step_micros in 1_i64..50_000, gaps in prop::collection::vec(0_i64..100_000, 1..200)
        ) {
            let window = Duration::from_micros(u64::try_from(step_micros).expect("positive") * u64::from(limit));
            let quota = Quota { limit, window };
            let (mut stored, mut level, mut now) = (None, 0_i64, Timestamp::from_unix_seconds(1_000));
            for gap in gaps {
                now = now + Duration::from_micros(u64::try_from(gap).expect("positive"));
                level = (level - gap).max(0);
                let fits = level + step_micros <= step_micros * i64::from(limit);
                if fits {
                    level += step_micros;
                }
                let (next, decision) = take(stored, quota, now);
                stored = Some(next);
                prop_assert_eq!(decision.allowed, fits);
                let left = (step_micros * i64::from(limit) - level) / step_micros;
                prop_assert_eq!(i64::from(decision.remaining), left);
            }
        }

        /// Refusals say the exact microsecond, and the long-run rate holds whatever the rounding.
        #[test]
        fn retry_after_is_exact_and_the_rate_holds(
            limit in 1_u32..1_000, micros in 1_u64..100_000_000, gaps in prop::collection::vec(0_u64..1_000_000, 1..100)
        ) {
            let quota = Quota { limit, window: Duration::from_micros(micros) };
            let start = Timestamp::from_unix_seconds(1_000);
            let (mut stored, mut now, mut allowed) = (None, start, 0_u64);
            for gap in gaps {
                now = now + Duration::from_micros(gap);
                let (next, decision) = take(stored, quota, now);
                stored = Some(next);
                allowed += u64::from(decision.allowed);
                if let Some(wait) = decision.retry_after {
                    prop_assert!(take(stored, quota, now + wait).1.allowed);
                    let early = wait.checked_sub(Duration::from_micros(1)).expect("a refusal waits");
                    prop_assert!(!take(stored, quota, now + early).1.allowed);
                }
            }
            let elapsed = u128::from(now.micros().abs_diff(start.micros()));
            let steady = elapsed * u128::from(limit) / u128::from(micros);
            prop_assert!(u128::from(allowed) <= u128::from(limit) + steady);
        }
    }
}
