//! The keys: what counts as one, and where they come from.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD_NO_PAD;
use hardening::entropy::Entropy;
use hardening::secret::Secret;

use super::database::Database;
use super::deployment::Deployment;
use super::errors::ConfigError;
use super::fernet_key;
use super::generated;
use super::reader::{Reader, parts_of};
use super::variable::Allowed::Text;
use super::variable::Fallback::{Derived, Nothing};
use super::variable::{Section, Variable};

const GENERATED: &str = "generated in development on the embedded database; needed otherwise";
const SHORTEST_SECRET_KEY: usize = 32;

const SECRET_KEY: Variable = Variable {
    name: "SECRET_KEY",
    section: Section::Secrets,
    allowed: Text("32 random characters or more, no placeholder"),
    default: Derived(GENERATED),
    example: "<a line printed by `signupflow keys generate`>",
    description: "The root of all symmetric keys: session, CSRF and device tokens. The same on all nodes.",
    secret: true,
};
const SECRET_KEY_PREVIOUS: Variable = Variable {
    name: "SECRET_KEY_PREVIOUS",
    section: Section::Secrets,
    allowed: Text("as SECRET_KEY, and not the same"),
    default: Nothing,
    example: "<the SECRET_KEY before this one>",
    description: "What was signed with it stays valid while `SECRET_KEY` is being rotated; recovery codes made before \
                  work as long as it is set.",
    secret: true,
};
const TOTP_ENCRYPTION_KEY: Variable = Variable {
    name: "TOTP_ENCRYPTION_KEY",
    section: Section::Secrets,
    allowed: Text("Fernet keys (32 bytes in Base64, 44 characters), comma-separated, newest first"),
    default: Derived(GENERATED),
    example: "<a line printed by `signupflow keys generate`>",
    description: "Encrypts the secrets of the second factor. The first key encrypts, all of them decrypt; \
                  `signupflow keys rotate` puts what is stored under the first. Whoever loses it loses every enrolment.",
    secret: true,
};
const AUDIT_SIGNING_KEY: Variable = Variable {
    name: "AUDIT_SIGNING_KEY",
    section: Section::Secrets,
    allowed: Text("an Ed25519 seed: 32 bytes in Base64"),
    default: Derived(GENERATED),
    example: "<a line printed by `signupflow keys generate`>",
    description: "Signs the checkpoints of the audit log. The same on all nodes.",
    secret: true,
};

pub(super) const VARIABLES: &[&Variable] =
    &[&SECRET_KEY, &SECRET_KEY_PREVIOUS, &TOTP_ENCRYPTION_KEY, &AUDIT_SIGNING_KEY];

/// The keys.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Secrets {
    /// `SECRET_KEY`.
    pub secret_key: Secret<String>,
    /// `SECRET_KEY_PREVIOUS`.
    pub secret_key_previous: Option<Secret<String>>,
    /// `TOTP_ENCRYPTION_KEY`: at least one Fernet key, newest first.
    pub totp_encryption_keys: Vec<Secret<[u8; 32]>>,
    /// `AUDIT_SIGNING_KEY`: the seed of an Ed25519 key (RFC 8032, 5.1.5).
    pub audit_signing_seed: Secret<[u8; 32]>,
}

/// What the environment gives; the rest may be generated.
#[derive(Debug)]
pub(super) struct Found {
    secret_key: Option<Secret<String>>,
    secret_key_previous: Option<Secret<String>>,
    totp_encryption_keys: Option<Vec<Secret<[u8; 32]>>>,
    audit_signing_seed: Option<Secret<[u8; 32]>>,
    may_generate: bool,
}

pub(super) fn read(reader: &mut Reader<'_>, deployment: &Deployment, database: &Database) -> Found {
    let may_generate = !deployment.is_production() && database.is_embedded();
    let found = Found {
        secret_key: required(reader, &SECRET_KEY, may_generate, parse_secret_key),
        secret_key_previous: reader.parsed(&SECRET_KEY_PREVIOUS, parse_secret_key),
        totp_encryption_keys: required(reader, &TOTP_ENCRYPTION_KEY, may_generate, parse_totp_keys),
        audit_signing_seed: required(reader, &AUDIT_SIGNING_KEY, may_generate, parse_seed),
        may_generate,
    };
    if let (Some(current), Some(previous)) = (&found.secret_key, &found.secret_key_previous)
        && current == previous
    {
        reader.wrong(&SECRET_KEY_PREVIOUS, Some(previous.expose()), "it is the same as SECRET_KEY");
    }
    found
}

fn required<T>(
    reader: &mut Reader<'_>,
    variable: &Variable,
    may_generate: bool,
    parse: impl FnOnce(&str) -> Result<T, String>,
) -> Option<T> {
    let errors = reader.errors.len();
    let value = reader.parsed(variable, parse);
    if value.is_none() && !may_generate && reader.errors.len() == errors {
        let reason = "keys are generated only in development on the embedded database";
        reader.wrong(variable, None, reason);
    }
    value
}

