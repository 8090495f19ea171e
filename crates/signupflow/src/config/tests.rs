//! The rules, one by one, through [`Config::load`].

use std::collections::BTreeMap;
use std::fs;
use std::net::IpAddr;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE};
use hardening::entropy::OsEntropy;
use proptest::prelude::*;
use tempfile::TempDir;

use super::*;

type Values = BTreeMap<String, String>;

const SECRET: &str = "correct-horse-battery-staple-0123456789";

/// A fresh `DATA_DIR` with settings over it.
fn development(settings: &[(&str, &str)]) -> (TempDir, Values) {
    let data_dir = tempfile::tempdir().unwrap();
    let mut values = Values::from([("DATA_DIR".to_owned(), data_dir.path().to_str().unwrap().to_owned())]);
    values.extend(settings.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())));
    (data_dir, values)
}

/// A sound production environment with settings over it; an empty value takes one away.
fn production(settings: &[(&str, &str)]) -> (TempDir, Values) {
    let (data_dir, mut values) = development(&[]);
    for (name, value) in [
        ("ENVIRONMENT", "production"),
        ("DATABASE_URL", "postgresql+psycopg2://me:dbsecret@db.example/signupflow?sslmode=verify-full"),
        ("REDIS_URL", "redis://:redissecret@redis.example:6379/0"),
        ("SECRET_KEY", SECRET),
        ("TOTP_ENCRYPTION_KEY", &URL_SAFE.encode([1; 32])),
        ("AUDIT_SIGNING_KEY", &STANDARD.encode([2; 32])),
        ("PUBLIC_URL", "https://signup.example"),
        ("TRUSTED_PROXIES", "10.0.0.0/8"),
        ("SMTP_URL", "smtp://me:mailsecret@mail.example"),
    ]
    .iter()
    .chain(settings)
    {
        values.insert((*name).to_owned(), (*value).to_owned());
    }
    (data_dir, values)
}

fn loaded((_data_dir, values): (TempDir, Values)) -> Loaded {
    Config::load(&values).unwrap_or_else(|errors| panic!("{errors}"))
}

fn refusals((_data_dir, values): (TempDir, Values)) -> Vec<ConfigError> {
    Config::load(&values).err().map_or_else(Vec::new, |errors| errors.0)
}

fn subjects(environment: (TempDir, Values)) -> Vec<String> {
    refusals(environment).into_iter().map(|error| error.subject).collect()
}

fn warns(loaded: &Loaded, part: &str) -> bool {
    loaded.warnings.iter().any(|warning| warning.contains(part))
}

#[test]
fn nothing_at_all_gives_the_contracts_defaults() {
    let Loaded { config, .. } = loaded(development(&[]));
    assert_eq!(config.deployment.environment, Environment::Development);
    assert!(config.database.is_embedded() && config.redis.is_none() && config.mail.smtp.is_none());
    assert_eq!(config.session.storage, SessionStorage::Memory);
    assert_eq!(config.network.bind_address.to_string(), "127.0.0.1:8000");
    assert_eq!(config.network.public_url.as_str(), "http://127.0.0.1:8000");
    assert!(config.network.public_url_is_derived);
    assert!(!config.network.https_only && !config.network.secure_cookies);
    assert!(
        config.rate_limit.enabled && config.csrf.enabled && config.audit.enabled && config.headers.enabled
    );
    let limits = &config.rate_limit.settings;
    assert_eq!((limits.login_attempts, limits.api_requests, limits.password_reset_per_hour), (5, 100, 3));
    assert_eq!((limits.login_window.as_secs(), limits.lockout_duration.as_secs()), (300, 900));
    assert_eq!(config.session.ttl, Duration::from_hours(24));
    assert_eq!(config.session.idle, Some(Duration::from_hours(8)));
    assert_eq!(config.session.max_per_user, 5);
    assert_eq!(config.csrf.token_ttl.as_secs(), 3600);
    assert_eq!(config.audit.retention_days, 90);
    assert_eq!(config.headers.hsts_max_age.as_secs(), 31_536_000);
    assert!(!config.headers.hsts_include_subdomains);
    assert_eq!(config.password.min_length, 15);
    assert_eq!(config.password.reset_token_ttl.as_secs(), 3600);
    assert_eq!((config.password.argon2.m_kib, config.password.argon2.t), (19_456, 2));
    assert_eq!((config.two_factor.issuer.as_str(), config.two_factor.window), ("SignUpFlow", 1));
    assert_eq!(config.mail.from, "SignUpFlow <no-reply@localhost>");
    assert_eq!(config.observability.log_format, LogFormat::Pretty);
    assert!(!config.rate_limit.lockout_revokes_sessions && !config.deployment.migrate_on_start);
}

