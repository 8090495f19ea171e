//! Names derived from a rule: the storage key of a budget and the policy name in response headers.

use std::sync::Arc;

use sha2::{Digest, Sha256};

use super::{Algorithm, Count, Methods, Per, Rule};

/// Identifiers longer than this are stored as their digest: an attacker chooses them, and memory is bounded.
const LONGEST_PLAIN_IDENTIFIER: usize = 128;

/// The names of one rule, put together once.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RuleNames {
    policy: Arc<str>,
    key_end: Box<str>,
}

impl RuleNames {
    pub(super) fn of(rule: &Rule) -> Self {
        Self { policy: rule.policy_name().into(), key_end: rule.key_end().into() }
    }

    /// A name for the IETF header fields, such as `auth-login-account` or `api-all-reads-person`: lower-case
    /// letters, digits and dashes.
    pub fn policy(&self) -> Arc<str> {
        Arc::clone(&self.policy)
    }

    /// As [`Rule::key_of`].
    pub fn key_of(&self, rule: &Rule, identifier: &str) -> String {
        rule.key_with_end(identifier, &self.key_end)
    }
}

impl Rule {
    /// `rate_limit:{scope:identifier}:route`. For rules per person the braces hold the person id alone, so
    /// that limits and sessions of a person share one Redis hash slot. What would make two rules of a route
    /// share a counter is appended: `:reads`, `:writes`, `:attempts`, `:successes`, `:requests`.
    pub fn key_of(&self, identifier: &str) -> String {
        self.key_with_end(identifier, &self.key_end())
    }

    fn key_with_end(&self, identifier: &str, end: &str) -> String {
        const START: &str = "rate_limit:{";
        let mut key = String::with_capacity(START.len() + 8 + identifier.len() + 2 + end.len());
        key.push_str(START);
        match self.per {
            Per::Person => {}
            Per::System => key.push_str("system"),
            per => {
                key.push_str(per.label());
                key.push(':');
            }
        }
        if self.per != Per::System {
            push_identifier(&mut key, identifier);
        }
        key.push_str("}:");
        key.push_str(end);
        key
    }

    /// The route, and what sets this rule apart from others of it.
    fn key_end(&self) -> String {
        let distinctions = self.distinctions();
        let parts = std::iter::once(self.route.as_str()).chain(distinctions.iter().map(String::as_str));
        parts.filter(|part| !part.is_empty()).collect::<Vec<_>>().join(":")
    }

    fn policy_name(&self) -> String {
        let route = self.route.replace('*', "all");
        let route = route.strip_prefix("/api/").filter(|rest| *rest != "all").unwrap_or(&route);
        let [methods, count] = self.distinctions();
        let words = [route, methods.as_str(), count.as_str(), self.per.label()].join("-");
        let dashed =
            words.chars().map(|c| if c.is_ascii_alphanumeric() { c.to_ascii_lowercase() } else { '-' });
        let dashed: String = dashed.collect();
        dashed.split('-').filter(|word| !word.is_empty()).collect::<Vec<_>>().join("-")
    }

    fn distinctions(&self) -> [String; 2] {
        let methods = if self.methods == Methods::POST && !self.route.ends_with('*') {
            String::new()
        } else {
            self.methods.label()
        };
        let count = match (self.count, self.algorithm) {
            (Count::Failures, _) | (Count::Requests, Algorithm::Gcra) => "",
            (Count::Requests, Algorithm::SlidingWindow) => "requests",
            (Count::Attempts, _) => "attempts",
            (Count::Successes, _) => "successes",
        };
        [methods, count.to_owned()]
    }
}

impl Per {
    /// Its name in keys, headers and rule files.
    pub const fn label(self) -> &'static str {
        match self {
            Self::Ip => "ip",
            Self::Account => "account",
            Self::Device => "device",
            Self::Person => "person",
            Self::Org => "org",
            Self::Email => "email",
            Self::Token => "token",
            Self::System => "system",
        }
    }
}

/// Appends the identifier so that it cannot end the braces early: a brace in a key decides its hash slot.
fn push_identifier(key: &mut String, identifier: &str) {
    if identifier.len() > LONGEST_PLAIN_IDENTIFIER {
        key.push_str("sha256-");
        key.push_str(&crate::hex::lower(&Sha256::digest(identifier.as_bytes())));
        return;
    }
    if !identifier.contains(['{', '}', '%']) {
        key.push_str(identifier);
        return;
    }
    for c in identifier.chars() {
        match c {
            '{' => key.push_str("%7B"),
            '}' => key.push_str("%7D"),
            '%' => key.push_str("%25"),
            c => key.push(c),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::{RuleSet, Settings};
    use super::*;
    use std::collections::HashSet;

    fn rule(per: Per) -> Rule {
        Rule { per, ..RuleSet::defaults(&Settings::default()).rules()[0].clone() }
    }

    #[test]
    fn keys_have_the_documented_form() {
        assert_eq!(rule(Per::Ip).key_of("192.0.2.1"), "rate_limit:{ip:192.0.2.1}:/api/auth/login");
        assert_eq!(rule(Per::Person).key_of("person_1"), "rate_limit:{person_1}:/api/auth/login");
        assert_eq!(rule(Per::System).key_of(""), "rate_limit:{system}:/api/auth/login");
    }

    #[test]
    fn identifiers_cannot_break_out_of_the_braces_or_grow() {
        let key = rule(Per::Email).key_of("a}{b%@example.org");
        assert_eq!(key, "rate_limit:{email:a%7D%7Bb%25@example.org}:/api/auth/login");
        assert!(rule(Per::Email).key_of(&"x".repeat(100_000)).len() < 130);
    }

    #[test]
    fn no_two_default_rules_share_a_key_or_a_policy_name() {
        let rules = RuleSet::defaults(&Settings::default());
        let (mut keys, mut names) = (HashSet::new(), HashSet::new());
        for rule in rules.rules() {
            assert!(keys.insert(rule.key_of("x")), "{rule:?}");
            assert!(names.insert(RuleNames::of(rule).policy()), "{rule:?}");
        }
        assert!(names.contains("auth-login-account") && names.contains("api-all-reads-person"), "{names:?}");
    }
}
