//! Throwaway Redis servers: one per test process, private ones, a cluster, a set-up with sentinels.
//!
//! * [`Redis::shared`] starts on first use and is gone, folder included, when the process ends. Each test
//!   takes a database of its own from it.
//! * [`Redis::private`], [`RedisCluster`] and [`RedisSentinel`] are for tests that kill, freeze or demote.
//! * Nothing is written to disk but logs; anybody on this machine may connect: never put real data in.

mod cluster;
mod sentinel;
mod server;
#[cfg(test)]
mod tests;

use std::net::SocketAddr;
use std::path::Path;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU32, Ordering};

use crate::certificates::Authority;
pub use cluster::RedisCluster;
use redis::FromRedisValue;
pub use sentinel::RedisSentinel;
use server::{Server, Setup};
use tempfile::TempDir;

static SHARED: OnceLock<Redis> = OnceLock::new();
const DATABASES: u32 = 10_000;

/// How a private server differs from the shared one.
#[derive(Clone, Debug, Default)]
pub struct RedisOptions {
    tcp: bool,
    tls: bool,
    certificate_days: Option<u64>,
    settings: Vec<(String, String)>,
}

impl RedisOptions {
    /// Also listens on 127.0.0.1, on a free port that stays the same over restarts.
    #[must_use]
    pub fn tcp(mut self) -> Self {
        self.tcp = true;
        self
    }

    /// Also listens with TLS, with a certificate for `localhost` from an authority of its own.
    #[must_use]
    pub fn tls(mut self) -> Self {
        self.tls = true;
        self
    }

    /// As [`RedisOptions::tls`], with a certificate that ends after so many days.
    #[must_use]
    pub fn tls_for(mut self, days: u64) -> Self {
        self.certificate_days = Some(days);
        self.tls()
    }

    /// A line of `redis.conf`, such as `("maxmemory-policy", "allkeys-lru")`.
    #[must_use]
    pub fn setting(mut self, name: &str, value: &str) -> Self {
        self.settings.push((name.to_owned(), value.to_owned()));
        self
    }
}

/// A running throwaway server. Dropping a private one stops it and removes its folder.
#[derive(Debug)]
pub struct Redis {
    server: Server,
    authority: Option<Authority>,
    _certificates: Option<TempDir>,
    private: bool,
    used: AtomicU32,
}

impl Redis {
    /// The server of this process, reached over a UNIX socket and TCP.
    ///
    /// # Panics
    /// When Redis is not installed (the message says how to) or does not start.
    pub fn shared() -> &'static Self {
        SHARED.get_or_init(|| Self::start_new(&RedisOptions::default().tcp(), false))
    }

    /// A server of the caller's own.
    ///
    /// # Panics
    /// As [`Redis::shared`].
    pub fn private(options: &RedisOptions) -> Self {
        Self::start_new(options, true)
    }

    fn start_new(options: &RedisOptions, private: bool) -> Self {
        let mut settings = vec![("databases".to_owned(), DATABASES.to_string())];
        settings.extend(options.settings.iter().cloned());
        let names = ["localhost", "127.0.0.1"];
        let authority = options.tls.then(|| Authority::signing_for(&names, options.certificate_days));
        let folder = authority.as_ref().map(|_| TempDir::new().expect("the temporary folder can be written"));
        let tls = authority.as_ref().zip(folder.as_ref()).map(|(it, folder)| it.write(folder.path()));
        let server = Server::start(&Setup { tcp: options.tcp, sentinel: false, settings, tls });
        Self { server, authority, _certificates: folder, private, used: AtomicU32::new(0) }
    }

    /// The URL of database 0 over the UNIX socket.
    pub fn url(&self) -> String {
        self.server.url()
    }

    /// The URL of a database that nobody else in this process uses, over the UNIX socket.
    ///
    /// # Panics
    /// After ten thousand of them.
    pub fn fresh_database(&self) -> String {
        let number = self.used.fetch_add(1, Ordering::Relaxed) + 1;
        assert!(number < DATABASES, "a server has {DATABASES} databases");
        format!("{}?db={number}", self.url())
    }

    /// The URL over TCP.
    ///
    /// # Panics
    /// When it was not started with [`RedisOptions::tcp`].
    pub fn tcp_url(&self) -> String {
        format!("redis://{}", self.tcp_address())
    }

    /// Where it listens on TCP.
    ///
    /// # Panics
    /// As [`Redis::tcp_url`].
    pub fn tcp_address(&self) -> SocketAddr {
        self.server.address().expect("started with RedisOptions::tcp()")
    }

    /// The URL over TLS; the certificate is for `localhost` and 127.0.0.1.
    ///
    /// # Panics
    /// When it was not started with [`RedisOptions::tls`].
    pub fn tls_url(&self) -> String {
        let address = self.server.tls_address().expect("started with RedisOptions::tls()");
        format!("rediss://localhost:{}", address.port())
    }

    /// The certificate, in PEM, of the authority to trust.
    ///
    /// # Panics
    /// As [`Redis::tls_url`].
    pub fn authority_pem(&self) -> &str {
        &self.authority.as_ref().expect("started with RedisOptions::tls()").pem
    }

    /// The folder of its socket and log.
    pub fn folder(&self) -> &Path {
        self.server.folder()
    }

    /// Runs a command on database 0, on a connection of its own.
    ///
    /// # Panics
    /// When the server is away or refuses.
    pub fn ask<T: FromRedisValue>(&self, words: &[&str]) -> T {
        self.server.ask(words).unwrap_or_else(|error| panic!("{words:?}: {error}"))
    }

    /// Forgets all data and scripts.
    ///
    /// # Panics
    /// On the shared server, as do those below, and when the server is away.
    pub fn flush(&self) {
        self.must_be_private();
        let _: redis::Value = self.ask(&["FLUSHALL"]);
        let _: redis::Value = self.ask(&["SCRIPT", "FLUSH"]);
    }

    /// Ends it at once (SIGKILL); its data is lost.
    pub fn kill(&self) {
        self.must_be_private();
        self.server.kill();
    }

    /// Starts it again after [`Redis::kill`], empty, and waits until it answers.
    pub fn start(&self) {
        self.must_be_private();
        self.server.run();
    }

    /// Kills and starts it.
    pub fn restart(&self) {
        self.kill();
        self.start();
    }

    /// Stops its world (SIGSTOP): connections stay open, nothing answers.
    pub fn freeze(&self) {
        self.must_be_private();
        self.server.signal("STOP");
    }

    /// Lets it go on.
    pub fn thaw(&self) {
        self.must_be_private();
        self.server.signal("CONT");
    }

    fn must_be_private(&self) {
        assert!(self.private, "the shared server serves other tests too: use Redis::private()");
    }
}
