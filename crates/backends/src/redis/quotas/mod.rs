//! [`RedisQuotas`]: traffic limits that all nodes share.
//!
//! * The arithmetic is that of `hardening::rate_limit::gcra`: the script moves the numbers on, and the caller works
//!   the answer out of what they were before.
//! * Keys of one slot are taken from in one script. Keys of several slots are asked at once, one script a slot;
//!   when any refuses, the others are given back, so that a refusal costs nothing.

mod fallback;

use async_trait::async_trait;
use futures_util::future::join_all;
use hardening::clock::Timestamp;
use hardening::fault::Fault;
use hardening::rate_limit::{Decision, Quota, QuotaStore, gcra};

use super::decimal::decimal;
use super::{Arg, RedisLink, scripts};
pub use fallback::FallbackQuotas;

/// Traffic limits in Redis. Clones share the link.
#[derive(Clone)]
pub struct RedisQuotas {
    link: RedisLink,
}

/// Some of the keys that were asked for, all in one slot, with their positions.
struct Slot<'a> {
    tag: &'a str,
    places: Vec<usize>,
}

impl RedisQuotas {
    /// Limits behind `link`.
    pub const fn new(link: RedisLink) -> Self {
        Self { link }
    }

    async fn take_in(
        &self,
        slot: &Slot<'_>,
        keys: &[(String, Quota)],
        now: Timestamp,
    ) -> Result<Decision, Fault> {
        let names: Vec<&str> = slot.places.iter().map(|&place| keys[place].0.as_str()).collect();
        let mut arguments = vec![Arg::from(now.micros())];
        push_numbers(&mut arguments, slot.places.iter().map(|&place| keys[place].1));
        let answer: Vec<u8> = self.link.run(&scripts::QUOTA_TAKE, &names, &arguments).await?;
        let quotas = slot.places.iter().map(|&place| (place, keys[place].1));
        tightest(quotas, &answer, now).map(|(decision, _)| decision)
    }

    /// Who cannot be reached keeps one place too many until it comes back by itself.
    async fn give_back(&self, slot: &Slot<'_>, keys: &[(String, Quota)]) {
        let names: Vec<&str> = slot.places.iter().map(|&place| keys[place].0.as_str()).collect();
        let steps: Vec<Arg> = slot.places.iter().map(|&place| gcra::step(keys[place].1).into()).collect();
        let given: Result<i64, Fault> = self.link.run(&scripts::QUOTA_GIVE_BACK, &names, &steps).await;
        if let Err(fault) = given {
            tracing::debug!(%fault, "a refused request's quota could not be given back");
        }
    }
}

#[async_trait]
impl QuotaStore for RedisQuotas {
    async fn take(&self, keys: &[(String, Quota)], now: Timestamp) -> Result<Decision, Fault> {
        let slots = by_slot(keys);
        if let [slot] = slots.as_slice() {
            return self.take_in(slot, keys, now).await;
        }
        let answers = join_all(slots.iter().map(|slot| self.take_in(slot, keys, now))).await;
        if answers.iter().any(|answer| !answer.as_ref().is_ok_and(|decision| decision.allowed)) {
            let taken = slots.iter().zip(&answers);
            let taken = taken.filter(|(_, answer)| answer.as_ref().is_ok_and(|decision| decision.allowed));
            join_all(taken.map(|(slot, _)| self.give_back(slot, keys))).await;
        }
        let decisions: Vec<Decision> = answers.into_iter().collect::<Result<_, _>>()?;
        Ok(decisions.into_iter().reduce(Decision::tighter).unwrap_or_else(|| Decision::unlimited(now)))
    }
}

/// What decides a key's slot: the text in its first braces, or all of it (Redis Cluster specification, hash tags).
pub(super) fn hash_tag(key: &str) -> &str {
    let inside = key.split_once('{').and_then(|(_, rest)| rest.split_once('}')).map(|(tag, _)| tag);
    inside.filter(|tag| !tag.is_empty()).unwrap_or(key)
}

