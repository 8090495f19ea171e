//! Throwaway PostgreSQL clusters, one per test process, a fresh database per test.
//!
//! * [`Postgres::shared`] starts on first use and is gone, folder included, when the process ends.
//! * [`Postgres::private`] is for tests that stop, kill or freeze the server.
//! * Both run without `fsync` unless [`ClusterOptions::durable`] is asked for.
//! * Every role may connect without password, from this machine only: never put real data in.
//!
//! ```no_run
//! # async fn example() {
//! use testkit::postgres::Postgres;
//! let url = Postgres::shared().fresh_database().await;
//! let migrated = Postgres::shared()
//!     .fresh_database_from("migrated", |url| async move { drop(url /* apply migrations */) })
//!     .await;
//! # }
//! ```

pub(crate) mod binaries;
mod cluster;
#[cfg(test)]
mod tests;

use std::collections::HashSet;
use std::future::Future;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::Path;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU64, Ordering};

use tokio_postgres::NoTls;

use cluster::Cluster;
pub use cluster::ClusterOptions;

static SHARED: OnceLock<Postgres> = OnceLock::new();

/// A running throwaway cluster. Dropping a private one stops it and removes its folder.
#[derive(Debug)]
pub struct Postgres {
    cluster: Cluster,
    private: bool,
    prepared: tokio::sync::Mutex<HashSet<String>>,
    made: AtomicU64,
}

