//! How the server stops: first it leaves, then it ends.
//!
//! Who sends requests here, a load balancer or a client with an open connection, learns of a stop only by and by.
//! So for a while new connections are still taken and everything is answered, and each answer says that it is the
//! connection's last.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use tokio::sync::watch;

/// How far the server is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Stage {
    /// Nobody asked it to stop.
    Serving,
    /// It answers everything and sends everybody away: `Connection: close`, GOAWAY.
    Leaving,
    /// It takes nothing new; requests under way are answered.
    Ending,
}

/// Tells how far the server is.
pub(super) type Stages = watch::Receiver<Stage>;

/// Both ends, at [`Stage::Serving`].
pub(super) fn stages() -> (watch::Sender<Stage>, Stages) {
    watch::channel(Stage::Serving)
}

/// Counts the requests under way on all connections.
#[derive(Debug, Clone, Default)]
pub(super) struct Requests(Arc<AtomicUsize>);

impl Requests {
    pub(super) fn begin(&self) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }

    pub(super) fn end(&self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }

    pub(super) fn under_way(&self) -> usize {
        self.0.load(Ordering::Relaxed)
    }
}

/// The server stopped and every request was answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Drained {
    /// Connections that were open when the server took no new ones any more.
    pub connections: usize,
}

/// The server stopped before every request was answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("stopped; requests that were cut off: {requests} ({why})")]
pub struct CutShort {
    /// Requests whose answer was cut off.
    pub requests: usize,
    /// What ended the wait.
    pub why: Impatience,
}

/// What ended the wait for the last requests.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Impatience {
    /// [`Limits::stop_timeout`](super::Limits::stop_timeout) passed.
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
