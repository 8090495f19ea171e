use std::sync::Arc;

use hardening::rate_limit::{Decision, Quota};

/// The quotas that one request takes from.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TrafficLimits {
    keys: Vec<(String, Quota)>,
    policies: Vec<Arc<str>>,
}

impl TrafficLimits {
    /// One more. `policy` is its public name, of lower-case letters, digits and hyphens; `key` is what it is
    /// counted under and stays private.
    #[must_use]
    pub fn and(mut self, policy: impl Into<Arc<str>>, key: impl Into<String>, quota: Quota) -> Self {
        self.policies.push(policy.into());
        self.keys.push((key.into(), quota));
        self
    }

    /// The public name of a quota, by its place; `default` for one without a name.
    pub fn policy(&self, index: usize) -> &str {
        self.policies.get(index).map_or("default", AsRef::as_ref)
    }

    /// Keys and quotas, as the store takes them.
    pub fn keys(&self) -> &[(String, Quota)] {
        &self.keys
    }
}

/// Quotas without names of their own.
impl From<Vec<(String, Quota)>> for TrafficLimits {
    fn from(keys: Vec<(String, Quota)>) -> Self {
        Self { keys, policies: Vec::new() }
    }
}

/// What was already taken for this request, and the decision; in the request's extensions. Whoever inserts it
/// has taken from all quotas the request is limited by: [`super::RateLimitLayer`] takes nothing more.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TrafficTaken(pub Decision, pub TrafficLimits);
