//! Security headers.

use std::time::Duration;

use super::reader::Reader;
use super::variable::Allowed::{Boolean, Whole};
use super::variable::Fallback::{Derived, Value};
use super::variable::{Section, Variable};

const SECURITY_HEADERS_ENABLED: Variable = Variable {
    name: "SECURITY_HEADERS_ENABLED",
    section: Section::Headers,
    allowed: Boolean,
    default: Value("true"),
    example: "true",
    description: "Without them browsers lose their second line of defence; a warning says so.",
    secret: false,
};
const HSTS_MAX_AGE: Variable = Variable {
    name: "HSTS_MAX_AGE",
    section: Section::Headers,
    allowed: Whole { min: 0, max: 315_360_000, unit: "seconds; 0 makes browsers forget" },
    default: Value("31536000"),
    example: "31536000",
    description: "How long browsers remember to come by https only (RFC 6797).",
    secret: false,
};
const HSTS_INCLUDE_SUBDOMAINS: Variable = Variable {
    name: "HSTS_INCLUDE_SUBDOMAINS",
    section: Section::Headers,
    allowed: Boolean,
    default: Derived("true in production, else false"),
    example: "true",
    description: "The same for every subdomain.",
    secret: false,
};

pub(super) const VARIABLES: &[&Variable] =
    &[&SECURITY_HEADERS_ENABLED, &HSTS_MAX_AGE, &HSTS_INCLUDE_SUBDOMAINS];

/// Security headers.
#[derive(Clone, Debug)]
pub struct Headers {
    /// `SECURITY_HEADERS_ENABLED`.
    pub enabled: bool,
    /// `HSTS_MAX_AGE`.
    pub hsts_max_age: Duration,
    /// `HSTS_INCLUDE_SUBDOMAINS`.
    pub hsts_include_subdomains: bool,
}

pub(super) fn read(reader: &mut Reader<'_>) -> Headers {
    let enabled = reader.boolean(&SECURITY_HEADERS_ENABLED);
    if !enabled {
        reader.warn("SECURITY_HEADERS_ENABLED is false: BROWSERS LOSE THEIR SECOND LINE OF DEFENCE");
    }
    let in_production = reader.in_production();
    Headers {
        enabled,
        hsts_max_age: reader.seconds(&HSTS_MAX_AGE),
        hsts_include_subdomains: reader.boolean_or(&HSTS_INCLUDE_SUBDOMAINS, in_production),
    }
}
