//! One server: open a connection, make sure it may be written to, look at its settings.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::time::Duration;

use redis::aio::{AsyncPushSender, MultiplexedConnection};
use redis::io::AsyncDNSResolver;
use redis::{
    AsyncConnectionConfig, Client, Cmd, ConnectionAddr, ConnectionInfo, ErrorKind, RedisFuture,
    ServerErrorKind, TlsCertificates,
};
use tokio::time::timeout;

use super::{ConnectError, LinkOptions};
use crate::names::Names;

/// Requests on their way at once before a caller has to queue; the crate's own default is 50.
const REQUESTS_IN_FLIGHT: usize = 4096;
const OLDEST_MAJOR_VERSION: u32 = 7;

/// Opens a connection within the budget.
///
/// # Errors
/// Why there is none.
pub(super) async fn open(
    info: &ConnectionInfo,
    options: &LinkOptions,
    pushes: Option<Box<dyn AsyncPushSender>>,
) -> Result<MultiplexedConnection, ConnectError> {
    let client = client(info, options)?;
    // Budgets are kept by the callers: two timers for one call would cost time and say nothing more.
    let mut config = AsyncConnectionConfig::new()
        .set_connection_timeout(None)
        .set_response_timeout(None)
        .set_pipeline_buffer_size(REQUESTS_IN_FLIGHT)
        .set_dns_resolver(Remembered(options.names.clone()));
    if let Some(pushes) = pushes {
        config = config.set_push_sender(move |push| pushes.send(push));
    }
    match timeout(options.connect_budget, client.get_multiplexed_async_connection_with_config(&config)).await
    {
        Ok(Ok(connection)) => Ok(connection),
        Ok(Err(error)) => Err(ConnectError::of(&error).at(info.addr())),
        Err(_) => Err(ConnectError::Away(format!(
            "{}: no connection within {:?}",
            info.addr(),
            options.connect_budget
        ))),
    }
}

/// Names as the driver asks for them.
struct Remembered(Names);

impl AsyncDNSResolver for Remembered {
    fn resolve<'a, 'b: 'a>(
        &'a self,
        host: &'b str,
        port: u16,
    ) -> RedisFuture<'a, Box<dyn Iterator<Item = SocketAddr> + Send + 'a>> {
        Box::pin(async move {
            let addresses = self.0.addresses(host, port).await?;
            Ok(Box::new(addresses.into_iter()) as Box<dyn Iterator<Item = SocketAddr> + Send>)
        })
    }
}

fn client(info: &ConnectionInfo, options: &LinkOptions) -> Result<Client, ConnectError> {
    let client = match (&options.tls_authorities, info.addr()) {
        (Some(pem), ConnectionAddr::TcpTls { .. }) => {
            let certificates = TlsCertificates { client_tls: None, root_cert: Some(pem.clone()) };
            Client::build_with_tls(info.clone(), certificates)
        }
        _ => Client::open(info.clone()),
    };
    client.map_err(|error| ConnectError::Unusable(format!("{}: {error}", info.addr())))
}

/// Makes sure that the server is a master, has its data in memory and runs scripts, each within `budget`: a
/// server too slow for calls is not back yet.
///
/// # Errors
/// What is wrong with it.
pub(super) async fn probe(
    connection: &mut MultiplexedConnection,
    budget: Duration,
) -> Result<(), ConnectError> {
    let mut command = Cmd::new();
    command.arg("EVAL").arg("return 1").arg(0);
    ask::<i64>(connection, &command, budget).await.map_err(|refusal| refusal.error)?;
    match information(connection, &["replication"], budget).await {
        Ok(facts) if facts.get("role").is_some_and(|role| role != "master") => {
            Err(ConnectError::Away("it is a replica, not a master".to_owned()))
        }
        // Who may not ask for the role finds out by writing.
        Ok(_) => Ok(()),
        Err(refusal) if refusal.forbidden => Ok(()),
        Err(refusal) => Err(refusal.error),
    }
}

