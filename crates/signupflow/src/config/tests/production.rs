//! What production demands, and what is loud anywhere.

use super::*;

#[test]
fn the_originals_production_profile_loads() {
    let loaded = loaded(production(&[
        ("HTTPS_ONLY", "true"),
        ("SECURE_COOKIES", "true"),
        ("REDIS_URL", "redis://:strong-redis-password@redis.production.com:6379/0"),
        ("SESSION_TTL_HOURS", "12"),
        ("AUDIT_LOG_RETENTION_DAYS", "365"),
        ("HSTS_INCLUDE_SUBDOMAINS", "true"),
    ]));
    assert_eq!(loaded.warnings, Vec::<String>::new());
    assert!(loaded.config.deployment.is_production());
}

#[test]
fn production_defaults_are_the_strict_ones() {
    let Loaded { config, warnings } = loaded(production(&[]));
    assert!(config.network.https_only && config.network.secure_cookies);
    assert!(config.headers.hsts_include_subdomains && !config.network.public_url_is_derived);
    assert_eq!(config.mail.from, "SignUpFlow <no-reply@signup.example>");
    assert_eq!(config.deployment.shutdown_grace.as_secs(), 5);
    assert!(warnings.is_empty(), "{warnings:?}");
    let Database::PostgreSql { url } = &config.database else { panic!("not PostgreSQL") };
    assert_eq!(url.expose(), "postgresql://me:dbsecret@db.example/signupflow?sslmode=verify-full");
}

/// Each row: what is set over a sound production environment, and the one variable refused for it.
#[test]
fn production_refuses_what_is_convenient_but_unsafe() {
    for (settings, refused) in [
        (&[("SECRET_KEY", "")][..], "SECRET_KEY"),
        (&[("TOTP_ENCRYPTION_KEY", "")], "TOTP_ENCRYPTION_KEY"),
        (&[("AUDIT_SIGNING_KEY", "")], "AUDIT_SIGNING_KEY"),
        (&[("DATABASE_URL", "")], "DATABASE_URL"),
        (&[("SMTP_URL", "")], "SMTP_URL"),
        (&[("PUBLIC_URL", "")], "PUBLIC_URL"),
        (&[("PUBLIC_URL", "http://signup.example")], "PUBLIC_URL"),
        (&[("HTTPS_ONLY", "false")], "HTTPS_ONLY"),
        (&[("SECURE_COOKIES", "no")], "SECURE_COOKIES"),
        (&[("AUDIT_LOG_ENABLED", "false")], "AUDIT_LOG_ENABLED"),
        (&[("SESSION_STORAGE", "memory")], "SESSION_STORAGE"),
        (&[("SESSION_STORAGE", "memory"), ("REDIS_URL", "")], "SESSION_STORAGE"),
        (&[("ARGON2_MEMORY_KIB", "19455")], "ARGON2_MEMORY_KIB"),
        (&[("ARGON2_ITERATIONS", "1")], "ARGON2_MEMORY_KIB"),
        (&[("ALERT_WEBHOOK_URL", "http://localhost:9/hook")], "ALERT_WEBHOOK_URL"),
    ] {
        assert_eq!(subjects(production(settings)), [refused], "{settings:?}");
    }
}

#[test]
fn production_exceptions_must_be_said_aloud() {
    let embedded = loaded(production(&[("DATABASE_URL", ""), ("ALLOW_EMBEDDED_IN_PRODUCTION", "true")]));
    assert!(embedded.config.database.is_embedded());
    let missing = [("DATABASE_URL", ""), ("ALLOW_EMBEDDED_IN_PRODUCTION", "true"), ("SECRET_KEY", "")];
    assert_eq!(subjects(production(&missing)), ["SECRET_KEY"], "nothing is generated in production");
    let memory = loaded(production(&[("SESSION_STORAGE", "memory"), ("SINGLE_NODE", "true")]));
    assert_eq!(memory.config.session.storage, SessionStorage::Memory);
    for (memory_kib, passes) in [("47104", "1"), ("12288", "3"), ("9216", "4"), ("7168", "5")] {
        loaded(production(&[("ARGON2_MEMORY_KIB", memory_kib), ("ARGON2_ITERATIONS", passes)]));
    }
}

#[test]
fn production_without_redis_warns_unless_there_is_one_node() {
    assert!(warns(&loaded(production(&[("REDIS_URL", "")])), "SINGLE_NODE"));
    let single = [("REDIS_URL", ""), ("SINGLE_NODE", "true")];
    for settings in [&single[..], &[single[0], single[1], ("SESSION_STORAGE", "memory")]] {
        let single = loaded(production(settings));
        assert!(single.warnings.is_empty(), "{:?}", single.warnings);
    }
}

#[test]
fn weakening_choices_are_loud() {
    for name in ["RATE_LIMITING_ENABLED", "CSRF_ENABLED", "SECURITY_HEADERS_ENABLED"] {
        for environment in [development(&[(name, "off")]), production(&[(name, "off")])] {
            assert!(warns(&loaded(environment), &format!("{name} is false: ")), "{name}");
        }
    }
    for (settings, warning) in [
        (&[("AUDIT_LOG_ENABLED", "0")][..], "AUDIT_LOG_ENABLED is false"),
        (&[("ARGON2_MEMORY_KIB", "8"), ("ARGON2_ITERATIONS", "1")], "below OWASP's minimum"),
        (&[("BIND_ADDRESS", "0.0.0.0:8000")], "other machines"),
        (&[("TRUSTED_PROXY_HEADER", "forwarded")], "TRUSTED_PROXY_HEADER has no effect"),
        (&[("SECURE_COOKIES", "true")], "SECURE_COOKIES is on"),
        (&[("TOTP_WINDOW", "3")], "accepts 7 codes"),
        (&[("RATE_LIMIT_LOGIN_ATTEMPT", "7")], "did you mean RATE_LIMIT_LOGIN_ATTEMPTS?"),
        (&[("SMTP_URL", "smtp://mail.example?tls=off")], "in the clear"),
        (&[("SENTRY_DSN", "https://key@sentry.example/1")], "SENTRY_DSN has no effect yet"),
        (&[("ALERT_WEBHOOK_URL", "https://hooks.example/a")], "ALERT_WEBHOOK_URL has no effect yet"),
    ] {
        assert!(warns(&loaded(development(settings)), warning), "{settings:?}");
    }
    assert!(warns(&loaded(production(&[("TRUSTED_PROXIES", "")])), "TRUSTED_PROXIES is empty"));
    assert!(warns(&loaded(production(&[("REDIS_URL", "redis://redis.example")])), "without a password"));
    let unverified = ("DATABASE_URL", "postgresql://db.example/d?sslmode=require");
    assert!(warns(&loaded(production(&[unverified])), "sslmode=verify-full"));
}
