//! Which rules the program honours: a rule that would be read and then ignored must be refused.
//!
//! * Where a credential is checked limits are exact: a use case reserves a place, and settles it with what came of it.
//! * Everywhere else requests are counted when they arrive, as traffic.

use super::rule::{SESSION_CODE_CHECK, SESSION_PASSWORD_CHECK, SYSTEM_RESET_MAILS};
use super::{Algorithm, Count, Methods, Per, Rule};

/// Where limits are exact.
struct Exact {
    route: &'static str,
    per: &'static [Per],
    counts: &'static [Count],
}

const ALL_COUNTS: &[Count] = &[Count::Requests, Count::Failures, Count::Successes, Count::Attempts];
/// What is counted where nothing can fail once it has its place.
const NO_FAILURES: &[Count] = &[Count::Requests, Count::Successes, Count::Attempts];

const EXACT: [Exact; 8] = [
    Exact { route: "/api/auth/login", per: &[Per::Account, Per::Device, Per::Ip], counts: ALL_COUNTS },
    Exact { route: "/api/auth/2fa/verify", per: &[Per::Account], counts: ALL_COUNTS },
    Exact { route: "/api/auth/signup", per: &[Per::Ip], counts: ALL_COUNTS },
    Exact { route: "/api/auth/password-reset-request", per: &[Per::Email, Per::Ip], counts: NO_FAILURES },
    Exact { route: "/api/auth/password-reset-confirm", per: &[Per::Token, Per::Ip], counts: ALL_COUNTS },
    Exact { route: "/api/invitations", per: &[Per::Org], counts: NO_FAILURES },
    Exact { route: SESSION_PASSWORD_CHECK, per: &[Per::Person], counts: ALL_COUNTS },
    Exact { route: SESSION_CODE_CHECK, per: &[Per::Person], counts: ALL_COUNTS },
];

/// Routes that are asked without a session.
const WITHOUT_SESSION: [&str; 7] = [
    "/api/auth/login",
    "/api/auth/2fa/verify",
    "/api/auth/signup",
    "/api/auth/password-reset-request",
    "/api/auth/password-reset-confirm",
    "/api/auth/unlock",
    "/api/auth/not-me",
];

/// The part of a rule that is not honoured.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Part {
    Methods,
    Per,
    Count,
    Lockout,
    Algorithm,
}

/// What fits a rule that names no algorithm and replaces none.
pub(super) fn fitting(route: &str, per: Per) -> Algorithm {
    match exact(route) {
        Some(place) if place.per.contains(&per) => Algorithm::SlidingWindow,
        _ => Algorithm::Gcra,
    }
}

/// What of a rule would have no effect, and why.
pub(super) fn refusal(rule: &Rule) -> Option<(Part, String)> {
    match rule.algorithm {
        Algorithm::SlidingWindow => exact_refusal(rule),
        Algorithm::Gcra => traffic_refusal(rule),
    }
}

fn exact(route: &str) -> Option<&'static Exact> {
    EXACT.iter().find(|place| place.route == route)
}

fn exact_refusal(rule: &Rule) -> Option<(Part, String)> {
    let Some(place) = exact(&rule.route) else {
        let routes = EXACT.map(|place| place.route).join(", ");
        return Some((Part::Algorithm, format!("sliding-window is only for {routes}: leave it out")));
    };
    if !place.per.contains(&rule.per) {
        return Some((Part::Per, per_refusal(rule)));
    }
    if !place.counts.contains(&rule.count) {
        return Some((Part::Count, format!("nothing is counted as a failure on {}", rule.route)));
    }
    let methods = [Methods::ALL, Methods::POST];
    (!methods.contains(&rule.methods))
        .then(|| (Part::Methods, format!("methods must be [\"POST\"], or left out, on {}", rule.route)))
}

fn traffic_refusal(rule: &Rule) -> Option<(Part, String)> {
    let pseudo = !rule.route.starts_with('/');
    if !traffic_scopes(&rule.route).contains(&rule.per) {
        return Some((Part::Per, per_refusal(rule)));
    }
    if pseudo && !rule.methods.contains("POST") {
        return Some((Part::Methods, format!("methods must hold POST, or be left out, on {}", rule.route)));
    }
    if rule.count != Count::Requests {
        let reason = format!(
            "gcra can only count requests, and so {} is counted per {}",
            rule.route,
            rule.per.label()
        );
        return Some((Part::Count, reason));
    }
    rule.lockout.map(|_| (Part::Lockout, "gcra has no lockout".to_owned()))
}

/// Whose requests are counted as traffic.
fn traffic_scopes(route: &str) -> &'static [Per] {
    match route {
        SYSTEM_RESET_MAILS => &[Per::System],
        SESSION_PASSWORD_CHECK | SESSION_CODE_CHECK => &[],
        _ if WITHOUT_SESSION.contains(&route) => &[Per::Ip, Per::System],
        _ => &[Per::Person, Per::Org, Per::Ip, Per::System],
    }
}

fn per_refusal(rule: &Rule) -> String {
    const ALL: [Per; 8] =
        [Per::Account, Per::Device, Per::Email, Per::Token, Per::Person, Per::Org, Per::Ip, Per::System];
    let exact = exact(&rule.route).map_or(&[][..], |place| place.per);
    let counted = |per: &Per| exact.contains(per) || traffic_scopes(&rule.route).contains(per);
    let (route, per) = (&rule.route, rule.per.label());
    if counted(&rule.per) {
        return format!("algorithm must be left out where {route} is counted per {per}");
    }
    let labels: Vec<_> = ALL.into_iter().filter(counted).map(Per::label).collect();
    format!("{route} is counted per {}, not per {per}", labels.join(", "))
}
