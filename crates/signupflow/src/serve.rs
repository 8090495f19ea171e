//! `signupflow serve`: the assembled program behind its HTTP server, with what it does in the background.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use accounts::refusal_record::{self, Which};
use accounts::two_factor::policy;
use accounts::{Services, housekeeping, password_reset};
use async_trait::async_trait;
use axum::Router;
use backends::redis::RedisLink;
use backends::sql::Database;
use hardening::csrf::OriginPolicy;
use hardening::entropy::PooledEntropy;
use hardening::headers::{HeaderSettings, SecurityHeaders};
use tokio::task::JoinSet;

use crate::certificates::{self, Watched};
use crate::config::{Config, Origin};
use crate::mail_delivery;
use crate::metrics_page::MetricsPage;
use crate::server::{Limits, Server, open_files, signals};
use crate::timekeeping;
use crate::web::admission::Admission;
use crate::web::health::{Probe, RedisState};
use crate::web::https_only::HttpsOnly;
use crate::web::idempotency::InProgress;
use crate::web::pipeline::Pipeline;
use crate::web::shedding::InFlight;
use crate::web::stack::{self, StackSettings};
use crate::web::state::{AppState, Inner};
use crate::wiring::{Assembly, Sources, StartError, assemble, credential_checks_at_once, requests_at_once};

/// How often other processes' endings and liftings are looked for: the bound on a revocation made at the
/// command line or by another node.
const FOLLOW_EVERY: Duration = Duration::from_secs(1);
/// How often requests for reset links are answered: apart from them in time, so that the time of nobody's next request
/// tells what the last one led to.
const RESETS_EVERY: Duration = Duration::from_secs(1);
/// How often it is told that too many reset mails are asked for.
const ALARM_EVERY: Duration = Duration::from_mins(1);
/// How often it is looked whether the window of counted refusals is over.
const COUNT_EVERY: Duration = Duration::from_secs(5);
/// How often expired rows are removed.
const PURGE_EVERY: Duration = Duration::from_mins(10);
/// How long backends may take to be left in order. What is not written by then is what a crash would lose: nothing
/// that was acknowledged.
const FINISH_WITHIN: Duration = Duration::from_secs(4);

