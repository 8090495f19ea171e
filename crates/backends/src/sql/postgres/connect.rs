//! The pool, and what every connection of it is told.

use std::time::Duration;

use deadpool_postgres::{Hook, HookError, Manager, ManagerConfig, Pool, RecyclingMethod, Runtime};

use super::connector::Connector;
use super::target::PostgresTarget;
use crate::sql::error::SqlError;

/// Limits for every statement, so that a stuck one cannot hold up the rest. Whether a session may write is left to the
/// server's own default, which an operator or a full disk may have set to reading; that a query does not write is seen to
/// where it is sent ([`super::statements::must_read`]).
const SESSION: &str = "SET statement_timeout = '5s'; SET lock_timeout = '3s'; \
     SET idle_in_transaction_session_timeout = '30s'; SET TIME ZONE 'UTC'";
/// Longest wait for a free connection; then the caller says 503.
const POOL_WAIT: Duration = Duration::from_secs(1);
const CONNECT_TIMEOUT: Duration = Duration::from_secs(3);
/// A dead peer is noticed after this long at most.
const TCP_USER_TIMEOUT: Duration = Duration::from_secs(10);
const KEEPALIVE_IDLE: Duration = Duration::from_secs(20);
const KEEPALIVE_INTERVAL: Duration = Duration::from_secs(5);
const KEEPALIVE_RETRIES: u32 = 3;

/// A pool of at most `connections`; connects when first used.
pub(super) fn pool(
    target: PostgresTarget,
    connector: Connector,
    connections: usize,
) -> Result<Pool, SqlError> {
    let settings = ManagerConfig { recycling_method: RecyclingMethod::Fast };
    let manager = Manager::from_connect(configured(target.config), connector, settings);
    let pool = Pool::builder(manager)
        .max_size(connections)
        .runtime(Runtime::Tokio1)
        .wait_timeout(Some(POOL_WAIT))
        .create_timeout(Some(CONNECT_TIMEOUT))
        .recycle_timeout(Some(CONNECT_TIMEOUT));
    // Behind a transaction pooler what is set for a session is set for whoever comes next.
    let pool = if target.transaction_pooler { pool } else { pool.post_create(introduction()) };
    pool.build().map_err(|error| SqlError::Bad(format!("connection pool: {error}")))
}

fn introduction() -> Hook {
    Hook::async_fn(|client: &mut deadpool_postgres::ClientWrapper, _| {
        Box::pin(async move { client.batch_execute(SESSION).await.map_err(HookError::Backend) })
    })
}

fn configured(mut config: tokio_postgres::Config) -> tokio_postgres::Config {
    config.application_name("signupflow").keepalives(true);
    config.keepalives_idle(KEEPALIVE_IDLE).keepalives_interval(KEEPALIVE_INTERVAL);
    config.keepalives_retries(KEEPALIVE_RETRIES).tcp_user_timeout(TCP_USER_TIMEOUT);
    if config.get_connect_timeout().is_none() {
        config.connect_timeout(CONNECT_TIMEOUT);
    }
    config
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dead_peers_are_noticed() {
        let config = configured("postgresql://h/d".parse().expect("valid"));
        assert_eq!(config.get_tcp_user_timeout(), Some(&TCP_USER_TIMEOUT));
        assert!(config.get_keepalives());
    }
}