impl Postgres {
    /// The cluster of this process, reached over a UNIX socket; the first caller waits about a second.
    ///
    /// # Panics
    /// When PostgreSQL is not installed (the message says how to) or does not start.
    pub fn shared() -> &'static Self {
        SHARED.get_or_init(|| Self::start_new(&ClusterOptions::default(), false))
    }

    /// A cluster of the caller's own.
    ///
    /// # Panics
    /// As [`Postgres::shared`].
    pub fn private(options: &ClusterOptions) -> Self {
        Self::start_new(options, true)
    }

    fn start_new(options: &ClusterOptions, private: bool) -> Self {
        let cluster = Cluster::create(options);
        Self { cluster, private, prepared: tokio::sync::Mutex::default(), made: AtomicU64::new(0) }
    }

    /// The URL of a new, empty database with a name of its own.
    ///
    /// # Panics
    /// When the server is away.
    pub async fn fresh_database(&self) -> String {
        self.copy_of("template1").await
    }

    /// The URL of a new copy of the template called `template` (lower-case letters, digits, `_`).
    ///
    /// The first caller's `prepare` gets the template's URL and fills it, typically with migrations; it
    /// closes its connections when done. Callers that come meanwhile wait, and their `prepare` is dropped.
    ///
    /// # Panics
    /// When the server is away or the name cannot be used.
    pub async fn fresh_database_from<F, Prepared>(&self, template: &str, prepare: F) -> String
    where
        F: FnOnce(String) -> Prepared,
        Prepared: Future<Output = ()>,
    {
        let name = format!("prepared_{template}");
        let mut prepared = self.prepared.lock().await;
        if !prepared.contains(&name) {
            // An earlier `prepare` may have failed half way.
            self.execute(&format!("DROP DATABASE IF EXISTS {name} WITH (FORCE)")).await;
            self.execute(&format!("CREATE DATABASE {name}")).await;
            prepare(self.url(&name)).await;
            self.terminate_backends(&name).await;
            prepared.insert(name.clone());
        }
        drop(prepared);
        self.copy_of(&name).await
    }

    async fn copy_of(&self, template: &str) -> String {
        let name = format!("test_{}", self.made.fetch_add(1, Ordering::Relaxed));
        self.execute(&format!("CREATE DATABASE {name} TEMPLATE {template}")).await;
        self.url(&name)
    }

    /// Removes a database made by this cluster, for processes that make hundreds (8 MB each).
    ///
    /// # Panics
    /// When the server is away.
    pub async fn drop_database(&self, url_or_name: &str) {
        let name = database_name(url_or_name);
        self.execute(&format!("DROP DATABASE IF EXISTS {name} WITH (FORCE)")).await;
    }

    /// The URL of `database` over the UNIX socket.
    pub fn url(&self, database: &str) -> String {
        let port = self.cluster.port().map(|port| format!("&port={port}")).unwrap_or_default();
        format!("postgresql://postgres@/{database}?host={}{port}", self.socket_folder().display())
    }

    /// The port in the name of its socket, and where it listens on TCP if it does.
    pub fn port(&self) -> u16 {
        self.cluster.port().unwrap_or(5432)
    }

    /// The URL of the same database over TCP, if this cluster listens there.
    pub fn tcp_url(&self, url_or_name: &str) -> Option<String> {
        let address = self.tcp_address()?;
        Some(format!("postgresql://postgres@{address}/{}", database_name(url_or_name)))
    }

    /// The URL of the same database over TLS at `host`, which decides whether the certificate, made for
    /// `localhost` only, is for it.
    ///
    /// # Panics
    /// When it was not started with [`ClusterOptions::tls`].
    pub fn tls_url(&self, host: &str, url_or_name: &str) -> String {
        let port = self.cluster.port().expect("started with ClusterOptions::tls()");
        format!("postgresql://postgres@{host}:{port}/{}?sslmode=require", database_name(url_or_name))
    }

    /// The file with the certificate, in PEM, of the authority to trust.
    ///
    /// # Panics
    /// As [`Postgres::tls_url`].
    pub fn authority_file(&self) -> &Path {
        self.cluster.authority_file().expect("started with ClusterOptions::tls()")
    }

    /// Where the server listens besides the UNIX socket.
    pub fn tcp_address(&self) -> Option<SocketAddr> {
        self.cluster.port().map(|port| SocketAddr::from((Ipv4Addr::LOCALHOST, port)))
    }

    /// The folder that holds the socket.
    pub fn socket_folder(&self) -> &Path {
        self.cluster.folder()
    }

    /// Cuts every connection to a database, as an administrator or a failover would.
    ///
    /// # Panics
    /// When the server is away.
    pub async fn terminate_backends(&self, url_or_name: &str) {
        let name = database_name(url_or_name);
        self.execute(&format!(
            "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity \
             WHERE datname = '{name}' AND pid <> pg_backend_pid()"
        ))
        .await;
    }

    /// Runs a statement on a database as superuser, on a connection of its own.
    ///
    /// # Panics
    /// When the server is away or refuses.
    pub async fn run(&self, url_or_name: &str, statement: &str) {
        self.execute_on(database_name(url_or_name), statement).await;
    }

    /// Stops a private cluster in good order; connections are cut.
    ///
    /// # Panics
    /// On the shared cluster, as do the four below, and when the server does not stop.
    pub fn stop(&self) {
        self.must_be_private();
        self.cluster.stop();
    }

    /// Starts a stopped or killed private cluster and waits until it accepts connections.
    ///
    /// # Panics
    /// When it does not start.
    pub fn start(&self) {
        self.must_be_private();
        self.cluster.start();
    }

    /// Ends all processes of a private cluster at once (SIGKILL), as a crash of the machine would.
    pub fn kill(&self) {
        self.must_be_private();
        self.cluster.signal("KILL");
    }

    /// Stops the world of a private cluster (SIGSTOP): connections stay open, nothing answers.
    pub fn freeze(&self) {
        self.must_be_private();
        self.cluster.signal("STOP");
    }

    /// Lets a frozen cluster go on.
    pub fn thaw(&self) {
        self.must_be_private();
        self.cluster.signal("CONT");
    }

    fn must_be_private(&self) {
        assert!(self.private, "the shared cluster serves other tests too: use Postgres::private()");
    }

    async fn execute(&self, statement: &str) {
        self.execute_on("postgres", statement).await;
    }

    async fn execute_on(&self, database: &str, statement: &str) {
        let connected = tokio_postgres::connect(&self.url(database), NoTls).await;
        let (client, connection) = connected.expect("the throwaway PostgreSQL accepts connections");
        let connection = tokio::spawn(connection);
        let done = client.batch_execute(statement).await;
        drop(client);
        // The connection's own end says nothing that `done` does not.
        let _ = connection.await;
        done.unwrap_or_else(|error| panic!("{statement}: {error:?}"));
    }
}

fn database_name(url_or_name: &str) -> &str {
    let path = url_or_name.split('?').next().unwrap_or_default();
    path.rsplit('/').next().unwrap_or_default()
}