/// Why serving ended badly.
#[derive(Debug, thiserror::Error)]
pub enum ServeError {
    /// It never began.
    #[error(transparent)]
    Start(#[from] StartError),
    /// The address cannot be listened on. Exit code 2.
    #[error(transparent)]
    Bind(#[from] crate::server::BindError),
    /// Nor can the address for metrics. Exit code 2.
    #[error("METRICS_ADDRESS: {0}")]
    BindMetrics(crate::server::BindError),
    /// Requests were cut off at the end. Exit code 1.
    #[error(transparent)]
    CutShort(#[from] crate::server::CutShort),
}

struct BackendProbe {
    database: Database,
    redis: Option<RedisLink>,
}

#[async_trait]
impl Probe for BackendProbe {
    async fn database_answers(&self) -> bool {
        let answer = tokio::time::timeout(Duration::from_secs(2), self.database.ping()).await;
        matches!(answer, Ok(Ok(())))
    }

    async fn redis(&self) -> RedisState {
        let Some(link) = &self.redis else { return RedisState::Embedded };
        match link.ping().await {
            Ok(()) => RedisState::Connected,
            Err(_) => link.refuses_writes().map_or(RedisState::Away, RedisState::TakesNoWrites),
        }
    }
}

/// The HTTP application of an assembled program.
pub fn application(assembly: &Assembly) -> Result<Pipeline, StartError> {
    application_with(assembly, Router::new())
}

/// The same with further routes under the same layers: tests add what fails on purpose, so that the program has none.
pub fn application_with(assembly: &Assembly, further: Router<AppState>) -> Result<Pipeline, StartError> {
    let config = &assembly.config;
    let services = &assembly.services;
    let public_url = config.network.public_url.as_str();
    let state = AppState::new(Inner {
        services: services.clone(),
        admission: Admission::new(credential_checks_at_once(config)),
        in_flight: InFlight::new(requests_at_once()),
        in_progress: InProgress::default(),
        tokens: assembly.tokens.clone(),
        csrf: assembly.csrf.clone(),
        nonces: Arc::new(PooledEntropy::default()),
        csrf_enabled: config.csrf.enabled,
        quotas: services.quotas.clone(),
        secure_cookies: config.network.secure_cookies,
        probe: Arc::new(BackendProbe { database: assembly.database.clone(), redis: assembly.redis.clone() }),
        leaving: assembly.leaving.clone(),
        public_url: public_url.to_owned(),
        security_contact: format!("mailto:security@{}", config.network.public_url.host()),
        shape: shape(assembly),
    });
    let allowed: Vec<String> =
        config.network.cors_allowed_origins.iter().map(|origin| origin.as_str().to_owned()).collect();
    let settings = StackSettings {
        trusted_proxies: config.network.trusted_proxies.clone(),
        origins: OriginPolicy::new(public_url.to_owned(), allowed.clone()),
        cors_origins: allowed,
        security_headers: security_headers(config),
        https_only: HttpsOnly { demanded: config.network.https_only, origin: public_url.into() },
        rules: config.rate_limit.enabled.then(|| services.rules.clone()),
        sessions: services.sessions.clone(),
        further,
    };
    Ok(stack::application(state, settings)?)
}

fn security_headers(config: &Config) -> Option<SecurityHeaders> {
    let settings = HeaderSettings {
        hsts_max_age: config.headers.hsts_max_age,
        include_subdomains: config.headers.hsts_include_subdomains,
        csp_report_path: Some("/api/csp-reports".to_owned()),
    };
    config.headers.enabled.then(|| SecurityHeaders::new(&settings))
}

fn shape(assembly: &Assembly) -> String {
    let database = if assembly.config.database.is_embedded() { "SQLite" } else { "PostgreSQL" };
    let state = if assembly.redis.is_some() { "in Redis" } else { "in process" };
    format!("{database}, sessions and counters {state}")
}

/// Serves until SIGTERM or SIGINT; says where on standard output through `announce`.
pub async fn run(
    mut config: Config,
    sources: Sources,
    announce: impl FnOnce(&Assembly, SocketAddr),
) -> Result<(), ServeError> {
    let proxies = config.network.trusted_proxies.clone();
    let leave_grace = config.deployment.shutdown_grace;
    let limits = Limits { leave_grace, ..Limits::for_open_files(open_files::raise_limit()) };
    // Both before anything is written: an address that is taken leaves no trace.
    let bound = Server::bind(config.network.bind_address, limits).await?;
    let metrics = match config.network.metrics_address {
        Some(address) => Some(MetricsPage::bind(address, security_headers(&config)).await?),
        None => None,
    };
    if config.network.public_url_is_derived {
        config.network.public_url = Origin::of_listener(bound.local_addr());
    }
    let assembly = assemble(config, sources).await?;
    let router = application(&assembly)?;
    let bound = bound.without_peer_limit_for(move |peer| proxies.contains(peer));
    let background = start_background(&assembly, metrics);
    let asked = signals::shutdown();
    announce(&assembly, bound.local_addr());
    let leaving = assembly.leaving.clone();
    let stop = async move {
        asked.await;
        leaving.announce();
        tracing::info!(grace_s = leave_grace.as_secs(), "asked to stop: answering what is under way");
    };
    let ended = bound.serve_until(router, stop, async { signals::shutdown().await }).await;
    if tokio::time::timeout(FINISH_WITHIN, finish(assembly, background)).await.is_err() {
        tracing::warn!("the backends did not take leave in time");
    }
    ended.map_err(ServeError::from)?;
    tracing::info!("stopped");
    Ok(())
}

fn start_background(assembly: &Assembly, metrics: Option<MetricsPage>) -> JoinSet<()> {
    let mut tasks = JoinSet::new();
    tasks.spawn(follow_revocations(assembly.services.clone()));
    tasks.spawn(answer_resets(assembly.services.clone()));
    tasks.spawn(mail_delivery::deliver(assembly.services.clone(), assembly.mailer.clone()));
    tasks.spawn(mail_delivery::watch_backlog(assembly.services.clone()));
    tasks.spawn(purge(assembly.services.clone()));
    if let Some(time) = assembly.time.clone() {
        tasks.spawn(timekeeping::keep(time, assembly.database.clone()));
    }
    let watched = Watched::new(&assembly.config, assembly.database.clone());
    tasks.spawn(certificates::watch(watched, assembly.services.clock.clone()));
    tasks.spawn(reload_when_asked(signals::Reloads::listen(), assembly.database.clone()));
    tasks.spawn(count_refusals(assembly.services.clone()));
    if let Some(sessions) = assembly.upkeep.clone() {
        tasks.spawn(async move { sessions.keep_up().await });
    }
    if let Some(page) = metrics {
        tasks.spawn(page.serve());
    }
    tasks
}

async fn finish(assembly: Assembly, mut background: JoinSet<()>) {
    background.shutdown().await;
    if let Err(error) = refusal_record::write_down(&assembly.services, Which::All).await {
        tracing::warn!(%error, "the last refusals are not on record");
    }
    if let Some(sessions) = &assembly.upkeep
        && let Err(fault) = sessions.shutdown().await
    {
        tracing::warn!(%fault, "the last activity of sessions was not written down");
    }
    let database = assembly.database.clone();
    drop(assembly);
    database.close().await;
}

/// What may be changed without a restart is what is read from files of others: trusted authorities.
async fn reload_when_asked(mut reloads: signals::Reloads, database: Database) {
    loop {
        reloads.next().await;
        match database.reload_authorities() {
            Ok(()) => tracing::info!("trusted authorities were read anew"),
            Err(error) => tracing::error!(%error, "the authorities from before stay trusted"),
        }
    }
}

async fn follow_revocations(services: Arc<Services>) {
    loop {
        tokio::time::sleep(FOLLOW_EVERY).await;
        if let Err(error) = housekeeping::follow_revocations(&services).await {
            tracing::warn!(%error, "cannot look for sessions that other processes ended");
        }
        if let Err(error) = policy::follow(&services).await {
            tracing::warn!(%error, "cannot look for policies that other processes set");
        }
    }
}

async fn answer_resets(services: Arc<Services>) {
    let mut told = None;
    loop {
        match password_reset::work_off(&services).await {
            Ok(done) => {
                metrics::counter!("signupflow_reset_links_total").increment(done.issued as u64);
                metrics::counter!("signupflow_reset_requests_held_back_total")
                    .increment(done.held_back as u64);
                let now = services.clock.now();
                if done.held_back > 0 && told.is_none_or(|at| now.since(at) >= ALARM_EVERY) {
                    told = Some(now);
                    tracing::warn!(
                        "ALARM: more password resets are asked for than are mailed; requests wait"
                    );
                }
                if done.goes_on() {
                    continue;
                }
            }
            Err(error) => tracing::warn!(%error, "cannot answer requests for reset links"),
        }
        tokio::time::sleep(RESETS_EVERY).await;
    }
}

async fn count_refusals(services: Arc<Services>) {
    loop {
        tokio::time::sleep(COUNT_EVERY).await;
        if let Err(error) = refusal_record::write_down(&services, Which::Over).await {
            tracing::warn!(%error, "cannot put counted refusals on record");
        }
    }
}

async fn purge(services: Arc<Services>) {
    loop {
        tokio::time::sleep(PURGE_EVERY).await;
        if let Err(error) = housekeeping::purge(&services).await {
            tracing::warn!(%error, "cannot remove expired rows");
        }
    }
}
