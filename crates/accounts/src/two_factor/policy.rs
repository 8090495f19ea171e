//! What organizations ask for, at hand for every request.
//!
//! The database holds the truth; each process keeps a copy and looks for changes about every second ([`follow`]). The process that changes a policy follows it at once.

use std::collections::HashMap;
use std::sync::{PoisonError, RwLock};
use std::time::Duration;

use hardening::clock::Timestamp;
use hardening::fault::Fault;
use hardening::session::{Assurance, Session};

use crate::ports::StoredPolicy;
use crate::services::Services;

/// How far each look reaches back over the last one, so that a slow commit or a clock a little behind is not
/// overlooked.
const OVERLAP: Duration = Duration::from_secs(10);
const DAY: u64 = 24 * 3600;

/// Who of an organization must have a second factor.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TwoFactorPolicy {
    /// Whether anybody must.
    pub require: bool,
    /// Those with one of these roles; empty: everybody.
    pub roles: Vec<String>,
    /// From when on nothing else works without; none: at once.
    pub deadline: Option<Timestamp>,
}

impl TwoFactorPolicy {
    /// Whether it asks people with these roles, now or later.
    pub fn concerns(&self, roles: &[String]) -> bool {
        self.require && (self.roles.is_empty() || self.roles.iter().any(|role| roles.contains(role)))
    }

    /// Whether these people can do nothing else now.
    pub fn demands(&self, roles: &[String], now: Timestamp) -> bool {
        self.concerns(roles) && self.deadline.is_none_or(|deadline| now >= deadline)
    }
}

/// Days until a deadline, begun ones included; 0 when it has passed.
pub fn days_left(deadline: Timestamp, now: Timestamp) -> u64 {
    let left = deadline.since(now);
    (left.as_secs() + u64::from(left.subsec_nanos() > 0)).div_ceil(DAY)
}

/// The policies of all organizations that ever set one.
#[derive(Debug, Default)]
pub struct PolicyBook(RwLock<Known>);

#[derive(Debug, Default)]
struct Known {
    by_organization: HashMap<String, (TwoFactorPolicy, Timestamp)>,
    followed_until: Option<Timestamp>,
}

impl PolicyBook {
    /// An organization's policy.
    pub fn of(&self, org_id: &str) -> Option<TwoFactorPolicy> {
        let known = self.0.read().unwrap_or_else(PoisonError::into_inner);
        known.by_organization.get(org_id).map(|(policy, _)| policy.clone())
    }

    /// Whether a session must enrol before anything else: its person has given no second factor, and the
    /// organization asks for one.
    pub fn demands_of(&self, session: &Session, now: Timestamp) -> bool {
        if session.assurance >= Assurance::TwoFactor {
            return false;
        }
        let known = self.0.read().unwrap_or_else(PoisonError::into_inner);
        known
            .by_organization
            .get(&session.org_id)
            .is_some_and(|(policy, _)| policy.demands(&session.roles, now))
    }

    /// Until when a session's person may still do without, where the organization asks for a second factor and there
    /// is none.
    pub fn due(&self, session: &Session) -> Option<Timestamp> {
        let lacks_one = session.assurance < Assurance::TwoFactor;
        let policy =
            self.of(&session.org_id).filter(|policy| lacks_one && policy.concerns(&session.roles))?;
        policy.deadline
    }

    /// Notes a policy, unless a newer one is known.
    pub(crate) fn note(&self, stored: StoredPolicy) {
        let mut known = self.0.write().unwrap_or_else(PoisonError::into_inner);
        let newer = known.by_organization.get(&stored.org_id).is_none_or(|(_, at)| *at <= stored.updated_at);
        if newer {
            known.by_organization.insert(stored.org_id, (stored.policy, stored.updated_at));
        }
    }

    fn followed_until(&self) -> Option<Timestamp> {
        self.0.read().unwrap_or_else(PoisonError::into_inner).followed_until
    }

    fn set_followed_until(&self, now: Timestamp) {
        self.0.write().unwrap_or_else(PoisonError::into_inner).followed_until = Some(now);
    }
}

/// Reads what was set since the last look; everything at the first.
pub async fn follow(services: &Services) -> Result<(), Fault> {
    let now = services.clock.now();
    let since = services.policies.followed_until().map_or(Timestamp::EPOCH, |until| until - OVERLAP);
    for stored in services.two_factor_policies.policies_since(since).await? {
        services.policies.note(stored);
    }
    services.policies.set_followed_until(now);
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_unix_seconds(seconds)
    }

    fn roles(names: &[&str]) -> Vec<String> {
        names.iter().map(|name| (*name).to_owned()).collect()
    }

    #[test]
    fn it_concerns_roles_and_demands_from_the_deadline_on() {
        let mut policy = TwoFactorPolicy { require: true, roles: roles(&["admin"]), deadline: Some(at(100)) };
        assert!(policy.concerns(&roles(&["admin", "usher"])) && !policy.concerns(&roles(&["usher"])));
        assert!(!policy.demands(&roles(&["admin"]), at(99)) && policy.demands(&roles(&["admin"]), at(100)));
        policy.roles.clear();
        assert!(policy.concerns(&[]) && policy.demands(&[], at(100)));
        policy.require = false;
        assert!(!policy.concerns(&roles(&["admin"])));
    }

    #[test]
    fn begun_days_count() {
        assert_eq!([0, 1, 86_400, 86_401].map(|s| days_left(at(s), at(0))), [0, 1, 1, 2]);
        assert_eq!(days_left(at(5), at(10)), 0);
    }

    #[test]
    fn an_older_policy_never_replaces_a_newer_one() {
        let book = PolicyBook::default();
        let stored = |require, updated_at| StoredPolicy {
            org_id: "org_1".into(),
            policy: TwoFactorPolicy { require, ..TwoFactorPolicy::default() },
            updated_at,
        };
        book.note(stored(true, at(2)));
        book.note(stored(false, at(1)));
        assert!(book.of("org_1").is_some_and(|policy| policy.require));
        book.note(stored(false, at(3)));
        assert!(book.of("org_1").is_some_and(|policy| !policy.require));
        assert_eq!(book.of("org_2"), None);
    }
}
