//! Wrong values: each is refused, all are told at once, no secret is shown.

use std::fs;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE;
use proptest::prelude::*;

use super::*;

/// Variables, each with a value it refuses.
const WRONG: &[(&str, &str)] = &[
    ("ENVIRONMENT", "prod"),
    ("SINGLE_NODE", "maybe"),
    ("BIND_ADDRESS", "8000"),
    ("PUBLIC_URL", "https://signup.example/app"),
    ("TRUSTED_PROXIES", "10.0.0.0/8,everyone"),
    ("TRUSTED_PROXIES", "0.0.0.0/0"),
    ("TRUSTED_PROXY_HEADER", "X-Real-IP"),
    ("CORS_ALLOWED_ORIGINS", "*"),
    ("CORS_ALLOWED_ORIGINS", "https://a.example,null"),
    ("METRICS_ADDRESS", "127.0.0.1"),
    ("METRICS_ADDRESS", "127.0.0.1:8000"),
    ("DATABASE_URL", "mysql://localhost/db"),
    ("REDIS_URL", "localhost:6379"),
    ("REDIS_PORT", "0"),
    ("REDIS_PORT", "65536"),
    ("SECRET_KEY", "changeme"),
    ("SECRET_KEY", "0123456789abcdef0123456789abcde"),
    ("SECRET_KEY_PREVIOUS", "short"),
    ("TOTP_ENCRYPTION_KEY", "AAAA"),
    ("AUDIT_SIGNING_KEY", "AAAA"),
    ("RATE_LIMIT_LOGIN_ATTEMPTS", "0"),
    ("RATE_LIMIT_LOGIN_ATTEMPTS", "101"),
    ("RATE_LIMIT_LOGIN_WINDOW", "0"),
    ("RATE_LIMIT_LOCKOUT_DURATION", "-1"),
    ("RATE_LIMIT_API_REQUESTS", "1e3"),
    ("RATE_LIMIT_RULES_FILE", "/nonexistent/rules.toml"),
    ("SESSION_TTL_HOURS", "0"),
    ("SESSION_TTL_HOURS", "99999999999999999999"),
    ("SESSION_IDLE_MINUTES", "525601"),
    ("SESSION_MAX_PER_USER", "0"),
    ("SESSION_STORAGE", "disk"),
    ("SESSION_STORAGE", "redis"),
    ("CSRF_TOKEN_TTL", "0"),
    ("AUDIT_LOG_RETENTION_DAYS", "0"),
    ("HSTS_MAX_AGE", "+1"),
    ("PASSWORD_MIN_LENGTH", "7"),
    ("PASSWORD_MIN_LENGTH", "65"),
    ("BREACHED_PASSWORDS_FILE", "/nonexistent/filter"),
    ("BREACHED_PASSWORDS_FILE", "/dev/null"),
    ("PASSWORD_RESET_TOKEN_TTL", "0"),
    ("PASSWORD_RESET_RATE_LIMIT", "0"),
    ("ARGON2_MEMORY_KIB", "7"),
    ("TOTP_ISSUER_NAME", "a:b"),
    ("TOTP_WINDOW", "6"),
    ("SMTP_URL", "mail.example"),
    ("SMTP_URL", "smtps://mail.example?sslrootcert=/nonexistent/ca.pem"),
    ("SMTP_URL", "smtps://mail.example?sslrootcert=/dev/null"),
    ("MAIL_FROM", "nobody"),
    ("MAIL_FROM", "é@mail.example"),
    ("MAIL_FROM", "a..b@mail.example"),
    ("LOG_FORMAT", "xml"),
    ("SENTRY_DSN", "https://sentry.example/1"),
    ("ALERT_WEBHOOK_URL", "ftp://hooks.example"),
    ("TOTP_ISSUER_NAME", "\u{fffd}"),
];