impl Found {
    /// Adds what is missing from the generated secrets, creating them on the first start. To be called when
    /// everything else is right: it writes to the disk.
    pub(super) fn complete(
        self,
        deployment: &Deployment,
        entropy: &dyn Entropy,
        warnings: &mut Vec<String>,
    ) -> Result<Secrets, ConfigError> {
        let present = [
            (SECRET_KEY.name, self.secret_key.is_some()),
            (TOTP_ENCRYPTION_KEY.name, self.totp_encryption_keys.is_some()),
            (AUDIT_SIGNING_KEY.name, self.audit_signing_seed.is_some()),
        ];
        let missing: Vec<&str> = present.iter().filter(|(_, there)| !there).map(|(name, _)| *name).collect();
        let values = if missing.is_empty() || !self.may_generate {
            generated::Values::default()
        } else {
            let made = generated::load_or_create(&deployment.data_dir, &missing, entropy)
                .map_err(|refusal| refusal.into_config_error(&deployment.data_dir))?;
            warnings.extend(made.notice);
            made.values
        };
        let take = |variable: &Variable| values.get(variable.name).map_or("", String::as_str);
        Ok(Secrets {
            secret_key: or_generated(self.secret_key, &SECRET_KEY, &take, parse_secret_key)?,
            secret_key_previous: self.secret_key_previous,
            totp_encryption_keys: or_generated(
                self.totp_encryption_keys,
                &TOTP_ENCRYPTION_KEY,
                &take,
                parse_totp_keys,
            )?,
            audit_signing_seed: or_generated(self.audit_signing_seed, &AUDIT_SIGNING_KEY, &take, parse_seed)?,
        })
    }
}

fn or_generated<'v, T>(
    given: Option<T>,
    variable: &Variable,
    take: &impl Fn(&Variable) -> &'v str,
    parse: impl FnOnce(&str) -> Result<T, String>,
) -> Result<T, ConfigError> {
    given.map_or_else(
        || {
            let text = take(variable);
            let refusal =
                |reason| ConfigError::about(variable, Some(text), format!("in secrets.env: {reason}"));
            parse(text).map_err(refusal)
        },
        Ok,
    )
}

/// How placeholders begin, in lower case and without anything but letters: those of the original's documents
/// and of the frameworks around it.
const PLACEHOLDERS: &[&str] = &[
    "changeme",
    "changethis",
    "replaceme",
    "replacethis",
    "placeholder",
    "yoursecret",
    "yoursupersecret",
    "yourfernet",
    "yourencryption",
    "yourredispassword",
    "yourkey",
    "yourjwt",
    "strongredispassword",
    "supersecret",
    "djangoinsecure",
    "devsecretkey",
    "secretkeychange",
];

fn is_placeholder(text: &str) -> bool {
    let letters: String = text.to_ascii_lowercase().chars().filter(char::is_ascii_lowercase).collect();
    text.starts_with('<') || PLACEHOLDERS.iter().any(|start| letters.starts_with(start))
}

fn parse_secret_key(text: &str) -> Result<Secret<String>, String> {
    if is_placeholder(text) {
        return Err("it is a placeholder that everybody knows".to_owned());
    }
    if text.chars().count() < SHORTEST_SECRET_KEY {
        return Err(format!("it is shorter than {SHORTEST_SECRET_KEY} characters"));
    }
    Ok(Secret::new(text.to_owned()))
}

fn parse_totp_keys(text: &str) -> Result<Vec<Secret<[u8; 32]>>, String> {
    let count = parts_of(text).count();
    let keys: Vec<_> = parts_of(text)
        .enumerate()
        .map(|(index, key)| {
            let place = if count > 1 { format!("key {} in it ", index + 1) } else { "it ".to_owned() };
            if is_placeholder(key) {
                return Err(format!("{place}is a placeholder"));
            }
            fernet_key::decode(key).ok_or_else(|| format!("{place}is not a Fernet key"))
        })
        .collect::<Result<_, _>>()?;
    if keys.is_empty() { Err("there is no key in it".to_owned()) } else { Ok(keys) }
}

/// Either alphabet, with padding or without.
fn parse_seed(text: &str) -> Result<Secret<[u8; 32]>, String> {
    let standard = text.trim().trim_end_matches('=').replace('-', "+").replace('_', "/");
    let bytes = STANDARD_NO_PAD.decode(standard).map(Secret::new);
    let seed = bytes.ok().and_then(|bytes| <[u8; 32]>::try_from(bytes.expose().as_slice()).ok());
    seed.map(Secret::new).ok_or_else(|| "it is not 32 bytes in Base64".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn placeholders_and_short_keys_are_refused_and_nothing_else() {
        for bad in [
            "changeme",
            "CHANGE-ME-changeme-changeme-changeme",
            "change_this_in_production_0123456789",
            "your-secret-key-change-in-production",
            "your-fernet-encryption-key-here-xxxx",
            "django-insecure-0123456789abcdefghij",
            "<a line printed by `signupflow keys generate`>",
            "0123456789abcdef0123456789abcde",
        ] {
            assert!(parse_secret_key(bad).is_err(), "{bad}");
        }
        for good in ["aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", "ééééééééééééééééééééééééééééééé1"]
        {
            assert!(parse_secret_key(good).is_ok(), "{good}");
        }
    }

    #[test]
    fn seeds_in_both_alphabets() {
        let seed = [0xfb; 32];
        let standard = base64::engine::general_purpose::STANDARD.encode(seed);
        let url_safe = base64::engine::general_purpose::URL_SAFE_NO_PAD.encode(seed);
        for text in [standard.as_str(), &url_safe, &format!(" {standard}\n")] {
            assert_eq!(*parse_seed(text).unwrap().expose(), seed);
        }
        for bad in ["", "hunter2", &standard[2..], &format!("{standard}AAAA")] {
            assert!(parse_seed(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn one_bad_totp_key_of_several_is_named() {
        let good = base64::engine::general_purpose::URL_SAFE.encode([7; 32]);
        assert_eq!(parse_totp_keys(&format!(" {good} , {good},")).unwrap().len(), 2);
        assert!(parse_totp_keys(&format!("{good},x")).unwrap_err().contains("key 2"));
        assert!(parse_totp_keys("your-fernet-encryption-key-here").unwrap_err().contains("placeholder"));
        assert!(parse_totp_keys(",").is_err());
    }
}
