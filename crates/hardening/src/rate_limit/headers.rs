//! Response header values of a [`Decision`]: the widespread `X-RateLimit-*` and the IETF `RateLimit` fields
//! (draft-ietf-httpapi-ratelimit-headers), all from the same numbers.

use super::Decision;
use crate::clock::Timestamp;

/// Names and values for a limited response. `policy` is the name of the rule. On a refusal add
/// `Retry-After` from [`retry_after_seconds`], which is never earlier than the reset named here.
pub fn values(decision: &Decision, policy: &str, now: Timestamp) -> [(&'static str, String); 5] {
    let reset_in = ceil_seconds(decision.reset_at.since(now)).to_string();
    let window = ceil_seconds(decision.window).to_string();
    let (limit, remaining) = (decision.limit.to_string(), decision.remaining.to_string());
    // In every response: putting pieces together is several times cheaper than `format!`.
    let state = ["\"", policy, "\";r=", &remaining, ";t=", &reset_in].concat();
    let terms = ["\"", policy, "\";q=", &limit, ";w=", &window].concat();
    [
        ("x-ratelimit-limit", limit),
        ("x-ratelimit-remaining", remaining),
        ("x-ratelimit-reset", decision.reset_at.unix_seconds_ceil().to_string()),
        ("ratelimit", state),
        ("ratelimit-policy", terms),
    ]
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
        let fields =
            values(&decision, "auth-login-account", now).map(|(name, value)| format!("{name}: {value}"));
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
                let fields = values(&decision, "p", now);
                let number = |text: &str| text.parse::<i64>().expect("a number");
                let t = number(fields[3].1.rsplit_once("t=").expect("t").1);
                prop_assert!((number(&fields[2].1) - now.unix_seconds() - t).abs() <= 1);
                let expected_remaining = format!("r={};", fields[1].1);
                prop_assert!(fields[3].1.contains(&expected_remaining));
                if let Some(wait) = retry_after_seconds(&decision) {
                    prop_assert!(i64::try_from(wait).expect("small") >= t);
                }
            }
        }
    }
}
