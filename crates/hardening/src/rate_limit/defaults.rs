//! The table of limits the product ships with.

use std::time::Duration;

use super::rule::{EVERYTHING, SESSION_CODE_CHECK, SESSION_PASSWORD_CHECK, SYSTEM_RESET_MAILS};
use super::{Algorithm, Count, Methods, Per, Rule, RuleSet};

const MINUTE: Duration = Duration::from_mins(1);
const FIVE_MINUTES: Duration = Duration::from_mins(5);
const HOUR: Duration = Duration::from_hours(1);

/// The numbers an operator sets by environment variable; everything else is set by the rules file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Settings {
    /// Failed sign-ins per account, and per account and known device, in `login_window`.
    pub login_attempts: u32,
    /// Failed sign-ins per address in `login_window`.
    pub login_attempts_per_ip: u32,
    /// The window for both.
    pub login_window: Duration,
    /// How long a lock lasts wherever guessing a credential leads to one.
    pub lockout_duration: Duration,
    /// Reads per person and minute.
    pub api_requests: u32,
    /// Writes per person and minute.
    pub api_writes: u32,
    /// Requests per address and minute without a session.
    pub anonymous_requests: u32,
    /// Reset mails per mail address and hour.
    pub password_reset_per_hour: u32,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            login_attempts: 5,
            login_attempts_per_ip: 20,
            login_window: FIVE_MINUTES,
            lockout_duration: 3 * FIVE_MINUTES,
            api_requests: 100,
            api_writes: 30,
            anonymous_requests: 300,
            password_reset_per_hour: 3,
        }
    }
}

impl RuleSet {
    /// The default table.
    pub fn defaults(settings: &Settings) -> Self {
        let mut rules = sign_in(settings);
        rules.extend(sign_up());
        rules.extend(password_reset(settings));
        rules.extend(traffic(settings));
        Self::from_rules(rules)
    }
}

fn sign_in(settings: &Settings) -> Vec<Rule> {
    let lock = Some(settings.lockout_duration);
    let login = |per, limit| Rule {
        lockout: lock,
        ..exact("/api/auth/login", limit, settings.login_window, per, Count::Failures)
    };
    let guess =
        |route, limit, per| Rule { lockout: lock, ..exact(route, limit, FIVE_MINUTES, per, Count::Failures) };
    let inside = |route, limit| Rule { methods: Methods::ALL, ..guess(route, limit, Per::Person) };
    vec![
        login(Per::Account, settings.login_attempts),
        login(Per::Device, settings.login_attempts),
        login(Per::Ip, settings.login_attempts_per_ip),
        inside(SESSION_PASSWORD_CHECK, 5),
        inside(SESSION_CODE_CHECK, 3),
        guess("/api/auth/2fa/verify", 3, Per::Account),
    ]
}

fn sign_up() -> Vec<Rule> {
    let signup =
        |limit, count| Rule { lockout: Some(HOUR), ..exact("/api/auth/signup", limit, HOUR, Per::Ip, count) };
    vec![
        signup(3, Count::Successes),
        signup(30, Count::Attempts),
        exact("/api/invitations", 20, HOUR, Per::Org, Count::Requests),
    ]
}

fn password_reset(settings: &Settings) -> Vec<Rule> {
    let request = |per, limit| exact("/api/auth/password-reset-request", limit, HOUR, per, Count::Requests);
    let confirm = |per, limit| Rule {
        lockout: Some(settings.lockout_duration),
        ..exact("/api/auth/password-reset-confirm", limit, FIVE_MINUTES, per, Count::Failures)
    };
    vec![
        request(Per::Email, settings.password_reset_per_hour),
        request(Per::Ip, 10),
        confirm(Per::Token, 3),
        confirm(Per::Ip, 20),
        Rule {
            methods: Methods::ALL,
            algorithm: Algorithm::Gcra,
            ..exact(SYSTEM_RESET_MAILS, 1_000, HOUR, Per::System, Count::Requests)
        },
    ]
}

fn traffic(settings: &Settings) -> Vec<Rule> {
    let api = |methods, limit, per| Rule {
        methods,
        algorithm: Algorithm::Gcra,
        ..exact(EVERYTHING, limit, MINUTE, per, Count::Requests)
    };
    vec![
        api(Methods::READS, settings.api_requests, Per::Person),
        api(Methods::WRITES, settings.api_writes, Per::Person),
        api(Methods::ALL, settings.anonymous_requests, Per::Ip),
    ]
}

fn exact(route: &str, limit: u32, window: Duration, per: Per, count: Count) -> Rule {
    Rule {
        route: route.to_owned(),
        methods: Methods::POST,
        limit,
        window,
        per,
        count,
        lockout: None,
        algorithm: Algorithm::SlidingWindow,
    }
}
