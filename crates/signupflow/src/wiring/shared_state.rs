//! Sessions and counters: in process, or in Redis.

use std::sync::Arc;

use backends::embedded::{SqlAttemptJournal, WriteThroughSessions};
use backends::memory::attempts::MemoryAttempts;
use backends::memory::mark::MemoryMark;
use backends::memory::quotas::MemoryQuotas;
use backends::redis::attempts::RedisAttempts;
use backends::redis::quotas::{FallbackQuotas, RedisQuotas};
use backends::redis::sessions::RedisSessions;
use backends::redis::{ConnectError, LinkOptions, RedisLink, RedisTarget};
use backends::sql::Database;
use hardening::clock::Clock;
use hardening::entropy::Entropy;
use hardening::lockout::Gate;
use hardening::rate_limit::QuotaStore;
use hardening::session::{RevocationMark, SessionStore};

use super::{Sources, StartError};
use crate::config::{self, Config, SessionStorage};

/// Counters kept in process: each is a few hundred bytes, so this bounds them to some tens of megabytes.
const MAX_COUNTERS: usize = 200_000;

/// Sessions and counters: in process for one node, in Redis for any number.
pub(super) struct SharedState {
    pub(super) sessions: Arc<dyn SessionStore>,
    pub(super) revocation_mark: Arc<dyn RevocationMark>,
    pub(super) quotas: Arc<dyn QuotaStore>,
    pub(super) gate: Gate,
    pub(super) upkeep: Option<WriteThroughSessions>,
    pub(super) redis: Option<RedisLink>,
}

pub(super) async fn shared_state(
    config: &Config,
    database: &Database,
    sources: &Sources,
) -> Result<SharedState, StartError> {
    let Sources { clock, entropy, .. } = sources;
    let mut shared = match (&config.redis, config.session.storage) {
        (Some(redis), SessionStorage::Redis) => in_redis(find(config, redis, sources).await?, clock, entropy),
        _ => in_process(database, clock, entropy).await?,
    };
    if !config.rate_limit.enabled {
        shared.gate = Gate::disabled(clock.clone(), entropy.clone());
    }
    Ok(shared)
}

async fn in_process(
    database: &Database,
    clock: &Arc<dyn Clock>,
    entropy: &Arc<dyn Entropy>,
) -> Result<SharedState, StartError> {
    let journal = Arc::new(SqlAttemptJournal::new(database.clone()));
    let attempts = MemoryAttempts::with_journal(MAX_COUNTERS, journal, clock.now()).await?;
    let sessions = WriteThroughSessions::new(database.clone(), clock.clone());
    Ok(SharedState {
        sessions: Arc::new(sessions.clone()),
        revocation_mark: Arc::new(MemoryMark::default()),
        quotas: Arc::new(MemoryQuotas::new(MAX_COUNTERS)),
        gate: Gate::new(Arc::new(attempts), clock.clone(), entropy.clone()),
        upkeep: Some(sessions),
        redis: None,
    })
}

/// The link to Redis. One that is away is waited for where it may come later; one that is set up wrongly stops
/// the start in production, and is a warning in development.
async fn find(config: &Config, redis: &config::Redis, sources: &Sources) -> Result<RedisLink, StartError> {
    let target = RedisTarget::parse(redis.url.expose())
        .map_err(|error| StartError::Configuration(format!("REDIS_URL: {error}")))?;
    let usual = LinkOptions::default();
    let options = LinkOptions {
        refuse_eviction: config.deployment.is_production(),
        call_budget: sources.redis_call_budget.unwrap_or(usual.call_budget),
        ..usual
    };
    let (link, error) = RedisLink::find(target, options).await;
    match error {
        None => {}
        Some(error) if !sources.redis_may_come_later => return Err(error.into()),
        Some(error @ ConnectError::Unusable(_)) if config.deployment.is_production() => {
            return Err(error.into());
        }
        Some(error) => tracing::warn!(%error, "serving without Redis: sessions and credentials answer 503"),
    }
    Ok(link)
}

fn in_redis(link: RedisLink, clock: &Arc<dyn Clock>, entropy: &Arc<dyn Entropy>) -> SharedState {
    let sessions = Arc::new(RedisSessions::new(link.clone()));
    let attempts = Arc::new(RedisAttempts::new(link.clone()));
    let quotas = Arc::new(RedisQuotas::new(link.clone()));
    SharedState {
        sessions: sessions.clone(),
        revocation_mark: sessions,
        quotas: Arc::new(FallbackQuotas::new(quotas, MemoryQuotas::new(MAX_COUNTERS))),
        gate: Gate::new(attempts, clock.clone(), entropy.clone()),
        upkeep: None,
        redis: Some(link),
    }
}
