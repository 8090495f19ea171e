//! The one place that names concrete backends and puts the program together from its configuration.

pub mod key_checks;
mod mail;
mod shared_state;
mod start_error;
pub mod stored_factors;

use std::sync::Arc;
use std::time::Duration;

use accounts::lockouts::LiftedLocks;
use accounts::ports::Mailer;
use accounts::two_factor::SecondFactorRules;
use accounts::two_factor::policy::{self, PolicyBook};
use accounts::{Services, Settings, Tallies};
use backends::embedded::WriteThroughSessions;
use backends::redis::RedisLink;
use backends::sql::{Database, SqlError, migrate};
use backends::stores::{OutboxCipher, SqlStore};
use hardening::clock::Clock;
use hardening::csrf::CsrfKeys;
use hardening::device::DeviceKeys;
use hardening::entropy::Entropy;
use hardening::keys::{KeyLabel, KeyRing};
use hardening::password::{Argon2Params, HashPool, PasswordPolicy, suggested_queue};
use hardening::session::token::TokenKeys;
use hardening::shared_clock::SharedClock;
use hardening::two_factor::{Fernet, RecoveryKeys, Totp};

use crate::config::{self, Config, SessionStorage};
use crate::timekeeping;
use crate::web::health::Leaving;

pub use mail::smtp_mailer;
pub use start_error::StartError;

/// What one hash with the default parameters takes, for the length of the queue.
const ONE_HASH: Duration = Duration::from_millis(17);

/// Connections to PostgreSQL: enough for the credential checks of all cores, and for everything else.
fn connections() -> usize {
    (2 * cores() + 4).max(8)
}

/// How many requests may be worked on at once. Tens keep a core busy; with more than these a request's turns come so
/// late that calls to Redis would miss their 50 ms without Redis being slow.
pub fn requests_at_once() -> usize {
    256 * cores()
}

/// How many credential checks may be under way at once. On PostgreSQL one hashes on each core while as many are at
/// the database, and two connections are always left for other requests. The embedded database has no connections
/// that could run out: there the hashing queue alone is the bound, and nobody waits who would be refused anyway.
pub fn credential_checks_at_once(config: &Config) -> usize {
    if config.database.is_embedded() { tokio::sync::Semaphore::MAX_PERMITS } else { connections() - 2 }
}

fn cores() -> usize {
    std::thread::available_parallelism().map_or(1, usize::from)
}

/// Where time and randomness come from, what a hash costs, and how Redis is waited for: tests use their own.
#[derive(Clone)]
pub struct Sources {
    /// The present by this machine.
    pub clock: Arc<dyn Clock>,
    /// Whether the database's clock counts where it has one. Tests that set the time themselves do without.
    pub time_of_database: bool,
    /// Randomness.
    pub entropy: Arc<dyn Entropy>,
    /// The cost of a password hash, where it is not the configured one.
    pub hash_cost: Option<Argon2Params>,
    /// How long a call to Redis may take, where it is not the usual 50 ms: a machine that compiles and tests
    /// at once is slower than that.
    pub redis_call_budget: Option<Duration>,
    /// Whether to begin without Redis and go on looking for it. Right for a server, which says 503 meanwhile;
    /// a command that cannot do its work ends instead.
    pub redis_may_come_later: bool,
}

impl Sources {
    /// The system's clock and randomness, hashes at their configured cost.
    pub fn system() -> Self {
        Self {
            clock: Arc::new(hardening::clock::SystemClock),
            time_of_database: true,
            entropy: Arc::new(hardening::entropy::OsEntropy),
            hash_cost: None,
            redis_call_budget: None,
            redis_may_come_later: false,
        }
    }
}