#[test]
fn the_originals_block_loads_as_it_stands() {
    let block = "
# Security Hardening Configuration
# =================================

# Redis Configuration (for rate limiting and sessions)
REDIS_HOST=localhost
REDIS_PORT=6379
REDIS_PASSWORD=your-redis-password
REDIS_URL=redis://:your-redis-password@localhost:6379/0

# TOTP Encryption (generate with: python -c \"from cryptography.fernet import Fernet; print(Fernet.generate_key().decode())\")
TOTP_ENCRYPTION_KEY=REAL_KEY

# Rate Limiting Configuration
RATE_LIMITING_ENABLED=true
RATE_LIMIT_LOGIN_ATTEMPTS=5
RATE_LIMIT_LOGIN_WINDOW=300  # 5 minutes
RATE_LIMIT_LOCKOUT_DURATION=900  # 15 minutes

# Session Configuration
SESSION_TTL_HOURS=24
SESSION_STORAGE=redis

# CSRF Configuration
CSRF_ENABLED=true
CSRF_TOKEN_TTL=3600  # 1 hour

# Audit Logging
AUDIT_LOG_ENABLED=true
AUDIT_LOG_RETENTION_DAYS=90

# Security Headers
SECURITY_HEADERS_ENABLED=true
HSTS_MAX_AGE=31536000  # 1 year

# Password Reset
PASSWORD_RESET_TOKEN_TTL=3600  # 1 hour
PASSWORD_RESET_RATE_LIMIT=3  # 3 requests per hour per email

# 2FA Configuration
TOTP_ISSUER_NAME=SignUpFlow
TOTP_WINDOW=1  # ±30 seconds clock skew tolerance
";
    let (data_dir, values) = development(&[]);
    let real = block.replace("REAL_KEY", &URL_SAFE.encode([9; 32]));
    fs::write(data_dir.path().join(".env"), &real).unwrap();
    let source = source::with_env_file(values, data_dir.path()).unwrap();
    let Loaded { config, warnings } = Config::load(&source).unwrap();
    assert_eq!(*config.secrets.totp_encryption_keys[0].expose(), [9; 32]);
    let redis = config.redis.unwrap();
    assert_eq!(redis.password.unwrap().expose(), "your-redis-password");
    assert_eq!(config.session.storage, SessionStorage::Redis);
    assert!(warnings.iter().all(|warning| warning.contains("new keys are in")), "{warnings:?}");

    let (_data_dir, mut values) = development(&[]);
    values.extend(dotenv::parse(&block.replace("REAL_KEY", "your-fernet-encryption-key-here")).unwrap());
    let message = Config::load(&values).unwrap_err().to_string();
    assert!(message.contains("TOTP_ENCRYPTION_KEY") && message.contains("placeholder"), "{message}");
}

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
    let single = loaded(production(&[("REDIS_URL", ""), ("SINGLE_NODE", "true")]));
    assert!(single.warnings.is_empty(), "{:?}", single.warnings);
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
    ] {
        assert!(warns(&loaded(development(settings)), warning), "{settings:?}");
    }
    assert!(warns(&loaded(production(&[("TRUSTED_PROXIES", "")])), "TRUSTED_PROXIES is empty"));
    assert!(warns(&loaded(production(&[("REDIS_URL", "redis://redis.example")])), "without a password"));
    let unverified = ("DATABASE_URL", "postgresql://db.example/d?sslmode=require");
    assert!(warns(&loaded(production(&[unverified])), "sslmode=verify-full"));
}

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
    ("PASSWORD_RESET_TOKEN_TTL", "0"),
    ("PASSWORD_RESET_RATE_LIMIT", "0"),
    ("ARGON2_MEMORY_KIB", "7"),
    ("TOTP_ISSUER_NAME", "a:b"),
    ("TOTP_WINDOW", "6"),
    ("SMTP_URL", "mail.example"),
    ("MAIL_FROM", "nobody"),
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

