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
//! algorithm = "sliding-window"  # or "gcra"; left out: that of the rule it replaces, else the one that fits
//! ```
//!
//! * Where a credential is checked limits are exact (`sliding-window`), and count what came of it; other requests are
//!   traffic (`gcra`). A rule that would have no effect is refused.
//! * Traffic per address counts everybody there, but for the rules of `/api/*`: those leave out who is signed in, because
//!   rules per person count them.

use std::ops::Range;
use std::time::Duration;

use serde::Deserialize;
use serde::de::Error as _;
use toml::Spanned;

use super::honoured::{self, Part};
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
    /// existing one replaces it; the others are added before all existing ones, in the file's order. `check_route` says
    /// why there is nothing for a path, or a prefix with `*` at its end, to limit.
    ///
    /// # Errors
    /// The first mistake in the file, with its line.
    pub fn with_file(
        self,
        text: &str,
        check_route: impl Fn(&str) -> Result<(), String>,
    ) -> Result<Self, RuleFileError> {
        let file: File = toml::from_str(text).map_err(|error| {
            at(text, error.span().unwrap_or_default(), error.message().replace('\n', "; "))
        })?;
        let mut rules: Vec<Rule> = Vec::new();
        for written in file.rule {
            let span = written.span();
            let rule = written.into_inner().check(text, &self, &check_route)?;
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
    per: Spanned<Per>,
    count: Spanned<Count>,
    lockout: Option<Spanned<Span>>,
    algorithm: Option<Spanned<Algorithm>>,
}

impl Written {
    fn check(
        self,
        text: &str,
        table: &RuleSet,
        check_route: impl Fn(&str) -> Result<(), String>,
    ) -> Result<Rule, RuleFileError> {
        let methods = match &self.methods {
            None => Methods::ALL,
            Some(names) => Methods::of(names.get_ref()).ok_or_else(|| {
                at(text, names.span(), "methods must be some of GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS")
            })?,
        };
        self.check_route(text, check_route)?;
        let mut rule = Rule {
            route: self.route.get_ref().clone(),
            methods,
            limit: *self.limit.get_ref(),
            window: checked("window", &self.window, text)?,
            per: *self.per.get_ref(),
            count: *self.count.get_ref(),
            lockout: self.lockout.as_ref().map(|lockout| checked("lockout", lockout, text)).transpose()?,
            algorithm: Algorithm::Gcra,
        };
        let replaced = table.like(&rule).map(|existing| existing.algorithm);
        let unsaid = || replaced.unwrap_or_else(|| honoured::fitting(&rule.route, rule.per));
        rule.algorithm = self.algorithm.as_ref().map_or_else(unsaid, |named| *named.get_ref());
        if let Some((part, reason)) = honoured::refusal(&rule) {
            return Err(at(text, self.span_of(part), reason));
        }
        let highest = match rule.algorithm {
            Algorithm::SlidingWindow => HIGHEST_EXACT_LIMIT,
            Algorithm::Gcra => HIGHEST_LIMIT,
        };
        if !(1..=highest).contains(&rule.limit) {
            return Err(at(text, self.limit.span(), format!("limit must be between 1 and {highest}")));
        }
        Ok(rule)
    }

    fn check_route(
        &self,
        text: &str,
        check: impl Fn(&str) -> Result<(), String>,
    ) -> Result<(), RuleFileError> {
        let route = self.route.get_ref().as_str();
        if PSEUDO_ROUTES.contains(&route) {
            return Ok(());
        }
        if !is_path(route) {
            let pseudo = PSEUDO_ROUTES.join(", ");
            let reason = format!("route must be a path, a path with * at its end, or one of {pseudo}");
            return Err(at(text, self.route.span(), reason));
        }
        check(route).map_err(|reason| at(text, self.route.span(), reason))
    }

    /// Where a part is written; of one that is left out, where the route is.
    fn span_of(&self, part: Part) -> Range<usize> {
        let written = match part {
            Part::Per => Some(self.per.span()),
            Part::Count => Some(self.count.span()),
            Part::Methods => self.methods.as_ref().map(Spanned::span),
            Part::Lockout => self.lockout.as_ref().map(Spanned::span),
            Part::Algorithm => self.algorithm.as_ref().map(Spanned::span),
        };
        written.unwrap_or_else(|| self.route.span())
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

fn is_path(route: &str) -> bool {
    let path = route.strip_suffix('*').unwrap_or(route);
    path.starts_with('/') && !path.contains('*') && path.chars().all(|c| c.is_ascii_graphic())
}

fn at(text: &str, span: Range<usize>, reason: impl Into<String>) -> RuleFileError {
    let before = text.get(..span.start).unwrap_or(text);
    RuleFileError { line: before.matches('\n').count() + 1, reason: reason.into() }
}

#[cfg(test)]
#[path = "rules_file_tests.rs"]
mod tests;