/// The program, put together.
pub struct Assembly {
    /// What it was put together from.
    pub config: Config,
    /// The use cases' ports and rules.
    pub services: Arc<Services>,
    /// The relational database.
    pub database: Database,
    /// Sessions in process, for their upkeep; none where they are in Redis.
    pub upkeep: Option<WriteThroughSessions>,
    /// The link to Redis, where there is one.
    pub redis: Option<RedisLink>,
    /// Delivers mail.
    pub mailer: Arc<dyn Mailer>,
    /// Signs and reads session tokens.
    pub tokens: Arc<TokenKeys>,
    /// Signs and reads CSRF tokens.
    pub csrf: Arc<CsrfKeys>,
    /// Whether nobody had an account at the start.
    pub first_run: bool,
    /// Whether the program was asked to stop.
    pub leaving: Leaving,
    /// To be kept right; none where time is set by a test.
    pub time: Option<Arc<SharedClock>>,
}

/// Opens the database the configuration names.
pub async fn open_database(config: &Config) -> Result<Database, StartError> {
    match &config.database {
        config::Database::Embedded { file } => {
            if let Some(folder) = file.parent() {
                make_private_folder(folder)?;
            }
            Ok(Database::open_sqlite(file).await?)
        }
        config::Database::PostgreSql { url } => {
            let database = Database::connect_postgres_with(url.expose(), connections()).await;
            database.map_err(|error| match error {
                SqlError::Bad(text) => StartError::Configuration(format!("DATABASE_URL: {text}")),
                other => other.into(),
            })
        }
    }
}

fn make_private_folder(folder: &std::path::Path) -> Result<(), StartError> {
    use std::os::unix::fs::DirBuilderExt;
    std::fs::DirBuilder::new().recursive(true).mode(0o700).create(folder).map_err(|error| {
        StartError::Configuration(format!("the data folder {} cannot be made: {error}", folder.display()))
    })
}

/// Brings the tables up to date where the program may do so by itself: always on the embedded database, on
/// PostgreSQL only with `MIGRATE_ON_START=true`.
async fn migrate_or_refuse(config: &Config, database: &Database) -> Result<(), StartError> {
    if config.database.is_embedded() || config.deployment.migrate_on_start {
        migrate::up(database).await?;
        return Ok(());
    }
    let pending = migrate::pending(database).await?;
    if pending.is_empty() {
        return Ok(());
    }
    Err(StartError::Configuration(format!(
        "{} migrations are pending on the database: run `signupflow migrate up` first, or set MIGRATE_ON_START=true",
        pending.len()
    )))
}

/// The database, migrated and known to belong to these keys; its clock becomes the source of time.
async fn ready_database(
    config: &Config,
    sources: &mut Sources,
) -> Result<(Database, Option<Arc<SharedClock>>), StartError> {
    let database = open_database(config).await?;
    migrate_or_refuse(config, &database).await?;
    let time = sources.time_of_database.then(|| Arc::new(SharedClock::new(sources.clock.clone())));
    if let Some(time) = &time {
        timekeeping::set(time, &database).await?;
        sources.clock = time.clone();
    }
    key_checks::check(&config.secrets, &database, sources.clock.now()).await?;
    Ok((database, time))
}

