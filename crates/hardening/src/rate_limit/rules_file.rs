//! The operator's rules: `RATE_LIMIT_RULES_FILE`, TOML.
//!
//! ```toml
//! [[rule]]
//! route = "/api/auth/login"
//! methods = ["POST"]            # left out: all
//! limit = 10
//! window = "5m"                 # seconds, or a number with s, m, h or d
//! per = "account"               # ip account device person org email token system
//! count = "failures"            # requests failures successes attempts
//! lockout = "15m"               # left out: none
//! algorithm = "sliding-window"  # or "gcra"; left out: gcra for requests without a lockout
//! ```

use std::ops::Range;
use std::time::Duration;

use serde::Deserialize;
use serde::de::Error as _;
use toml::Spanned;

use super::rule::PSEUDO_ROUTES;
use super::{Algorithm, Count, Methods, Per, Rule, RuleSet};

const LONGEST: Duration = Duration::from_hours(366 * 24);
const HIGHEST_LIMIT: u32 = 1_000_000;
/// Each place of an exact window is an entry in memory.
const HIGHEST_EXACT_LIMIT: u32 = 10_000;

/// What is wrong with the file, and where.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("line {line}: {reason}")]
pub struct RuleFileError {
    /// The line, counted from 1.
    pub line: usize,
    /// A sentence for the operator.
    pub reason: String,
}

impl RuleSet {
    /// Lays the rules of a file over these. A rule with the same route, methods, `per` and `count` as an
    /// existing one replaces it; the others are added before all existing ones, in the file's order.
    ///
    /// # Errors
    /// The first mistake in the file, with its line.
    pub fn with_file(self, text: &str) -> Result<Self, RuleFileError> {
        let file: File = toml::from_str(text).map_err(|error| {
            at(text, error.span().unwrap_or_default(), error.message().replace('\n', "; "))
        })?;
        let mut rules: Vec<Rule> = Vec::new();
        for written in file.rule {
            let span = written.span();
            let rule = written.into_inner().check(text)?;
            if rules.iter().any(|earlier| earlier.stands_for(&rule)) {
                let reason = "this rule has the route, methods, per and count of an earlier one";
                return Err(at(text, span, reason));
            }
            rules.push(rule);
        }
        Ok(self.overlaid(rules))
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    #[serde(default)]
    rule: Vec<Spanned<Written>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Written {
    route: Spanned<String>,
    methods: Option<Spanned<Vec<String>>>,
    limit: Spanned<u32>,
    window: Spanned<Span>,
    per: Per,
    count: Count,
    lockout: Option<Spanned<Span>>,
    algorithm: Option<Spanned<Algorithm>>,
}

impl Written {
    fn check(self, text: &str) -> Result<Rule, RuleFileError> {
        let methods = match &self.methods {
            None => Methods::ALL,
            Some(names) => Methods::of(names.get_ref()).ok_or_else(|| {
                at(text, names.span(), "methods must be some of GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS")
            })?,
        };
        if !is_route(self.route.get_ref()) {
            let pseudo = PSEUDO_ROUTES.join(", ");
            let reason = format!("route must be a path, a path with * at its end, or one of {pseudo}");
            return Err(at(text, self.route.span(), reason));
        }
        let algorithm = self.algorithm(text)?;
        let highest = match algorithm {
            Algorithm::SlidingWindow => HIGHEST_EXACT_LIMIT,
            Algorithm::Gcra => HIGHEST_LIMIT,
        };
        if !(1..=highest).contains(self.limit.get_ref()) {
            return Err(at(text, self.limit.span(), format!("limit must be between 1 and {highest}")));
        }
        Ok(Rule {
            window: checked("window", &self.window, text)?,
            lockout: self.lockout.as_ref().map(|lockout| checked("lockout", lockout, text)).transpose()?,
            route: self.route.into_inner(),
            methods,
            limit: self.limit.into_inner(),
            per: self.per,
            count: self.count,
            algorithm,
        })
    }

    fn algorithm(&self, text: &str) -> Result<Algorithm, RuleFileError> {
        let plain = self.count == Count::Requests && self.lockout.is_none();
        match &self.algorithm {
            None if plain => Ok(Algorithm::Gcra),
            None => Ok(Algorithm::SlidingWindow),
            Some(named) if *named.get_ref() == Algorithm::Gcra && !plain => {
                Err(at(text, named.span(), "gcra can only count requests, and has no lockout"))
            }
            Some(named) => Ok(*named.get_ref()),
        }
    }
}

/// A length of time: whole seconds, or a whole number with a unit.
#[derive(Clone, Copy)]
struct Span(Duration);

impl<'de> Deserialize<'de> for Span {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        #[derive(Deserialize)]
        #[serde(untagged)]
        enum Form {
            Seconds(u64),
            Text(String),
        }
        let expected =
            || D::Error::custom("expected seconds such as 300, or \"90s\", \"5m\", \"1h\", \"1d\"");
        match Form::deserialize(deserializer).map_err(|_| expected())? {
            Form::Seconds(seconds) => Ok(Self(Duration::from_secs(seconds))),
            Form::Text(text) => parse_span(&text).map(Self).ok_or_else(expected),
        }
    }
}

fn parse_span(text: &str) -> Option<Duration> {
    let unit = match text.chars().last()? {
        's' => 1,
        'm' => 60,
        'h' => 3_600,
        'd' => 86_400,
        _ => return None,
    };
    let digits = &text[..text.len() - 1];
    if digits.is_empty() || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    digits.parse::<u64>().ok()?.checked_mul(unit).map(Duration::from_secs)
}

fn checked(name: &str, span: &Spanned<Span>, text: &str) -> Result<Duration, RuleFileError> {
    let duration = span.get_ref().0;
    if duration.is_zero() || duration > LONGEST {
        return Err(at(text, span.span(), format!("{name} must be between 1 second and 366 days")));
    }
    Ok(duration)
}

fn is_route(route: &str) -> bool {
    let path = route.strip_suffix('*').unwrap_or(route);
    let plain = !path.contains('*') && path.chars().all(|c| c.is_ascii_graphic());
    (path.starts_with('/') && plain) || PSEUDO_ROUTES.contains(&route)
}

fn at(text: &str, span: Range<usize>, reason: impl Into<String>) -> RuleFileError {
    let before = text.get(..span.start).unwrap_or(text);
    RuleFileError { line: before.matches('\n').count() + 1, reason: reason.into() }
}

#[cfg(test)]
#[path = "rules_file_tests.rs"]
mod tests;