#[test]
fn every_secret_can_come_from_a_file() {
    for variable in variable::all().filter(|variable| variable.secret) {
        let (data_dir, mut values) = production(&[]);
        let sample = match variable.name {
            "SECRET_KEY_PREVIOUS" => "previous-secret-previous-secret-previous".to_owned(),
            "REDIS_PASSWORD" => "pw".to_owned(),
            "SENTRY_DSN" | "ALERT_WEBHOOK_URL" => variable.example.to_owned(),
            name => values.remove(name).unwrap(),
        };
        let path = data_dir.path().join("secret");
        let file_name = variable.file_name().unwrap();
        values.insert(file_name.clone(), path.to_str().unwrap().to_owned());

        let errors = Config::load(&values).unwrap_err().0;
        assert_eq!(errors[0].subject, file_name, "the file is not there");
        for newline in ["", "\n", "\r\n"] {
            fs::write(&path, format!("{sample}{newline}")).unwrap();
            Config::load(&values).unwrap_or_else(|errors| panic!("{errors}"));
        }
        fs::write(&path, "\n").unwrap();
        assert_eq!(Config::load(&values).unwrap_err().0[0].subject, file_name, "empty");

        fs::write(&path, &sample).unwrap();
        values.insert(variable.name.to_owned(), sample);
        let error = &Config::load(&values).unwrap_err().0[0];
        assert_eq!(error.subject, variable.name);
        assert!(error.reason.contains(&format!("{file_name} is set too")), "{error:?}");
    }
}

#[test]
fn one_newline_is_trimmed_from_a_file_and_no_more() {
    let (data_dir, mut values) = development(&[("REDIS_HOST", "localhost")]);
    let path = data_dir.path().join("secret");
    values.insert("REDIS_PASSWORD_FILE".to_owned(), path.to_str().unwrap().to_owned());
    fs::write(&path, " pw \n\n").unwrap();
    let redis = Config::load(&values).unwrap().config.redis.unwrap();
    assert_eq!(redis.password.unwrap().expose(), " pw \n");
}

#[test]
fn redis_url_beats_the_parts() {
    let parts = [("REDIS_HOST", "parts.example"), ("REDIS_PORT", "7000"), ("REDIS_PASSWORD", "pw")];
    let from_parts = loaded(development(&parts)).config.redis.unwrap();
    let endpoint = RedisEndpoint::Tcp { host: "parts.example".to_owned(), port: 7000, tls: false };
    assert_eq!((from_parts.endpoint, from_parts.database), (endpoint, 0));
    assert_eq!(from_parts.password.unwrap().expose(), "pw");
    let both = [parts.as_slice(), &[("REDIS_URL", "rediss://url.example/2")]].concat();
    let from_url = loaded(development(&both)).config.redis.unwrap();
    let endpoint = RedisEndpoint::Tcp { host: "url.example".to_owned(), port: 6379, tls: true };
    assert_eq!((from_url.endpoint, from_url.password, from_url.database), (endpoint, None, 2));
}

#[test]
fn what_container_platforms_inject_is_no_mistake() {
    let injected = [("REDIS_PORT", "tcp://10.0.0.11:6379"), ("REDIS_SERVICE_HOST", "10.0.0.11")];
    let loaded = loaded(development(&injected));
    assert!(loaded.config.redis.is_none());
    assert!(!warns(&loaded, "REDIS"), "{:?}", loaded.warnings);
}

#[test]
fn memory_beside_redis_is_fine_in_development() {
    let settings = [("REDIS_URL", "redis://localhost"), ("SESSION_STORAGE", "Memory")];
    assert_eq!(loaded(development(&settings)).config.session.storage, SessionStorage::Memory);
}

#[test]
fn secure_cookies_follow_the_public_url() {
    let secure = loaded(development(&[("PUBLIC_URL", "https://signup.example")])).config.network;
    assert!(secure.secure_cookies && !secure.https_only);
    let chosen = [("PUBLIC_URL", "https://signup.example"), ("SECURE_COOKIES", "false")];
    assert!(!loaded(development(&chosen)).config.network.secure_cookies);
}

#[test]
fn proxies_and_origins_are_lists() {
    let network = loaded(development(&[
        ("TRUSTED_PROXIES", "10.0.0.0/8, 192.0.2.1,, 2001:db8::/32"),
        ("TRUSTED_PROXY_HEADER", "forwarded"),
        ("CORS_ALLOWED_ORIGINS", "https://a.example , https://b.example:8443"),
    ]))
    .config
    .network;
    assert_eq!(network.trusted_proxies.ranges.len(), 3);
    assert_eq!(network.trusted_proxies.header.name(), "Forwarded");
    assert!(network.trusted_proxies.contains("10.9.9.9".parse::<IpAddr>().unwrap()));
    let origins: Vec<_> = network.cors_allowed_origins.iter().map(Origin::as_str).collect();
    assert_eq!(origins, ["https://a.example", "https://b.example:8443"]);
}

