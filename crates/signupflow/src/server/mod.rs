//! The HTTP server: our own accept loop around hyper, because the ready-made ones bound nothing.
//!
//! * HTTP/1.1, and HTTP/2 for clients that open with its preface ("prior knowledge").
//! * Every wait has an end: for the first byte, for a whole head, between requests, for a reader that
//!   does not read ([`Limits`]). Bodies are bounded where they are read.
//! * Connections are bounded in all and per peer; a system out of file descriptors is waited for.
//! * Every request carries its peer as the extension [`PeerAddress`].
//! * A stop is graceful: no new connections, `Connection: close` or GOAWAY on the old ones, and time for
//!   the requests under way.
//!
//! The deployment must exempt its reverse proxies from the bound per peer
//! ([`Bound::without_peer_limit_for`]): all of their clients share one peer address.

mod accept;
mod activity;
mod connection;
mod head_limits;
mod limits;
pub mod open_files;
mod peers;
mod request;
pub mod signals;
mod stream;
#[cfg(test)]
mod tests;

use std::{
    fmt, io,
    net::{IpAddr, SocketAddr},
    sync::Arc,
};

use axum::http::{Request, Response};
use futures_util::FutureExt;
use http_body::Body;
use hyper::body::Incoming;
use tokio::{
    net::{TcpListener, TcpSocket, TcpStream},
    sync::watch,
    task::JoinSet,
};
use tower::{BoxError, Service};

pub use hardening_tower::PeerAddress;
pub use head_limits::{HeadLimits, LimitedHead};
pub use limits::Limits;

use connection::Shared;
use peers::Peers;

/// Connections that may wait to be accepted; the system may allow fewer (`net.core.somaxconn`).
const QUEUED_CONNECTIONS: u32 = 4096;

/// The address cannot be listened on.
#[derive(Debug, thiserror::Error)]
#[error("cannot listen on {address}: {source}")]
pub struct BindError {
    /// The address asked for.
    pub address: SocketAddr,
    /// What the system said.
    pub source: io::Error,
}

/// The server stopped and every request was answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Drained {
    /// Connections that were open when the stop came.
    pub connections: usize,
}

/// The server stopped before every request was answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("stopped with {connections} connections cut ({why})")]
pub struct CutShort {
    /// Connections that were cut.
    pub connections: usize,
    /// What ended the wait.
    pub why: Impatience,
}

/// What ended the wait for the last requests.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Impatience {
    /// [`Limits::drain_timeout`] passed.
    TimeUp,
    /// The operator asked a second time.
    AskedAgain,
}

impl fmt::Display for Impatience {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::TimeUp => "they did not finish in time",
            Self::AskedAgain => "asked to stop a second time",
        })
    }
}

/// The HTTP server.
#[derive(Debug)]
pub struct Server;

impl Server {
    /// Listens on `address` (port 0: any free one) without answering yet.
    ///
    /// # Errors
    /// When the address is taken, not ours, or not allowed.
    pub async fn bind(address: SocketAddr, limits: Limits) -> Result<Bound, BindError> {
        let bound = async {
            let listener = listen(address)?;
            let local_address = listener.local_addr()?;
            Ok(Bound { listener, local_address, limits, exempt: Arc::new(|_| false) })
        };
        bound.await.map_err(|source| BindError { address, source })
    }
}

/// Listens with a queue that holds a storm of connections; the usual one is too short for that.
fn listen(address: SocketAddr) -> io::Result<TcpListener> {
    let socket = if address.is_ipv4() { TcpSocket::new_v4()? } else { TcpSocket::new_v6()? };
    // A restart must not wait for connections that linger (TIME-WAIT).
    socket.set_reuseaddr(true)?;
    socket.bind(address)?;
    socket.listen(QUEUED_CONNECTIONS)
}

/// A listening server.
pub struct Bound {
    listener: TcpListener,
    local_address: SocketAddr,
    limits: Limits,
    exempt: Arc<dyn Fn(IpAddr) -> bool + Send + Sync>,
}

impl fmt::Debug for Bound {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Bound").field("local_address", &self.local_address).finish_non_exhaustive()
    }
}

impl Bound {
    /// The address that is listened on, with its real port.
    pub fn local_addr(&self) -> SocketAddr {
        self.local_address
    }

