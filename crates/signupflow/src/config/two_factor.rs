//! The second factor.

use super::reader::Reader;
use super::variable::Allowed::{Text, Whole};
use super::variable::Fallback::Value;
use super::variable::{Section, Variable};

const LONGEST_ISSUER: usize = 64;

const TOTP_ISSUER_NAME: Variable = Variable {
    name: "TOTP_ISSUER_NAME",
    section: Section::TwoFactor,
    allowed: Text("1 to 64 characters without a colon"),
    default: Value("SignUpFlow"),
    example: "SignUpFlow",
    description: "The name that authenticator apps show.",
    secret: false,
};
const TOTP_WINDOW: Variable = Variable {
    name: "TOTP_WINDOW",
    section: Section::TwoFactor,
    allowed: Whole { min: 0, max: 5, unit: "steps of 30 seconds" },
    default: Value("1"),
    example: "1",
    description: "How many steps a code may be early or late (RFC 6238, 5.2, recommends one at most).",
    secret: false,
};

pub(super) const VARIABLES: &[&Variable] = &[&TOTP_ISSUER_NAME, &TOTP_WINDOW];

/// The second factor.
#[derive(Clone, Debug)]
pub struct TwoFactor {
    /// `TOTP_ISSUER_NAME`.
    pub issuer: String,
    /// `TOTP_WINDOW`, in steps of 30 s to either side.
    pub window: u32,
}

pub(super) fn read(reader: &mut Reader<'_>) -> TwoFactor {
    let issuer = reader.parsed(&TOTP_ISSUER_NAME, parse_issuer);
    let window = reader.whole(&TOTP_WINDOW);
    if window > 2 {
        reader.warn(format!("TOTP_WINDOW={window} accepts {} codes at a time", 2 * window + 1));
    }
    TwoFactor { issuer: issuer.unwrap_or_else(|| "SignUpFlow".to_owned()), window }
}

/// A colon would end the issuer in an `otpauth:` label.
fn parse_issuer(text: &str) -> Result<String, String> {
    if text.contains(':') || text.chars().any(char::is_control) {
        return Err("it contains a colon or a control character".to_owned());
    }
    if text.chars().count() > LONGEST_ISSUER {
        return Err(format!("it is longer than {LONGEST_ISSUER} characters"));
    }
    Ok(text.to_owned())
}