#[test]
fn a_bad_rules_file_is_refused_with_its_line() {
    let (data_dir, mut values) = development(&[]);
    let path = data_dir.path().join("rules.toml");
    values.insert("RATE_LIMIT_RULES_FILE".to_owned(), path.to_str().unwrap().to_owned());
    fs::write(&path, "").unwrap();
    assert_eq!(Config::load(&values).unwrap().config.rate_limit.rules_file.as_deref(), Some(path.as_path()));
    fs::write(&path, "\n\n[[rule]]\nnonsense = 1\n").unwrap();
    let error = Config::load(&values).unwrap_err().0.remove(0);
    assert_eq!(error.subject, "RATE_LIMIT_RULES_FILE");
    assert!(error.reason.starts_with("line "), "{error:?}");
}

#[test]
fn keys_are_rotated_newest_first() {
    let keys = [[3; 32], [4; 32]];
    let list = keys.map(|key| URL_SAFE.encode(key)).join(" , ");
    let previous = "previous-secret-previous-secret-previous";
    let settings = [("TOTP_ENCRYPTION_KEY", list.as_str()), ("SECRET_KEY_PREVIOUS", previous)];
    let secrets = loaded(development(&settings)).config.secrets;
    assert_eq!(secrets.totp_encryption_keys.iter().map(|key| *key.expose()).collect::<Vec<_>>(), keys);
    assert_eq!(secrets.secret_key_previous.unwrap().expose(), previous);
}

#[test]
fn keys_are_generated_once_in_development_on_the_embedded_database() {
    let (data_dir, values) = development(&[]);
    let first = Config::load(&values).unwrap();
    assert!(warns(&first, "new keys are in"));
    let second = Config::load(&values).unwrap();
    assert!(!warns(&second, "new keys are in"));
    assert_eq!(first.config.secrets, second.config.secrets);
    assert!(first.config.secrets.secret_key.expose().len() >= 43);

    fs::write(data_dir.path().join(DATABASE_FILE), "").unwrap();
    assert_eq!(Config::load(&values).unwrap().config.secrets, first.config.secrets);
    fs::remove_file(data_dir.path().join(generated::SECRETS_FILE)).unwrap();
    let message = Config::load(&values).unwrap_err().to_string();
    assert!(message.contains("secrets.env") && message.contains("unreadable"), "{message}");
}

#[test]
fn keys_from_outside_win_and_are_not_made_again() {
    let (data_dir, values) = development(&[("SECRET_KEY", SECRET)]);
    let config = Config::load(&values).unwrap().config;
    assert_eq!(config.secrets.secret_key.expose(), SECRET);
    let made = fs::read_to_string(data_dir.path().join(generated::SECRETS_FILE)).unwrap();
    assert!(!made.contains("SECRET_KEY=") && made.contains("TOTP_ENCRYPTION_KEY="), "{made}");

    let (data_dir, mut values) = development(&[]);
    values.extend(dotenv::parse(&generated::env_lines(&OsEntropy)).unwrap());
    Config::load(&values).unwrap();
    assert_eq!(fs::read_dir(data_dir.path()).unwrap().count(), 0, "nothing to generate, nothing written");
}

#[test]
fn keys_are_not_generated_beside_postgresql() {
    let settings = [("DATABASE_URL", "postgresql://db.example/signupflow")];
    assert_eq!(subjects(development(&settings)), ["SECRET_KEY", "TOTP_ENCRYPTION_KEY", "AUDIT_SIGNING_KEY"]);
}

#[test]
fn defaults_and_examples_of_the_table_are_accepted() {
    let exempt = [
        "ENVIRONMENT",
        "DATA_DIR",
        "DATABASE_URL",
        "ENV_FILE",
        "RATE_LIMIT_RULES_FILE",
        "BREACHED_PASSWORDS_FILE",
    ];
    for variable in variable::all().filter(|variable| !exempt.contains(&variable.name)) {
        let fixed = match variable.default {
            variable::Fallback::Value(value) => Some(value),
            _ => None,
        };
        let example = Some(variable.example).filter(|example| !example.starts_with('<'));
        for value in fixed.into_iter().chain(example) {
            let mut settings = vec![(variable.name, value)];
            if variable.name == "SESSION_STORAGE" {
                settings.push(("REDIS_HOST", "localhost"));
            }
            assert_eq!(subjects(development(&settings)), Vec::<String>::new(), "{}={value}", variable.name);
        }
    }
    loaded(production(&[(
        "DATABASE_URL",
        "postgresql://signupflow:password@db.example.org:5432/signupflow",
    )]));
}

#[test]
fn empty_values_count_as_unset() {
    let all: Vec<(&str, &str)> =
        variable::all().filter(|variable| variable.name != "DATA_DIR").map(|v| (v.name, " ")).collect();
    loaded(development(&all));
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