/// What is to be said about a server before it is used for the first time: warnings.
///
/// # Errors
/// Why it must not be used.
pub(super) async fn inspect(
    connection: &mut MultiplexedConnection,
    options: &LinkOptions,
) -> Result<Vec<String>, ConnectError> {
    match information(connection, &["server", "memory"], options.connect_budget).await {
        Ok(facts) => judge(&facts, options.refuse_eviction).map_err(ConnectError::Unusable),
        Err(refusal) if refusal.forbidden => {
            Ok(vec!["INFO is forbidden to this user: version and eviction policy are not checked".to_owned()])
        }
        Err(refusal) => Err(refusal.error),
    }
}

fn judge(facts: &HashMap<String, String>, refuse_eviction: bool) -> Result<Vec<String>, String> {
    let version = facts.get("redis_version").map_or("", String::as_str);
    let major = version.split('.').next().and_then(|major| major.parse::<u32>().ok());
    if major.is_none_or(|major| major < OLDEST_MAJOR_VERSION) {
        return Err(format!("Redis {OLDEST_MAJOR_VERSION}.0 or newer is needed, this is {version:?}"));
    }
    let policy = facts.get("maxmemory_policy").map_or("", String::as_str);
    if policy == "noeviction" {
        return Ok(Vec::new());
    }
    let complaint = format!(
        "maxmemory-policy is {policy:?}: Redis may drop sessions and counters when memory runs short, \
         which signs people out and forgets limits; set it to noeviction"
    );
    if refuse_eviction { Err(complaint) } else { Ok(vec![complaint]) }
}

struct Refusal {
    forbidden: bool,
    error: ConnectError,
}

async fn information(
    connection: &mut MultiplexedConnection,
    sections: &[&str],
    budget: Duration,
) -> Result<HashMap<String, String>, Refusal> {
    let mut command = Cmd::new();
    command.arg("INFO").arg(sections);
    let text: String = ask(connection, &command, budget).await?;
    let facts = text.lines().filter_map(|line| line.split_once(':'));
    Ok(facts.map(|(name, value)| (name.to_owned(), value.trim().to_owned())).collect())
}

async fn ask<T: redis::FromRedisValue>(
    connection: &mut MultiplexedConnection,
    command: &Cmd,
    budget: Duration,
) -> Result<T, Refusal> {
    match timeout(budget, command.query_async(connection)).await {
        Ok(Ok(answer)) => Ok(answer),
        Ok(Err(error)) => {
            let forbidden = error.kind() == ErrorKind::Server(ServerErrorKind::NoPerm);
            Err(Refusal { forbidden, error: ConnectError::of(&error) })
        }
        Err(_) => {
            let error = ConnectError::Away(format!("no answer within {budget:?}"));
            Err(Refusal { forbidden: false, error })
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn facts(version: &str, policy: &str) -> HashMap<String, String> {
        let facts = [("redis_version", version), ("maxmemory_policy", policy)];
        facts.into_iter().map(|(name, value)| (name.to_owned(), value.to_owned())).collect()
    }

    #[test]
    fn old_versions_are_refused() {
        for old in ["6.2.14", "", "x"] {
            assert!(judge(&facts(old, "noeviction"), false).expect_err(old).contains("7.0 or newer"));
        }
        for new in ["7.0.0", "7.2.4", "10.1"] {
            assert_eq!(judge(&facts(new, "noeviction"), true), Ok(vec![]));
        }
    }

    #[test]
    fn a_policy_that_evicts_is_refused_or_a_warning() {
        for policy in ["allkeys-lru", "allkeys-random", "volatile-ttl"] {
            let refusal = judge(&facts("7.0.15", policy), true).expect_err(policy);
            assert!(refusal.contains(policy) && refusal.contains("noeviction"));
            assert_eq!(judge(&facts("7.0.15", policy), false), Ok(vec![refusal]));
        }
    }
}
