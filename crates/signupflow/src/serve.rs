//! `signupflow serve`: the assembled program behind its HTTP server, with what it does in the background.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use accounts::two_factor::policy;
use accounts::{Services, housekeeping, outbox};
use async_trait::async_trait;
use axum::Router;
use backends::redis::RedisLink;
use backends::sql::Database;
use hardening::csrf::OriginPolicy;
use hardening::headers::{HeaderSettings, SecurityHeaders};
use tokio::task::JoinSet;

use crate::config::{Config, Origin};
use crate::server::{Bound, Limits, Server, signals};
use crate::web::admission::Admission;
use crate::web::health::Probe;
use crate::web::https_only::HttpsOnly;
use crate::web::stack::{self, StackSettings};
use crate::web::state::{AppState, Inner};
use crate::wiring::{Assembly, Sources, StartError, assemble, credential_checks_at_once};

/// How often other processes' endings and liftings are looked for: the bound on a revocation made at the
/// command line or by another node.
const FOLLOW_EVERY: Duration = Duration::from_secs(1);
/// How often waiting mail is looked for.
const MAIL_EVERY: Duration = Duration::from_secs(1);
/// How often expired rows are removed.
const PURGE_EVERY: Duration = Duration::from_mins(10);

/// Why serving ended badly.
#[derive(Debug, thiserror::Error)]
pub enum ServeError {
    /// It never began.
    #[error(transparent)]
    Start(#[from] StartError),
    /// The address cannot be listened on. Exit code 2.
    #[error(transparent)]
    Bind(#[from] crate::server::BindError),
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

    async fn redis(&self) -> &'static str {
        match &self.redis {
            None => "embedded",
            Some(link) if link.ping().await.is_ok() => "connected",
            Some(_) => "unavailable",
        }
    }
}

/// The HTTP application of an assembled program.
pub fn application(assembly: &Assembly) -> Result<Router, StartError> {
    let config = &assembly.config;
    let services = &assembly.services;
    let public_url = config.network.public_url.as_str();
    let state = AppState::new(Inner {
        services: services.clone(),
        admission: Admission::new(credential_checks_at_once(config)),
        tokens: assembly.tokens.clone(),
        csrf: assembly.csrf.clone(),
        csrf_enabled: config.csrf.enabled,
        quotas: services.quotas.clone(),
        secure_cookies: config.network.secure_cookies,
        probe: Arc::new(BackendProbe { database: assembly.database.clone(), redis: assembly.redis.clone() }),
        public_url: public_url.to_owned(),
        security_contact: format!("mailto:security@{}", config.network.public_url.host()),
        shape: shape(assembly),
    });
    let allowed: Vec<String> =
        config.network.cors_allowed_origins.iter().map(|origin| origin.as_str().to_owned()).collect();
    let headers = HeaderSettings {
        hsts_max_age: config.headers.hsts_max_age,
        include_subdomains: config.headers.hsts_include_subdomains,
        csp_report_path: Some("/api/csp-reports".to_owned()),
    };
    let settings = StackSettings {
        trusted_proxies: config.network.trusted_proxies.clone(),
        origins: OriginPolicy::new(public_url.to_owned(), allowed.clone()),
        cors_origins: allowed,
        security_headers: config.headers.enabled.then(|| SecurityHeaders::new(&headers)),
        https_only: HttpsOnly { demanded: config.network.https_only, origin: public_url.into() },
        rules: config.rate_limit.enabled.then(|| services.rules.clone()),
        sessions: services.sessions.clone(),
    };
    Ok(stack::application(state, settings)?)
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
    let bind_address = config.network.bind_address;
    let metrics_address = config.network.metrics_address;
    let proxies = config.network.trusted_proxies.clone();
    let bound = Server::bind(bind_address, Limits::default()).await?;
    if config.network.public_url_is_derived {
        config.network.public_url = Origin::of_listener(bound.local_addr());
    }
    if metrics_address.is_some() {
        crate::metrics_page::install();
    }
    let assembly = assemble(config, sources).await?;
    let router = application(&assembly)?;
    let bound = bound.without_peer_limit_for(move |peer| proxies.contains(peer));
    let metrics = match metrics_address {
        Some(address) => Some(Server::bind(address, Limits::default()).await?),
        None => None,
    };
    let background = start_background(&assembly, metrics);
    announce(&assembly, bound.local_addr());
    let ended = bound.serve_until(router, signals::shutdown(), signals::shutdown()).await;
    finish(assembly, background).await;
    ended.map_err(ServeError::from)?;
    tracing::info!("stopped");
    Ok(())
}

fn start_background(assembly: &Assembly, metrics: Option<Bound>) -> JoinSet<()> {
    let mut tasks = JoinSet::new();
    tasks.spawn(follow_revocations(assembly.services.clone()));
    tasks.spawn(deliver_mail(assembly.services.clone(), assembly.mailer.clone()));
    tasks.spawn(purge(assembly.services.clone()));
    if let Some(sessions) = assembly.upkeep.clone() {
        tasks.spawn(async move { sessions.keep_up().await });
    }
    if let Some(bound) = metrics {
        tasks.spawn(crate::metrics_page::serve(bound));
    }
    tasks
}

async fn finish(assembly: Assembly, mut background: JoinSet<()>) {
    background.shutdown().await;
    if let Some(sessions) = &assembly.upkeep
        && let Err(fault) = sessions.shutdown().await
    {
        tracing::warn!(%fault, "the last activity of sessions was not written down");
    }
    let database = assembly.database.clone();
    drop(assembly);
    database.close().await;
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

async fn deliver_mail(services: Arc<Services>, mailer: Arc<dyn accounts::ports::Mailer>) {
    loop {
        match outbox::deliver_due(&services, &*mailer).await {
            Ok(0) => {}
            Ok(count) => {
                metrics::counter!("signupflow_mails_delivered_total").increment(count as u64);
                continue;
            }
            Err(error) => tracing::warn!(%error, "cannot look for waiting mail"),
        }
        tokio::time::sleep(MAIL_EVERY).await;
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
