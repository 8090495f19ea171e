//! The HTTP server: our own accept loop around hyper, because the ready-made ones bound nothing.
//!
//! * HTTP/1.1, and HTTP/2 for clients that open with its preface ("prior knowledge").
//! * Every wait has an end: for the first byte, for a whole head, between requests, for a reader that
//!   does not read ([`Limits`]). Bodies are bounded where they are read.
//! * Connections are bounded in all and per peer; a system out of file descriptors is waited for.
//! * Every request carries its peer as the extension [`PeerAddress`].
//! * A stop is graceful: `Connection: close` or GOAWAY on every connection while load balancers notice, then no
//!   new connections, and time for the requests under way.
//!
//! The deployment must exempt its reverse proxies from the bound per peer
//! ([`Bound::without_peer_limit_for`]): all of their clients share one peer address.

mod accept;
mod activity;
mod connection;
mod limits;
pub mod open_files;
mod peers;
mod request;
pub mod signals;
mod stopping;
mod stream;
#[cfg(test)]
mod tests;

use std::{
    fmt, io,
    net::{IpAddr, SocketAddr},
    os::fd::AsFd,
    sync::Arc,
};

use axum::http::{Request, Response};
use http_body::Body;
use hyper::body::Incoming;
use tokio::{
    net::{TcpListener, TcpSocket, TcpStream},
    sync::watch,
    task::JoinSet,
};
use tower::{BoxError, Service};

pub use hardening_tower::PeerAddress;
pub use limits::Limits;
pub use stopping::{CutShort, Drained, Impatience};

use connection::Shared;
use peers::Peers;
use stopping::{Stage, Stages};

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
    /// When [`Limits::stop_timeout`] passes first.
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
    /// When [`Limits::stop_timeout`] passes or `hurry` is ready before all requests are answered.
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
        let (stage, stages) = stopping::stages();
        let limits = self.limits.clone();
        let mut serving = Serving::new(self, application, stages);
        serving.accept_until(stop).await;
        stage.send_replace(Stage::Leaving);
        let time_up = tokio::time::sleep(limits.stop_timeout);
        tokio::pin!(hurry, time_up);
        tokio::select! {
            biased;
            () = &mut hurry => return serving.ending.cut(Impatience::AskedAgain).await,
            () = serving.accept_until(tokio::time::sleep(limits.leave_grace)) => {}
        }
        let mut ending = serving.close(&stage);
        let connections = ending.tasks.len();
        let why = tokio::select! {
            biased;
            () = ending.all_ended() => return Ok(Drained { connections }),
            () = hurry => Impatience::AskedAgain,
            () = time_up => Impatience::TimeUp,
        };
        ending.cut(why).await
    }
}

/// The accept loop and the connections it began.
struct Serving<S> {
    bound: Bound,
    application: S,
    peers: Peers,
    ending: Ending,
}

/// The connections that are left.
struct Ending {
    shared: Arc<Shared>,
    tasks: JoinSet<()>,
}

impl<S, B> Serving<S>
where
    S: Service<Request<Incoming>, Response = Response<B>> + Clone + Send + 'static,
    S::Future: Send,
    S::Error: Into<BoxError>,
    B: Body + Send + 'static,
    B::Data: Send,
    B::Error: Into<BoxError>,
{
    fn new(bound: Bound, application: S, stages: Stages) -> Self {
        let ending = Ending { shared: Shared::new(bound.limits.clone(), stages), tasks: JoinSet::new() };
        Self { bound, application, peers: Peers::default(), ending }
    }

    async fn accept_until(&mut self, over: impl Future<Output = ()>) {
        tokio::pin!(over);
        loop {
            let room = self.ending.tasks.len() < self.bound.limits.connections;
            let listener = &self.bound.listener;
            tokio::select! {
                biased;
                () = &mut over => return,
                Some(ended) = self.ending.tasks.join_next() => note_end(ended),
                (stream, peer) = accept::accept(|| listener.accept()), if room => self.start(stream, peer),
            }
        }
    }

    fn start(&mut self, stream: TcpStream, peer: SocketAddr) {
        let peer = SocketAddr::new(peer.ip().to_canonical(), peer.port());
        let limits = &self.bound.limits;
        let limit = if (self.bound.exempt)(peer.ip()) { usize::MAX } else { limits.connections_per_peer };
        let Some(place) = self.peers.enter(peer.ip(), limit) else {
            metrics::counter!("http_connections_cut_total", "reason" => "peer_limit").increment(1);
            tracing::debug!(%peer, "too many connections of this peer");
            return;
        };
        if let Err(error) = stream.set_nodelay(true) {
            tracing::debug!(%peer, %error, "cannot set TCP_NODELAY");
        }
        let (shared, application) = (self.ending.shared.clone(), self.application.clone());
        self.ending.tasks.spawn(async move {
            connection::serve(shared, stream, peer, application).await;
            drop(place);
        });
    }

    /// Takes no new connections.
    fn close(mut self, stage: &watch::Sender<Stage>) -> Ending {
        // Those in the kernel's queue believe they are connected: they are served as well.
        for (stream, peer) in queued(&self.bound.listener) {
            self.start(stream, peer);
        }
        stage.send_replace(Stage::Ending);
        self.ending
    }
}

impl Ending {
    async fn all_ended(&mut self) {
        while let Some(ended) = self.tasks.join_next().await {
            note_end(ended);
        }
    }

    /// Ends all connections at once. Those without a request lose nothing.
    async fn cut(mut self, why: Impatience) -> Result<Drained, CutShort> {
        let (connections, requests) = (self.tasks.len(), self.shared.requests.under_way());
        self.tasks.shutdown().await;
        if requests == 0 && why == Impatience::TimeUp {
            return Ok(Drained { connections });
        }
        Err(CutShort { requests, why })
    }
}

/// The connections in the kernel's queue. The kernel is asked itself: under load the runtime has not yet heard of the
/// last ones, and whoever is still in the queue when it closes is cut.
fn queued(listener: &TcpListener) -> impl Iterator<Item = (TcpStream, SocketAddr)> + use<> {
    let same = listener.as_fd().try_clone_to_owned().map(std::net::TcpListener::from).ok();
    std::iter::from_fn(move || {
        let (stream, peer) = same.as_ref()?.accept().ok()?;
        stream.set_nonblocking(true).ok()?;
        Some((TcpStream::from_std(stream).ok()?, peer))
    })
}

fn note_end(ended: Result<(), tokio::task::JoinError>) {
    if let Err(error) = ended {
        tracing::error!(%error, "a connection ended in a panic");
    }
}
