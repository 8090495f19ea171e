//! [`RuleSet`]: the rules in order, and which of them a request meets.

use super::{Algorithm, Count, Per, Rule, RuleNames};

/// Rules in order of precedence.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RuleSet {
    rules: Vec<Rule>,
    names: Vec<RuleNames>,
}

impl RuleSet {
    /// From rules in order of precedence.
    pub(super) fn from_rules(rules: Vec<Rule>) -> Self {
        let names = rules.iter().map(RuleNames::of).collect();
        Self { rules, names }
    }

    /// All rules, first come first.
    pub fn rules(&self) -> &[Rule] {
        &self.rules
    }

    /// The first matching rule of each scope (whose budget, what counts) for a matched path or pseudo-route, among the
    /// rules of one algorithm: exact limits and limits on traffic are kept by different parts of a program, and none
    /// replaces the other.
    pub fn matching<'a>(
        &'a self,
        algorithm: Algorithm,
        method: &'a str,
        route: &'a str,
    ) -> impl Iterator<Item = (&'a Rule, &'a RuleNames)> {
        let mut seen = 0_u32;
        self.rules.iter().zip(&self.names).filter(move |(rule, _)| {
            let scope = 1 << (rule.per as u32 * 4 + rule.count as u32);
            let first = seen & scope == 0 && rule.algorithm == algorithm && rule.applies_to(method, route);
            if first {
                seen |= scope;
            }
            first
        })
    }

    /// The rule that decides for this scope.
    pub fn find(&self, method: &str, route: &str, per: Per, count: Count) -> Option<&Rule> {
        self.rules
            .iter()
            .find(|rule| rule.per == per && rule.count == count && rule.applies_to(method, route))
    }

    /// What a rule would replace, whatever its algorithm.
    pub(super) fn like(&self, rule: &Rule) -> Option<&Rule> {
        self.rules.iter().find(|existing| existing.looks_like(rule))
    }

    /// Puts an operator's rules in: one that stands for an existing rule replaces it where it is, the others
    /// come first, in their order.
    pub(super) fn overlaid(mut self, overrides: Vec<Rule>) -> Self {
        let mut added = Vec::new();
        for rule in overrides {
            match self.rules.iter_mut().find(|existing| existing.stands_for(&rule)) {
                Some(existing) => *existing = rule,
                None => added.push(rule),
            }
        }
        added.append(&mut self.rules);
        Self::from_rules(added)
    }
}

#[cfg(test)]
mod tests {
    use super::super::{SESSION_CODE_CHECK, SESSION_PASSWORD_CHECK, Settings};
    use super::*;
    use std::time::Duration;

    fn row(method: &str, route: &str, per: Per, count: Count) -> (u32, u64, Option<u64>) {
        let rules = RuleSet::defaults(&Settings::default());
        let rule = rules.find(method, route, per, count).expect("a rule");
        (rule.limit, rule.window.as_secs(), rule.lockout.map(|lock| lock.as_secs()))
    }

    #[test]
    fn the_defaults_are_the_contracts_table() {
        use Count::{Attempts, Failures, Requests, Successes};
        let lock = Some(900);
        for (method, route, per, count, expected) in [
            ("POST", "/api/auth/login", Per::Account, Failures, (5, 300, lock)),
            ("POST", "/api/auth/login", Per::Device, Failures, (5, 300, lock)),
            ("POST", "/api/auth/login", Per::Ip, Failures, (20, 300, lock)),
            ("PUT", SESSION_PASSWORD_CHECK, Per::Person, Failures, (5, 300, lock)),
            ("POST", SESSION_CODE_CHECK, Per::Person, Failures, (3, 300, lock)),
            ("POST", "/api/auth/2fa/verify", Per::Account, Failures, (3, 300, lock)),
            ("POST", "/api/auth/signup", Per::Ip, Successes, (3, 3_600, Some(3_600))),
            ("POST", "/api/auth/signup", Per::Ip, Attempts, (30, 3_600, Some(3_600))),
            ("POST", "/api/auth/password-reset-request", Per::Email, Requests, (3, 3_600, None)),
            ("POST", "/api/auth/password-reset-request", Per::Ip, Requests, (10, 3_600, None)),
            ("POST", "system-reset-mails", Per::System, Requests, (1_000, 3_600, None)),
            ("POST", "/api/auth/password-reset-confirm", Per::Token, Failures, (3, 300, lock)),
            ("POST", "/api/auth/password-reset-confirm", Per::Ip, Failures, (20, 300, lock)),
            ("POST", "/api/invitations", Per::Org, Requests, (20, 3_600, None)),
            ("GET", "/api/events", Per::Person, Requests, (100, 60, None)),
            ("DELETE", "/api/events/{id}", Per::Person, Requests, (30, 60, None)),
            ("GET", "/api/events", Per::Ip, Requests, (300, 60, None)),
        ] {
            assert_eq!(row(method, route, per, count), expected, "{method} {route} {per:?} {count:?}");
        }
    }

    #[test]
    fn limits_on_credentials_are_exact_and_traffic_is_not() {
        for rule in RuleSet::defaults(&Settings::default()).rules() {
            let traffic = rule.route == "/api/*" || rule.per == Per::System;
            assert_eq!(rule.algorithm == Algorithm::Gcra, traffic, "{rule:?}");
        }
    }

    #[test]
    fn settings_reach_their_rules() {
        let settings = Settings {
            login_attempts: 7,
            login_window: Duration::from_secs(11),
            lockout_duration: Duration::from_secs(13),
            api_requests: 17,
            password_reset_per_hour: 19,
            ..Settings::default()
        };
        let rules = RuleSet::defaults(&settings);
        let login = rules.find("POST", "/api/auth/login", Per::Account, Count::Failures).expect("login");
        assert_eq!(
            (login.limit, login.window.as_secs(), login.lockout),
            (7, 11, Some(Duration::from_secs(13)))
        );
        assert_eq!(
            rules.find("GET", "/api/x", Per::Person, Count::Requests).map(|rule| rule.limit),
            Some(17)
        );
        let reset = rules.find("POST", "/api/auth/password-reset-request", Per::Email, Count::Requests);
        assert_eq!(reset.map(|rule| rule.limit), Some(19));
    }

    #[test]
    fn the_first_matching_rule_of_each_scope_applies() {
        let rules = RuleSet::defaults(&Settings::default());
        let met = |algorithm, method, route| -> Vec<_> {
            rules
                .matching(algorithm, method, route)
                .map(|(rule, _)| (rule.per, rule.count, rule.limit))
                .collect()
        };
        let reset = "/api/auth/password-reset-request";
        let exact = [(Per::Email, Count::Requests, 3), (Per::Ip, Count::Requests, 10)];
        assert_eq!(met(Algorithm::SlidingWindow, "POST", reset), exact);
        let traffic = [(Per::Person, Count::Requests, 30), (Per::Ip, Count::Requests, 300)];
        assert_eq!(met(Algorithm::Gcra, "POST", reset), traffic, "the exact ones are not in their place");
        assert_eq!(
            met(Algorithm::SlidingWindow, "POST", "/api/auth/login"),
            [
                (Per::Account, Count::Failures, 5),
                (Per::Device, Count::Failures, 5),
                (Per::Ip, Count::Failures, 20)
            ]
        );
        assert_eq!(met(Algorithm::Gcra, "GET", "/health"), []);
        assert_eq!(met(Algorithm::Gcra, "GET", "/apiary"), []);
    }
}
