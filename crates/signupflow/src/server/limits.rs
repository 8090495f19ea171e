//! What one client, and all clients together, may take of the server.

use std::time::Duration;

use hyper_util::{
    rt::{TokioExecutor, TokioTimer},
    server::conn::auto,
};

/// Limits of the listening socket and its connections. The defaults suit a public server behind nothing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Limits {
    /// Connections at once; further ones wait in the kernel's queue.
    pub connections: usize,
    /// Connections at once from one address (IPv4) or /64 (IPv6); further ones are closed unread.
    pub connections_per_peer: usize,
    /// From the first byte of a request's head (of a connection: from its start) to the head's end.
    pub head_timeout: Duration,
    /// How long a connection may rest between two requests.
    pub idle_timeout: Duration,
    /// How long a peer may refuse to take the bytes of a response.
    pub write_stall_timeout: Duration,
    /// How long, once asked to stop, new connections are still taken: the time load balancers need to notice.
    pub leave_grace: Duration,
    /// How long a stop may take, [`Limits::leave_grace`] included, until what is not answered is cut.
    pub stop_timeout: Duration,
    /// HTTP/1 only: bytes of a request's head that are buffered; more is answered with a bare 431.
    pub head_buffer: usize,
    /// HTTP/2 only: requests at once on one connection (RFC 9113 `SETTINGS_MAX_CONCURRENT_STREAMS`).
    pub streams_per_connection: u32,
    /// HTTP/2 only: bytes of all header fields after decompression (`SETTINGS_MAX_HEADER_LIST_SIZE`).
    pub header_list: u32,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            connections: 8192,
            connections_per_peer: 1024,
            head_timeout: Duration::from_secs(15),
            idle_timeout: Duration::from_secs(75),
            write_stall_timeout: Duration::from_secs(30),
            leave_grace: Duration::ZERO,
            stop_timeout: Duration::from_secs(25),
            head_buffer: 64 * 1024,
            streams_per_connection: 128,
            header_list: 16 * 1024,
        }
    }
}

/// Open files that are not for clients: databases, log, mail.
const FILES_KEPT: usize = 128;
/// Whoever scrapes metrics needs few connections.
const METRICS_CONNECTIONS: usize = 16;

/// HTTP/2 streams reset by the peer that may wait to be noticed ("rapid reset", CVE-2023-44487).
const RESETS_PENDING: usize = 20;
/// HTTP/2 streams reset because the peer broke the rules, before the connection ends (CVE-2025-8671).
const RESETS_OF_OURS: usize = 1024;
/// How much of one HTTP/2 response waits in memory for a slow reader, in bytes.
const SEND_BUFFER: usize = 64 * 1024;

impl Limits {
    /// No more connections than the process may have open files, with some left for its own work, and for one peer at
    /// most half of them: connections wait in the kernel's queue before files run out.
    pub fn for_open_files(files: u64) -> Self {
        let usual = Self::default();
        let files = usize::try_from(files).unwrap_or(usize::MAX);
        let connections = usual.connections.min(files.saturating_sub(FILES_KEPT).max(files / 2)).max(2);
        Self { connections, connections_per_peer: usual.connections_per_peer.min(connections / 2), ..usual }
    }

    /// For the metrics page.
    pub fn of_metrics() -> Self {
        Self { connections: METRICS_CONNECTIONS, ..Self::default() }
    }

    pub(super) fn builder(&self) -> auto::Builder<TokioExecutor> {
        let mut builder = auto::Builder::new(TokioExecutor::new());
        // No timer: the connection's own supervisor has a deadline whenever no request is in flight, and hyper's would be
        // set for each. Nor `max_headers`: room for another number of fields than hyper's own hundred is allocated each time.
        builder.http1().header_read_timeout(None).max_buf_size(self.head_buffer);
        builder
            .http2()
            .timer(TokioTimer::new())
            .max_concurrent_streams(self.streams_per_connection)
            .max_header_list_size(self.header_list)
            .max_pending_accept_reset_streams(RESETS_PENDING)
            .max_local_error_reset_streams(RESETS_OF_OURS)
            .max_send_buf_size(SEND_BUFFER)
            .keep_alive_interval(Duration::from_secs(20))
            .keep_alive_timeout(Duration::from_secs(10));
        builder
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn connections_leave_files_for_the_rest() {
        for (files, connections, per_peer) in
            [(u64::MAX, 8192, 1024), (100_000, 8192, 1024), (1024, 896, 448), (100, 50, 25), (1, 2, 1)]
        {
            let limits = Limits::for_open_files(files);
            assert_eq!((limits.connections, limits.connections_per_peer), (connections, per_peer), "{files}");
        }
    }
}
