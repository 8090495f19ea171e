//! [`Rule`]: one row of the rate-limit table.

use std::time::Duration;

use serde::Deserialize;

use super::{Methods, Quota};

/// Pseudo-route: every check of a password inside a session, whatever the real route.
pub const SESSION_PASSWORD_CHECK: &str = "session-password-check";
/// Pseudo-route: every check of a second-factor code inside a session.
pub const SESSION_CODE_CHECK: &str = "session-code-check";
/// Pseudo-route: mails sent by password resets, in the whole system. Beyond the limit: alarm and queueing.
pub const SYSTEM_RESET_MAILS: &str = "system-reset-mails";

/// All routes of the API, which have general rules.
pub(super) const EVERYTHING: &str = "/api/*";

/// Names a rule may have instead of a path.
pub(super) const PSEUDO_ROUTES: [&str; 3] = [SESSION_PASSWORD_CHECK, SESSION_CODE_CHECK, SYSTEM_RESET_MAILS];

/// Whose budget is drawn on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Per {
    /// The client's address (IPv6: its /64).
    Ip,
    /// The account that is named, whether it exists or not.
    Account,
    /// The account together with a known device.
    Device,
    /// The signed-in person.
    Person,
    /// The organization.
    Org,
    /// The mail address that is named.
    Email,
    /// The mailed token.
    Token,
    /// Everybody together.
    System,
}

/// What uses a place up.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Count {
    /// Every request.
    Requests,
    /// Attempts that were refused by the check.
    Failures,
    /// Attempts that went through.
    Successes,
    /// Attempts that reached the check, whatever came of them.
    Attempts,
}

/// How places come back.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Algorithm {
    /// Exact: each place comes back one window after it was used. Reserve, then settle.
    SlidingWindow,
    /// Generic cell rate: places come back evenly, a burst of *limit* is possible after a rest.
    Gcra,
}

/// One limit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rule {
    /// An exact path as the router writes it (`/api/sessions/{id}`), a prefix with `*` at its end (`/api/*`),
    /// or a pseudo-route ([`SESSION_PASSWORD_CHECK`], …).
    pub route: String,
    /// The methods it is for.
    pub methods: Methods,
    /// How many in a window, 1 or more.
    pub limit: u32,
    /// The length of the window.
    pub window: Duration,
    /// Whose budget it is.
    pub per: Per,
    /// What counts.
    pub count: Count,
    /// How long the key is locked when the limit is reached; only with [`Algorithm::SlidingWindow`].
    pub lockout: Option<Duration>,
    /// How places come back.
    pub algorithm: Algorithm,
}

impl Rule {
    /// Whether a request to the matched path `route` is under this rule.
    pub fn applies_to(&self, method: &str, route: &str) -> bool {
        let path = match self.route.strip_suffix('*') {
            Some(prefix) => route.starts_with(prefix),
            None => route == self.route,
        };
        path && self.methods.contains(method)
    }

    /// The rule as a traffic quota.
    pub fn quota(&self) -> Quota {
        Quota { limit: self.limit, window: self.window }
    }

    /// Whether requests that ride on a session are not counted: those of the general rule per address have rules per
    /// person instead.
    pub fn spares_sessions(&self) -> bool {
        self.per == Per::Ip && self.route == EVERYTHING
    }

    /// Whether the two stand in the same place of the table, so that one replaces the other. A limit on traffic never
    /// takes the place of an exact one.
    pub(super) fn stands_for(&self, other: &Self) -> bool {
        self.algorithm == other.algorithm && self.looks_like(other)
    }

    /// The same but for the algorithm.
    pub(super) fn looks_like(&self, other: &Self) -> bool {
        self.route == other.route
            && self.methods == other.methods
            && self.per == other.per
            && self.count == other.count
    }
}
