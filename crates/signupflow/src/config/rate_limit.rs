//! Rate limits and lockouts.

use std::collections::BTreeSet;
use std::fs;
use std::path::PathBuf;

use hardening::rate_limit::{Rule, RuleSet, Settings};

use super::reader::Reader;
use super::unknown::nearest;
use super::variable::Allowed::{Boolean, Text, Whole};
use super::variable::Fallback::{Nothing, Value};
use super::variable::{Section, Variable};
use crate::web::routes;

const RATE_LIMITING_ENABLED: Variable = Variable {
    name: "RATE_LIMITING_ENABLED",
    section: Section::RateLimit,
    allowed: Boolean,
    default: Value("true"),
    example: "true",
    description: "Without it passwords and codes can be guessed without end; a warning says so.",
    secret: false,
};
const RATE_LIMIT_LOGIN_ATTEMPTS: Variable = Variable {
    name: "RATE_LIMIT_LOGIN_ATTEMPTS",
    section: Section::RateLimit,
    allowed: Whole { min: 1, max: 100, unit: "failed attempts" },
    default: Value("5"),
    example: "5",
    description: "Failed sign-ins per account within the window, before it is locked for strangers.",
    secret: false,
};
const RATE_LIMIT_LOGIN_WINDOW: Variable = Variable {
    name: "RATE_LIMIT_LOGIN_WINDOW",
    section: Section::RateLimit,
    allowed: Whole { min: 1, max: 86_400, unit: "seconds" },
    default: Value("300"),
    example: "300",
    description: "The window in which failed sign-ins are counted.",
    secret: false,
};
const RATE_LIMIT_LOCKOUT_DURATION: Variable = Variable {
    name: "RATE_LIMIT_LOCKOUT_DURATION",
    section: Section::RateLimit,
    allowed: Whole { min: 1, max: 604_800, unit: "seconds" },
    default: Value("900"),
    example: "900",
    description: "How long a lock lasts.",
    secret: false,
};
const RATE_LIMIT_API_REQUESTS: Variable = Variable {
    name: "RATE_LIMIT_API_REQUESTS",
    section: Section::RateLimit,
    allowed: Whole { min: 1, max: 1_000_000, unit: "requests a minute" },
    default: Value("100"),
    example: "100",
    description: "Reads under `/api` per person and minute.",
    secret: false,
};
const RATE_LIMIT_RULES_FILE: Variable = Variable {
    name: "RATE_LIMIT_RULES_FILE",
    section: Section::RateLimit,
    allowed: Text("the path of a readable TOML file of rules"),
    default: Nothing,
    example: "/etc/signupflow/rate-limits.toml",
    description: "Rules laid over the built-in table. A mistake in it, or a rule that would have no effect, stops the \
        start, with its line.",
    secret: false,
};
const LOCKOUT_REVOKES_SESSIONS: Variable = Variable {
    name: "LOCKOUT_REVOKES_SESSIONS",
    section: Section::RateLimit,
    allowed: Boolean,
    default: Value("false"),
    example: "false",
    description: "A lock also ends the sessions of the account. Strangers could then sign people out.",
    secret: false,
};

pub(super) const VARIABLES: &[&Variable] = &[
    &RATE_LIMITING_ENABLED,
    &RATE_LIMIT_LOGIN_ATTEMPTS,
    &RATE_LIMIT_LOGIN_WINDOW,
    &RATE_LIMIT_LOCKOUT_DURATION,
    &RATE_LIMIT_API_REQUESTS,
    &RATE_LIMIT_RULES_FILE,
    &LOCKOUT_REVOKES_SESSIONS,
];

/// Rate limits and lockouts.
#[derive(Clone, Debug)]
pub struct RateLimit {
    /// `RATE_LIMITING_ENABLED`.
    pub enabled: bool,
    /// The numbers set by variables, `PASSWORD_RESET_RATE_LIMIT` among them.
    pub settings: Settings,
    /// `RATE_LIMIT_RULES_FILE`.
    pub rules_file: Option<PathBuf>,
    /// The built-in table with these numbers, under the rules of the file.
    pub rules: RuleSet,
    /// `LOCKOUT_REVOKES_SESSIONS`.
    pub lockout_revokes_sessions: bool,
}

pub(super) fn read(reader: &mut Reader<'_>, password_reset_per_hour: u32) -> RateLimit {
    let enabled = reader.boolean(&RATE_LIMITING_ENABLED);
    if !enabled {
        reader.warn("RATE_LIMITING_ENABLED is false: PASSWORDS AND CODES CAN BE GUESSED WITHOUT END");
    }
    let settings = Settings {
        login_attempts: reader.whole(&RATE_LIMIT_LOGIN_ATTEMPTS),
        login_window: reader.seconds(&RATE_LIMIT_LOGIN_WINDOW),
        lockout_duration: reader.seconds(&RATE_LIMIT_LOCKOUT_DURATION),
        api_requests: reader.whole(&RATE_LIMIT_API_REQUESTS),
        password_reset_per_hour,
        ..Settings::default()
    };
    let rules = RuleSet::defaults(&settings);
    let from_file = reader.parsed(&RATE_LIMIT_RULES_FILE, |path| with_file(rules.clone(), path));
    let (rules_file, rules) = from_file.map_or((None, rules), |(path, rules)| (Some(path), rules));
    warn_of_short_locks(reader, &rules);
    let lockout_revokes_sessions = reader.boolean(&LOCKOUT_REVOKES_SESSIONS);
    RateLimit { enabled, settings, rules_file, rules, lockout_revokes_sessions }
}

/// When a lock ends the budget is fresh, so that a lock shorter than its window makes the limit one a lock.
fn warn_of_short_locks(reader: &mut Reader<'_>, rules: &RuleSet) {
    let is_short = |rule: &&Rule| rule.lockout.is_some_and(|lock| lock < rule.window);
    let routes: BTreeSet<&str> =
        rules.rules().iter().filter(is_short).map(|rule| rule.route.as_str()).collect();
    if !routes.is_empty() {
        reader.warn(format!(
            "locks are shorter than the window that is counted over ({}): after each lock counting begins anew, and more \
             than the limit can be tried in one window",
            routes.into_iter().collect::<Vec<_>>().join(", ")
        ));
    }
}

fn with_file(rules: RuleSet, path: &str) -> Result<(PathBuf, RuleSet), String> {
    let text = fs::read_to_string(path).map_err(|error| format!("the file cannot be read: {error}"))?;
    let known = routes::known_paths();
    let rules = rules.with_file(&text, |route| check_route(route, &known));
    let rules = rules.map_err(|error| format!("line {}: {}", error.line, error.reason))?;
    Ok((PathBuf::from(path), rules))
}

/// Why a rule for this path, or all that begin with it, would never meet a request.
fn check_route(route: &str, known: &[String]) -> Result<(), String> {
    let meets = match route.strip_suffix('*') {
        Some(prefix) => known.iter().any(|path| path.starts_with(prefix)),
        None => known.iter().any(|path| path == route),
    };
    if meets {
        return Ok(());
    }
    let (_, nearest) = nearest(route.trim_end_matches('*'), known.iter()).unwrap_or_default();
    Err(format!("there is no route {route}; did you mean {nearest}?"))
}
