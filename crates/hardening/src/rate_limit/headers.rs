//! Response header values of a [`Decision`]: the widespread `X-RateLimit-*` and the IETF `RateLimit` fields
//! (draft-ietf-httpapi-ratelimit-headers), all from the same numbers.

use std::ops::Range;

use super::Decision;
use crate::clock::Timestamp;

/// The names, in the order of [`Numbers::values`].
pub const NAMES: [&str; 5] =
    ["x-ratelimit-limit", "x-ratelimit-remaining", "x-ratelimit-reset", "ratelimit", "ratelimit-policy"];

/// The values for a limited response, in one piece of memory: every response has them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Numbers {
    text: Vec<u8>,
    ends: [usize; NAMES.len()],
}

impl Numbers {
    /// `policy` is the name of the rule. On a refusal add `Retry-After` from [`retry_after_seconds`], which is never
    /// earlier than the reset named here.
    pub fn of(decision: &Decision, policy: &str, now: Timestamp) -> Self {
        let (limit, remaining) = (u64::from(decision.limit), u64::from(decision.remaining));
        let reset_in = ceil_seconds(decision.reset_at.since(now));
        let window = ceil_seconds(decision.window);
        let reset = decision.reset_at.unix_seconds_ceil();
        let mut text = Vec::with_capacity(2 * policy.len() + 128);
        let mut ends = [0; NAMES.len()];
        push_number(&mut text, limit);
        ends[0] = text.len();
        push_number(&mut text, remaining);
        ends[1] = text.len();
        if reset < 0 {
            text.push(b'-');
        }
        push_number(&mut text, reset.unsigned_abs());
        ends[2] = text.len();
        push_member(&mut text, policy, (b'r', remaining), (b't', reset_in));
        ends[3] = text.len();
        push_member(&mut text, policy, (b'q', limit), (b'w', window));
        ends[4] = text.len();
        Self { text, ends }
    }

    /// Where in [`Numbers::into_text`] the values are.
    pub fn ranges(&self) -> [Range<usize>; NAMES.len()] {
        let mut start = 0;
        self.ends.map(|end| std::mem::replace(&mut start, end)..end)
    }

    /// All of them.
    pub fn into_text(self) -> Vec<u8> {
        self.text
    }

    /// Each of them.
    pub fn values(&self) -> [&str; NAMES.len()] {
        self.ranges().map(|range| std::str::from_utf8(&self.text[range]).unwrap_or_default())
    }
}

/// `"policy";a=1;b=2`
fn push_member(text: &mut Vec<u8>, policy: &str, one: (u8, u64), two: (u8, u64)) {
    text.push(b'"');
    text.extend_from_slice(policy.as_bytes());
    text.push(b'"');
    for (name, number) in [one, two] {
        text.extend_from_slice(&[b';', name, b'=']);
        push_number(text, number);
    }
}

fn push_number(text: &mut Vec<u8>, mut number: u64) {
    let mut digits = [0; 20];
    let mut at = digits.len();
    loop {
        at -= 1;
        digits[at] = b'0' + u8::try_from(number % 10).unwrap_or(0);
        number /= 10;
        if number == 0 {
            break;
        }
    }
    text.extend_from_slice(&digits[at..]);
}

/// `Retry-After` in whole seconds, rounded up and at least 1 (RFC 9110, 10.2.3); `None` when not refused.
pub fn retry_after_seconds(decision: &Decision) -> Option<u64> {
    decision.retry_after.map(|wait| ceil_seconds(wait).max(1))
}

fn ceil_seconds(duration: std::time::Duration) -> u64 {
    duration.as_secs() + u64::from(duration.subsec_nanos() > 0)
}

#[cfg(test)]
mod tests {
    use super::super::{Quota, gcra};
    use super::*;
    use proptest::prelude::*;
    use std::time::Duration;

    #[test]
    fn all_fields_tell_the_same_story() {
        let now = Timestamp::from_micros(1_700_000_000_250_000);
        let decision = Decision {
            allowed: false,
            limit: 5,
            remaining: 0,
            window: Duration::from_mins(5),
            reset_at: now + Duration::from_mins(15),
            retry_after: Some(Duration::from_mins(15)),
            policy: 0,
        };
        let numbers = Numbers::of(&decision, "auth-login-account", now);
        let fields: Vec<_> =
            NAMES.iter().zip(numbers.values()).map(|(name, value)| format!("{name}: {value}")).collect();
        assert_eq!(
            fields,
            [
                "x-ratelimit-limit: 5",
                "x-ratelimit-remaining: 0",
                "x-ratelimit-reset: 1700000901",
                "ratelimit: \"auth-login-account\";r=0;t=900",
                "ratelimit-policy: \"auth-login-account\";q=5;w=300",
            ]
        );
        assert_eq!(retry_after_seconds(&decision), Some(900));
    }

    proptest! {
        #[test]
        fn reset_and_t_agree_and_retry_after_is_not_earlier(
            limit in 1_u32..50, window in 1_u64..600_000, gaps in prop::collection::vec(0_u64..2_000_000, 1..60)
        ) {
            let quota = Quota { limit, window: Duration::from_millis(window) };
            let (mut stored, mut now) = (None, Timestamp::from_unix_seconds(5_000));
            for gap in gaps {
                now = now + Duration::from_micros(gap);
                let (next, decision) = gcra::take(stored, quota, now);
                stored = Some(next);
                let numbers = Numbers::of(&decision, "p", now);
                let fields = numbers.values();
                let number = |text: &str| text.parse::<i64>().expect("a number");
                let t = number(fields[3].rsplit_once("t=").expect("t").1);
                prop_assert!((number(fields[2]) - now.unix_seconds() - t).abs() <= 1);
                let expected_remaining = format!("r={};", fields[1]);
                prop_assert!(fields[3].contains(&expected_remaining));
                if let Some(wait) = retry_after_seconds(&decision) {
                    prop_assert!(i64::try_from(wait).expect("small") >= t);
                }
            }
        }
    }
}
