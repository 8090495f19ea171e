use bytes::Bytes;
use hardening::clock::Timestamp;
use hardening::rate_limit::Decision;
use hardening::rate_limit::headers::{self, Numbers};
use http::{HeaderMap, HeaderName, HeaderValue};

use super::{TrafficLimits, TrafficTaken};
use crate::Refusal;

/// Names of headers are told apart from text once.
const NAMES: [HeaderName; headers::NAMES.len()] = {
    let [limit, remaining, reset, state, policy] = headers::NAMES;
    [
        HeaderName::from_static(limit),
        HeaderName::from_static(remaining),
        HeaderName::from_static(reset),
        HeaderName::from_static(state),
        HeaderName::from_static(policy),
    ]
};

/// What a response has in the end, as a rule. With those that stand there already it fits a map of 32 places; the next
/// larger one is twice that, and larger than what an allocator keeps at hand.
const USUAL_HEADERS: usize = 20;

/// What a request takes from its limits.
#[derive(Debug)]
pub enum Draw {
    /// Taken already.
    Done(TrafficTaken),
    /// To be taken.
    Due(TrafficLimits),
}

/// What the limits said.
#[derive(Debug)]
pub struct Drawn {
    pub(super) decision: Decision,
    pub(super) limits: TrafficLimits,
    pub(super) now: Timestamp,
}

impl Drawn {
    /// Why the request must not go on, if so.
    pub fn refusal(&self) -> Option<Refusal> {
        (!self.decision.allowed).then_some(Refusal::RateLimited(self.decision))
    }

    /// Writes the numbers of the tightest limit into a response's headers; a handler's own numbers stay.
    pub fn write(&self, to: &mut HeaderMap) {
        // All of one limit or none: mixed numbers would describe a limit that does not exist.
        if to.contains_key(&NAMES[0]) {
            return;
        }
        write_numbers(&self.decision, self.limits.policy(self.decision.policy), self.now, to);
    }
}

/// Writes the numbers of a limit into a response's headers, in place of any that stand there.
pub fn write_numbers(decision: &Decision, policy: &str, now: Timestamp, to: &mut HeaderMap) {
    // Room for those of the outer layers too: a map that grows hashes all of its names again.
    to.reserve(USUAL_HEADERS);
    let numbers = Numbers::of(decision, policy, now);
    let ranges = numbers.ranges();
    let text = Bytes::from(numbers.into_text());
    for (name, range) in NAMES.into_iter().zip(ranges) {
        if let Ok(value) = HeaderValue::from_maybe_shared(text.slice(range)) {
            to.insert(name, value);
        }
    }
}