#[test]
fn wrong_values_are_refused() {
    for &(name, value) in WRONG {
        assert_eq!(subjects(development(&[(name, value)])), [name], "{name}={value}");
    }
    let heavy = [("ARGON2_MEMORY_KIB", "262144"), ("ARGON2_ITERATIONS", "9")];
    assert_eq!(subjects(development(&heavy)), ["ARGON2_ITERATIONS"]);
    let same = [("SECRET_KEY", SECRET), ("SECRET_KEY_PREVIOUS", SECRET)];
    assert_eq!(subjects(development(&same)), ["SECRET_KEY_PREVIOUS"]);
}

#[test]
fn every_wrong_variable_is_in_one_message_with_all_that_helps() {
    let (data_dir, values) = development(&[
        ("SESSION_TTL_HOURS", "a day"),
        ("SECRET_KEY", "hunter2hunter2"),
        ("SMTP_URL", "http://me:hunter2@mail.example"),
        ("PUBLIC_URL", "https://me:hunter2@signup.example"),
        ("DATABASE_URL", "mysql://me:hunter2@db.example/x"),
    ]);
    let message = Config::load(&values).unwrap_err().to_string();
    for part in [
        "5 settings are wrong:",
        "SESSION_TTL_HOURS is \"a day\"",
        "allowed:  a whole number from 1 to 8760 (hours)",
        "example:  SESSION_TTL_HOURS=24",
        "SECRET_KEY is set (not shown, 14 characters)",
        "SMTP_URL is set (not shown",
        "PUBLIC_URL is \"https://***@signup.example\"",
        "DATABASE_URL is set (not shown",
    ] {
        assert!(message.contains(part), "{part} is not in:\n{message}");
    }
    assert!(!message.contains("hunter2"), "{message}");
    assert_eq!(fs::read_dir(data_dir.path()).unwrap().count(), 0, "a wrong configuration makes no files");
}

#[test]
fn warnings_are_told_with_what_is_wrong() {
    let (_data_dir, values) = development(&[
        ("SESSION_TTL_HOURS", "a day"),
        ("SESSION_TTL_HOUR", "hunter2"),
        ("TRUSTED_PROXY_HEADER", "forwarded"),
    ]);
    let message = Config::load(&values).unwrap_err().to_string();
    for part in
        ["SESSION_TTL_HOURS is", "warning: SESSION_TTL_HOUR is not a setting", "warning: TRUSTED_PROXY"]
    {
        assert!(message.contains(part), "{part} is not in:\n{message}");
    }
    assert!(!message.contains("hunter2"), "{message}");
}

#[test]
fn debug_and_warnings_show_no_secret() {
    let loaded = loaded(production(&[
        ("SECRET_KEY_PREVIOUS", "previous-secret-previous-secret-previous"),
        ("SENTRY_DSN", "https://sentrysecret@sentry.example/1"),
        ("ALERT_WEBHOOK_URL", "https://hooks.example/hooksecret"),
    ]));
    let shown = format!("{loaded:?}");
    let totp = URL_SAFE.encode([1; 32]);
    for secret in [
        SECRET,
        "previous-secret",
        "dbsecret",
        "redissecret",
        "mailsecret",
        "sentrysecret",
        "hooksecret",
        &totp,
    ] {
        assert!(!shown.contains(secret), "{secret} in {shown}");
    }
    assert!(!shown.contains("1, 1, 1, 1") && !shown.contains("2, 2, 2, 2"), "{shown}");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// Whatever is in the environment, loading answers, and shows no secret.
    #[test]
    fn any_environment_is_loaded_or_refused(
        texts in proptest::collection::vec("[ -~é]{0,24}", 60),
        secret in "[a-z]{20}",
    ) {
        let (_data_dir, mut values) = development(&[]);
        for (variable, text) in variable::all().zip(&texts).filter(|(v, _)| v.name != "DATA_DIR") {
            let text = if variable.secret { format!("{text}{secret}") } else { text.clone() };
            values.insert(variable.name.to_owned(), text);
        }
        let shown = match Config::load(&values) {
            Ok(loaded) => format!("{loaded:?}"),
            Err(errors) => format!("{errors} {errors:?}"),
        };
        prop_assert!(!shown.contains(&secret));
    }
}
