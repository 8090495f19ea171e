//! The pool, and what every connection of it is told.

use std::time::Duration;

use deadpool_postgres::{Hook, HookError, Manager, ManagerConfig, Pool, RecyclingMethod, Runtime};
use tokio_postgres::NoTls;

use crate::sql::error::SqlError;

/// Limits for every statement, so that a stuck one cannot hold up the rest. Reading is the default: only a
/// unit, which brings its audit trail, begins a transaction that may write.
const SESSION: &str = "SET statement_timeout = '5s'; SET lock_timeout = '3s'; \
     SET idle_in_transaction_session_timeout = '30s'; SET default_transaction_read_only = on; \
     SET TIME ZONE 'UTC'";
/// Longest wait for a free connection; then the caller says 503.
const POOL_WAIT: Duration = Duration::from_secs(1);
const CONNECT_TIMEOUT: Duration = Duration::from_secs(3);
/// A dead peer is noticed after this long at most.
const TCP_USER_TIMEOUT: Duration = Duration::from_secs(10);
const KEEPALIVE_IDLE: Duration = Duration::from_secs(20);
const KEEPALIVE_INTERVAL: Duration = Duration::from_secs(5);
const KEEPALIVE_RETRIES: u32 = 3;

/// A pool of at most `connections`; connects when first used.
pub(super) fn pool(url: &str, connections: usize) -> Result<Pool, SqlError> {
    let config = parse(url)?;
    let manager =
        Manager::from_config(config, NoTls, ManagerConfig { recycling_method: RecyclingMethod::Fast });
    let introduce = Hook::async_fn(|client: &mut deadpool_postgres::ClientWrapper, _| {
        Box::pin(async move { client.batch_execute(SESSION).await.map_err(HookError::Backend) })
    });
    Pool::builder(manager)
        .max_size(connections)
        .runtime(Runtime::Tokio1)
        .wait_timeout(Some(POOL_WAIT))
        .create_timeout(Some(CONNECT_TIMEOUT))
        .recycle_timeout(Some(CONNECT_TIMEOUT))
        .post_create(introduce)
        .build()
        .map_err(|error| SqlError::Bad(format!("connection pool: {error}")))
}

fn parse(url: &str) -> Result<tokio_postgres::Config, SqlError> {
    // The driver's message may quote the URL, and with it the password.
    let mut config: tokio_postgres::Config = without_driver(url)
        .parse()
        .map_err(|_| SqlError::Bad("not a PostgreSQL URL such as postgresql://user@host/name".to_owned()))?;
    config.application_name("signupflow").keepalives(true);
    config.keepalives_idle(KEEPALIVE_IDLE).keepalives_interval(KEEPALIVE_INTERVAL);
    config.keepalives_retries(KEEPALIVE_RETRIES).tcp_user_timeout(TCP_USER_TIMEOUT);
    if config.get_connect_timeout().is_none() {
        config.connect_timeout(CONNECT_TIMEOUT);
    }
    Ok(config)
}

/// `SQLAlchemy`'s `postgresql+DRIVER://…` names a Python driver; the rest is an ordinary URL.
fn without_driver(url: &str) -> String {
    match url.split_once("://") {
        Some((scheme, rest)) => {
            let plain = scheme.split_once('+').map_or(scheme, |(plain, _driver)| plain);
            format!("{plain}://{rest}")
        }
        None => url.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sqlalchemys_driver_is_left_out() {
        assert_eq!(without_driver("postgresql+asyncpg://u:p+w@h/d"), "postgresql://u:p+w@h/d");
        assert_eq!(without_driver("postgresql://h/d"), "postgresql://h/d");
        assert_eq!(without_driver("host=/tmp"), "host=/tmp");
    }

    #[test]
    fn a_bad_url_is_refused_without_showing_it() {
        let refused = parse("postgresql://u:hunter2@h:port/d").map(|_| ());
        let Err(SqlError::Bad(text)) = refused else { panic!("accepted: {refused:?}") };
        assert!(!text.contains("hunter2"));
    }

    #[test]
    fn dead_peers_are_noticed() {
        let config = parse("postgresql://h/d").expect("valid");
        assert_eq!(config.get_tcp_user_timeout(), Some(&TCP_USER_TIMEOUT));
        assert!(config.get_keepalives());
    }
}