fn by_slot(keys: &[(String, Quota)]) -> Vec<Slot<'_>> {
    let mut slots: Vec<Slot<'_>> = Vec::new();
    for (place, (key, _)) in keys.iter().enumerate() {
        let tag = hash_tag(key);
        match slots.iter_mut().find(|slot| slot.tag == tag) {
            Some(slot) => slot.places.push(place),
            None => slots.push(Slot { tag, places: vec![place] }),
        }
    }
    slots
}

/// How much longer a key stays than it says anything: other callers' clocks may be a little behind.
const SLACK_MILLIS: i64 = 1_000;

/// Of each its step and capacity in microseconds and its expiry in milliseconds, as the scripts want them.
pub(super) fn push_numbers(arguments: &mut Vec<Arg>, quotas: impl Iterator<Item = Quota>) {
    for quota in quotas {
        let step = gcra::step(quota);
        let capacity = step.saturating_mul(i64::from(quota.limit.max(1)));
        arguments.extend([step, capacity, capacity / 1_000 + SLACK_MILLIS].map(Arg::from));
    }
}

/// The decision to report, from the script's answer: whether it took, what each key held before (-1: nothing), and what
/// comes behind. `quotas` come with the positions to report them under.
pub(super) fn tightest(
    quotas: impl Iterator<Item = (usize, Quota)>,
    answer: &[u8],
    now: Timestamp,
) -> Result<(Decision, &[u8]), Fault> {
    let unreadable = || Fault::internal("an answer of the quota script that cannot be read");
    let (took, mut rest) = number(answer).ok_or_else(unreadable)?;
    let mut tightest: Option<Decision> = None;
    for (policy, quota) in quotas {
        let (stored, after) = number(rest).ok_or_else(unreadable)?;
        rest = after;
        let (_, decision) = gcra::take((stored >= 0).then_some(stored), quota, now);
        let decision = Decision { policy, ..decision };
        tightest = Some(tightest.map_or(decision, |other| other.tighter(decision)));
    }
    let tightest = tightest.unwrap_or_else(|| Decision::unlimited(now));
    if tightest.allowed == (took == 1) {
        Ok((tightest, rest))
    } else {
        Err(Fault::internal("the quota script and its caller disagree"))
    }
}

/// A number and what follows the space after it.
fn number(text: &[u8]) -> Option<(i64, &[u8])> {
    let end = text.iter().position(|&octet| octet == b' ')?;
    Some((decimal(&text[..end])?, &text[end + 1..]))
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn the_first_braces_decide_the_slot() {
        for (key, tag) in [
            ("rate_limit:{ip:192.0.2.1}:/api/*", "ip:192.0.2.1"),
            ("session:{person_1}:session_x", "person_1"),
            ("a{b}{c}", "b"),
            ("a{}{c}", "a{}{c}"),
            ("a{b", "a{b"),
            ("a}b{c}", "c"),
            ("a{{b}}", "{b"),
            ("plain", "plain"),
        ] {
            assert_eq!(hash_tag(key), tag, "{key}");
        }
    }

    #[test]
    fn an_answer_that_is_none_or_has_another_opinion_is_a_fault() {
        let now = Timestamp::from_unix_seconds(1_000);
        let quota = Quota { limit: 1, window: Duration::from_secs(1) };
        let taken = |answer: String| {
            tightest([(0, quota)].into_iter(), answer.as_bytes(), now)
                .map(|(decision, behind)| (decision.allowed, behind.to_vec()))
        };
        let full = now.micros() + 1_000_000;
        assert_eq!(taken("1 -1 ".into()), Ok((true, vec![])));
        assert_eq!(taken("1 -1 a session".into()), Ok((true, b"a session".to_vec())));
        assert_eq!(taken(format!("0 {full} ")), Ok((false, vec![])));
        for wrong in
            ["", "1", "1 ", "1 -1", "1 - ", " 1 -1 ", "x -1 ", "1 1x ", "0 -1 ", &format!("1 {full} ")]
        {
            assert!(matches!(taken(wrong.to_owned()), Err(Fault::Internal(_))), "{wrong:?}");
        }
    }
}
