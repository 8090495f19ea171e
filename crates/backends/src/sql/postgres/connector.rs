//! How one connection is made: names that are remembered, and authorities that can be read anew.

use std::net::IpAddr;
use std::sync::{Arc, PoisonError, RwLock};

use deadpool_postgres::Connect;
use futures_util::future::BoxFuture;
use hardening::clock::Timestamp;
use tokio::task::JoinHandle;
use tokio_postgres::config::Host;
use tokio_postgres::{Client, Config, Error};
use tokio_postgres_rustls::MakeRustlsConnect;

use super::target::PostgresTarget;
use super::tls::{self, SeenCertificate};
use crate::names::Names;

const PORT: u16 = 5432;

/// Makes connections. Clones share what it remembers.
#[derive(Clone)]
pub(super) struct Connector(Arc<Inner>);

struct Inner {
    target: PostgresTarget,
    names: Names,
    encryption: RwLock<MakeRustlsConnect>,
    seen: SeenCertificate,
}

impl std::fmt::Debug for Connector {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("Connector").field("names", &self.0.names).finish_non_exhaustive()
    }
}

impl Connector {
    /// # Errors
    /// A sentence about the file of trusted authorities.
    pub(super) fn new(target: PostgresTarget, names: Names) -> Result<Self, String> {
        let seen = SeenCertificate::default();
        let encryption = RwLock::new(tls::connector(&target, &seen)?);
        Ok(Self(Arc::new(Inner { target, names, encryption, seen })))
    }

    /// Reads the trusted authorities anew, for connections from now on; those that are open go on.
    ///
    /// # Errors
    /// A sentence; then the authorities from before stay trusted.
    pub(super) fn reload(&self) -> Result<(), String> {
        let fresh = tls::connector(&self.0.target, &self.0.seen)?;
        *self.0.encryption.write().unwrap_or_else(PoisonError::into_inner) = fresh;
        Ok(())
    }

    /// When the certificate ends that the server showed last; none without TLS.
    pub(super) fn certificate_end(&self) -> Option<Timestamp> {
        self.0.seen.end()
    }

    async fn connect(&self, config: Config) -> Result<(Client, JoinHandle<()>), Error> {
        let encryption = self.0.encryption.read().unwrap_or_else(PoisonError::into_inner).clone();
        let mut attempts = self.at_addresses(&config).await;
        let last = attempts.pop().unwrap_or(config);
        for attempt in attempts {
            if let Ok(connected) = connect(&attempt, encryption.clone()).await {
                return Ok(connected);
            }
        }
        connect(&last, encryption).await
    }

    /// One configuration for each address of the hosts; none where the driver is better left alone: with addresses
    /// given, with UNIX sockets, and with names nobody knows, for which it has the words.
    async fn at_addresses(&self, config: &Config) -> Vec<Config> {
        let mut addresses: Vec<Vec<IpAddr>> = Vec::new();
        if !config.get_hostaddrs().is_empty() {
            return Vec::new();
        }
        for (at, host) in config.get_hosts().iter().enumerate() {
            let Host::Tcp(name) = host else { return Vec::new() };
            let ports = config.get_ports();
            let port = ports.get(at).or_else(|| ports.first()).copied().unwrap_or(PORT);
            let Ok(found) = self.0.names.addresses(name, port).await else { return Vec::new() };
            addresses.push(found.iter().map(std::net::SocketAddr::ip).collect());
        }
        let most = addresses.iter().map(Vec::len).max().unwrap_or_default();
        let attempt = |number: usize| {
            let mut attempt = config.clone();
            for found in &addresses {
                attempt.hostaddr(found[number % found.len()]);
            }
            attempt
        };
        (0..most).map(attempt).collect()
    }
}

async fn connect(config: &Config, encryption: MakeRustlsConnect) -> Result<(Client, JoinHandle<()>), Error> {
    let (client, connection) = config.connect(encryption).await?;
    let driving = tokio::spawn(async move {
        if let Err(error) = connection.await {
            tracing::debug!(%error, "a connection to PostgreSQL ended");
        }
    });
    Ok((client, driving))
}

impl Connect for Connector {
    fn connect(&self, config: &Config) -> BoxFuture<'_, Result<(Client, JoinHandle<()>), Error>> {
        Box::pin(self.connect(config.clone()))
    }
}