    /// Lifts [`Limits::connections_per_peer`] for the peers that `exempt` names: trusted proxies.
    #[must_use]
    pub fn without_peer_limit_for(self, exempt: impl Fn(IpAddr) -> bool + Send + Sync + 'static) -> Self {
        Self { exempt: Arc::new(exempt), ..self }
    }

    /// Serves until `stop` is ready and the requests then under way are answered.
    ///
    /// # Errors
    /// When [`Limits::drain_timeout`] passes first.
    pub async fn serve<S, B>(
        self,
        application: S,
        stop: impl Future<Output = ()>,
    ) -> Result<Drained, CutShort>
    where
        S: Service<Request<Incoming>, Response = Response<B>> + Clone + Send + 'static,
        S::Future: Send,
        S::Error: Into<BoxError>,
        B: Body + Send + 'static,
        B::Data: Send,
        B::Error: Into<BoxError>,
    {
        self.serve_until(application, stop, std::future::pending()).await
    }

    /// As [`Bound::serve`]; `hurry` is polled after `stop` only and, when ready, cuts what is left.
    ///
    /// # Errors
    /// When [`Limits::drain_timeout`] passes or `hurry` is ready before all requests are answered.
    pub async fn serve_until<S, B>(
        self,
        application: S,
        stop: impl Future<Output = ()>,
        hurry: impl Future<Output = ()>,
    ) -> Result<Drained, CutShort>
    where
        S: Service<Request<Incoming>, Response = Response<B>> + Clone + Send + 'static,
        S::Future: Send,
        S::Error: Into<BoxError>,
        B: Body + Send + 'static,
        B::Data: Send,
        B::Error: Into<BoxError>,
    {
        let (stop_all, stopped) = watch::channel(false);
        let (shared, peers) = (Shared::new(self.limits.clone()), Peers::default());
        let mut tasks = JoinSet::new();
        let start = |(stream, peer): (TcpStream, SocketAddr), tasks: &mut JoinSet<()>| {
            let peer = SocketAddr::new(peer.ip().to_canonical(), peer.port());
            let limit = if (self.exempt)(peer.ip()) { usize::MAX } else { self.limits.connections_per_peer };
            let Some(place) = peers.enter(peer.ip(), limit) else {
                metrics::counter!("http_connections_cut_total", "reason" => "peer_limit").increment(1);
                tracing::debug!(%peer, "too many connections of this peer");
                return;
            };
            if let Err(error) = stream.set_nodelay(true) {
                tracing::debug!(%peer, %error, "cannot set TCP_NODELAY");
            }
            let (shared, application, stopped) = (shared.clone(), application.clone(), stopped.clone());
            tasks.spawn(async move {
                connection::serve(shared, stream, peer, application, stopped).await;
                drop(place);
            });
        };
        tokio::pin!(stop);
        loop {
            let room = tasks.len() < self.limits.connections;
            tokio::select! {
                biased;
                () = &mut stop => break,
                Some(ended) = tasks.join_next() => note_end(ended),
                accepted = accept::accept(|| self.listener.accept()), if room => start(accepted, &mut tasks),
            }
        }
        // Those in the kernel's queue believe they are connected: they are served as well.
        while let Some(Ok(accepted)) = self.listener.accept().now_or_never() {
            start(accepted, &mut tasks);
        }
        drop(self.listener);
        stop_all.send_replace(true);
        drain(tasks, &shared.limits, hurry).await
    }
}

fn note_end(ended: Result<(), tokio::task::JoinError>) {
    if let Err(error) = ended {
        tracing::error!(%error, "a connection ended in a panic");
    }
}

async fn drain(
    mut tasks: JoinSet<()>,
    limits: &Limits,
    hurry: impl Future<Output = ()>,
) -> Result<Drained, CutShort> {
    let connections = tasks.len();
    let all_ended = async {
        while let Some(ended) = tasks.join_next().await {
            note_end(ended);
        }
    };
    let why = tokio::select! {
        biased;
        () = all_ended => return Ok(Drained { connections }),
        () = hurry => Impatience::AskedAgain,
        () = tokio::time::sleep(limits.drain_timeout) => Impatience::TimeUp,
    };
    let connections = tasks.len();
    tasks.shutdown().await;
    Err(CutShort { connections, why })
}
