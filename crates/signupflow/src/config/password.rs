//! Passwords and their reset.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use backends::breached::BreachedFilter;
use hardening::password::Argon2Params;

use super::reader::Reader;
use super::variable::Allowed::{Text, Whole};
use super::variable::Fallback::{Nothing, Value};
use super::variable::{Section, Variable};

const PASSWORD_MIN_LENGTH: Variable = Variable {
    name: "PASSWORD_MIN_LENGTH",
    section: Section::Password,
    allowed: Whole { min: 8, max: 64, unit: "characters" },
    default: Value("15"),
    example: "15",
    description: "Shortest new password (NIST SP 800-63B-4 asks for 15 where a password is the only factor).",
    secret: false,
};
const BREACHED_PASSWORDS_FILE: Variable = Variable {
    name: "BREACHED_PASSWORDS_FILE",
    section: Section::Password,
    allowed: Text("the path of a readable file made by `signupflow passwords build`"),
    default: Nothing,
    example: "/var/lib/signupflow/breached.filter",
    description: "New passwords in it are refused, beside the built-in lists.",
    secret: false,
};
const PASSWORD_RESET_TOKEN_TTL: Variable = Variable {
    name: "PASSWORD_RESET_TOKEN_TTL",
    section: Section::Password,
    allowed: Whole { min: 1, max: 86_400, unit: "seconds" },
    default: Value("3600"),
    example: "3600",
    description: "How long a mailed reset link is valid.",
    secret: false,
};
const PASSWORD_RESET_RATE_LIMIT: Variable = Variable {
    name: "PASSWORD_RESET_RATE_LIMIT",
    section: Section::Password,
    allowed: Whole { min: 1, max: 1_000, unit: "requests an hour" },
    default: Value("3"),
    example: "3",
    description: "Reset mails per e-mail address and hour.",
    secret: false,
};
const ARGON2_MEMORY_KIB: Variable = Variable {
    name: "ARGON2_MEMORY_KIB",
    section: Section::Password,
    allowed: Whole { min: 8, max: 262_144, unit: "KiB" },
    default: Value("19456"),
    example: "19456",
    description: "Memory of one password hash. With `ARGON2_ITERATIONS` not below OWASP's minimum: 19456 × 2, \
                  or as costly (47104 × 1, 12288 × 3, 9216 × 4, 7168 × 5); less is accepted in development only.",
    secret: false,
};
const ARGON2_ITERATIONS: Variable = Variable {
    name: "ARGON2_ITERATIONS",
    section: Section::Password,
    allowed: Whole { min: 1, max: 64, unit: "passes" },
    default: Value("2"),
    example: "2",
    description: "Passes over that memory. Memory times passes is at most 2097152 KiB.",
    secret: false,
};

pub(super) const VARIABLES: &[&Variable] = &[
    &PASSWORD_MIN_LENGTH,
    &BREACHED_PASSWORDS_FILE,
    &PASSWORD_RESET_TOKEN_TTL,
    &PASSWORD_RESET_RATE_LIMIT,
    &ARGON2_MEMORY_KIB,
    &ARGON2_ITERATIONS,
];

/// The pairs of KiB and passes that OWASP's Password Storage Cheat Sheet holds for equally strong, one lane.
const OWASP_MINIMA: [(u32, u32); 5] = [(47_104, 1), (19_456, 2), (12_288, 3), (9_216, 4), (7_168, 5)];
/// More work than this is refused when a hash is verified, so it must not be made either.
const MOST_WORK_KIB: u64 = 2_097_152;

/// Passwords and their reset.
#[derive(Clone, Debug)]
pub struct Password {
    /// `PASSWORD_MIN_LENGTH`, in characters.
    pub min_length: u32,
    /// What `BREACHED_PASSWORDS_FILE` holds.
    pub breached: Option<Arc<BreachedFilter>>,
    /// `PASSWORD_RESET_TOKEN_TTL`.
    pub reset_token_ttl: Duration,
    /// `PASSWORD_RESET_RATE_LIMIT`, per e-mail address and hour.
    pub resets_per_hour: u32,
    /// `ARGON2_MEMORY_KIB` and `ARGON2_ITERATIONS`, one lane.
    pub argon2: Argon2Params,
}

pub(super) fn read(reader: &mut Reader<'_>) -> Password {
    Password {
        min_length: reader.whole(&PASSWORD_MIN_LENGTH),
        breached: reader.parsed(&BREACHED_PASSWORDS_FILE, filter),
        reset_token_ttl: reader.seconds(&PASSWORD_RESET_TOKEN_TTL),
        resets_per_hour: reader.whole(&PASSWORD_RESET_RATE_LIMIT),
        argon2: argon2(reader),
    }
}

/// Loaded here, whole: a damaged file is then told with everything else, and read once.
fn filter(path: &str) -> Result<Arc<BreachedFilter>, String> {
    BreachedFilter::open(Path::new(path)).map(Arc::new).map_err(|error| error.to_string())
}

fn argon2(reader: &mut Reader<'_>) -> Argon2Params {
    let memory_kib = reader.whole(&ARGON2_MEMORY_KIB);
    let passes = reader.whole(&ARGON2_ITERATIONS);
    let strong = OWASP_MINIMA.iter().any(|(memory, least)| memory_kib >= *memory && passes >= *least);
    if u64::from(memory_kib) * u64::from(passes) > MOST_WORK_KIB {
        let reason =
            format!("{passes} passes over {memory_kib} KiB are more than {MOST_WORK_KIB} KiB of work");
        reader.wrong(&ARGON2_ITERATIONS, Some(&passes.to_string()), reason);
    } else if !strong && reader.in_production() {
        let reason = format!("with {passes} passes it is below OWASP's minimum");
        reader.wrong(&ARGON2_MEMORY_KIB, Some(&memory_kib.to_string()), reason);
    } else if !strong {
        reader.warn(format!("password hashes of {memory_kib} KiB × {passes} are below OWASP's minimum"));
    }
    Argon2Params { m_kib: memory_kib, t: passes, p: 1 }
}
