//! Secrets: from files, generated, rotated.

use std::fs;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE;
use hardening::entropy::OsEntropy;

use super::*;

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

        let errors = Config::load(&values).unwrap_err().errors;
        assert_eq!(errors[0].subject, file_name, "the file is not there");
        for newline in ["", "\n", "\r\n"] {
            fs::write(&path, format!("{sample}{newline}")).unwrap();
            Config::load(&values).unwrap_or_else(|errors| panic!("{errors}"));
        }
        fs::write(&path, "\n").unwrap();
        assert_eq!(Config::load(&values).unwrap_err().errors[0].subject, file_name, "empty");

        fs::write(&path, &sample).unwrap();
        values.insert(variable.name.to_owned(), sample);
        let error = &Config::load(&values).unwrap_err().errors[0];
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
