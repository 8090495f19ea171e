//! How a link behaves.

use std::fmt;
use std::time::Duration;

use crate::names::Names;

/// How a link behaves. The defaults are the ones the server's contract promises.
#[derive(Clone)]
pub struct LinkOptions {
    /// The most a call may take, waiting for a connection included.
    pub call_budget: Duration,
    /// The most it may take to open a connection, TLS and authentication included.
    pub connect_budget: Duration,
    /// The breaker opens with this many failures in a row.
    pub opens_after: u32,
    /// How long the search for a lost server pauses between two attempts.
    pub pause_between_attempts: Duration,
    /// Do not use a server that may evict keys under memory pressure; without it that is only a warning. An
    /// evicted counter is a limit without an end, an evicted session a person signed out.
    pub refuse_eviction: bool,
    /// The certificate authorities to trust, in PEM; those of the operating system if none are given.
    pub tls_authorities: Option<Vec<u8>>,
    /// Where the servers' names are looked up.
    pub names: Names,
}

impl Default for LinkOptions {
    fn default() -> Self {
        Self {
            call_budget: Duration::from_millis(50),
            connect_budget: Duration::from_millis(500),
            opens_after: 5,
            pause_between_attempts: Duration::from_millis(200),
            refuse_eviction: true,
            tls_authorities: None,
            names: Names::default(),
        }
    }
}

impl fmt::Debug for LinkOptions {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("LinkOptions")
            .field("call_budget", &self.call_budget)
            .field("opens_after", &self.opens_after)
            .field("refuse_eviction", &self.refuse_eviction)
            .field("own_tls_authorities", &self.tls_authorities.is_some())
            .finish_non_exhaustive()
    }
}
