//! Names that look like ours but are not.

use super::source::Source;
use super::variable;

/// How our names begin. A name that begins so is meant for us.
const PREFIXES: &[&str] = &[
    "ALERT_",
    "ALLOW_",
    "ARGON2_",
    "AUDIT_",
    "BIND_",
    "BREACHED_",
    "CORS_",
    "CSRF_",
    "DATABASE_",
    "HSTS_",
    "HTTPS_",
    "LOCKOUT_",
    "LOG_",
    "MAIL_",
    "METRICS_",
    "MIGRATE_",
    "PASSWORD_",
    "PUBLIC_",
    "RATE_LIMIT",
    "REDIS_",
    "SECRET_",
    "SECURE_",
    "SECURITY_",
    "SENTRY_",
    "SESSION_",
    "SHUTDOWN_",
    "SINGLE_",
    "SMTP_",
    "TOTP_",
    "TRUSTED_",
];

/// Names of other programs that begin like ours: of desktops, and what Sentry's own tools read.
const FOREIGN: &[&str] = &[
    "SENTRY_AUTH_TOKEN",
    "SENTRY_ENVIRONMENT",
    "SENTRY_ORG",
    "SENTRY_PROJECT",
    "SENTRY_RELEASE",
    "SESSION_MANAGER",
];

/// A shorter name is not taken for a misspelling of ours.
const SHORTEST_TYPO: usize = 8;

/// A warning for each unknown name with one of our prefixes, or at most two letters off one of our names.
/// Values are not shown: a misspelt name may hold a secret.
pub(super) fn warnings(source: &dyn Source) -> Vec<String> {
    let known = known_names();
    source
        .names()
        .iter()
        .filter(|name| !known.contains(name) && !is_foreign(name))
        .filter_map(|name| {
            let (distance, typo_of) = nearest(name, known.iter())?;
            let nearest = if distance <= 2 && name.len() >= SHORTEST_TYPO {
                typo_of
            } else {
                let prefix = PREFIXES.iter().find(|prefix| name.starts_with(**prefix))?;
                nearest(name, known.iter().filter(|candidate| candidate.starts_with(prefix)))?.1
            };
            Some(format!("{name} is not a setting and has no effect; did you mean {nearest}?"))
        })
        .collect()
}

fn known_names() -> Vec<String> {
    variable::all().flat_map(|v| std::iter::once(v.name.to_owned()).chain(v.file_name())).collect()
}

/// What container platforms inject for a neighbour called, say, `redis`.
fn is_foreign(name: &str) -> bool {
    let injected = name.contains("_SERVICE_") || name.ends_with("_TCP") || name.contains("_TCP_");
    injected || FOREIGN.contains(&name)
}

/// The known name that differs in the fewest letters, and in how many.
pub(super) fn nearest<'k>(name: &str, known: impl Iterator<Item = &'k String>) -> Option<(usize, &'k str)> {
    known.map(|candidate| (distance(name, candidate), candidate.as_str())).min()
}

/// How many letters must be added, removed or exchanged (Levenshtein).
fn distance(one: &str, other: &str) -> usize {
    let other: Vec<char> = other.chars().collect();
    let mut row: Vec<usize> = (0..=other.len()).collect();
    for (i, a) in one.chars().enumerate() {
        let mut diagonal = i;
        let mut left = i + 1;
        for (cell, b) in row[1..].iter_mut().zip(&other) {
            let above = *cell;
            left = (diagonal + usize::from(a != *b)).min(above + 1).min(left + 1);
            diagonal = above;
            *cell = left;
        }
        row[0] = i + 1;
    }
    row[other.len()]
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::collections::BTreeMap;

    fn warnings_for(name: &str) -> Vec<String> {
        warnings(&BTreeMap::from([(name.to_owned(), "hunter2".to_owned())]))
    }

    #[test]
    fn misspelt_names_get_the_nearest_one() {
        for (name, nearest) in [
            ("RATE_LIMIT_LOGIN_ATTEMPT", "RATE_LIMIT_LOGIN_ATTEMPTS"),
            ("RATE_LIMIT_ENABLED", "RATE_LIMITING_ENABLED"),
            ("SESSION_TTL_HOUR", "SESSION_TTL_HOURS"),
            ("PUBLIC_ULR", "PUBLIC_URL"),
            ("SECRETKEY", "SECRET_KEY"),
            ("SMTP_URL_FIL", "SMTP_URL_FILE"),
            ("SESSION_TTL_HOURS_FILE", "SESSION_TTL_HOURS"),
            ("TOTP_ENCRYPTION_KEYS", "TOTP_ENCRYPTION_KEY"),
            ("MAIL_SENDER", "MAIL_FROM"),
            ("LOG_FMT", "LOG_FORMAT"),
            ("SENTRY_URL", "SENTRY_DSN"),
            ("ALERT_URL", "ALERT_WEBHOOK_URL"),
            ("PUBLIC_ADDRESS", "PUBLIC_URL"),
            ("BIND_ADDR", "BIND_ADDRESS"),
            ("ALLOW_EMBEDDED", "ALLOW_EMBEDDED_IN_PRODUCTION"),
            ("MIGRATE_AT_START", "MIGRATE_ON_START"),
            ("SHUTDOWN_GRACE", "SHUTDOWN_GRACE_SECONDS"),
            ("SINGLE_INSTANCE", "SINGLE_NODE"),
        ] {
            let warnings = warnings_for(name);
            assert_eq!(warnings.len(), 1, "{name}");
            assert!(warnings[0].contains(&format!("did you mean {nearest}?")), "{warnings:?}");
            assert!(!warnings[0].contains("hunter2"));
        }
    }

    #[test]
    fn known_and_foreign_names_are_left_alone() {
        for name in [
            "SECRET_KEY",
            "SECRET_KEY_FILE",
            "PATH",
            "HOME",
            "SESSION_MANAGER",
            "REDIS_SERVICE_HOST",
            "REDIS_PORT_6379_TCP",
            "REDIS_PORT_6379_TCP_ADDR",
            "POSTGRES_PASSWORD",
            "LOGNAME",
            "MAIL",
            "MAILCHECK",
            "RUST_LOG",
            "SENTRY_RELEASE",
            "XDG_SESSION_ID",
        ] {
            assert_eq!(warnings_for(name), Vec::<String>::new(), "{name}");
        }
    }

    #[test]
    fn every_prefix_belongs_to_a_name() {
        for prefix in PREFIXES {
            assert!(variable::all().any(|v| v.name.starts_with(prefix)), "{prefix}");
        }
    }

    proptest! {
        #[test]
        fn distance_is_a_metric(a in "[A-D]{0,8}", b in "[A-D]{0,8}", c in "[A-D]{0,8}") {
            prop_assert_eq!(distance(&a, &a), 0);
            prop_assert_eq!(distance(&a, &b), distance(&b, &a));
            prop_assert_eq!(distance(&a, &b) == 0, a == b);
            prop_assert!(distance(&a, &c) <= distance(&a, &b) + distance(&b, &c));
        }
    }
}
