//! The rules, section by section, through [`Config::load`].

mod defaults;
mod network;
mod production;
mod refusals;
mod secrets;

use std::collections::BTreeMap;

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE};
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
    Config::load(&values).err().map_or_else(Vec::new, |errors| errors.errors)
}

fn subjects(environment: (TempDir, Values)) -> Vec<String> {
    refusals(environment).into_iter().map(|error| error.subject).collect()
}

fn warns(loaded: &Loaded, part: &str) -> bool {
    loaded.warnings.iter().any(|warning| warning.contains(part))
}
