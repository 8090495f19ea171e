//! Defaults, the original's own block, and the examples of the table.

use std::fs;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE;

use super::*;

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
    assert_eq!(config.deployment.shutdown_grace, Duration::ZERO);
}

#[test]
fn the_originals_block_loads_as_it_stands() {
    let block = include_str!("../../../tests/original.env");
    let (data_dir, values) = development(&[]);
    let real = block.replace("your-fernet-encryption-key-here", &URL_SAFE.encode([9; 32]));
    fs::write(data_dir.path().join(".env"), &real).unwrap();
    let source = source::with_env_file(values, data_dir.path()).unwrap();
    let Loaded { config, warnings } = Config::load(&source).unwrap();
    assert_eq!(*config.secrets.totp_encryption_keys[0].expose(), [9; 32]);
    let redis = config.redis.unwrap();
    assert_eq!(redis.password.unwrap().expose(), "your-redis-password");
    assert_eq!(config.session.storage, SessionStorage::Redis);
    assert!(warnings.iter().all(|warning| warning.contains("new keys are in")), "{warnings:?}");

    let (_data_dir, mut values) = development(&[]);
    values.extend(dotenv::parse(block).unwrap());
    let message = Config::load(&values).unwrap_err().to_string();
    assert!(message.contains("TOTP_ENCRYPTION_KEY") && message.contains("placeholder"), "{message}");
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
            if variable.name == "HTTPS_ONLY" {
                settings.push(("PUBLIC_URL", "https://signup.example"));
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

#[test]
fn a_lock_shorter_than_its_window_is_warned_of() {
    let short = loaded(development(&[("RATE_LIMIT_LOCKOUT_DURATION", "60")]));
    assert!(
        warns(&short, "shorter than the window") && warns(&short, "/api/auth/login"),
        "{:?}",
        short.warnings
    );
    let long = loaded(development(&[("RATE_LIMIT_LOCKOUT_DURATION", "300")]));
    assert!(!warns(&long, "shorter"), "{:?}", long.warnings);
}
