//! Cross-site request forgery.

use std::time::Duration;

use super::reader::Reader;
use super::variable::Allowed::{Boolean, Whole};
use super::variable::Fallback::Value;
use super::variable::{Section, Variable};

const CSRF_ENABLED: Variable = Variable {
    name: "CSRF_ENABLED",
    section: Section::Csrf,
    allowed: Boolean,
    default: Value("true"),
    example: "true",
    description: "Without it other sites can act in the name of who is signed in; a warning says so.",
    secret: false,
};
const CSRF_TOKEN_TTL: Variable = Variable {
    name: "CSRF_TOKEN_TTL",
    section: Section::Csrf,
    allowed: Whole { min: 1, max: 604_800, unit: "seconds" },
    default: Value("3600"),
    example: "3600",
    description: "How long a token is valid; pages renew it silently.",
    secret: false,
};

pub(super) const VARIABLES: &[&Variable] = &[&CSRF_ENABLED, &CSRF_TOKEN_TTL];

/// Cross-site request forgery.
#[derive(Clone, Debug)]
pub struct Csrf {
    /// `CSRF_ENABLED`.
    pub enabled: bool,
    /// `CSRF_TOKEN_TTL`.
    pub token_ttl: Duration,
}

pub(super) fn read(reader: &mut Reader<'_>) -> Csrf {
    let enabled = reader.boolean(&CSRF_ENABLED);
    if !enabled {
        reader.warn("CSRF_ENABLED is false: OTHER SITES CAN ACT IN THE NAME OF WHO IS SIGNED IN");
    }
    Csrf { enabled, token_ttl: reader.seconds(&CSRF_TOKEN_TTL) }
}
