//! The configuration: environment variables over a `.env` file, checked as a whole before anything starts.
//!
//! * [`Config::load`] reads every variable and reports everything that is wrong in one message
//!   ([`ConfigErrors`]); what is legal but unwise comes back as warnings.
//! * One table ([`variable::all`]) gives defaults, bounds, error texts, the check for unknown names and the
//!   reference in `docs/configuration.md`.
//! * `ENVIRONMENT=production` refuses what is convenient but unsafe.
//! * Secrets are [`Secret`](hardening::secret::Secret); neither errors nor `Debug` show them.
//!
//! To add a variable: a row and a field in the file of its section, a test in `tests.rs`, and the refreshed
//! reference.
//!
//! ```
//! use std::collections::BTreeMap;
//! use signupflow::config::Config;
//! let wrong = BTreeMap::from([("SESSION_TTL_HOURS".to_owned(), "a day".to_owned())]);
//! let message = Config::load(&wrong).unwrap_err().to_string();
//! assert!(message.contains(r#"SESSION_TTL_HOURS is "a day""#));
//! ```

pub mod dotenv;
pub mod generated;
pub mod reference;
pub mod source;
pub mod variable;

mod audit;
mod csrf;
mod database;
mod deployment;
mod errors;
mod fernet_key;
mod headers;
mod mail;
mod network;
mod observability;
mod origin;
mod password;
mod rate_limit;
mod reader;
mod redis;
mod secrets;
mod session;
mod two_factor;
mod unknown;

#[cfg(test)]
mod tests;

pub use audit::Audit;
pub use csrf::Csrf;
pub use database::{DATABASE_FILE, Database};
pub use deployment::{Deployment, Environment};
pub use errors::{ConfigError, ConfigErrors};
pub use headers::Headers;
pub use mail::Mail;
pub use network::Network;
pub use observability::{LogFormat, Observability};
pub use origin::Origin;
pub use password::Password;
pub use rate_limit::RateLimit;
pub use redis::{Redis, RedisEndpoint};
pub use secrets::Secrets;
pub use session::{Session, SessionStorage};
pub use source::Source;
pub use two_factor::TwoFactor;
pub use variable::Variable;

use hardening::entropy::{Entropy, OsEntropy};
use reader::Reader;

/// Everything that is set, checked.
#[derive(Clone, Debug)]
pub struct Config {
    /// How and where the program runs.
    pub deployment: Deployment,
    /// Addresses, origins, proxies, transport security.
    pub network: Network,
    /// The relational database.
    pub database: Database,
    /// Redis, when there is one.
    pub redis: Option<Redis>,
    /// Keys.
    pub secrets: Secrets,
    /// Rate limits and lockouts.
    pub rate_limit: RateLimit,
    /// Sessions.
    pub session: Session,
    /// Cross-site request forgery.
    pub csrf: Csrf,
    /// The audit log.
    pub audit: Audit,
    /// Security headers.
    pub headers: Headers,
    /// Passwords and their reset.
    pub password: Password,
    /// The second factor.
    pub two_factor: TwoFactor,
    /// Outgoing mail.
    pub mail: Mail,
    /// Logs and alarms.
    pub observability: Observability,
}

/// A configuration, and what its operator should know about it.
#[derive(Debug)]
pub struct Loaded {
    /// The configuration.
    pub config: Config,
    /// Sentences for people; none shows a secret.
    pub warnings: Vec<String>,
}

impl Config {
    /// Reads and checks everything. In development on the embedded database, and only when all else is
    /// right, makes the keys that are missing and keeps them in `DATA_DIR`.
    ///
    /// # Errors
    /// Every wrong variable at once, with the warnings. The command then ends with exit code 2.
    pub fn load(source: &dyn Source) -> Result<Loaded, ConfigErrors> {
        Self::load_with(source, &OsEntropy)
    }

    /// As [`Self::load`], with the randomness for new keys from elsewhere.
    ///
    /// # Errors
    /// As [`Self::load`].
    pub fn load_with(source: &dyn Source, entropy: &dyn Entropy) -> Result<Loaded, ConfigErrors> {
        let mut reader = Reader::new(source);
        let deployment = deployment::read(&mut reader);
        let network = network::read(&mut reader, &deployment);
        let database = database::read(&mut reader, &deployment);
        let redis = redis::read(&mut reader);
        let found = secrets::read(&mut reader, &deployment, &database);
        let password = password::read(&mut reader);
        let rate_limit = rate_limit::read(&mut reader, password.resets_per_hour);
        let session = session::read(&mut reader, &deployment, redis.as_ref());
        let csrf = csrf::read(&mut reader);
        let audit = audit::read(&mut reader);
        let headers = headers::read(&mut reader);
        let two_factor = two_factor::read(&mut reader);
        let mail = mail::read(&mut reader, &network);
        let observability = observability::read(&mut reader);

        let Reader { errors, mut warnings, .. } = reader;
        warnings.extend(unknown::warnings(source));
        if !errors.is_empty() {
            return Err(ConfigErrors { errors, warnings });
        }
        let secrets = match found.complete(&deployment, entropy, &mut warnings) {
            Ok(secrets) => secrets,
            Err(error) => return Err(ConfigErrors { errors: vec![error], warnings }),
        };
        let config = Self {
            deployment,
            network,
            database,
            redis,
            secrets,
            rate_limit,
            session,
            csrf,
            audit,
            headers,
            password,
            two_factor,
            mail,
            observability,
        };
        Ok(Loaded { config, warnings })
    }
}