/// Puts the program together: database open and migrated, stores, rules, keys.
pub async fn assemble(config: Config, mut sources: Sources) -> Result<Assembly, StartError> {
    let (database, time) = ready_database(&config, &mut sources).await?;
    let shared = shared_state::shared_state(&config, &database, &sources).await?;
    let Sources { clock, entropy, hash_cost, .. } = sources;
    let ring = KeyRing::new(&config.secrets.secret_key, config.secrets.secret_key_previous.as_ref());
    let store = sql_store(&config, &ring, &database, &entropy);
    let services = Arc::new(Services {
        gate: shared.gate,
        accounts: store.clone(),
        password_resets: store.clone(),
        people: store.clone(),
        organizations: store.clone(),
        teams: store.clone(),
        events: store.clone(),
        invitations: store.clone(),
        two_factor: store.clone(),
        two_factor_policies: store.clone(),
        audit: store.clone(),
        outbox: store.clone(),
        receipts: store,
        sessions: shared.sessions,
        revocation_mark: shared.revocation_mark,
        quotas: shared.quotas,
        lifted_locks: LiftedLocks::default(),
        tallies: Tallies::default(),
        rules: Arc::new(config.rate_limit.rules.clone()),
        hashing: Arc::new(hash_pool(hash_cost.unwrap_or(config.password.argon2), &entropy)),
        password_policy: Arc::new(password_policy(&config)),
        second_factor: second_factor(&config, &ring)?,
        policies: PolicyBook::default(),
        device_keys: DeviceKeys::new(&ring),
        settings: settings(&config),
        clock,
        entropy,
    });
    // Known before the first request: who must have a second factor gets nothing else meanwhile.
    policy::follow(&services).await?;
    Ok(Assembly {
        first_run: !services.people.anyone_exists().await?,
        services,
        upkeep: shared.upkeep,
        redis: shared.redis,
        mailer: mail::mailer(&config)?,
        tokens: token_keys(&config, &ring),
        csrf: Arc::new(CsrfKeys::new(&ring, config.csrf.token_ttl)),
        leaving: Leaving::default(),
        time,
        database,
        config,
    })
}

fn token_keys(config: &Config, ring: &KeyRing) -> Arc<TokenKeys> {
    let issuer = config.network.public_url.as_str().to_owned();
    Arc::new(TokenKeys::new(ring, issuer, "signupflow".to_owned()))
}

fn sql_store(
    config: &Config,
    ring: &KeyRing,
    database: &Database,
    entropy: &Arc<dyn Entropy>,
) -> Arc<SqlStore> {
    let key = ring.derive(KeyLabel::Outbox);
    let cipher = OutboxCipher::new(&key.current, key.previous.as_ref(), entropy.clone());
    Arc::new(SqlStore::new(database.clone(), cipher, config.audit.enabled))
}

fn hash_pool(cost: Argon2Params, entropy: &Arc<dyn Entropy>) -> HashPool {
    let threads = cores();
    HashPool::start(cost, None, threads, suggested_queue(threads, ONE_HASH), entropy.clone())
}

fn password_policy(config: &Config) -> PasswordPolicy {
    let min_length = usize::try_from(config.password.min_length).unwrap_or(usize::MAX);
    let policy = PasswordPolicy::new(min_length);
    match &config.password.breached {
        None => policy,
        Some(filter) => policy.with_breached(filter.clone()),
    }
}

fn second_factor(config: &Config, ring: &KeyRing) -> Result<SecondFactorRules, StartError> {
    let keys = config.secrets.totp_encryption_keys.iter().cloned();
    let no_key = || StartError::Configuration("TOTP_ENCRYPTION_KEY holds no key".to_owned());
    Ok(SecondFactorRules {
        totp: Totp::new(config.two_factor.window),
        issuer: config.two_factor.issuer.clone(),
        fernet: Fernet::new(keys).ok_or_else(no_key)?,
        recovery_keys: RecoveryKeys::new(ring),
    })
}

fn settings(config: &Config) -> Settings {
    let defaults = Settings::with_defaults(config.network.public_url.as_str());
    Settings {
        reset_link_ttl: config.password.reset_token_ttl,
        rate_limiting: config.rate_limit.enabled,
        session_ttl: config.session.ttl,
        session_idle: config.session.idle.unwrap_or(Duration::ZERO),
        session_max_per_person: config.session.max_per_user,
        lockout_duration: config.rate_limit.settings.lockout_duration,
        lockout_revokes_sessions: config.rate_limit.lockout_revokes_sessions,
        counters_in_process: config.redis.is_none() || config.session.storage == SessionStorage::Memory,
        // The switch is for every limit, this one included.
        consecutive_failures_max: if config.rate_limit.enabled {
            defaults.consecutive_failures_max
        } else {
            i64::MAX
        },
        ..defaults
    }
}
